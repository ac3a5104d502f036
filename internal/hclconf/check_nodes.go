package hclconf

import (
	"fmt"
	"net"
	"net/netip"
	"path"
	"path/filepath"
	"strings"

	"unibus/config/schema"
)

// checkNodes looks at each node for itself.
func (l *loader) checkNodes(c *schema.Cluster) {
	if len(c.Nodes) == 0 {
		l.errorf(c, codeMissing, "cluster %q has no node", clip(c.Name)).try("node \"NAME\" { address = \"…\" }")
	}
	remote := false
	for _, n := range c.Nodes {
		remote = remote || n.Address != "" && !isLoopback(n.Address)
	}
	for _, n := range c.Nodes {
		l.checkName(&n.Name, "node", n.Name, serverName)
		l.checkAddress(n, remote)
		l.checkListen(n)
	}
}

// checkListen makes sure that what is bound is an address of a host, and one that peers reach.
func (l *loader) checkListen(n *schema.Node) {
	switch {
	case n.Listen == "":
	case !isIP(n.Listen):
		l.errorf(&n.Listen, codeAddress, "listen = %q is not an IP address", clip(n.Listen)).try("leave listen out to bind all interfaces")
	case isLoopback(n.Listen) && n.Address != "" && !isLoopback(n.Address):
		l.warnf(&n.Listen, codeUnreachable, "node %q listens on %s only, but peers and clients dial %s", n.Name, n.Listen, clip(n.Address)).
			also(l, &n.Address, "what is dialled").try("leave listen out to bind all interfaces")
	}
	if !isIP(n.Monitor.Listen) {
		l.errorf(&n.Monitor.Listen, codeAddress, "listen = %q is not an IP address", clip(n.Monitor.Listen)).try("listen = \"127.0.0.1\"")
		return
	}
	l.checkMonitor(n)
}

// checkMonitor makes sure that what is open to others is encrypted and asks who they are.
func (l *loader) checkMonitor(n *schema.Node) {
	if !n.Monitor.Enabled || isLoopback(n.Monitor.Listen) {
		return
	}
	var missing []string
	if n.TLS == nil {
		missing = append(missing, "tls")
	}
	if !n.Monitor.Token.IsSet() {
		missing = append(missing, "token")
	}
	if len(missing) > 0 {
		l.errorf(&n.Monitor.Listen, codeMonitor, "node %q shows its status on %s to everybody: it has no %s", n.Name, n.Monitor.Listen, strings.Join(missing, " and no ")).
			try("listen = \"127.0.0.1\", or a tls block and token = secret.monitor")
	}
}

// checkTags makes sure that NATS reads tags as they are written.
func (l *loader) checkTags(c *schema.Cluster) {
	for _, n := range c.Nodes {
		seen, first := map[string]int{}, -1
		for i, tag := range n.Tags {
			folded := strings.ToLower(tag)
			old, again := seen[folded]
			seen[folded] = i
			switch {
			case strings.EqualFold(tag, "!jetstream"):
				l.errorf(&n.Tags[i], codeTag, "the tag %q keeps assets away from the node", tag).try("arbiter = true")
			case tag == "" || strings.ContainsAny(tag, " \t\n,\"") || strings.HasPrefix(tag, "!"):
				l.errorf(&n.Tags[i], codeTag, "%q is not a tag", clip(tag)).try("a tag is a word such as \"az:1\"")
			case again:
				l.errorf(&n.Tags[i], codeTag, "node %q has the tag %q twice", n.Name, clip(tag)).also(l, &n.Tags[old], "first written here")
			}
			if p := strings.ToLower(n.JetStream.UniqueTag); p != "" && strings.HasPrefix(folded, p) {
				if first >= 0 {
					l.warnf(&n.Tags[i], codeTag, "node %q has two tags that begin with %q, of which only the first counts", n.Name, p).
						also(l, &n.Tags[first], "the one that counts")
				} else {
					first = i
				}
			}
		}
	}
}

