package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
	"unibus/internal/api"
	"unibus/internal/bootstrap"
	"unibus/internal/plan"
	"unibus/internal/server"
)

const (
	// leaseTTL is how long a node that died while it held the lease keeps the others from restarting.
	leaseTTL = 60 * time.Second
	// turnPause is how often a node that waits for its turn looks again.
	turnPause = time.Second
	// catchUp is how long a restarted node may take to be current again before the others stop waiting for it. They
	// still do not restart before every replica is current.
	catchUp = 5 * time.Minute
	// strangerHeard is how long ago a node that this one has no link with may have told how it is, to count as up. It tells
	// once a second.
	strangerHeard = 2500 * time.Millisecond

	leaseBucket = "unibus"
	leaseKey    = "restart"
)

// inTurn restarts the server when changes are pending, everything else is healthy, and it is this node's turn. It ends
// with ctx.
func (d *daemon) inTurn(ctx context.Context) error {
	d.leaseLeft.Store(true) // by an earlier life, perhaps
	for pause(ctx, turnPause) {
		if d.leaseLeft.Load() && d.clearLease(ctx) {
			d.leaseLeft.Store(false)
		}
		d.wait(d.turn(ctx))
	}
	return nil
}

// clearLease gives back a lease that an earlier life of this node has left behind, so that nobody has to wait until it
// runs out. It is false while that is not known.
func (d *daemon) clearLease(ctx context.Context) bool {
	t, _ := d.runs()
	if t.Standalone() {
		return true
	}
	kv, err := d.leases(ctx, false)
	if err != nil {
		return errors.Is(err, jetstream.ErrBucketNotFound)
	}
	e, err := kv.Get(ctx, leaseKey)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return true
	case err != nil:
		return false
	case holderOf(e) != d.Node:
		return true
	}
	d.Log.Info("a restart was interrupted, its lease is given back")
	return kv.Delete(ctx, leaseKey, jetstream.LastRevision(e.Revision())) == nil
}

// turn restarts the server if that is due and safe now. The error says what it waits for.
func (d *daemon) turn(ctx context.Context) error {
	if due, err := d.due(); !due {
		return err
	}
	if err := d.mayRestart(ctx); err != nil {
		return err
	}
	l, err := d.acquire(ctx)
	if err != nil {
		return err
	}
	defer func() {
		l.release(ctx)
		d.reached("lease given back")
	}()
	d.reached("lease taken")
	d.Log.Debug("it is this node's turn")
	// Whoever restarts says so first and looks at the others then: of two that would do it at once, both would see it,
	// lease or not.
	d.setBusy(true)
	defer d.setBusy(false)
	d.reached("announced")
	d.wait(nil)
	if err := d.mayRestart(ctx); err != nil {
		return err
	}
	d.reached("looked at the others again")
	if err := d.restart(ctx); err != nil {
		return err
	}
	if err := d.awaitCurrent(ctx); err != nil {
		return err
	}
	d.reached("current again")
	return nil
}

// due tells whether a restart is pending that this node makes by itself. The error says why it does not.
func (d *daemon) due() (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case len(d.pending) == 0:
		return false, nil
	case d.failed != "":
		return false, errors.New(d.failed)
	case d.file.Topology.Restarts != "in-turn":
		return false, errors.New("restarts are manual")
	case d.trial != nil:
		return false, errors.New("the file is on trial")
	}
	return d.srv != nil, nil
}

func (d *daemon) setBusy(busy bool) {
	d.mu.Lock()
	d.busy = busy
	d.mu.Unlock()
}

