package bootstrap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"unibus/config/schema"
	unibus "unibus/internal/server"
)

// TestMain finds what is left running. nats-server v2.15.2 waits up to 30 s, also after its own end, for the answer to the
// consumer request of a mirror (setupMirrorConsumer), of a source (trySetupSourceConsumer), and of a source that was
// removed (tryDeleteSourcingConsumer).
func TestMain(m *testing.M) {
	const stream = "github.com/nats-io/nats-server/v2/server.(*stream)."
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction(stream+"setupMirrorConsumer.func3"),
		goleak.IgnoreAnyFunction(stream+"trySetupSourceConsumer.func3"),
		goleak.IgnoreAnyFunction(stream+"tryDeleteSourcingConsumer.func1"))
}

// longest is how long anything may take on a busy machine.
const longest = 90 * time.Second

// eventually polls until try succeeds, and fails with its last error.
func eventually(t testing.TB, within time.Duration, try func() error) {
	t.Helper()
	deadline := time.After(within)
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("after %v: %v", within, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// freePorts are ports that are the test's own until it ends.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	ports, release, err := unibus.HoldPorts(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return ports
}

// nodes are the servers of one cluster in this process.
type nodes struct {
	t       testing.TB
	names   []string
	ports   []int // of the routes
	stores  []string
	servers []*server.Server // nil where a node is down
	limits  string           // further text for jetstream{}
	every   time.Duration    // between looks of a run at rest; zero is 50 ms
	silent  bool             // runs do not log
	gone    []Gone           // what runs are told of

	stepDowns atomic.Int32 // that runs have asked for
}

// newNodes starts nothing yet. One node is standalone.
func newNodes(t testing.TB, n int) *nodes {
	t.Helper()
	c := &nodes{t: t, ports: freePorts(t, n), servers: make([]*server.Server, n)}
	for i := range n {
		c.names = append(c.names, fmt.Sprintf("n%d", i+1))
		c.stores = append(c.stores, t.TempDir())
	}
	t.Cleanup(func() {
		for i := range c.servers {
			c.stop(i)
		}
	})
	return c
}

func (c *nodes) conf(i int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "server_name: %s\nlisten: \"127.0.0.1:-1\"\nserver_tags: [\"az:%d\"]\n", c.names[i], i+1)
	fmt.Fprintf(&b, "jetstream { store_dir: %q, max_file_store: 1GB, max_memory_store: 256MB, %s }\n", c.stores[i], c.limits)
	b.WriteString("accounts { BUS { jetstream: enabled, users: [{user: bus, password: bus}] }, SYS { users: [{user: sys, password: sys}] } }\n")
	b.WriteString("system_account: SYS\n")
	if len(c.names) > 1 {
		fmt.Fprintf(&b, "cluster { name: test, listen: \"127.0.0.1:%d\", pool_size: -1, routes: [", c.ports[i])
		for _, p := range c.ports {
			fmt.Fprintf(&b, "\"nats://127.0.0.1:%d\", ", p)
		}
		b.WriteString("] }\n")
	}
	return b.String()
}

func (c *nodes) start(which ...int) {
	c.t.Helper()
	for _, i := range which {
		opts := &server.Options{NoSigs: true, NoLog: true}
		if err := opts.ProcessConfigString(c.conf(i)); err != nil {
			c.t.Fatal(err)
		}
		s, err := server.NewServer(opts)
		if err != nil {
			c.t.Fatal(err)
		}
		s.Start()
		c.servers[i] = s
	}
	for _, i := range which {
		if !c.servers[i].ReadyForConnections(10 * time.Second) {
			c.t.Fatalf("%s is not ready for connections", c.names[i])
		}
	}
}

func (c *nodes) stop(i int) {
	if s := c.servers[i]; s != nil {
		c.servers[i] = nil
		s.Shutdown()
		s.WaitForShutdown()
	}
}

// meta is what a daemon would say of its server.
func meta(s *server.Server, standalone bool) Meta {
	if standalone {
		return Meta{Leader: s.Name(), IsLeader: true, Size: 1, EverHadLeader: true}
	}
	m := Meta{IsLeader: s.JetStreamIsLeader()}
	if groups := s.Raftz(&server.RaftzOptions{AccountFilter: "SYS", GroupFilter: "_meta_"}); groups != nil {
		g := (*groups)["SYS"]["_meta_"]
		m.Leader, m.Size, m.EverHadLeader = g.Leader, g.Size, g.EverHadLeader
	}
	return m
}

func connected(s *server.Server) []string {
	routes, err := s.Routez(nil)
	if err != nil {
		return nil
	}
	var names []string
	for _, r := range routes.Routes {
		names = append(names, r.RemoteName)
	}
	return names
}

// connect is a client of one server. It ends with the test.
func (c *nodes) connect(i int) *nats.Conn {
	c.t.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(c.servers[i]), nats.UserInfo("bus", "bus"), nats.MaxReconnects(-1))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(nc.Close)
	return nc
}

// known waits until every server knows what a client has subscribed to: interest travels in order.
func (c *nodes) known(nc *nats.Conn) {
	c.t.Helper()
	sub, err := nc.SubscribeSync(nats.NewInbox())
	if err != nil {
		c.t.Fatal(err)
	}
	for i := range c.servers {
		from := c.connect(i)
		eventually(c.t, time.Minute, func() error {
			if err := from.Publish(sub.Subject, nil); err != nil {
				return err
			}
			_, err := sub.NextMsg(50 * time.Millisecond)
			return err
		})
	}
}

