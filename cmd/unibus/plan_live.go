package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"unibus/config/schema"
	"unibus/internal/api"
	"unibus/internal/hclconf"
	"unibus/internal/plan"
)

// planLive compares a file, or the one that is found, with the running cluster. The daemon on this host does it, because
// it alone may look at every account.
func (a *app) planLive(ctx context.Context, args []string, output string, detailed bool) error {
	name := ""
	if len(args) == 1 {
		name = args[0]
	}
	f, err := a.open(name)
	if err != nil {
		return err
	}
	if _, err := a.load(f, hclconf.Host{}, exitInvalid); err != nil {
		return err
	}
	asker := *a
	if a.config == "" && name != "-" && !slices.ContainsFunc(places, exists) {
		asker.config = f.name // which then also says where the socket is
	}
	c, err := asker.client()
	if err != nil {
		return err
	}
	v, err := c.Plan(ctx, api.PlanRequest{Filename: f.name, Text: f.text})
	if err != nil {
		return unanswered(err)
	}
	if output == "json" {
		err = json.NewEncoder(a.stdout).Encode(v)
	} else {
		err = a.writeLivePlan(v)
	}
	unknown := slices.ContainsFunc(v.Assets, func(i api.PlanItem) bool { return i.Class == api.ClassUnknown })
	switch {
	case err != nil:
		return err
	case unknown:
		return &exit{code: exitInvalid, err: fmt.Errorf("some assets did not answer, so this is not the whole plan"), try: "unibus status"}
	case detailed && v.Class != string(plan.None):
		return &exit{code: exitChanges}
	}
	return nil
}

func (a *app) writeLivePlan(v api.Plan) error {
	if v.Class == string(plan.None) && len(v.Assets) == 0 {
		fmt.Fprintln(a.stdout, "nothing to do: the cluster is as the file says")
	} else {
		a.writeLiveChanges(v)
	}
	for _, r := range v.Risks {
		fmt.Fprintf(a.stdout, "\n! %s\n", r)
	}
	if len(v.Undeclared) > 0 {
		var names []string
		for _, u := range v.Undeclared {
			names = append(names, fmt.Sprintf("%s %s/%s", word(u.Kind), u.Account, u.Name))
		}
		fmt.Fprintf(a.stdout, "\nnot in the file, and left alone: %s\n", strings.Join(names, ", "))
	}
	for _, p := range v.Problems {
		a.writeProblem(p)
	}
	return nil
}

func (a *app) writeLiveChanges(v api.Plan) {
	t := a.table("", "WHERE", "CLASS", "CHANGE", "LINE")
	row := func(mark, where, class, text, line string) { t.AppendRow([]any{mark, where, class, text, line}) }
	for _, g := range groups(v.Nodes) {
		mark, class := "~", ""
		switch {
		case len(g.item.Changes) == 0:
			continue
		case g.item.Added:
			mark, class = "+", "new"
		case g.item.Removed:
			mark, class = "-", "gone"
		}
		name := "node " + strings.Join(strings.Fields(g.who), ", ")
		if g.who == "every node" {
			name = g.who
		}
		for i, text := range texts(g.item.Changes) {
			row(mark, name, cmp.Or(class, g.item.Changes[i].Class), text, where(g.item.Changes[i]))
			mark, name = "", ""
		}
	}
	for _, item := range v.Assets {
		mark, name := markOf(item), fmt.Sprintf("%s %s/%s", word(item.Kind), item.Account, item.Name)
		if item.Stream != "" {
			name = fmt.Sprintf("%s %s/%s/%s", item.Kind, item.Account, item.Stream, item.Name)
		}
		for i, text := range texts(item.Changes) {
			row(mark, name, item.Changes[i].Class, text, where(item.Changes[i]))
			mark, name = "", ""
		}
	}
	t.Render()
	fmt.Fprintf(a.stdout, "\n%s\n", sum(v))
	if len(v.RestartOrder) > 0 {
		fmt.Fprintf(a.stdout, "restart in turn: %s (the meta leader last)\n", strings.Join(v.RestartOrder, ", "))
	}
}

// markOf is what happens to an asset: + is created, ~ changes, - is left to itself, ? did not answer.
func markOf(item api.PlanItem) string {
	switch {
	case item.Class == api.ClassUnknown:
		return "?"
	case item.Added:
		return "+"
	case item.Removed:
		return "-"
	}
	return "~"
}

// sum is the last line: how many assets, and what it takes.
func sum(v api.Plan) string {
	var create, change, leave, held, leaders int
	var bytes uint64
	for _, item := range v.Assets {
		switch markOf(item) {
		case "+":
			create++
		case "~":
			change++
		case "-":
			leave++
		}
		for _, c := range item.Changes {
			if c.Class == string(plan.Refused) {
				held++
			}
		}
		if item.CopyBytes != nil {
			bytes += *item.CopyBytes
		}
		if item.LeaderMoves != nil && *item.LeaderMoves {
			leaders++
		}
	}
	parts := []string{fmt.Sprintf("assets: %d to create, %d to change, %d not managed any more", create, change, leave)}
	if held > 0 {
		parts = append(parts, fmt.Sprintf("%s left as they are", count(held, "difference")))
	}
	if bytes > 0 {
		parts = append(parts, fmt.Sprintf("about %s copied", schema.Size(bytes)))
	}
	if leaders > 0 {
		parts = append(parts, fmt.Sprintf("%s moved", count(leaders, "leader")))
	}
	return strings.Join(parts, "; ")
}

// word is a kind of assets as one says it.
func word(kind string) string { return strings.ReplaceAll(kind, "_", " ") }
