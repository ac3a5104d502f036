package server

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"unibus/config/schema"
)

// longest is how long anything may take on a busy machine.
const longest = 90 * time.Second

// eventually polls until check has no objection, and fails with its last one.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(longest); time.Now().Before(deadline); {
		if err = check(); err == nil {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	t.Fatalf("not within %v: %v", longest, err)
}

// freePorts are n different ports that are the test's own until it ends.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	ports, release, err := HoldPorts(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return ports
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // the PEM file of its certificate
	dir  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "test CA"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	a.key, a.cert = sign(t, template, template, nil)
	a.file = filepath.Join(a.dir, "ca.pem")
	writePEM(t, a.file, "CERTIFICATE", a.cert.Raw)
	return a
}

// issue makes the certificate of a node, valid for the names, and returns its files.
func (a *authority) issue(t *testing.T, names ...string) *schema.TLS {
	t.Helper()
	return a.issueAs(t, func(*x509.Certificate) {}, names...)
}

// issueAs is issue with something else about the certificate.
func (a *authority) issueAs(t *testing.T, change func(*x509.Certificate), names ...string) *schema.TLS {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: strings.Join(names, "+")},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	change(template)
	key, cert := sign(t, template, a.cert, a.key)
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(a.dir, strings.Join(names, "+"))
	writePEM(t, base+".pem", "CERTIFICATE", cert.Raw)
	writePEM(t, base+"-key.pem", "EC PRIVATE KEY", der)
	return &schema.TLS{CAFile: a.file, CertFile: base + ".pem", KeyFile: base + "-key.pem", MinVersion: "1.3"}
}

// clientTLS trusts the authority.
func (a *authority) clientTLS() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}
}

func sign(t *testing.T, template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if signer == nil {
		signer = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

const routePassword = "r0ute p@ss/word"

// userKey is the key pair of a client.
func userKey(t *testing.T) (nkeys.KeyPair, string) {
	t.Helper()
	kp, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := kp.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return kp, public
}

// loopback is a cluster of nodes on free ports of 127.0.0.1, with temporary stores. With an authority, they speak TLS.
func loopback(t *testing.T, ca *authority, names ...string) *schema.Topology {
	t.Helper()
	store := t.TempDir()
	ports := freePorts(t, 4*len(names))
	cluster := &schema.Cluster{
		Name: "unibus",
		Routes: &schema.Routes{
			User: "route", Password: schema.NewSecret(routePassword), PoolSize: -1, Compression: "accept",
		},
	}
	for i, name := range names {
		n := &schema.Node{Name: name, Address: "127.0.0.1", Listen: "127.0.0.1"}
		n.ClientPort, n.ClusterPort = ports[4*i], ports[4*i+1]
		n.JetStream = schema.JetStream{
			Enabled: true, StoreDir: store, MaxFileStore: 1 << 30, MaxMemoryStore: 1 << 26, Sync: "always",
		}
		n.Monitor = schema.Monitor{Enabled: true, Listen: "127.0.0.1", Port: ports[4*i+2]}
		n.GatewayPort = ports[4*i+3]
		if ca != nil {
			n.TLS = ca.issue(t, name, "127.0.0.1")
		}
		cluster.Nodes = append(cluster.Nodes, n)
	}
	return &schema.Topology{
		Clusters: []*schema.Cluster{cluster},
		Shared:   schema.Shared{Accounts: []*schema.Account{{Name: schema.DefaultAccount}}},
	}
}

// logbook is a log that a test can read while it is written.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// has objects while the log lacks a line with all the words.
func (l *logbook) has(words ...string) error {
	for line := range strings.Lines(l.String()) {
		ok := true
		for _, w := range words {
			ok = ok && strings.Contains(line, w)
		}
		if ok {
			return nil
		}
	}
	return fmt.Errorf("no line with %q in:\n%s", words, l)
}

func (l *logbook) logger(name string) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Name: name, Output: l, Level: hclog.Debug, DisableTime: true})
}

// running is a node started by a test.
type running struct {
	*Server
	id   Identity
	log  *logbook
	stop func() error // drains and gives the result of Run
	end  chan error   // the result of Run
}

// start runs a node until the test ends, and waits until it listens.
func start(t *testing.T, topology *schema.Topology, name string) *running {
	t.Helper()
	r, err := tryStart(t, topology, name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func tryStart(t *testing.T, topology *schema.Topology, name string) (*running, error) {
	t.Helper()
	id, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewConf(topology, name, id)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{id: id, log: &logbook{}, end: make(chan error, 1)}
	ready := make(chan *Server, 1)
	go func() { r.end <- Run(ctx, c, r.log.logger(name), func(s *Server) { ready <- s }) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-r.end })
	select {
	case err := <-r.end:
		cancel()
		return nil, err
	case r.Server = <-ready:
	}
	t.Cleanup(func() {
		r.StopNow()
		if err := r.stop(); err != nil {
			t.Errorf("stop %s: %v", name, err)
		}
		if t.Failed() {
			t.Logf("log of %s:\n%s", name, r.log)
		}
	})
	return r, nil
}

// formed objects until the nodes have a meta leader and know each other.
func formed(nodes ...*running) func() error {
	return func() error {
		leaders := 0
		for _, n := range nodes {
			m := n.Meta()
			if m.IsLeader {
				leaders++
			}
			if m.Size != len(nodes) || m.Leader == "" || len(n.Peers()) != len(nodes)-1 {
				return fmt.Errorf("%s sees %+v, peers %v", n.nats.Name(), m, n.Peers())
			}
		}
		if leaders != 1 {
			return fmt.Errorf("%d leaders", leaders)
		}
		return nil
	}
}

// nkey logs in with a key pair.
func nkey(kp nkeys.KeyPair) nats.Option {
	public, _ := kp.PublicKey()
	return nats.Nkey(public, kp.Sign)
}

// errorAs is the *Error in err.
func errorAs(t *testing.T, err error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error", err)
	}
	return e
}
