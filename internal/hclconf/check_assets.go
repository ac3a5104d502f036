package hclconf

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"unibus/config/schema"
)

// What nats-server v2.15.2 takes (jetstream_api.go, stream.go).
const (
	maxDescription = 4 << 10
	maxMetadata    = 128 << 10
	minTTL         = schema.Duration(100 * time.Millisecond)
	maxPayload     = schema.Size(1 << 20) // max_payload, which unibus leaves at its default
)

// asset is what buckets and other stored things have in common.
type asset struct {
	block       any // the block itself, such as a *schema.Bucket
	kind        string
	label       *string
	description **string
	replicas    *int
	metadata    *map[string]string
	maxBytes    **schema.Size
	memory      bool
	placement   *schema.Placement
}

func (a asset) name() string { return clip(*a.label) }

// bytes is how much the asset takes on each node that holds it, or 0 where nothing says.
func (a asset) bytes() schema.Size {
	if *a.maxBytes == nil {
		return 0
	}
	return **a.maxBytes
}

// assetsOf are the assets of an account.
func assetsOf(a *schema.Account) []asset {
	var all []asset
	for _, b := range a.Buckets {
		all = append(all, asset{
			block: b, kind: "bucket", label: &b.Name, description: &b.Description, replicas: &b.Replicas, metadata: &b.Metadata,
			maxBytes: &b.MaxBytes, memory: inMemory(b.Storage), placement: b.Placement,
		})
	}
	for _, s := range a.Streams {
		all = append(all, asset{
			block: s, kind: "stream", label: &s.Name, description: &s.Description, replicas: &s.Replicas, metadata: &s.Metadata,
			maxBytes: &s.MaxBytes, memory: inMemory(s.Storage), placement: s.Placement,
		})
	}
	for _, o := range a.ObjectStores {
		all = append(all, asset{
			block: o, kind: "object store", label: &o.Name, description: &o.Description, replicas: &o.Replicas, metadata: &o.Metadata,
			maxBytes: &o.MaxBytes, memory: inMemory(o.Storage), placement: o.Placement,
		})
	}
	return all
}

func inMemory(storage *string) bool { return storage != nil && *storage == "memory" }

// fillReplicas gives assets without replicas their default, which depends on the number of nodes.
func (l *loader) fillReplicas(t *schema.Topology) {
	replicas := 1
	if len(t.DataNodes()) >= 3 {
		replicas = 3
	}
	for _, a := range t.Accounts {
		for _, b := range assetsOf(a) {
			if !l.written(b.replicas) {
				*b.replicas = replicas
				l.fields[b.replicas] = l.fields[b.block]
			}
		}
	}
}

// checkAssets looks at what the accounts hold.
func (l *loader) checkAssets(e *estate) {
	for _, a := range e.Accounts {
		l.checkAccountLimits(e, a)
		l.checkAssetNames(e.assets[a])
		l.checkAccountSpace(a, e.assets[a])
		for _, b := range e.assets[a] {
			l.checkReplicas(e, b)
			l.checkTexts(b)
		}
		for _, b := range a.Buckets {
			l.checkName(&b.Name, "bucket", b.Name, bucketName)
			l.checkBucketLimits(b)
			l.checkRepublish(b)
			l.checkSources(b)
		}
		l.checkCopies(a)
		l.checkStreams(a)
	}
}

// checkAssetNames makes sure that assets of a kind are told apart, also by people.
func (l *loader) checkAssetNames(all []asset) {
	type key struct{ kind, name string }
	exact, folded := map[key]asset{}, map[key]asset{}
	for _, a := range all {
		k, f := key{a.kind, *a.label}, key{a.kind, strings.ToLower(*a.label)}
		if old, again := exact[k]; again {
			l.duplicate(a.label, old.label, "two %ss are called %q", a.kind, a.name())
		} else if old, again := folded[f]; again {
			l.warnf(a.label, codeSimilar, "%ss %q and %q differ only in capitals", a.kind, old.name(), a.name()).
				also(l, old.label, "the other one").try("one name, or two that nobody confuses")
		}
		exact[k], folded[f] = a, a
	}
}

