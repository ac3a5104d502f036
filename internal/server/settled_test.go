package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
)

// TestUnsettled asks nodes what a stop of another one could harm: nothing while they all stand still, something as soon
// as a replica is away, and nothing again when it is back.
func TestUnsettled(t *testing.T) {
	topology := loopback(t, nil, "magnus", "homer", "datardos")
	nodes := []*running{start(t, topology, "magnus"), start(t, topology, "homer"), start(t, topology, "datardos")}
	eventually(t, formed(nodes...))
	js, err := jetstream.New(daemon(t, nodes[0], schema.DefaultAccount))
	if err != nil {
		t.Fatal(err)
	}
	var s jetstream.Stream
	eventually(t, func() (err error) {
		s, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, Replicas: 3})
		return err
	})
	if _, err := s.CreateConsumer(t.Context(), jetstream.ConsumerConfig{Durable: "C"}); err != nil {
		t.Fatal(err)
	}
	settled := func() error {
		for _, n := range nodes {
			if why := n.Unsettled(); why != "" {
				return fmt.Errorf("%s: %s", n.conf.node.Name, why)
			}
		}
		return nil
	}
	eventually(t, settled)
	calm := time.Now()
	eventually(t, func() error { // longer than a replica may be silent
		if err := settled(); err != nil {
			calm = time.Now() // a busy machine makes heartbeats late
			return err
		}
		if since := time.Since(calm); since < silent+2*time.Second {
			return fmt.Errorf("settled for only %v", since)
		}
		return nil
	})
	nodes[2].StopNow()
	if err := nodes[2].stop(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if all := nodes[0].Unsettled() + nodes[1].Unsettled(); !strings.Contains(all, "datardos is away") {
			return fmt.Errorf("unsettled: %q", all)
		}
		return nil
	})
	nodes[2] = start(t, topology, "datardos")
	eventually(t, settled)
}

// TestMetadata shows what a node is told to show, and changes it while it runs.
func TestMetadata(t *testing.T) {
	topology := loopback(t, nil, "magnus")
	n := start(t, topology, "magnus")
	c := n.conf.WithMetadata(map[string]string{"unibus_digest": `3f"a9`, "unibus_reload": "applied"})
	if err := n.Reload(c); err != nil {
		t.Fatal(err)
	}
	v, err := n.nats.Varz(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(v.Metadata); got != `map[unibus_digest:3f"a9 unibus_reload:applied]` {
		t.Error(got)
	}
}
