package node

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"unibus/config/schema"
	"unibus/internal/api"
	"unibus/internal/bootstrap"
	"unibus/internal/server"
)

// large is what one node has heard in a supercluster: nodes in three clusters, and buckets with three replicas each.
func large(nodes, buckets int) sight {
	t := &schema.Topology{Name: "orders", Shared: schema.Shared{Accounts: []*schema.Account{{Name: schema.DefaultAccount}}}}
	s := sight{topology: t, now: time.Now().UTC(), serving: true, others: map[string]other{}, assets: bootstrap.Status{Phase: bootstrap.Ready}}
	digest := strings.Repeat("3fa9c1d2", 8)
	var names []string
	for i := range 3 {
		c := &schema.Cluster{Name: fmt.Sprintf("c%d", i)}
		for k := range nodes / 3 {
			n := &schema.Node{Name: fmt.Sprintf("c%d-n%d", i, k), Address: fmt.Sprintf("10.%d.0.%d", i, k)}
			n.JetStream.Enabled = true
			c.Nodes = append(c.Nodes, n)
			names = append(names, n.Name)
		}
		t.Clusters = append(t.Clusters, c)
	}
	leads := map[string][]server.Stream{}
	for i := range buckets {
		at := func(k int) string { return names[(i+k)%len(names)] }
		name := fmt.Sprintf("bucket-%04d", i)
		s.assets.Assets = append(s.assets.Assets, bootstrap.Asset{
			Kind: "bucket", Account: schema.DefaultAccount, Name: name, State: bootstrap.AssetCurrent, Replicas: 3, Desired: 3, Leader: at(0),
		})
		leads[at(0)] = append(leads[at(0)], server.Stream{
			Account: schema.DefaultAccount, Name: "KV_" + name, Messages: uint64(i),
			Followers: []server.Follower{{Node: at(1), Current: true}, {Node: at(2), Current: true}},
		})
	}
	s.node = names[0]
	for _, c := range t.Clusters {
		for _, n := range c.Nodes {
			r := report{
				Node: api.Node{
					Name: n.Name, Cluster: c.Name, State: api.StateUp, LastSeen: &s.now, ConfigDigest: &digest,
					Routes: routes(c, n.Name, names), Gateways: links(t, c, []string{"c0", "c1", "c2"}),
				},
				Meta:  api.Meta{Leader: &names[1], Peers: nodes, Quorum: nodes/2 + 1},
				Leads: leads[n.Name],
			}
			if n.Name == s.node {
				s.own = r
			} else {
				s.others[n.Name] = other{report: r, heard: true}
			}
		}
	}
	return s
}

// TestSnapshot shows what becomes of a healthy supercluster when nodes fall silent: who and what is named, and the
// verdict.
func TestSnapshot(t *testing.T) {
	s := large(9, 9)
	if v := s.status(); v.Verdict != api.Healthy || len(v.Problems) > 0 || v.FailureTolerance != 1 || len(v.Gateways) != 6 {
		t.Fatalf("healthy: %s, tolerates %d, problems %+v", v.Verdict, v.FailureTolerance, v.Problems)
	}
	silence := func(names ...string) api.Status {
		s := large(9, 9)
		for _, name := range names {
			o := s.others[name]
			o.quiet, o.dialled = quietTicks, "dial: connection refused"
			s.others[name] = o
		}
		return s.status()
	}
	v := silence("c1-n1")
	if v.Verdict != api.Degraded || v.FailureTolerance != 0 {
		t.Errorf("one of nine is silent: %s, tolerates %d", v.Verdict, v.FailureTolerance)
	}
	for _, want := range []string{"UB2203 node.c1-n1", "UB2211 bucket.bucket-0002", "UB2211 bucket.bucket-0004"} {
		if !slices.ContainsFunc(v.Problems, func(p api.Problem) bool { return p.Code+" "+p.Subject == want && p.Hint != "" }) {
			t.Errorf("nothing says %s: %+v", want, v.Problems)
		}
	}
	v = silence("c1-n0", "c1-n1", "c1-n2")
	if p := v.Problems[0]; v.Verdict != api.Degraded || p.Code+" "+p.Subject != "UB2217 cluster.c1" || !strings.Contains(p.Summary, "6 of 9 voters are up, 5 are needed, and JetStream works here, and 1 more") {
		t.Errorf("a site is silent: %s, %+v", v.Verdict, v.Problems)
	}
	v = silence("c0-n1", "c0-n2", "c1-n0", "c1-n1", "c1-n2")
	if v.Verdict != api.Down || v.Problems[0].Code != "UB2201" || !strings.Contains(v.Problems[0].Summary, "cannot be seen") {
		t.Errorf("five of nine are silent: %s, %+v", v.Verdict, v.Problems)
	}
	v = silence("c0-n1", "c0-n2", "c1-n0", "c1-n1", "c1-n2", "c2-n0", "c2-n1", "c2-n2")
	if v.Verdict != api.Down || v.Problems[0].Code != "UB2209" {
		t.Errorf("all others are silent: %s, %+v", v.Verdict, v.Problems)
	}
}

// TestSnapshotLeader shows that of two nodes that say they lead a bucket the later one is believed, and that a leader that
// is not heard is none.
func TestSnapshotLeader(t *testing.T) {
	s := large(3, 1)
	o := s.others["c1-n0"]
	late := s.own.Leads[0]
	late.Since, late.Followers = time.Now(), []server.Follower{{Node: "c0-n0", Current: true}, {Node: "c2-n0", Current: false, Lag: 2000}}
	o.Leads = []server.Stream{late}
	s.others["c1-n0"] = o
	b := s.status().Buckets[0]
	if *b.Leader != "c1-n0" || b.Replicas.Current != 2 || b.State != string(bootstrap.AssetDegraded) || *b.Reason != "the replica on c2-n0 is behind" {
		t.Errorf("leader %s, %+v, %s because %s", *b.Leader, b.Replicas, b.State, *b.Reason)
	}
	s = large(3, 1)
	s.assets.Assets[0].Leader, s.own.Leads = "c1-n0", nil
	o = s.others["c1-n0"]
	o.quiet = quietTicks
	s.others["c1-n0"] = o
	if b := s.status().Buckets[0]; b.Leader != nil || b.State != string(bootstrap.AssetDegraded) || b.Values != nil {
		t.Errorf("the leader is silent: %+v", b)
	}
}

// TestSnapshotShort shows that a bucket with too few replicas counts as soon as its leader tells, before bootstrap has
// looked again, and that it is only told while the first start creates it.
func TestSnapshotShort(t *testing.T) {
	s := large(3, 1)
	s.own.Leads[0].Followers = nil
	h, level := s.status().Health(api.ScopeCluster)
	if level != api.Warning || len(h.Problems) != 1 || h.Problems[0].Code != "UB2211" || h.Problems[0].Severity != severityWarning {
		t.Errorf("one replica of three: %s, %+v", level, h)
	}
	s.assets.Phase = bootstrap.Scaling
	if h, _ := s.status().Health(api.ScopeCluster); slices.ContainsFunc(h.Problems, func(p api.Problem) bool { return p.Severity != severityInfo }) {
		t.Errorf("while it is scaled up for the first time: %+v", h)
	}
}

// BenchmarkSnapshot is a status of 30 nodes and 1,000 buckets.
func BenchmarkSnapshot(b *testing.B) {
	s := large(30, 1000)
	b.ReportAllocs()
	for b.Loop() {
		if v := s.status(); len(v.Buckets) != 1000 || v.Verdict != api.Healthy {
			b.Fatalf("%s, %+v", v.Verdict, v.Problems)
		}
	}
}
