package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"unibus/config/schema"
	"unibus/internal/plan"
	"unibus/internal/server"
)

// Clusters that are linked have one meta group. Two groups that both hold something must never meet: nats-server v2.15.2
// would let the one with the higher term overwrite the other. So every store remembers with which clusters it is linked.
//
// A node whose store holds something links with a further cluster only by a restart, and only when every node of that
// cluster says that its store began, or is about to begin, together with this cluster. Silence is no answer. A node whose
// store holds nothing says so, and waits before its first start until the nodes of the other clusters that run know its
// cluster.

// startPatience is how long a node whose restarts are manual looks at its start for a cluster to link with.
const startPatience = 5 * time.Second

// patience is how often a node whose store holds nothing asks again whoever runs and does not answer.
const patience = 3

// toStart is what a node runs first of a topology: of one with clusters that its store is not linked with yet, the part
// that it is linked with. A store that holds nothing is linked as those of its cluster are. Where restarts are manual, a
// start is the operator's way to link.
func (d *daemon) toStart(ctx context.Context, t *schema.Topology) (*schema.Topology, error) {
	linked, err := d.linked(t)
	if err != nil {
		return t, err
	}
	if linked == nil {
		linked = d.linkedAround(ctx, t)
	}
	strange := plan.Unlinked(t, linked)
	if own, _ := t.Node(d.Node); len(strange) == 0 || slices.Contains(strange, own) {
		return t, nil // a store of another cluster is refused when it is opened
	}
	because := errors.New("clusters are linked by a restart in turn")
	if t.Restarts == "manual" {
		if because = d.mayLinkSoon(ctx, t, strange); because == nil {
			return t, nil
		}
	}
	d.Log.Info("the store is not linked with every cluster of the file yet", "linked", strings.Join(linked, " "), "because", because)
	return plan.Within(t, linked), nil
}

// linked are the clusters that the store of this node is linked with, nil where it holds nothing.
func (d *daemon) linked(t *schema.Topology) ([]string, error) {
	conf, err := d.conf(t)
	if err != nil {
		return nil, err
	}
	linked, _, err := server.Links(conf)
	return linked, err
}

// linkedAround are the clusters that the nodes of this node's own cluster are linked with, as far as they run. Nobody can
// ask one that has no other cluster.
func (d *daemon) linkedAround(ctx context.Context, t *schema.Topology) []string {
	own, _ := t.Node(d.Node)
	fewest := clusterNames(t)
	if !server.LinkPassword(t).IsKnown() {
		return fewest
	}
	for _, found := range d.probe(ctx, t, own.Nodes) {
		linked := found.linked
		if len(linked) == 0 {
			linked = []string{own.Name}
		}
		if found.refuses && len(linked) < len(fewest) {
			fewest = linked
		}
	}
	return fewest
}

// mayLinkSoon is mayLink with patience: a node that has waited may be about to start.
func (d *daemon) mayLinkSoon(ctx context.Context, t *schema.Topology, clusters []*schema.Cluster) error {
	for end := time.Now().Add(startPatience); ; {
		err := d.mayLink(ctx, t, clusters)
		if err == nil || time.Now().After(end) || !pause(ctx, turnPause/4) {
			return err
		}
	}
}

// mayLink is nil when a node of this cluster is linked with the clusters already, or each of their nodes says that it began,
// or will begin, with this one.
func (d *daemon) mayLink(ctx context.Context, t *schema.Topology, clusters []*schema.Cluster) error {
	if len(clusters) == 0 {
		return nil
	}
	if !server.LinkPassword(t).IsKnown() {
		return errors.New("clusters that have no password for their gateways cannot ask each other whether they hold data, and are never linked: " +
			"write gateways { user, password }")
	}
	own, _ := t.Node(d.Node)
	around := d.probe(ctx, t, own.Nodes)
	for _, c := range clusters {
		if linkedAlready(around, c) {
			continue
		}
		all := d.probe(ctx, t, c.Nodes)
		for _, n := range c.Nodes {
			if err := all[n.Name].mayMeet(own, c, n); err != nil {
				return err
			}
		}
	}
	return nil
}

