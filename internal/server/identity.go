package server

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/nats-io/nkeys"

	"unibus/config/schema"
)

// Identity is how the daemon logs in to its own server. It lives in memory only, is new at every start of the process,
// and the users made from it may connect in process only, so it is of no use to anybody else.
//
// The zero value is for rendering and checking: its public keys look like any other, but nobody has the private ones.
type Identity struct {
	seed   [sha256.Size]byte
	public *sync.Map // the public keys by account, which take long to compute; nil in the zero value
}

// NewIdentity is a fresh identity.
func NewIdentity() (Identity, error) {
	id := Identity{public: &sync.Map{}}
	if _, err := rand.Read(id.seed[:]); err != nil {
		return Identity{}, err
	}
	return id, nil
}

// PublicKey is the nkey of the daemon's user in the account.
func (id Identity) PublicKey(account string) string {
	if id.public == nil {
		raw := id.rawSeed(account)
		return encode(nkeys.PrefixByteUser, raw[:])
	}
	if public, ok := id.public.Load(account); ok {
		return public.(string)
	}
	kp, err := id.KeyPair(account)
	if err != nil {
		panic(err) // a seed of the right length is always a key pair
	}
	public, err := kp.PublicKey()
	if err != nil {
		panic(err)
	}
	id.public.Store(account, public)
	return public
}

// KeyPair is the key pair that PublicKey belongs to. The zero Identity has none.
func (id Identity) KeyPair(account string) (nkeys.KeyPair, error) {
	if id.public == nil {
		return nil, nkeys.ErrCannotSign
	}
	raw := id.rawSeed(account)
	return nkeys.FromRawSeed(nkeys.PrefixByteUser, raw[:])
}

// Format never prints the seed, under any verb.
func (id Identity) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(schema.Redacted)) }

// rawSeed differs for every account: a user may be in one account only.
func (id Identity) rawSeed(account string) [sha256.Size]byte {
	return sha256.Sum256(append(id.seed[:], account...))
}

func encode(prefix nkeys.PrefixByte, raw []byte) string {
	text, err := nkeys.Encode(prefix, raw)
	if err != nil {
		panic(err) // the prefix is a constant
	}
	return string(text)
}
