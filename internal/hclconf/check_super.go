package hclconf

import "unibus/config/schema"

// checkSupercluster makes sure that several clusters can be one.
func (l *loader) checkSupercluster(t *schema.Topology) {
	if !t.Supercluster() {
		return
	}
	l.checkName(&t.Name, "supercluster", t.Name, serverName)
	first := map[string]*schema.Cluster{}
	for _, c := range t.Clusters {
		if old := first[c.Name]; old != nil {
			l.duplicate(&c.Name, &old.Name, "two clusters are called %q", c.Name)
		}
		first[c.Name] = c
	}
	l.checkThirdVote(t)
}

// checkThirdVote warns where the loss of one cluster stops the meta group of all.
func (l *loader) checkThirdVote(t *schema.Topology) {
	voters := map[string]int{}
	all := 0
	for _, c := range t.Clusters {
		for _, n := range c.Nodes {
			if n.JetStream.Enabled {
				voters[c.Name]++
				all++
			}
		}
	}
	for _, c := range t.Clusters {
		left := all - voters[c.Name]
		if quorum := all/2 + 1; len(t.Clusters) > 1 && left < quorum {
			l.warnf(c, codeVoters, "without cluster %q %d of %d votes are left, and %d are needed: JetStream would stop everywhere", c.Name, left, all, quorum).
				try("a third cluster with one node, arbiter = true, at another site")
			return // the other half of the same gap
		}
	}
}

// checkArbiters makes sure that arbiters do what they are for.
func (l *loader) checkArbiters(e *estate) {
	for _, n := range e.nodes {
		if n.Arbiter && !n.JetStream.Enabled {
			l.warnf(&n.Arbiter, codeNoVote, "arbiter %q has JetStream off, and so it does not vote", n.Name).
				try("remove jetstream { enabled = false }; an arbiter stores no assets anyway")
		}
	}
	if len(e.data) == 0 && len(e.voters) > 0 {
		l.errorf(e.nodes[0], codeJetStream, "every node is an arbiter, so nothing can be stored").try("remove arbiter = true from the nodes that store data")
	}
}