func linkedAlready(around map[string]probed, c *schema.Cluster) bool {
	for _, found := range around {
		if slices.Contains(found.linked, c.Name) {
			return true
		}
	}
	return false
}

// mayMeet is nil for a node whose store began, or will begin, with a cluster.
func (p probed) mayMeet(own, c *schema.Cluster, n *schema.Node) error {
	switch {
	case slices.Contains(p.began, own.Name):
		return nil
	case p.answers:
		return fmt.Errorf("cluster %q runs and is not linked with this one (%s: %s): start it with this file and empty stores; two clusters that both "+
			"hold data can never be linked", c.Name, n.Name, p.why)
	}
	return fmt.Errorf("cluster %q has not said yet that its stores are empty (%s: %s): start every node of it with this file", c.Name, n.Name, p.why)
}

// awaitKnown waits, on a node whose store holds nothing, while nodes run that do not know its cluster yet, or are not linked
// with all of the file, and tells who asks that it waits. Where the gateways have no password nobody can be asked, and
// nothing is waited for.
func (d *daemon) awaitKnown(ctx context.Context, t *schema.Topology) {
	if linked, err := d.linked(t); err != nil || linked != nil || !server.LinkPassword(t).IsKnown() {
		return
	}
	refused := map[string]string{}
	name, unsure := d.unknownTo(ctx, t, refused)
	for range patience {
		if name != "" || !unsure {
			break
		}
		name, unsure = d.unknownTo(ctx, t, refused)
	}
	if name == "" {
		return
	}
	defer d.tellThatItWaits(ctx, t)()
	said := ""
	for ; name != ""; name, _ = d.unknownTo(ctx, t, refused) {
		if why := refused[name]; name+why != said {
			said = name + why
			d.Log.Info("waiting until the clusters that run know this one", "node", name, "because", why)
		}
		if !pause(ctx, turnPause) {
			return
		}
	}
}

// unknownTo is the first node that runs and surely is not linked as this one is to be; "" is none. Why is in refused, where it
// stays until the node says something else or is gone: a busy host may answer late. It is unsure of nodes that run and do not
// answer now.
func (d *daemon) unknownTo(ctx context.Context, t *schema.Topology, refused map[string]string) (name string, unsure bool) {
	for n, found := range d.probe(ctx, t, t.Nodes()) {
		switch {
		case found.refuses:
			refused[n] = found.why
		case found.answers, found.gone:
			delete(refused, n)
		}
		unsure = unsure || found.listens && !found.answers
	}
	for _, n := range slices.Sorted(maps.Keys(refused)) {
		return n, unsure
	}
	return "", unsure
}

// tellThatItWaits answers the nodes of other clusters that this one holds nothing, until the function that it returns is
// called. They link only when they have that answer.
func (d *daemon) tellThatItWaits(ctx context.Context, t *schema.Topology) (stop func()) {
	conf, err := d.conf(t)
	if err != nil {
		return func() {} // the start will say it
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	ready := func(s *server.Server) {
		go func() {
			defer s.StopNow()
			conns := newConnections(s, d.id)
			defer conns.close()
			nc, err := conns.conn(schema.SystemAccount)
			if err == nil {
				err = answerLinkage(nc, func() (linkage, error) { return awaited(t, d.Node), nil })
			}
			if err != nil {
				d.Log.Warn("other clusters cannot ask this node whether it holds data", "error", err)
			}
			<-ctx.Done()
		}()
	}
	go func() {
		defer close(done)
		if err := server.Run(ctx, conf.Waits(), hclog.NewNullLogger(), ready); err != nil {
			d.Log.Warn("other clusters cannot ask this node whether it holds data", "error", err)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
