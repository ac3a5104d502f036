//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"unibus/internal/netlab"
)

// The hosts of the example: their nodes, and their public addresses. None may ever tell anybody about bridgeAddr.
var (
	nodeNames = []string{"magnus", "homer", "datardos"}
	nodeAddrs = map[string]string{"magnus": "203.0.113.10", "homer": "198.51.100.20", "datardos": "192.0.2.30"}
)

const (
	bridgeAddr    = "172.17.0.1"
	clientPort    = "4222"
	clusterPort   = "6250"
	monitorURL    = "http://127.0.0.1:8222/"
	routePassword = "route-password-that-nobody-may-see"
)

// lab is the three hosts of the example, empty, and the one file that all of them get. The file is that of the example
// but for the paths, which are the test's, and alice's key, whose seed the test must have.
type lab struct {
	t     *testing.T
	net   *netlab.Net
	dir   string
	ca    *authority
	alice nkeys.KeyPair
	file  string
	hosts map[string]*netlab.Host
	// trusts is the file with the authorities that clients trust, which they read whenever they connect.
	trusts string
	// laptop is where clients are.
	laptop *netlab.Host
	// What shipTopology writes: whether clients need a certificate, where there are any, and how nodes restart.
	verify   bool
	restarts string
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, net: netlab.New(t), dir: t.TempDir(), hosts: map[string]*netlab.Host{}}
	l.ca = newAuthority(t)
	l.trusts = l.write("ca.pem", l.ca.pem)
	l.write("route", []byte(routePassword+"\n"))
	for _, name := range nodeNames {
		l.hosts[name] = l.net.Host(name, nodeAddrs[name])
		l.issue(l.ca, name, nodeAddrs[name])
	}
	l.laptop = l.net.Host("laptop", "192.0.2.200")

	var err error
	if l.alice, err = nkeys.CreateUser(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../examples/magnus-homer-datardos.hcl")
	if err != nil {
		t.Fatal(err)
	}
	l.file = l.write("unibus.hcl", []byte(l.edit(string(text),
		"/etc/unibus/tls/ca.pem", l.path("ca.pem"),
		"/etc/unibus/tls/${node.name}", l.path("${node.name}"),
		"/etc/unibus/secrets/route", l.path("route"),
		"/var/lib/unibus", l.path("store"),
		"UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4", publicKey(t, l.alice))))
	return l
}

// edit replaces old by new, pair by pair, each of which must be there.
func (l *lab) edit(text string, pairs ...string) string {
	l.t.Helper()
	for pair := range slices.Chunk(pairs, 2) {
		if !strings.Contains(text, pair[0]) {
			l.t.Fatalf("the file has no %s", pair[0])
		}
		text = strings.ReplaceAll(text, pair[0], pair[1])
	}
	return text
}

// variant is another file, made from the one of the lab.
func (l *lab) variant(name string, pairs ...string) string {
	l.t.Helper()
	text, err := os.ReadFile(l.file)
	if err != nil {
		l.t.Fatal(err)
	}
	return l.write(name, []byte(l.edit(string(text), pairs...)))
}

func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

func (l *lab) store(node string) string { return l.path("store/" + node) }

func (l *lab) write(name string, text []byte) string {
	l.t.Helper()
	if err := os.WriteFile(l.path(name), text, 0o600); err != nil {
		l.t.Fatal(err)
	}
	return l.path(name)
}

// issue puts a certificate for a node where the file says it is.
func (l *lab) issue(ca *authority, node, addr string) {
	l.t.Helper()
	cert, key := ca.issue(l.t, node, addr)
	l.write(node+".pem", cert)
	l.write(node+"-key.pem", key)
}

// process is one `unibus run`.
type process struct {
	t     *testing.T
	name  string
	cmd   *exec.Cmd
	log   *logText
	ended chan struct{}
	err   error // of the process, once ended is closed
}

// start starts the daemon of a node on its host. It is killed when the test ends.
func (l *lab) start(node string) *process {
	l.t.Helper()
	return l.startOn(l.hosts[node], node, "--config", l.file)
}

// startAll starts the daemons of all nodes at once, in the order of nodeNames.
func (l *lab) startAll() []*process {
	l.t.Helper()
	var all []*process
	for _, name := range nodeNames {
		all = append(all, l.start(name))
	}
	return all
}

