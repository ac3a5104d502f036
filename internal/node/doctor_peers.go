package node

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"

	"unibus/config/schema"
	"unibus/internal/api"
	"unibus/internal/server"
)

// remedy is what is said and done about a fault that two nodes have with each other, of which one is to be repaired.
type remedy struct {
	name string // of the check where this host is at fault
	here string // what is wrong here; it is said of several peers
	hint string
}

// remedies are those of the faults where either side may be wrong. Who is tells the majority.
var remedies = map[server.Fault]remedy{
	server.FaultAuthority: {"certificates", "show certificates that ca_file of this host did not sign", "the same ca_file on every host, and certificates of its authorities"},
	server.FaultOwn:       {"certificates", "do not accept the certificate of this node", "the same ca_file on every host, and certificates of its authorities"},
	server.FaultClear:     {"tls", "speak no TLS, and this node does", "the same tls block on every host"},
	server.FaultTLS:       {"tls", "want TLS, and this node speaks none", "the same tls block on every host"},
	server.FaultCluster:   {"cluster", "belong to another cluster", "the same file on every host"},
	server.FaultLogin:     {"route password", "do not accept the route password of this node", "the same route secret on every host; where this node is new, ship the file to the others first"},
}

// hints are what is to be done on a peer about other faults.
var hints = map[server.Fault]string{
	server.FaultName:      "correct the address in the file, or the name service of this host",
	server.FaultClosed:    "systemctl status unibus; it does not run, or on another port",
	server.FaultSilent:    "is the host up, and does a firewall let the port through?",
	server.FaultExpired:   "renew it: unibus pki renew; a running daemon takes the new one up by itself",
	server.FaultUsage:     "issue it for both serverAuth and clientAuth",
	server.FaultSAN:       "issue it with the subject alternative name ",
	server.FaultHandshake: "unibus doctor there",
	server.FaultStrange:   "which program has the port? ss -ltnp",
	server.FaultNode:      "start it as the node that the file has there: --node, UNIBUS_NODE or the hostname is wrong",
}

// myself finds out which server runs on this host, if any, by its own port. A daemon need not answer for that.
func (e *exam) myself(ctx context.Context) {
	switch {
	case e.vitals != nil:
		e.runs, e.serverID = true, e.vitals.ServerID
		return
	case e.topology.Standalone(), e.failed("daemon"):
		return
	}
	ctx, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	s := e.conf.ProbeSelf(ctx)
	e.serverID = s.ID
	switch {
	case s.Fault == server.FaultNode:
		e.runs = true
		e.fail("daemon", hints[server.FaultNode], "a server runs here that calls itself %q, and this host is %q", s.Name, e.Node)
	case s.ID != "" && s.Name == e.Node:
		e.runs = true
		e.skip("daemon", "none answers on %s, although node %s runs: name its socket with --socket, or restart it if that was deleted", e.Socket, e.Node)
	}
}

// peers judges what was seen at the addresses of the others.
func (e *exam) peers(sightings []server.Sighting) {
	first := len(e.checks)
	e.names(sightings)
	answered := 0
	bad := map[server.Fault][]string{}
	for _, s := range sightings {
		if s.Fault != server.FaultClosed && s.Fault != server.FaultSilent && s.Fault != server.FaultName {
			answered++
		}
		bad[s.Fault] = append(bad[s.Fault], s.Node.Name)
	}
	for _, s := range sightings {
		name := "peer " + s.Node.Name
		r, mutual := remedies[s.Fault]
		switch {
		case s.Fault == "" && s.Previous:
			e.warn(name, "ship it the file that this host has", "%s accepts only the previous route password", s.Addr)
			e.blame(s.Node.Name)
		case s.Fault == "":
			e.ok(name, "%s, nats-server %s, accepts this node", s.Addr, s.Version)
		case unreachable(s.Fault):
			e.unreachable(name, s)
		case mutual && e.blind != "":
			e.skip(name, "%s answers; the rest is not known, because %s", s.Addr, e.blind)
		case mutual && len(bad[s.Fault]) == answered && answered > 1:
			e.mine(r, s.Fault, bad[s.Fault])
			e.skip(name, "see %s", r.name)
		case mutual && len(bad[s.Fault]) == answered:
			e.fail(name, r.hint+e.place(s.Fault), "%s: %s; %s or %s is wrong", s.Addr, s.Seen, e.Node, s.Node.Name)
			e.blame(e.Node, s.Node.Name)
		case s.Fault == server.FaultNode && e.explained[s.Name]:
			e.skip(name, "see names")
		case mutual:
			e.fail(name, "on "+s.Node.Name+": "+r.hint+e.place(s.Fault), "%s: %s", s.Addr, s.Seen)
			e.blame(s.Node.Name)
		default:
			e.other(name, s)
		}
	}
	e.troubles(first)
	e.quorum(first)
}

