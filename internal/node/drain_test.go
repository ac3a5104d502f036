package node

import (
	"context"
	"errors"
	"fmt"
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
