// Package pki is the certificates of a cluster: an authority, and for every node a certificate that both ends of a route
// accept. The commands issue from it, and so does `unibus dev` for its throw-away cluster.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"regexp"
	"slices"
	"sync"
	"time"

	"unibus/config/schema"
)

// skew is how far a certificate begins in the past, for hosts whose clocks are behind.
const skew = time.Hour

// Authority signs certificates.
type Authority struct {
	// Cert is its own certificate.
	Cert *x509.Certificate

	key crypto.Signer
}

// NewAuthority makes an authority with a new key that is valid from now on for the given time.
func NewAuthority(name string, now time.Time, life time.Duration) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	id := sha256.Sum256(public)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-skew), NotAfter: now.Add(life),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, // it signs leaves only
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: id[:20],
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &Authority{cert, key}, err
}

// ParseAuthority reads an authority from its certificate and its key in PEM form. Where there are several certificates,
// as while an authority is being replaced, it is the one that the key belongs to.
func ParseAuthority(certs, key []byte) (*Authority, error) {
	all, err := Certificates(certs)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(key)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("no PEM private key")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T does not sign", parsed)
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	i := slices.IndexFunc(all, func(c *x509.Certificate) bool { return ok && public.Equal(c.PublicKey) })
	switch {
	case i < 0:
		return nil, errors.New("the key belongs to none of the certificates")
	case !all[i].IsCA:
		return nil, errors.New("the certificate is not one of an authority")
	}
	return &Authority{all[i], signer}, nil
}

// CertPEM is the authority's certificate.
func (a *Authority) CertPEM() []byte { return encode("CERTIFICATE", a.Cert.Raw) }

// KeyPEM is the authority's private key.
func (a *Authority) KeyPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	return encode("PRIVATE KEY", der), err
}

// Signed tells whether this authority signed a certificate. Its name is not enough: two authorities may share one.
func (a *Authority) Signed(leaf *x509.Certificate) bool {
	return leaf.CheckSignatureFrom(a.Cert) == nil
}

// Leaf is what a certificate is for.
type Leaf struct {
	// Name is the common name, which is only there for people.
	Name string
	// DNS and IPs are the subject alternative names.
	DNS []string
	IPs []net.IP
	// Life is how long the certificate is valid, unless its authority ends first.
	Life time.Duration
}

// dnsName is what may stand in a certificate as the name of a host. Few commands need it.
var dnsName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?i:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.?$`)
})

// ForNode is a certificate for the address that peers and clients dial, and for the names of the node.
func ForNode(n *schema.Node, life time.Duration) Leaf {
	l := Leaf{Name: n.Name, Life: life}
	if ip := net.ParseIP(n.Address); ip != nil {
		l.IPs = []net.IP{ip}
	}
	for _, name := range []string{n.Address, n.Name, n.Hostname} {
		if net.ParseIP(name) == nil && dnsName().MatchString(name) && !slices.Contains(l.DNS, name) {
			l.DNS = append(l.DNS, name)
		}
	}
	return l
}

// Pair is a certificate and its private key, in PEM form.
type Pair struct{ Cert, Key []byte }

// Issue makes a new key and a certificate for both ends of a connection.
func (a *Authority) Issue(l Leaf, now time.Time) (Pair, error) {
	if !now.Before(a.Cert.NotAfter) {
		return Pair{}, fmt.Errorf("the authority %q has expired on %s", a.Cert.Subject.CommonName, a.Cert.NotAfter.UTC().Format(time.DateOnly))
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, err
	}
	serial, err := newSerial()
	if err != nil {
		return Pair{}, err
	}
	end := now.Add(l.Life)
	if end.After(a.Cert.NotAfter) {
		end = a.Cert.NotAfter
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: l.Name},
		NotBefore: now.Add(-skew), NotAfter: end, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    l.DNS, IPAddresses: l.IPs,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.Cert, key.Public(), a.key)
	if err != nil {
		return Pair{}, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	return Pair{encode("CERTIFICATE", der), encode("PRIVATE KEY", keyDER)}, err
}

// Certificates are the certificates of a PEM text.
func Certificates(text []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, cert)
	}
	if len(all) == 0 {
		return nil, errors.New("no PEM certificate")
	}
	return all, nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// newSerial is a positive number of at most 20 bytes, which is what RFC 5280 (4.1.2.2) allows.
func newSerial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 159))
}
