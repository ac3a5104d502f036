package node

import (
	"fmt"

	"unibus/internal/api"
	"unibus/internal/hclconf"
	"unibus/internal/plan"
)

// ViewPlan is a plan as the outside sees it, with lines of the two files in place of pointers.
func ViewPlan(p *plan.Plan, old, new *hclconf.Config) api.Plan {
	v := api.Plan{
		FormatVersion: api.FormatVersion, Against: api.AgainstFile, Class: string(p.Class()), Nodes: []api.PlanItem{}, Assets: []api.PlanItem{},
		Undeclared:   []api.PlanAsset{},
		RestartOrder: append([]string{}, p.Restarts...), Risks: append([]string{}, p.Risks...), Problems: []api.PlanProblem{},
	}
	changes := func(all []plan.Change) []api.PlanChange {
		out := []api.PlanChange{}
		for _, c := range all {
			out = append(out, api.PlanChange{
				Attribute: c.Attribute, Class: string(c.Class), Old: c.Old, New: c.New, Effect: c.Effect, LosesData: c.LosesData,
				OldRange: place(old, c.OldAt), NewRange: place(new, c.NewAt),
			})
		}
		return out
	}
	for _, n := range p.Nodes {
		v.Nodes = append(v.Nodes, api.PlanItem{
			Kind: "node", Name: n.Name, Class: string(n.Class), Added: n.Added, Removed: n.Removed, Changes: changes(n.Changes),
		})
	}
	for _, a := range p.Assets {
		v.Assets = append(v.Assets, api.PlanItem{
			Kind: a.Kind, Account: a.Account, Stream: a.Stream, Name: a.Name, Class: string(a.Class), Added: a.Added, Removed: a.Removed, Changes: changes(a.Changes),
		})
	}
	for _, problem := range p.Problems {
		v.Problems = append(v.Problems, viewProblem(problem, new))
	}
	return v
}

func viewProblem(p plan.Problem, new *hclconf.Config) api.PlanProblem {
	return api.PlanProblem{Nodes: append([]string{}, p.Nodes...), Accept: p.Accept, Summary: p.Summary, Hint: p.Hint, Range: place(new, p.At)}
}

// place is where a value stands in its file, or nil.
func place(c *hclconf.Config, at any) *api.Range {
	if c == nil {
		return nil
	}
	r, ok := c.At(at)
	if !ok {
		return nil
	}
	r.Filename = c.Name
	v := viewRange(r)
	return &v
}

func viewRange(r hclconf.Range) api.Range {
	return api.Range{Filename: r.Filename, Start: api.Pos(r.Start), End: api.Pos(r.End)}
}

// ViewDiagnostics are diagnostics as the outside sees them.
func ViewDiagnostics(ds hclconf.Diagnostics) []api.Diagnostic {
	out := make([]api.Diagnostic, 0, len(ds))
	for _, d := range ds {
		v := api.Diagnostic{
			Severity: string(d.Severity), Code: string(d.Code), Summary: d.Summary(), Detail: d.Detail, Hint: d.Hint,
			Address: d.Address, Range: viewRange(d.Range), Related: []api.Related{},
		}
		for _, r := range d.Related {
			v.Related = append(v.Related, api.Related{Message: r.Message, Range: viewRange(r.Range)})
		}
		out = append(out, v)
	}
	return out
}

// lineOf is a place in short, such as unibus.hcl:41.
func lineOf(r *api.Range) string {
	if r == nil {
		return ""
	}
	return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line)
}