// checkReplicas compares the replicas of an asset with the nodes that can hold them.
func (l *loader) checkReplicas(e *estate, a asset) {
	if !l.sound(a.replicas) {
		return
	}
	r := *a.replicas
	if r != 1 && r != 3 && r != 5 {
		d := l.errorf(a.replicas, codeReplicas, "%s %q wants %d replicas", a.kind, a.name(), r)
		switch {
		case r < 1:
			d.try("replicas = 1, 3 or 5")
		case r > 5:
			d.try("replicas = 5 is the most that NATS keeps")
		default:
			d.try("replicas = %d survives the loss of as many nodes, replicas = %d of one more", r-1, r+1)
		}
		return
	}
	if e.Supercluster() && (a.placement == nil || a.placement.Cluster == "") {
		l.errorf(a.replicas, codePlacement, "%s %q could be in any cluster", a.kind, a.name()).try("placement { cluster = %q }", e.Clusters[0].Name)
		return
	}
	if len(e.data) == 0 || !l.checkPlacement(e, a) {
		return
	}
	c := e.candidates(a.placement)
	switch {
	case r <= c.distinct:
		if r == 1 && c.distinct >= 3 {
			l.warnf(a.replicas, codeR1, "%s %q has one replica and is lost with its node", a.kind, a.name()).try("replicas = 3")
		}
	case c.distinct < len(c.nodes):
		l.errorf(a.replicas, codeReplicas, "%s %q wants %d replicas, but the nodes have only %d different %q tags", a.kind, a.name(), r, c.distinct, c.unique).
			also(l, &c.nodes[0].JetStream.UniqueTag, "the unique_tag").also(l, c.nodes[0], "the nodes: %s", nodeNames(c.nodes)).
			try("give each node its own tag, such as tags = [%q], or leave unique_tag out", c.unique+"1")
	default:
		l.tooFew(e, a, c)
	}
}

// tooFew reports an asset that wants more replicas than there are nodes for it.
func (l *loader) tooFew(e *estate, a asset, c *candidates) {
	where := "cluster \"" + clip(e.Clusters[0].Name) + "\" has " + plural(len(c.nodes), "data node")
	if a.placement != nil {
		where = "its placement matches " + plural(len(c.nodes), "node")
	}
	d := l.errorf(a.replicas, codeReplicas, "%s %q wants %d replicas, %s", a.kind, a.name(), *a.replicas, where)
	if a.placement != nil {
		d.also(l, a.placement, "the placement")
	}
	d.also(l, c.nodes[0], "the nodes: %s", nodeNames(c.nodes))
	d.try("replicas = %d, or add %s", odd(len(c.nodes)), plural(*a.replicas-len(c.nodes), "node"))
}

// candidates are the nodes that a placement allows.
type candidates struct {
	nodes    []*schema.Node
	distinct int    // how many replicas they can hold
	unique   string // the unique_tag that limits it
	missing  int    // the index of the first tag that no node is left for, or -1
}

// maxSearch is how many nodes are looked at for all placements of a file.
const maxSearch = 50_000_000

// candidates finds the nodes for a placement.
func (e *estate) candidates(p *schema.Placement) *candidates {
	key := ""
	if p != nil {
		key = p.Cluster + "\n" + strings.Join(p.Tags, "\n")
	}
	if c := e.placed[key]; c != nil {
		return c
	}
	c := &candidates{nodes: e.data, unique: uniqueTag(e.data), missing: -1}
	if p != nil && p.Cluster != "" {
		c.nodes = e.within[p.Cluster]
	}
	if p != nil && e.searched < maxSearch {
		for i, tag := range p.Tags {
			bare, exclude := strings.CutPrefix(tag, "!")
			has := e.tagged[foldTag(bare)]
			if !exclude && len(c.nodes) == len(e.data) {
				c.nodes = has
			} else {
				c.nodes = e.filter(c.nodes, has, exclude)
			}
			if len(c.nodes) == 0 && c.missing < 0 {
				c.missing = i
			}
			if c.unique != "" && strings.HasPrefix(bare, strings.ToLower(c.unique)) {
				c.unique = "" // a placement that names the tag itself may use it twice (selectPeerGroup)
			}
		}
	}
	c.distinct = distinct(c.nodes, c.unique)
	e.placed[key] = c
	return c
}

