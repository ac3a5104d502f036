//go:build linux

package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"
)

// TestMain makes this binary a daemon that a test can kill, where the environment asks for one.
func TestMain(m *testing.M) {
	if name := os.Getenv("UNIBUS_TEST_NODE"); name != "" {
		if err := daemonMain(name, os.Getenv("UNIBUS_TEST_DIR"), os.Getenv("UNIBUS_TEST_KILL")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// killLease is how long the lease of a killed node lasts.
const killLease = 3 * time.Second

// daemonMain runs a node as `unibus run` does, from its file or else from the last good one, and dies as by kill -9 when it
// comes to the named step.
func daemonMain(name, dir, kill string) error {
	h := &host{name: name, dir: dir}
	text, err := os.ReadFile(h.path("unibus.hcl"))
	if err != nil {
		return err
	}
	f := NewFile(h.path("unibus.hcl"), name, "", text)
	if f.Config.Topology == nil {
		good, ok := FindLastGood(f.Path, text, "", name)
		if !ok {
			return errors.New("there is no last good file")
		}
		f = NewFile(f.Path, name, "", good.Text)
		f.LastGood, f.Rejected = true, good.Rejected
	}
	log := hclog.New(&hclog.LoggerOptions{Name: name, Level: hclog.Debug, TimeFormat: "15:04:05.000"})
	var listening atomic.Bool
	return Run(context.Background(), Config{
		Topology: f.Config.Topology, Node: name, File: f, Socket: h.path("sock"), Version: "test", Log: log, lease: killLease,
		Ready: func() { listening.Store(true) },
		step: func(step string) {
			if !listening.Load() {
				return
			}
			log.Debug("step", "name", step)
			if step == kill {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
		},
	})
}

// spawn starts the node in a process of its own, which dies at the named step; "" is none.
func (h *host) spawn(kill string) {
	h.lab.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "UNIBUS_TEST_NODE="+h.name, "UNIBUS_TEST_DIR="+h.dir, "UNIBUS_TEST_KILL="+kill)
	cmd.Stdout, cmd.Stderr = h.log, h.log
	if err := cmd.Start(); err != nil {
		h.lab.t.Fatal(err)
	}
	done := make(chan struct{})
	h.done, h.stop = done, func() { _ = cmd.Process.Kill() }
	go func() {
		h.err = cmd.Wait()
		close(done)
	}()
}

// dies waits until the process has killed itself.
func (h *host) dies(step string) {
	h.lab.t.Helper()
	select {
	case <-h.done:
	case <-time.After(longest):
		h.lab.t.Fatalf("%s has never come to the step %q", h.name, step)
	}
	h.stop = nil
	var status *exec.ExitError
	if !errors.As(h.err, &status) || status.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		h.lab.t.Fatalf("%s ended with %v at %q", h.name, h.err, step)
	}
}

// passed are the steps that a process has come to, each once and sorted.
func (h *host) passed() []string {
	var steps []string
	for _, m := range regexp.MustCompile(`step: name="?([^"\n]+)`).FindAllStringSubmatch(h.log.String(), -1) {
		steps = append(steps, m[1])
	}
	slices.Sort(steps)
	return slices.Compact(steps)
}

// auditAtEnd looks at what the processes of a host have said.
func (h *host) auditAtEnd() {
	h.lab.t.Cleanup(func() {
		h.end()
		for _, never := range []string{routePassword, bobsPassword, "panic:"} {
			if strings.Contains(h.log.String(), never) {
				h.lab.t.Errorf("%s has said %q", h.name, never)
			}
		}
		if h.lab.t.Failed() {
			h.lab.t.Logf("--- %s:\n%s", h.name, h.log.tail())
		}
	})
}

var (
	reloadSteps  = []string{"read", "loaded", "planned", "given to the server", "taken", "last good file written", "last good file in place", "reloaded"}
	restartSteps = []string{"lease taken", "announced", "looked at the others again", "leaderships handed over", "server stopped", "next server listens", "current again", "lease given back"}
)

// round is one version of the file, which differs from the others in what clients, nats-server and buckets show of it.
type round struct {
	n    int
	text string
}

func (l *lab) round(n int) round {
	return round{n, l.text("round 0", fmt.Sprintf("round %d", n), "\"1GiB\"", fmt.Sprintf("\"%dMiB\"", 1024+n),
		"  bucket", fmt.Sprintf("  user \"guest\" { password = \"guest %d\" }\n  bucket", n))}
}

// runs waits until the node runs one of the versions whole, and returns it: everything that can be seen of it is of the
// same version.
func (h *host) runs(of ...round) (is round) {
	l := h.lab
	l.t.Helper()
	eventually(l.t, func() error {
		n, err := h.own()
		if err != nil {
			return err
		}
		i := slices.IndexFunc(of, func(r round) bool {
			return NewFile(h.path("unibus.hcl"), h.name, "", []byte(r.text)).Config.Digest == *n.ConfigDigest
		})
		if i < 0 {
			return fmt.Errorf("it runs %s", *n.ConfigDigest)
		}
		is = of[i]
		return h.shows(is)
	})
	return is
}

// shows objects to what cannot be seen of a version.
func (h *host) shows(is round) error {
	l := h.lab
	var varz struct {
		JetStream struct {
			Config struct {
				MaxStore int64 `json:"max_storage"`
			}
		}
		Metadata map[string]string
	}
	if err := l.monitor(h.name, "varz", &varz); err != nil {
		return err
	}
	if got, want := varz.JetStream.Config.MaxStore, int64(1024+is.n)<<20; got != want {
		return fmt.Errorf("it may store %d bytes, want %d", got, want)
	}
	nc, err := nats.Connect(fmt.Sprintf("nats://127.0.0.1:%d", l.ports[h.name][0]), nats.UserInfo("guest", fmt.Sprintf("guest %d", is.n)))
	if err != nil {
		return fmt.Errorf("the guest of %d: %w", is.n, err)
	}
	nc.Close()
	var jsz struct {
		Accounts []struct {
			Name    string
			Streams []struct {
				Name   string
				Config struct{ Description string }
			} `json:"stream_detail"`
		} `json:"account_details"`
	}
	if err := l.monitor(h.name, "jsz?streams=1&config=1", &jsz); err != nil {
		return err
	}
	for _, a := range jsz.Accounts {
		for _, s := range a.Streams {
			if s.Name == "KV_rooms" && s.Config.Description != fmt.Sprintf("round %d", is.n) {
				return fmt.Errorf("the bucket is described as %q in round %d", s.Config.Description, is.n)
			}
		}
	}
	good, err := newestLastGood(l, h)
	if err == nil && string(good.Text) != is.text {
		err = fmt.Errorf("the last good file is another one in round %d:\n%s", is.n, good.Text)
	}
	return err
}

// TestKilledInReload kills a node at every step of a reload, and damages its file as well, so that what it starts with is
// what it has kept. It must run the old version or the new one, whole, and then take the new one up.
func TestKilledInReload(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1")
	h := l.nodes["n1"]
	h.auditAtEnd()
	old := l.round(0)
	l.ship(old.text)
	h.spawn("")
	l.healthy()
	w := l.startLoad()
	kept := map[int]int{}
	for i, step := range reloadSteps {
		h.end()
		h.spawn(step)
		h.runs(old)
		l.healthy()
		new := l.round(i + 1)
		l.ship(new.text)
		h.dies(step)
		l.ship(new.text[:len(new.text)-10])
		h.spawn("")
		is := h.runs(old, new)
		t.Logf("killed at %q: version %d of %d runs", step, is.n, new.n)
		kept[new.n-is.n]++
		l.ship(new.text)
		h.runs(new)
		w.goesOn()
		old = new
	}
	if steps := h.passed(); !slices.Equal(steps, slices.Sorted(slices.Values(reloadSteps))) {
		t.Errorf("a reload takes the steps %q, and the node was killed at %q", steps, reloadSteps)
	}
	if kept[0] == 0 || kept[1] == 0 {
		t.Errorf("it was never the old version, or never the new one: %v", kept)
	}
	w.check(t)
}

// TestKilledInTurn kills a node at every step of a restart in turn. The others go on without it; started again it has the
// new version whole, and nobody holds the lease for longer than it lasts.
func TestKilledInTurn(t *testing.T) {
	t.Parallel()
	for half := range 2 {
		t.Run(fmt.Sprint(half+1), func(t *testing.T) {
			t.Parallel()
			l := newLab(t, "n1", "n2", "n3")
			l.lease = killLease
			h := l.nodes["n1"]
			h.auditAtEnd()
			text := l.text()
			l.ship(text)
			h.spawn("")
			l.nodes["n2"].start()
			l.nodes["n3"].start()
			l.healthy()
			w := l.startLoad()
			for i := half; i < len(restartSteps); i += 2 {
				l.killedInTurn(w, restartSteps[i], i)
			}
			for _, step := range h.passed() {
				if !slices.Contains(slices.Concat(reloadSteps, restartSteps), step) {
					t.Errorf("nobody was killed at %q", step)
				}
			}
			w.check(t)
		})
	}
}

// killedInTurn ships a change for which the first node restarts, and kills it on its way.
func (l *lab) killedInTurn(w *load, step string, round int) {
	l.t.Helper()
	h := l.nodes["n1"]
	h.end()
	h.spawn(step)
	l.healthy()
	port := l.freePorts(1)[0]
	text := l.text("round 0", fmt.Sprint("round ", round), fmt.Sprintf("monitor { port = %d }", l.ports["n1"][2]), fmt.Sprintf("monitor { port = %d }", port))
	l.ship(text)
	h.dies(step)
	died := time.Now()
	w.goesOn()
	l.t.Logf("killed at %q: more puts without it after %v", step, time.Since(died).Round(time.Millisecond))
	h.spawn("")
	l.healthy()
	if good, err := newestLastGood(l, h); err != nil || !bytes.Equal(good.Text, []byte(text)) {
		l.t.Errorf("killed at %q, the last good file is another one: %v", step, err)
	}
	if dead(port) == nil {
		l.t.Errorf("killed at %q, it does not listen on the new port", step)
	}
	eventually(l.t, func() error { return l.noLease("n2") })
}

// noLease objects while the lease is taken, or was a moment ago.
func (l *lab) noLease(node string) error {
	var jsz struct {
		Accounts []struct {
			Streams []struct {
				Name  string
				State struct{ Messages int }
			} `json:"stream_detail"`
		} `json:"account_details"`
	}
	if err := l.monitor(node, "jsz?streams=1", &jsz); err != nil {
		return err
	}
	for _, a := range jsz.Accounts {
		for _, s := range a.Streams {
			if s.Name == "KV_"+leaseBucket && s.State.Messages > 0 {
				return errors.New("somebody has the lease")
			}
		}
	}
	return nil
}
