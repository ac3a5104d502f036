package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"unibus/config/schema"
)

func authority(t *testing.T) *Authority {
	t.Helper()
	a, err := NewAuthority("test CA", time.Now(), 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestHandshake lets two nodes speak TLS 1.3 with each other, in both directions, by address and by name.
func TestHandshake(t *testing.T) {
	a := authority(t)
	roots := x509.NewCertPool()
	roots.AddCert(a.Cert)
	issue := func(n *schema.Node) tls.Certificate {
		p, err := a.Issue(ForNode(n, time.Hour), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		c, err := tls.X509KeyPair(p.Cert, p.Key)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	one := issue(&schema.Node{Name: "one", Address: "2001:db8::1"})
	two := issue(&schema.Node{Name: "two", Address: "two.example.org", Hostname: "ip-10-0-0-2"})
	for _, c := range []struct {
		server, client tls.Certificate
		name           string
		ok             bool
	}{
		{one, two, "2001:db8::1", true},
		{one, two, "one", true},
		{two, one, "two.example.org", true},
		{two, one, "ip-10-0-0-2", true},
		{two, one, "2001:db8::1", false},
	} {
		err := shake(c.server, c.client, roots, c.name)
		if (err == nil) != c.ok {
			t.Errorf("dialling %s: %v, want ok %v", c.name, err, c.ok)
		}
	}
}

// shake is a TLS handshake in which both ends verify each other.
func shake(server, client tls.Certificate, roots *x509.CertPool, name string) error {
	near, far := net.Pipe()
	defer near.Close()
	done := make(chan error, 1)
	go func() {
		defer far.Close()
		done <- tls.Server(far, &tls.Config{
			Certificates: []tls.Certificate{server}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13,
			SessionTicketsDisabled: true, // which nobody would read from the pipe
		}).Handshake()
	}()
	err := tls.Client(near, &tls.Config{Certificates: []tls.Certificate{client}, RootCAs: roots, ServerName: name, MinVersion: tls.VersionTLS13}).Handshake()
	if err != nil {
		near.Close()
	}
	return errors.Join(err, <-done)
}

// TestLife shows that no certificate outlives its authority, and none is made by one that has ended.
func TestLife(t *testing.T) {
	a := authority(t)
	n := &schema.Node{Name: "one", Address: "10.0.0.1"}
	p, err := a.Issue(ForNode(n, 1000*time.Hour), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certs, err := Certificates(p.Cert)
	if err != nil {
		t.Fatal(err)
	}
	if !certs[0].NotAfter.Equal(a.Cert.NotAfter) {
		t.Errorf("the certificate ends at %v, its authority at %v", certs[0].NotAfter, a.Cert.NotAfter)
	}
	if _, err := a.Issue(ForNode(n, time.Hour), time.Now().Add(25*time.Hour)); err == nil {
		t.Error("an authority that has ended issued a certificate")
	}
}

// TestNames shows what stands in a certificate of a node whose name is none that DNS knows.
func TestNames(t *testing.T) {
	l := ForNode(&schema.Node{Name: "east_az1 ü", Address: "10.0.0.1", Hostname: "10.0.0.9"}, time.Hour)
	if len(l.DNS) != 0 || len(l.IPs) != 1 || l.IPs[0].String() != "10.0.0.1" {
		t.Errorf("got %v %v", l.DNS, l.IPs)
	}
	l = ForNode(&schema.Node{Name: "n1", Address: "n1", Hostname: "n1.example.org"}, time.Hour)
	if !slices.Equal(l.DNS, []string{"n1", "n1.example.org"}) || len(l.IPs) != 0 {
		t.Errorf("got %v %v", l.DNS, l.IPs)
	}
}

// TestWrite shows that a key which was open to others is not, once it is written again, and that a file which cannot be
// written leaves nothing behind.
func TestWrite(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a", "key.pem")
	if err := Write(name, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(name, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	if err := Write(filepath.Join(name, "below"), nil, 0o600); err == nil {
		t.Error("wrote below a file")
	}
	left, err := os.ReadDir(filepath.Dir(name))
	if err != nil || len(left) != 1 {
		t.Errorf("left %v, %v", left, err)
	}
}

// TestParseAuthority refuses keys of others.
func TestParseAuthority(t *testing.T) {
	a, b := authority(t), authority(t)
	key, err := b.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseAuthority(a.CertPEM(), key); err == nil {
		t.Error("took the key of another authority")
	}
	if _, err := ParseAuthority(a.CertPEM(), a.CertPEM()); err == nil {
		t.Error("took a certificate for a key")
	}
	got, err := ParseAuthority(append(a.CertPEM(), b.CertPEM()...), key)
	if err != nil || !got.Cert.Equal(b.Cert) {
		t.Errorf("got %v, %v", got, err)
	}
}
