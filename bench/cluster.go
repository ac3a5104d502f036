package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// kind says what a cluster is made of.
type kind int

const (
	ours kind = iota
	stock
)

// The cluster of most comparisons: three nodes, five declared R3 buckets.
const nodes = 3

var buckets = []string{"rooms", "presence", "users", "locks", "jobs"}

// cluster is three nodes of one kind, each in a process of its own, with empty stores.
type cluster struct {
	kind    kind
	buckets []string
	dir     string
	file    string // the topology
	urls    []string
	tls     *certs // nil for clear text
	login   nkeys.KeyPair
	nodes   []*process
	argv    [][]string
}

// newCluster prepares everything that a start is not to be charged with: the file, certificates, and for stock servers
// the nats.conf that unibus would run itself.
func (r *rig) newCluster(ctx context.Context, k kind, tls bool) (*cluster, error) {
	return r.newClusterOf(ctx, k, tls, buckets)
}

// newClusterOf is newCluster with other buckets.
func (r *rig) newClusterOf(ctx context.Context, k kind, tls bool, buckets []string) (*cluster, error) {
	r.clusters++
	c := &cluster{kind: k, buckets: buckets, dir: filepath.Join(r.dir, fmt.Sprintf("cluster-%d", r.clusters))}
	if err := os.Mkdir(c.dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	if c.login, err = nkeys.CreateUser(); err != nil {
		return nil, err
	}
	if tls {
		if c.tls, err = newCerts(c.dir); err != nil {
			return nil, err
		}
	}
	if err := c.write(); err != nil {
		return nil, err
	}
	for i := range nodes {
		args := []string{r.unibus, "run", "--config", c.file, "--node", nodeName(i)}
		if k == stock {
			conf := filepath.Join(c.dir, nodeName(i)+".conf")
			text, err := output(exec.CommandContext(ctx, r.unibus, "render", "--reveal", "--config", c.file, "--node", nodeName(i)))
			if err != nil {
				return nil, err
			}
			if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
				return nil, err
			}
			args = []string{r.stock, "-c", conf}
		}
		c.argv = append(c.argv, args)
	}
	return c, nil
}

func nodeName(i int) string { return fmt.Sprintf("n%d", i+1) }

// write writes the topology file.
func (c *cluster) write() error {
	user, err := c.login.PublicKey()
	if err != nil {
		return err
	}
	ports, err := freePorts(3 * nodes)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "cluster \"bench\" {\n")
	for i := range nodes {
		p := ports[3*i:]
		fmt.Fprintf(&b, "node %q {\n address = \"127.0.0.1\"\n listen = \"127.0.0.1\"\n", nodeName(i))
		fmt.Fprintf(&b, " client_port = %d\n cluster_port = %d\n monitor { port = %d }\n}\n", p[0], p[1], p[2])
		c.urls = append(c.urls, fmt.Sprintf("nats://127.0.0.1:%d", p[0]))
	}
	if c.tls != nil {
		fmt.Fprintf(&b, "tls {\n ca_file = %q\n cert_file = %q\n key_file = %q\n}\n", c.tls.ca, c.tls.cert, c.tls.key)
	}
	fmt.Fprintf(&b, "jetstream { store_dir = %q }\n", filepath.Join(c.dir, "store"))
	fmt.Fprintf(&b, "user \"bench\" { nkey = %q }\n", user)
	for _, name := range c.buckets {
		fmt.Fprintf(&b, "bucket %q { replicas = 3 }\n", name)
	}
	b.WriteString("}\n")
	c.file = filepath.Join(c.dir, "bench.hcl")
	return os.WriteFile(c.file, []byte(b.String()), 0o600)
}

// freePorts are different ports of the loopback interface that nobody listens on.
func freePorts(n int) (ports []int, err error) {
	for range n {
		l, lerr := net.Listen("tcp", "127.0.0.1:0")
		if lerr != nil {
			return nil, lerr
		}
		defer func() { err = errors.Join(err, l.Close()) }()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// start starts all nodes at once.
func (c *cluster) start() error {
	for i, argv := range c.argv {
		p, err := startProcess(argv, filepath.Join(c.dir, nodeName(i)+".log"))
		if err != nil {
			return err
		}
		c.nodes = append(c.nodes, p)
	}
	return nil
}

// close ends the processes and removes their stores.
func (c *cluster) close() error {
	var errs []error
	for _, p := range c.nodes {
		errs = append(errs, p.kill())
	}
	return errors.Join(append(errs, os.RemoveAll(c.dir))...)
}

// connect is a connection of a client to one node, as soon as it listens.
func (c *cluster) connect(ctx context.Context, node int) (*nats.Conn, error) {
	for {
		nc, err := c.dial(node)
		if err == nil {
			return nc, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		case <-c.nodes[node].done:
			return nil, c.nodes[node].failure()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// dial is one attempt to connect.
func (c *cluster) dial(node int) (*nats.Conn, error) {
	user, err := c.login.PublicKey()
	if err != nil {
		return nil, err
	}
	opts := []nats.Option{nats.Nkey(user, c.login.Sign), nats.NoReconnect(), nats.Timeout(5 * time.Second)}
	if c.tls != nil {
		opts = append(opts, nats.RootCAs(c.tls.ca))
	}
	return nats.Connect(c.urls[node], opts...)
}

// process is one running program.
type process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
}

// startProcess starts a program that writes to a file, as under a service manager.
func startProcess(argv []string, log string) (*process, error) {
	f, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	p := &process{cmd: exec.Command(argv[0], argv[1:]...), log: log, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = f, f
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait()
	}()
	return p, nil
}

// kill ends it and waits for it.
func (p *process) kill() error {
	err := p.cmd.Process.Kill()
	<-p.done
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// failure says why it ended, in its own words.
func (p *process) failure() error {
	text, err := os.ReadFile(p.log)
	return errors.Join(fmt.Errorf("%s ended: %v: %s", filepath.Base(p.cmd.Path), p.cmd.ProcessState, text), err)
}
