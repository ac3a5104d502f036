package node

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/api"
	"unibus/internal/plan"
)

// TestBadFiles damages the file of a running node in every way. Nothing changes for clients, reload and status say what is
// wrong, and the next good file goes through.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1")
	l.ship(l.text())
	l.startAll()
	h := l.nodes["n1"]
	file := h.path("unibus.hcl")
	var disconnects atomic.Int64
	kv := l.rooms(l.dialFirst("n1", nats.DisconnectErrHandler(func(*nats.Conn, error) { disconnects.Add(1) })))
	good := l.text()
	overwrite := func(text string) func() error {
		return func() error { return os.WriteFile(file, []byte(text), 0o600) }
	}
	inPlaceOf := func(make func(string) error) func() error {
		return func() error {
			if err := os.Remove(file); err != nil {
				return err
			}
			return make(file)
		}
	}
	for _, test := range []struct {
		name   string
		damage func() error
		want   string // in what reload answers
	}{
		{"half", overwrite(good[:len(good)/2]), "is not closed"},
		{"empty", overwrite(""), "is empty"},
		{"deleted", inPlaceOf(func(string) error { return nil }), "no such file"},
		{"a directory", inPlaceOf(func(name string) error { return os.Mkdir(name, 0o700) }), "is not a regular file"},
		{"a pipe", inPlaceOf(func(name string) error { return syscall.Mkfifo(name, 0o600) }), "is not a regular file"},
		{"a link to nowhere", inPlaceOf(func(name string) error { return os.Symlink("/nowhere", name) }), "no such file"},
		{"a circle of links", inPlaceOf(func(name string) error { return os.Symlink(name, name) }), "too many levels"},
		{"endless", inPlaceOf(func(name string) error { return os.Symlink("/dev/zero", name) }), "is not a regular file"},
		{"zeros", overwrite(strings.Repeat("\x00", 4096)), "UB10"},
		{"brackets", overwrite(strings.Repeat("[", 60<<10)), "UB10"},
		{"another kind of file", overwrite("-----BEGIN CERTIFICATE-----\n"), "UB1001"},
		{"a template", overwrite(strings.Replace(good, "127.0.0.1", "{{ address }}", 1)), "UB1"},
		{"a misspelt word", overwrite(strings.Replace(good, "description", "descriptio", 1)), "descriptio"},
		{"a value that cannot be", overwrite(strings.Replace(good, "\"1GiB\"", "\"1GiBB\"", 1)), "has to be a size"},
		{"a secret that is not there", overwrite(strings.Replace(good, "/route\")", "/rote\")", 1)), "rote"},
		{"without this node", overwrite(strings.Replace(good, "\"n1\"", "\"n9\"", 1)), "gone from the file"},
		{"renamed", overwrite(strings.Replace(good, "\"unibus\"", "\"omnibus\"", 1)), "orphan every stream"},
		{"a certificate that is not there", overwrite(strings.Replace(good, "  jetstream {", "  tls {\n    ca_file = \"/no/ca\"\n    cert_file = \"/no/cert\"\n    key_file = \"/no/key\"\n  }\n  jetstream {", 1)), "/no/"},
		{"a certificate that is a pipe", func() error {
			pipe := l.path("pipe")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				return err
			}
			return overwrite(strings.Replace(good, "  jetstream {", fmt.Sprintf("  tls {\n    ca_file = \"/no/ca\"\n    cert_file = %q\n    key_file = \"/no/key\"\n  }\n  jetstream {", pipe), 1))()
		}, "pipe is not a regular file"},
		{"a secret that is a pipe", func() error {
			return overwrite(strings.Replace(good, "/route\")", "/pipe\")", 1))()
		}, "pipe"},
		{"enormous", func() error { return os.Truncate(file, 64<<20) }, "UB10"},
	} {
		t.Run(test.name, func(t *testing.T) {
			before, err := h.own()
			if err != nil {
				t.Fatal(err)
			}
			if err := test.damage(); err != nil {
				t.Fatal(err)
			}
			r := h.reload(api.ReloadRequest{})
			if said := fmt.Sprintf("%+v", r); r.Result != api.ReloadRefused || !strings.Contains(said, test.want) {
				t.Errorf("reload said %s, want %q in it", said, test.want)
			}
			s, err := h.status()
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(fmt.Sprint(s.Problems), "UB2206") || *s.Nodes[0].ConfigDigest != *before.ConfigDigest {
				t.Errorf("status says %+v, and has %s", s.Problems, *s.Nodes[0].ConfigDigest)
			}
			if _, err := kv.Put(t.Context(), "key", []byte(test.name)); err != nil {
				t.Error(err)
			}
			next := l.text("round 0", "after "+test.name)
			if err := os.RemoveAll(file); err != nil {
				t.Fatal(err)
			}
			l.ship(next)
			if r := h.applied(next); r.Trigger != byFile || r.Result != api.ReloadApplied {
				t.Errorf("the next good file: %+v", r)
			}
		})
	}
	if disconnects.Load() > 0 {
		t.Errorf("a client was disconnected %d times", disconnects.Load())
	}
}

