package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/config/schema"
	"unibus/internal/api"
	"unibus/internal/server"
)

const (
	// silenceWait is how long a leader that has lost its majority may take to notice (nats-server v2.15.2, raft.go,
	// lostQuorumInterval and lostQuorumCheck), and some more.
	silenceWait = 45 * time.Second
	// healWait is how long the assets may take to elect leaders among those who are left.
	healWait = 2 * time.Minute
)

// rescue gives members up that are gone for good, where JetStream or an asset has lost its majority, or its only replica,
// with them.
func (d *daemon) rescue(ctx context.Context, j *job, v *survey) api.NodeEvent {
	gone, left := d.gone(ctx, v)
	lost := d.lost(ctx, v)
	if o := v.needsRescue(gone, left, lost); o != nil {
		return j.later(o.hint, "%s", o.why)
	}
	names := v.allNames(gone)
	given := strings.Join(names, ", ")
	if j.Preview {
		e := j.asks(v.t.Title(), "This gives up for good: %s. What only they hold is lost, and so is what only they have acknowledged. "+
			"Left are: %s. Should one of those given up start again with its old store, the cluster may split: erase the store first. "+
			"Where one of them can be started soon, with its store or an empty one, start it instead", given, strings.Join(v.allNames(left), ", "))
		e.Nodes = names
		if len(lost) > 0 {
			e.Message += ". Lost is already known: " + strings.Join(lost, ", ")
		}
		return e
	}
	if j.Confirm != v.t.Title() {
		return j.failed("", "%q is not the name of the cluster, which is %q", j.Confirm, v.t.Title())
	}
	if !slices.Equal(names, j.Nodes) {
		return j.later("unibus node rescue", "other nodes are gone now than when it was asked for: %s", given)
	}
	if len(left) < v.meta.Quorum {
		if last := d.lowerQuorum(ctx, j, left); last != nil {
			return *last
		}
	}
	v, err := d.survey(ctx)
	if err == nil {
		v, err = d.withLeader(ctx, j, v)
	}
	if err != nil {
		return j.later("unibus node rescue", "%v", err)
	}
	lost = d.lost(ctx, v)
	for _, id := range gone {
		if err := d.expel(ctx, id, v.name(id)); err != nil {
			return j.failed("unibus node rescue", "%s was not given up: %v", v.name(id), err)
		}
		j.step("%s is given up", v.name(id))
	}
	return d.awaitHealed(ctx, j, gone, lost, given)
}

// gone and left are the members that cannot be reached, and those that answer. One of which a port is open is neither: it
// runs, and is only kept apart, say by a certificate.
func (d *daemon) gone(ctx context.Context, v *survey) (gone, left []string) {
	for _, m := range v.members {
		switch name := v.name(m.ID); {
		case v.has(name):
			left = append(left, m.ID)
		case !d.isThere(ctx, name) && !runs(ctx, v.t, name):
			gone = append(gone, m.ID)
		}
	}
	return gone, left
}