// stepDown has the meta leader give way to another node, and counts it.
func (c *nodes) stepDown(ctx context.Context, i int) error {
	nc, err := nats.Connect("", nats.InProcessServer(c.servers[i]), nats.UserInfo("sys", "sys"))
	if err != nil {
		return err
	}
	defer nc.Close()
	c.stepDowns.Add(1)
	_, err = nc.RequestWithContext(ctx, "$JS.API.META.LEADER.STEPDOWN", nil)
	return err
}

func (c *nodes) js(i int, opts ...jetstream.JetStreamOpt) jetstream.JetStream {
	c.t.Helper()
	js, err := jetstream.New(c.connect(i), opts...)
	if err != nil {
		c.t.Fatal(err)
	}
	return js
}

func (c *nodes) topology(buckets ...*schema.Bucket) *schema.Topology {
	return c.declares(schema.Contents{Buckets: buckets})
}

func (c *nodes) declares(contents schema.Contents) *schema.Topology {
	cluster := &schema.Cluster{Name: "test"}
	for i, name := range c.names {
		cluster.Nodes = append(cluster.Nodes, &schema.Node{
			Name: name, Tags: []string{fmt.Sprintf("az:%d", i+1)},
			Settings: schema.Settings{JetStream: schema.JetStream{Enabled: true}},
		})
	}
	t := &schema.Topology{Clusters: []*schema.Cluster{cluster}}
	t.Bootstrap = schema.Bootstrap{
		Timeout:        schema.Duration(120 * time.Second),
		AttemptTimeout: schema.Duration(5 * time.Second),
	}
	t.Accounts = []*schema.Account{{Name: "BUS", Contents: contents}}
	return t
}

// run is one Run in the background.
type run struct {
	cancel func()
	done   chan error

	mu     sync.Mutex
	status Status
	phases []Phase
}

func (r *run) now() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

func (r *run) stop() error {
	r.cancel()
	return <-r.done
}

// bootstrap runs as the daemon of node i would. It ends with the test, if not before.
func (c *nodes) bootstrap(i int, t *schema.Topology, opts ...jetstream.JetStreamOpt) *run {
	c.t.Helper()
	s, js := c.servers[i], c.js(i, opts...)
	ctx, cancel := context.WithCancel(context.Background())
	r := &run{cancel: cancel, done: make(chan error, 1)}
	cfg := Config{
		Topology:  t,
		Node:      c.names[i],
		Meta:      func() Meta { return meta(s, t.Standalone()) },
		Connected: func() []string { return connected(s) },
		JetStream: func(account string) (jetstream.JetStream, error) {
			if account != "BUS" {
				return nil, fmt.Errorf("no account %s", account)
			}
			return js, nil
		},
		StepDown: func(ctx context.Context) error { return c.stepDown(ctx, i) },
		Report: func(s Status) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.status = s
			if len(r.phases) == 0 || r.phases[len(r.phases)-1] != s.Phase {
				r.phases = append(r.phases, s.Phase)
			}
		},
		Every: cmp.Or(c.every, 50*time.Millisecond),
		Gone:  c.gone,
	}
	log := hclog.NewNullLogger()
	if !c.silent {
		log = hclog.New(&hclog.LoggerOptions{Name: c.names[i], Level: hclog.Debug, Output: testWriter{c.t}})
	}
	go func() {
		defer close(r.done)
		r.done <- Run(ctx, cfg, log)
	}()
	c.t.Cleanup(func() { _ = r.stop() })
	return r
}

// bootstrapAll runs on every node that is up.
func (c *nodes) bootstrapAll(t *schema.Topology) []*run {
	c.t.Helper()
	var all []*run
	for i, s := range c.servers {
		if s != nil {
			all = append(all, c.bootstrap(i, t))
		}
	}
	return all
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// wantPhase waits until every run reports the phase.
func wantPhase(t testing.TB, want Phase, runs ...*run) {
	t.Helper()
	eventually(t, longest, func() error {
		for i, r := range runs {
			if s := r.now(); s.Phase != want {
				return fmt.Errorf("run %d: phase %s, want %s: %s %+v", i, s.Phase, want, s.Reason, s.Assets)
			}
		}
		return nil
	})
}

// wantReplicas checks that the stream has that many replicas, all current, as its leader sees it.
func wantReplicas(t testing.TB, js jetstream.JetStream, bucket string, want int) *jetstream.StreamInfo {
	t.Helper()
	var info *jetstream.StreamInfo
	eventually(t, longest, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		defer cancel()
		s, err := js.Stream(ctx, "KV_"+bucket)
		if err != nil {
			return err
		}
		info = s.CachedInfo()
		if info.Config.Replicas != want || len(info.Cluster.Replicas) != want-1 || info.Cluster.Desired != nil {
			return fmt.Errorf("replicas %d, peers %d, desired %+v; want %d", info.Config.Replicas,
				len(info.Cluster.Replicas)+1, info.Cluster.Desired, want)
		}
		for _, p := range info.Cluster.Replicas {
			if !p.Current {
				return fmt.Errorf("%s is not current", p.Name)
			}
		}
		return nil
	})
	return info
}

func (c *nodes) metaLeader() int {
	return slices.IndexFunc(c.servers, func(s *server.Server) bool { return s != nil && s.JetStreamIsLeader() })
}

// wantLeader waits for a meta leader.
func (c *nodes) wantLeader() int {
	c.t.Helper()
	eventually(c.t, longest, func() error {
		if c.metaLeader() < 0 {
			return errors.New("no meta leader")
		}
		return nil
	})
	return c.metaLeader()
}

func ptr[T any](v T) *T { return &v }

func buckets(replicas int, names ...string) []*schema.Bucket {
	var all []*schema.Bucket
	for _, n := range names {
		all = append(all, &schema.Bucket{Name: n, Replicas: replicas})
	}
	return all
}
