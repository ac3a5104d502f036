package pki

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"unibus/config/schema"
)

// ErrExists is the error about a file that is there already and must not be overwritten.
var ErrExists = errors.New("it is there already")

// Dir is the directory of whoever operates a cluster: the authority in pki, and in hosts a directory for each node with
// the files that go to its host. What the unibus file places below /etc/unibus is in there without that prefix; the
// absolute path stands in for anything else.
type Dir string

// hostRoot is the directory of a host that its directory in hosts stands for.
const hostRoot = "/etc/unibus"

// Host is the directory of one node.
func (d Dir) Host(node string) string { return filepath.Join(string(d), "hosts", node) }

// At is where the file lies that the unibus file places at a path on the host of a node.
func (d Dir) At(node, path string) string {
	if below, ok := strings.CutPrefix(path, hostRoot+"/"); ok {
		path = below
	}
	return filepath.Join(d.Host(node), filepath.FromSlash(path))
}

// CertFile has the certificate of the authority, and while it is being replaced that of the one before as well.
func (d Dir) CertFile() string { return filepath.Join(string(d), "pki", "ca.pem") }

// KeyFile has the private key of the authority.
func (d Dir) KeyFile() string { return filepath.Join(string(d), "pki", "ca-key.pem") }

// Create writes a new authority. It never replaces one, which would cut off every certificate that the old one signed,
// unless it is told to.
func (d Dir) Create(a *Authority, force bool) error {
	if !force {
		if err := Free(d.CertFile(), d.KeyFile()); err != nil {
			return err
		}
	}
	return d.write(a, a.CertPEM())
}

// write writes the authority that signs, and the certificates of all that are trusted.
func (d Dir) write(a *Authority, certs []byte) error {
	key, err := a.KeyPEM()
	if err != nil {
		return err
	}
	return errors.Join(Write(d.KeyFile(), key, 0o600), Write(d.CertFile(), certs, 0o644))
}

// Load is the authority that signs, and all that are trusted as PEM text.
func (d Dir) Load() (a *Authority, certs []byte, err error) {
	if certs, err = os.ReadFile(d.CertFile()); err != nil {
		return nil, nil, err
	}
	key, err := os.ReadFile(d.KeyFile())
	if err != nil {
		return nil, nil, err
	}
	if a, err = ParseAuthority(certs, key); err != nil {
		return nil, nil, fmt.Errorf("%s and %s: %w", d.CertFile(), d.KeyFile(), err)
	}
	return a, certs, nil
}

// Rotate puts a new authority in front of the one there is, which stays trusted until Retire.
func (d Dir) Rotate(a *Authority) error {
	_, certs, err := d.Load()
	if err != nil {
		return err
	}
	return d.write(a, append(a.CertPEM(), certs...))
}

// Retire forgets every authority but the one that signs. It refuses as long as the certificate of a node was signed by
// another one.
func (d Dir) Retire(nodes []*schema.Node) error {
	a, _, err := d.Load()
	if err != nil {
		return err
	}
	for _, n := range nodes {
		leaf, err := d.Leaf(n)
		switch {
		case err != nil:
			return err
		case !a.Signed(leaf):
			return fmt.Errorf("the certificate of node %q was signed by an authority that would be forgotten", n.Name)
		}
	}
	return d.write(a, a.CertPEM())
}

// Leaf is the certificate of a node.
func (d Dir) Leaf(n *schema.Node) (*x509.Certificate, error) {
	name := d.At(n.Name, n.TLS.CertFile)
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	all, err := Certificates(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return all[0], nil
}

// Issue writes a new certificate, its key and the trusted authorities for the host of a node.
func (d Dir) Issue(n *schema.Node, life time.Duration, now time.Time) error {
	a, _, err := d.Load()
	if err != nil {
		return err
	}
	pair, err := a.Issue(ForNode(n, life), now)
	if err != nil {
		return err
	}
	if err := Write(d.At(n.Name, n.TLS.KeyFile), pair.Key, 0o600); err != nil {
		return err
	}
	if err := Write(d.At(n.Name, n.TLS.CertFile), pair.Cert, 0o644); err != nil {
		return err
	}
	return d.Trust(n)
}

// Trust writes the trusted authorities for the host of a node.
func (d Dir) Trust(n *schema.Node) error {
	certs, err := os.ReadFile(d.CertFile())
	if err != nil {
		return err
	}
	name := d.At(n.Name, n.TLS.CAFile)
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, certs) {
		return nil
	}
	return Write(name, certs, 0o644)
}

// Free makes sure that none of the files exists.
func Free(names ...string) error {
	i := slices.IndexFunc(names, func(name string) bool { _, err := os.Lstat(name); return !errors.Is(err, fs.ErrNotExist) })
	if i < 0 {
		return nil
	}
	return fmt.Errorf("%s: %w", names[i], ErrExists)
}

// Write writes a file as a whole or not at all, with exactly the given permissions, and the directories above it, which
// only the owner may enter.
func Write(name string, text []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return replace(name, text, mode)
}
