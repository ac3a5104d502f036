package bootstrap

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
)

// Difference is one declared asset beside the live one, as far as they differ.
type Difference struct {
	// Kind is the word of the file; Account and Name say which one, with the Stream of a consumer.
	Kind, Account, Stream, Name string
	// At points to the block in the schema.
	At any
	// Absent means that it does not exist and would be created with Replicas copies.
	Absent   bool
	Replicas int
	// Changes are the declared settings that differ, also those that are held back.
	Changes []Change
	// AllowLoss tells whether changes that lose data would be made.
	AllowLoss bool
	// CopyBytes is about how many bytes would be copied between nodes, and LeaderMoves whether its leader would have to
	// be another node.
	CopyBytes   uint64
	LeaderMoves bool
	// Err says why nothing is known of it; "" when it answered.
	Err string
}

// Held tells whether a change is one that would not be made.
func (d Difference) Held(c Change) bool { return !c.mayBeMade(d.AllowLoss) }

// Undeclared is a live asset that the file does not have.
type Undeclared struct{ Kind, Account, Name string }

// ErrNoAccount is what Config.JetStream returns for an account that the running cluster does not have yet: nothing in it
// exists.
var ErrNoAccount = errors.New("the account does not exist yet")

// Compare looks at every declared asset once and changes nothing. The differences are in the order of the file; what is as
// it is declared is left out. Of the configuration it needs Topology, Node and JetStream.
func Compare(ctx context.Context, cfg Config) ([]Difference, []Undeclared) {
	r := &runner{Config: cfg, attempt: cmp.Or(cfg.Topology.Bootstrap.AttemptTimeout.Std(), attemptTimeout), reading: make(chan struct{}, reads)}
	for _, a := range cfg.Topology.Accounts {
		r.declare(a)
	}
	found := make([]*Difference, len(r.compares))
	var wg sync.WaitGroup
	for i, compare := range r.compares {
		if r.assets[i].Kind == "consumer" {
			continue // its stream first
		}
		wg.Go(func() { found[i] = compare(ctx) })
	}
	wg.Wait()
	for i, compare := range r.compares {
		if r.assets[i].Kind == "consumer" {
			wg.Go(func() { found[i] = compare(ctx) })
		}
	}
	wg.Wait()
	var out []Difference
	for _, d := range found {
		if d != nil {
			out = append(out, *d)
		}
	}
	return out, r.undeclared(ctx)
}

// compare is the difference of one asset, or nil.
func (k *keeper[C]) compare(ctx context.Context) *Difference {
	c := k.created()
	d := &Difference{
		Kind: k.kind, Account: k.account, Stream: k.stream, Name: k.name, At: k.at, AllowLoss: k.allowLoss,
		Replicas: cmp.Or(k.target, k.nodes(&c)),
	}
	i, err := k.once(ctx)
	switch {
	case isAbsent(err), errors.Is(err, ErrNoAccount):
		d.Absent = true
		return d
	case err != nil:
		d.Err, _ = explain(err)
		return d
	}
	if k.seen != nil {
		k.seen.Store(&i.config)
	}
	if _, d.Changes = k.diff(i, k.allowLoss); len(d.Changes) == 0 {
		return nil
	}
	k.effects(d, i)
	return d
}

// once reads the asset alone, with as much patience as creating it has.
func (k *keeper[C]) once(ctx context.Context) (*info[C], error) {
	js, err := k.JetStream(k.account)
	if err != nil {
		return nil, err
	}
	if !k.enter(ctx, k.reading) {
		return nil, ctx.Err()
	}
	defer func() { <-k.reading }()
	ctx, cancel := context.WithTimeout(ctx, k.attempt)
	defer cancel()
	return k.api.read(ctx, js)
}

// effects estimates what making the changes takes. Each copy is made from the live ones over the network; a copy that
// stays where it is costs nothing.
func (k *keeper[C]) effects(d *Difference, i *info[C]) {
	have := k.nodes(&i.config)
	var stay int
	var leaderStays bool
	p, moves := k.placement(d)
	for _, name := range holders(i.cluster) {
		if !moves || k.suits(name, p) {
			stay++
			leaderStays = leaderStays || name == i.cluster.Leader
		}
	}
	if i.cluster == nil { // a single node copies nothing
		return
	}
	want := have
	for _, c := range d.Changes {
		if c.step == scaling && !d.Held(c) {
			want = d.Replicas
		}
	}
	d.CopyBytes = uint64(max(0, want-stay)) * i.bytes
	d.LeaderMoves = i.cluster.Leader != "" && !leaderStays
}

// placement is where the asset would have to be, if that changes.
func (k *keeper[C]) placement(d *Difference) (p *schema.Placement, changes bool) {
	switch a := k.at.(type) {
	case *schema.Bucket:
		p = a.Placement
	case *schema.ObjectStore:
		p = a.Placement
	case *schema.Stream:
		p = a.Placement
	}
	return p, p != nil && slices.ContainsFunc(d.Changes, func(c Change) bool { return strings.HasPrefix(c.Field, "placement.") && !d.Held(c) })
}

// suits tells whether a node may hold what has a placement.
func (k *keeper[C]) suits(name string, p *schema.Placement) bool {
	cluster, n := k.Topology.Node(name)
	return n != nil && (p.Cluster == "" || p.Cluster == cluster.Name) && matches(lower(n.Tags), lower(p.Tags))
}

// holders are the nodes that hold an asset.
func holders(c *jetstream.ClusterInfo) []string {
	if c == nil {
		return nil
	}
	var all []string
	if c.Leader != "" {
		all = append(all, c.Leader)
	}
	for _, p := range c.Replicas {
		all = append(all, p.Name)
	}
	return all
}

// undeclared are the live streams of the declared accounts that the file does not have. Those that do not answer now are
// not known.
func (r *runner) undeclared(ctx context.Context) []Undeclared {
	var out []Undeclared
	for _, a := range r.Topology.Accounts {
		js, err := r.JetStream(a.Name)
		if err != nil {
			continue
		}
		attempt, cancel := context.WithTimeout(ctx, patient)
		live, _ := allStreams(attempt, js)
		cancel()
		for name := range live {
			kind, short := KindOf(name)
			if !declares(a, kind, short) && !declares(a, "stream", name) {
				out = append(out, Undeclared{kind, a.Name, short})
			}
		}
	}
	slices.SortFunc(out, func(a, b Undeclared) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// KindOf is what the name of a stream says it is, by the rules of every client: "bucket", "object_store" or "stream", and
// its name as that.
func KindOf(stream string) (kind, name string) {
	if name, ok := strings.CutPrefix(stream, bucketPrefix); ok {
		return "bucket", name
	}
	if name, ok := strings.CutPrefix(stream, objectStorePrefix); ok {
		return "object_store", name
	}
	return "stream", stream
}

// declares tells whether an account has an asset of that kind and name.
func declares(a *schema.Account, kind, name string) bool {
	switch kind {
	case "bucket":
		return slices.ContainsFunc(a.Buckets, func(b *schema.Bucket) bool { return b.Name == name })
	case "object_store":
		return slices.ContainsFunc(a.ObjectStores, func(o *schema.ObjectStore) bool { return o.Name == name })
	}
	return slices.ContainsFunc(a.Streams, func(s *schema.Stream) bool { return s.Name == name })
}
