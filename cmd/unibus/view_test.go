//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"unibus/internal/api"
)

// How soon the status must name a fault, and how soon it must be silent about one that is repaired, on a machine that has
// nothing else to do.
const (
	nameWithin    = 3 * time.Second
	silenceWithin = 5 * time.Second // where only silence tells
	clearWithin   = 3 * time.Second
)

// viewLab is the three hosts of the lab, each with its own copy of the file, and the third with a small disk.
type viewLab struct {
	*lab
	nodes map[string]*process
	nc    *nats.Conn
	pages *pages
	late  []string // what took longer than it may since the fault was planted
}

func newViewLab(t *testing.T) *viewLab {
	t.Helper()
	v := &viewLab{lab: newLab(t), nodes: map[string]*process{}}
	disk := v.store("datardos")
	if err := os.MkdirAll(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=128m"); err != nil {
		t.Skipf("this machine cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	for _, name := range nodeNames {
		v.variant(name + ".hcl")
		v.start(name)
	}
	v.nc = v.dial("magnus", "homer")
	v.current(v.nc)
	for _, name := range nodeNames {
		v.well(name, longest)
	}
	return v
}

func (v *viewLab) start(name string) {
	v.t.Helper()
	v.nodes[name] = v.startOn(v.hosts[name], name, "--config", v.path(name+".hcl"))
}

func (v *viewLab) status(node string) (api.Status, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return api.NewClient(v.store(node) + "/unibus.sock").Status(ctx)
}

// named waits until a node names a problem, in the status, in health, over HTTP and on its page.
func (v *viewLab) named(node, code, subject, words string, limit time.Duration) {
	v.t.Helper()
	start := time.Now()
	has := func(s api.Status) error {
		if !slices.ContainsFunc(s.Problems, func(p api.Problem) bool {
			return p.Code == code && p.Subject == subject && strings.Contains(p.Summary, words) && p.Hint != ""
		}) {
			return fmt.Errorf("%s does not name %s of %s (%s): %+v", node, code, subject, words, s.Problems)
		}
		if h, level := s.Health(api.ScopeCluster); level == api.OK || !strings.Contains(fmt.Sprint(h.Problems), code) {
			return fmt.Errorf("health of %s is %+v", node, h)
		}
		return nil
	}
	eventually(v.t, func() error {
		s, err := v.status(node)
		if err == nil {
			err = has(s)
		}
		return err
	})
	v.took(start, limit, "%s names %s of %s", node, code, subject)
	eventually(v.t, func() error {
		var web api.Status
		if err := v.monitor(node, "api/v1/status", &web); err != nil {
			return err
		}
		return has(web)
	})
	v.page(start, limit, node, code, words)
}

// took writes down how long something took, and remembers when that was too long.
func (v *viewLab) took(start time.Time, limit time.Duration, format string, args ...any) {
	v.t.Helper()
	took := time.Since(start).Round(10 * time.Millisecond)
	what := fmt.Sprintf(format+" after %v", append(args, took)...)
	v.t.Log(what)
	if took > limit {
		v.late = append(v.late, what)
	}
}

// plant plants a fault, again when something about it was late: a machine that is busy with something else is late now
// and then, a mistake is late every time.
func (v *viewLab) plant(fault func()) {
	v.t.Helper()
	for range 4 {
		v.late = nil
		if fault(); v.late == nil {
			return
		}
	}
	v.t.Errorf("four times out of four too late: %s", strings.Join(v.late, ", "))
}

// well waits until a node has nothing to say any more.
func (v *viewLab) well(node string, limit time.Duration) {
	v.t.Helper()
	start := time.Now()
	eventually(v.t, func() error {
		s, err := v.status(node)
		if err != nil {
			return err
		}
		if h, level := s.Health(api.ScopeCluster); level != api.OK {
			return fmt.Errorf("%s: %s", node, h.Text)
		}
		return nil
	})
	v.took(start, limit, "%s is silent", node)
	if v.pages != nil {
		v.pages.forget()
		v.page(start, limit, node, "All is well.")
		v.pages.forget()
	}
}

// page waits until the page of a node has shown some words. A browser takes much of a machine, so its limit only counts where
// nothing else runs: in make soak.
func (v *viewLab) page(start time.Time, limit time.Duration, node string, words ...string) {
	v.t.Helper()
	if v.pages == nil {
		return
	}
	eventually(v.t, func() error { return v.pages.has(node, words...) })
	if os.Getenv(soakFor) == "" {
		limit = longest
	}
	v.took(start, limit, "the page of %s shows %q", node, words)
}

// repaired waits until NATS itself has recovered, and then not much longer for the status to say so.
func (v *viewLab) repaired() {
	v.t.Helper()
	v.current(v.nc)
	eventually(v.t, func() error {
		peers, err := v.peers("datardos")
		if err == nil && len(peers) != 2 {
			err = fmt.Errorf("datardos reaches %v", peers)
		}
		return err
	})
	v.well("magnus", clearWithin)
	v.well("datardos", clearWithin)
}

// TestView plants what goes wrong on real hosts, one fault after the other. Each is named with its cause, by whoever can
// know it, and no longer than it lasts.
func TestView(t *testing.T) {
	t.Parallel()
	v := newViewLab(t)
	v.pages = v.openPages()
	for _, name := range nodeNames {
		v.well(name, longest)
	}
	for _, fault := range []func(){v.files, v.certificate, v.disk, v.replicas, v.killed, v.paused, v.cutOff} {
		v.plant(fault)
	}
}

// files gives one node a file that is refused, and then one that means something else.
func (v *viewLab) files() {
	good, err := os.ReadFile(v.path("magnus.hcl"))
	if err != nil {
		v.t.Fatal(err)
	}
	v.write("homer.hcl", []byte("cluster {"))
	v.named("magnus", "UB2206", "node.homer", "homer runs its last good file: ", nameWithin)
	v.write("homer.hcl", good)
	v.well("magnus", clearWithin)
	v.variant("homer.hcl", `bucket "UNIBUS_rooms" {`, "bucket \"UNIBUS_rooms\" {\n description = \"other\"\n")
	v.named("datardos", "UB2204", "node.homer", "most have", nameWithin)
	v.write("homer.hcl", good)
	v.well("datardos", clearWithin)
}

// certificate gives one node a certificate of which little is left.
func (v *viewLab) certificate() {
	old, err := os.ReadFile(v.path("homer.pem"))
	if err != nil {
		v.t.Fatal(err)
	}
	key, err := os.ReadFile(v.path("homer-key.pem"))
	if err != nil {
		v.t.Fatal(err)
	}
	private := newKey(v.t)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: newSerial(v.t), Subject: pkix.Name{CommonName: "homer"},
		NotBefore: time.Now().Add(-60 * 24 * time.Hour), NotAfter: time.Now().Add(3*24*time.Hour + time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.ParseIP(nodeAddrs["homer"])},
	}, v.ca.cert, private.Public(), v.ca.key)
	if err != nil {
		v.t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		v.t.Fatal(err)
	}
	v.write("homer-key.pem", encodePEM("PRIVATE KEY", keyDER))
	v.write("homer.pem", encodePEM("CERTIFICATE", der))
	v.named("magnus", "UB2212", "node.homer", "expires in 3 days", nameWithin)
	v.write("homer-key.pem", key)
	v.write("homer.pem", old)
	v.well("magnus", clearWithin)
}

