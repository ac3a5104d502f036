package plan

import (
	"reflect"
	"slices"

	"unibus/config/schema"
)

// Within is a topology without all but the named clusters: what nodes run that have yet to be linked with the others. It
// shares nothing with its argument.
func Within(t *schema.Topology, clusters []string) *schema.Topology {
	w := clone(reflect.ValueOf(t)).Interface().(*schema.Topology)
	w.Clusters = slices.DeleteFunc(w.Clusters, func(c *schema.Cluster) bool { return !slices.Contains(clusters, c.Name) })
	if len(w.Clusters) == 1 {
		w.Name, w.Gateways = "", nil
	}
	dropElsewhere(w)
	return w
}

// Unlinked are the clusters of a topology that are not among the named ones.
func Unlinked(t *schema.Topology, clusters []string) []*schema.Cluster {
	return slices.DeleteFunc(slices.Clone(t.Clusters), func(c *schema.Cluster) bool { return slices.Contains(clusters, c.Name) })
}

// dropElsewhere leaves out the assets that are placed in a cluster which is not there: nothing can be done about them yet.
func dropElsewhere(t *schema.Topology) {
	elsewhere := func(p *schema.Placement) bool {
		return p != nil && p.Cluster != "" && !slices.ContainsFunc(t.Clusters, func(c *schema.Cluster) bool { return c.Name == p.Cluster })
	}
	for _, a := range t.Accounts {
		a.Buckets = slices.DeleteFunc(a.Buckets, func(b *schema.Bucket) bool { return elsewhere(b.Placement) })
		a.Streams = slices.DeleteFunc(a.Streams, func(s *schema.Stream) bool { return elsewhere(s.Placement) })
		a.ObjectStores = slices.DeleteFunc(a.ObjectStores, func(o *schema.ObjectStore) bool { return elsewhere(o.Placement) })
	}
}