// unreachable tells whether nobody was met.
func unreachable(f server.Fault) bool {
	return f == server.FaultClosed || f == server.FaultSilent || f == server.FaultName
}

// unreachable is a peer that is not there. Before the first start that is as it should be; when too few are there, the
// quorum is what has failed.
func (e *exam) unreachable(name string, s server.Sighting) {
	hint := "on " + s.Node.Name + ": " + hints[s.Fault]
	switch {
	case s.Fault == server.FaultName:
		e.fail(name, hints[s.Fault], "%s: %s", s.Addr, s.Seen)
		return
	case s.Fault == server.FaultClosed && !e.runs:
		e.skip(name, "%s: the host is there, and unibus does not run on it yet", s.Addr)
		return
	case !e.runs || e.leaderless():
		e.warn(name, hint, "%s: %s", s.Addr, s.Seen)
	default:
		e.fail(name, hint, "%s: %s", s.Addr, s.Seen)
	}
	e.blame(s.Node.Name)
}

// mine is a fault that every peer that answers has with this node, so that this host is to be repaired. It is said once.
func (e *exam) mine(r remedy, f server.Fault, peers []string) {
	if e.failed(r.name) {
		return
	}
	e.checks = slices.DeleteFunc(e.checks, func(c api.Check) bool { return c.Name == r.name })
	e.fail(r.name, r.hint+e.place(f), "%s %s", andList(peers), r.here)
}

// other is a fault of a peer alone.
func (e *exam) other(name string, s server.Sighting) {
	hint := hints[s.Fault]
	if s.Fault == server.FaultSAN {
		hint += sanOf(s.Node.Address)
	}
	e.fail(name, "on "+s.Node.Name+": "+hint, "%s: %s", s.Addr, s.Seen)
	e.blame(s.Node.Name)
}

// blame says on whose hosts the last check is to be repaired.
func (e *exam) blame(nodes ...string) { e.checks[len(e.checks)-1].Nodes = nodes }

// place is where the file says what a fault is about, in brackets.
func (e *exam) place(f server.Fault) string {
	c, n := e.Config.Topology.Node(e.Node)
	var at any = c
	switch {
	case f == server.FaultLogin && c.Routes != nil:
		at = &c.Routes.Password
	case (f == server.FaultAuthority || f == server.FaultOwn) && n.TLS != nil:
		at = &n.TLS.CAFile
	}
	r, ok := e.Config.At(at)
	if !ok {
		return ""
	}
	return fmt.Sprintf(" (%s:%d)", e.Config.Name, r.Start.Line)
}

// names finds servers that call themselves the same.
func (e *exam) names(sightings []server.Sighting) {
	e.explained = map[string]bool{}
	for _, s := range sightings {
		if s.ID != "" && s.ID == e.serverID {
			// It has the certificate of its address, and not that of its name.
			e.checks = slices.DeleteFunc(e.checks, func(c api.Check) bool { return c.Name == "certificates" })
			e.fail("names", hints[server.FaultNode], "this host has the address of node %s, and runs as %s", s.Node.Name, e.Node)
			e.explained[s.Name] = true
			return
		}
	}
	where := map[string][]string{} // the servers by what they call themselves
	seen := map[string]bool{}
	note := func(id, name, at string) {
		if id != "" && !seen[id] {
			seen[id] = true
			where[name] = append(where[name], at)
		}
	}
	note(e.serverID, e.Node, "this host")
	for _, s := range append(sightings, e.own) {
		if s.Node != nil {
			note(s.ID, s.Name, s.Addr)
		}
	}
	for _, s := range e.heard() {
		at := "an unknown address"
		if s.Address != nil {
			at = *s.Address
		}
		note(s.ID, s.Name, at)
	}
	for _, n := range e.topology.Nodes() {
		if at := where[n.Name]; len(at) > 1 {
			e.fail("names", "stop the one that is not at "+n.Address+", or start it as the node that it is", "%d servers call themselves %s: %s", len(at), n.Name, andList(at))
			e.blame(n.Name)
			e.explained[n.Name] = true
		}
	}
	if e.own.Fault == server.FaultNode && !e.explained[e.own.Name] && !e.failed("daemon") {
		e.fail("names", hints[server.FaultNode], "the server at the address of this node, %s, calls itself %q", e.own.Addr, e.own.Name)
	}
	if !e.failed("names") && len(where) > 0 {
		e.ok("names", "every server has a name of its own")
	}
}

