package bootstrap

import (
	"slices"
	"strings"

	"unibus/config/schema"
)

// room is how many replicas the live nodes can hold, by the rules of nats-server v2.15.2 (selectPeerGroup): the node
// is in the cluster that the placement names, has all its tags, is not excluded from placement, for good or because it
// is drained, and no two nodes share a tag that begins with unique_tag.
func (r *runner) room(p *schema.Placement, v *view) int {
	cluster, self := r.Topology.Node(r.Node)
	name := cluster.Name
	var want []string
	if p != nil {
		want = lower(p.Tags)
		if p.Cluster != "" {
			name = p.Cluster
		}
	}
	unique := strings.ToLower(self.JetStream.UniqueTag)
	if slices.ContainsFunc(want, func(t string) bool { return strings.HasPrefix(strings.TrimPrefix(t, "!"), unique) }) {
		unique = "" // nats-server lifts the rule for an asset that names such a tag itself.
	}
	taken, n := map[string]bool{}, 0
	for _, node := range r.Topology.DataNodes() {
		if c, _ := r.Topology.Node(node.Name); c.Name != name || !slices.Contains(v.live, node.Name) || slices.Contains(v.drained, node.Name) {
			continue
		}
		tags := lower(node.Tags)
		if slices.Contains(tags, "!jetstream") || !matches(tags, want) {
			continue
		}
		if unique != "" {
			i := slices.IndexFunc(tags, func(t string) bool { return strings.HasPrefix(t, unique) })
			if i < 0 || taken[tags[i]] {
				continue
			}
			taken[tags[i]] = true
		}
		n++
	}
	return n
}

func matches(tags, want []string) bool {
	for _, w := range want {
		name, excluded := strings.CutPrefix(w, "!")
		if slices.Contains(tags, name) == excluded {
			return false
		}
	}
	return true
}

// lower is how nats-server keeps and compares tags.
func lower(tags []string) []string {
	all := make([]string, len(tags))
	for i, t := range tags {
		all[i] = strings.ToLower(strings.TrimSpace(t))
	}
	return all
}
