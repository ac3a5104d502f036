//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// TestLinkOfTwo ships one file to two clusters that both hold data and let clients in over TLS only. They stay two, say why,
// and lose nothing; also when all of them are started anew at the same moment, and when one of them has lost its disk and
// could link with both.
func TestLinkOfTwo(t *testing.T) {
	t.Parallel()
	l := newGrowLab(t)
	l.secure(false)
	two := l.startTwo()
	refuse := func() {
		t.Helper()
		for _, n := range two.nodes() {
			two.all[n].says(`a restart waits: because="cluster .* runs and is not linked with this one .*two clusters that both hold data can never be linked`)
		}
		two.apart()
	}
	two.shipBoth()
	refuse()
	two.restart(two.nodes()...)
	refuse()

	bare := two.west[0]
	if l.leader(l.app(bare), "JOBS") == bare {
		bare = two.west[1]
	}
	two.all[bare].kill()
	if err := os.RemoveAll(l.store(bare)); err != nil {
		t.Fatal(err)
	}
	two.restart(bare)
	two.all[bare].says("the store is not linked with every cluster of the file yet: linked=west ")
	refuse()
}

// TestLinkByHand is TestLinkOfTwo where restarts are manual, so that every start may link. Then one cluster is emptied, and an
// operator restarts the nodes of the other one: they link when that one says that it is empty, and not before.
func TestLinkByHand(t *testing.T) {
	t.Parallel()
	l := newGrowLab(t)
	l.restarts = "manual"
	two := l.startTwo()
	two.shipBoth()
	two.restart(two.nodes()...)
	const stays = "the store is not linked with every cluster of the file yet: "
	for _, n := range two.nodes() {
		two.all[n].says(stays + `.*because="cluster .*(has not said yet that its stores are empty|two clusters that both hold data can never be linked)`)
	}
	two.apart()

	for _, n := range two.west {
		two.all[n].kill()
	}
	two.restart("east-az1")
	two.all["east-az1"].says(stays + `linked=east because="cluster .*west.* has not said yet that its stores are empty .*connection refused`)
	two.holds("LOG", "east-az1")
	for _, n := range two.west {
		if err := os.RemoveAll(l.store(n)); err != nil {
			t.Fatal(err)
		}
	}
	two.restart(two.west...)
	for _, n := range two.west {
		two.all[n].says("waiting until the clusters that run know this one")
	}
	for _, n := range two.east {
		two.restart(n)
		two.all[n].says("listening: ")
		if strings.Contains(two.all[n].log.String(), stays) {
			t.Errorf("%s was restarted and has not linked", n)
		}
	}
	eventually(t, func() error { return l.metaGroup(4, two.nodes()...) })
	two.holds("LOG", "west-az1")
	two.stream("JOBS", "east-az1", func(n uint64) bool { return n == 0 }) // created anew
}

// two are two clusters of two nodes, each with a stream of its own.
type two struct {
	*lab
	east, west []string
	all        map[string]*process
}

// startTwo starts two clusters that know nothing of each other, and puts data into both.
func (l *lab) startTwo() *two {
	l.t.Helper()
	c := &two{lab: l, east: eastNodes[:2], west: westNodes[:2], all: map[string]*process{}}
	l.shipTopology("east.hcl", oneCopy("LOG", "east"), c.east)
	l.shipTopology("west.hcl", oneCopy("JOBS", "west"), c.west)
	c.restart(c.nodes()...)
	c.put("LOG", c.east[0])
	c.put("JOBS", c.west[0])
	c.apart()
	return c
}

// oneCopy is a stream with one replica.
func oneCopy(name, cluster string) string {
	const stream = "    stream %q {\n      subjects = [%q]\n      replicas = 1\n      placement { cluster = %q }\n    }\n"
	return fmt.Sprintf(stream, name, strings.ToLower(name), cluster)
}

// shipBoth gives all nodes one file with both clusters.
func (c *two) shipBoth() {
	c.t.Helper()
	for _, name := range []string{"east.hcl", "west.hcl"} {
		c.shipTopology(name, oneCopy("LOG", "east")+oneCopy("JOBS", "west"), c.east, c.west)
	}
}

func (c *two) nodes() []string { return slices.Concat(c.east, c.west) }

// restart kills those of the nodes that run, and starts all of them.
func (c *two) restart(nodes ...string) {
	c.t.Helper()
	for _, n := range nodes {
		if p := c.all[n]; p != nil {
			p.kill()
		}
	}
	for _, n := range nodes {
		cluster, _, _ := strings.Cut(n, "-")
		c.all[n] = c.startOn(c.hosts[n], n, "--config", c.path(cluster+".hcl"))
	}
}

// apart waits until each cluster has a meta group of its own and its data.
func (c *two) apart() {
	c.t.Helper()
	eventually(c.t, func() error { return c.metaGroup(2, c.east...) })
	eventually(c.t, func() error { return c.metaGroup(2, c.west...) })
	c.holds("LOG", c.east[0])
	c.holds("JOBS", c.west[0])
}

// holds waits until a stream is there with what was put into it.
func (c *two) holds(stream, node string) {
	c.stream(stream, node, func(n uint64) bool { return n > 0 })
}

func (c *two) stream(name, node string, as func(messages uint64) bool) {
	c.t.Helper()
	js, err := jetstream.New(c.app(node))
	if err != nil {
		c.t.Fatal(err)
	}
	eventually(c.t, func() error {
		ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Second)
		defer cancel()
		s, err := js.Stream(ctx, name)
		if err == nil && !as(s.CachedInfo().State.Msgs) {
			err = fmt.Errorf("%s has %d messages", name, s.CachedInfo().State.Msgs)
		}
		return err
	})
}

// put publishes a message.
func (c *two) put(stream, node string) {
	c.t.Helper()
	js, err := jetstream.New(c.app(node))
	if err != nil {
		c.t.Fatal(err)
	}
	eventually(c.t, func() error {
		ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Second)
		defer cancel()
		_, err := js.Publish(ctx, strings.ToLower(stream), nil)
		return err
	})
}