// runs tells whether something listens where the file says that the other nodes find a node.
func runs(ctx context.Context, t *schema.Topology, node string) bool {
	_, n := t.Node(node)
	if n == nil {
		return false
	}
	c, err := (&net.Dialer{Timeout: reportWait}).DialContext(ctx, "tcp", net.JoinHostPort(n.Address, strconv.Itoa(n.ClusterPort)))
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

func (v *survey) allNames(ids []string) []string {
	names := []string{}
	for _, id := range ids {
		names = append(names, v.name(id))
	}
	slices.Sort(names)
	return names
}

// needsRescue is nil where something has lost its majority with those who are gone, and would never get it back.
func (v *survey) needsRescue(gone, left, lost []string) *obstacle {
	switch {
	case len(v.members) == 0:
		return &obstacle{"the members of the meta group are not known here", "on a node that stores data: unibus node rescue"}
	case len(gone)+len(left) < len(v.members):
		return &obstacle{"some members of the meta group run, and are kept from answering", "unibus doctor"}
	case len(gone) == 0:
		return &obstacle{"every member of the meta group answers, so there is nobody to give up", "unibus status"}
	case len(left) < v.meta.Quorum, len(lost) > 0:
		return nil
	}
	if slices.ContainsFunc(v.held, func(h server.Held) bool { return h.Leader == "" && 2*overlap(h.Peers, gone) >= len(h.Peers) }) {
		return nil
	}
	return &obstacle{
		fmt.Sprintf("%d of %d members answer, which is a majority, and every asset has one, too: there is nothing to rescue", len(left), len(v.members)),
		"unibus node replace NODE",
	}
}

func (v *survey) memberIDs() []string {
	var ids []string
	for _, m := range v.members {
		ids = append(ids, m.ID)
	}
	return ids
}

// overlap is how many of all are in some.
func overlap(all, some []string) int {
	n := 0
	for _, s := range all {
		if slices.Contains(some, s) {
			n++
		}
	}
	return n
}

// lowerQuorum lets those who are left elect a leader of the meta group without the others, for five minutes (nats-server
// v2.15.2, raft.RescueQuorum). It is nil when there is one.
func (d *daemon) lowerQuorum(ctx context.Context, j *job, left []string) *api.NodeEvent {
	end := time.Now().Add(silenceWait)
	for {
		why, err := d.askRescue(ctx, len(left))
		if err != nil {
			why = err.Error()
		}
		if why == "" {
			break
		}
		if time.Now().After(end) || !pause(ctx, time.Second) {
			e := j.failed("unibus node rescue", "nobody took the smaller quorum: %s", why)
			return &e
		}
		j.waits(nil, "", "waiting until nobody leads the meta group: %s", why)
	}
	j.step("those who are left elect a leader of the meta group by themselves")
	return nil
}

// askRescue asks every member for a smaller quorum, which each decides for itself. It says why nobody took it, or "".
func (d *daemon) askRescue(ctx context.Context, left int) (why string, err error) {
	nc, err := d.systemConn()
	if err != nil {
		return "", err
	}
	inbox := nats.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return "", err
	}
	defer func() { _ = sub.Unsubscribe() }()
	b, err := json.Marshal(map[string]int{"quorum_needed": left})
	if err != nil {
		return "", err
	}
	if err := nc.PublishRequest("$JS.API.META.RESCUE", inbox, b); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	took := 0
	for answered := 0; answered < left; answered++ {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			break
		}
		var answer struct{ Error *apiError }
		if err := json.Unmarshal(m.Data, &answer); err != nil {
			return "", err
		}
		if answer.Error == nil {
			took++
		} else {
			why = answer.Error.Error()
		}
	}
	switch {
	case took > 0:
		return "", nil
	case why == "":
		return "", errors.New("nobody answers")
	}
	return why, nil
}

// awaitHealed waits until no asset lists those who were given up, and each has a leader.
func (d *daemon) awaitHealed(ctx context.Context, j *job, gone, lost []string, given string) api.NodeEvent {
	end := time.Now().Add(healWait)
	for {
		v, err := d.survey(ctx)
		if err == nil {
			ill := slices.DeleteFunc(slices.Clone(v.held), func(h server.Held) bool { return h.Leader != "" && overlap(h.Peers, gone) == 0 })
			if len(ill) == 0 && v.meta.Leader != "" {
				return d.rescued(j, v, lost, given)
			}
			if time.Now().After(end) {
				return j.with(ill, j.later("unibus node ls", "no leader yet for %s", assets(len(ill))))
			}
			j.waits(ill, "", "%s to be led without %s", assets(len(ill)), given)
		}
		if !pause(ctx, 250*time.Millisecond) {
			return j.later("unibus node rescue", "this node's daemon stops")
		}
	}
}

func (d *daemon) rescued(j *job, v *survey, lost []string, given string) api.NodeEvent {
	text := fmt.Sprintf("the cluster is writable again; members of the meta group: %s. Erase the stores of %s before they start again, which works from %s on",
		strings.Join(v.allNames(v.memberIDs()), ", "), given, time.Now().Add(nameRests).Format(time.TimeOnly))
	if len(lost) > 0 {
		text += fmt.Sprintf(". Lost, because nobody who is left had a replica: %s", strings.Join(lost, ", "))
	}
	return j.done("%s", text)
}
