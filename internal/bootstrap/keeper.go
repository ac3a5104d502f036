package bootstrap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// hurry and calm are the shortest pauses between two looks at an asset that is not current, of the node that acts
	// and of those that watch.
	hurry = 10 * time.Millisecond
	calm  = 200 * time.Millisecond
	// watchFor is how long an asset that does not become current may keep others from being watched.
	watchFor = time.Second
	// scaleFor is how long an asset that does not get on may keep others from being scaled.
	scaleFor = 30 * time.Second
	// placeable is how long a node that is connected may not be known to the meta leader as a place for assets.
	// nats-server v2.15.2 announces itself every 10 s.
	placeable = 15 * time.Second
	// patience is how long the first request for an asset that is not current waits. A request that finds the stream
	// between two leaders is never answered.
	patience = 250 * time.Millisecond
	// settled is how often in a row an asset must have been current before it is read together with others. All have to be
	// ready then, because a single one without a leader makes everybody wait.
	settled = 3
	// keepingUp is the lag up to which a replica of an asset that is being written to counts as current. The Raft layer
	// calls a replica current only in the moments when it has everything (nats-server v2.15.2, raft.Peers).
	keepingUp = 1000
)

// keeper looks after one asset. Its fields belong to its goroutine.
type keeper[C config] struct {
	*runner
	asset[C]
	index     int
	last      Asset
	since     time.Time // of the last change of the asset's state or of the view: the longer ago, the calmer
	patience  time.Duration
	asked     bool      // it was looked for
	quiet     int       // how often in a row it was current
	positions [2]uint64 // when looked at last
	watchedAt time.Time // not zero while it is one of those that are watched
	scaledAt  time.Time // not zero while it holds the right to scale
	resting   bool      // nothing about its replicas is in progress or could be done
	warned    string    // of the differences that are held back
	undone    []string  // the changes that nats-server has taken without making them
}

func (k *keeper[C]) run(ctx context.Context) {
	k.last, k.patience = k.status(), min(patience, k.attempt)
	for {
		v := k.attend(ctx)
		if v == nil {
			return
		}
		a := k.work(ctx, v)
		if ctx.Err() != nil {
			return
		}
		k.settle(a)
		pause := time.NewTimer(k.pause(v))
		select {
		case <-ctx.Done():
			pause.Stop()
			return
		case <-v.changed:
			k.since, k.quiet = time.Now(), 0
		case <-pause.C:
		}
		pause.Stop()
	}
}

