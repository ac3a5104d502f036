package node

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"unibus/internal/bootstrap"
	"unibus/internal/hclconf"
	"unibus/internal/server"
)

// TestDev runs the example in this process and uses it as a client that asks for a certificate would.
func TestDev(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	text, err := os.ReadFile("../../examples/magnus-homer-datardos.hcl")
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "tls {", "tls {\n    client_verify = true", 1)
	bus, stop := startDev(t, []byte(changed))
	defer stop()

	if len(bus.Nodes) != 3 || len(bus.Logins) != 1 || len(bus.Assets) != 2 {
		t.Fatalf("the bus has %d nodes, %d logins, %d assets", len(bus.Nodes), len(bus.Logins), len(bus.Assets))
	}
	for _, a := range bus.Assets {
		if a.State != bootstrap.AssetCurrent || a.Replicas != 3 {
			t.Errorf("%s is %s with %d replicas", a, a.State, a.Replicas)
		}
	}
	l := bus.Logins[0]
	if _, err := nats.Connect(l.URL, nats.RootCAs(bus.CAFile)); err == nil {
		t.Error("a client without a certificate got in")
	}
	nc, err := nats.Connect(l.URL, nats.RootCAs(bus.CAFile), nats.ClientCert(l.CertFile, l.KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), "UNIBUS_rooms")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.PutString(t.Context(), "hello", "world"); err != nil {
		t.Error(err)
	}
}

// startDev runs a file until stop is called, which fails the test when Dev had an error.
func startDev(t *testing.T, text []byte) (bus Bus, stop func()) {
	t.Helper()
	c := Load("dev.hcl", text, DevHost())
	if c.Topology == nil {
		t.Fatal(c.Diagnostics)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan Bus, 1), make(chan error, 1)
	go func() {
		done <- Dev(ctx, DevConfig{
			Topology: c.Topology, Dir: t.TempDir(), Log: hclog.NewNullLogger(),
			Ready: func(b Bus) { ready <- b },
		})
	}()
	select {
	case bus = <-ready:
	case err := <-done:
		cancel()
		t.Fatalf("Dev ended: %v", err)
	}
	return bus, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestDevStops ends while the nodes wait for each other.
func TestDevStops(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	c := Load("dev.hcl", []byte(`cluster "dev" {
		node "n1" { address = "127.0.0.1" }
		node "n2" { address = "127.0.0.2" }
		node "n3" { address = "127.0.0.3" }
		bucket "rooms" {}
	}`), DevHost())
	ctx, cancel := context.WithCancel(t.Context())
	err := Dev(ctx, DevConfig{
		Topology: c.Topology, Dir: t.TempDir(), Log: hclog.NewNullLogger(),
		Report: func(string, bootstrap.Status) { cancel() },
		Ready:  func(Bus) {},
	})
	if err != nil {
		t.Error(err)
	}
}

// TestDevFails has a node that cannot run: the others must not go on.
func TestDevFails(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	c := Load("dev.hcl", []byte(`cluster "dev" {
		node "n1" { address = "127.0.0.1" }
		node "n2" { address = "127.0.0.2" }
	}`), DevHost())
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "store"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "store", "n2"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := Dev(t.Context(), DevConfig{
		Topology: c.Topology, Dir: dir, Log: hclog.NewNullLogger(),
		Ready: func(Bus) { t.Error("it is ready") },
	})
	var refused *server.Error
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "node n2: ") {
		t.Errorf("Dev ends with %v", err)
	}
}

// TestDevHost looks at what files and variables give that are not there.
func TestDevHost(t *testing.T) {
	dir := t.TempDir()
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, []byte("real"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("UNIBUS_TEST_THERE", "real")
	h := DevHost()
	if b, err := h.ReadFile(there); err != nil || string(b) != "real" {
		t.Errorf("a file that is there is %q, %v", b, err)
	}
	if v, ok := h.Env("UNIBUS_TEST_THERE"); !ok || v != "real" {
		t.Errorf("a variable that is there is %q, %v", v, ok)
	}
	first, err := h.ReadFile(filepath.Join(dir, "a"))
	if err != nil || len(first) < 16 {
		t.Errorf("a file that is not there is %q, %v", first, err)
	}
	if again, _ := h.ReadFile(filepath.Join(dir, "a")); string(again) != string(first) {
		t.Error("the same file is another one the next time")
	}
	if other, _ := h.ReadFile(filepath.Join(dir, "b")); string(other) == string(first) {
		t.Error("two files are the same")
	}
	if other, _ := DevHost().ReadFile(filepath.Join(dir, "a")); string(other) == string(first) {
		t.Error("it is the same on two hosts")
	}
}

// TestDiagnose looks for the place in the file of what went wrong.
func TestDiagnose(t *testing.T) {
	c := Load("unibus.hcl", []byte(`cluster "unibus" {
		node "magnus" {
			address     = "127.0.0.1"
			client_port = 4333
		}
	}`), hclconf.Host{})
	_, n := c.Topology.Node("magnus")
	d, ok := Diagnose(c, &server.Error{At: &n.ClientPort, Summary: "no", Hint: "yes", Err: fs.ErrPermission})
	if !ok || d.Range.Start.Line != 4 || d.Detail != "no: permission denied" || d.Hint != "yes" {
		t.Errorf("got %+v, %v", d, ok)
	}
	if _, ok := Diagnose(c, errors.New("something else")); ok {
		t.Error("an error without a place has one")
	}
}