// filter keeps the nodes that are among some, or that are not.
func (e *estate) filter(nodes, some []*schema.Node, exclude bool) []*schema.Node {
	e.searched += len(nodes) + len(some)
	among := make(map[*schema.Node]bool, len(some))
	for _, n := range some {
		among[n] = true
	}
	var kept []*schema.Node
	for _, n := range nodes {
		if among[n] != exclude {
			kept = append(kept, n)
		}
	}
	return kept
}

// foldTag is a tag as NATS sees it.
func foldTag(tag string) string { return strings.ToLower(strings.TrimSpace(tag)) }

// distinct is how many replicas nodes can hold: with unique_tag, as many as they have different tags.
func distinct(nodes []*schema.Node, unique string) int {
	if unique == "" {
		return len(nodes)
	}
	seen := map[string]bool{}
	for _, n := range nodes {
		if tag := firstTag(n, unique); tag != "" {
			seen[tag] = true
		}
	}
	return len(seen)
}

func uniqueTag(nodes []*schema.Node) string {
	if len(nodes) == 0 {
		return ""
	}
	return nodes[0].JetStream.UniqueTag
}

// odd is the largest number of replicas that n nodes can hold.
func odd(n int) int {
	switch {
	case n >= 5:
		return 5
	case n >= 3:
		return 3
	}
	return 1
}

// checkPlacement makes sure that a placement names what there is.
func (l *loader) checkPlacement(e *estate, a asset) bool {
	p := a.placement
	if p == nil {
		return true
	}
	if !l.sound(&p.Tags) || !l.sound(&p.Cluster) {
		return false
	}
	if p.Cluster != "" && !slices.ContainsFunc(e.Clusters, func(c *schema.Cluster) bool { return c.Name == p.Cluster }) {
		d := l.errorf(&p.Cluster, codePlacement, "there is no cluster %q", clip(p.Cluster)).also(l, &e.Clusters[0].Name, "the first cluster")
		d.try("cluster = %q", clip(cmp.Or(closest(p.Cluster, clusterNames(e)), e.Clusters[0].Name)))
		return false
	}
	c := e.candidates(p)
	if len(p.Tags) == 0 && len(c.nodes) == 0 {
		l.errorf(&p.Cluster, codePlacement, "cluster %q has no node that stores data", clip(p.Cluster)).try("cluster = %q", clip(storing(e)))
		return false
	}
	if c.missing < 0 {
		return true
	}
	d := l.errorf(&p.Tags[c.missing], codePlacement, "no node matches the tag %q", clip(p.Tags[c.missing]))
	if best := closest(p.Tags[c.missing], e.someTags()); best != "" {
		d.try("did you mean %q?", best)
	} else {
		d.try("the nodes have %s", cmp.Or(enumerate(e.someTags()), "no tags"))
	}
	return false
}

// storing is a cluster that stores data.
func storing(e *estate) string {
	for _, c := range e.Clusters {
		if len(e.within[c.Name]) > 0 {
			return c.Name
		}
	}
	return "NAME"
}

func clusterNames(e *estate) []string {
	var all []string
	for _, c := range e.Clusters {
		all = append(all, c.Name)
	}
	return all
}

// someTags are the first dozen tags of the file.
func (e *estate) someTags() []string {
	var all []string
	for _, n := range e.data {
		for _, t := range n.Tags {
			if len(all) == 12 {
				return all
			}
			if !slices.Contains(all, t) {
				all = append(all, t)
			}
		}
	}
	return all
}

