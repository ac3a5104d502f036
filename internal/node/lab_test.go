package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"unibus/internal/api"
	"unibus/internal/server"
)

// longest is how long a cluster may take for anything. Electing a new leader takes nats-server 4 to 18 s.
const longest = 90 * time.Second

// eventually repeats f until it succeeds, and fails with its last error.
func eventually(t testing.TB, f func() error) {
	t.Helper()
	var err error
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(longest); time.Now().Before(end); <-tick.C {
		if err = f(); err == nil {
			return
		}
	}
	t.Fatalf("still after %v: %v", longest, err)
}

// routePassword and bobsPassword must never be seen.
const (
	routePassword = "route-password-that-nobody-may-see"
	bobsPassword  = "bobs-password-that-nobody-may-see"
)

// lab is a cluster on the loopback interface. Every node has its own copy of the file, as if it were on a host of its
// own; secrets and certificates are shared.
type lab struct {
	t     testing.TB
	dir   string
	names []string
	ports map[string][3]int // client, cluster and monitor
	nodes map[string]*host
	lease time.Duration
	blind bool // without the collector
}

// host is a node and its host.
type host struct {
	lab  *lab
	name string
	dir  string
	log  *logbook
	hup  chan os.Signal
	step func(string)       // is told what Run does; nil is nobody
	stop context.CancelFunc // nil when it does not run
	done chan struct{}
	err  error // of Run, once done is closed
}

