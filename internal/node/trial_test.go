package node

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"unibus/internal/api"
)

// TestTry takes a file up for a moment. It goes back by itself, and the file that is still there is only taken up again
// when somebody asks for it.
func TestTry(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1")
	old, tried := l.text(), l.text("round 0", "round 1", "\"1GiB\"", "\"2GiB\"")
	l.ship(old)
	l.startAll()
	h := l.nodes["n1"]
	if r := h.reload(api.ReloadRequest{TrySeconds: 1}); r.Result != api.ReloadRefused || !strings.Contains(r.Error, "nothing that a trial could go back to") {
		t.Errorf("the file of the start is tried: %+v", r)
	}
	r := h.try(tried, 1)
	h.applied(old)
	h.refuses(tried)
	h.hup <- syscall.SIGHUP
	eventually(t, func() error {
		n, err := h.own()
		if err == nil && (n.Reload.Trigger != bySignal || n.Reload.Result != api.ReloadRefused || !strings.Contains(n.Reload.Error, "on trial")) {
			err = fmt.Errorf("%+v", n.Reload)
		}
		return err
	})
	good, err := newestLastGood(l, h)
	if err != nil || string(good.Text) != old || good.Rejected != r.FileHash {
		t.Errorf("the last good file is not the old one: %v %+v", err, good)
	}
	if r := h.reload(api.ReloadRequest{}); r.Result != api.ReloadPending && r.Result != api.ReloadApplied {
		t.Errorf("%+v", r)
	}
	h.applied(tried)
	if good, err = newestLastGood(l, h); err != nil || string(good.Text) != tried || good.Rejected != "" {
		t.Errorf("the last good file is not the new one: %v %+v", err, good)
	}
}

// try ships a text and takes it up on trial. The watcher may be quicker, and that makes no difference.
func (h *host) try(text string, seconds float64) api.Reload {
	h.lab.t.Helper()
	h.write("unibus.hcl", text)
	r := h.reload(api.ReloadRequest{TrySeconds: seconds})
	if r.RevertAt == nil {
		h.lab.t.Fatalf("%+v", r)
	}
	return r
}

func newestLastGood(l *lab, h *host) (LastGood, error) {
	g, ok := FindLastGood(h.path("unibus.hcl"), nil, l.path("store"), h.name)
	if !ok {
		return g, errors.New("there is no last good file")
	}
	return g, nil
}

// TestKeep keeps what was tried. Only then is it the last good file.
func TestKeep(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1")
	old, tried := l.text(), l.text("round 0", "round 1")
	l.ship(old)
	l.startAll()
	h := l.nodes["n1"]
	if r := h.reload(api.ReloadRequest{Keep: true}); r.Result != api.ReloadRefused || !strings.Contains(r.Error, "no reload is on trial") {
		t.Errorf("%+v", r)
	}
	r := h.try(tried, 3600)
	good, err := newestLastGood(l, h)
	if err != nil || string(good.Text) == tried || good.Rejected != r.FileHash {
		t.Errorf("while it is tried, the last good file is %+v", good)
	}
	if kept := h.reload(api.ReloadRequest{Keep: true}); kept.Result != api.ReloadApplied || kept.FileHash != r.FileHash {
		t.Errorf("%+v", kept)
	}
	if good, err = newestLastGood(l, h); err != nil || string(good.Text) != tried || good.Rejected != "" {
		t.Errorf("when it was kept, the last good file is %+v", good)
	}
	if n, err := h.own(); err != nil || n.Reload.RevertAt != nil || *n.FileHash != r.FileHash {
		t.Errorf("%v %+v", err, n.Reload)
	}
}

// TestTryEndsWithANewFile ships another file during a trial. That one counts, and nothing goes back.
func TestTryEndsWithANewFile(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1")
	l.ship(l.text())
	l.startAll()
	h := l.nodes["n1"]
	h.try(l.text("round 0", "round 1"), 2)
	next := l.text("round 0", "round 2")
	l.ship(next)
	h.applied(next)
	if r := h.reload(api.ReloadRequest{Keep: true}); r.Result != api.ReloadRefused {
		t.Errorf("a trial is still on: %+v", r)
	}
}

// TestTryWaitsWithRestarts does not restart for a file that is on trial, but once it is kept.
func TestTryWaitsWithRestarts(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1")
	l.ship(l.text())
	l.startAll()
	h := l.nodes["n1"]
	h.try(l.moved(), 3600)
	l.waits("on trial", "n1")
	if r := h.reload(api.ReloadRequest{Keep: true}); r.Result != api.ReloadPending {
		t.Errorf("%+v", r)
	}
	eventually(t, func() error { return h.log.has("restarted in turn") })
}

// TestTryAgain tries one file after the other. What comes back in the end is the one from before the first.
func TestTryAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1")
	old := l.text()
	l.ship(old)
	l.startAll()
	h := l.nodes["n1"]
	first := h.try(l.text("round 0", "round 1"), 3600)
	second := h.try(l.text("round 0", "round 2"), 1)
	if first.FileHash == second.FileHash {
		t.Fatal("both are the same")
	}
	h.applied(old)
}

// TestTryWhatRuns asks for the trial of a file when the watcher has long taken it up. It goes back all the same, once.
func TestTryWhatRuns(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1")
	old, tried := l.text(), l.text("round 0", "round 1")
	l.ship(old)
	l.startAll()
	h := l.nodes["n1"]
	l.ship(tried)
	h.applied(tried)
	if r := h.reload(api.ReloadRequest{TrySeconds: 0.5}); r.Result != api.ReloadUnchanged || r.RevertAt == nil {
		t.Fatalf("%+v", r)
	}
	h.applied(old)
	l.ship(old)
	h.applied(old)
	if r := h.reload(api.ReloadRequest{TrySeconds: 0.5}); r.Result != api.ReloadRefused {
		t.Errorf("what came back is tried: %+v", r)
	}
}
