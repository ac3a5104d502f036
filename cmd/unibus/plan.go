package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"unibus/internal/api"
	"unibus/internal/hclconf"
	"unibus/internal/node"
	"unibus/internal/plan"
)

// exitChanges is the status of a plan that has changes, where it was asked for.
const exitChanges = 2

func (a *app) planCommand() *cobra.Command {
	var output string
	var detailed bool
	cmd := &cobra.Command{
		Use:   "plan [OLD NEW | FILE]",
		Short: "Say what a changed file would do",
		Long: `Compare two files and say for every node whether nothing happens, the change is taken up live, or the node
restarts, in which order, and what happens to the data. No host and no network is needed.

With one file, or none for the one that is found, compare it with the running cluster: the daemon on this host looks at
every declared asset. + is created, ~ changes, - is not managed any more (nothing is ever deleted), ? did not answer.

  nothing   the node has nothing to do
  live      taken up while the node runs; no client is disconnected
  data      changes or moves what is stored, while all nodes run
  restart   the node restarts its server, in turn with the others
  refused   the nodes would keep the old file, unless "unibus reload --accept WORD" says otherwise; an asset's setting
            stays as it is

Exit status: 0, with --detailed-exitcode 2 when anything changes; 1 a file is wrong or an asset did not answer, 64 usage,
66 no file, 69 no daemon answers, 77 no permission.`,
		Example: `  unibus plan <(git show HEAD:unibus.hcl) unibus.hcl
  unibus plan new.hcl`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "text" && output != "json" {
				return fmt.Errorf("-o is text or json, not %q", output)
			}
			if len(args) < 2 {
				return a.planLive(cmd.Context(), args, output, detailed)
			}
			var files [2]*hclconf.Config
			for i, name := range args {
				f, err := a.open(name)
				if err != nil {
					return err
				}
				if files[i], err = a.load(f, hclconf.Host{}, exitInvalid); err != nil {
					return err
				}
			}
			v := node.ViewPlan(plan.Diff(files[0].Topology, files[1].Topology), files[0], files[1])
			var err error
			switch output {
			case "text":
				err = a.writePlan(v)
			case "json":
				err = json.NewEncoder(a.stdout).Encode(v)
			default:
				err = fmt.Errorf("-o is text or json, not %q", output)
			}
			if err == nil && detailed && v.Class != string(plan.None) {
				return &exit{code: exitChanges}
			}
			return err
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 when anything changes")
	return cmd
}

func (a *app) writePlan(v api.Plan) error {
	if v.Class == string(plan.None) {
		_, err := fmt.Fprintln(a.stdout, "nothing changes")
		return err
	}
	t := a.table("WHERE", "CLASS", "CHANGE", "LINE")
	for _, g := range groups(v.Nodes) {
		appendItem(t, g.who, g.item)
	}
	for _, s := range v.Assets {
		appendItem(t, assetTitle(s), s)
	}
	t.Render()
	if len(v.RestartOrder) > 0 {
		fmt.Fprintf(a.stdout, "\nrestart in turn: %s (the meta leader last)\n", strings.Join(v.RestartOrder, ", "))
	}
	for _, risk := range v.Risks {
		fmt.Fprintf(a.stdout, "\nrisk: %s\n", risk)
	}
	for _, p := range v.Problems {
		a.writeProblem(p)
	}
	return nil
}

// assetTitle names an asset, a consumer with its stream.
func assetTitle(item api.PlanItem) string {
	if item.Stream != "" {
		return fmt.Sprintf("%s %s/%s", item.Kind, item.Stream, item.Name)
	}
	return item.Kind + " " + item.Name
}

func (a *app) writeProblem(p api.PlanProblem) {
	who := "every node refuses this"
	if len(p.Nodes) > 0 {
		who = strings.Join(p.Nodes, ", ") + " refuses this"
	}
	fmt.Fprintf(a.stdout, "\n! %s: %s\n", who, p.Summary)
	fmt.Fprintf(a.stdout, "  try: %s\n", p.Hint)
	if p.Accept != "" {
		fmt.Fprintf(a.stdout, "  or, if it is meant: unibus reload --accept %s\n", p.Accept)
	}
}

type group struct {
	who  string
	item api.PlanItem
}

// groups joins the nodes that have the same to do.
func groups(nodes []api.PlanItem) []group {
	var out []group
	index := map[string]int{}
	for _, n := range nodes {
		key := fmt.Sprintf("%s %+v", n.Class, texts(n.Changes))
		if i, ok := index[key]; ok {
			out[i].who += " " + n.Name
			continue
		}
		index[key] = len(out)
		out = append(out, group{n.Name, n})
	}
	if len(out) == 1 && len(nodes) > 1 {
		out[0].who = "every node"
	}
	return out
}

func appendItem(t table.Writer, who string, item api.PlanItem) {
	if len(item.Changes) == 0 {
		t.AppendRow(table.Row{who, item.Class})
	}
	for i, text := range texts(item.Changes) {
		c := item.Changes[i]
		class := c.Class
		if item.Added && item.Kind == "node" {
			class = "new"
		} else if item.Removed && item.Kind == "node" {
			class = "gone"
		}
		t.AppendRow(table.Row{who, class, text, where(c)})
		who = ""
	}
}

// texts are changes in words.
func texts(all []api.PlanChange) []string {
	out := make([]string, len(all))
	for i, c := range all {
		s := c.Attribute
		switch {
		case c.Old != "" && c.Old == c.New: // secrets look alike
			s += " changes"
		case c.Old != "" || c.New != "":
			s += fmt.Sprintf(": %s → %s", orNone(c.Old), orNone(c.New))
		}
		if c.Effect != "" {
			s += " (" + c.Effect + ")"
		}
		out[i] = s
	}
	return out
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func where(c api.PlanChange) string {
	for _, r := range []*api.Range{c.NewRange, c.OldRange} {
		if r != nil {
			return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line)
		}
	}
	return ""
}
