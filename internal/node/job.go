package node

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"unibus/internal/api"
	"unibus/internal/server"
)

// electionWait is how long a leader is waited for: nats-server elects one within 4 to 18 s if it can.
const electionWait = 20 * time.Second

// job is an action on a node that an operator has asked for. It goes on when the operator leaves, and everybody who asks
// for the same meanwhile sees it from its start.
type job struct {
	api.NodeRequest

	mu     sync.Mutex
	events []api.NodeEvent
	more   chan struct{} // closed with the next event
	over   chan struct{} // closed after the last
	stop   context.CancelFunc
}

// node carries out an action, or joins it where it is under way, and calls each until it is over or ctx ends.
func (d *daemon) node(ctx context.Context, req api.NodeRequest, each func(api.NodeEvent)) {
	if req.Preview {
		j := &job{NodeRequest: req, more: make(chan struct{})}
		j.tell(d.carryOut(ctx, j))
		j.follow(ctx, each)
		return
	}
	d.job(req).follow(ctx, each)
}

// job is the job of a request, which is begun unless it is under way.
func (d *daemon) job(req api.NodeRequest) *job {
	key := req.Action + " " + req.Node
	d.mu.Lock()
	defer d.mu.Unlock()
	if j := d.jobs[key]; j != nil {
		return j
	}
	ctx, stop := context.WithCancel(d.ctx)
	j := &job{NodeRequest: req, more: make(chan struct{}), over: make(chan struct{}), stop: stop}
	d.jobs[key] = j
	d.working.Add(1)
	go func() {
		defer d.working.Done()
		defer close(j.over)
		defer stop()
		last := d.carryOut(ctx, j)
		d.mu.Lock()
		delete(d.jobs, key)
		d.mu.Unlock()
		d.Log.Info("node "+req.Action, "node", req.Node, "state", last.State, "message", last.Message)
		j.tell(last)
	}()
	return j
}

// end ends a job of this daemon, if there is one, and waits until it has ended.
func (d *daemon) end(action, node string) {
	d.mu.Lock()
	j := d.jobs[action+" "+node]
	d.mu.Unlock()
	if j != nil {
		j.stop()
		<-j.over
	}
}

// carryOut does all of one job and returns its last event.
func (d *daemon) carryOut(ctx context.Context, j *job) api.NodeEvent {
	v, err := d.survey(ctx)
	if err != nil {
		return j.later("", "%v", err)
	}
	if v.t.Standalone() {
		return j.failed("", "the file has one node, which cannot hand anything over")
	}
	actions := map[string]func(context.Context, *job, *survey) api.NodeEvent{
		api.NodeDrain: d.drain, api.NodeUndrain: d.undrain, api.NodeStepDown: d.stepDownJob,
		api.NodeRemove: d.remove, api.NodeReplace: d.replace, api.NodeRescue: d.rescue,
	}
	action := actions[j.Action]
	if action == nil {
		return j.failed("", "there is no action %q", j.Action)
	}
	if j.Action == api.NodeRescue { // the only one that needs no leader and is about no single node
		return action(ctx, j, v)
	}
	if id := v.id(j.Node); id == "" {
		return j.failed("unibus node ls", "there is no node %q, neither in the file nor in the meta group", j.Node)
	}
	if v, err = d.withLeader(ctx, j, v); err != nil {
		return j.later("start the nodes that are down, or, where most are gone for good: unibus node rescue", "%v", err)
	}
	return action(ctx, j, v)
}

// withLeader is a survey with a leader of the meta group, which an election gives it within seconds if it can.
func (d *daemon) withLeader(ctx context.Context, j *job, v *survey) (*survey, error) {
	for end := time.Now().Add(electionWait); v.meta.Leader == ""; {
		if time.Now().After(end) {
			return nil, errors.New("the meta group has no leader, so nothing can be changed")
		}
		j.waits(nil, "", "waiting for a leader of the meta group")
		pause(ctx, 250*time.Millisecond)
		next, err := d.survey(ctx)
		if err != nil {
			return nil, err
		}
		v = next
	}
	return v, nil
}

// follow calls each with every event from the start of the job until its last, or until ctx ends.
func (j *job) follow(ctx context.Context, each func(api.NodeEvent)) {
	for next := 0; ; {
		j.mu.Lock()
		events, more := j.events[next:], j.more
		j.mu.Unlock()
		for _, e := range events {
			each(e)
			if e.Last() {
				return
			}
		}
		next += len(events)
		select {
		case <-ctx.Done():
			return
		case <-more:
		}
	}
}

// tell adds an event, unless it says what the one before has said.
func (j *job) tell(e api.NodeEvent) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if n := len(j.events); n > 0 {
		was := j.events[n-1]
		was.Time = e.Time
		if reflect.DeepEqual(was, e) {
			return
		}
	}
	j.events = append(j.events, e)
	close(j.more)
	j.more = make(chan struct{})
}

func (j *job) event(state, hint, format string, args ...any) api.NodeEvent {
	return api.NodeEvent{
		Time: time.Now().UTC(), Action: j.Action, Node: j.Node, State: state, Message: fmt.Sprintf(format, args...), Hint: hint,
		Assets: []string{},
	}
}

// step tells of something that was done.
func (j *job) step(format string, args ...any) { j.tell(j.event(api.EventStep, "", format, args...)) }

// waits tells what it waits for.
func (j *job) waits(assets []server.Held, hint, format string, args ...any) {
	j.tell(j.with(assets, j.event(api.EventWaiting, hint, format, args...)))
}

// with is an event that names assets.
func (j *job) with(assets []server.Held, e api.NodeEvent) api.NodeEvent {
	const most = 20
	e.Remaining = len(assets)
	for _, h := range assets[:min(most, len(assets))] {
		e.Assets = append(e.Assets, assetName(h.Account, h.Stream, h.Consumer))
	}
	return e
}

// done, later and failed are how a job ends.
func (j *job) done(format string, args ...any) api.NodeEvent {
	return j.event(api.EventDone, "", format, args...)
}

func (j *job) later(hint, format string, args ...any) api.NodeEvent {
	return j.event(api.EventLater, hint, format, args...)
}

func (j *job) failed(hint, format string, args ...any) api.NodeEvent {
	return j.event(api.EventFailed, hint, format, args...)
}

// asks is the preview of what is done only when a name was typed.
func (j *job) asks(name, format string, args ...any) api.NodeEvent {
	e := j.done(format, args...)
	e.Confirm = name
	return e
}

// assets is a number of assets in words, such as "2 assets".
func assets(n int) string {
	if n == 1 {
		return "1 asset"
	}
	return fmt.Sprintf("%d assets", n)
}

// list is "lists" for one asset and "list" for more.
func list(n int) string {
	if n == 1 {
		return "lists"
	}
	return "list"
}