// TestCutFiles cuts the file anywhere, as an interrupted copy does. No part of it is ever taken.
func TestCutFiles(t *testing.T) {
	t.Parallel()
	cuts := 100
	if testing.Short() {
		cuts = 10
	}
	l := newLab(t, "n1")
	l.ship(l.text())
	l.startAll()
	h := l.nodes["n1"]
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	before, err := h.own()
	if err != nil {
		t.Fatal(err)
	}
	for range cuts {
		good := l.text("round 0", fmt.Sprintf("round %d", random.Int()))
		text := good[:1+random.IntN(len(strings.TrimSpace(good))-1)]
		if err := os.WriteFile(h.path("unibus.hcl"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		h.refuses(text)
	}
	after, err := h.own()
	if err != nil {
		t.Fatal(err)
	}
	if *after.ConfigDigest != *before.ConfigDigest {
		t.Error("a part of a file was taken")
	}
	good := l.text("round 0", "round 1")
	l.ship(good)
	h.applied(good)
}

// TestTooBig takes steps that are refused unless they are asked for.
func TestTooBig(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1", "n2", "n3", "n4")
	l.names = l.names[:3]
	l.ship(l.text())
	l.startAll()
	h := l.nodes["n1"]
	only := func(names ...string) string {
		all := l.names
		l.names = names
		defer func() { l.names = all }()
		return l.text()
	}
	for _, test := range []struct {
		name, text, want, accept string
	}{
		{"a majority is gone", only("n1", "n4"), "2 of 3 nodes are gone", plan.AcceptRemovedNodes},
		{"this node is gone", only("n2", "n3"), "which runs here, is gone", ""},
		{"one of several", only("n1"), "one node and several nodes store differently", ""},
		{"no JetStream", strings.Replace(strings.Replace(l.text(), "  node \"n1\" {", "  node \"n1\" {\n    jetstream { enabled = false }", 1), "bucket \"rooms\" { description = \"round 0\" }", "bucket \"rooms\" { replicas = 1 }", 1), "JetStream would be switched off", plan.AcceptNoJetStream},
		{"another store", l.text("/store\"", "/other\""), "would leave its store", plan.AcceptNewStore},
		{"a moved address", l.text("\"n1\" {\n    address      = \"127.0.0.1\"\n    client_port  = "+fmt.Sprint(l.ports["n1"][0])+"\n    cluster_port = "+fmt.Sprint(l.ports["n1"][1]),
			"\"n1\" {\n    address      = \"127.0.0.1\"\n    client_port  = "+fmt.Sprint(l.ports["n1"][0])+"\n    cluster_port = "+fmt.Sprint(l.ports["n2"][1]),
			"\"n2\" {\n    address      = \"127.0.0.1\"\n    client_port  = "+fmt.Sprint(l.ports["n2"][0])+"\n    cluster_port = "+fmt.Sprint(l.ports["n2"][1]),
			"\"n2\" {\n    address      = \"127.0.0.1\"\n    client_port  = "+fmt.Sprint(l.ports["n2"][0])+"\n    cluster_port = "+fmt.Sprint(l.ports["n1"][1])), "was that of node", plan.AcceptMovedAddress},
	} {
		t.Run(test.name, func(t *testing.T) {
			l.ship(test.text, "n1")
			r := h.refuses(test.text)
			if said := fmt.Sprintf("%+v", r.Problems); !strings.Contains(said, test.want) {
				t.Errorf("it said %s %+v", said, r.Diagnostics)
			}
			if dry := h.reload(api.ReloadRequest{DryRun: true}); dry.Result != api.ReloadRefused || len(dry.Problems) == 0 {
				t.Errorf("a dry run says %+v", dry)
			}
			if test.accept == "" {
				return
			}
			if dry := h.reload(api.ReloadRequest{DryRun: true, Accept: []string{test.accept}}); dry.Result != api.ReloadDryRun || dry.Plan == nil {
				t.Errorf("a dry run that accepts %s says %+v", test.accept, dry)
			}
		})
	}
	l.ship(l.text())
	h.applied(l.text())
	accepted := only("n1", "n4")
	l.ship(accepted, "n1")
	h.refuses(accepted)
	if r := h.reload(api.ReloadRequest{Accept: []string{plan.AcceptRemovedNodes}}); r.Result != api.ReloadApplied {
		t.Errorf("it was accepted: %+v", r)
	}
	h.applied(accepted)
}

// TestDryRunLeavesNoTrace asks what would happen and changes nothing, also not what the watcher makes of the file.
func TestDryRunLeavesNoTrace(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1")
	l.ship(l.text())
	l.startAll()
	h := l.nodes["n1"]
	for i := range 20 {
		text := l.text("round 0", fmt.Sprintf("round %d", i+1))
		l.ship(text)
		if r := h.reload(api.ReloadRequest{DryRun: true}); r.Result != api.ReloadDryRun && r.Result != api.ReloadUnchanged {
			t.Errorf("%+v", r)
		}
		if r := h.applied(text); r.Trigger != byFile {
			t.Errorf("%+v", r)
		}
	}
}
