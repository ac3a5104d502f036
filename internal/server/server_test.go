package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"unibus/config/schema"
)

// TestMain finds goroutines that any Run of any test has left behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestCluster is the whole of a small life: three nodes with TLS form a meta group, the daemon and a client with an
// nkey get in, nobody else does, and the log of a healthy node says next to nothing.
func TestCluster(t *testing.T) {
	ca := newAuthority(t)
	topology := loopback(t, ca, "magnus", "homer", "datardos")
	alice, public := userKey(t)
	topology.Accounts[0].Users = []*schema.User{{Name: "alice", NKey: public}}
	var nodes []*running
	for _, n := range topology.Nodes() {
		nodes = append(nodes, start(t, topology, n.Name))
	}
	eventually(t, formed(nodes...))

	for _, n := range nodes {
		nc, err := nats.Connect(n.ClientURL(), nkey(alice), nats.Secure(ca.clientTLS()))
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		daemon(t, n, schema.SystemAccount)
		putAndGet(t, daemon(t, n, schema.DefaultAccount), n.conf.node.Name)
	}

	mallory, _ := userKey(t)
	own, err := nodes[0].id.KeyPair(schema.DefaultAccount)
	if err != nil {
		t.Fatal(err)
	}
	for name, login := range map[string]nats.Option{
		"anonymous":                nats.Name("nobody"),
		"unknown nkey":             nkey(mallory),
		"unknown user":             nats.UserInfo("route", routePassword),
		"the daemon's, by network": nkey(own),
	} {
		nc, err := nats.Connect(nodes[0].ClientURL(), login, nats.Secure(ca.clientTLS()))
		if !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: %v", name, err)
		}
		if nc != nil {
			nc.Close()
		}
	}
	if err := errors.Join(
		nodes[0].log.has("WARN", "refused a client that gave no credentials", "from=127.0.0.1"),
		nodes[0].log.has("WARN", "refused a client", "from=127.0.0.1", "user=", "Nkey"),
	); err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(nodes[1].log.String()) {
		if !strings.Contains(line, "[DEBUG]") && !strings.Contains(line, "meta leader") && !strings.Contains(line, "connected: peer") {
			t.Errorf("a healthy node says %s", line)
		}
	}
}

// daemon logs in as the daemon does.
func daemon(t *testing.T, n *running, account string) *nats.Conn {
	t.Helper()
	kp, err := n.id.KeyPair(account)
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect("", nats.InProcessServer(n), nkey(kp))
	if err != nil {
		t.Fatalf("%s: %v", account, err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func putAndGet(t *testing.T, nc *nats.Conn, key string) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "test", Replicas: 3})
		if err != nil {
			return err
		}
		if _, err := kv.PutString(ctx, key, "value"); err != nil {
			return err
		}
		_, err = kv.Get(ctx, key)
		return err
	})
}

// TestAnonymous tries the file that declares nothing but a node: nats-server itself would let everybody in.
func TestAnonymous(t *testing.T) {
	topology := loopback(t, nil, "magnus")
	topology.Accounts = nil
	topology.Nodes()[0].JetStream.Enabled = false
	n := start(t, topology, "magnus")
	if nc, err := nats.Connect(n.ClientURL()); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("connect: %v, %v", nc, err)
	}
	c := n.conf
	opts, err := c.Options()
	if err != nil {
		t.Fatal(err)
	}
	if opts.NoAuthUser != "" {
		t.Errorf("no_auth_user %q", opts.NoAuthUser)
	}
}

// TestStandalone has no meta group and no peers.
func TestStandalone(t *testing.T) {
	n := start(t, loopback(t, nil, "magnus"), "magnus")
	if m := n.Meta(); m != (Meta{}) || n.Peers() != nil {
		t.Errorf("meta %+v, peers %v", m, n.Peers())
	}
	js, err := jetstream.New(daemon(t, n, schema.DefaultAccount))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.AccountInfo(t.Context()); err != nil {
		t.Error(err)
	}
	if err := n.stop(); err != nil {
		t.Error(err)
	}
	if m := n.Meta(); m != (Meta{}) || n.Peers() != nil {
		t.Errorf("stopped: meta %+v, peers %v", m, n.Peers())
	}
	if c, err := n.InProcessConn(); err == nil {
		t.Errorf("stopped: connected to %v", c)
	}
}