// heard are the servers that the daemon hears.
func (e *exam) heard() []api.Server {
	if e.vitals == nil {
		return nil
	}
	return e.vitals.Servers
}

// troubles are what the daemon says about routes, as far as nothing that was seen explains it.
func (e *exam) troubles(first int) {
	if e.vitals == nil {
		return
	}
	for _, t := range e.vitals.Troubles {
		name, ok := e.nodeOf(t)
		switch {
		case !ok:
			e.stranger(*t.From, t)
		case name != "" && !e.routed(name):
			e.trouble(first, name, t)
		}
	}
}

// routed tells whether the daemon has a route to a node, so that its troubles are over.
func (e *exam) routed(node string) bool {
	return slices.ContainsFunc(e.vitals.Servers, func(s api.Server) bool { return s.Name == node && s.Address != nil })
}

// trouble fails the check of a peer that seemed to be well.
func (e *exam) trouble(first int, name string, t api.RouteTrouble) {
	for i := range e.checks[first:] {
		if c := &e.checks[first+i]; c.Name == "peer "+name && c.State == api.CheckOK {
			c.State, c.Summary, c.Nodes = api.CheckFail, strings.TrimSuffix(t.Message+": "+t.Reason, ": "), []string{name}
			c.Hint = "on " + name + ": unibus doctor"
		}
	}
}

// stranger is somebody who is turned away and has no address of the file.
func (e *exam) stranger(from string, t api.RouteTrouble) {
	name := "stranger " + from
	if !slices.ContainsFunc(e.checks, func(c api.Check) bool { return c.Name == name }) {
		e.warn(name, "stop unibus there, or add the host to the file and ship it", "it has no address of the file: %s: %s", t.Message, t.Reason)
		e.blame()
	}
}

// nodeOf is the node that a trouble is about: "" where it is this one, or nobody can tell. It is not ok for an address
// that is none of the file.
func (e *exam) nodeOf(t api.RouteTrouble) (name string, ok bool) {
	if t.Peer != nil {
		return *t.Peer, true
	}
	if t.From == nil || net.ParseIP(*t.From).IsLoopback() {
		return "", true
	}
	for _, n := range e.topology.Nodes() {
		if n.Address == *t.From {
			return n.Name, true
		}
	}
	return "", false
}

// leaderless tells whether too few nodes are up for a leader. The last one is remembered for a while: a leader that hears
// nobody steps down after 10 s (nats-server v2.15.2, lostQuorumInterval).
func (e *exam) leaderless() bool {
	return e.status != nil && len(e.up()) < majority(e.topology)
}

func majority(t *schema.Topology) int { return len(t.Voters())/2 + 1 }

// up are the voters that answer the daemon.
func (e *exam) up() []string {
	var names []string
	for _, v := range e.topology.Voters() {
		if slices.ContainsFunc(e.status.Nodes, func(n api.Node) bool { return n.Name == v.Name && n.State != api.StateDown }) {
			names = append(names, v.Name)
		}
	}
	return names
}

// quorum is whether the meta group has a leader. Where it has none and a fault was found, that comes first.
func (e *exam) quorum(first int) {
	const name = "quorum"
	if e.topology.Standalone() || len(e.topology.Voters()) == 0 {
		return
	}
	if e.status == nil {
		e.skip(name, needsDaemon)
		return
	}
	if e.status.Meta.Leader != nil && !e.leaderless() {
		e.ok(name, "%s leads, %d of %d nodes are up", *e.status.Meta.Leader, len(e.up()), len(e.topology.Voters()))
		return
	}
	missing := []string{}
	for _, n := range e.topology.Voters() {
		if !slices.Contains(e.up(), n.Name) {
			missing = append(missing, n.Name)
		}
	}
	found := slices.ContainsFunc(e.checks[first:], func(c api.Check) bool { return c.State == api.CheckFail })
	seen := fmt.Sprintf("the meta group has no leader, with %d of %d nodes up", len(e.up()), len(e.topology.Voters()))
	if e.leaderless() {
		seen = fmt.Sprintf("no majority: %d of %d nodes are up, and %d are needed", len(e.up()), len(e.topology.Voters()), majority(e.topology))
	}
	switch {
	case found || e.failed("certificates") || e.failed("secrets"):
		e.warn(name, "first what has failed above", "%s", seen)
	case len(missing) == 0:
		e.warn(name, "wait: electing one takes up to 20 s", "%s", seen)
	case e.leaderless():
		e.fail(name, "start unibus on "+strings.Join(missing, " or "), "%s", seen)
	default:
		e.fail(name, "start unibus on "+andList(missing)+": the first start needs all", "%s", seen)
	}
	e.blame(missing...)
}