// checkAddress makes sure that peers and clients can dial an address.
func (l *loader) checkAddress(n *schema.Node, remote bool) {
	if !l.written(&n.Address) || !l.sound(&n.Address) {
		return // reported already
	}
	a := n.Address
	if ip, err := netip.ParseAddr(a); err == nil {
		l.checkIP(n, ip, remote)
		return
	}
	host, _, splitErr := net.SplitHostPort(a)
	switch {
	case strings.Contains(a, "://"):
		l.errorf(&n.Address, codeAddress, "%q is a URL, not an address", clip(a)).try("%s; the ports are client_port and cluster_port", addressLike(a, "the address alone"))
	case splitErr == nil:
		l.errorf(&n.Address, codeAddress, "%q has a port", clip(a)).try("address = %q; the ports are client_port and cluster_port", clip(host))
	case strings.Contains(a, "/"):
		l.errorf(&n.Address, codeAddress, "%q is a network, not an address", clip(a)).try("address = %q", clip(strings.SplitN(a, "/", 2)[0]))
	case !isDNSName(a) || looksLikeIP(a):
		l.errorf(&n.Address, codeAddress, "%q is neither an IP address nor a DNS name", clip(a)).
			try("%s", addressLike(a, "such as \"203.0.113.10\" or \"n1.example.net\""))
	case remote && strings.EqualFold(a, "localhost"):
		l.errorf(&n.Address, codeAddress, "node %q has the address localhost, which is another host for each peer", n.Name).try("the address that the other nodes dial")
	}
}

// addressLike is what somebody meant who wrote more than an address, or otherwise the given words.
func addressLike(a, otherwise string) string {
	if _, rest, ok := strings.Cut(a, "://"); ok {
		a = rest
	}
	a = strings.TrimSpace(a[strings.LastIndexByte(a, '@')+1:])
	if host, _, err := net.SplitHostPort(a); err == nil {
		a = host
	}
	a = strings.TrimSuffix(strings.TrimPrefix(a, "["), "]")
	if _, err := netip.ParseAddr(a); err != nil && (!isDNSName(a) || looksLikeIP(a)) {
		return otherwise
	}
	return fmt.Sprintf("address = %q", clip(a))
}

func (l *loader) checkIP(n *schema.Node, ip netip.Addr, remote bool) {
	switch {
	case ip.IsUnspecified() || ip.IsMulticast() || n.Address == "255.255.255.255":
		l.errorf(&n.Address, codeAddress, "nobody can dial %s", n.Address).try("the address that the other nodes dial; what to bind is `listen`")
	case ip.Zone() != "":
		l.errorf(&n.Address, codeAddress, "%s has a zone, which means something else on every host", clip(n.Address)).try("a global or unique local address")
	case ip.Is6() && ip.IsLinkLocalUnicast():
		l.errorf(&n.Address, codeAddress, "%s is link-local, so nobody can dial it without a zone", n.Address).try("a global or unique local address")
	case remote && ip.IsLoopback():
		l.errorf(&n.Address, codeAddress, "node %q has the loopback address %s, which is another host for each peer", n.Name, n.Address).try("the address that the other nodes dial")
	}
}

// looksLikeIP tells a mistyped IP address, such as 10.0.0.300, from a name.
func looksLikeIP(s string) bool { return strings.Trim(s, "0123456789.") == "" }

func isIP(s string) bool { _, err := netip.ParseAddr(s); return err == nil }

func isLoopback(address string) bool {
	ip, err := netip.ParseAddr(address)
	return err == nil && ip.IsLoopback() || strings.EqualFold(address, "localhost")
}

// checkHostnames makes sure that every node has its own name and that every host name leads to one node.
func (l *loader) checkHostnames(e *estate) {
	labels, hosts := map[string]*schema.Node{}, map[string]*schema.Node{}
	for _, n := range e.nodes {
		key := strings.ToLower(n.Name)
		if first := labels[key]; first != nil {
			l.duplicate(&n.Name, &first.Name, "two nodes are called %q", clip(n.Name))
			continue
		}
		labels[key] = n
	}
	for _, n := range e.nodes {
		if !l.written(&n.Hostname) || !l.sound(&n.Hostname) {
			continue
		}
		if !isDNSName(n.Hostname) {
			l.errorf(&n.Hostname, codeHostname, "%q is no name that a host can have", clip(n.Hostname)).
				try("what `hostname` prints there; leave it out where the host is called as the node")
			continue
		}
		key := strings.ToLower(n.Hostname)
		if first := hosts[key]; first != nil {
			l.errorf(&n.Hostname, codeHostname, "host %q is both node %q and node %q", n.Hostname, first.Name, n.Name).
				also(l, &first.Hostname, "first written here")
			continue
		}
		hosts[key] = n
		if other := labels[key]; other != nil && other != n && other.Hostname == "" {
			l.errorf(&n.Hostname, codeHostname, "host %q is node %q, and another node has that name", n.Hostname, n.Name).
				also(l, &other.Name, "the node of that name").try("give node %q its own hostname", other.Name)
		}
	}
}

