//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"unibus/internal/netlab"
)

// superAddrs are the nodes of examples/supercluster.hcl.
var superAddrs = map[string]string{
	"east-az1": "10.1.0.1", "east-az2": "10.1.0.2", "east-az3": "10.1.0.3",
	"west-az1": "10.2.0.1", "west-az2": "10.2.0.2", "west-az3": "10.2.0.3",
	"arbiter": "10.3.0.1",
}

const superPassword = "application-password"

// newSuperLab is the seven hosts of the supercluster example. The file is that of the example but for the paths.
func newSuperLab(t *testing.T, pairs ...string) *lab {
	t.Helper()
	l := &lab{t: t, net: netlab.New(t), dir: t.TempDir(), hosts: map[string]*netlab.Host{}}
	for name, addr := range superAddrs {
		l.hosts[name] = l.net.Host(name, addr)
	}
	l.laptop = l.net.Host("laptop", "10.9.0.1")
	text, err := os.ReadFile("../../examples/supercluster.hcl")
	if err != nil {
		t.Fatal(err)
	}
	secret := func(name, value string) string { return fmt.Sprintf("file(%q)", l.write(name, []byte(value))) }
	l.file = l.write("unibus.hcl", []byte(l.edit(string(text), append([]string{
		"/var/lib/unibus", l.path("store"),
		`file("/etc/unibus/secrets/gateway")`, secret("gateway", routePassword),
		`env("UNIBUS_SYS_PASSWORD")`, secret("sys", "system-password"),
		`env("UNIBUS_USER_PASSWORD")`, secret("user", superPassword),
	}, pairs...)...)))
	return l
}

// startSuper starts all seven and waits for one meta group of the given size with a leader.
func (l *lab) startSuper(size int, names ...string) map[string]*process {
	l.t.Helper()
	all := map[string]*process{}
	for name := range superAddrs {
		all[name] = l.start(name)
	}
	eventually(l.t, func() error { return l.metaGroup(size, names...) })
	return all
}

// metaGroup objects until the nodes see one meta group of a size, with a leader.
func (l *lab) metaGroup(size int, names ...string) error {
	leaders := map[string]bool{}
	for _, name := range names {
		var jsz struct {
			Meta struct {
				Leader string
				Size   int `json:"cluster_size"`
			} `json:"meta_cluster"`
		}
		if err := l.monitor(name, "jsz", &jsz); err != nil {
			return err
		}
		if jsz.Meta.Size != size || jsz.Meta.Leader == "" {
			return fmt.Errorf("%s sees a meta group of %d with the leader %q", name, jsz.Meta.Size, jsz.Meta.Leader)
		}
		leaders[jsz.Meta.Leader] = true
	}
	if len(leaders) != 1 {
		return fmt.Errorf("there are the leaders %v", leaders)
	}
	return nil
}

// app connects the application from the laptop to one node.
func (l *lab) app(node string) *nats.Conn {
	l.t.Helper()
	var nc *nats.Conn
	eventually(l.t, func() (err error) {
		nc, err = nats.Connect("nats://"+superAddrs[node]+":"+clientPort, l.application()...)
		return err
	})
	l.t.Cleanup(nc.Close)
	return nc
}

var (
	eastNodes = []string{"east-az1", "east-az2", "east-az3"}
	westNodes = []string{"west-az1", "west-az2", "west-az3"}
)