// mayRestart is nil when no node would be missed: all are up with the same file and none restarts, every replica is
// current, and those that stay are a quorum. The meta leader goes last.
func (d *daemon) mayRestart(ctx context.Context) error {
	t, srv := d.runs()
	if t.Standalone() {
		return nil
	}
	if srv == nil {
		return errNoServer
	}
	reports := d.ask(ctx, t.Nodes())
	if err := d.healthy(t, reports); err != nil {
		return err
	}
	d.mu.Lock()
	next := d.file.Topology
	d.mu.Unlock()
	if err := d.mayLink(ctx, next, plan.Unlinked(next, clusterNames(t))); err != nil {
		return err
	}
	m := srv.Meta()
	_, self := t.Node(d.Node)
	voters := len(t.Voters()) + d.othersUp(t, next)
	switch {
	case m.Leader == "":
		return errors.New("the meta group has no leader")
	case self.JetStream.Enabled && voters > 2 && voters-1 < m.Quorum: // of two nodes, none can be spared
		return fmt.Errorf("the meta group has %d members and needs %d of them; without this node there would be %d", m.Size, m.Quorum, voters-1)
	case m.Leader == d.Node && slices.ContainsFunc(t.Nodes(), func(n *schema.Node) bool {
		return n.Name != d.Node && len(reports[n.Name].PendingRestart) > 0
	}):
		return errors.New("the meta leader restarts last")
	}
	return d.assetsCurrent()
}

// othersUp is how many voters are up that have joined the meta group through other nodes of this cluster, which are linked
// with theirs already.
func (d *daemon) othersUp(t, next *schema.Topology) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	up := 0
	for _, n := range next.Voters() {
		_, known := t.Node(n.Name)
		r := d.seen[n.Name]
		if known == nil && r.State == api.StateUp && time.Since(*r.LastSeen) < strangerHeard && d.srv != nil && d.srv.Member(n.Name) {
			up++
		}
	}
	return up
}

// healthy is nil when every other node is up with the same file, and nothing anywhere is behind.
func (d *daemon) healthy(t *schema.Topology, reports map[string]api.Node) error {
	own := reports[d.Node]
	nodes := d.expected(t, reports)
	for _, n := range nodes {
		r, answers := reports[n.Name]
		switch {
		case !answers && d.wasRestarting(n.Name), n.Name != d.Node && r.State == api.StateRestarting:
			return fmt.Errorf("node %s restarts", n.Name)
		case !answers:
			return fmt.Errorf("node %s is down", n.Name)
		}
	}
	for _, n := range nodes {
		r := reports[n.Name]
		switch {
		case r.ConfigDigest == nil || *r.ConfigDigest != *own.ConfigDigest:
			return fmt.Errorf("node %s has another file", n.Name)
		case n.Name != d.Node && r.RestartError != nil:
			return fmt.Errorf("node %s: %s", n.Name, *r.RestartError)
		case r.Unsettled != nil:
			return fmt.Errorf("node %s: %s", n.Name, *r.Unsettled)
		}
	}
	return nil
}

// expected are the nodes that must be up: all but those of clusters that have yet to come, of which the meta group counts
// nobody and nobody answers.
func (d *daemon) expected(t *schema.Topology, reports map[string]api.Node) []*schema.Node {
	srv, _ := d.current()
	own, _ := t.Node(d.Node)
	var all []*schema.Node
	for _, c := range t.Clusters {
		if c == own || srv == nil || slices.ContainsFunc(c.Nodes, func(n *schema.Node) bool {
			_, answers := reports[n.Name]
			return answers || srv.Member(n.Name)
		}) {
			all = append(all, c.Nodes...)
		}
	}
	return all
}

// growing tells whether the meta group has a leader and knows nobody of some cluster, which has yet to come.
func growing(t *schema.Topology, srv *server.Server) bool {
	return srv != nil && srv.Meta().Leader != "" && slices.ContainsFunc(t.Clusters, func(c *schema.Cluster) bool {
		return !slices.ContainsFunc(c.Nodes, func(n *schema.Node) bool { return !n.JetStream.Enabled || srv.Member(n.Name) })
	})
}

func clusterNames(t *schema.Topology) []string {
	var all []string
	for _, c := range t.Clusters {
		all = append(all, c.Name)
	}
	return all
}

