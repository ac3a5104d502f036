// Package bootstrap brings the declared assets of a topology into being on a JetStream cluster and keeps them so.
//
// Every node runs it, and all look; only the node of the meta leader acts. Each step reads what is there, does at most
// one thing about it, and can be repeated, so that leadership may move and a node may die between any two of them.
// Nothing is ever deleted or created anew, and what is not declared is not touched.
//
// A stream that is not found is created only once the meta group has a leader and as many members as the topology has
// voters: before that, "not found" may only mean that the nodes that know the stream are still away (nats-server
// v2.15.2 lets two of three nodes with wiped disks elect an empty meta leader).
//
// An asset whose nodes are not all up is created with as many replicas as there are nodes to hold it, two where there
// are two: with a single replica, that one disk would be the only copy until the others come. It is scaled up in place
// as nodes come, a few assets at a time, and never scaled down because a node is away.
package bootstrap

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
)

// Meta is what one node knows of the JetStream meta group.
type Meta struct {
	// Leader is the name of the node that leads, "" while there is none.
	Leader string
	// IsLeader tells whether that is this node. A standalone node always says true.
	IsLeader bool
	// Size is how many members the group has, whether they are up or not.
	Size int
	// EverHadLeader is false until the first election, which needs a vote from every declared node.
	EverHadLeader bool
}

// Config is what Run needs to know. Every field but Drained, Without, Gone and Every is required.
type Config struct {
	// Topology is what is declared.
	Topology *schema.Topology
	// Node is the name of this node in the topology.
	Node string
	// Meta is this node's view of the meta group. It is called every 50 ms until everything is ready, so it must be
	// cheap, and by many goroutines.
	Meta func() Meta
	// Connected are the names of the other nodes to which this one has a live route.
	Connected func() []string
	// Drained are the names of the nodes that are to hold nothing, and may be nil. It is called as often as Meta.
	Drained func() []string
	// JetStream is a connection of this node to itself in an account. An error is tried again.
	JetStream func(account string) (jetstream.JetStream, error)
	// StepDown gives away the leadership of the meta group that this node has. It may take as long as its context allows.
	StepDown func(context.Context) error
	// Without are declared nodes that the first start does not wait for, until they are connected for the first time.
	Without []string
	// Gone are assets that the file does not have any more, and may be nil.
	Gone []Gone
	// Report is told every change of the status, one at a time.
	Report func(Status)
	// Every is how often an asset that is as it should be is looked at again. Raising it makes drift last longer; lowering
	// it costs a request per asset and node, or one for 256 of them while all is ready. Zero is 5 s. Where there are many
	// assets it is longer.
	Every time.Duration
}

const (
	// attemptTimeout is how long one request may take where the file does not say.
	attemptTimeout = 5 * time.Second
	// notice is how soon a change of the meta group or of the routes is seen before everything is ready.
	notice = 50 * time.Millisecond
	// glance is how soon it is seen afterwards.
	glance = 500 * time.Millisecond
	// silence is how long nothing is placed after a node has gone away. nats-server v2.15.2 takes a node that was killed
	// for a good place until it has been silent for 3 s (raft.IsFollowerCaughtUp); an asset of two replicas with one
	// of them there would have no leader until the node comes back.
	silence = 4 * time.Second
	// reportFor is what each asset adds to the least time between two reports.
	reportFor = 100 * time.Microsecond
	// dwell is how long something must be wrong before it is worth a line in the log.
	dwell = 2 * time.Second
	// scalings is how many assets are scaled at a time, so that copying the data of all of them does not starve the
	// elections. Eight small buckets from one replica to three took 7.8 s one by one and 1.3 s together.
	scalings = 4
	// inflight is how many assets are created or changed at a time. With 64, nats-server v2.15.2 took more than 5 s to
	// answer some requests, and was no faster.
	inflight = 16
	// share is what each asset adds to the least time in which all of them are looked at once by the node that acts, and
	// idle by one that watches. A look at 1,000 buckets on three nodes takes 0.13 s of one core.
	share = 5 * time.Millisecond
	idle  = 20 * time.Millisecond
	// watched is how many assets that are not current a node that does not act looks at at a time. When all looked at all
	// of 200 buckets while they were created, that made 25 requests for each and the creation three times as long.
	watched = 4
	// reads is how many single requests for information are under way at a time. An asset without a leader does not
	// answer, so they are more.
	reads = 32
)

