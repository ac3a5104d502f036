package hclconf

import (
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"unibus/config/schema"
)

// check runs every rule that needs more than one value. A rule is one function in a check_*.go file; the order of the
// calls does not matter, because diagnostics are sorted by place.
func (l *loader) check(t *schema.Topology) {
	l.fillReplicas(t)
	e := survey(t)
	for _, c := range t.Clusters {
		l.checkName(&c.Name, "cluster", c.Name, serverName)
		l.checkNodes(c)
		l.checkTags(c)
		l.checkRoutes(c)
		if !t.Supercluster() {
			l.checkTLS(c.Nodes)
		}
	}
	if t.Supercluster() { // gateways, too, verify both ends
		l.checkTLS(t.Nodes())
	}
	l.checkSupercluster(t)
	l.checkArbiters(e)
	l.checkHostnames(e)
	l.checkListeners(e)
	l.checkBootstrap(t)
	l.checkVoters(e)
	l.checkZones(e)
	l.checkJetStream(e)
	l.checkEncryption(e)
	l.checkAccounts(e)
	l.checkUsers(t)
	l.checkExports(e)
	l.checkOwned(e)
	l.checkSecrets(t)
	l.checkSharedSecrets(t)
	l.checkRecipients(t)
	l.checkAssets(e)
	l.checkSpace(e)
	if e.Standalone() {
		l.checkReserved(e)
	}
}

// estate is a topology with what many rules ask about it.
type estate struct {
	*schema.Topology
	nodes, voters, data []*schema.Node
	within              map[string][]*schema.Node // the data nodes of each cluster
	tagged              map[string][]*schema.Node // the data nodes by tag
	assets              map[*schema.Account][]asset
	placed              map[string]*candidates // by placement
	searched            int                    // nodes that were looked at for placements
}

func survey(t *schema.Topology) *estate {
	e := &estate{
		Topology: t, nodes: t.Nodes(), voters: t.Voters(), data: t.DataNodes(),
		within: map[string][]*schema.Node{}, tagged: map[string][]*schema.Node{},
		assets: map[*schema.Account][]asset{}, placed: map[string]*candidates{},
	}
	for _, c := range t.Clusters {
		for _, n := range c.Nodes {
			if n.JetStream.Enabled && !n.Arbiter {
				e.within[c.Name] = append(e.within[c.Name], n)
			}
		}
	}
	for _, n := range e.data {
		for _, tag := range n.Tags {
			tag = foldTag(tag)
			if all := e.tagged[tag]; len(all) == 0 || all[len(all)-1] != n {
				e.tagged[tag] = append(all, n)
			}
		}
	}
	for _, a := range t.Accounts {
		e.assets[a] = assetsOf(a)
	}
	return e
}

// duplicate reports the second of two things that must differ.
func (l *loader) duplicate(at, first any, format string, args ...any) *Diagnostic {
	if l.fields[first].rng.Start.Byte > l.fields[at].rng.Start.Byte {
		at, first = first, at
	}
	return l.errorf(at, codeDuplicate, format, args...).also(l, first, "first written here")
}

// written tells whether the file writes a value, rather than leaving its default.
func (l *loader) written(field any) bool { _, ok := l.fields[field]; return ok }

// sound tells whether the value was read without an error.
func (l *loader) sound(field any) bool { return !l.broken[field] }

func isAbs(p string) bool { return path.IsAbs(p) || filepath.IsAbs(p) }

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}

func nodeNames(nodes []*schema.Node) string {
	const most = 12
	var all []string
	for _, n := range nodes[:min(len(nodes), most)] {
		all = append(all, clip(n.Name))
	}
	if len(nodes) > most {
		all = append(all, "…")
	}
	return strings.Join(all, ", ")
}