// wasRestarting tells whether a node that does not answer said a moment ago that it would restart.
func (d *daemon) wasRestarting(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.seen[name]
	return r.State == api.StateRestarting && time.Since(*r.LastSeen) < leaseTTL
}

// assetsCurrent is nil when nothing is under way with any declared asset. What waits for a person does not count.
func (d *daemon) assetsCurrent() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	const unknown = "the declared assets have not been looked at yet"
	if d.assets.Phase == bootstrap.Waiting && (!growing(d.running, d.srv) || d.assets.Assets == nil && len(d.assets.Missing) == 0) {
		return errors.New(unknown)
	}
	for _, a := range d.assets.Assets {
		switch a.State {
		case bootstrap.AssetWaiting:
			if d.assets.Phase == bootstrap.Waiting && !a.Absent {
				return errors.New(unknown)
			}
		case bootstrap.AssetCreating, bootstrap.AssetChanging, bootstrap.AssetScaling, bootstrap.AssetDegraded:
			if !a.Blocked {
				return fmt.Errorf("%s is %s", a, a.State)
			}
		case bootstrap.AssetCurrent: // as its leader says; a moment later it may say something else
			if time.Since(a.Since) < settledFor {
				return fmt.Errorf("%s has not settled yet", a)
			}
		}
	}
	return nil
}

// restart ends the server and waits until the next one listens: with the new topology, or with the one that ran before,
// if the new one does not start.
func (d *daemon) restart(ctx context.Context) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	if due, err := d.due(); !due { // the file may have changed meanwhile
		return err
	}
	up := make(chan struct{})
	d.mu.Lock()
	srv, stop, pending := d.srv, d.stop, d.pending
	d.previous, d.running, d.pending, d.up = d.running, d.file.Topology, nil, up
	d.assets = bootstrap.Status{Phase: bootstrap.Waiting}
	d.mu.Unlock()
	d.Log.Info("restarting in turn", "changes", attributes(pending))
	srv.HandOver(ctx)
	d.Log.Debug("leaderships are handed over")
	d.reached("leaderships handed over")
	stop()
	select {
	case <-ctx.Done():
		return nil
	case <-up:
	}
	d.Log.Debug("the next server listens")
	d.reached("next server listens")
	d.mu.Lock()
	failed := d.failed
	if failed == "" && d.last.Result == api.ReloadPending {
		done := *d.last
		done.Result = api.ReloadApplied
		d.last = &done
	}
	d.mu.Unlock()
	d.keepLastGood()
	if failed != "" {
		return errors.New(failed)
	}
	return nil
}

// awaitCurrent waits until the restarted server has everything again.
func (d *daemon) awaitCurrent(ctx context.Context) error {
	limit := time.Now().Add(catchUp)
	for {
		t, _ := d.runs()
		err := d.assetsCurrent()
		if err == nil {
			err = d.healthy(t, d.ask(ctx, t.Nodes()))
		}
		if err == nil {
			d.mu.Lock()
			digest := d.file.Digest
			d.mu.Unlock()
			d.Log.Info("restarted in turn", "digest", short(digest))
			return nil
		}
		if ctx.Err() != nil || time.Now().After(limit) {
			return fmt.Errorf("the restarted server is not current: %w", err)
		}
		pause(ctx, 100*time.Millisecond)
	}
}

// runs are the topology that runs and its server, nil while there is none.
func (d *daemon) runs() (*schema.Topology, *server.Server) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.running, d.srv
}

// lease is the right to restart, as this node holds it.
type lease struct {
	d        *daemon
	revision uint64 // 0 where nobody else could restart
	stop     context.CancelFunc
	done     chan struct{}
}

