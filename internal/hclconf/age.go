package hclconf

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"

	"unibus/config/schema"
)

// AgeKeyFile is where the age key of a host is, where UNIBUS_AGE_KEY names no other file.
const AgeKeyFile = "/etc/unibus/age.key"

// sshHostKey stands in for it on a host without one.
const sshHostKey = "/etc/ssh/ssh_host_ed25519_key"

// AgeKeys are the files in which this host has its age keys.
func AgeKeys() []string {
	if name := os.Getenv("UNIBUS_AGE_KEY"); name != "" {
		return []string{name}
	}
	return []string{AgeKeyFile, sshHostKey}
}

// OpenAge decrypts what age() holds on the host of a node, with the keys in files that are read when they are needed. The
// node is "" on a machine that is none.
func OpenAge(node string, files []string, read func(name string) ([]byte, error)) func(ciphertext string) (string, error) {
	return func(ciphertext string) (string, error) {
		keys, from, err := ageIdentities(node, files, read)
		if err != nil {
			return "", err
		}
		return openAge(node, from, ciphertext, keys)
	}
}

// ageIdentities are the keys in the first of the files that is there.
func ageIdentities(node string, files []string, read func(string) ([]byte, error)) (keys []age.Identity, from string, err error) {
	var missing []string
	code, try := codeAgeKey, "copy the key that belongs to this host there, or name its file in UNIBUS_AGE_KEY"
	for _, name := range files {
		text, err := read(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, name+" does not exist")
			continue
		case errors.Is(err, fs.ErrPermission):
			if code, missing = codeSecretDenied, append(missing, name+" cannot be read: permission denied"); !strings.Contains(name, "/ssh_host_") {
				try = "give it to the user that unibus runs as: chown unibus " + name
			}
			continue
		case err != nil:
			missing = append(missing, fmt.Sprintf("%s cannot be read: %v", name, err))
			continue
		}
		keys, err := parseIdentities(text)
		if err != nil {
			return nil, "", &hostError{codeAgeKey, name + " holds no age key", "a key as `unibus secret keygen` or ssh-keygen writes it, without a passphrase"}
		}
		return keys, name, nil
	}
	return nil, "", &hostError{
		code, fmt.Sprintf("%s has no age key to decrypt the secret with: %s", whose(node), strings.Join(missing, ", ")),
		try,
	}
}

// parseIdentities reads age keys, or one SSH key.
func parseIdentities(text []byte) ([]age.Identity, error) {
	if bytes.HasPrefix(text, []byte("-----BEGIN")) {
		key, err := agessh.ParseIdentity(text)
		return []age.Identity{key}, err
	}
	return age.ParseIdentities(bytes.NewReader(text))
}

func openAge(node, from, ciphertext string, keys []age.Identity) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(ciphertext)
	if err != nil {
		return "", notSealed()
	}
	r, err := age.Decrypt(bytes.NewReader(raw), keys...)
	var value []byte
	if err == nil {
		value, err = io.ReadAll(io.LimitReader(r, maxLiteral+1))
	}
	var stranger *age.NoIdentityMatchError
	switch {
	case errors.As(err, &stranger):
		return "", &hostError{
			codeAgeKey, fmt.Sprintf("the secret is not encrypted for the key of %s in %s", whose(node), from),
			"unibus secret rekey, where a key is that can read it, once this host's is among the recipients",
		}
	case err != nil:
		return "", notSealed()
	case len(value) == 0 || len(value) > maxLiteral:
		return "", &hostError{codeAge, fmt.Sprintf("the secret has %d bytes", len(value)), "unibus secret encrypt"}
	}
	return string(value), nil
}

// whose is the owner of a key.
func whose(node string) string {
	if node == "" {
		return "this machine"
	}
	return "node \"" + clip(node) + "\""
}

func notSealed() error {
	return &hostError{codeAge, "this is no age ciphertext, or it was changed", "what `unibus secret encrypt` prints"}
}

// stanzas is how many keys a ciphertext was encrypted for.
func stanzas(ciphertext string) (int, error) {
	raw, err := base64.StdEncoding.DecodeString(ciphertext)
	if err != nil {
		return 0, notSealed()
	}
	header, err := age.ExtractHeader(bytes.NewReader(raw))
	if err != nil {
		return 0, notSealed()
	}
	n := 0
	for line := range bytes.Lines(header) {
		kind, ok := bytes.CutPrefix(line, []byte("-> "))
		if word, _, _ := bytes.Cut(kind, []byte(" ")); ok && !bytes.HasSuffix(bytes.TrimSpace(word), []byte("-grease")) { // which is there for nobody
			n++
		}
	}
	return n, nil
}

