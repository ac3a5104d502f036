package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/config/schema"
	"unibus/internal/api"
	"unibus/internal/server"
)

const (
	// nameRests is how long the name of a removed node cannot come back (nats-server v2.15.2, raft.go, peerRemoveTimeout).
	nameRests = 5 * time.Minute
	// memberChangeUnderWay is that the meta group changes its members already (JSClusterServerMemberChangeInflightErr).
	memberChangeUnderWay = 10202
	// notAMember is that it does not know the one that is meant (JSClusterServerNotMemberErr).
	notAMember = 10044
)

// obstacle is why something is not done now, and what to do about it.
type obstacle struct{ why, hint string }

// remove takes a node out of the meta group.
func (d *daemon) remove(ctx context.Context, j *job, v *survey) api.NodeEvent {
	id := v.id(j.Node)
	if !v.isMember(id) {
		return j.done("%s is not in the meta group", j.Node)
	}
	if o := d.mayRemove(ctx, j.Node, v); o != nil {
		return j.later(o.hint, "%s", o.why)
	}
	if j.Preview {
		return j.asks(j.Node, "%s leaves the meta group, which then has %d members and needs %d of them; the name cannot come back for five minutes",
			j.Node, v.meta.Size-1, (v.meta.Size-1)/2+1)
	}
	if j.Confirm != j.Node {
		return j.failed("", "%q is not the name of the node to remove, which is %q", j.Confirm, j.Node)
	}
	if err := d.expel(ctx, id, j.Node); err != nil {
		return j.failed("unibus node ls", "%s was not removed: %v", j.Node, err)
	}
	return d.awaitGone(ctx, j, id)
}

// mayRemove is nil where a node is not missed, and does not come back by itself.
func (d *daemon) mayRemove(ctx context.Context, node string, v *survey) *obstacle {
	id := v.id(node)
	if _, n := v.t.Node(v.name(id)); n != nil {
		return &obstacle{node + " is still in the file", "unibus node drain " + node + ", stop unibus there, take its block out of the file of all hosts, then try again"}
	}
	if d.isThere(ctx, v.name(id)) {
		return &obstacle{node + " still answers", "on " + node + ": systemctl disable --now unibus"}
	}
	if o := v.keepsQuorum(id); o != nil {
		return o
	}
	if listing := v.listing(id); len(listing) > 0 {
		return &obstacle{fmt.Sprintf("%s still %s %s: %s", assets(len(listing)), list(len(listing)), node, some(listing)), "unibus node replace " + node + ", which makes their replicas anew elsewhere"}
	}
	if lost := d.lost(ctx, v); len(lost) > 0 {
		return &obstacle{node + " may have the only replica of " + strings.Join(lost, ", "), "start the nodes that are down, or give that data up: unibus node rescue"}
	}
	return nil
}

// some names assets, not too many.
func some(listing []server.Held) string {
	const most = 5
	var names []string
	for _, h := range listing[:min(most, len(listing))] {
		names = append(names, assetName(h.Account, h.Stream, h.Consumer))
	}
	if len(listing) > most {
		names = append(names, "…")
	}
	return strings.Join(names, ", ")
}

// isThere tells whether a node can be reached at all. One that is stopped half-way, or cut off a moment ago, still can.
func (d *daemon) isThere(ctx context.Context, node string) bool {
	nc, err := d.systemConn()
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, reportWait)
	defer cancel()
	_, err = nc.RequestWithContext(ctx, ordersSubject+server.PeerID(node), []byte(`{}`))
	return !errors.Is(err, nats.ErrNoResponders)
}

// keepsQuorum is nil where enough members answer to agree on the removal of one, and on everything afterwards.
func (v *survey) keepsQuorum(id string) *obstacle {
	up := 0
	for _, m := range v.members {
		if v.has(v.name(m.ID)) && m.ID != id {
			up++
		}
	}
	if up >= v.meta.Quorum {
		return nil
	}
	return &obstacle{
		fmt.Sprintf("%d of the %d members of the meta group answer, and it needs %d of them to agree", up, v.meta.Size, v.meta.Quorum),
		"start the nodes that are down, or, where they are gone for good: unibus node rescue",
	}
}

