package node

import (
	"context"
	"maps"
	"slices"
	"time"

	"unibus/config/schema"
	"unibus/internal/api"
	"unibus/internal/bootstrap"
	"unibus/internal/server"
)

// sight is everything that a snapshot is made of.
type sight struct {
	topology   *schema.Topology
	now        time.Time
	node       string // that looks
	serving    bool   // its server runs
	own        report
	others     map[string]other
	restarting map[string]bool // the silent nodes that have said before that they would restart
	assets     bootstrap.Status
	settled    bool
	unlinked   map[[2]string]time.Time // since when two nodes that are up have no route; never changed
}

// sight gathers what is known now. It asks nobody.
func (d *daemon) sight() sight {
	d.mu.Lock()
	t, srv, assets := d.running, d.srv, d.assets
	d.mu.Unlock()
	s := sight{
		topology: t, now: time.Now().UTC(), node: d.Node, serving: srv != nil, assets: assets,
		own: report{Node: d.self()}, others: map[string]other{}, restarting: map[string]bool{},
	}
	if srv != nil {
		s.own.Meta = metaOf(srv)
	}
	d.view.mu.Lock()
	s.own.Leads = d.view.look.Streams
	for name, o := range d.view.others {
		s.others[name] = *o
	}
	s.settled = !d.view.settled.IsZero() && s.now.Sub(d.view.settled) >= settledFor
	s.unlinked = d.view.unlinked
	d.view.mu.Unlock()
	for _, n := range t.Nodes() {
		s.restarting[n.Name] = d.wasRestarting(n.Name)
	}
	return s
}

// status is the snapshot: what is declared, joined with what every node says.
func (d *daemon) status(context.Context) api.Status { return d.sight().status() }

func (s sight) status() api.Status {
	v := api.Status{
		FormatVersion: api.FormatVersion, Cluster: s.topology.Title(), Time: s.now, Node: s.node,
		Config: api.Config{Drifted: []string{}}, Nodes: []api.Node{}, Gateways: []api.Gateway{},
		Buckets: []api.Asset{}, Streams: []api.Asset{}, ObjectStores: []api.Asset{}, Problems: []api.Problem{},
	}
	up := map[string]bool{}
	for _, c := range s.topology.Clusters {
		for _, n := range c.Nodes {
			seen := s.see(c, n)
			up[n.Name] = seen.State == api.StateUp
			v.Nodes = append(v.Nodes, seen)
		}
	}
	v.Config = config(s.own.Node, v.Nodes)
	v.Gateways = gateways(s.topology, v.Nodes)
	v.Meta = s.meta(v.Nodes, up)
	leads := s.leads(up)
	for _, a := range s.assets.Assets {
		if list := listOf(&v, a.Kind); list != nil {
			*list = append(*list, s.asset(a, leads, up))
		}
	}
	v.FailureTolerance = tolerance(&v)
	s.judge(&v)
	v.Settled = s.settled && v.Verdict == api.Healthy
	if v.Settled {
		for _, list := range [][]api.Asset{v.Buckets, v.Streams, v.ObjectStores} {
			for i := range list {
				list[i].State = api.AssetSettled
			}
		}
	}
	return v
}

func listOf(v *api.Status, kind string) *[]api.Asset {
	switch kind {
	case "bucket":
		return &v.Buckets
	case "stream":
		return &v.Streams
	case "object_store":
		return &v.ObjectStores
	}
	return nil
}

// see is one declared node as it says it is, or as it is missed.
func (s sight) see(c *schema.Cluster, n *schema.Node) api.Node {
	if n.Name == s.node {
		return s.own.Node
	}
	o := s.others[n.Name]
	stopped := o.heard && o.Node.State == api.StateDown
	if o.heard && s.serving && !o.down() && !stopped {
		return o.Node
	}
	v := api.Node{
		Name: n.Name, Cluster: c.Name, Address: n.Address, State: api.StateDown, Declared: true, LastSeen: o.Node.LastSeen,
		PendingRestart: []api.Pending{}, Routes: routes(c, n.Name, nil), Gateways: links(s.topology, c, nil),
	}
	reason := "nothing is heard of it"
	switch {
	case !s.serving:
		v.State, reason = api.StateUnknown, "this node's own server restarts"
	case !o.heard && !o.down():
		v.State, reason = api.StateUnknown, "nothing was heard of it yet"
	case stopped:
		reason = *o.Node.Reason
	case s.restarting[n.Name]:
		v.State, reason = api.StateRestarting, "it restarts in turn"
	case o.dialled != "":
		reason = o.dialled
	}
	v.Reason = &reason
	return v
}

// config is the configuration of most nodes, and who has another.
func config(own api.Node, nodes []api.Node) api.Config {
	c := api.Config{Drifted: []string{}}
	have := map[string]int{}
	for _, n := range nodes {
		if n.ConfigDigest != nil {
			have[*n.ConfigDigest]++
		}
	}
	if own.ConfigDigest != nil {
		c.Digest = *own.ConfigDigest
	}
	for _, digest := range slices.Sorted(maps.Keys(have)) {
		if have[digest] > have[c.Digest] {
			c.Digest = digest
		}
	}
	for _, n := range nodes {
		if n.ConfigDigest != nil && *n.ConfigDigest != c.Digest {
			c.Drifted = append(c.Drifted, n.Name)
		}
	}
	return c
}

// gateways are the ways between clusters, as the nodes that are up have them.
func gateways(t *schema.Topology, nodes []api.Node) []api.Gateway {
	out := []api.Gateway{}
	for _, from := range t.Clusters {
		for _, to := range t.Clusters {
			if from == to {
				continue
			}
			g := api.Gateway{From: from.Name, To: to.Name}
			for _, n := range nodes {
				if n.Cluster != from.Name {
					continue
				}
				g.Expected++
				if n.State == api.StateUp && !slices.Contains(n.Gateways.Missing, to.Name) {
					g.Up++
				}
			}
			out = append(out, g)
		}
	}
	return out
}