// Run works until ctx ends, and then returns nil. It leaves no goroutine behind.
func Run(ctx context.Context, cfg Config, log hclog.Logger) error {
	r := newRunner(cfg, log)
	var wg sync.WaitGroup
	for _, run := range r.keepers {
		wg.Go(func() { run(ctx) })
	}
	if len(r.Gone) > 0 {
		wg.Go(func() { r.watchGone(ctx) })
	}
	wg.Go(func() { r.admit(ctx) })
	r.watch(ctx)
	wg.Wait()
	return nil
}

// runner is one Run: it watches the cluster, and its keepers look after one asset each.
type runner struct {
	Config
	log      hclog.Logger
	start    time.Time
	budget   time.Duration           // for all of it, from the start
	attempt  time.Duration           // for one request
	keepers  []func(context.Context) // their lives
	compares []func(context.Context) *Difference
	reading  chan struct{} // held while one asset is asked for
	watching chan struct{} // held while an asset is watched
	changing chan struct{} // held while an asset is created or changed
	scaling  chan struct{} // held while an asset is scaled
	view     atomic.Pointer[view]
	dirty    chan struct{} // an asset changed
	ready    atomic.Bool   // all assets were current when reported last

	mu     sync.Mutex
	assets []Asset // in the order of the keepers
	still  []Gone  // what is gone from the file and still there

	last      Status // what was reported last
	everReady bool
	waitedFor []string // what was logged as missing last
	stalled   stall
	worse     time.Time // since when it is degraded, zero when it is not
	complain  bool      // that was logged
}

func newRunner(cfg Config, log hclog.Logger) *runner {
	r := &runner{
		Config:   cfg,
		log:      log,
		start:    time.Now(),
		budget:   cmp.Or(cfg.Topology.Bootstrap.Timeout.Std(), 120*time.Second),
		attempt:  cmp.Or(cfg.Topology.Bootstrap.AttemptTimeout.Std(), attemptTimeout),
		reading:  make(chan struct{}, reads),
		watching: make(chan struct{}, watched),
		changing: make(chan struct{}, inflight),
		scaling:  make(chan struct{}, scalings),
		dirty:    make(chan struct{}, 1),
	}
	for _, a := range cfg.Topology.Accounts {
		r.declare(a)
	}
	r.Every = cmp.Or(cfg.Every, 5*time.Second)
	r.view.Store(r.look())
	return r
}

func keep[C config](r *runner, a asset[C]) {
	a.lister.size++
	k := &keeper[C]{runner: r, asset: a, index: len(r.keepers), since: r.start}
	r.assets = append(r.assets, a.status())
	r.keepers = append(r.keepers, k.run)
	r.compares = append(r.compares, k.compare)
}

// view is the cluster at one moment, as this node sees it.
type view struct {
	meta    Meta
	live    []string  // this node and the declared nodes it is connected to
	missing []string  // the other declared nodes
	drained []string  // the nodes that are to hold nothing
	since   time.Time // of the last change of live
	voters  int       // how many members the meta group is to have
	formed  bool      // what is not found does not exist
	changed chan struct{}
}

// unsure tells that a node has gone away so recently that nats-server may still place replicas on it.
func (v *view) unsure() bool { return len(v.missing) > 0 && time.Since(v.since) < silence }

func (r *runner) look() *view {
	v := &view{meta: r.Meta(), since: time.Now(), changed: make(chan struct{})}
	if r.Drained != nil {
		v.drained = r.Drained()
	}
	connected := r.Connected()
	r.Without = slices.DeleteFunc(slices.Clone(r.Without), func(name string) bool { return slices.Contains(connected, name) })
	for _, n := range r.Topology.Nodes() {
		switch {
		case n.Name == r.Node || slices.Contains(connected, n.Name):
			v.live = append(v.live, n.Name)
		case !slices.Contains(r.Without, n.Name):
			v.missing = append(v.missing, n.Name)
		}
	}
	v.voters = len(slices.DeleteFunc(r.Topology.Voters(), func(n *schema.Node) bool { return slices.Contains(r.Without, n.Name) }))
	v.formed = r.Topology.Standalone() || v.meta.Leader != "" && v.meta.Size >= v.voters
	return v
}

