package server

import (
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
)

// The levels of nats-server's lines.
const (
	traceLine = iota
	debugLine
	noticeLine
	warnLine
	errorLine
)

// A rule puts one kind of line into an operator's words. The patterns are those of nats-server v2.15.2.
type rule struct {
	pattern func() *regexp.Regexp
	level   hclog.Level
	msg     string
	keys    []string // of the groups of the pattern; the one named "reason" goes through reason
}

// serverRules are for lines about the server as a whole.
var serverRules = []rule{
	{re(`^JetStream cluster new metadata leader: ([^/]+)`), hclog.Info, "meta leader", []string{"leader"}},
	{re(`^Self is new JetStream cluster metadata leader`), hclog.Info, "this node is meta leader", nil},
	{re(`^JetStream cluster no metadata leader`), hclog.Warn, "the meta group has no leader", nil},
	// Whoever waits for the cluster to form says so.
	{re(`^Waiting for routing to be established`), hclog.Debug, "", nil},
	{re(`^JetStream has not established contact with a meta leader`), hclog.Debug, "", nil},
	// The first attempt is that of a cluster that is just starting.
	{re(`^Error trying to connect to route \(attempt 1\)`), hclog.Debug, "", nil},
	{re(`^Error trying to connect to route \(attempt [0-9]+\): dial tcp (\S+): (.*)$`), hclog.Warn, "a peer does not answer", []string{"peer", "reason"}},
	{re(`^Error trying to connect to route \(attempt [0-9]+\): (.*)$`), hclog.Warn, "a peer does not answer", []string{"reason"}},
	// Whoever asks how a node is says so.
	{re(`^RAFT \[\S+ - _meta_\] Falling behind in health check`), hclog.Debug, "", nil},
	{re(`^Metalayer (blocking|async) snapshot`), hclog.Debug, "", nil},
	// Somebody has listed streams or consumers while one of them had no leader, as right after a start.
	{re(`^Did not receive all (stream|consumer) info results`), hclog.Debug, "", nil},
	// Passwords are declared on purpose, and the file was checked.
	{re(`^Plaintext passwords detected`), hclog.Debug, "", nil},
}

// What is said about routes that do not come about or do not stay.
const (
	refusedRoute = "refused a route"
	refusedHere  = "a peer refused this node"
	noRoute      = "cannot make a route"
	lostRoute    = "lost a route"
	sameName     = "another server has the name of this node"
)

// aboutRoute tells whether an entry is about such a route, as other hosts may be at fault for it.
func aboutRoute(e entry) bool {
	return e.level >= hclog.Warn && slices.Contains([]string{refusedRoute, refusedHere, noRoute, lostRoute, sameName}, e.msg)
}

// routeRules are for routes, whoever has opened them.
var routeRules = []rule{
	{re(`^Remote server has a duplicate name: "(.*)"$`), hclog.Error, sameName, []string{"name"}},
	{re(`^Error flushing`), hclog.Debug, "", nil},
	{re(`^Route Error (.*)$`), hclog.Warn, refusedHere, []string{"reason"}},
	{re(`^Router connection closed: (Stale Connection|Slow Consumer.*) - Remote: (.*)$`), hclog.Warn, lostRoute, []string{"reason", "peer"}},
	{re(`^(Slow Consumer .*)$`), hclog.Warn, "a route is slow", []string{"reason"}},
}

// acceptedRules are for routes that others have opened.
var acceptedRules = append([]rule{
	{re(`^authentication error`), hclog.Debug, "", nil}, // refusedRoute has said why
	{re(`^TLS route handshake error: (.*)$`), hclog.Warn, refusedRoute, []string{"reason"}},
}, routeRules...)

// dialledRules are for routes that this node has opened.
var dialledRules = append([]rule{
	{re(`^TLS route handshake error: (.*)$`), hclog.Warn, noRoute, []string{"reason"}},
	{re(`^Router connection closed: (Client Closed|Read Error)$`), hclog.Warn, refusedHere, []string{"reason"}},
}, routeRules...)

// clientRules are for clients.
var clientRules = []rule{
	{re(`^authentication error$`), hclog.Warn, "refused a client that gave no credentials", nil},
	{re(`^authentication error - User "` + LinkUser + `"$`), hclog.Info, "a node asks for a link that this server knows nothing of", nil},
	{re(`^authentication error - (.*)$`), hclog.Warn, "refused a client", []string{"user"}},
	{re(`^TLS handshake error: (.*)$`), hclog.Warn, "refused a client", []string{"reason"}},
	{re(`^(Slow Consumer .*)$`), hclog.Warn, "a client is slow", []string{"reason"}},
	{re(`^"(.*)" - Publish Violation - Subject "([^"]*)"`), hclog.Warn, "a client may not publish to that", []string{"user", "subject"}},
	{re(`^"(.*)" - Subscription Violation - Subject "([^"]*)"`), hclog.Warn, "a client may not subscribe to that", []string{"user", "subject"}},
	{re(`^(.*)$`), hclog.Warn, "a client made a mistake", []string{"reason"}},
}

