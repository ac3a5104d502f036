package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"unibus/config/schema"
)

// TestRotate changes the password of the routes as three hosts do that get the file in any order, and looks at the routes
// all the time: there is never one less, and in the end every one is still the connection that it was. Each node can
// then be dialled with the last password only.
func TestRotate(t *testing.T) {
	for _, tls := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls %v", tls), func(t *testing.T) {
			var ca *authority
			if tls {
				ca = newAuthority(t)
			}
			topology := loopback(t, ca, "magnus", "homer", "datardos")
			nodes := []*running{start(t, topology, "magnus"), start(t, topology, "homer"), start(t, topology, "datardos")}
			eventually(t, formed(nodes...))
			before := routesOf(t, nodes)
			watch := startWatch(t, nodes)
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 0))
			old := schema.NewSecret(routePassword)
			for round := range 5 {
				changed := schema.NewSecret(fmt.Sprintf("ch@nged %d", round))
				for _, step := range []func(*schema.Routes){
					func(r *schema.Routes) { r.Password, r.PreviousPassword = changed, old },
					func(r *schema.Routes) { r.PreviousPassword = schema.Secret{} },
				} {
					topology = next(topology, func(c *schema.Cluster) { step(c.Routes) })
					for _, i := range random.Perm(len(nodes)) {
						nodes[i].mustReload(t, topology)
					}
				}
				old = changed
			}
			samples, fewest := watch()
			if fewest != 6 {
				t.Errorf("there were only %d of 6 ends of routes", fewest)
			}
			if after := routesOf(t, nodes); !slices.Equal(before, after) {
				t.Errorf("the routes were %v and are %v", before, after)
			}
			t.Logf("5 rotations, 30 reloads, %d looks, never less than %d of 6 ends of routes", samples, fewest)

			nodes[0].StopNow()
			if err := nodes[0].stop(); err != nil {
				t.Fatal(err)
			}
			again := start(t, topology, "magnus")
			eventually(t, formed(again, nodes[1], nodes[2]))
			for _, n := range nodes {
				if s := n.log.String(); strings.Contains(s, "ch@nged") || strings.Contains(s, routePassword) {
					t.Errorf("a password is in the log of %s:\n%s", n.conf.node.Name, s)
				}
			}
		})
	}
}