// expel tells the meta group that a node is no member any more.
func (d *daemon) expel(ctx context.Context, id, name string) error {
	for end := time.Now().Add(electionWait); ; {
		err := d.request(ctx, schema.SystemAccount, "$JS.API.SERVER.REMOVE", map[string]string{"peer": name, "peer_id": id})
		var refused *apiError
		switch {
		case err == nil, errors.As(err, &refused) && refused.Code == notAMember:
			return nil
		case refused != nil && refused.Code != memberChangeUnderWay, time.Now().After(end):
			return err
		}
		if !pause(ctx, 250*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// awaitGone waits until the meta group does not know a node any more.
func (d *daemon) awaitGone(ctx context.Context, j *job, id string) api.NodeEvent {
	for pause(ctx, 100*time.Millisecond) {
		v, err := d.survey(ctx)
		if err != nil || v.meta.Leader == "" || v.isMember(id) {
			j.waits(nil, "", "waiting for the meta group to agree")
			continue
		}
		return j.done("%s is gone; the meta group has %d members and needs %d of them. The name cannot come back before %s",
			j.Node, v.meta.Size, v.meta.Quorum, time.Now().Add(nameRests).Format(time.TimeOnly))
	}
	return j.later("", "this node's daemon stops; whether %s is gone shows unibus node ls", j.Node)
}

// replace follows a node that takes the place of a lost one: under the same name, until it has everything; under another
// name, until nothing lists the lost one, which is then removed.
func (d *daemon) replace(ctx context.Context, j *job, v *survey) api.NodeEvent {
	id := v.id(j.Node)
	if _, n := v.t.Node(v.name(id)); n != nil {
		if j.Preview {
			return j.done("%s is in the file, so a host with an empty store takes its place under the same name", j.Node)
		}
		return d.awaitBack(ctx, j, id)
	}
	switch o := v.keepsQuorum(id); {
	case !v.isMember(id):
		return j.done("%s is not in the meta group", j.Node)
	case o != nil:
		return j.later(o.hint, "%s", o.why)
	case j.Preview:
		return j.asks(j.Node, "the replicas of %s go to other nodes (%s %s it), then it leaves the meta group; the name cannot come back for five minutes",
			j.Node, assets(len(v.listing(id))), list(len(v.listing(id))))
	case j.Confirm != j.Node:
		return j.failed("", "%q is not the name of the node to replace, which is %q", j.Confirm, j.Node)
	}
	last := d.drain(ctx, j, v)
	if last.State != api.EventDone {
		return last
	}
	j.step("%s", last.Message)
	v, err := d.survey(ctx)
	if err != nil {
		return j.later("", "%v", err)
	}
	return d.remove(ctx, j, v)
}

// awaitBack waits until a node answers, is a member, and nothing anywhere is behind.
func (d *daemon) awaitBack(ctx context.Context, j *job, id string) api.NodeEvent {
	wait := 250 * time.Millisecond
	for pause(ctx, wait) {
		wait = min(wait*5/4, 2*time.Second)
		v, err := d.survey(ctx)
		switch {
		case err != nil:
			j.waits(nil, "", "%v", err)
		case !v.has(v.name(id)):
			j.waits(nil, "there: the same file, an empty store, unibus run", "waiting for %s", j.Node)
		case !v.isMember(id):
			j.waits(nil, "", "%s answers, and is not in the meta group: a name that was removed can come back after five minutes", j.Node)
		default:
			if behind := d.behind(ctx, v.t); behind != "" {
				j.waits(nil, "", "%s", behind)
				continue
			}
			return j.done("%s is back, and every replica on it is up to date (%s)", j.Node, assets(len(v.listing(id))))
		}
	}
	return j.later("", "this node's daemon stops")
}

// behind is what is not up to date on any node that answers, or "".
func (d *daemon) behind(ctx context.Context, t *schema.Topology) string {
	reports := d.ask(ctx, t.Nodes())
	for _, n := range t.Nodes() {
		if r, ok := reports[n.Name]; ok && r.Unsettled != nil {
			return fmt.Sprintf("%s: %s", n.Name, *r.Unsettled)
		}
	}
	return ""
}