// disk fills the small disk.
func (v *viewLab) disk() {
	filler := v.store("datardos") + "/filler"
	if err := os.WriteFile(filler, make([]byte, 118<<20), 0o600); err != nil {
		v.t.Fatal(err)
	}
	v.named("magnus", "UB2213", "node.datardos", "% full", nameWithin)
	if err := os.Remove(filler); err != nil {
		v.t.Fatal(err)
	}
	v.well("magnus", clearWithin)
}

// replicas takes the replicas of a bucket away, which unibus gives back by itself: so quickly that they are taken away again
// and again until that is named.
func (v *viewLab) replicas() {
	js, err := jetstream.New(v.nc)
	if err != nil {
		v.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(v.t.Context(), longest)
	defer cancel()
	s, err := js.Stream(ctx, "KV_UNIBUS_rooms")
	if err != nil {
		v.t.Fatal(err)
	}
	config := s.CachedInfo().Config
	config.Replicas = 1
	if _, err := js.UpdateStream(ctx, config); err != nil {
		v.t.Fatal(err)
	}
	again, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for again.Err() == nil {
			_, _ = js.UpdateStream(again, config) // refused while they are being given back
			<-time.After(100 * time.Millisecond)
		}
	}()
	v.named("homer", "UB2211", "bucket.UNIBUS_rooms", "of 3 replicas", nameWithin)
	stop()
	<-done
	v.current(v.nc)
	v.well("homer", clearWithin)
}

func (v *viewLab) killed() {
	v.nodes["datardos"].kill()
	v.named("magnus", "UB2203", "node.datardos", "connection refused", silenceWithin)
	v.start("datardos")
	v.repaired()
}

func (v *viewLab) paused() {
	d := v.nodes["datardos"].cmd.Process
	if err := d.Signal(syscall.SIGSTOP); err != nil {
		v.t.Fatal(err)
	}
	v.named("homer", "UB2203", "node.datardos", "paused or hangs", silenceWithin)
	if err := d.Signal(syscall.SIGCONT); err != nil {
		v.t.Fatal(err)
	}
	v.repaired()
}

// cutOff pulls the cable of a host: both sides say what they see, and what they cannot.
func (v *viewLab) cutOff() {
	v.hosts["datardos"].Unplug()
	v.named("magnus", "UB2203", "node.datardos", nodeAddrs["datardos"]+":"+clusterPort, silenceWithin)
	v.named("datardos", "UB2209", "node.datardos", "cannot be seen from here", silenceWithin)
	if s, err := v.status("datardos"); err != nil || s.Verdict != api.Down {
		v.t.Errorf("the one that is cut off: %s, %v", s.Verdict, err)
	}
	v.hosts["datardos"].Plug()
	v.repaired()
}
