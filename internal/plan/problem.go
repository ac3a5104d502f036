package plan

import (
	"fmt"
	"strings"

	"unibus/config/schema"
)

// The words that accept a step which is refused otherwise.
const (
	AcceptRemovedNodes = "removed-nodes"
	AcceptMovedAddress = "moved-address"
	AcceptNoJetStream  = "no-jetstream"
	AcceptNewStore     = "new-store"
)

// AcceptAll are all of them.
var AcceptAll = []string{AcceptRemovedNodes, AcceptMovedAddress, AcceptNoJetStream, AcceptNewStore}

// problems are the steps that a mistake in the file is more likely to explain than an intention. nats-server v2.15.2
// takes all of them: an empty route list, a renamed cluster.
func problems(old, new *schema.Topology) []Problem {
	var out []Problem
	for _, c := range new.Clusters {
		if was := formerName(old, c); was != "" {
			out = append(out, Problem{
				At:      &c.Name,
				Summary: fmt.Sprintf("the cluster was called %q and is now called %q, which would orphan every stream", was, c.Name),
				Hint:    "take the old name back; a renamed cluster starts with empty stores and a restored backup",
			})
		}
	}
	if old.Standalone() != new.Standalone() {
		out = append(out, Problem{
			At:      new.Clusters[0],
			Summary: "one node and several nodes store differently, and NATS deletes what the other mode stored",
			Hint:    "back up, start with empty stores, restore",
		})
	}
	out = append(out, removed(old, new)...)
	for _, n := range new.Nodes() {
		out = append(out, nodeProblems(old, n)...)
		if _, was := old.Node(n.Name); was != nil && new.Supercluster() && (was.TLS == nil) != (n.TLS == nil) {
			out = append(out, Problem{
				Nodes:   []string{n.Name},
				At:      n,
				Summary: fmt.Sprintf("TLS would be switched on node %q, and nats-server cannot do that to gateways while others speak otherwise", n.Name),
				Hint:    "stop all nodes, then start them with the new file",
			})
		}
	}
	return out
}

// formerName is the name of another cluster that one of the nodes was in, or "".
func formerName(old *schema.Topology, c *schema.Cluster) string {
	for _, n := range c.Nodes {
		if was, _ := old.Node(n.Name); was != nil && was.Name != c.Name {
			return was.Name
		}
	}
	return ""
}

// removed are the nodes that are gone.
func removed(old, new *schema.Topology) []Problem {
	var out []Problem
	var gone []string
	for _, n := range old.Nodes() {
		if _, still := new.Node(n.Name); still == nil {
			gone = append(gone, n.Name)
		}
	}
	for _, name := range gone {
		out = append(out, Problem{
			Nodes:   []string{name},
			At:      new.Clusters[0],
			Summary: fmt.Sprintf("node %q, which runs here, is gone from the file", name),
			Hint:    "stop unibus here once the other nodes have taken over: `unibus node remove`",
		})
	}
	if before := len(old.Nodes()); 2*len(gone) >= before {
		out = append(out, Problem{
			Accept:  AcceptRemovedNodes,
			At:      new.Clusters[0],
			Summary: fmt.Sprintf("%d of %d nodes are gone from the file at once: %s", len(gone), before, strings.Join(gone, ", ")),
			Hint:    "remove one node at a time: what is left must be a majority of what was",
		})
	}
	return out
}

// nodeProblems are the steps of one node that another node must not follow unasked.
func nodeProblems(old *schema.Topology, n *schema.Node) []Problem {
	var out []Problem
	_, was := old.Node(n.Name)
	for _, other := range old.Nodes() {
		if other.Name != n.Name && other.Address == n.Address && other.ClusterPort == n.ClusterPort && (was == nil || was.Address != n.Address || was.ClusterPort != n.ClusterPort) {
			out = append(out, Problem{
				Accept:  AcceptMovedAddress,
				At:      &n.Address,
				Summary: fmt.Sprintf("the address %s:%d was that of node %q and is now that of node %q", n.Address, n.ClusterPort, other.Name, n.Name),
				Hint:    "a store belongs to a name: a node keeps its name when its host stays",
			})
		}
	}
	if was == nil {
		return out
	}
	if was.JetStream.Enabled && !n.JetStream.Enabled {
		out = append(out, Problem{
			Accept:  AcceptNoJetStream,
			Nodes:   []string{n.Name},
			At:      &n.JetStream.Enabled,
			Summary: fmt.Sprintf("JetStream would be switched off on node %q, where data lies", n.Name),
			Hint:    "drain the node first, then accept it",
		})
	}
	if was.JetStream.StoreDir != n.JetStream.StoreDir {
		out = append(out, Problem{
			Accept:  AcceptNewStore,
			Nodes:   []string{n.Name},
			At:      &n.JetStream.StoreDir,
			Summary: fmt.Sprintf("node %q would leave its store in %q behind and start with %q", n.Name, was.JetStream.StoreDir, n.JetStream.StoreDir),
			Hint:    "to keep the data, stop the node, move the directory and start it with the new file",
		})
	}
	if (was.JetStream.Encryption == nil) != (n.JetStream.Encryption == nil) || was.JetStream.Encryption != nil && *was.JetStream.Encryption != *n.JetStream.Encryption {
		out = append(out, Problem{
			Nodes:   []string{n.Name},
			At:      &n.JetStream,
			Summary: fmt.Sprintf("the encryption of node %q would change, and its store would not open any more", n.Name),
			Hint:    "wipe one node at a time and let it copy from its peers, or take the old setting back",
		})
	}
	return out
}
