package node

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"unibus/internal/api"
)

// TestNodeComesAndGoes adds a fourth node to a running cluster by shipping a file and starting it, and takes it out by
// shipping another one, while clients work on all nodes.
func TestNodeComesAndGoes(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1", "n2", "n3", "n4")
	four := l.text("round 0", "with four")
	old := l.names[:3]
	l.names = old
	l.ship(l.text())
	l.startAll()
	w := l.startLoad()

	l.names = append(slices.Clone(old), "n4")
	l.ship(four)
	for _, name := range old {
		l.nodes[name].applied(four)
	}
	l.nodes["n4"].start()
	l.healthy()
	l.members(4)

	l.names = old
	three := l.text("round 0", "with three")
	l.ship(three) // the fourth host keeps the file it had
	start := time.Now()
	alone := func() error { // it takes itself for connected until it is told that it is not
		for _, name := range old {
			var routez struct {
				Routes []struct {
					Name string `json:"remote_name"`
				}
			}
			if err := l.monitor(name, "routez", &routez); err != nil {
				return err
			}
			for _, r := range routez.Routes {
				if r.Name == "n4" {
					return fmt.Errorf("%s has a route to it", name)
				}
			}
		}
		return nil
	}
	eventually(t, alone)
	t.Logf("out on all hosts %v after the file was shipped", time.Since(start).Round(time.Millisecond))
	for _, name := range old {
		l.nodes[name].applied(three)
	}
	until := time.Now().Add(5 * time.Second)
	eventually(t, func() error {
		if err := alone(); err != nil {
			t.Fatalf("it has come back: %v", err)
		}
		if time.Now().Before(until) {
			return errors.New("out so far")
		}
		return nil
	})
	if s, err := l.nodes["n1"].status(); err != nil || !slices.ContainsFunc(s.Problems, func(p api.Problem) bool { return p.Code == "UB2207" }) {
		t.Errorf("nobody says that the meta group still counts it: %+v, %v", s.Problems, err)
	}
	if w.disconnects.Load() > 0 {
		t.Errorf("%d clients were disconnected", w.disconnects.Load())
	}
	w.check(t)
}

// TestRemovedNodeSaysSo gives the file to the node that is gone from it. It goes on alone, and says why.
func TestRemovedNodeSaysSo(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1", "n2", "n3", "n4")
	l.ship(l.text())
	l.startAll()
	all := l.names
	l.names = all[:3]
	text := l.text()
	l.names = all
	l.ship(text)
	for _, name := range all[:3] {
		l.nodes[name].applied(text)
	}
	if r := l.nodes["n4"].refuses(text); !strings.Contains(fmt.Sprint(r.Problems), "gone from the file") {
		t.Errorf("%+v", r)
	}
}

// members waits until the meta group has so many.
func (l *lab) members(n int) {
	l.t.Helper()
	eventually(l.t, func() error {
		s, err := l.nodes[l.names[0]].status()
		if err == nil && (s.Meta.Peers != n || s.Meta.Current != n) {
			err = fmt.Errorf("the meta group is %+v", s.Meta)
		}
		return err
	})
}
