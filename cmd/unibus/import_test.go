package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
)

// stock is a nats-server of its own on the loopback interface, to which a login leads.
type stock struct {
	t     *testing.T
	dir   string
	port  int
	seeds []string // that nobody may see
}

func (s *stock) write(name string, text []byte) string {
	s.t.Helper()
	name = filepath.Join(s.dir, name)
	if err := os.WriteFile(name, text, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return name
}

// start runs a server with a stream, which the login may make.
func (s *stock) start(conf string, login ...nats.Option) {
	s.t.Helper()
	conf = fmt.Sprintf("listen: \"127.0.0.1:%d\"\njetstream { store_dir: %q }\n", s.port, filepath.Join(s.dir, "store")) + conf
	cmd := exec.Command("nats-server", "-c", s.write("nats.conf", []byte(conf)))
	log := &logText{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if s.t.Failed() {
			s.t.Log(log.tail())
		}
	})
	eventually(s.t, func() error {
		nc, err := nats.Connect(s.url(), login...)
		if err != nil {
			return err
		}
		defer nc.Close()
		js, err := jetstream.New(nc)
		if err != nil {
			return err
		}
		_, err = js.CreateOrUpdateStream(s.t.Context(), jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders"}})
		return err
	})
}

func (s *stock) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", s.port) }

// imports looks whether `unibus import` finds the stream with these flags, or ends with an exit status and says something.
func (s *stock) imports(want int, says string, flags ...string) {
	s.t.Helper()
	var stdout, stderr strings.Builder
	cmd := exec.Command("unibus", append([]string{"import", "--server", s.url(), "--account", "APP"}, flags...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var e *exec.ExitError
	got := 0
	if errors.As(err, &e) {
		got = e.ExitCode()
	} else if err != nil {
		s.t.Fatal(err)
	}
	if got != want || !strings.Contains(stdout.String()+stderr.String(), says) {
		s.t.Errorf("import %v: exit status %d, want %d and %q:\n%s%s", flags, got, want, says, &stdout, &stderr)
	}
	for _, secret := range s.seeds {
		if strings.Contains(stderr.String(), secret) {
			s.t.Errorf("import %v shows a secret:\n%s", flags, &stderr)
		}
	}
}

func newStock(t *testing.T) *stock {
	t.Helper()
	return &stock{t: t, dir: t.TempDir(), port: freePorts(t, 1)[0]}
}

const importedStream = "account \"APP\" {\n  stream \"ORDERS\" {\n    subjects = [\"orders\"]\n"

// TestImportOverTLS imports with an nkey from a server that asks clients for a certificate.
func TestImportOverTLS(t *testing.T) {
	t.Parallel()
	s := newStock(t)
	authority := newAuthority(t)
	cert, key := authority.issue(t, "server", "127.0.0.1")
	ca, certFile, keyFile := s.write("ca.pem", authority.pem), s.write("cert.pem", cert), s.write("key.pem", key)
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	s.seeds = []string{string(seedOf(t, user))}
	seed, stranger := s.write("user.nk", seedOf(t, user)), s.write("stranger.nk", seedOf(t, must(t, nkeys.CreateUser)))
	s.start(fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true }\naccounts { APP { jetstream: enabled, users: [ { nkey: %s } ] } }\n",
		certFile, keyFile, ca, publicKey(t, user)), nats.Nkey(publicKey(t, user), user.Sign), nats.RootCAs(ca), nats.ClientCert(certFile, keyFile))

	s.imports(0, importedStream, "--nkey", seed, "--ca", ca, "--cert", certFile, "--key", keyFile)
	s.imports(69, "certificate", "--nkey", seed, "--cert", certFile, "--key", keyFile)
	s.imports(69, "try: ", "--nkey", seed, "--ca", ca)
	s.imports(69, "Authorization Violation", "--nkey", stranger, "--ca", ca, "--cert", certFile, "--key", keyFile)
	s.imports(66, "nobody.nk: no such file", "--nkey", filepath.Join(s.dir, "nobody.nk"))
	s.imports(66, "ca.pem: ", "--nkey", ca)
	s.imports(66, "nobody.pem: no such file", "--ca", filepath.Join(s.dir, "nobody.pem"))
	s.imports(66, "nobody.pem: no such file", "--cert", filepath.Join(s.dir, "nobody.pem"), "--key", keyFile)
	s.imports(64, "missing [key]", "--cert", certFile)
}

// TestImportWithCredentials imports from a server whose accounts an operator has signed.
func TestImportWithCredentials(t *testing.T) {
	t.Parallel()
	s := newStock(t)
	operator, account, system, user := must(t, nkeys.CreateOperator), must(t, nkeys.CreateAccount), must(t, nkeys.CreateAccount), must(t, nkeys.CreateUser)
	unlimited := jwt.NewAccountClaims(publicKey(t, account))
	unlimited.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
	trusted := jwt.NewOperatorClaims(publicKey(t, operator))
	trusted.SystemAccount = publicKey(t, system)
	login := encodeJWT(t, jwt.NewUserClaims(publicKey(t, user)), account)
	s.seeds = []string{string(seedOf(t, user)), login}
	creds, err := jwt.FormatUserConfig(login, seedOf(t, user))
	if err != nil {
		t.Fatal(err)
	}
	file := s.write("user.creds", creds)
	s.start(fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload: {\n  %s: %s\n  %s: %s\n}\n",
		encodeJWT(t, trusted, operator), publicKey(t, system),
		publicKey(t, account), encodeJWT(t, unlimited, operator),
		publicKey(t, system), encodeJWT(t, jwt.NewAccountClaims(publicKey(t, system)), operator)), nats.UserCredentials(file))

	s.imports(0, importedStream, "--creds", file)
	s.imports(69, "Authorization Violation")
	s.imports(66, "nobody.creds: no such file", "--creds", filepath.Join(s.dir, "nobody.creds"))
}

func must(t *testing.T, create func() (nkeys.KeyPair, error)) nkeys.KeyPair {
	t.Helper()
	kp, err := create()
	if err != nil {
		t.Fatal(err)
	}
	return kp
}

func seedOf(t *testing.T, kp nkeys.KeyPair) []byte {
	t.Helper()
	seed, err := kp.Seed()
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

func encodeJWT(t *testing.T, claims jwt.Claims, by nkeys.KeyPair) string {
	t.Helper()
	text, err := claims.Encode(by)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