func (l *lab) startOn(host *netlab.Host, name string, args ...string) *process {
	l.t.Helper()
	return l.startCommand(host, name, append([]string{"unibus", "run"}, args...)...)
}

func (l *lab) startCommand(host *netlab.Host, name string, args ...string) *process {
	l.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := &process{t: l.t, name: name, log: &logText{}, ended: make(chan struct{})}
	d.cmd = host.Command(ctx, args[0], args[1:]...)
	d.cmd.Stdout, d.cmd.Stderr = d.log, d.log
	d.cmd.Env = append(os.Environ(), "UNIBUS_NODE=", "UNIBUS_CONFIG=")
	d.cmd.WaitDelay = 5 * time.Second
	if err := d.cmd.Start(); err != nil {
		cancel()
		l.t.Fatal(err)
	}
	go func() {
		d.err = d.cmd.Wait()
		close(d.ended)
	}()
	l.t.Cleanup(func() {
		cancel()
		<-d.ended
		d.audit()
	})
	return d
}

// audit is what must hold for whatever a daemon has said, at the end of every test.
func (d *process) audit() {
	text := d.log.String()
	for _, never := range []string{"DATA RACE", "panic:", "fatal error:", routePassword} {
		if strings.Contains(text, never) {
			d.t.Errorf("%s has said %q", d.name, never)
		}
	}
	if d.t.Failed() {
		d.t.Logf("--- %s:\n%s", d.name, d.log.tail())
	}
}

// kill ends the daemon as a crash would.
func (d *process) kill() {
	_ = d.cmd.Process.Kill()
	<-d.ended
}