// SealAge encrypts a value for recipients, as the text that age() holds.
func SealAge(value string, recipients []string) (string, error) {
	var all []age.Recipient
	for _, text := range recipients {
		r, err := parseRecipient(text)
		if err != nil {
			return "", err
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		return "", errors.New("there is nobody to encrypt for")
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, all...)
	if err != nil {
		return "", err
	}
	if _, err := io.WriteString(w, value); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(sealed.Bytes()), nil
}

// parseRecipient reads a public age key, or a public SSH key.
func parseRecipient(text string) (age.Recipient, error) {
	if strings.HasPrefix(text, "ssh-") {
		return agessh.ParseRecipient(text)
	}
	all, err := age.ParseRecipients(strings.NewReader(text))
	switch {
	case err != nil:
		return nil, err
	case len(all) != 1:
		return nil, errors.New("more than one")
	}
	return all[0], nil
}

// NewAgeKey is a new key as a file of age has it, and the recipient that stands for it.
func NewAgeKey() (file []byte, recipient string, err error) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, "", err
	}
	recipient = key.Recipient().String()
	return fmt.Appendf(nil, "# public key: %s\n%s\n", recipient, key), recipient, nil
}

// Recipients are the keys that secrets of a topology are encrypted for: those of the nodes and those of the operators.
func Recipients(t *schema.Topology) []string {
	all := append([]string(nil), t.AgeRecipients...)
	for _, n := range t.Nodes() {
		if n.AgeRecipient != "" {
			all = append(all, n.AgeRecipient)
		}
	}
	return all
}

// sealedCall is age() with what it holds, in both syntaxes.
var sealedCall = re(`\bage\(\s*\\?"([A-Za-z0-9+/=]*)\\?"\s*\)`)

// Rekey replaces what every age() of a text holds.
func Rekey(text []byte, f func(ciphertext string) (string, error)) ([]byte, int, error) {
	var out []byte
	done, calls := 0, sealedCall().FindAllSubmatchIndex(text, -1)
	for _, at := range calls {
		sealed, err := f(string(text[at[2]:at[3]]))
		if err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", 1+bytes.Count(text[:at[0]], []byte("\n")), err)
		}
		out = append(append(out, text[done:at[2]]...), sealed...)
		done = at[3]
	}
	return append(out, text[done:]...), len(calls), nil
}

// checkRecipients looks at the keys that secrets are encrypted for, and at whether they are.
func (l *loader) checkRecipients(t *schema.Topology) {
	good := true
	for i := range t.AgeRecipients {
		good = l.checkRecipient(&t.AgeRecipients[i]) && good
	}
	for _, n := range t.Nodes() {
		if l.written(&n.AgeRecipient) {
			good = l.checkRecipient(&n.AgeRecipient) && good
		}
	}
	all := Recipients(t)
	if !good || len(all) == 0 {
		return
	}
	for _, n := range l.names.sorted() {
		r := n.expr.Range()
		call := sealedCall().FindSubmatch(l.text[r.Start.Byte:min(r.End.Byte, len(l.text))])
		if call == nil || n.kind != "secret" {
			continue
		}
		if keys, err := stanzas(string(call[1])); err == nil && keys != len(all) {
			l.report(Warning, codeRekey, r, "", "secret %q is encrypted for %s, and the file has %d", clip(n.label), plural(keys, "key"), len(all)).
				try("unibus secret rekey")
		}
		l.checkEveryHost(t, n)
	}
}

// checkEveryHost warns of nodes that can read no secret. Once is enough.
func (l *loader) checkEveryHost(t *schema.Topology, n *name) {
	for _, node := range t.Nodes() {
		if node.AgeRecipient == "" && !l.seen[diagKey{code: codeRekey, text: "hosts"}] {
			l.seen[diagKey{code: codeRekey, text: "hosts"}] = true
			l.warnf(node, codeRekey, "node %q has no age_recipient, so its host cannot read secret %q", clip(node.Name), clip(n.label)).
				try("age_recipient = \"age1…\", as `unibus secret keygen` prints it, then unibus secret rekey")
		}
	}
}

func (l *loader) checkRecipient(at *string) bool {
	if strings.HasPrefix(strings.ToUpper(*at), "AGE-SECRET-KEY-") {
		l.errorf(at, codeRecipient, "this is a private age key, which is a secret").
			try("the public key that belongs to it, age1…; and replace it: it has been in a file")
		return false
	}
	if _, err := parseRecipient(*at); err != nil {
		l.errorf(at, codeRecipient, "%q is no public age or SSH key", clip(*at)).try("age1…, ssh-ed25519 … or ssh-rsa …")
		return false
	}
	return true
}
