package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
	"unibus/internal/api"
	"unibus/internal/bootstrap"
	"unibus/internal/hclconf"
	"unibus/internal/plan"
)

// plan compares a file with the running cluster: its nodes with the file that this node has accepted, its assets with the
// live ones. It changes nothing. Secrets stay unknown on both sides, as everywhere where a file is not taken up.
func (d *daemon) plan(ctx context.Context, req api.PlanRequest) (api.Plan, error) {
	d.mu.Lock()
	accepted := d.file
	d.mu.Unlock()
	srv, conns := d.current()
	switch {
	case accepted == nil:
		return api.Plan{}, errors.New("this node follows no file")
	case srv == nil:
		return api.Plan{}, errNoServer
	}
	next := Load(req.Filename, req.Text, hclconf.Host{})
	if next.Topology == nil {
		return api.Plan{}, errors.New(next.Diagnostics[0].Error())
	}
	now := hclconf.Load(accepted.Name, accepted.Text(), hclconf.Host{})
	p := plan.Diff(now.Topology, next.Topology)
	counted(p, srv)
	v := ViewPlan(p, now, next)
	v.Against = api.AgainstCluster
	d.viewNodes(ctx, &v)
	if leader := srv.Meta().Leader; slices.Contains(v.RestartOrder, leader) {
		v.RestartOrder = append(slices.DeleteFunc(v.RestartOrder, func(n string) bool { return n == leader }), leader)
	}
	found, undeclared := bootstrap.Compare(ctx, bootstrap.Config{
		Topology: next.Topology, Node: d.Node,
		JetStream: func(account string) (jetstream.JetStream, error) {
			if t, _ := d.runs(); t.Account(account) == nil && account != schema.DefaultAccount {
				return nil, bootstrap.ErrNoAccount
			}
			return conns.jetStream(account)
		},
	})
	v.Assets = append(viewDifferences(found, next), slices.DeleteFunc(v.Assets, func(a api.PlanItem) bool { return !a.Removed })...)
	for _, u := range undeclared {
		gone := func(a api.PlanItem) bool { return a.Account == u.Account && a.Kind == u.Kind && a.Name == u.Name }
		if !slices.ContainsFunc(v.Assets, gone) {
			v.Undeclared = append(v.Undeclared, api.PlanAsset{Kind: u.Kind, Account: u.Account, Name: u.Name})
		}
	}
	v.Class = string(worst(p, v))
	return v, ctx.Err()
}

// viewNodes adds what the nodes themselves say: what waits for a restart there already, and what keeps the cluster from
// taking the file up as one.
func (d *daemon) viewNodes(ctx context.Context, v *api.Plan) {
	t, _ := d.runs()
	reports := d.ask(ctx, t.Nodes())
	own := reports[d.Node]
	for _, n := range t.Nodes() {
		r, answers := reports[n.Name]
		switch {
		case !answers:
			v.Risks = append(v.Risks, fmt.Sprintf("node %s does not answer: nobody restarts before it is back", n.Name))
			continue
		case r.ConfigDigest != nil && own.ConfigDigest != nil && *r.ConfigDigest != *own.ConfigDigest:
			v.Risks = append(v.Risks, fmt.Sprintf("node %s has another file than %s, with which this plan compares", n.Name, d.Node))
		}
		if len(r.PendingRestart) > 0 {
			waits(v, n.Name, r.PendingRestart)
		}
	}
}

// waits adds the changes for which a node waits to restart, whatever the file says.
func waits(v *api.Plan, name string, pending []api.Pending) {
	i := slices.IndexFunc(v.Nodes, func(n api.PlanItem) bool { return n.Name == name })
	if i < 0 {
		return
	}
	for _, p := range pending {
		v.Nodes[i].Changes = append(v.Nodes[i].Changes, api.PlanChange{
			Attribute: p.Attribute, Class: string(plan.Restart), Old: p.Old, New: p.New, Effect: "waits for a restart already",
		})
	}
	v.Nodes[i].Class = string(plan.Restart)
	if !slices.Contains(v.RestartOrder, name) {
		v.RestartOrder = append(v.RestartOrder, name)
	}
}

// worst is the class of the whole plan.
func worst(p *plan.Plan, v api.Plan) plan.Class {
	assets := p.Assets
	p.Assets = nil
	class := p.Class()
	p.Assets = assets
	for _, item := range slices.Concat(v.Nodes, v.Assets) {
		class = plan.Worst(class, plan.Class(item.Class))
	}
	return class
}

// viewDifferences are differences of live assets as the outside sees them, with the lines of the file.
func viewDifferences(found []bootstrap.Difference, c *hclconf.Config) []api.PlanItem {
	out := []api.PlanItem{}
	for _, f := range found {
		item := api.PlanItem{
			Kind: f.Kind, Account: f.Account, Stream: f.Stream, Name: f.Name, Class: string(plan.None), Changes: []api.PlanChange{},
			CopyBytes: &f.CopyBytes, LeaderMoves: &f.LeaderMoves,
		}
		add := func(change api.PlanChange) {
			item.Class = string(plan.Worst(plan.Class(item.Class), plan.Class(change.Class)))
			item.Changes = append(item.Changes, change)
		}
		switch {
		case f.Err != "":
			item.Class, item.CopyBytes, item.LeaderMoves = api.ClassUnknown, nil, nil
			item.Changes = append(item.Changes, api.PlanChange{Attribute: f.Kind, Class: item.Class, Effect: f.Err, NewRange: place(c, f.At)})
		case f.Absent:
			item.Added = true
			add(api.PlanChange{Attribute: f.Kind, Class: string(plan.Data), Effect: created(f), NewRange: place(c, f.At)})
		}
		for _, change := range f.Changes {
			class, effect := consequence(f, change)
			add(api.PlanChange{Attribute: change.Field, Class: string(class), Old: change.Old, New: change.New, Effect: effect, NewRange: place(c, change.At)})
		}
		out = append(out, item)
	}
	return out
}

func created(f bootstrap.Difference) string {
	if f.Kind == "consumer" {
		return "is created"
	}
	if f.Replicas == 1 {
		return "is created with 1 replica"
	}
	return fmt.Sprintf("is created with %d replicas", f.Replicas)
}

// consequence is the class of one change of a live asset, and what else it means.
func consequence(f bootstrap.Difference, c bootstrap.Change) (plan.Class, string) {
	switch {
	case c.Class == bootstrap.Immutable:
		return plan.Refused, "cannot be changed and is left as it is: " + c.Hint
	case f.Held(c):
		return plan.Refused, "would delete data and is left as it is: " + c.Hint
	case c.Class == bootstrap.LosesData:
		return plan.Data, "deletes data"
	case c.Field == "replicas", strings.HasPrefix(c.Field, "placement."):
		return plan.Data, ""
	}
	return plan.Live, ""
}