// checkTexts compares description and metadata with what NATS stores.
func (l *loader) checkTexts(a asset) {
	if d := *a.description; d != nil && len(*d) > maxDescription {
		l.errorf(a.description, codeTooLong, "the description of %s %q has %d bytes, NATS takes %d", a.kind, a.name(), len(*d), maxDescription).
			try("a few words, and a link to the rest")
	}
	size := 0
	for _, k := range slices.Sorted(maps.Keys(*a.metadata)) {
		size += len(k) + len((*a.metadata)[k])
		if strings.HasPrefix(k, "_nats.") || k == "" {
			l.errorf(a.metadata, codeTooLong, "the metadata of %s %q have the key %q, which is NATS's own", a.kind, a.name(), clip(k)).try("a key that does not begin with _nats.")
		}
	}
	if size > maxMetadata {
		l.errorf(a.metadata, codeTooLong, "the metadata of %s %q have %d bytes, NATS takes %d", a.kind, a.name(), size, maxMetadata).
			try("labels, not documents")
	}
}

// checkBucketLimits looks at limits that NATS refuses, or that never take effect.
func (l *loader) checkBucketLimits(b *schema.Bucket) {
	if b.TTL != nil && *b.TTL > 0 && *b.TTL < minTTL {
		l.errorf(&b.TTL, codeLimit, "ttl %s is shorter than the %s that NATS takes", b.TTL, minTTL).try("ttl = %q", minTTL)
	}
	if b.MaxValueSize != nil && *b.MaxValueSize > maxPayload {
		l.warnf(&b.MaxValueSize, codeNoEffect, "values of more than %s never arrive: that is the largest message the server takes", maxPayload).
			try("max_value_size = %q", maxPayload)
	}
	if b.MaxValueSize != nil && b.MaxBytes != nil && *b.MaxBytes > 0 && *b.MaxValueSize > *b.MaxBytes {
		l.errorf(&b.MaxValueSize, codeLimit, "one value may have %s, but the whole bucket has %s", *b.MaxValueSize, *b.MaxBytes).
			also(l, &b.MaxBytes, "max_bytes").try("max_value_size = %q", b.MaxBytes)
	}
	if b.Compression != nil && *b.Compression && inMemory(b.Storage) {
		l.warnf(&b.Compression, codeNoEffect, "a bucket in memory is never compressed").
			also(l, &b.Storage, "the storage").try("leave compression out")
	}
}

// checkRepublish makes sure that NATS can make the one subject of the other.
func (l *loader) checkRepublish(b *schema.Bucket) {
	r := b.Republish
	if r == nil || !l.written(&r.Destination) || !l.sound(&r.Destination) || !l.sound(&r.Source) {
		return
	}
	if r.Source != "" && !validSubject(r.Source) {
		l.errorf(&r.Source, codeRepublish, "%q is not a subject", clip(r.Source)).try("source = \"$KV.%s.>\"", clip(b.Name))
		return
	}
	if why := validTransform(r.Source, r.Destination); why != "" {
		d := l.errorf(&r.Destination, codeRepublish, "NATS cannot republish to %q: %s", clip(r.Destination), why).also(l, &r.Source, "what is republished")
		switch {
		case r.Source == "":
			d.try("destination = \"changes.>\"; without a source everything is republished")
		case strings.HasSuffix(r.Source, ">"):
			d.try("destination = \"changes.>\"")
		case strings.Contains(r.Source, "*"):
			d.try("destination = \"changes.{{wildcard(1)}}\"")
		default:
			d.try("destination = \"changes\"")
		}
		return
	}
	if collide(r.Destination, "$KV."+b.Name+".>") {
		l.errorf(&r.Destination, codeRepublish, "bucket %q would republish to itself", clip(b.Name)).try("a subject outside $KV.%s", clip(b.Name))
	}
}

