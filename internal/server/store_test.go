package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
)

// contents are all paths below a directory, with the time and size of every file.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			fmt.Fprintln(&b, path, info.Mode(), info.ModTime(), info.Size())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// refused starts a node that must not start, and finds the place at fault and the store untouched.
func refused(t *testing.T, topology *schema.Topology, at any, words ...string) *Error {
	t.Helper()
	n := topology.Nodes()[0]
	before := contents(t, n.JetStream.StoreDir)
	r, err := tryStart(t, topology, n.Name)
	if err == nil {
		t.Fatalf("%s started", r.nats.Name())
	}
	e := errorAs(t, err)
	if e.At != at {
		t.Errorf("%v is at the wrong place", err)
	}
	for _, w := range words {
		if !strings.Contains(e.Error()+e.Hint, w) {
			t.Errorf("%v (%s) does not say %q", err, e.Hint, w)
		}
	}
	if after := contents(t, n.JetStream.StoreDir); after != before {
		t.Errorf("the store has changed from\n%s to\n%s", before, after)
	}
	return e
}

func TestTakenPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).Port
	for setting, port := range map[string]func(*schema.Node) *int{
		"client_port":  func(n *schema.Node) *int { return &n.ClientPort },
		"cluster_port": func(n *schema.Node) *int { return &n.ClusterPort },
		"monitor.port": func(n *schema.Node) *int { return &n.Monitor.Port },
	} {
		t.Run(setting, func(t *testing.T) {
			topology := loopback(t, nil, "magnus", "homer")
			at := port(topology.Nodes()[0])
			*at = taken
			e := refused(t, topology, at, setting, fmt.Sprint(taken), "another program")
			if !errors.Is(e, syscall.EADDRINUSE) {
				t.Errorf("cause %v", e.Err)
			}
		})
	}
	t.Run("listen", func(t *testing.T) {
		topology := loopback(t, nil, "magnus", "homer")
		n := topology.Nodes()[0]
		n.Listen = "192.0.2.1"
		refused(t, topology, &n.Listen, "address of this host")
	})
}

