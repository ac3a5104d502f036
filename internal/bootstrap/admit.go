package bootstrap

import (
	"context"
	"time"
)

// overlooked is how long a node that is connected may not be a member of the meta group before that is not the usual
// moment any more. It takes milliseconds.
const overlooked = 5 * time.Second

// admit gives the leadership of the meta group away, once, when it has fewer members than the topology has voters
// although all nodes are connected.
//
// nats-server v2.15.2 writes a new member to peers.idx before it writes it to its log (raft.sendMembershipChange). A
// leader that is killed in between takes the member for one that was removed when it starts again, and for five minutes
// does not admit it (raft.processPeerState, peerRemoveTimeout). Any other leader does, at once.
func (r *runner) admit(ctx context.Context) {
	for {
		v := r.view.Load()
		if !v.overlooks() {
			select {
			case <-ctx.Done():
				return
			case <-v.changed:
			}
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-v.changed:
		case <-time.After(overlooked):
			r.log.Warn("the meta group does not admit a node that is connected: another node is to lead it",
				"members", v.meta.Size, "declared", v.voters)
			attempt, cancel := context.WithTimeout(ctx, r.attempt)
			defer cancel()
			if err := r.StepDown(attempt); err != nil {
				r.log.Warn("the leadership of the meta group stays here", "err", err)
			}
			return
		}
	}
}

// overlooks tells that this node leads a meta group that lacks a member without reason.
func (v *view) overlooks() bool {
	return v.meta.IsLeader && v.meta.Size < v.voters && len(v.missing) == 0
}
