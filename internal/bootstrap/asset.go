package bootstrap

import (
	"cmp"
	"context"
	"sync/atomic"

	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
)

// asset is one declared asset and how it is dealt with.
type asset[C config] struct {
	kind, account, stream, name string // stream is that of a consumer
	at                          any    // the block in the schema
	allowLoss                   bool
	declaration[C]
	key    string // its name in the JetStream API
	api    api[C]
	lister *lister[C]
	target int // replicas in the end; 0 is what nodes says
	// nodes is on how many nodes an asset with this configuration is.
	nodes func(c *C) int
	// scaled is a configuration with as many replicas as there can be now.
	scaled func(c C, v *view) C
	// seen gets what was seen last; nil where nobody wants to know.
	seen *atomic.Pointer[C]
	// owner is the live stream of a consumer, nil as long as it is not there; others have no owner.
	owner func() *streamConfig
}

// status is what is known before anything has been asked.
func (a *asset[C]) status() Asset {
	c := a.created()
	return Asset{
		Kind: a.kind, Account: a.account, Stream: a.stream, Name: a.name, At: a.at,
		State: AssetWaiting, Desired: cmp.Or(a.target, a.nodes(&c)),
	}
}

// facts is the asset in a line of the log.
func (a *asset[C]) facts(more ...any) []any {
	line := []any{a.kind, a.name}
	if a.stream != "" {
		line = append(line, "stream", a.stream)
	}
	return append(append(line, "account", a.account), more...)
}

// declare makes a keeper for every declared asset of an account.
func (r *runner) declare(a *schema.Account) {
	streams := &lister[streamConfig]{all: allStreams}
	for _, b := range a.Buckets {
		target := target(r.Topology, b.Replicas)
		r.keepStream(asset[streamConfig]{
			kind: "bucket", account: a.Name, name: b.Name, at: b, allowLoss: b.AllowDataLoss,
			declaration: declareBucket(b, target), lister: streams,
		}, target, b.Placement)
	}
	for _, o := range a.ObjectStores {
		target := target(r.Topology, o.Replicas)
		r.keepStream(asset[streamConfig]{
			kind: "object_store", account: a.Name, name: o.Name, at: o, allowLoss: o.AllowDataLoss,
			declaration: declareObjectStore(o, target), lister: streams,
		}, target, o.Placement)
	}
	for _, s := range a.Streams {
		target := target(r.Topology, s.Replicas)
		live := &atomic.Pointer[streamConfig]{}
		r.keepStream(asset[streamConfig]{
			kind: "stream", account: a.Name, name: s.Name, at: s, allowLoss: s.AllowDataLoss,
			declaration: declareStream(s, target), lister: streams, seen: live,
		}, target, s.Placement)
		r.declareConsumers(a, s, target, live.Load)
	}
}

func (r *runner) keepStream(a asset[streamConfig], target int, p *schema.Placement) {
	a.key, a.api, a.target = a.base.Name, stream(a.base.Name), target
	a.nodes = func(c *streamConfig) int { return c.Replicas }
	a.scaled = func(c streamConfig, v *view) streamConfig {
		c.Replicas = r.goal(c.Replicas, target, p, v)
		return c
	}
	keep(r, a)
}

// declareConsumers makes a keeper for every declared consumer of a stream.
func (r *runner) declareConsumers(a *schema.Account, s *schema.Stream, target int, live func() *streamConfig) {
	consumers := &lister[consumerConfig]{all: func(ctx context.Context, js jetstream.JetStream) (map[string]*info[consumerConfig], error) {
		return allConsumers(ctx, js, s.Name)
	}}
	for _, c := range s.Consumers {
		d := declareConsumer(c, target, live)
		keep(r, asset[consumerConfig]{
			kind: "consumer", account: a.Name, stream: s.Name, name: c.Name, at: c, allowLoss: c.AllowDataLoss,
			declaration: d, key: c.Name, lister: consumers,
			api: &consumer{stream: s.Name, name: c.Name, push: c.DeliverSubject != nil},
			nodes: func(cfg *consumerConfig) int {
				return cmp.Or(cfg.Replicas, value(live()).Replicas, value(c.Replicas), target)
			},
			scaled: func(c consumerConfig, _ *view) consumerConfig {
				c, _ = d.diff(&info[consumerConfig]{config: c}, true, scaling)
				return c
			},
			owner: live,
		})
	}
}

// target is the declared number of replicas. A single node cannot keep more than one (nats-server: 10074).
func target(t *schema.Topology, replicas int) int {
	switch {
	case t.Standalone():
		return 1
	case replicas > 0:
		return replicas
	case len(t.DataNodes()) >= 3:
		return 3
	}
	return 1
}

// goal is how many replicas to have now: fewer than there are only if the file says so.
func (r *runner) goal(replicas, target int, p *schema.Placement, v *view) int {
	if replicas >= target {
		return target
	}
	if v.unsure() {
		return replicas
	}
	return max(replicas, min(target, r.room(p, v)))
}