// meta is the meta group as this node sees it; one that has no vote believes the others. A leader that is not up is none.
func (s sight) meta(nodes []api.Node, up map[string]bool) api.Meta {
	if s.topology.Standalone() {
		return api.Meta{Leader: &s.node, Peers: 1, Current: 1, Quorum: 1}
	}
	m := s.own.Meta
	for _, n := range nodes {
		if o := s.others[n.Name]; m.Peers == 0 && up[n.Name] {
			m = o.Meta
		}
	}
	if m.Leader != nil && !up[*m.Leader] {
		m.Leader = nil
	}
	m.Current = 0
	for _, n := range s.topology.Voters() {
		if up[n.Name] {
			m.Current++
		}
	}
	return m
}

// led is a stream and who leads it.
type led struct {
	server.Stream
	leader string
}

// leads are the streams that nodes which are up say they lead. Of two that say it of one stream, the later one does: the
// other has not noticed yet.
func (s sight) leads(up map[string]bool) map[[2]string]led {
	all := map[[2]string]led{}
	add := func(node string, streams []server.Stream) {
		for _, st := range streams {
			key := [2]string{st.Account, st.Name}
			if old, ok := all[key]; !ok || st.Since.After(old.Since) {
				all[key] = led{st, node}
			}
		}
	}
	add(s.node, s.own.Leads)
	for _, name := range slices.Sorted(maps.Keys(s.others)) {
		if up[name] {
			add(name, s.others[name].Leads)
		}
	}
	return all
}

// streamOf is the stream behind an asset (nats.go v1.55.0, kv.go and object.go).
func streamOf(a bootstrap.Asset) string {
	switch a.Kind {
	case "bucket":
		return "KV_" + a.Name
	case "object_store":
		return "OBJ_" + a.Name
	}
	return a.Name
}

// asset is one asset: what it is to be, as bootstrap has it, and how it is, as its leader says. bootstrap looks rarely at
// what does not change.
func (s sight) asset(a bootstrap.Asset, leads map[[2]string]led, up map[string]bool) api.Asset {
	v := api.Asset{
		Name: a.Name, Account: a.Account, State: string(a.State), Leader: orNil(a.Leader), Peers: []api.Peer{},
		Replicas: api.Replicas{Desired: a.Desired, Actual: a.Replicas}, Values: &a.Values, Bytes: &a.Bytes, Reason: orNil(a.Err),
	}
	for _, p := range a.Peers {
		v.Peers = append(v.Peers, api.Peer{Node: p.Node, Role: role(p.Leader), Current: p.Current && !p.Offline, Lag: p.Lag})
	}
	l, known := leads[[2]string{a.Account, streamOf(a)}]
	if known {
		v.Leader, v.Values, v.Bytes = &l.leader, &l.Messages, &l.Bytes
		v.Peers = []api.Peer{{Node: l.leader, Role: role(true), Current: true}}
		for _, f := range l.Followers {
			v.Peers = append(v.Peers, api.Peer{Node: f.Node, Role: role(false), Current: f.Current, Lag: f.Lag})
		}
		v.Replicas.Actual = len(v.Peers)
	}
	for i := range v.Peers {
		p := &v.Peers[i]
		p.Current = p.Current && (up[p.Node] || !s.serving)
		if p.Current {
			v.Replicas.Current++
		}
	}
	s.state(&v, a, l, known, up)
	return v
}

func role(leader bool) string {
	if leader {
		return "leader"
	}
	return "follower"
}

// state is how far an asset is. What bootstrap is about to do with it, or waits for a person to do, only bootstrap knows.
func (s sight) state(v *api.Asset, a bootstrap.Asset, l led, known bool, up map[string]bool) {
	settle := func(state bootstrap.State, why string) { v.State, v.Reason = string(state), orNil(why) }
	behind := ""
	for _, p := range v.Peers {
		if !p.Current && behind == "" {
			behind = "the replica on " + p.Node + " is behind"
			if !up[p.Node] {
				behind = "the replica on " + p.Node + " is away"
			}
		}
	}
	switch a.State {
	case bootstrap.AssetWaiting, bootstrap.AssetCreating, bootstrap.AssetChanging:
		return
	}
	if v.Leader != nil && !up[*v.Leader] && s.serving {
		v.Leader = nil
	}
	switch {
	case a.Blocked || !s.serving:
	case v.Leader == nil:
		v.Values, v.Bytes = nil, nil
		settle(bootstrap.AssetDegraded, "its replicas have no leader")
	case !known:
		if behind != "" {
			settle(bootstrap.AssetDegraded, behind)
		}
	case l.Moving || v.Replicas.Actual != v.Replicas.Desired:
		if a.State != bootstrap.AssetScaling {
			settle(bootstrap.AssetScaling, "")
		}
	case behind != "":
		settle(bootstrap.AssetDegraded, behind)
	default:
		settle(bootstrap.AssetCurrent, "")
	}
}

// tolerance is how many more nodes may be lost before the meta group, or an asset with three replicas or more, stops.
func tolerance(v *api.Status) int {
	spare := v.Meta.Current - v.Meta.Quorum
	for _, list := range [][]api.Asset{v.Buckets, v.Streams, v.ObjectStores} {
		for _, a := range list {
			if a.Replicas.Desired >= 3 && a.Replicas.Actual > 0 {
				spare = min(spare, a.Replicas.Current-a.Replicas.Actual/2-1)
			}
		}
	}
	return max(0, spare)
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
