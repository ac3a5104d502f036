package bootstrap

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// info is what nats-server says of one asset.
type info[C config] struct {
	config    C
	cluster   *jetstream.ClusterInfo // nil on a standalone server
	age       time.Duration
	values    uint64
	bytes     uint64
	subjects  uint64
	oldest    time.Duration // the age of the first message
	positions [2]uint64     // they move with every message
}

func (i *info[C]) reconfiguring() bool { return i.cluster != nil && i.cluster.Desired != nil }

// api is how one kind of assets is read and changed.
type api[C config] interface {
	read(ctx context.Context, js jetstream.JetStream) (*info[C], error)
	create(ctx context.Context, js jetstream.JetStream, c C) (*info[C], error)
	update(ctx context.Context, js jetstream.JetStream, live, want C) (*info[C], error)
	replicas(c *C) *int
}

// stream is the api of a stream by its name.
type stream string

func (name stream) read(ctx context.Context, js jetstream.JetStream) (*info[streamConfig], error) {
	return streamAnswer(js.Stream(ctx, string(name)))
}

func (stream) create(ctx context.Context, js jetstream.JetStream, c streamConfig) (*info[streamConfig], error) {
	c.Sealed = false // which nats-server takes only as an update
	return streamAnswer(js.CreateStream(ctx, c))
}

func (stream) update(ctx context.Context, js jetstream.JetStream, _, want streamConfig) (*info[streamConfig], error) {
	return streamAnswer(js.UpdateStream(ctx, want))
}

func (stream) replicas(c *streamConfig) *int { return &c.Replicas }

func streamAnswer(s jetstream.Stream, err error) (*info[streamConfig], error) {
	if err != nil {
		return nil, err
	}
	return streamInfo(s.CachedInfo()), nil
}

func streamInfo(i *jetstream.StreamInfo) *info[streamConfig] {
	s := i.State
	l := &info[streamConfig]{
		config: i.Config, cluster: i.Cluster, age: i.TimeStamp.Sub(i.Created), values: s.Msgs, bytes: s.Bytes,
		subjects: s.NumSubjects, positions: [2]uint64{s.LastSeq, s.FirstSeq},
	}
	if s.Msgs > 0 {
		l.oldest = i.TimeStamp.Sub(s.FirstTime)
	}
	return l
}

// allStreams are all streams of an account by name, but for those that do not answer.
func allStreams(ctx context.Context, js jetstream.JetStream) (map[string]*info[streamConfig], error) {
	all := map[string]*info[streamConfig]{}
	l := js.ListStreams(ctx)
	for i := range l.Info() {
		all[i.Config.Name] = streamInfo(i)
	}
	return all, l.Err()
}

// consumer is the api of a consumer.
type consumer struct {
	stream, name string
	push         bool // it was a push consumer when looked at last; nats.go v1.55.0 wants to know before it asks
}

func (c *consumer) read(ctx context.Context, js jetstream.JetStream) (*info[consumerConfig], error) {
	i, err := c.ask(ctx, js)
	if errors.Is(err, jetstream.ErrNotPullConsumer) || errors.Is(err, jetstream.ErrNotPushConsumer) {
		c.push = !c.push
		return c.ask(ctx, js)
	}
	return i, err
}

func (c *consumer) ask(ctx context.Context, js jetstream.JetStream) (*info[consumerConfig], error) {
	if c.push {
		return consumerAnswer(js.PushConsumer(ctx, c.stream, c.name))
	}
	return consumerAnswer(js.Consumer(ctx, c.stream, c.name))
}

func (c *consumer) create(ctx context.Context, js jetstream.JetStream, cfg consumerConfig) (*info[consumerConfig], error) {
	if cfg.DeliverSubject != "" {
		return consumerAnswer(js.CreatePushConsumer(ctx, c.stream, cfg))
	}
	return consumerAnswer(js.CreateConsumer(ctx, c.stream, cfg))
}

// update pauses with a request of its own, because nats-server v2.15.2 leaves pause_until as it is in every other.
func (c *consumer) update(ctx context.Context, js jetstream.JetStream, live, want consumerConfig) (*info[consumerConfig], error) {
	switch {
	case want.PauseUntil != nil && momentOf(want.PauseUntil) != momentOf(live.PauseUntil):
		if _, err := js.PauseConsumer(ctx, c.stream, c.name, *want.PauseUntil); err != nil {
			return nil, err
		}
		return c.read(ctx, js)
	case want.DeliverSubject != "":
		return consumerAnswer(js.UpdatePushConsumer(ctx, c.stream, want))
	}
	return consumerAnswer(js.UpdateConsumer(ctx, c.stream, want))
}

