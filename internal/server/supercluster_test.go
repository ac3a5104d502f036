package server

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
)

// supercluster is three clusters on loopback, with gateways between them: east and west with three nodes each, and an
// arbiter.
func supercluster(t *testing.T) *schema.Topology {
	t.Helper()
	ca := newAuthority(t)
	super := &schema.Topology{
		Name:     "orders",
		Gateways: &schema.Gateways{User: "gateway", Password: schema.NewSecret("gateway-password")},
		Shared:   schema.Shared{Accounts: []*schema.Account{{Name: schema.DefaultAccount}}},
	}
	all := loopback(t, ca, "east-1", "east-2", "east-3", "west-1", "west-2", "west-3", "arbiter").Clusters[0]
	taken := map[string]*schema.Cluster{}
	for _, n := range all.Nodes {
		name, _, _ := strings.Cut(n.Name, "-")
		c := taken[name]
		if c == nil {
			c = &schema.Cluster{Name: name, Routes: all.Routes}
			taken[name] = c
			super.Clusters = append(super.Clusters, c)
		}
		n.Arbiter = name == "arbiter"
		c.Nodes = append(c.Nodes, n)
	}
	return super
}

// led objects until every node sees one meta group of a size, with a leader.
func led(size int, nodes ...*running) func() error {
	return func() error {
		for _, n := range nodes {
			if m := n.Meta(); m.Size != size || m.Leader == "" {
				return fmt.Errorf("%s sees %+v", n.nats.Name(), m)
			}
			if peers := n.Peers(); len(peers) != len(nodes)-1 && len(nodes) == size {
				return fmt.Errorf("%s reaches %v", n.nats.Name(), peers)
			}
		}
		return nil
	}
}

// TestSupercluster shows that seven nodes in three clusters make one meta group, that assets go where they are placed and
// never to the arbiter, that accounts reach each other across clusters, and that one side survives the loss of the other,
// because the arbiter votes.
func TestSupercluster(t *testing.T) {
	topology := supercluster(t)
	shop, app := member("SHOP", "seller"), member("APP", "buyer")
	shop.Exports = []*schema.Export{{Stream: "orders.>"}, {Service: "quote.*"}}
	app.Imports = []*schema.Import{
		{Stream: &schema.Imported{Account: "SHOP", Subject: "orders.>"}, Prefix: "shop"},
		{Service: &schema.Imported{Account: "SHOP", Subject: "quote.*"}},
	}
	topology.Accounts = append(topology.Accounts, shop, app)
	nodes := map[string]*running{}
	var all []*running
	for _, n := range topology.Nodes() {
		r := start(t, topology, n.Name)
		nodes[n.Name] = r
		all = append(all, r)
	}
	eventually(t, led(7, all...))

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	js, err := jetstream.New(daemon(t, nodes["west-1"], schema.DefaultAccount))
	if err != nil {
		t.Fatal(err)
	}
	var stream jetstream.Stream
	eventually(t, func() error {
		stream, err = js.CreateStream(ctx, jetstream.StreamConfig{
			Name: "ORDERS", Subjects: []string{"orders.*"}, Replicas: 3, Placement: &jetstream.Placement{Cluster: "west"},
		})
		return err
	})
	if c := stream.CachedInfo().Cluster; c.Name != "west" || len(c.Replicas) != 2 {
		t.Fatalf("ORDERS is in %s with %d followers", c.Name, len(c.Replicas))
	}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "NO", Placement: &jetstream.Placement{Cluster: "arbiter"}}); err == nil {
		t.Fatal("the arbiter took a stream")
	}

	seller, buyer := login(t, nodes["east-1"], "seller"), login(t, nodes["west-2"], "buyer")
	orders, err := buyer.SubscribeSync("shop.orders.>")
	if err != nil {
		t.Fatal(err)
	}
	answers(t, seller, "quote.tea", "three")
	asks(t, buyer, "quote.tea", "three")
	hears(t, seller, "orders.new", orders, "shop.orders.new")

	for _, name := range []string{"east-1", "east-2", "east-3"} {
		nodes[name].StopNow()
		if err := nodes[name].stop(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() error {
		if _, err := js.Publish(ctx, "orders.1", []byte("x")); err != nil {
			return err
		}
		return led(7, nodes["west-1"], nodes["west-2"], nodes["west-3"], nodes["arbiter"])()
	})
}