// watch follows the cluster and reports until ctx ends. A report is about all assets and costs accordingly, so there is
// a pause after each.
func (r *runner) watch(ctx context.Context) {
	look, pause := time.NewTimer(0), time.NewTimer(0)
	defer look.Stop()
	defer pause.Stop()
	var due chan struct{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			if r.refresh() || r.last.Phase != Ready { // time alone makes it degraded
				r.touch()
			}
			look.Reset(r.pace())
		case <-pause.C:
			due = r.dirty
		case <-due:
			due = nil
			r.report()
			pause.Reset(time.Duration(len(r.keepers)) * reportFor)
		}
	}
}

func (r *runner) pace() time.Duration {
	if r.last.Phase == Ready {
		return glance
	}
	return notice
}

// refresh wakes the keepers when the cluster has changed.
func (r *runner) refresh() bool {
	was, is := r.view.Load(), r.look()
	if was.meta == is.meta && slices.Equal(was.live, is.live) && slices.Equal(was.drained, is.drained) {
		return false
	}
	if slices.Equal(was.live, is.live) {
		is.since = was.since
	}
	r.view.Store(is)
	close(was.changed)
	return true
}

// publish is told by a keeper what has become of its asset.
func (r *runner) publish(index int, a Asset) {
	r.mu.Lock()
	r.assets[index] = a
	r.mu.Unlock()
	r.touch()
}

// touch asks for a report.
func (r *runner) touch() {
	select {
	case r.dirty <- struct{}{}:
	default:
	}
}

// report passes on the status if it differs from the last one.
func (r *runner) report() {
	r.mu.Lock()
	assets, still := slices.Clone(r.assets), r.still
	r.mu.Unlock()
	v := r.view.Load()
	s := Status{Missing: v.missing, Assets: assets, Gone: still}
	s.Phase, s.Reason = r.phase(v, assets)
	r.diary(s)
	if reflect.DeepEqual(s, r.last) {
		return
	}
	r.everReady = r.everReady || s.Phase == Ready
	r.ready.Store(s.Phase == Ready)
	r.last = s
	r.Report(s)
}

// diary logs what an operator wants to read later. It is silent about what passes within moments.
func (r *runner) diary(s Status) {
	if !r.everReady && !slices.Equal(s.Missing, r.waitedFor) {
		if len(s.Missing) > 0 {
			r.log.Info("waiting for nodes", "missing", s.Missing)
		}
		r.waitedFor = s.Missing
	}
	if line := r.stalled.line(s); line != "" {
		r.log.Info("waiting", "reason", line)
	}
	switch {
	case s.Phase == Ready:
		if !r.everReady || r.complain {
			r.log.Info("declared assets are current", "assets", len(s.Assets), "after", time.Since(r.start).Round(time.Millisecond).String())
		}
		r.worse, r.complain = time.Time{}, false
	case s.Phase != Degraded:
	case r.worse.IsZero():
		r.worse = time.Now()
	case time.Since(r.worse) > dwell && !r.complain:
		r.complain = true
		r.log.Warn("degraded", "reason", s.Reason)
	}
}

// stall is a reason to wait, other than that nodes are missing.
type stall struct {
	reason string
	since  time.Time
	said   bool
}

// line is the reason, once, when it has lasted.
func (w *stall) line(s Status) string {
	reason := ""
	if s.Phase == Waiting && len(s.Missing) == 0 {
		reason = s.Reason
	}
	if reason != w.reason {
		*w = stall{reason: reason, since: time.Now()}
	}
	if w.said || reason == "" || time.Since(w.since) < dwell {
		return ""
	}
	w.said = true
	return reason
}