// routesOf are the connections behind all routes.
func routesOf(t *testing.T, nodes []*running) []string {
	t.Helper()
	var all []string
	for _, n := range nodes {
		routes, err := n.nats.Routez(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range routes.Routes {
			all = append(all, fmt.Sprintf("%s-%s %d %s", n.conf.node.Name, r.RemoteName, r.Rid, r.Start.Format(time.RFC3339Nano)))
		}
	}
	slices.Sort(all)
	return all
}

// startWatch counts the ends of routes as often as it can. The function ends that, and says how often it looked and what
// the least was.
func startWatch(t *testing.T, nodes []*running) func() (samples, fewest int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	done := make(chan struct{})
	samples, fewest := 0, 1<<30
	go func() {
		defer close(done)
		tick := time.NewTicker(200 * time.Microsecond)
		defer tick.Stop()
		for {
			ends := 0
			for _, n := range nodes {
				ends += n.nats.NumRoutes()
			}
			samples++
			fewest = min(fewest, ends)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return func() (int, int) { cancel(); <-done; return samples, fewest }
}

// TestMoveRoutes gives every node another cluster port, which each can only take up with a restart. The others go on
// dialling the old one until it is gone, so that nodes can be restarted one after the other.
func TestMoveRoutes(t *testing.T) {
	topology := loopback(t, newAuthority(t), "magnus", "homer", "datardos")
	nodes := []*running{start(t, topology, "magnus"), start(t, topology, "homer"), start(t, topology, "datardos")}
	eventually(t, formed(nodes...))
	before := routesOf(t, nodes)
	ports := freePorts(t, len(nodes))
	moved := next(topology, func(c *schema.Cluster) {
		c.Nodes = slices.Clone(c.Nodes)
		for i, n := range c.Nodes {
			n := *n
			n.ClusterPort = ports[i]
			c.Nodes[i] = &n
		}
	})
	for i, n := range nodes { // what is live: the others' ports
		n.mustReload(t, next(moved, func(c *schema.Cluster) {
			c.Nodes = slices.Clone(c.Nodes)
			c.Nodes[i] = topology.Nodes()[i]
		}))
	}
	if after := routesOf(t, nodes); !slices.Equal(before, after) {
		t.Errorf("the routes were %v and are %v", before, after)
	}
	for i, n := range nodes {
		n.StopNow()
		if err := n.stop(); err != nil {
			t.Fatal(err)
		}
		nodes[i] = start(t, moved, n.conf.node.Name)
		eventually(t, formed(nodes...))
	}
	for _, n := range nodes {
		if len(n.late) != 0 {
			t.Errorf("%s still dials %v at the old port", n.conf.node.Name, n.late)
		}
	}
}

// TestRemovedNodeInClearText takes a node out of the file of the others where nothing but the password tells who it is,
// and the password is right. It is out, also after it has been started again under another server ID; a node that has
// come back to the file is let in.
func TestRemovedNodeInClearText(t *testing.T) {
	topology := loopback(t, nil, "magnus", "homer", "datardos")
	nodes := []*running{start(t, topology, "magnus"), start(t, topology, "homer"), start(t, topology, "datardos")}
	eventually(t, formed(nodes...))
	without := next(topology, func(c *schema.Cluster) { c.Nodes = c.Nodes[:2] })
	for _, n := range nodes[:2] {
		n.mustReload(t, without)
	}
	alone := func() error {
		for i, want := range []string{"[homer]", "[magnus]"} {
			if got := fmt.Sprint(nodes[i].Peers()); got != want {
				return fmt.Errorf("peers %s, want %s", got, want)
			}
		}
		return nil
	}
	eventually(t, alone)
	eventually(t, func() error { return nodes[0].log.has(`it is node \"datardos\", which is not in the file`) })
	nodes[2].StopNow()
	if err := nodes[2].stop(); err != nil {
		t.Fatal(err)
	}
	nodes[2] = start(t, topology, "datardos")
	eventually(t, func() error {
		for _, peer := range []string{"magnus", "homer"} {
			if err := nodes[2].log.has("a peer refused this node", "peer="+peer); err != nil {
				return err
			}
		}
		return alone()
	})
	for _, n := range nodes[:2] {
		n.mustReload(t, topology)
	}
	eventually(t, formed(nodes...))
}

// TestRemovedNodeByGossip takes a node out of the file of one host only. When it has been started again, the third host,
// which still lets it in, tells the first about it, and nats-server dials it there. It does not stay. The node itself has
// another port of the first host in its file, so that it does not dial.
func TestRemovedNodeByGossip(t *testing.T) {
	closed := regexp.MustCompile(`closed: (Route Removed|Authentication Failure|Client Closed) - Remote: datardos`)
	for _, ca := range []*authority{nil, newAuthority(t)} {
		t.Run(fmt.Sprintf("tls %t", ca != nil), func(t *testing.T) {
			topology := loopback(t, ca, "magnus", "homer", "datardos")
			nodes := []*running{start(t, topology, "magnus"), start(t, topology, "homer"), start(t, topology, "datardos")}
			eventually(t, formed(nodes...))
			nodes[0].mustReload(t, next(topology, func(c *schema.Cluster) { c.Nodes = c.Nodes[:2] }))
			nodes[2].StopNow()
			if err := nodes[2].stop(); err != nil {
				t.Fatal(err)
			}
			nodes[2] = start(t, next(topology, func(c *schema.Cluster) {
				n := *c.Nodes[0]
				n.ClusterPort = freePorts(t, 1)[0]
				c.Nodes = []*schema.Node{&n, c.Nodes[1], c.Nodes[2]}
			}), "datardos")
			eventually(t, func() error {
				if n := len(closed.FindAllString(nodes[0].log.String(), -1)); n < 2 {
					return fmt.Errorf("magnus has closed %d routes to datardos", n)
				}
				return nil
			})
			looks := 0
			eventually(t, func() error {
				if got := fmt.Sprint(nodes[0].Peers()); got != "[homer]" {
					looks = 0
					return fmt.Errorf("magnus has routes to %s", got)
				}
				if looks++; looks < 300 {
					return errors.New("they may come back")
				}
				return nil
			})
			if got := fmt.Sprint(nodes[1].Peers()); got != "[datardos magnus]" {
				t.Errorf("homer has routes to %s", got)
			}
		})
	}
}