// listener is one port of one node.
type listener struct {
	node *schema.Node
	what string
	at   *int
	host string // the address it is bound to, "" for all
	port int
}

// socket is a port of a host.
type socket struct {
	address string
	port    int
}

// checkListeners finds ports that two listeners of one host would want.
func (l *loader) checkListeners(e *estate) {
	taken := map[socket][]listener{}
	for _, n := range e.nodes {
		if n.Address == "" {
			continue
		}
		all := []listener{{n, "client_port", &n.ClientPort, n.Listen, n.ClientPort}}
		if !e.Standalone() {
			all = append(all, listener{n, "cluster_port", &n.ClusterPort, n.Listen, n.ClusterPort})
		}
		if e.Supercluster() {
			all = append(all, listener{n, "gateway_port", &n.GatewayPort, n.Listen, n.GatewayPort})
		}
		if n.Monitor.Enabled {
			all = append(all, listener{n, "monitor port", &n.Monitor.Port, n.Monitor.Listen, n.Monitor.Port})
		}
		for _, a := range all {
			s := socket{canonicalAddress(n.Address), a.port}
			for _, b := range taken[s] {
				if overlap(a.host, b.host) {
					l.clash(a, b)
					break
				}
			}
			if len(taken[s]) < 8 { // enough to find every clash within a node, and one with another
				taken[s] = append(taken[s], a)
			}
		}
	}
}

// canonicalAddress is the same for all ways to write an address.
func canonicalAddress(a string) string {
	if ip, err := netip.ParseAddr(a); err == nil {
		return ip.Unmap().String()
	}
	return strings.TrimSuffix(strings.ToLower(a), ".")
}

// clash reports two listeners on one port. Nodes that differ in nothing but the name were most likely copied.
func (l *loader) clash(a, b listener) {
	if a.node != b.node {
		switch {
		case a.what == b.what && a.what != "client_port" && a.node.ClientPort == b.node.ClientPort:
			return // one mistake, which is reported for client_port
		case (a.what == "monitor port" || b.what == "monitor port") && !isLoopback(a.node.Address):
			return // nobody dials it, and one address can stand for several hosts
		}
		what := b.what
		if a.what != what {
			what += " and " + a.what
		}
		l.errorf(&a.node.Address, codePort, "nodes %q and %q have the same address %s and both want port %d (%s)",
			b.node.Name, a.node.Name, clip(a.node.Address), a.port, what).
			also(l, &b.node.Address, "first written here").try("give each node its own address, or its own ports")
		return
	}
	at, other := a, b
	if !l.written(at.at) {
		at, other = b, a
	}
	if !l.written(at.at) {
		return // two defaults do not clash
	}
	d := l.errorf(at.at, codePort, "node %q has port %d as %s and as %s", a.node.Name, a.port, b.what, a.what)
	if l.written(other.at) {
		d.also(l, other.at, "the %s", other.what)
	}
	d.try("give each its own port")
}

// overlap tells whether two bound addresses can share a host only if the ports differ.
func overlap(a, b string) bool {
	unspecified := func(s string) bool {
		ip, err := netip.ParseAddr(s)
		return s == "" || err == nil && ip.IsUnspecified()
	}
	return a == b || unspecified(a) || unspecified(b)
}

