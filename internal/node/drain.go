package node

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2/maybe"

	"unibus/config/schema"
	"unibus/internal/api"
	"unibus/internal/server"
)

// drainedFile stands beside the store of a node that is to hold nothing. So a node that restarts stays drained, and goes
// on with what was begun.
const drainedFile = "drained"

const (
	// askEvery is how often nats-server is asked again for a stream that did not begin to move.
	askEvery = 5 * time.Second
	// atOnce is how many streams move at a time, so that copying them leaves room for those who use them.
	atOnce = 8
	// errNoReplacement is that no other node may hold a stream now (nats-server v2.15.2, JSPeerRemapErr).
	errNoReplacement = 10075
)

func (d *daemon) drainedPath() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, n := d.running.Node(d.Node)
	return filepath.Join(n.JetStream.StoreDir, d.Node, drainedFile)
}

func (d *daemon) wasDrained() bool {
	_, err := os.Stat(d.drainedPath())
	return err == nil
}

func (d *daemon) isDrained() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.drained
}

// drainedNodes are the nodes that are to hold nothing, as far as they have said so.
func (d *daemon) drainedNodes() []string {
	var all []string
	if d.isDrained() {
		all = append(all, d.Node)
	}
	d.view.mu.Lock()
	defer d.view.mu.Unlock()
	for name, o := range d.view.others {
		if o.Node.Drained {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// setDrained makes this node one that holds nothing, or one that may hold something again. A restart holds what it waits
// for until this life of the server has ended, and with it ctx.
func (d *daemon) setDrained(ctx context.Context, drained bool) error {
	for !d.changing.TryLock() {
		if !pause(ctx, 20*time.Millisecond) {
			return errNoServer
		}
	}
	defer d.changing.Unlock()
	t, srv := d.runs()
	if _, n := t.Node(d.Node); !n.JetStream.Enabled {
		return errors.New("it stores nothing, so there is nothing to drain")
	}
	var err error
	if path := d.drainedPath(); drained {
		err = maybe.WriteFile(path, nil, 0o640)
	} else if err = os.Remove(path); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return err
	}
	d.mu.Lock()
	was, told := d.drained, d.told
	d.drained = drained
	d.mu.Unlock()
	if was != drained {
		d.Log.Info("drained", "now", drained)
	}
	return d.restate(srv, t, told)
}

// leave makes everything that is here go elsewhere, if this node is to hold nothing.
func (d *daemon) leave(ctx context.Context, s *server.Server, e *evacuation) {
	if !d.isDrained() || s.Meta().Leader == "" {
		return
	}
	held, err := s.Held()
	if err == nil {
		err = e.goOn(ctx, held)
	}
	if err != nil {
		d.Log.Warn("the replicas do not leave yet", "error", err)
	}
}

// evacuation moves the streams away from one node. They are asked for one by one: $JS.API.SERVER.EVACUATE also takes the
// replica of a stream away that has no other place (nats-server v2.15.2, removePeerFromStreamLocked), and leaves two of
// three on a cluster of three nodes.
type evacuation struct {
	d     *daemon
	id    string
	asked map[string]time.Time
}

func (d *daemon) evacuation(id string) *evacuation {
	return &evacuation{d: d, id: id, asked: map[string]time.Time{}}
}

// goOn begins with some more of what lists the node.
func (e *evacuation) goOn(ctx context.Context, listing []server.Held) error {
	moving := 0
	for _, h := range streams(listing) {
		if h.Moving {
			moving++
		}
	}
	for _, h := range streams(listing) {
		key := h.Account + " " + h.Stream
		if h.Moving && !slices.Contains(h.Target, e.id) || time.Since(e.asked[key]) < askEvery {
			continue
		}
		if moving == atOnce {
			return nil
		}
		e.asked[key] = time.Now()
		err := e.d.request(ctx, h.Account, "$JS.API.STREAM.PEER.EVACUATE."+h.Stream, map[string]string{"peer": e.id})
		var refused *apiError
		switch {
		case err == nil:
			moving++
		case errors.As(err, &refused) && refused.Code == errNoReplacement:
		default:
			return err
		}
	}
	return nil
}

// drain moves leaderships and replicas away from a node and waits until nothing lists it.
func (d *daemon) drain(ctx context.Context, j *job, v *survey) api.NodeEvent {
	id := v.id(j.Node)
	if !v.isMember(id) {
		return j.done("%s is not in the meta group and holds nothing", j.Node)
	}
	if stuck := v.stuck(id); len(stuck) > 0 {
		j.tell(j.with(stuck, j.event(api.EventWaiting, "add a node to the file and start it, or take it back: unibus node undrain "+j.Node,
			"%d of %s cannot go anywhere: no other node that is up may hold them. They stay until there is one", len(stuck), assets(len(streams(v.listing(id)))))))
	}
	if j.Preview {
		return j.done("%s would move away from %s", assets(len(v.listing(id))), j.Node)
	}
	o, err := d.order(ctx, v.name(id), api.NodeDrain)
	switch {
	case errors.Is(err, errSilent):
		j.step("%s does not answer; its replicas are made anew from the others", j.Node)
	case err != nil:
		return j.failed("", "%s: %v", j.Node, err)
	case o.Left > 0:
		j.step("%s gets no new assets; %d leaderships stay until another replica is up to date", j.Node, o.Left)
	default:
		j.step("%s gets no new assets and leads nothing", j.Node)
	}
	return d.awaitEmpty(ctx, j, id)
}

// awaitEmpty waits until nothing lists a node. One that answers empties itself.
func (d *daemon) awaitEmpty(ctx context.Context, j *job, id string) api.NodeEvent {
	e := d.evacuation(id)
	wait := 250 * time.Millisecond
	for pause(ctx, wait) {
		wait = min(wait*5/4, 2*time.Second)
		v, err := d.survey(ctx)
		if err != nil || v.meta.Leader == "" {
			j.waits(nil, "unibus status", "waiting for a leader of the meta group")
			continue
		}
		a, answers := v.answers[v.name(id)]
		if answers && !a.Drained {
			return j.later("", "the drain of %s was taken back", j.Node)
		}
		listing := v.listing(id)
		if len(listing) == 0 {
			if lost := d.lost(ctx, v); len(lost) > 0 && !answers {
				return j.later("start the nodes that are down, or give their data up: unibus node rescue",
					"%s may have the only replica of %s, and does not answer", j.Node, strings.Join(lost, ", "))
			}
			return j.done("nothing lists %s any more", j.Node)
		}
		if !answers {
			if err := e.goOn(ctx, listing); err != nil {
				j.waits(listing, "", "%v", err)
				continue
			}
		}
		d.tellOfMoves(j, v, id, listing)
	}
	if d.ctx.Err() == nil {
		return j.later("", "the drain of %s was taken back", j.Node)
	}
	return j.later("", "this node's daemon stops; %s goes on being drained if it is up", j.Node)
}

func (d *daemon) tellOfMoves(j *job, v *survey, id string, listing []server.Held) {
	if stuck := v.stuck(id); len(stuck) > 0 && len(stuck) == len(streams(listing)) {
		j.waits(stuck, "add a node to the file and start it, or take it back: unibus node undrain "+j.Node,
			"waiting for another node that may hold what %s holds", j.Node)
		return
	}
	why := ""
	if i := slices.IndexFunc(listing, func(h server.Held) bool { return h.Waits != "" }); i >= 0 {
		why = ": " + listing[i].Waits
	}
	j.waits(listing, "", "%s still %s %s%s", assets(len(listing)), list(len(listing)), j.Node, why)
}

func streams(all []server.Held) []server.Held {
	return slices.DeleteFunc(slices.Clone(all), func(h server.Held) bool { return h.Consumer != "" })
}

// stuck are the streams on a node that no other node could take over now.
func (v *survey) stuck(id string) []server.Held {
	var all []server.Held
	for _, h := range streams(v.listing(id)) {
		moves := h.Moving && len(h.Target) >= h.Replicas && !slices.Contains(h.Target, id)
		if !moves && !slices.ContainsFunc(v.t.DataNodes(), func(n *schema.Node) bool { return v.mayTake(h, id, n) }) {
			all = append(all, h)
		}
	}
	return all
}

// mayTake tells whether a node may take the place of another one in an asset, by the rules of nats-server v2.15.2
// (selectPeerGroup).
func (v *survey) mayTake(h server.Held, id string, n *schema.Node) bool {
	cluster, _ := v.t.Node(n.Name)
	if home, _ := v.t.Node(v.name(id)); home != nil && home != cluster {
		return false
	}
	stay := slices.DeleteFunc(slices.Clone(h.Peers), func(p string) bool { return p == id })
	if a, ok := v.answers[n.Name]; !ok || a.Drained || slices.Contains(h.Peers, server.PeerID(n.Name)) || !hasTags(n, h.Tags) {
		return false
	}
	for _, p := range stay {
		c, other := v.t.Node(v.name(p))
		if other == nil || other == n {
			continue
		}
		if c != cluster || v.sharesUnique(n, other) {
			return false
		}
	}
	return true
}

func hasTags(n *schema.Node, want []string) bool {
	return !slices.ContainsFunc(want, func(w string) bool {
		tag, excluded := strings.CutPrefix(strings.ToLower(w), "!")
		return slices.ContainsFunc(n.Tags, func(t string) bool { return strings.ToLower(t) == tag }) == excluded
	})
}

// sharesUnique tells whether two nodes may not hold replicas of one asset.
func (v *survey) sharesUnique(a, b *schema.Node) bool {
	unique := strings.ToLower(a.JetStream.UniqueTag)
	if unique == "" {
		return false
	}
	return slices.ContainsFunc(a.Tags, func(t string) bool {
		return strings.HasPrefix(strings.ToLower(t), unique) && slices.ContainsFunc(b.Tags, func(u string) bool { return strings.EqualFold(t, u) })
	})
}

// undrain lets a node hold assets again, and stops what is still on its way from it.
func (d *daemon) undrain(ctx context.Context, j *job, v *survey) api.NodeEvent {
	id := v.id(j.Node)
	if _, err := d.order(ctx, v.name(id), api.NodeUndrain); errors.Is(err, errSilent) {
		j.step("%s does not answer; if it was drained, it is so again when it starts", j.Node)
	} else if err != nil {
		return j.failed("", "%s: %v", j.Node, err)
	}
	for _, h := range streams(v.listing(id)) {
		if !h.Moving {
			continue
		}
		if err := d.request(ctx, h.Account, "$JS.API.STREAM.CANCEL_MOVE."+h.Stream, nil); err != nil {
			j.step("%s goes on: %v", assetName(h.Account, h.Stream, ""), err)
		}
	}
	d.end(api.NodeDrain, j.Node)
	d.end(api.NodeReplace, j.Node)
	return j.done("%s may hold assets again. What has moved away stays where it is", j.Node)
}

// stepDownJob gives the leaderships of a node away.
func (d *daemon) stepDownJob(ctx context.Context, j *job, v *survey) api.NodeEvent {
	o, err := d.order(ctx, v.name(v.id(j.Node)), api.NodeStepDown)
	switch {
	case errors.Is(err, errSilent):
		return j.failed("unibus status", "%s does not answer, so it leads nothing", j.Node)
	case err != nil:
		return j.failed("", "%s: %v", j.Node, err)
	case o.Left > 0:
		return j.later("unibus status", "%s still leads %s: no other replica is up to date", j.Node, assets(o.Left))
	}
	return j.done("%s leads nothing", j.Node)
}