func (*consumer) replicas(c *consumerConfig) *int { return &c.Replicas }

// informed is either of the two consumers of nats.go.
type informed interface {
	CachedInfo() *jetstream.ConsumerInfo
}

func consumerAnswer[T informed](c T, err error) (*info[consumerConfig], error) {
	if err != nil {
		return nil, err
	}
	return consumerInfo(c.CachedInfo()), nil
}

func consumerInfo(i *jetstream.ConsumerInfo) *info[consumerConfig] {
	return &info[consumerConfig]{
		config: i.Config, cluster: i.Cluster, age: i.TimeStamp.Sub(i.Created),
		values:    i.NumPending + uint64(i.NumAckPending),
		positions: [2]uint64{i.Delivered.Consumer, i.AckFloor.Consumer},
	}
}

// allConsumers are all consumers of a stream by name, but for those that do not answer.
func allConsumers(ctx context.Context, js jetstream.JetStream, stream string) (map[string]*info[consumerConfig], error) {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	all := map[string]*info[consumerConfig]{}
	l := s.ListConsumers(ctx)
	for i := range l.Info() {
		all[i.Name] = consumerInfo(i)
	}
	return all, l.Err()
}

const (
	// many is from how many assets on they are read together. A page of 256 streams costs nats-server v2.15.2 as much as
	// 100 single requests.
	many = 8
	// gather is how long a reader waits for others who want to read.
	gather = 50 * time.Millisecond
	// patient is how long reading together may take at all, and firstFor how long it may take at the start, when some
	// assets may have no leader yet. 1,000 buckets take a tenth of a second.
	patient  = 20 * time.Second
	firstFor = time.Second
	// slow is how long it may take, beside what each asset costs, without being avoided for a while. It takes 4 s more when
	// a single asset has no leader, and nats-server logs a warning each time (nats-server v2.15.2,
	// jsClusteredStreamListRequest).
	slow    = 3 * time.Second
	avoided = time.Minute
)

// lister reads assets that are looked at at about the same time together.
type lister[C config] struct {
	all  func(ctx context.Context, js jetstream.JetStream) (map[string]*info[C], error)
	size int // how many read through it

	mu    sync.Mutex
	now   *listing[C] // that is under way; nil when there is none
	avoid time.Time   // until when not to read together
}

type listing[C config] struct {
	readers int
	done    chan struct{}
	found   map[string]*info[C]
}

// read is the asset, or nil where it has to be asked for alone. It may be as old as reading all of them takes, which is
// at most the limit.
func (l *lister[C]) read(ctx context.Context, js jetstream.JetStream, name string, limit time.Duration) *info[C] {
	if l.size < many {
		return nil
	}
	l.mu.Lock()
	turn, first := l.now, l.now == nil
	if first {
		turn = &listing[C]{done: make(chan struct{})}
		l.now = turn
	}
	turn.readers++
	l.mu.Unlock()
	if first {
		l.run(ctx, js, turn, limit)
	}
	select {
	case <-turn.done:
		return turn.found[name]
	case <-ctx.Done():
		return nil
	}
}

// run is done by the first reader of a listing for all of them.
func (l *lister[C]) run(ctx context.Context, js jetstream.JetStream, turn *listing[C], limit time.Duration) {
	wait := time.NewTimer(gather)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
	l.mu.Lock()
	alone := turn.readers < many || time.Now().Before(l.avoid) || ctx.Err() != nil
	l.mu.Unlock()
	avoid := false
	if !alone {
		turn.found, avoid = l.list(ctx, js, limit)
	}
	l.mu.Lock()
	l.now = nil
	if avoid {
		l.avoid = time.Now().Add(avoided)
	}
	l.mu.Unlock()
	close(turn.done)
}

// list reads all, and tells whether that was not worth it.
func (l *lister[C]) list(ctx context.Context, js jetstream.JetStream, limit time.Duration) (found map[string]*info[C], avoid bool) {
	attempt, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	start := time.Now()
	found, err := l.all(attempt, js)
	if err != nil {
		return nil, true
	}
	// An account with many streams of others is not listed for a few of ours.
	return found, time.Since(start) > slow+time.Duration(len(found))*200*time.Microsecond || len(found) > 100*l.size
}