// acquire takes the one lease of the cluster and renews it until release.
func (d *daemon) acquire(ctx context.Context) (*lease, error) {
	t, _ := d.runs()
	l := &lease{d: d, stop: func() {}, done: make(chan struct{})}
	if t.Standalone() {
		close(l.done)
		return l, nil
	}
	kv, err := d.leases(ctx, true)
	if err != nil {
		return nil, fmt.Errorf("the lease cannot be asked for: %w", err)
	}
	l.revision, err = kv.Create(ctx, leaseKey, d.holder())
	if errors.Is(err, jetstream.ErrKeyExists) {
		return nil, d.heldBy(ctx, kv)
	}
	if err != nil {
		return nil, fmt.Errorf("the lease cannot be taken: %w", err)
	}
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	go func() {
		defer close(l.done)
		for pause(renewing, d.leaseTTL()/6) {
			l.renew(renewing)
		}
	}()
	return l, nil
}

// renew makes the lease last. While the server is down it cannot.
func (l *lease) renew(ctx context.Context) {
	kv, err := l.d.leases(ctx, false)
	if err != nil {
		return
	}
	if r, err := kv.Update(ctx, leaseKey, l.d.holder(), l.revision); err == nil {
		l.revision = r
	}
}

// release gives the lease to the next node. A lease that cannot be given back now is given back later, or runs out.
func (l *lease) release(ctx context.Context) {
	l.stop()
	<-l.done
	if l.revision == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		kv, err := l.d.leases(ctx, false)
		if err == nil {
			err = kv.Delete(ctx, leaseKey, jetstream.LastRevision(l.revision))
		}
		if err == nil || !pause(ctx, 200*time.Millisecond) {
			l.d.leaseLeft.Store(err != nil)
			l.d.Log.Debug("the lease is given back", "error", err)
			return
		}
	}
}

func (d *daemon) leaseTTL() time.Duration {
	if d.lease > 0 {
		return d.lease
	}
	return leaseTTL
}

func (d *daemon) holder() []byte {
	b, _ := json.Marshal(map[string]string{"node": d.Node}) // cannot fail
	return b
}

// holderOf is the node that holds a lease.
func holderOf(e jetstream.KeyValueEntry) string {
	var who struct{ Node string }
	_ = json.Unmarshal(e.Value(), &who) // nobody, then
	return who.Node
}

// heldBy says who restarts now. A lease of this node is one that could not be given back, or whose answer was lost.
func (d *daemon) heldBy(ctx context.Context, kv jetstream.KeyValue) error {
	e, err := kv.Get(ctx, leaseKey)
	if err != nil {
		return errors.New("another node restarts")
	}
	if holderOf(e) == d.Node {
		_ = kv.Delete(ctx, leaseKey, jetstream.LastRevision(e.Revision())) // else it runs out
		return errors.New("the lease of the last restart is still there")
	}
	return fmt.Errorf("node %s restarts", holderOf(e))
}

// leases is the bucket of the lease. It is made when the first node needs it, if that is asked for.
func (d *daemon) leases(ctx context.Context, needed bool) (jetstream.KeyValue, error) {
	_, conns := d.current()
	if conns == nil {
		return nil, errNoServer
	}
	js, err := conns.jetStream(schema.OwnAccount)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	kv, err := js.KeyValue(ctx, leaseBucket)
	if !needed || !errors.Is(err, jetstream.ErrBucketNotFound) {
		return kv, err
	}
	t, _ := d.runs()
	cluster, _ := t.Node(d.Node)
	replicas := 1
	if n := slices.DeleteFunc(t.DataNodes(), func(n *schema.Node) bool { c, _ := t.Node(n.Name); return c != cluster }); len(n) >= 3 {
		replicas = 3
	}
	return js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: leaseBucket, Description: "which node restarts", TTL: d.leaseTTL(), Replicas: replicas,
	})
}

// wait says what a restart in turn waits for; nil is nothing. The log has it once.
func (d *daemon) wait(err error) {
	why := ""
	if err != nil {
		why = err.Error()
	}
	d.mu.Lock()
	was := d.waiting
	d.waiting = why
	d.mu.Unlock()
	if why != "" && why != was {
		d.Log.Info("a restart waits", "because", why)
	}
}

// pause is false when ctx ended before the time was up.
func pause(ctx context.Context, t time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(t):
		return true
	}
}