// stopAll ends daemons as an operator would: all of them are told at once.
func stopAll(t *testing.T, all ...*process) {
	t.Helper()
	for _, d := range all {
		if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	limit := time.After(longest)
	for _, d := range all {
		select {
		case <-d.ended:
		case <-limit:
			t.Fatalf("%s did not stop within %v", d.name, longest)
		}
		if d.err != nil {
			t.Errorf("%s stopped with %v, want exit status 0", d.name, d.err)
		}
	}
}

// says waits until the daemon has said something that matches, and returns the whole line.
func (d *process) says(pattern string) string {
	d.t.Helper()
	re := regexp.MustCompile(`(?m)^.*` + pattern + `.*$`)
	var line string
	d.eventually(func() error {
		if line = re.FindString(d.log.String()); line == "" {
			return fmt.Errorf("%s has not said %s", d.name, pattern)
		}
		return nil
	})
	return line
}

// eventually repeats f until it succeeds, while the daemon must run.
func (d *process) eventually(f func() error) {
	d.t.Helper()
	eventually(d.t, func() error {
		select {
		case <-d.ended:
			d.t.Fatalf("%s has ended: %v", d.name, d.err)
		default:
		}
		return f()
	})
}

// dial connects alice from the laptop to the nodes, over TLS, as soon as one of them is there. The connection finds its
// way back for as long as one is up.
func (l *lab) dial(names ...string) *nats.Conn {
	l.t.Helper()
	var nc *nats.Conn
	eventually(l.t, func() (err error) {
		nc, err = l.connect(l.as(l.alice), names...)
		return err
	})
	return nc
}

// as logs in with a key pair.
func (l *lab) as(kp nkeys.KeyPair) nats.Option {
	return nats.Nkey(publicKey(l.t, kp), kp.Sign)
}

func (l *lab) connect(login nats.Option, names ...string) (*nats.Conn, error) {
	var urls []string
	for _, name := range names {
		urls = append(urls, "tls://"+nodeAddrs[name]+":"+clientPort)
	}
	nc, err := nats.Connect(strings.Join(urls, ","), login,
		nats.Secure(&tls.Config{MinVersion: tls.VersionTLS13}),
		nats.RootCAs(l.trusts),
		nats.SetCustomDialer(l.laptop),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(50*time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err == nil {
		l.t.Cleanup(nc.Close)
	}
	return nc, err
}

// current waits until a client sees every declared bucket, and nothing else, on every node with all replicas current.
func (l *lab) current(nc *nats.Conn) {
	l.t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		l.t.Fatal(err)
	}
	eventually(l.t, func() error {
		ctx, cancel := context.WithTimeout(l.t.Context(), 2*time.Second)
		defer cancel()
		return current(ctx, js)
	})
	l.settled()
}

func current(ctx context.Context, js jetstream.JetStream) error {
	var found []string
	list := js.ListStreams(ctx)
	for s := range list.Info() {
		found = append(found, s.Config.Name)
		if s.Cluster == nil {
			return fmt.Errorf("%s is not clustered", s.Config.Name)
		}
		on := []string{s.Cluster.Leader}
		for _, p := range s.Cluster.Replicas {
			if !p.Current || p.Offline {
				return fmt.Errorf("%s: the replica on %s is not current", s.Config.Name, p.Name)
			}
			on = append(on, p.Name)
		}
		if slices.Sort(on); s.Config.Replicas != 3 || !slices.Equal(on, slices.Sorted(slices.Values(nodeNames))) {
			return fmt.Errorf("%s wants %d replicas and is on %v", s.Config.Name, s.Config.Replicas, on)
		}
		if s.Cluster.Desired != nil {
			return fmt.Errorf("%s is still being scaled", s.Config.Name)
		}
	}
	if list.Err() != nil {
		return list.Err()
	}
	slices.Sort(found)
	if want := []string{"KV_UNIBUS_presence", "KV_UNIBUS_rooms"}; !slices.Equal(found, want) {
		return fmt.Errorf("there are the streams %v, want %v", found, want)
	}
	return nil
}

// settled waits until every replica says of itself that it holds the same.
func (l *lab) settled() {
	l.t.Helper()
	eventually(l.t, func() error {
		states := map[string]string{}
		for _, name := range nodeNames {
			state, err := l.replicas(name)
			if err != nil {
				return err
			}
			if state == "" {
				return fmt.Errorf("%s stores nothing", name)
			}
			states[name] = state
		}
		if states["magnus"] != states["homer"] || states["homer"] != states["datardos"] {
			return fmt.Errorf("the replicas differ: %v", states)
		}
		return nil
	})
}

// replicas is what a node itself stores, as its monitoring endpoint tells.
func (l *lab) replicas(node string) (string, error) {
	var jsz struct {
		Accounts []struct {
			Streams []struct {
				Name  string
				State struct {
					Messages uint64
					FirstSeq uint64 `json:"first_seq"`
					LastSeq  uint64 `json:"last_seq"`
				}
			} `json:"stream_detail"`
		} `json:"account_details"`
	}
	if err := l.monitor(node, "jsz?acc=BUS&streams=true", &jsz); err != nil {
		return "", err
	}
	var all []string
	for _, a := range jsz.Accounts {
		for _, s := range a.Streams {
			all = append(all, fmt.Sprintf("%s %+v", s.Name, s.State))
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", "), nil
}

// monitor asks the monitoring endpoint of a node, which is on the loopback interface of its host.
func (l *lab) monitor(node, path string, into any) error {
	return l.monitorWithin(2*time.Second, node, path, into)
}

func (l *lab) monitorWithin(limit time.Duration, node, path string, into any) error {
	web := http.Client{
		Timeout:   limit,
		Transport: &http.Transport{DialContext: l.hosts[node].DialContext, DisableKeepAlives: true},
	}
	res, err := web.Get(monitorURL + path)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	return json.NewDecoder(res.Body).Decode(into)
}

// peers are the nodes to which a node has a route.
func (l *lab) peers(node string) ([]string, error) {
	var routez struct {
		Routes []struct {
			Name string `json:"remote_name"`
		}
	}
	if err := l.monitor(node, "routez", &routez); err != nil {
		return nil, err
	}
	var names []string
	for _, r := range routez.Routes {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// leader is the node that leads a stream.
func (l *lab) leader(nc *nats.Conn, stream string) string {
	l.t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		l.t.Fatal(err)
	}
	var name string
	eventually(l.t, func() error {
		ctx, cancel := context.WithTimeout(l.t.Context(), 2*time.Second)
		defer cancel()
		s, err := js.Stream(ctx, stream)
		if err != nil {
			return err
		}
		if name = s.CachedInfo().Cluster.Leader; name == "" {
			return fmt.Errorf("%s has no leader", stream)
		}
		return nil
	})
	return name
}

func publicKey(t *testing.T, kp nkeys.KeyPair) string {
	t.Helper()
	key, err := kp.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}