// checkTLS makes sure that nodes can verify each other.
func (l *loader) checkTLS(nodes []*schema.Node) {
	for _, n := range nodes {
		l.checkFiles(n)
	}
	if len(nodes) < 2 {
		return
	}
	first := nodes[0]
	for _, n := range nodes[1:] {
		if (n.TLS == nil) != (first.TLS == nil) {
			with, without := n, first
			if n.TLS == nil {
				with, without = first, n
			}
			l.errorf(&without.Name, codeTLS, "node %q has no tls, but node %q has", without.Name, with.Name).
				also(l, with.TLS, "the tls of node %q", with.Name).try("write tls in the cluster block, with ${node.name} in the file names")
			return
		}
		if n.TLS != nil && n.Address != "" && first.Address != "" && isIP(n.Address) != isIP(first.Address) {
			l.errorf(&n.Address, codeTLS, "node %q is dialled by %s and node %q by %s", n.Name, how(n.Address), first.Name, how(first.Address)).
				also(l, &first.Address, "the other kind").try("give all nodes IP addresses, or all DNS names")
			return
		}
	}
	for _, n := range nodes {
		if n.TLS == nil && !n.Insecure && l.sound(&n.Insecure) && n.Address != "" && !isLoopback(n.Address) {
			l.errorf(&n.Address, codeClearText, "routes to node %q would cross the network in clear text", n.Name).
				try("add tls { ca_file, cert_file, key_file } to the cluster, or insecure = true where the network itself is trusted")
			return
		}
	}
}

// checkFiles makes sure that a node's certificate files are told apart on every host.
func (l *loader) checkFiles(n *schema.Node) {
	t := n.TLS
	if t == nil {
		return
	}
	l.checkPath(&t.CAFile, "ca_file", t.CAFile)
	l.checkPath(&t.CertFile, "cert_file", t.CertFile)
	l.checkPath(&t.KeyFile, "key_file", t.KeyFile)
	switch {
	case t.CAFile == "":
	case t.CertFile == t.CAFile:
		l.errorf(&t.CertFile, codeTLS, "the certificate of node %q and the authority that signs it are the same file", n.Name).
			also(l, &t.CAFile, "the ca_file").try("cert_file is the node's own certificate")
	case t.KeyFile == t.CAFile:
		l.errorf(&t.KeyFile, codeTLS, "the key of node %q and the authority that signs its certificate are the same file", n.Name).
			also(l, &t.CAFile, "the ca_file").try("key_file is the key of the node's own certificate")
	}
}

func how(address string) string {
	if isIP(address) {
		return "IP address"
	}
	return "DNS name"
}

// checkPath makes sure that a path leads to the same place whatever the working directory is.
func (l *loader) checkPath(at any, what, p string) {
	switch {
	case !l.written(at):
	case p == "":
		l.errorf(at, codePath, "%s is empty", what).try("%s = \"/etc/unibus/…\"", what)
	case !isAbs(p):
		dir := "/etc/unibus"
		if what == "store_dir" {
			dir = "/var/lib/unibus"
		}
		l.errorf(at, codePath, "%s = %q is not an absolute path", what, clip(p)).try("%s = %q", what, clip(path.Join(dir, filepath.ToSlash(p))))
	}
}

// checkRoutes makes sure that route credentials can be compared.
func (l *loader) checkRoutes(c *schema.Cluster) {
	r := c.Routes
	if r == nil {
		return
	}
	if l.written(&r.User) && !userName.fits(r.User) {
		l.errorf(&r.User, codeCredential, "the user of routes is no name that NATS takes").try("user = \"route\"")
	}
	for _, p := range []*schema.Secret{&r.Password, &r.PreviousPassword} {
		if p.IsKnown() && isBcrypt(p.Reveal()) {
			l.errorf(p, codeCredential, "the password of routes is a bcrypt hash, which nodes cannot present to each other").try("the password itself, as a secret")
		}
	}
	if r.PoolSize == 0 && l.written(&r.PoolSize) && l.sound(&r.PoolSize) {
		l.errorf(&r.PoolSize, codeRange, "pool_size cannot be 0").try("-1 for one connection per peer, or a number of connections")
	}
}

// checkBootstrap makes sure that there is time for at least one attempt.
func (l *loader) checkBootstrap(t *schema.Topology) {
	b := &t.Bootstrap
	switch {
	case !l.written(&b.AttemptTimeout) || !l.sound(&b.Timeout) || !l.sound(&b.AttemptTimeout):
	case b.AttemptTimeout <= 0:
		l.errorf(&b.AttemptTimeout, codeBootstrap, "attempt_timeout has to be more than nothing").try("attempt_timeout = \"5s\"")
	case b.Timeout < b.AttemptTimeout:
		l.errorf(&b.AttemptTimeout, codeBootstrap, "one attempt of %s takes longer than the timeout of %s", b.AttemptTimeout, b.Timeout).
			also(l, &b.Timeout, "the timeout").try("attempt_timeout = \"5s\"")
	}
}
