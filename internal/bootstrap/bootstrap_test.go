package bootstrap

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
)

// changesSeen counts, from outside, every request that changes a stream or a consumer.
func changesSeen(t testing.TB, nc *nats.Conn) func() []string {
	t.Helper()
	var mu sync.Mutex
	var seen []string
	for _, verb := range []string{
		"STREAM.CREATE", "STREAM.UPDATE", "STREAM.DELETE", "STREAM.PURGE",
		"CONSUMER.CREATE", "CONSUMER.DURABLE.CREATE", "CONSUMER.DELETE", "CONSUMER.PAUSE", "CONSUMER.RESET",
	} {
		if _, err := nc.Subscribe("$JS.API."+verb+".>", func(m *nats.Msg) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, strings.TrimPrefix(m.Subject, "$JS.API."))
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return func() []string {
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(seen)
	}
}

// looks waits until every keeper of the run has looked at its asset some more times.
func looks(t testing.TB, r *run, reads *atomic.Int64, n int64) {
	t.Helper()
	until := reads.Load() + n
	eventually(t, longest, func() error {
		if now := reads.Load(); now < until {
			return fmt.Errorf("%d of %d reads; %+v", now, until, r.now())
		}
		return nil
	})
}

// counted counts the answers to a run's requests.
func counted(reads *atomic.Int64) jetstream.JetStreamOpt {
	return jetstream.WithClientTrace(&jetstream.ClientTrace{
		ResponseReceived: func(string, []byte, nats.Header) { reads.Add(1) },
	})
}

func mustKV(t testing.TB, js jetstream.JetStream, bucket string) jetstream.KeyValue {
	t.Helper()
	kv, err := js.KeyValue(context.Background(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

// mustCreate creates a bucket as soon as there is a place for it: a server that has just joined is none yet.
func mustCreate(t testing.TB, js jetstream.JetStream, cfg jetstream.KeyValueConfig) jetstream.KeyValue {
	t.Helper()
	var kv jetstream.KeyValue
	eventually(t, longest, func() (err error) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		kv, err = js.CreateKeyValue(ctx, cfg)
		return err
	})
	return kv
}

func put(t testing.TB, kv jetstream.KeyValue, n int) {
	t.Helper()
	for i := range n {
		if _, err := kv.Put(context.Background(), fmt.Sprintf("k%d", i), []byte("v")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestColdStart(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 3)
	c.start(0, 1, 2)
	topology := c.topology(buckets(3, "a", "b", "c", "d", "e")...)
	runs := c.bootstrapAll(topology)
	wantPhase(t, Ready, runs...)
	js := c.js(0)
	created := map[string]time.Time{}
	for _, b := range topology.Accounts[0].Buckets {
		created[b.Name] = wantReplicas(t, js, b.Name, 3).Created
	}
	for _, a := range runs[0].now().Assets {
		if a.State != AssetCurrent || a.Replicas != 3 || len(a.Peers) != 3 || a.Leader == "" {
			t.Errorf("asset %+v", a)
		}
	}
	for _, r := range runs {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}

	observer := c.connect(0)
	seen := changesSeen(t, observer)
	c.known(observer)
	var reads atomic.Int64
	for i := range c.servers {
		r := c.bootstrap(i, topology, counted(&reads))
		wantPhase(t, Ready, r)
		looks(t, r, &reads, 15)
	}
	if got := seen(); len(got) > 0 {
		t.Errorf("a second run changed %v", got)
	}
	for name, want := range created {
		if got := wantReplicas(t, js, name, 3).Created; !got.Equal(want) {
			t.Errorf("bucket %s was created anew at %v", name, got)
		}
	}
}

func TestNothingBeforeFormation(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 3)
	c.start(0, 1)
	runs := c.bootstrapAll(c.topology(buckets(3, "a")...))
	eventually(t, longest, func() error {
		for _, r := range runs {
			if s := r.now(); s.Phase != Waiting || !slices.Equal(s.Missing, []string{"n3"}) || !strings.Contains(s.Reason, "n3") {
				return fmt.Errorf("status %+v", s)
			}
		}
		return nil
	})
	c.start(2)
	runs = append(runs, c.bootstrap(2, c.topology(buckets(3, "a")...)))
	wantPhase(t, Ready, runs...)
	if slices.Contains(runs[0].phases, Degraded) {
		t.Errorf("phases %v", runs[0].phases)
	}
}

// formed is a cluster whose meta group has had a leader.
func formed(t testing.TB) *nodes {
	t.Helper()
	c := newNodes(t, 3)
	c.start(0, 1, 2)
	c.wantLeader()
	wantSize(t, c, 3)
	return c
}

func wantSize(t testing.TB, c *nodes, n int) {
	t.Helper()
	eventually(t, longest, func() error {
		for _, s := range c.servers {
			if m := meta(s, false); m.Size != n || m.Leader == "" {
				return fmt.Errorf("%s: %+v", s.Name(), m)
			}
		}
		return nil
	})
}

// lose stops a node and waits until the others have noticed.
func (c *nodes) lose(i int) {
	c.t.Helper()
	c.stop(i)
	c.wantLeader()
	eventually(c.t, longest, func() error {
		for _, s := range c.servers {
			if s != nil && slices.Contains(connected(s), c.names[i]) {
				return fmt.Errorf("%s still has a route to %s", s.Name(), c.names[i])
			}
		}
		return nil
	})
}

func TestTwoOfThreeThenThird(t *testing.T) {
	t.Parallel()
	c := formed(t)
	c.lose(2)
	topology := c.topology(buckets(3, "a", "b")...)
	runs := c.bootstrapAll(topology)
	js := c.js(0)
	wantReplicas(t, js, "a", 2)
	wantReplicas(t, js, "b", 2)
	eventually(t, longest, func() error {
		s := runs[0].now()
		if s.Phase != Scaling || !slices.Equal(s.Missing, []string{"n3"}) || !strings.Contains(s.Reason, "2 of 3 replicas, waiting for n3") {
			return fmt.Errorf("status %+v", s)
		}
		return nil
	})
	put(t, mustKV(t, js, "a"), 50)
	created := wantReplicas(t, js, "a", 2).Created

	c.start(2)
	runs = append(runs, c.bootstrap(2, topology))
	wantPhase(t, Ready, runs...)
	info := wantReplicas(t, js, "a", 3)
	if info.State.Msgs != 50 || !info.Created.Equal(created) {
		t.Errorf("%d values, created %v; want 50, %v", info.State.Msgs, info.Created, created)
	}
}

// load puts new keys into a bucket until it is stopped, and remembers which were acknowledged.
type load struct {
	mu    sync.Mutex
	acked []string
	quit  chan struct{}
	wg    sync.WaitGroup
}

func startLoad(t testing.TB, kv jetstream.KeyValue, writers int) *load {
	l := &load{quit: make(chan struct{})}
	for w := range writers {
		l.wg.Go(func() {
			for i := 0; !l.stopped(); i++ {
				l.put(kv, fmt.Sprintf("w%d.%d", w, i))
			}
		})
	}
	t.Cleanup(l.stop)
	return l
}

func (l *load) put(kv jetstream.KeyValue, key string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := kv.Put(ctx, key, []byte(key)); err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.acked = append(l.acked, key)
	}
}

func (l *load) stopped() bool {
	select {
	case <-l.quit:
		return true
	default:
		return false
	}
}

func (l *load) stop() {
	if !l.stopped() {
		close(l.quit)
	}
	l.wg.Wait()
}

func (l *load) keys() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.acked)
}

func TestScaleUnderLoad(t *testing.T) {
	t.Parallel()
	c := formed(t)
	js := c.js(0)
	kv := mustCreate(t, js, jetstream.KeyValueConfig{Bucket: "a", History: 64})
	l := startLoad(t, kv, 4)
	b := buckets(3, "a")
	b[0].History = ptr(64)
	runs := c.bootstrapAll(c.topology(b...))
	wantPhase(t, Ready, runs...)
	eventually(t, longest, func() error { // A run with few puts would prove little.
		if n := len(l.keys()); n < 300 {
			return fmt.Errorf("%d acknowledged puts", n)
		}
		return nil
	})
	l.stop()
	acked := l.keys()
	wantReplicas(t, js, "a", 3)
	for _, key := range acked {
		if _, err := kv.Get(context.Background(), key); err != nil {
			t.Errorf("acknowledged put of %s: %v", key, err)
		}
	}
	t.Logf("%d acknowledged puts", len(acked))
}

func TestDrift(t *testing.T) {
	t.Parallel()
	c := formed(t)
	b := &schema.Bucket{
		Name: "a", Replicas: 3, History: ptr(10), MaxValueSize: ptr(schema.Size(1 << 20)),
		Metadata: map[string]string{"owner": "ops"},
	}
	runs := c.bootstrapAll(c.topology(b))
	wantPhase(t, Ready, runs...)
	js := c.js(0)

	// What is not declared is somebody else's.
	info := wantReplicas(t, js, "a", 3)
	cfg := info.Config
	cfg.Description, cfg.ConsumerLimits.MaxAckPending, cfg.Metadata["team"] = "theirs", 77, "blue"
	if _, err := js.UpdateStream(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateOrUpdateKeyValue(context.Background(), jetstream.KeyValueConfig{Bucket: "b"}); err != nil {
		t.Fatal(err)
	}
	observer := c.connect(0)
	seen := changesSeen(t, observer)
	c.known(observer)
	// One request of an ordinary application undoes everything that is declared.
	cfg.Replicas, cfg.MaxMsgsPerSubject, cfg.MaxMsgSize = 1, 1, -1
	delete(cfg.Metadata, "owner")
	if _, err := js.UpdateStream(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
	eventually(t, longest, func() error {
		got := wantReplicas(t, js, "a", 3).Config
		if got.MaxMsgsPerSubject != 10 || got.MaxMsgSize != 1<<20 || got.Metadata["owner"] != "ops" {
			return fmt.Errorf("config %+v", got)
		}
		if got.Description != "theirs" || got.ConsumerLimits.MaxAckPending != 77 || got.Metadata["team"] != "blue" {
			t.Fatalf("undeclared settings are lost: %+v", got)
		}
		return nil
	})
	wantPhase(t, Ready, runs...)
	if got, want := seen(), []string{"STREAM.UPDATE.KV_a", "STREAM.UPDATE.KV_a", "STREAM.UPDATE.KV_a"}; !slices.Equal(got, want) {
		t.Errorf("requests %v, want the application's and ours for settings and replicas %v", got, want)
	}

	if _, err := js.CreateOrUpdateKeyValue(context.Background(), jetstream.KeyValueConfig{Bucket: "a"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, longest, func() error {
		if got := wantReplicas(t, js, "a", 3).Config; got.MaxMsgsPerSubject != 10 {
			return fmt.Errorf("config %+v", got)
		}
		return nil
	})
}

func TestDataLossIsAskedFor(t *testing.T) {
	t.Parallel()
	c := formed(t)
	b := &schema.Bucket{Name: "a", Replicas: 3, History: ptr(10)}
	runs := c.bootstrapAll(c.topology(b))
	wantPhase(t, Ready, runs...)
	js := c.js(0)
	kv := mustKV(t, js, "a")
	for range 10 {
		if _, err := kv.PutString(context.Background(), "k", "v"); err != nil {
			t.Fatal(err)
		}
	}
	restart := func(edit func()) {
		t.Helper()
		for _, r := range runs {
			_ = r.stop()
		}
		edit()
		runs = c.bootstrapAll(c.topology(b))
	}

	restart(func() { b.History, b.Storage, b.Description = ptr(5), ptr("memory"), ptr("new") })
	wantPhase(t, Degraded, runs...)
	a := runs[0].now().Assets[0]
	if len(a.Problems) != 2 || a.Problems[0].At != &b.History || a.Problems[0].Class != LosesData ||
		a.Problems[1].At != &b.Storage || a.Problems[1].Class != Immutable || !a.Blocked {
		t.Errorf("problems %+v", a.Problems)
	}
	if reason := runs[0].now().Reason; !strings.Contains(reason, "history 10 → 5") || !strings.Contains(reason, "storage") {
		t.Errorf("reason %q", reason)
	}
	eventually(t, longest, func() error {
		info := wantReplicas(t, js, "a", 3)
		if info.State.Msgs != 10 || info.Config.MaxMsgsPerSubject != 10 {
			t.Fatalf("history was lowered: %+v", info.State)
		}
		if info.Config.Description != "new" {
			return fmt.Errorf("description %q", info.Config.Description)
		}
		return nil
	})

	restart(func() { b.Storage, b.AllowDataLoss = nil, true })
	wantPhase(t, Ready, runs...)
	if info := wantReplicas(t, js, "a", 3); info.State.Msgs != 5 {
		t.Errorf("%d revisions, want 5", info.State.Msgs)
	}
}

// TestInterrupted ends a run after its first request, after its second, and so on, both before the request is sent and
// after it was answered. Whatever it left behind, a fresh run completes.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	c := formed(t)
	js := c.js(0)
	for n := int64(1); n <= 5; n++ {
		for _, answered := range []bool{false, true} {
			fresh, grown := fmt.Sprintf("fresh%d%t", n, answered), fmt.Sprintf("grown%d%t", n, answered)
			put(t, mustCreate(t, js, jetstream.KeyValueConfig{Bucket: grown}), 10)
			want := wantReplicas(t, js, grown, 1).Created

			topology := c.topology(buckets(3, fresh, grown)...)
			var calls atomic.Int64
			cut := make(chan struct{})
			count := func(now bool) {
				if now && calls.Add(1) == n {
					close(cut)
				}
			}
			r := c.bootstrap(c.wantLeader(), topology, jetstream.WithClientTrace(&jetstream.ClientTrace{
				RequestSent:      func(string, []byte) { count(!answered) },
				ResponseReceived: func(string, []byte, nats.Header) { count(answered) },
			}))
			<-cut
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			var made time.Time
			if s, err := js.Stream(context.Background(), "KV_"+fresh); err == nil {
				made = s.CachedInfo().Created
			}

			runs := c.bootstrapAll(topology)
			wantPhase(t, Ready, runs...)
			if info := wantReplicas(t, js, fresh, 3); !made.IsZero() && !info.Created.Equal(made) {
				t.Errorf("%s was created anew", fresh)
			}
			if info := wantReplicas(t, js, grown, 3); info.State.Msgs != 10 || !info.Created.Equal(want) {
				t.Errorf("%s: %d values, created %v; want 10, %v", grown, info.State.Msgs, info.Created, want)
			}
			for _, r := range runs {
				_ = r.stop()
			}
		}
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 3)
	c.start(0, 1)
	topology := c.topology(buckets(3, "a")...)
	topology.Bootstrap.Timeout = schema.Duration(300 * time.Millisecond)
	runs := c.bootstrapAll(topology)
	wantPhase(t, Degraded, runs...)
	if s := runs[0].now(); !slices.Equal(s.Missing, []string{"n3"}) || !strings.Contains(s.Reason, "n3") {
		t.Errorf("status %+v", s)
	}
	c.start(2)
	runs = append(runs, c.bootstrap(2, topology))
	wantPhase(t, Ready, runs...)
}

func TestStandalone(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 1)
	c.start(0)
	r := c.bootstrap(0, c.topology(buckets(3, "a", "b")...))
	wantPhase(t, Ready, r)
	for _, a := range r.now().Assets {
		if a.Replicas != 1 || a.Desired != 1 || a.Leader != "n1" || a.State != AssetCurrent {
			t.Errorf("asset %+v", a)
		}
	}
	put(t, mustKV(t, c.js(0), "a"), 3)
}

func TestLeaderMoves(t *testing.T) {
	t.Parallel()
	c := formed(t)
	js := c.js(0)
	var names []string
	for i := range 6 {
		names = append(names, fmt.Sprintf("b%d", i))
	}
	for _, n := range names[:2] { // two of them are to be scaled
		mustCreate(t, js, jetstream.KeyValueConfig{Bucket: n})
	}
	sys, err := nats.Connect("", nats.InProcessServer(c.servers[0]), nats.UserInfo("sys", "sys"))
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close()
	topology := c.topology(buckets(3, names...)...)
	var once sync.Once
	moved := make(chan struct{})
	trace := jetstream.WithClientTrace(&jetstream.ClientTrace{RequestSent: func(subject string, _ []byte) {
		if strings.Contains(subject, ".CREATE.") || strings.Contains(subject, ".UPDATE.") {
			once.Do(func() {
				defer close(moved)
				if _, err := sys.Request("$JS.API.META.LEADER.STEPDOWN", nil, 5*time.Second); err != nil {
					t.Error(err)
				}
			})
		}
	}})
	var runs []*run
	for i := range c.servers {
		runs = append(runs, c.bootstrap(i, topology, trace))
	}
	<-moved
	wantPhase(t, Ready, runs...)
	for _, n := range names {
		wantReplicas(t, js, n, 3)
	}
}

func TestNodeDown(t *testing.T) {
	t.Parallel()
	c := formed(t)
	topology := c.topology(buckets(3, "a")...)
	runs := c.bootstrapAll(topology)
	wantPhase(t, Ready, runs...)
	down := (c.metaLeader() + 1) % 3
	_ = runs[down].stop()
	up := slices.Delete(slices.Clone(runs), down, down+1)
	c.stop(down)
	wantPhase(t, Degraded, up...)
	js := c.js(c.wantLeader())
	eventually(t, longest, func() error {
		s, err := js.Stream(context.Background(), "KV_a")
		if err != nil {
			return err
		}
		if n := s.CachedInfo().Config.Replicas; n != 3 {
			t.Fatalf("scaled to %d because a node is away", n)
		}
		a := up[0].now().Assets[0]
		if a.State != AssetDegraded || !strings.Contains(a.Err, c.names[down]) {
			return fmt.Errorf("asset %+v", a)
		}
		return nil
	})
	c.start(down)
	wantPhase(t, Ready, append(up, c.bootstrap(down, topology))...)
}

func TestScaleDownAndPlacement(t *testing.T) {
	t.Parallel()
	c := formed(t)
	b := buckets(3, "a")
	runs := c.bootstrapAll(c.topology(b...))
	wantPhase(t, Ready, runs...)
	js := c.js(0)
	put(t, mustKV(t, js, "a"), 10)
	for _, r := range runs {
		_ = r.stop()
	}
	b[0].Replicas, b[0].Placement = 1, &schema.Placement{Tags: []string{"az:2"}}
	observer := c.connect(0)
	seen := changesSeen(t, observer)
	c.known(observer)
	runs = c.bootstrapAll(c.topology(b...))
	wantPhase(t, Ready, runs...)
	info := wantReplicas(t, js, "a", 1)
	if info.State.Msgs != 10 || info.Config.Placement.Tags[0] != "az:2" {
		t.Errorf("info %+v", info)
	}
	if got, want := seen(), []string{"STREAM.UPDATE.KV_a", "STREAM.UPDATE.KV_a"}; !slices.Equal(got, want) || info.Cluster.Leader != "n2" {
		t.Errorf("requests %v on %s, want %v on n2", got, info.Cluster.Leader, want)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	c := formed(t)
	js := c.js(0)
	if _, err := js.CreateStream(context.Background(), jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"$KV.taken.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(context.Background(), jetstream.StreamConfig{Name: "KV_foreign", Subjects: []string{"x"}}); err != nil {
		t.Fatal(err)
	}
	b := buckets(3, "taken", "foreign", "huge", "fine")
	b[1].Description = ptr("must not be touched")
	b[2].MaxBytes = ptr(schema.Size(10 << 30))
	runs := c.bootstrapAll(c.topology(b...))
	wantPhase(t, Degraded, runs...)
	leader := runs[c.wantLeader()]
	eventually(t, longest, func() error {
		as := leader.now().Assets
		switch {
		case !strings.Contains(as[0].Err, "10065") || !as[0].Blocked:
			return fmt.Errorf("taken: %+v", as[0])
		case len(as[1].Problems) != 1 || as[1].Problems[0].Field != "subjects":
			return fmt.Errorf("foreign: %+v", as[1])
		case as[2].Err == "":
			return fmt.Errorf("huge: %+v", as[2])
		case as[3].State != AssetCurrent:
			return fmt.Errorf("fine: %+v", as[3])
		}
		return nil
	})
	t.Log(leader.now().Assets[2].Err)
	s, err := js.Stream(context.Background(), "KV_foreign")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.CachedInfo().Config; got.Description != "" || got.Replicas != 1 {
		t.Errorf("a stream that is not declared was touched: %+v", got)
	}

	// What a person does about it is noticed.
	if err := js.DeleteStream(context.Background(), "OTHER"); err != nil {
		t.Fatal(err)
	}
	wantReplicas(t, js, "taken", 3)
}