// TestTakenPortAtTheLastMoment is a port that was free when it was looked at.
func TestTakenPortAtTheLastMoment(t *testing.T) {
	for setting, pick := range map[string]func(*schema.Node) int{
		"client":  func(n *schema.Node) int { return n.ClientPort },
		"cluster": func(n *schema.Node) int { return n.ClusterPort },
	} {
		t.Run(setting, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			topology := loopback(t, nil, "magnus", "homer")
			s, err := newServer(mustConf(t, topology, "magnus"), (&logbook{}).logger("magnus"))
			if err != nil {
				t.Fatal(err)
			}
			l, err := net.Listen("tcp", hostPort("127.0.0.1", pick(topology.Nodes()[0])))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			err = s.run(ctx, func(*Server) { t.Error("it got ready") })
			if err == nil || !strings.Contains(err.Error(), "address already in use") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestStoreInUse(t *testing.T) {
	topology := loopback(t, nil, "magnus", "homer")
	start(t, topology, "magnus")
	second := loopback(t, nil, "magnus", "homer") // on other ports
	n := second.Nodes()[0]
	n.JetStream.StoreDir = topology.Nodes()[0].JetStream.StoreDir
	s, err := openStore(mustConf(t, second, "magnus"))
	if s != nil {
		s.close()
		t.Fatal("the store was opened twice")
	}
	e := errorAs(t, err)
	if e.At != &n.JetStream.StoreDir || !strings.Contains(e.Summary, filepath.Join(n.JetStream.StoreDir, "magnus")) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat("/proc/locks"); err == nil && !strings.Contains(e.Summary, fmt.Sprintf("process %d", os.Getpid())) {
		t.Logf("the holder is not named: %v", err)
	}
}

func TestLockPID(t *testing.T) {
	table := filepath.Join(t.TempDir(), "locks")
	lines := "1: POSIX  ADVISORY  WRITE 1 fd:01:42 0 EOF\n2: FLOCK  ADVISORY  WRITE 0 fd:01:43 0 EOF\n3: FLOCK  ADVISORY  WRITE 4711 fd:01:42 0 EOF\n"
	if err := os.WriteFile(table, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	for inode, want := range map[string]string{"42": "4711", "43": "", "2": "", "": ""} {
		if got := lockPID(table, inode); got != want {
			t.Errorf("inode %q: %q, want %q", inode, got, want)
		}
	}
	if got := lockPID(table+"-", "42"); got != "" {
		t.Errorf("no table: %q", got)
	}
}

func TestUnusableStore(t *testing.T) {
	topology := loopback(t, nil, "magnus")
	n := topology.Nodes()[0]
	path := filepath.Join(n.JetStream.StoreDir, "magnus")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, topology, &n.JetStream.StoreDir, path, "not a directory")
	if os.Geteuid() == 0 {
		return // nothing is forbidden to root
	}
	topology = loopback(t, nil, "magnus")
	n = topology.Nodes()[0]
	if err := os.Chmod(n.JetStream.StoreDir, 0o500); err != nil {
		t.Fatal(err)
	}
	if e := refused(t, topology, &n.JetStream.StoreDir); !errors.Is(e, fs.ErrPermission) {
		t.Errorf("cause %v", e.Err)
	}
}

// TestFrozen changes, over a store that holds something, what can never change.
func TestFrozen(t *testing.T) {
	topology := loopback(t, nil, "magnus", "homer")
	nodes := []*running{start(t, topology, "magnus"), start(t, topology, "homer")}
	eventually(t, formed(nodes...))
	for _, n := range nodes {
		if err := n.stop(); err != nil {
			t.Fatal(err)
		}
	}
	change := func(f func(*schema.Cluster)) *schema.Topology { return next(topology, f) }

	renamed := change(func(c *schema.Cluster) { c.Name = "renamed" })
	refused(t, renamed, &renamed.Clusters[0].Name, `of cluster "unibus"`, `"renamed"`, "unibus backup")

	alone := change(func(c *schema.Cluster) { c.Nodes = c.Nodes[:1] })
	refused(t, alone, &alone.Clusters[0].Name, "the only node", "empty stores")

	dir := topology.Nodes()[0].JetStream.StoreDir
	if err := os.Rename(filepath.Join(dir, "homer"), filepath.Join(dir, "moved")); err != nil {
		t.Fatal(err)
	}
	moved := change(func(c *schema.Cluster) {
		n := *c.Nodes[1]
		n.Name = "moved"
		c.Nodes = []*schema.Node{&n, c.Nodes[0]}
	})
	refused(t, moved, &moved.Nodes()[0].Name, `that of node "homer"`)

	start(t, topology, "magnus") // and the old file still works
}

// TestStandaloneStaysAlone is the case in which nats-server would delete the data.
func TestStandaloneStaysAlone(t *testing.T) {
	alone := loopback(t, nil, "magnus")
	n := start(t, alone, "magnus")
	js, err := jetstream.New(daemon(t, n, schema.DefaultAccount))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "b"}); err != nil {
		t.Fatal(err)
	}
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	cluster := loopback(t, nil, "magnus", "homer")
	cluster.Nodes()[0].JetStream.StoreDir = alone.Nodes()[0].JetStream.StoreDir
	refused(t, cluster, &cluster.Clusters[0].Name, "the only node of its file", "one of a cluster", "unibus backup")

	// The same without our own file, as another nats-server would have left it.
	if err := os.Remove(filepath.Join(alone.Nodes()[0].JetStream.StoreDir, "magnus", frozenFile)); err != nil {
		t.Fatal(err)
	}
	refused(t, cluster, &cluster.Clusters[0].Name, "the only node of its file")
	start(t, alone, "magnus")
}

// TestEmptyStoreMayChange has nothing to lose.
func TestEmptyStoreMayChange(t *testing.T) {
	alone := loopback(t, nil, "magnus")
	if err := start(t, alone, "magnus").stop(); err != nil {
		t.Fatal(err)
	}
	cluster := loopback(t, nil, "magnus", "homer")
	cluster.Clusters[0].Name = "renamed"
	cluster.Nodes()[0].JetStream.StoreDir = alone.Nodes()[0].JetStream.StoreDir
	start(t, cluster, "magnus")
	b, err := os.ReadFile(filepath.Join(alone.Nodes()[0].JetStream.StoreDir, "magnus", frozenFile))
	if err != nil || !strings.Contains(string(b), `"cluster":"renamed"`) || !strings.Contains(string(b), `"clustered":true`) {
		t.Errorf("%s, %v", b, err)
	}
}

// TestNoStore is a node that stores nothing: it makes no directory either.
func TestNoStore(t *testing.T) {
	topology := loopback(t, nil, "magnus", "homer")
	n := topology.Nodes()[0]
	n.JetStream.Enabled = false
	before := contents(t, n.JetStream.StoreDir)
	start(t, topology, "magnus")
	if after := contents(t, n.JetStream.StoreDir); after != before {
		t.Errorf("store:\n%s", after)
	}
}

// TestUnreadableCertificate names the setting, and writes nothing.
func TestUnreadableCertificate(t *testing.T) {
	ca := newAuthority(t)
	tests := map[string]func(*schema.TLS) *string{
		"ca_file":   func(f *schema.TLS) *string { return &f.CAFile },
		"cert_file": func(f *schema.TLS) *string { return &f.CertFile },
		"key_file":  func(f *schema.TLS) *string { return &f.KeyFile },
	}
	for setting, path := range tests {
		t.Run(setting, func(t *testing.T) {
			topology := loopback(t, ca, "magnus", "homer")
			at := path(topology.Nodes()[0].TLS)
			*at += ".missing"
			if e := refused(t, topology, at, setting, *at); !errors.Is(e, fs.ErrNotExist) {
				t.Errorf("cause %v", e.Err)
			}
		})
	}
	t.Run("another key", func(t *testing.T) {
		topology := loopback(t, ca, "magnus", "homer")
		files := topology.Nodes()[0].TLS
		files.KeyFile = topology.Nodes()[1].TLS.KeyFile
		refused(t, topology, &files.KeyFile, "key_file")
	})
	t.Run("no certificate", func(t *testing.T) {
		topology := loopback(t, ca, "magnus", "homer")
		files := topology.Nodes()[0].TLS
		files.CAFile = files.KeyFile
		refused(t, topology, &files.CAFile, "ca_file")
	})
}

// TestLinks shows what a store remembers of the clusters that it is linked with: nothing while it is empty, then those with
// which it began, and of those no longer the ones that have left the file.
func TestLinks(t *testing.T) {
	topology := supercluster(t)
	dir := t.TempDir()
	for _, n := range topology.Nodes() {
		n.JetStream.StoreDir = dir
	}
	within := func(names ...string) *schema.Topology {
		some := *topology
		some.Clusters = slices.DeleteFunc(slices.Clone(topology.Clusters), func(c *schema.Cluster) bool { return !slices.Contains(names, c.Name) })
		return &some
	}
	for _, step := range []struct {
		node     string
		clusters []string
		without  []string
		began    []string
	}{
		{"east-1", []string{"east"}, nil, []string{"east"}},
		{"east-1", []string{"east", "west"}, nil, []string{"east"}},
		{"west-1", []string{"east", "west"}, nil, []string{"east", "west"}},
		{"west-1", []string{"west"}, nil, []string{"west"}},
		{"west-1", []string{"east", "west"}, nil, []string{"west"}},
		{"west-2", []string{"arbiter", "east", "west"}, []string{"east-1", "east-2", "east-3"}, []string{"arbiter", "west"}},
		{"west-3", []string{"arbiter", "east", "west"}, []string{"east-1"}, []string{"arbiter", "east", "west"}},
	} {
		conf := mustConf(t, within(step.clusters...), step.node).WithoutNodes(step.without)
		before, _, err := Links(conf)
		if _, stat := os.Stat(filepath.Join(conf.storeDir(), "jetstream")); err != nil || (before == nil) != (stat != nil) {
			t.Fatalf("before: %v, %v", before, err)
		}
		st, err := openStore(conf)
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(st.claim(conf), os.MkdirAll(filepath.Join(conf.storeDir(), "jetstream"), 0o700),
			os.WriteFile(filepath.Join(conf.storeDir(), "jetstream", "something"), nil, 0o600))
		st.close()
		if err != nil {
			t.Fatal(err)
		}
		linked, began, err := Links(conf)
		if err != nil || !slices.Equal(linked, step.clusters) || !slices.Equal(began, step.began) {
			t.Errorf("%s with %v: linked with %v, began with %v, %v, want %v", step.node, step.clusters, linked, began, err, step.began)
		}
	}
}
