package plan

import (
	"cmp"
	"fmt"
	"slices"

	"unibus/config/schema"
)

// risks are what the steps of a plan mean for those who use the cluster meanwhile.
func risks(old, new *schema.Topology, p *Plan) []string {
	var out []string
	if len(p.Restarts) > 0 {
		out = append(out, restartRisks(new, p.Restarts)...)
	}
	for _, c := range Unlinked(new, clusterNames(old)) {
		out = append(out, fmt.Sprintf("cluster %q has to begin with empty stores: two clusters that both hold data are never linked", c.Name))
		if new.Gateways == nil {
			out = append(out, fmt.Sprintf("cluster %q is never linked with one that holds data while the gateways have no password, with which they ask each other", c.Name))
		}
	}
	if p.voters, p.gone = len(old.Voters()), goneVoters(old, new); len(p.gone) > 0 {
		out = append(out, stillCounted(p.voters, len(p.gone)))
	}
	for _, a := range p.Assets {
		for _, c := range a.Changes {
			switch {
			case c.LosesData:
				out = append(out, fmt.Sprintf("%s: %s from %s to %s %s", a, c.Attribute, orNone(c.Old), orNone(c.New), c.Effect))
			case c.Effect == removesCopies:
				out = append(out, fmt.Sprintf("%s: %s of %s copies stay", a, c.New, c.Old))
			}
		}
	}
	return out
}

func orNone(s string) string { return cmp.Or(s, "none") }

// restartRisks are what is away while nodes restart.
func restartRisks(t *schema.Topology, names []string) []string {
	if t.Standalone() {
		return []string{"there is no other node: clients wait while it restarts"}
	}
	var out []string
	if len(t.Voters()) == 2 {
		out = append(out, "with two nodes, JetStream stops for as long as either restarts")
	}
	if t.Restarts == "manual" {
		out = append(out, "restarts are manual: nothing happens before you restart "+names[0])
	}
	all, order := declared(t)
	for _, k := range order {
		if k.kind != "consumer" && replicas(t, all[k]) == 1 {
			out = append(out, fmt.Sprintf("%s has one replica and is away while its node restarts", Asset{Kind: k.kind, Name: k.name}))
		}
	}
	return out
}

// goneVoters are the names of the voters that only the old topology has.
func goneVoters(old, new *schema.Topology) []string {
	var gone []string
	for _, n := range old.Voters() {
		if _, is := new.Node(n.Name); is == nil {
			gone = append(gone, n.Name)
		}
	}
	return gone
}

// stillCounted is the risk of members that are gone from the file.
func stillCounted(size, gone int) string {
	return fmt.Sprintf("until `unibus node remove`, the JetStream meta group counts %d members and needs %d of them; %d are left", size, size/2+1, size-gone)
}

// Counted corrects the risk of the nodes that are gone, for whoever knows the meta group: how many members it has, and
// whether it counts a node, which an operator may have removed or given up before.
func (p *Plan) Counted(size int, counts func(node string) bool) {
	i := slices.Index(p.Risks, stillCounted(p.voters, len(p.gone)))
	if i < 0 {
		return
	}
	gone := len(slices.DeleteFunc(slices.Clone(p.gone), func(name string) bool { return !counts(name) }))
	if gone == 0 {
		p.Risks = slices.Delete(p.Risks, i, i+1)
		return
	}
	p.Risks[i] = stillCounted(size, gone)
}

func clusterNames(t *schema.Topology) []string {
	var all []string
	for _, c := range t.Clusters {
		all = append(all, c.Name)
	}
	return all
}
