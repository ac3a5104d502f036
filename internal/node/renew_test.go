package node

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/api"
)

// tlsLab is a lab whose nodes have certificates.
type tlsLab struct {
	*lab
	ca    *issuer
	certs *hostDir
}

func newTLSLab(t *testing.T, names ...string) *tlsLab {
	t.Helper()
	l := &tlsLab{lab: newLab(t, names...), ca: newIssuer(t, "authority")}
	l.certs = &hostDir{dir: l.dir}
	l.certs.write(t, "ca.pem", pemText("CERTIFICATE", l.ca.cert.Raw))
	l.issue()
	return l
}

// issue gives every node a new certificate.
func (l *tlsLab) issue() {
	l.t.Helper()
	for _, name := range l.names {
		l.ca.issue(l.t, l.certs, name, leaf{names: []string{"127.0.0.1", name}})
	}
}

func (l *tlsLab) text(pairs ...string) string {
	return l.lab.text(append(pairs, "  jetstream {", fmt.Sprintf(`  tls {
    ca_file   = "%[1]s/ca.pem"
    cert_file = "%[1]s/${node.name}.pem"
    key_file  = "%[1]s/${node.name}-key.pem"
  }
  jetstream {`, l.dir))...)
}

// login connects bob with a password, and returns the serial number of the certificate that he saw.
func (l *tlsLab) login(name, password string) (serial string, err error) {
	roots := x509.NewCertPool()
	roots.AddCert(l.ca.cert)
	nc, err := nats.Connect(fmt.Sprintf("tls://127.0.0.1:%d", l.ports[name][0]), nats.UserInfo("bob", password),
		nats.Secure(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}))
	if err != nil {
		return "", err
	}
	defer nc.Close()
	state, err := nc.TLSConnectionState()
	if err != nil {
		return "", err
	}
	return state.PeerCertificates[0].SerialNumber.String(), nil
}

// shows waits until every node shows another certificate than it did, and returns those it shows now.
func (l *tlsLab) shows(password string, not map[string]string) map[string]string {
	l.t.Helper()
	now := map[string]string{}
	eventually(l.t, func() error {
		for _, name := range l.names {
			serial, err := l.login(name, password)
			if err != nil {
				return err
			}
			if serial == not[name] {
				return fmt.Errorf("%s still shows %s", name, serial)
			}
			now[name] = serial
		}
		return nil
	})
	return now
}

// TestRenew replaces certificates and secrets: with a good file, and with one that is refused meanwhile. No route is
// dropped.
func TestRenew(t *testing.T) {
	t.Parallel()
	l := newTLSLab(t, "n1", "n2", "n3")
	l.ship(l.text())
	l.startAll()
	serials := l.shows(bobsPassword, nil)
	l.issue()
	serials = l.shows(bobsPassword, serials)

	bad := l.text("description", "descriptio")
	l.ship(bad)
	for _, h := range l.nodes {
		h.refuses(bad)
	}
	l.issue()
	serials = l.shows(bobsPassword, serials)
	l.write("bob", "another-"+bobsPassword)
	l.shows("another-"+bobsPassword, nil)
	for _, h := range l.nodes {
		h.refuses(bad)
	}

	// A certificate without its key changes nothing, and the key puts it right.
	key := l.ca
	l.certs.remove(t, "n1-key.pem")
	l.ca = key
	l.issue()
	serials = l.shows("another-"+bobsPassword, serials)

	good := l.text("round 0", "round 1")
	l.ship(good)
	for _, h := range l.nodes {
		h.applied(good)
	}
	// The same reload that an operator asks for sees new certificates, too.
	l.issue()
	for _, h := range l.nodes {
		if r := h.reload(api.ReloadRequest{}); r.Result == api.ReloadRefused {
			t.Errorf("%+v", r)
		}
	}
	l.shows("another-"+bobsPassword, serials)
	for _, h := range l.nodes {
		if err := h.log.has("disconnected: peer"); err == nil {
			t.Errorf("%s has lost a route", h.name)
		}
	}
}

// TestSecretComesLate ships a file before the secret that it needs. It is taken up when the secret is there.
func TestSecretComesLate(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1")
	l.ship(l.text())
	l.startAll()
	h := l.nodes["n1"]
	text := l.text("/bob\")", "/late\")")
	l.ship(text)
	if r := h.refuses(text); !strings.Contains(fmt.Sprint(r.Diagnostics), "late does not exist") {
		t.Errorf("%+v", r)
	}
	l.write("late", "late-"+bobsPassword)
	h.applied(text)
	l.write("late", "later-"+bobsPassword)
	eventually(t, func() error {
		nc, err := nats.Connect(fmt.Sprintf("nats://127.0.0.1:%d", l.ports["n1"][0]), nats.UserInfo("bob", "later-"+bobsPassword))
		if err == nil {
			nc.Close()
		}
		return err
	})
}

// TestUnfitCertificate gives a node certificates that its peers would not accept. It goes on with the one that it has,
// says why, and takes the next good one.
func TestUnfitCertificate(t *testing.T) {
	t.Parallel()
	l := newTLSLab(t, "n1", "n2")
	l.ship(l.text())
	l.startAll()
	serials := l.shows(bobsPassword, nil)
	h := l.nodes["n1"]
	const day = 24 * time.Hour
	for _, c := range []struct {
		by   *issuer
		leaf leaf
		says string
	}{
		{l.ca, leaf{names: []string{"192.0.2.77"}}, "is for 192.0.2.77, and peers dial 127.0.0.1"},
		{newIssuer(t, "stranger"), leaf{names: []string{"127.0.0.1"}}, "does not lead to ca_file"},
		{l.ca, leaf{names: []string{"127.0.0.1"}, from: -2 * day, to: -day}, "expired on"},
		{l.ca, leaf{names: []string{"127.0.0.1"}, from: day, to: 2 * day}, "is not valid before"},
	} {
		c.by.issue(t, l.certs, "n1", c.leaf)
		eventually(t, func() error {
			n, err := h.own()
			if err != nil {
				return err
			}
			if n.Reload.Result != api.ReloadRefused || !strings.Contains(fmt.Sprint(n.Reload.Diagnostics), c.says) {
				return fmt.Errorf("want a refusal that says %q, got %+v", c.says, n.Reload)
			}
			return nil
		})
		if now, err := l.login("n1", bobsPassword); err != nil || now != serials["n1"] {
			t.Errorf("%s: n1 shows %s, want %s, %v", c.says, now, serials["n1"], err)
		}
	}
	l.issue()
	l.shows(bobsPassword, serials)
}