// checkSources makes sure that NATS can copy from where a mirror or a source says.
func (l *loader) checkSources(b *schema.Bucket) {
	if b.Mirror != nil {
		if len(b.Sources) > 0 {
			l.errorf(b.Sources[0], codeSource, "bucket %q has both a mirror and a source", clip(b.Name)).also(l, b.Mirror, "the mirror").try("keep one of them")
		}
		if b.LimitMarkerTTL != nil && *b.LimitMarkerTTL > 0 {
			l.errorf(&b.LimitMarkerTTL, codeSource, "a mirror cannot have markers of its own").also(l, b.Mirror, "the mirror").try("leave limit_marker_ttl out; markers are copied")
		}
		l.checkSource(b, b.Mirror)
	}
	first := map[string]*schema.StreamSource{}
	for _, s := range b.Sources {
		l.checkSource(b, s)
		key := sourceKey(s)
		if old := first[key]; old != nil && l.written(&s.Name) {
			l.duplicate(s, old, "bucket %q copies %q twice", clip(b.Name), clip(s.Name)).try("one source for each bucket, or a filter_subject that tells them apart")
		}
		first[key] = s
	}
}

// sourceKey tells sources apart as NATS does (nats-server v2.15.2, composeIName).
func sourceKey(s *schema.StreamSource) string {
	key := bareName(s) + "\n" + s.FilterSubject + "\n" + s.Domain
	if s.External != nil {
		key += "\n" + s.External.APIPrefix
	}
	return key
}

// bareName is the bucket that is copied, which may be written as the name of its stream.
func bareName(s *schema.StreamSource) string { return strings.TrimPrefix(s.Name, "KV_") }

func (l *loader) checkSource(b *schema.Bucket, s *schema.StreamSource) {
	if l.written(&s.Name) && l.sound(&s.Name) && !bucketName.fits(bareName(s)) {
		l.errorf(&s.Name, codeName, "bucket name %q is not one that NATS takes", clip(s.Name)).try("use %s", bucketName.words)
	}
	l.checkBegin(s)
}

// checkBegin looks at where copying begins, at the filter, and at the way to the origin.
func (l *loader) checkBegin(s *schema.StreamSource) {
	if s.StartTime != nil {
		if _, err := time.Parse(time.RFC3339, *s.StartTime); err != nil {
			l.errorf(&s.StartTime, codeType, "start_time has to be an RFC 3339 time").try("start_time = \"2026-01-31T00:00:00Z\"")
		}
		if s.StartSeq != nil {
			l.errorf(&s.StartTime, codeSource, "%q has two places to start from", clip(s.Name)).also(l, &s.StartSeq, "start_seq").try("keep one of them")
		}
	}
	if s.FilterSubject != "" && !validSubject(s.FilterSubject) {
		l.errorf(&s.FilterSubject, codeSource, "%q is not a subject", clip(s.FilterSubject)).try("filter_subject = \"$KV.%s.>\", or words of its own for a stream", clip(bareName(s)))
	}
	if s.Domain != "" && strings.ContainsAny(s.Domain, ".*> \t\n\r\f") {
		l.errorf(&s.Domain, codeName, "domain %q is not one that NATS takes", clip(s.Domain)).try("letters, digits, dashes and underscores")
	}
	if x := s.External; x != nil {
		l.checkExternal(s, x)
	}
}

func (l *loader) checkExternal(s *schema.StreamSource, x *schema.External) {
	if s.Domain != "" {
		l.errorf(&s.Domain, codeSource, "%q is in a domain and behind another API", clip(s.Name)).also(l, x, "the API").try("keep one of them")
	}
	switch {
	case !l.written(&x.APIPrefix) || !l.sound(&x.APIPrefix):
	case !literalSubject(x.APIPrefix):
		l.errorf(&x.APIPrefix, codeSource, "%q is not a subject without wildcards", clip(x.APIPrefix)).try("api_prefix = \"OTHER.API\"")
	case collide(x.APIPrefix, "$JS.API"):
		l.errorf(&x.APIPrefix, codeSource, "%q is the API of this account", clip(x.APIPrefix)).try("leave external out for a bucket of this account")
	}
	if x.DeliverPrefix != "" && !literalSubject(x.DeliverPrefix) {
		l.errorf(&x.DeliverPrefix, codeSource, "%q is not a subject without wildcards", clip(x.DeliverPrefix)).try("deliver_prefix = \"deliver.other\"")
	}
}
