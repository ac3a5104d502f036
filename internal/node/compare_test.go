package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"unibus/internal/api"
)

// compare asks a node what a text would do.
func (h *host) compare(text string) api.Plan {
	h.lab.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	p, err := h.client().Plan(ctx, api.PlanRequest{Filename: "next.hcl", Text: []byte(text)})
	if err != nil {
		h.lab.t.Fatal(err)
	}
	return p
}

// item is what a plan says of an asset.
func item(t *testing.T, p api.Plan, kind, name string) api.PlanItem {
	t.Helper()
	i := slices.IndexFunc(p.Assets, func(a api.PlanItem) bool { return a.Kind == kind && a.Name == name })
	if i < 0 {
		t.Fatalf("the plan has no %s %q: %+v", kind, name, p.Assets)
	}
	return p.Assets[i]
}

// TestCompare asks a cluster of three what files would do to it: what is copied, which leaders move, and who restarts
// when. When a file is shipped, nothing is left to do.
func TestCompare(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1", "n2", "n3")
	var tags []string
	for _, name := range l.names {
		port := fmt.Sprintf("cluster_port = %d", l.ports[name][1])
		tags = append(tags, port, fmt.Sprintf("%s\n    tags = [%q]", port, "host:"+name))
	}
	const one = "  bucket \"small\" { replicas = 1 }\n}\n"
	text := strings.TrimSuffix(l.text(tags...), "}\n") + one
	l.ship(text)
	l.startAll()
	h := l.nodes["n1"]
	if p := h.compare(text); p.Class != "nothing" || len(p.Assets) > 0 || p.Against != api.AgainstCluster {
		t.Errorf("of the file that runs the plan is %+v", p)
	}

	js, err := jetstream.New(l.dialFirst("n1"))
	if err != nil {
		t.Fatal(err)
	}
	var on string
	var bytes uint64
	eventually(t, func() error {
		kv, err := js.KeyValue(t.Context(), "small")
		if err != nil {
			return err
		}
		if _, err := kv.Put(t.Context(), "key", make([]byte, 100_000)); err != nil {
			return err
		}
		s, err := kv.Status(t.Context())
		if err != nil {
			return err
		}
		on, bytes = s.(*jetstream.KeyValueBucketStatus).StreamInfo().Cluster.Leader, s.Bytes()
		return nil
	})
	elsewhere := l.names[(slices.Index(l.names, on)+1)%3]

	for _, c := range []struct {
		becomes string
		copies  uint64
		moves   bool
	}{
		{"replicas = 3", 2 * bytes, false},
		{fmt.Sprintf("replicas = 1\n    placement { tags = [%q] }", "host:"+elsewhere), bytes, true},
		{fmt.Sprintf("replicas = 1\n    placement { tags = [%q] }", "host:"+on), 0, false},
		{"history = 7", 2 * bytes, false}, // replicas are three where the file does not say
	} {
		a := item(t, h.compare(strings.Replace(text, one, "  bucket \"small\" {\n    "+c.becomes+"\n  }\n}\n", 1)), "bucket", "small")
		if *a.CopyBytes != c.copies || *a.LeaderMoves != c.moves {
			t.Errorf("%s copies %d bytes and moves a leader: %t; want %d, %t", c.becomes, *a.CopyBytes, *a.LeaderMoves, c.copies, c.moves)
		}
		if r := a.Changes[0].NewRange; r == nil || r.Filename != "next.hcl" {
			t.Errorf("%s has no line: %+v", c.becomes, a.Changes[0])
		}
	}

	changed := strings.Replace(text, `description = "round 0"`, `description = "round 1"`, 1)
	moved := changed
	for i, port := range l.freePorts(3) {
		moved = strings.Replace(moved, fmt.Sprintf("monitor { port = %d }", l.ports[l.names[i]][2]), fmt.Sprintf("monitor { port = %d }", port), 1)
	}
	p := h.compare(moved)
	s, err := h.status()
	if err != nil {
		t.Fatal(err)
	}
	if len(p.RestartOrder) != 3 || p.RestartOrder[2] != *s.Meta.Leader {
		t.Errorf("the order of restarts is %v, and %s leads", p.RestartOrder, *s.Meta.Leader)
	}
	item(t, p, "bucket", "rooms")
	l.ship(changed)
	for _, h := range l.nodes {
		h.applied(changed)
	}
	l.healthy()
	if p := h.compare(changed); p.Class != "nothing" || len(p.Assets) > 0 {
		t.Errorf("of the file that was shipped the plan is %+v", p)
	}
	l.nodes["n3"].end()
	eventually(t, func() error {
		if p := h.compare(changed); !slices.ContainsFunc(p.Risks, func(r string) bool { return strings.HasPrefix(r, "node n3 does not answer") }) {
			return fmt.Errorf("the risks are %q", p.Risks)
		}
		return nil
	})
}