// attend waits until it is the asset's turn to be looked at, and is nil when ctx ended. A node that does not act only
// watches, and has time: it follows some assets until they are current, then the next, in the order of the file.
func (k *keeper[C]) attend(ctx context.Context) *view {
	for {
		v := k.view.Load()
		if v.meta.IsLeader || k.last.State == AssetCurrent || !k.watchedAt.IsZero() || k.early() {
			return v
		}
		select {
		case k.watching <- struct{}{}:
			k.watchedAt = time.Now()
		case <-v.changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// work looks at the asset once, does at most one thing about it, and says how it stands.
func (k *keeper[C]) work(ctx context.Context, v *view) Asset {
	if k.early() || !v.formed && v.meta.Leader == "" && k.last.Replicas == 0 {
		a := k.status() // Nobody would answer.
		a.Absent = k.early()
		return a
	}
	js, err := k.JetStream(k.account)
	if err != nil {
		return k.failed(err, v)
	}
	i, err := k.read(ctx, js)
	switch {
	case isAbsent(err) && (!v.formed || v.unsure() || !k.leads()):
		a := k.status()
		a.Absent = true
		return a
	case isAbsent(err):
		i, err = k.make(ctx, js)
	case err == nil && v.meta.IsLeader && k.next(k.see(i, v)) != nil && k.leads():
		i, err = k.change(ctx, js)
	}
	if err != nil {
		return k.failed(err, v)
	}
	return k.assess(k.see(i, v), v)
}

// early tells that a consumer has no stream yet.
func (k *keeper[C]) early() bool { return k.owner != nil && k.owner() == nil }

// isAbsent tells that an asset does not exist.
func isAbsent(err error) bool {
	return errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrConsumerNotFound)
}

// look is a live asset beside its declaration.
type look[C config] struct {
	*info[C]
	changes    []Change
	scaled     C   // its configuration with as many replicas as there can be now
	have, goal int // on how many nodes it is to be by its configuration, and by scaled
}

func (k *keeper[C]) see(i *info[C], v *view) *look[C] {
	l := &look[C]{info: i, scaled: k.scaled(i.config, v)}
	_, l.changes = k.diff(i, k.allowLoss)
	l.have, l.goal = k.nodes(&i.config), k.nodes(&l.scaled)
	return l
}

// foreign tells that what has the asset's name is something else.
func (l *look[C]) foreign() bool { return len(l.changes) > 0 && l.changes[0].foreign }

// assess says how an asset that exists stands.
func (k *keeper[C]) assess(l *look[C], v *view) Asset {
	problems := held(l.changes, k.allowLoss)
	k.warn(problems)
	if l.foreign() {
		a := k.status()
		a.Problems, a.Blocked = problems, true
		return a
	}
	if k.seen != nil {
		k.seen.Store(&l.config)
	}
	a := k.describe(l, v)
	a.Problems, a.Blocked = problems, len(problems) > 0
	a.State, a.Err = k.judge(a, l, v)
	if left := k.left(l.changes); len(left) > 0 {
		a.State, a.Err, a.Blocked = AssetDegraded, "nats-server took the change, but did not make it: "+strings.Join(left, ", "), true
	}
	k.resting = !l.reconfiguring() && a.Replicas == l.goal
	return a
}

// leads is asked right before anything is changed, because leadership may have moved since the last look.
func (k *keeper[C]) leads() bool { return k.Meta().IsLeader }

// read looks at the asset: together with others where all is quiet, and for the first time.
func (k *keeper[C]) read(ctx context.Context, js jetstream.JetStream) (*info[C], error) {
	limit := firstFor
	if k.quiet >= settled && k.ready.Load() {
		limit = patient
	}
	if limit == patient || !k.asked && k.leads() {
		k.asked = true
		if i := k.lister.read(ctx, js, k.key, limit); i != nil {
			return i, nil
		}
	}
	if !k.enter(ctx, k.reading) {
		return nil, ctx.Err()
	}
	defer func() { <-k.reading }()
	timeout := k.attempt
	if k.last.State != AssetCurrent {
		timeout = k.patience
	}
	attempt, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	i, err := k.api.read(attempt, js)
	if errors.Is(err, context.DeadlineExceeded) {
		k.patience = min(2*k.patience, k.attempt)
	} else {
		k.patience = min(patience, k.attempt)
	}
	return i, err
}

// enter waits for a place. It is false when ctx ended.
func (k *keeper[C]) enter(ctx context.Context, places chan struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// whileLeading is the context of one request that changes something. It ends early when this node does not lead any
// more: nobody may answer then, and the new leader's node acts already.
func (k *keeper[C]) whileLeading(ctx context.Context, v *view) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, k.attempt)
	go func() {
		for v.meta.IsLeader {
			select {
			case <-ctx.Done():
				return
			case <-v.changed:
				v = k.view.Load()
			}
		}
		cancel()
	}()
	return ctx, cancel
}

// errNotNow is that something has changed while the asset waited for its turn.
var errNotNow = errors.New("the cluster has changed")

// make creates the asset with as many replicas as there are nodes for, when its turn comes.
func (k *keeper[C]) make(ctx context.Context, js jetstream.JetStream) (*info[C], error) {
	if !k.enter(ctx, k.changing) {
		return nil, ctx.Err()
	}
	defer func() { <-k.changing }()
	v := k.view.Load()
	if !v.formed || v.unsure() || !k.leads() {
		return nil, errNotNow
	}
	if k.last.State != AssetCreating {
		k.last.State, k.last.Since = AssetCreating, time.Now()
		k.publish(k.index, k.last)
	}
	c := k.created()
	*k.api.replicas(&c) = min(1, k.target)
	c = k.scaled(c, v)
	attempt, cancel := k.whileLeading(ctx, v)
	defer cancel()
	i, err := k.api.create(attempt, js, c)
	if err != nil {
		return nil, err
	}
	n := k.nodes(&i.config)
	line := k.facts("replicas", n)
	if n < k.target {
		line = append(line, "target", k.target, "missing", v.missing)
	}
	k.log.Info("created", line...)
	return i, nil
}

// update is one change of an asset, and how it is logged.
type update[C config] struct {
	want  C
	lines []string // what it changes; nil when it scales
	verb  string
	facts []any
}

// next is the one update that comes next, nil when there is none. Settings and replicas are never in one update:
// nats-server refuses a placement and replicas together (10123). Replicas that have to go go first, because the nodes of
// a new placement may be too few for them. While nats-server reconfigures the asset, nothing is changed at all.
func (k *keeper[C]) next(l *look[C]) *update[C] {
	if l.reconfiguring() || l.foreign() {
		return nil
	}
	for _, st := range []step{together, later} {
		fields := lines(l.changes, k.allowLoss, st)
		if l.goal >= l.have && slices.ContainsFunc(fields, func(f string) bool { return !slices.Contains(k.undone, f) }) {
			want, _ := k.diff(l.info, k.allowLoss, st)
			return &update[C]{want: want, lines: fields, verb: "changed", facts: []any{"fields", fields}}
		}
	}
	if l.goal == l.have || !k.mayScale() {
		return nil
	}
	return &update[C]{want: l.scaled, verb: "scaling", facts: []any{"from", l.have, "to", l.goal}}
}

// left are the changes that nats-server has taken without making them.
func (k *keeper[C]) left(changes []Change) []string {
	return slices.DeleteFunc(lines(changes, k.allowLoss, together, later), func(f string) bool { return !slices.Contains(k.undone, f) })
}

// mayScale takes the right to scale; settle gives it back.
func (k *keeper[C]) mayScale() bool {
	if !k.scaledAt.IsZero() {
		return true
	}
	select {
	case k.scaling <- struct{}{}:
		k.scaledAt = time.Now()
		return true
	default:
		return false
	}
}

// change makes the next update, when the asset's turn comes. What is changed is read again right before, since it may
// have waited for its turn, and an update sends all of the configuration.
func (k *keeper[C]) change(ctx context.Context, js jetstream.JetStream) (*info[C], error) {
	if !k.enter(ctx, k.changing) {
		return nil, ctx.Err()
	}
	defer func() { <-k.changing }()
	v := k.view.Load()
	attempt, cancel := k.whileLeading(ctx, v)
	defer cancel()
	i, err := k.api.read(attempt, js)
	if err != nil {
		return nil, err
	}
	u := k.next(k.see(i, v))
	if u == nil || !k.leads() {
		return i, nil
	}
	changed, err := k.api.update(attempt, js, i.config, u.want)
	if err != nil {
		return nil, err
	}
	k.log.Info(u.verb, k.facts(u.facts...)...)
	k.undone = u.lines
	k.undone = k.left(k.see(changed, v).changes)
	return changed, nil
}

// warn logs, once, what differs from the file and is not put right.
func (k *keeper[C]) warn(problems []Change) {
	var fields []string
	for _, c := range problems {
		fields = append(fields, fmt.Sprintf("%s (%s; %s)", c, c.Class, c.Hint))
	}
	if all := strings.Join(fields, ", "); all != k.warned && k.leads() {
		k.warned = all
		if all != "" {
			k.log.Warn("differs from the file", k.facts("fields", fields)...)
		}
	}
}

// failed is how the asset stands when a request failed: as it was last seen, with the reason.
func (k *keeper[C]) failed(err error, v *view) Asset {
	a := k.last
	text, passes := explain(err)
	k.log.Debug("no success yet", k.facts("err", err)...)
	if errorCode(err) == errNoPeers {
		passes = len(v.missing) > 0 || time.Since(a.Since) < placeable
	}
	if a.State == AssetCurrent {
		a.State = AssetDegraded
	}
	a.Err, a.Blocked = text, !passes
	return a
}

// describe is what the leader of the asset says about it. A node that this one has no route to is offline, too:
// nats-server v2.15.2 may not notice for 150 s that a server was killed (events.go, orphMax).
func (k *keeper[C]) describe(l *look[C], v *view) Asset {
	a := k.status()
	a.Values, a.Bytes, a.Desired = l.values, l.bytes, cmp.Or(k.target, l.goal)
	busy := k.last.Replicas > 0 && l.positions != k.positions
	k.positions = l.positions
	c := l.cluster
	if c == nil {
		c = &jetstream.ClusterInfo{Leader: k.Node}
	}
	if a.Leader = c.Leader; a.Leader != "" {
		a.Peers = append(a.Peers, Peer{Node: c.Leader, Leader: true, Current: true})
	}
	for _, p := range c.Replicas {
		if p.Pending {
			continue
		}
		offline := p.Offline || slices.Contains(v.missing, p.Name)
		current := p.Current || busy && p.Lag <= keepingUp
		a.Peers = append(a.Peers, Peer{Node: p.Name, Current: current && !offline, Offline: offline, Lag: p.Lag})
	}
	slices.SortFunc(a.Peers, func(x, y Peer) int { return strings.Compare(x.Node, y.Node) })
	a.Replicas = len(a.Peers)
	return a
}

// judge is the state of an asset that exists, and what keeps it from being current. An asset without
// cluster.desired in its info has been reconfigured; num_replicas alone shows the new number at once (nats-server
// v2.15.2).
func (k *keeper[C]) judge(a Asset, l *look[C], v *view) (State, string) {
	bad := slices.IndexFunc(a.Peers, func(p Peer) bool { return !p.Current })
	switch {
	case len(lines(l.changes, k.allowLoss, together, later)) > 0:
		return AssetChanging, ""
	case l.reconfiguring():
		return AssetScaling, stuck(l.cluster.Desired)
	case l.have < k.target && l.goal < k.target:
		return AssetScaling, k.short(l.have, v)
	case l.have != l.goal, a.Replicas != a.Desired:
		return AssetScaling, ""
	case a.Leader == "":
		return AssetDegraded, "its replicas have no leader"
	case bad < 0:
		return AssetCurrent, ""
	case a.Peers[bad].Offline:
		return AssetDegraded, fmt.Sprintf("the replica on %s is offline", a.Peers[bad].Node)
	case l.age < placeable && k.last.State != AssetCurrent:
		return AssetCreating, ""
	}
	return AssetDegraded, fmt.Sprintf("the replica on %s is behind", a.Peers[bad].Node)
}

// short says why there are not more replicas.
func (k *keeper[C]) short(replicas int, v *view) string {
	if len(v.missing) > 0 {
		return fmt.Sprintf("%d of %d replicas, waiting for %s", replicas, k.target, strings.Join(v.missing, ", "))
	}
	text := fmt.Sprintf("%d of %d replicas: no further node matches its placement", replicas, k.target)
	if len(v.drained) > 0 {
		text += "; drained: " + strings.Join(v.drained, ", ")
	}
	return text
}

// stuck is what keeps nats-server from going on, or "".
func stuck(d *jetstream.DesiredClusterInfo) string {
	if s := d.Status; s != nil {
		return s.Err
	}
	return ""
}

// settle makes the new state known and gives back the right to scale.
func (k *keeper[C]) settle(a Asset) {
	if a.State != k.last.State || a.Err != k.last.Err {
		k.since, a.Since = time.Now(), time.Now()
	} else {
		a.Since = k.last.Since
	}
	if a.Blocked && a.Err != "" && a.Err != k.last.Err && k.leads() {
		k.log.Warn("not as declared", k.facts("err", a.Err)...)
	}
	if k.quiet++; a.State != AssetCurrent {
		k.quiet = 0
	}
	if !k.watchedAt.IsZero() && (k.quiet > 0 || time.Since(k.watchedAt) > watchFor) {
		k.watchedAt = time.Time{}
		<-k.watching
	}
	if !k.scaledAt.IsZero() && (k.resting || a.Blocked || time.Since(k.scaledAt) > scaleFor || !k.leads()) {
		k.scaledAt = time.Time{}
		<-k.scaling
	}
	k.last = a
	k.publish(k.index, a)
}

// pause is until the next look that all take together, where nothing is to be done, and otherwise a fifth of the time for
// which nothing has changed, within limits.
func (k *keeper[C]) pause(v *view) time.Duration {
	shortest, each := calm, idle
	if v.meta.IsLeader {
		shortest, each = hurry, share
	}
	every := max(k.Every, time.Duration(len(k.keepers))*each)
	if k.last.State == AssetCurrent || k.last.Blocked && k.last.Err != "" {
		return every - time.Since(k.start)%every
	}
	return min(max(shortest, time.Since(k.since)/5), k.Every)
}