// TestSupercluster starts the seven hosts of the example, finds the bucket where the file places it, cuts off a site and then
// another, and loses a whole site: the rest goes on, because the arbiter votes.
func TestSupercluster(t *testing.T) {
	t.Parallel()
	l := newSuperLab(t)
	everyone := append(slices.Concat(eastNodes, westNodes), "arbiter")
	all := l.startSuper(7, everyone...)
	eventually(t, func() error { return l.seesEverybody(everyone) })

	// A request that finds a stream between two leaders is never answered.
	attempt := func() (context.Context, context.CancelFunc) { return context.WithTimeout(t.Context(), 2*time.Second) }
	through := func(node string) jetstream.KeyValue {
		js, err := jetstream.New(l.app(node))
		if err != nil {
			t.Fatal(err)
		}
		var kv jetstream.KeyValue
		eventually(t, func() (err error) {
			ctx, cancel := attempt()
			defer cancel()
			kv, err = js.KeyValue(ctx, "CUSTOMERS")
			return err
		})
		return kv
	}
	east, west := through("east-az1"), through("west-az1")
	orders := l.orders("east-az1")
	orders.on("ORDERS", westNodes...) // of which each is in a zone of its own
	orders.writable()
	eventually(t, func() error {
		ctx, cancel := attempt()
		defer cancel()
		s, err := east.Status(ctx)
		if err != nil {
			return err
		}
		c := s.(*jetstream.KeyValueBucketStatus).StreamInfo().Cluster
		on := []string{c.Leader}
		for _, p := range c.Replicas {
			if !p.Current {
				return fmt.Errorf("the replica on %s is not current", p.Name)
			}
			on = append(on, p.Name)
		}
		if slices.Sort(on); !slices.Equal(on, westNodes) {
			return fmt.Errorf("CUSTOMERS is on %v", on)
		}
		return nil
	})
	put := func(kv jetstream.KeyValue, key string) {
		t.Helper()
		eventually(t, func() error {
			ctx, cancel := attempt()
			defer cancel()
			_, err := kv.Put(ctx, key, []byte("x"))
			return err
		})
	}
	put(east, "from-east")
	l.cutSites(t, everyone)

	for _, name := range eastNodes {
		all[name].kill()
	}
	put(west, "after")
	l.orders("west-az2").writable()
	for _, key := range []string{"from-east", "after"} {
		eventually(t, func() error {
			ctx, cancel := attempt()
			defer cancel()
			_, err := west.Get(ctx, key)
			return err
		})
	}
	eventually(t, func() error { return l.metaGroup(7, append(westNodes, "arbiter")...) })
}

// orders is an application that uses the stream ORDERS through one node.
func (l *lab) orders(node string) *journal {
	js, err := jetstream.New(l.app(node))
	if err != nil {
		l.t.Fatal(err)
	}
	return &journal{t: l.t, js: js}
}

// writable waits until an order is acknowledged.
func (j *journal) writable() {
	j.t.Helper()
	eventually(j.t, func() error {
		ctx, cancel := context.WithTimeout(j.t.Context(), 2*time.Second)
		defer cancel()
		_, err := j.js.Publish(ctx, "orders.new", nil)
		return err
	})
}

// seesEverybody objects until every node has a gateway to both other clusters and knows every other voter.
func (l *lab) seesEverybody(names []string) error {
	for _, name := range names {
		var gatewayz struct {
			Outbound map[string]any `json:"outbound_gateways"`
		}
		if err := l.monitor(name, "gatewayz", &gatewayz); err != nil {
			return err
		}
		if len(gatewayz.Outbound) != 2 {
			return fmt.Errorf("%s has gateways to %d clusters", name, len(gatewayz.Outbound))
		}
		var raftz map[string]map[string]struct {
			Peers map[string]struct{ Known bool }
		}
		if err := l.monitor(name, "raftz?acc=$SYS&group=_meta_", &raftz); err != nil {
			return err
		}
		known := 0
		for _, p := range raftz["$SYS"]["_meta_"].Peers {
			if p.Known {
				known++
			}
		}
		if known < 6 {
			return fmt.Errorf("%s knows %d of the other 6 members of the meta group", name, known)
		}
	}
	return nil
}

// TestSuperclusterWithoutThirdVote is the same with an arbiter that cannot vote: validate warns of it, and the loss of a
// site leaves the other without a meta leader.
func TestSuperclusterWithoutThirdVote(t *testing.T) {
	t.Parallel()
	l := newSuperLab(t, "arbiter = true\n", "arbiter = true\n      jetstream {\n        enabled = false\n      }\n")
	var out strings.Builder
	if code := run(t.Context(), []string{"validate", l.file}, nil, &out, &out); code != 0 || !strings.Contains(out.String(), "does not vote") ||
		!strings.Contains(out.String(), "JetStream would stop everywhere") {
		t.Errorf("validate exits with %d and says\n%s", code, &out)
	}
	all := l.startSuper(6, slices.Concat(eastNodes, westNodes)...)
	for _, name := range eastNodes {
		all[name].kill()
	}
	eventually(t, func() error {
		if l.metaGroup(6, westNodes...) == nil {
			return errors.New("west has a meta leader")
		}
		return nil
	})
}
