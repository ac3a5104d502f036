package webtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// longest is how long a cluster may take for anything.
const longest = 90 * time.Second

// eventually repeats f until it succeeds, and fails with its last error.
func eventually(t *testing.T, f func() error) {
	t.Helper()
	var err error
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(longest); time.Now().Before(end); <-tick.C {
		if err = f(); err == nil {
			return
		}
	}
	t.Fatalf("still after %v: %v", longest, err)
}

var names = []string{"magnus", "homer", "datardos"}

// cluster is three real daemons on the loopback interface, each with its own copy of the file.
type cluster struct {
	t       *testing.T
	dir     string
	program string
	ports   map[string][3]int
	running map[string]*exec.Cmd
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	dir, err := os.MkdirTemp("", "unibus") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	c := &cluster{t: t, dir: dir, program: filepath.Join(dir, "unibus"), ports: map[string][3]int{}, running: map[string]*exec.Cmd{}}
	build := exec.Command("go", "build", "-trimpath", "-o", c.program, "./cmd/unibus")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var open []net.Listener
	for _, name := range names {
		var ports [3]int
		for i := range ports {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, l)
			ports[i] = l.Addr().(*net.TCPAddr).Port
		}
		c.ports[name] = ports
	}
	for _, l := range open {
		_ = l.Close()
	}
	for _, name := range names {
		c.ship(name, "")
		c.start(name)
	}
	t.Cleanup(func() {
		for _, name := range names {
			c.kill(name)
		}
	})
	return c
}

// ship gives one node its file, with a description for a bucket.
func (c *cluster) ship(name, description string) {
	c.t.Helper()
	var b strings.Builder
	fmt.Fprintln(&b, `cluster "unibus" {`)
	for _, n := range names {
		p := c.ports[n]
		fmt.Fprintf(&b, "  node %q {\n    address = \"127.0.0.1\"\n    client_port = %d\n    cluster_port = %d\n    monitor { port = %d }\n  }\n", n, p[0], p[1], p[2])
	}
	fmt.Fprintf(&b, `  jetstream { store_dir = "%s/store" }
  user "alice" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "UNIBUS_rooms" { description = "%s" }
  bucket "UNIBUS_presence" {}
  bucket "settings" {}
  stream "orders" { subjects = ["orders.>"] }
}
`, c.dir, description)
	path := filepath.Join(c.dir, name+".hcl")
	if err := os.WriteFile(path+".new", []byte(b.String()), 0o600); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) start(name string) {
	c.t.Helper()
	cmd := exec.Command(c.program, "run", "--node", name, "-c", filepath.Join(c.dir, name+".hcl"))
	var log bytes.Buffer
	cmd.Stderr = &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.running[name] = cmd
	c.t.Cleanup(func() {
		if c.t.Failed() {
			c.t.Logf("--- %s:\n%s", name, log.String())
		}
	})
}

// kill ends a node as a crash would.
func (c *cluster) kill(name string) {
	if cmd := c.running[name]; cmd != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		delete(c.running, name)
	}
}

// url is where the page of a node is.
func (c *cluster) url(name string) string {
	return fmt.Sprintf("http://127.0.0.1:%d", c.ports[name][2])
}

// status is the part of the status that these tests need.
type status struct {
	Verdict string
	Settled bool
	Buckets []struct{ Name, Leader string }
}

func (c *cluster) status(name string) (s status, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url(name)+"/api/v1/status", nil)
	if err != nil {
		return s, err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return s, err
	}
	defer func() { _ = res.Body.Close() }()
	return s, json.NewDecoder(res.Body).Decode(&s)
}

// settled waits until a node sees everything well.
func (c *cluster) settled(name string) status {
	c.t.Helper()
	var s status
	eventually(c.t, func() (err error) {
		if s, err = c.status(name); err == nil && !s.Settled {
			err = fmt.Errorf("it is %+v", s)
		}
		return err
	})
	return s
}
