package node

import (
	"context"
	"fmt"
	"slices"
	"time"

	"unibus/internal/api"
)

const (
	// glance is how often a node looks for what has changed in the cluster.
	glance = 500 * time.Millisecond
	// settledFor is for how long everything must be well before it counts as settled.
	settledFor = 2 * time.Second
	// maxEvents is how many events are remembered.
	maxEvents = 200
	// manyMoves is from how many leaders that move at once they are one event.
	manyMoves = 5
)

// watching is what the last look has shown, and what has happened before. It is guarded by collector.mu.
type watching struct {
	last   *api.Status
	events []api.Event
	number uint64
}

// overlook looks for what has changed until ctx ends, so that there is a history when somebody asks.
func (d *daemon) overlook(ctx context.Context) error {
	for pause(ctx, glance) {
		s := d.sight().status()
		d.view.mu.Lock()
		if !calm(s) {
			d.view.settled = time.Time{}
		} else if d.view.settled.IsZero() {
			d.view.settled = time.Now()
		}
		d.view.watch.see(s)
		d.view.unlinked = unlinked(d.view.unlinked, s)
		d.view.mu.Unlock()
	}
	return nil
}

// unlinked is since when there is no route between two nodes that are up.
func unlinked(before map[[2]string]time.Time, s api.Status) map[[2]string]time.Time {
	up, now := map[string]bool{}, map[[2]string]time.Time{}
	for _, n := range s.Nodes {
		up[n.Name] = n.State == api.StateUp
	}
	for _, n := range s.Nodes {
		for _, other := range n.Routes.Missing {
			pair := [2]string{min(n.Name, other), max(n.Name, other)}
			if up[n.Name] && up[other] {
				now[pair] = s.Time
			}
			if since, ok := before[pair]; ok && up[n.Name] && up[other] {
				now[pair] = since
			}
		}
	}
	return now
}

// calm tells whether everything is well and every node agrees about the replicas that it holds.
func calm(s api.Status) bool {
	return s.Verdict == api.Healthy && !slices.ContainsFunc(s.Nodes, func(n api.Node) bool { return n.Unsettled != nil })
}

// events are those after a number, the oldest first.
func (d *daemon) events(after uint64) []api.Event {
	d.view.mu.Lock()
	defer d.view.mu.Unlock()
	out := []api.Event{}
	for _, e := range d.view.watch.events {
		if e.Number > after {
			out = append(out, e)
		}
	}
	return out
}

// see makes events of the differences to the last look.
func (w *watching) see(s api.Status) {
	old := w.last
	w.last = &s
	if old == nil {
		w.add(s.Time, api.EventVerdict, "cluster."+s.Cluster, "seen by %s: %s", s.Node, s.Verdict)
		return
	}
	if s.Verdict != old.Verdict {
		w.add(s.Time, api.EventVerdict, "cluster."+s.Cluster, "%s, was %s", s.Verdict, old.Verdict)
	}
	for _, p := range s.Problems {
		if !about(old.Problems, p) {
			w.add(s.Time, api.EventProblem, p.Subject, "%s", p.Summary)
		}
	}
	for _, p := range old.Problems {
		if !about(s.Problems, p) {
			w.add(s.Time, api.EventSolved, p.Subject, "%s", p.Summary)
		}
	}
	if is := s.Meta.Leader; is != nil && (old.Meta.Leader == nil || *old.Meta.Leader != *is) {
		w.add(s.Time, api.EventLeader, "cluster."+s.Cluster, "%s leads the meta group", *is)
	}
	w.leaders(s, old)
}

// about tells whether a problem is among others. Its words change while it lasts.
func about(all []api.Problem, p api.Problem) bool {
	return slices.ContainsFunc(all, func(o api.Problem) bool { return o.Code == p.Code && o.Subject == p.Subject })
}

// leaders makes events of the assets that are led by another node.
func (w *watching) leaders(s api.Status, old *api.Status) {
	was := map[[3]string]string{}
	each(*old, func(kind string, a api.Asset) {
		if a.Leader != nil {
			was[[3]string{kind, a.Account, a.Name}] = *a.Leader
		}
	})
	moved := map[string]string{}
	var order []string
	each(s, func(kind string, a api.Asset) {
		before := was[[3]string{kind, a.Account, a.Name}]
		if a.Leader != nil && before != *a.Leader {
			subject := kind + "." + a.Name
			order = append(order, subject)
			moved[subject] = fmt.Sprintf("%s leads %s", *a.Leader, a.Name)
		}
	})
	if len(order) > manyMoves {
		w.add(s.Time, api.EventLeader, "cluster."+s.Cluster, "%d assets have another leader", len(order))
		return
	}
	for _, subject := range order {
		w.add(s.Time, api.EventLeader, subject, "%s", moved[subject])
	}
}

// each calls f for every asset.
func each(s api.Status, f func(kind string, a api.Asset)) {
	for _, list := range []struct {
		kind string
		all  []api.Asset
	}{{"bucket", s.Buckets}, {"stream", s.Streams}, {"object_store", s.ObjectStores}} {
		for _, a := range list.all {
			f(list.kind, a)
		}
	}
}

func (w *watching) add(at time.Time, kind, subject, format string, args ...any) {
	w.number++
	w.events = append(w.events, api.Event{Number: w.number, Time: at, Kind: kind, Subject: subject, Text: fmt.Sprintf(format, args...)})
	w.events = w.events[max(0, len(w.events)-maxEvents):]
}
