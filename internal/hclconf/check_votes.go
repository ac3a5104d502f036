package hclconf

import (
	"strings"

	"unibus/config/schema"
)

// checkVoters warns where the loss of one node stops JetStream.
func (l *loader) checkVoters(e *estate) {
	c := e.Clusters[0]
	switch n := len(e.voters); {
	case n == 0 && len(e.nodes) > 0:
		l.errorf(c, codeJetStream, "no node has JetStream enabled").try("remove jetstream { enabled = false } from three nodes")
		return
	case n == 2:
		l.warnf(c, codeVoters, "with 2 voters (%s) JetStream stops when either of them is lost", nodeNames(e.voters)).
			try("add a third node")
	case n > 2 && n%2 == 0:
		l.warnf(c, codeVoters, "%d voters survive the loss of %s, no more than %d would", n, plural((n-1)/2, "node"), n-1).
			try("add a node or leave one out")
	}
	for _, n := range e.nodes {
		if !n.JetStream.Enabled && !n.Arbiter && (len(e.voters) < 3 || len(e.voters)%2 == 0) {
			l.warnf(&n.JetStream.Enabled, codeNoVote, "node %q has no JetStream, so it is no tie-breaker: it does not vote", n.Name).
				try("enable JetStream on it, or set arbiter = true for a vote without data")
		}
	}
}

// zoneWords are what tags that name a place begin with, where unique_tag does not say.
var zoneWords = []string{"az:", "zone:", "region:", "dc:", "site:", "rack:"}

// zones are the voters of each place, in the order of the file. They are nil unless every voter names a place.
func zones(voters []*schema.Node, prefix string) (names []string, of map[string][]*schema.Node) {
	of = map[string][]*schema.Node{}
	for _, n := range voters {
		zone := firstTag(n, prefix)
		if zone == "" {
			return nil, nil
		}
		if of[zone] == nil {
			names = append(names, zone)
		}
		of[zone] = append(of[zone], n)
	}
	return names, of
}

// firstTag is the tag of a node that unique_tag goes by: the first that begins with the prefix (nats-server v2.15.2,
// selectPeerGroup). NATS lowers the case of both.
func firstTag(n *schema.Node, prefix string) string {
	for _, t := range n.Tags {
		if t = strings.ToLower(strings.TrimSpace(t)); strings.HasPrefix(t, strings.ToLower(prefix)) {
			return t
		}
	}
	return ""
}

// checkZones warns where a cluster is stretched over places that do not help it.
func (l *loader) checkZones(e *estate) {
	prefix := uniqueTag(e.data)
	if prefix != "" {
		for _, n := range e.data {
			if firstTag(n, prefix) == "" && l.sound(&n.Tags) {
				l.warnf(&n.Name, codeZones, "node %q has no tag that begins with %q, so it never gets a replica", n.Name, prefix).
					also(l, &n.JetStream.UniqueTag, "the unique_tag").try("tags = [%q]", prefix+"1")
			}
		}
	}
	if len(e.Clusters) > 1 {
		return // the zones of one cluster say nothing about those of another
	}
	for _, p := range append([]string{prefix}, zoneWords...) {
		if p == "" {
			continue
		}
		names, of := zones(e.voters, p)
		if len(names) < 2 {
			continue
		}
		l.checkMajority(e, names, of)
		if prefix == "" && len(names) >= 3 && len(names) < len(e.data) {
			l.warnf(e.Clusters[0], codeZones, "the nodes are in %d zones, but two replicas of a bucket may end in the same one", len(names)).
				try("unique_tag = %q in jetstream", p)
		}
		return
	}
}

// checkMajority warns of a zone that takes the majority with it.
func (l *loader) checkMajority(e *estate, names []string, of map[string][]*schema.Node) {
	for _, name := range names {
		in, all := of[name], len(e.voters)
		if all-len(in) < all/2+1 {
			l.warnf(in[0], codeZones, "JetStream stops when zone %q is lost: it has %d of %d voters (%s)", name, len(in), all, nodeNames(in)).
				try("spread the voters over three zones, or add an arbiter in a third")
		}
	}
}
