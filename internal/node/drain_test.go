package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"unibus/internal/api"
)

// TestDrainDuringTurn asks for a drain of each node at the moment when it begins its restart in turn. The restart must come
// to its end all the same.
func TestDrainDuringTurn(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1", "n2", "n3")
	l.ship(l.text())
	l.startAll()
	text := l.moved()
	l.ship(text)
	hit := map[string]bool{}
	eventually(t, func() error {
		for name, h := range l.nodes {
			if !hit[name] && strings.Contains(h.log.String(), "restarting in turn") {
				hit[name] = true
				l.ask(api.NodeDrain, name)
			}
			if hit[name] {
				if last := l.ask(api.NodeUndrain, name); last.State != api.EventDone {
					return fmt.Errorf("undrain %s: %s", name, last.Message)
				}
			}
		}
		if len(hit) < len(l.nodes) {
			return errors.New("not every node has begun its restart")
		}
		return nil
	})
	for _, h := range l.nodes {
		h.applied(text)
	}
	l.healthy()
}

// ask asks another node for an action on one, for a moment, and returns what came of it.
func (l *lab) ask(action, node string) api.NodeEvent {
	at := l.names[0]
	if at == node {
		at = l.names[1]
	}
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Second)
	defer cancel()
	last, err := l.nodes[at].client().Node(ctx, api.NodeRequest{Action: action, Node: node}, func(api.NodeEvent) {})
	if err != nil {
		last.Message = err.Error()
	}
	return last
}

// TestDrainedHasNoRoom declares a bucket while a node is drained. It is made without that node, the status says why it has
// not all its replicas, and it gets them as soon as the drain is taken back.
func TestDrainedHasNoRoom(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1", "n2", "n3")
	l.ship(l.text())
	l.startAll()
	drained := func(action string, want bool) {
		t.Helper()
		eventually(t, func() error {
			s, err := l.nodes["n1"].status()
			if err == nil && s.Nodes[2].Drained != want {
				err = fmt.Errorf("%s: %s", action, l.ask(action, "n3").Message)
			}
			return err
		})
	}
	drained(api.NodeDrain, true)
	l.ship(l.text(`bucket "rooms"`, "bucket \"later\" {}\n  bucket \"rooms\""))
	const why = "2 of 3 replicas: no further node matches its placement; drained: n3"
	for _, h := range l.nodes {
		eventually(t, func() error {
			s, err := h.status()
			if err != nil {
				return err
			}
			i := slices.IndexFunc(s.Buckets, func(b api.Asset) bool { return b.Name == "later" })
			if i < 0 || s.Buckets[i].Replicas.Current != 2 || s.Buckets[i].Reason == nil || *s.Buckets[i].Reason != why {
				return fmt.Errorf("%s sees %+v", h.name, s.Buckets)
			}
			return nil
		})
	}
	drained(api.NodeUndrain, false)
	l.healthy()
}
