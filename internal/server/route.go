package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"unibus/config/schema"
)

// routeAuth decides which connections to the cluster port become routes. nats-server v2.15.2 keeps the one it was
// started with over every reload (reloadOptions) and asks it again about accepted routes then, so what it asks for can
// be replaced: a node that left the file is out at once, and a changed password cuts nobody off.
type routeAuth struct {
	policy atomic.Pointer[routePolicy]
	// refused is told about every connection that is turned away; nil tells nobody.
	refused func(from, reason string)

	mu        sync.Mutex
	accepted  map[natsserver.ClientAuthentication]bool // open connections that have shown a password once
	strangers map[string]string                        // names of nodes that are in no file any more, by their server ID
}

// routePolicy is what a connection must show to become a route.
type routePolicy struct {
	user      string
	passwords []string // any of them; none asks for no password
	tls       bool     // a verified certificate of a declared node is needed as well
	nodes     []*schema.Node
}

func newRouteAuth(c Conf) *routeAuth {
	a := &routeAuth{accepted: map[natsserver.ClientAuthentication]bool{}, strangers: map[string]string{}}
	a.policy.Store(newRoutePolicy(c))
	return a
}

func newRoutePolicy(c Conf) *routePolicy {
	p := &routePolicy{tls: c.node.TLS != nil, nodes: c.cluster.Nodes}
	if r := c.cluster.Routes; r != nil {
		p.user = r.User
		p.passwords = []string{r.Password.Reveal()}
		if !empty(r.PreviousPassword) {
			p.passwords = append(p.passwords, r.PreviousPassword.Reveal())
		}
	}
	return p
}

// Check is called by nats-server for every connection to the cluster port, and again after every reload.
func (a *routeAuth) Check(c natsserver.ClientAuthentication) bool {
	reason := a.refusal(c)
	if reason != "" && a.refused != nil {
		from := ""
		if addr := c.RemoteAddress(); addr != nil { // nil once the connection is closed
			from = host(addr.String())
		}
		a.refused(from, reason)
	}
	return reason == ""
}

// refusal is why a connection may not become or stay a route, or "".
func (a *routeAuth) refusal(c natsserver.ClientAuthentication) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.accepted, func(c natsserver.ClientAuthentication, _ bool) bool { return c.RemoteAddress() == nil }) // closed
	p, opts := a.policy.Load(), c.GetOpts()
	reason := p.refusal(opts, c.GetTLSConnectionState(), a.accepted[c])
	if name := a.strangers[opts.Name]; reason == "" && name != "" && !p.has(name) {
		reason = fmt.Sprintf("it is node %q, which is not in the file", name)
	}
	if reason == "" {
		a.accepted[c] = true
	}
	return reason
}

// stranger remembers a node that is not in the file by the ID that its server has until it restarts, and says whether
// that is news. A route tells its name only when it is one already.
func (a *routeAuth) stranger(id, name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.strangers[id] != "" {
		return false
	}
	a.strangers[id] = name
	return true
}

// refusal is why a connection may not become a route, or "". One that was accepted before is not asked for the password
// again.
func (p *routePolicy) refusal(opts *natsserver.ClientOpts, state *tls.ConnectionState, accepted bool) string {
	if !accepted && len(p.passwords) > 0 && !p.knows(opts.Username, opts.Password) {
		if opts.Username == "" && opts.Password == "" {
			return "it gave no route password"
		}
		return "it gave a wrong route user or password"
	}
	if !p.tls {
		return ""
	}
	if state == nil || len(state.VerifiedChains) == 0 || len(state.PeerCertificates) == 0 {
		return "it showed no verified certificate"
	}
	if cert := state.PeerCertificates[0]; !p.declared(cert) {
		return fmt.Sprintf("its certificate is for %s, and no node of the file has such an address or name", certNames(cert))
	}
	return ""
}

// knows compares in a time that does not tell how much of a password was right.
func (p *routePolicy) knows(user, password string) bool {
	ok := 0
	for _, accepted := range p.passwords {
		ok |= same(password, accepted)
	}
	return ok&same(user, p.user) == 1
}

func same(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}

// has tells whether there is a node of that name.
func (p *routePolicy) has(name string) bool {
	return slices.ContainsFunc(p.nodes, func(n *schema.Node) bool { return n.Name == name })
}

// declared tells whether a certificate is that of a node of the file: valid for its address or its name.
func (p *routePolicy) declared(cert *x509.Certificate) bool {
	for _, n := range p.nodes {
		if covers(cert, n) {
			return true
		}
	}
	return false
}

// covers tells whether a certificate is valid for the address or the name of a node.
func covers(cert *x509.Certificate, n *schema.Node) bool {
	if cert.VerifyHostname(n.Address) == nil {
		return true
	}
	return net.ParseIP(n.Name) == nil && cert.VerifyHostname(n.Name) == nil
}

// certNames are the names that a certificate is valid for.
func certNames(cert *x509.Certificate) string {
	names := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return fmt.Sprintf("no address or name (subject %q)", cert.Subject)
	}
	return strings.Join(names, ", ")
}