func newLab(t testing.TB, names ...string) *lab {
	t.Helper()
	dir, err := os.MkdirTemp("", "unibus") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l := &lab{t: t, dir: dir, names: names, ports: map[string][3]int{}, nodes: map[string]*host{}}
	ports := l.freePorts(3 * len(names))
	for i, name := range names {
		l.ports[name] = [3]int(ports[3*i:])
		h := &host{lab: l, name: name, dir: filepath.Join(dir, name), log: &logbook{}, hup: make(chan os.Signal, 1)}
		l.nodes[name] = h
		if err := os.Mkdir(h.dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	l.write("route", routePassword)
	l.write("bob", bobsPassword)
	return l
}

// freePorts are n different ports that are the test's own until it ends.
func (l *lab) freePorts(n int) []int {
	l.t.Helper()
	ports, release, err := server.HoldPorts(n)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(release)
	return ports
}

// text is the file. Pairs of strings are replaced in it, each of which must be there.
func (l *lab) text(pairs ...string) string {
	l.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "cluster \"unibus\" {\n")
	for _, name := range l.names {
		p := l.ports[name]
		fmt.Fprintf(&b, `  node %q {
    address      = "127.0.0.1"
    client_port  = %d
    cluster_port = %d
    monitor { port = %d }
  }
`, name, p[0], p[1], p[2])
	}
	fmt.Fprintf(&b, `  secrets {
    route = file("%[1]s/route")
    bob   = file("%[1]s/bob")
  }
  routes {
    user     = "route"
    password = secret.route
  }
  jetstream {
    store_dir        = "%[1]s/store"
    max_file_store   = "1GiB"
    max_memory_store = "64MiB"
  }
  user "bob" { password = secret.bob }
  bucket "rooms" { description = "round 0" }
}
`, l.dir)
	text := b.String()
	for pair := range slices.Chunk(pairs, 2) {
		if !strings.Contains(text, pair[0]) {
			l.t.Fatalf("the file has no %s:\n%s", pair[0], text)
		}
		text = strings.ReplaceAll(text, pair[0], pair[1])
	}
	return text
}

// ship gives a text to the named hosts, or to all, by renaming a new file to the old one.
func (l *lab) ship(text string, names ...string) {
	l.t.Helper()
	if len(names) == 0 {
		names = l.names
	}
	for _, name := range names {
		l.nodes[name].write("unibus.hcl", text)
	}
}

// startAll starts all nodes and waits until the cluster is healthy.
func (l *lab) startAll() {
	l.t.Helper()
	for _, name := range l.names {
		l.nodes[name].start()
	}
	l.healthy()
}

// healthy waits until every running node sees a healthy cluster with all nodes on the same file and nothing pending.
func (l *lab) healthy() {
	l.t.Helper()
	eventually(l.t, func() error {
		for _, h := range l.nodes {
			if h.stop == nil {
				continue
			}
			s, err := h.status()
			if err != nil {
				return err
			}
			if s.Verdict != api.Healthy || len(s.Config.Drifted) > 0 {
				return fmt.Errorf("%s sees %s, drifted %v, problems %v", h.name, s.Verdict, s.Config.Drifted, s.Problems)
			}
			for _, n := range s.Nodes {
				if len(n.PendingRestart) > 0 || n.State != api.StateUp {
					return fmt.Errorf("%s is %s, pending %v", n.Name, n.State, n.PendingRestart)
				}
			}
		}
		return nil
	})
}

// path of a file of the host.
func (h *host) path(name string) string { return filepath.Join(h.dir, name) }

func (h *host) write(name, text string) {
	h.lab.t.Helper()
	replace(h.lab.t, h.path(name), text)
}

// path of a file that all hosts have.
func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

func (l *lab) write(name, text string) {
	l.t.Helper()
	replace(l.t, l.path(name), text)
}

// replace puts a file in place as configuration management does: whole or not at all.
func replace(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
}

func (h *host) start() {
	t := h.lab.t
	t.Helper()
	text, err := os.ReadFile(h.path("unibus.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	f := NewFile(h.path("unibus.hcl"), h.name, "", text)
	if f.Config.Topology == nil {
		t.Fatal(f.Config.Diagnostics)
	}
	f.Reload = h.hup
	ctx, stop := context.WithCancel(context.Background())
	ready := make(chan struct{})
	h.stop, h.done = stop, make(chan struct{})
	go func() {
		defer close(h.done)
		h.err = Run(ctx, Config{
			Topology: f.Config.Topology, Node: h.name, File: f, Socket: h.path("sock"), Version: "test",
			Log: h.log.logger(h.name), Ready: func() { close(ready) }, lease: h.lab.lease, blind: h.lab.blind, step: h.step,
		})
	}()
	t.Cleanup(func() {
		h.end()
		if h.err != nil {
			t.Errorf("%s: %v", h.name, h.err)
		}
		for _, never := range []string{routePassword, bobsPassword, "panic:"} {
			if strings.Contains(h.log.String(), never) {
				t.Errorf("%s has said %q", h.name, never)
			}
		}
		if t.Failed() {
			t.Logf("--- %s:\n%s", h.name, h.log.tail())
		}
	})
	select {
	case <-ready:
	case <-h.done:
		t.Fatalf("%s: %v", h.name, h.err)
	}
}

// end stops the node.
func (h *host) end() {
	if h.stop != nil {
		h.stop()
		<-h.done
		h.stop = nil
	}
}

func (h *host) client() *api.Client { return api.NewClient(h.path("sock")) }

func (h *host) status() (api.Status, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return h.client().Status(ctx)
}

// own is what a node says of itself.
func (h *host) own() (api.Node, error) {
	s, err := h.status()
	for _, n := range s.Nodes {
		if n.Name == h.name {
			return n, err
		}
	}
	return api.Node{}, errors.Join(err, fmt.Errorf("%s does not know itself", h.name))
}

func (h *host) reload(req api.ReloadRequest) api.Reload {
	h.lab.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	r, err := h.client().Reload(ctx, req)
	if err != nil {
		h.lab.t.Fatal(err)
	}
	return r
}

// applied waits until the node has taken up a text, and returns the result of that.
func (h *host) applied(text string) (r api.Reload) {
	h.lab.t.Helper()
	want := NewFile(h.path("unibus.hcl"), h.name, "", []byte(text)).Config.FileHash
	eventually(h.lab.t, func() error {
		n, err := h.own()
		if err != nil {
			return err
		}
		if n.FileHash == nil || *n.FileHash != want {
			return fmt.Errorf("%s has another file; last reload %+v", h.name, n.Reload)
		}
		r = *n.Reload
		return nil
	})
	return r
}

// refuses waits until the node has refused a text, and returns the result of that.
func (h *host) refuses(text string) (r api.Reload) {
	h.lab.t.Helper()
	want := NewFile(h.path("unibus.hcl"), h.name, "", []byte(text)).Config.FileHash
	eventually(h.lab.t, func() error {
		n, err := h.own()
		if err != nil {
			return err
		}
		if n.Reload.Result != api.ReloadRefused || n.Reload.FileHash != want {
			return fmt.Errorf("%s has not refused it; last reload %+v", h.name, n.Reload)
		}
		r = *n.Reload
		return nil
	})
	return r
}

// dialFirst connects bob to a node. He finds his way to the others when it is gone, for as long as one of them is up.
func (l *lab) dialFirst(name string, options ...nats.Option) *nats.Conn {
	l.t.Helper()
	names := slices.Clone(l.names)
	slices.SortStableFunc(names, func(a, b string) int {
		switch name {
		case a:
			return -1
		case b:
			return 1
		}
		return 0
	})
	var urls []string
	for _, n := range names {
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", l.ports[n][0]))
	}
	nc, err := nats.Connect(strings.Join(urls, ","), append([]nats.Option{
		nats.UserInfo("bob", bobsPassword), nats.DontRandomize(), nats.MaxReconnects(-1), nats.ReconnectWait(20 * time.Millisecond),
	}, options...)...)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(nc.Close)
	return nc
}

func (l *lab) js(nc *nats.Conn) jetstream.JetStream {
	l.t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		l.t.Fatal(err)
	}
	return js
}

// rooms is the bucket.
func (l *lab) rooms(nc *nats.Conn) jetstream.KeyValue {
	l.t.Helper()
	js := l.js(nc)
	var kv jetstream.KeyValue
	eventually(l.t, func() (err error) {
		ctx, cancel := context.WithTimeout(l.t.Context(), time.Second)
		defer cancel()
		kv, err = js.KeyValue(ctx, "rooms")
		return err
	})
	return kv
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

// tail is as much of the end as one wants to read, without nats-server's own lines.
func (l *logbook) tail() string {
	var lines []string
	for line := range strings.Lines(l.String()) {
		if !strings.Contains(line, "nats-server:") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-80):], "")
}

// has objects while the log lacks a line with all the words.
func (l *logbook) has(words ...string) error {
	for line := range strings.Lines(l.String()) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			return nil
		}
	}
	return fmt.Errorf("no line with %q", words)
}

func (l *logbook) logger(name string) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Name: name, Output: l, Level: hclog.Debug, TimeFormat: "15:04:05.000"})
}

// dead objects while something listens on a port.
func dead(port int) error {
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil
	}
	_ = conn.Close()
	return fmt.Errorf("something listens on port %d", port)
}