// reasons are what the other side of a connection did, by a part of nats-server's or Go's words for it.
var reasons = []struct{ part, text string }{
	{"'Authorization Violation'", "it does not accept the route password, or this node's certificate is for no node of its file"},
	{"Client Closed", "it hung up; it may not accept this node's certificate, or one side expects TLS and the other does not"},
	{"Read Error", "it hung up; it may not accept this node's certificate, or one side expects TLS and the other does not"},
	{"client didn't provide a certificate", "it showed no certificate"},
	{"first record does not look like a TLS handshake", "it does not speak TLS"},
	{"remote error: tls: expired certificate", "it does not accept this node's certificate, which has expired"},
	{"remote error: tls: bad certificate", "it does not accept this node's certificate"},
	{"remote error: tls: unknown certificate", "it does not accept this node's certificate"},
	{"remote error: tls: certificate required", "it does not accept this node's certificate"},
	{"signed by unknown authority", "its certificate is not signed by ca_file"},
	{"certificate has expired or is not yet valid", "its certificate has expired or is not valid yet"},
	{"incompatible key usage", "its certificate is not for both server and client authentication"},
}

var (
	// connection is what nats-server puts before a line about a connection: its address, its kind and number, and for
	// a client what it calls itself.
	connection = re(`^(\S+) - (cid|rid|gid):[0-9]+(?: - "[^"]*")? - (.*)$`)
	// subject is the certificate behind the reason of a failed handshake.
	subject = re(`^(.*) \((.* SHA-256: [0-9a-f]{64})\)$`)
)

// re is a pattern that is compiled when it is first used, because most commands never see a line of nats-server.
func re(s string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(s) })
}

// translate makes an entry of one line of nats-server. What no rule knows is kept in its words; notices are then only
// of interest to who debugs.
func translate(level int, line string, p *peers) entry {
	if level <= debugLine {
		return plain(level, line)
	}
	e, m := plain(level, line), connection().FindStringSubmatch(line)
	switch {
	case m == nil:
		e = first(first(e, line, linkRules, p), line, serverRules, p)
	case m[2] == "gid" && p.names[m[1]] != "":
		e = first(e, m[3], gatewayRules, p, "peer", p.name(m[1]))
	case m[2] == "gid":
		e = first(e, m[3], gatewayRules, p, "from", host(m[1]))
	case m[2] == "cid" && level == noticeLine && !strings.HasPrefix(m[3], "Slow Consumer"):
	case m[2] == "cid":
		e = first(e, m[3], clientRules, p, "from", host(m[1]))
	case p.dialled(m[1]):
		e = first(e, m[3], dialledRules, p, "peer", p.name(m[1]))
	default:
		e = first(e, m[3], acceptedRules, p, "from", host(m[1]))
	}
	if len(e.args) > 1 && e.args[0] == "peer" && e.args[1] == p.self {
		e.level = hclog.Debug // a node that cannot reach its own address has lost nothing
	}
	return e
}

// plain is a line in nats-server's words.
func plain(level int, line string) entry {
	levels := [...]hclog.Level{hclog.Trace, hclog.Debug, hclog.Debug, hclog.Warn, hclog.Error}
	return entry{levels[level], "nats-server", []any{"line", strings.TrimSpace(line)}}
}

// first is what the first rule that fits makes of the text, or otherwise as it was.
func first(otherwise entry, text string, rules []rule, p *peers, args ...any) entry {
	for _, r := range rules {
		m := r.pattern().FindStringSubmatch(text)
		if m == nil {
			continue
		}
		if r.msg == "" {
			otherwise.level = r.level
			return otherwise
		}
		e := entry{r.level, r.msg, args}
		for i, key := range r.keys {
			if slices.Contains(args, any(key)) {
				continue
			}
			e.args = append(e.args, pair(key, m[i+1], p)...)
		}
		return e
	}
	return otherwise
}

// pair is the key and value of a group. A certificate in it becomes a pair of its own.
func pair(key, value string, p *peers) []any {
	if key != "reason" {
		return []any{key, p.name(value)}
	}
	var certificate []any
	if m := subject().FindStringSubmatch(value); m != nil {
		value, certificate = m[1], []any{"certificate", m[2]}
	}
	for _, r := range reasons {
		if strings.Contains(value, r.part) {
			value = r.text
			break
		}
	}
	return append([]any{key, value}, certificate...)
}

// peers knows the nodes by the addresses that are dialled: those of routes in the own cluster, of gateways in others.
type peers struct {
	self  string
	names map[string]string
	ports map[string]bool
}

func newPeers(c Conf) *peers {
	p := &peers{self: c.node.Name, names: map[string]string{}, ports: map[string]bool{}}
	for _, n := range c.cluster.Nodes {
		p.names[hostPort(n.Address, n.ClusterPort)] = n.Name
		p.ports[strconv.Itoa(n.ClusterPort)] = true
	}
	for _, cluster := range c.remotes(view{remote: true}) {
		for _, n := range cluster.Nodes {
			p.names[hostPort(n.Address, n.GatewayPort)] = n.Name
		}
	}
	return p
}

// name is the name of the node at an address, or what was asked for.
func (p *peers) name(addr string) string {
	if name := p.names[addr]; name != "" {
		return name
	}
	return addr
}

// dialled tells whether a connection with that remote address was opened by this node: it is to a cluster port.
func (p *peers) dialled(addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	return err == nil && p.ports[port]
}

// host is an address without its port, which is another one at every attempt.
func host(addr string) string {
	if h, _, err := net.SplitHostPort(addr); err == nil {
		return h
	}
	return addr
}