// TestMixed has a node that stores nothing. The others form without it, and its clients reach JetStream on them.
func TestMixed(t *testing.T) {
	topology := loopback(t, nil, "a", "b", "c", "relay")
	topology.Nodes()[3].JetStream.Enabled = false
	nodes := []*running{start(t, topology, "a"), start(t, topology, "b"), start(t, topology, "c")}
	eventually(t, formed(nodes...))
	relay := start(t, topology, "relay")
	putAndGet(t, daemon(t, relay, schema.DefaultAccount), "key")
	if m := relay.Meta(); m != (Meta{}) {
		t.Errorf("meta %+v", m)
	}
	eventually(t, func() error {
		for _, n := range append(nodes, relay) {
			if peers := n.Peers(); len(peers) != 3 {
				return fmt.Errorf("peers of %s: %v", n.conf.node.Name, peers)
			}
		}
		return nil
	})
}

// TestDrain stops a node that has clients within its time, and finds that they were told.
func TestDrain(t *testing.T) {
	topology := loopback(t, nil, "magnus", "homer", "datardos")
	kp, public := userKey(t)
	topology.Accounts[0].Users = []*schema.User{{Name: "alice", NKey: public}}
	nodes := []*running{start(t, topology, "magnus"), start(t, topology, "homer"), start(t, topology, "datardos")}
	eventually(t, formed(nodes...))
	told := make(chan struct{}, 1)
	nc, err := nats.Connect(nodes[0].ClientURL(), nkey(kp), nats.NoReconnect(),
		nats.LameDuckModeHandler(func(*nats.Conn) { told <- struct{}{} }))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := nodes[0].stop(); err != nil {
		t.Error(err)
	}
	select {
	case <-told:
	default:
		t.Error("the client was not told")
	}
	eventually(t, func() error {
		for _, n := range nodes[1:] {
			if m := n.Meta(); m.Leader == "" || m.Leader == "magnus" {
				return fmt.Errorf("%+v", m)
			}
			if err := n.log.has("disconnected", "peer=magnus"); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestStopNow ends a drain that is waiting for a client.
func TestStopNow(t *testing.T) {
	topology := loopback(t, nil, "magnus")
	kp, public := userKey(t)
	topology.Accounts[0].Users = []*schema.User{{Name: "alice", NKey: public}}
	n := start(t, topology, "magnus")
	for range 20 {
		nc, err := nats.Connect(n.ClientURL(), nkey(kp), nats.NoReconnect())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
	}
	begin := time.Now()
	done := make(chan error)
	go func() { done <- n.stop() }()
	eventually(t, func() error { // the drain has begun
		if c, err := net.Dial("tcp", strings.TrimPrefix(n.ClientURL(), "nats://")); err == nil {
			c.Close()
			return errors.New("it still listens")
		}
		return nil
	})
	n.StopNow()
	n.StopNow()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took >= lameDuckLimit {
		t.Errorf("took %v", took)
	}
}

// TestStopWhileStarting ends the context at any moment of the start.
func TestStopWhileStarting(t *testing.T) {
	topology := loopback(t, nil, "magnus", "homer")
	for i := range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*3*time.Millisecond)
		log := &logbook{}
		if err := Run(ctx, mustConf(t, topology, "magnus"), log.logger("magnus"), func(*Server) {}); err != nil {
			t.Errorf("after %d ms: %v\n%s", 3*i, err, log)
		}
		cancel()
	}
}

// TestDebug turns on nats-server's own lines, which show what clients send.
func TestDebug(t *testing.T) {
	topology := loopback(t, nil, "magnus")
	topology.Accounts[0].Users = []*schema.User{{Name: "alice", Password: schema.NewSecret("p4ssw0rd")}}
	log := &logbook{}
	logger := log.logger("magnus")
	logger.SetLevel(hclog.Trace)
	ctx, cancel := context.WithCancel(t.Context())
	ready, end := make(chan *Server, 1), make(chan error, 1)
	go func() {
		end <- Run(ctx, mustConf(t, topology, "magnus").WithDebug(2), logger, func(s *Server) { ready <- s })
	}()
	nc, err := nats.Connect((<-ready).ClientURL(), nats.UserInfo("alice", "p4ssw0rd"))
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Publish("hello.p4ssw0rd", []byte("p4ssw0rd cDRzc3cwcmQ=")); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	nc.Close()
	cancel()
	if err := <-end; err != nil {
		t.Error(err)
	}
	if err := errors.Join(log.has("DEBUG", "Client connection closed"), log.has("TRACE", "PUB hello.(redacted)")); err != nil {
		t.Error(err)
	}
	if s := log.String(); strings.Contains(s, "p4ssw0rd") || strings.Contains(s, "cDRzc3cwcmQ") {
		t.Errorf("the log shows a password:\n%s", s)
	}
}
