package hclconf

import (
	"slices"
	"strings"

	"unibus/config/schema"
)

// copier is a bucket or stream as one that may copy others of its account, which NATS knows by the names of their streams.
type copier struct {
	block    any
	kind     string
	label    string
	origins  []copied
	subjects []string
	limit    string        // what the size of its messages is called
	size     **schema.Size // of a message
}

// copied is a mirror or source of a stream.
type copied struct {
	*schema.StreamSource
	stream string
	filter string // "" is everything
}

// copiersOf are the buckets and streams of an account by the names of their streams, and these names in order.
func copiersOf(a *schema.Account) (map[string]*copier, []string) {
	all, names := map[string]*copier{}, []string{}
	add := func(name string, c *copier) {
		if all[name] == nil { // or else it is reported as a duplicate
			all[name] = c
			names = append(names, name)
		}
	}
	for _, b := range a.Buckets {
		c := &copier{block: b, kind: "bucket", label: b.Name, limit: "max_value_size", size: &b.MaxValueSize}
		for _, s := range here(b.Mirror, b.Sources) { // what filters a bucket is no filter for NATS, but a transform
			c.origins = append(c.origins, copied{s, "KV_" + bareName(s), ""})
		}
		add("KV_"+b.Name, c)
	}
	for _, st := range a.Streams {
		c := &copier{block: st, kind: "stream", label: st.Name, subjects: st.Subjects, limit: "max_msg_size", size: &st.MaxMsgSize}
		for _, s := range here(st.Mirror, st.Sources) {
			o := copied{s, s.Name, s.FilterSubject}
			if s == st.Mirror {
				o.filter = ""
			}
			c.origins = append(c.origins, o)
		}
		add(st.Name, c)
	}
	return all, names
}

// here are a mirror and sources, but for those that copy from elsewhere.
func here(mirror *schema.StreamSource, sources []*schema.StreamSource) []*schema.StreamSource {
	return slices.DeleteFunc(append(slices.Clone(sources), mirror), func(s *schema.StreamSource) bool {
		return s == nil || s.External != nil || s.Domain != ""
	})
}

// checkCopies looks at what the buckets and streams of an account copy from each other, as nats-server v2.15.2 does once they
// are there (stream.go, checkStreamCfg).
func (l *loader) checkCopies(a *schema.Account) {
	all, names := copiersOf(a)
	for _, name := range names {
		for _, o := range all[name].origins {
			if from := all[o.stream]; from != nil {
				l.checkCopySize(all[name], from, o)
			}
		}
	}
	c := &circles{loader: l, all: all, state: map[string]int{}}
	for _, name := range names {
		if c.state[name] == 0 {
			c.visit(name)
		}
	}
}

// checkCopySize finds a copy that takes only smaller messages than its origin.
func (l *loader) checkCopySize(to, from *copier, o copied) {
	if !above(*to.size) || !above(*from.size) || **to.size >= **from.size {
		return
	}
	l.errorf(to.size, codeCopySize, "%s %q takes messages of %s, but copies %s %q with up to %s", to.kind, clip(to.label), **to.size, from.kind, clip(from.label), **from.size).
		also(l, o.StreamSource, "what it copies").also(l, from.size, "the larger size").try("%s = %q or more, or none", to.limit, **from.size)
}

// circles walks from copies to origins.
type circles struct {
	*loader
	all   map[string]*copier
	state map[string]int // 0 for what was not visited yet
	path  []string
	by    []copied // by which each of the path was reached, but the first
}

func (c *circles) visit(name string) {
	const (
		onPath = 1
		done   = 2
	)
	c.state[name] = onPath
	c.path = append(c.path, name)
	for _, o := range c.all[name].origins {
		switch {
		case c.all[o.stream] == nil:
		case c.state[o.stream] == onPath:
			c.report(o, slices.Index(c.path, o.stream))
		case c.state[o.stream] == 0 && len(c.path) < maxNames:
			c.by = append(c.by, o)
			c.visit(o.stream)
			c.by = c.by[:len(c.by)-1]
		}
	}
	c.path = c.path[:len(c.path)-1]
	c.state[name] = done
}

// report reports the circle of the path from an index on, which an origin closes. Streams may copy from each other what
// they do not copy on, but NATS refuses a step that takes in what the copy itself stores.
func (c *circles) report(closing copied, from int) {
	steps := append(slices.Clone(c.by[from:]), closing)
	var round []*copier
	var labels []string
	refused := false
	for i, name := range c.path[from:] {
		s := c.all[name]
		round, labels = append(round, s), append(labels, clip(s.label))
		refused = refused || steps[i].filter == "" ||
			slices.ContainsFunc(s.subjects, func(subject string) bool { return collide(subject, steps[i].filter) })
	}
	if !refused {
		return
	}
	d := c.errorf(&closing.Name, codeCopyCircle, "%s copy each other in a circle: %s", kindsOf(round), strings.Join(append(labels, labels[0]), " ← "))
	for _, s := range round {
		d.also(c.loader, s.block, "%s %q", s.kind, clip(s.label))
	}
	d.try("copy in one direction only")
}

// kindsOf are the kinds of some copiers in words.
func kindsOf(all []*copier) string {
	for _, c := range all {
		if c.kind != all[0].kind {
			return "buckets and streams"
		}
	}
	return all[0].kind + "s"
}
