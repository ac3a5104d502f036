package server

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/conf"

	"unibus/config/schema"
)

// Imported is what nats.conf files say, as far as a topology can say it.
type Imported struct {
	Topology *schema.Topology
	// Secrets are the expressions of the secrets by name, and Refer says which one a value of the topology is; "" leaves a
	// value that may stand in a file as it is.
	Secrets map[string]string
	Refer   map[*schema.Secret]string
	// Notes are what a person has to know or to do, each with its file and line where it has one.
	Notes []string
}

// Import reads nats.conf files, one for each node, with nats-server's own parser: includes and variables are resolved.
// Secrets are never copied: the topology refers to files below secretDir. nodeName stands in paths where a node's name
// did.
func Import(files []string, secretDir, nodeName string) (*Imported, error) {
	topology := &schema.Topology{Shared: schema.Shared{Restarts: "in-turn", Bootstrap: schema.Bootstrap{
		Timeout: schema.Duration(2 * time.Minute), AttemptTimeout: schema.Duration(5 * time.Second),
	}}}
	im := &importer{
		Imported:  &Imported{Topology: topology, Secrets: map[string]string{}, Refer: map[*schema.Secret]string{}},
		secretDir: secretDir, nodeName: nodeName, said: map[string]bool{},
	}
	for _, name := range files {
		root, err := conf.ParseFileWithChecks(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := im.file(name, root); err != nil {
			return nil, err
		}
	}
	im.link()
	return im.Imported, nil
}

// importer reads one file after the other.
type importer struct {
	*Imported
	secretDir string
	nodeName  string
	hosts     []*importedHost
	said      map[string]bool
	super     bool
}

// importedHost is a node with what its address is found by.
type importedHost struct {
	node       *schema.Node
	cluster    string
	at         string // the place of its cluster block
	advertised string
	listen     string
	routes     []*url.URL
	routesAt   []string
	remotes    map[string]string // the clusters it has gateways to, with their places
	gateways   map[string][]*url.URL
}

func (im *importer) note(at, format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if at != "" {
		line = at + ": " + line
	}
	if !im.said[line] {
		im.said[line] = true
		im.Notes = append(im.Notes, line)
	}
}

// file reads one file.
func (im *importer) file(name string, root map[string]any) error {
	s := newConfScope(im, root, "", name+":1")
	h := &importedHost{node: &schema.Node{}, remotes: map[string]string{}, gateways: map[string][]*url.URL{}}
	n := h.node
	n.Name, _ = s.str("server_name")
	if n.Name == "" {
		n.Name = strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
		im.note(s.at, "there is no server_name: the node is called %q after its file", n.Name)
	}
	n.Settings = schema.Settings{ClientPort: 4222, ClusterPort: 6222, GatewayPort: 7222}
	h.listen, n.ClientPort = s.listen(4222)
	if advertise, _ := s.str("client_advertise"); advertise != "" {
		h.advertised, _ = splitListen(advertise)
	}
	im.monitor(s, n)
	n.Tags = s.strs("server_tags")
	n.JetStream = schema.JetStream{StoreDir: schema.DefaultStoreDir, MaxFileStore: 10 << 30, MaxMemoryStore: 1 << 30, Sync: "2m"}
	im.jetStream(s, n)
	im.tls(s, n)
	c := im.cluster(s, h)
	im.gateway(s, h)
	im.accounts(s)
	im.authorization(s)
	s.skip("port", "host", "net", "addr", "debug", "trace", "logtime", "log_file", "logfile", "pid_file", "pidfile", "syslog", "lame_duck_duration",
		"lame_duck_grace_period", "connect_error_reports", "reconnect_error_reports", "server_metadata", "ping_interval", "write_deadline")
	s.rest()
	if slices.ContainsFunc(c.Nodes, func(o *schema.Node) bool { return o.Name == n.Name }) {
		return fmt.Errorf("%s: a second node %q", name, n.Name)
	}
	c.Nodes = append(c.Nodes, n)
	im.hosts = append(im.hosts, h)
	return nil
}

func (im *importer) monitor(s *confScope, n *schema.Node) {
	n.Monitor = schema.Monitor{Listen: "127.0.0.1", Port: 8222}
	for _, key := range []string{"http", "monitor_port", "http_port"} {
		text, at := s.str(key)
		if text == "" {
			continue
		}
		n.Monitor.Enabled = true
		host, port := splitListen(text)
		n.Monitor.Port = cmp.Or(port, 8222)
		if n.Monitor.Listen = host; wildcard(host) {
			n.Monitor.Listen = "127.0.0.1"
			im.note(at, "the monitoring endpoints are open to everybody there, and on loopback only here: elsewhere they need tls or a token, in monitor { … }")
		}
	}
}

func (im *importer) jetStream(s *confScope, n *schema.Node) {
	js := s.sub("jetstream")
	if js == nil {
		text, at := s.str("jetstream")
		n.JetStream.Enabled = text != "" && text != "false" && text != "disabled"
		if n.JetStream.Enabled {
			im.note(at, "JetStream has no store_dir, which would be below /tmp: it is %s now", schema.DefaultStoreDir)
		}
		return
	}
	n.JetStream.Enabled = true
	if on, _ := js.str("enabled", "enable"); on == "false" {
		n.JetStream.Enabled = false
	}
	im.storeDir(js, n)
	im.storeLimits(js, n)
	n.JetStream.Domain, _ = js.str("domain", "js_domain")
	n.JetStream.UniqueTag, _ = js.str("unique_tag")
	im.sync(js, n)
	if key, at := js.str("key", "ek", "encryption_key"); key != "" {
		cipher, _ := js.str("cipher")
		n.JetStream.Encryption = &schema.Encryption{Cipher: cmp.Or(strings.ToLower(cipher), "chachapoly"), Key: schema.NewSecret(key)}
		im.secret(&n.JetStream.Encryption.Key, "store", at)
	}
	js.rest()
}

// storeDir reads where a node stores, to which the name of the node is always added.
func (im *importer) storeDir(js *confScope, n *schema.Node) {
	dir, at := js.str("store_dir", "storedir")
	switch {
	case dir == "":
	case filepath.Base(dir) == n.Name:
		n.JetStream.StoreDir = filepath.Dir(dir)
	default:
		im.note(at, "a node stores in store_dir/NAME: move %s/jetstream to %s/jetstream to keep the data", dir, filepath.Join(dir, n.Name))
		n.JetStream.StoreDir = dir
	}
}

func (im *importer) storeLimits(js *confScope, n *schema.Node) {
	for _, l := range []struct {
		at   *schema.Size
		keys []string
	}{
		{&n.JetStream.MaxFileStore, []string{"max_file_store", "max_file"}},
		{&n.JetStream.MaxMemoryStore, []string{"max_memory_store", "max_mem_store", "max_mem"}},
	} {
		if size, at := js.size(l.keys...); size > 0 {
			*l.at = size
		} else {
			im.note(cmp.Or(at, js.at), "without %s nats-server takes three quarters of what the host has; here it is %s", l.keys[0], l.at)
		}
	}
}

func (im *importer) sync(js *confScope, n *schema.Node) {
	sync, _ := js.str("sync", "sync_interval")
	if sync == "" {
		im.note("", "nats-server writes to disk every 2 minutes: sync = \"always\" loses nothing when all hosts lose power at once")
		return
	}
	n.JetStream.Sync = sync
	if d, err := time.ParseDuration(sync); err == nil {
		n.JetStream.Sync = schema.Duration(d).String()
	}
}

// tls reads the certificate of a node. A node has one for all its listeners.
func (im *importer) tls(s *confScope, n *schema.Node) {
	client := im.tlsBlock(s.sub("tls"), n)
	var between *schema.TLS
	for _, block := range []string{"cluster", "gateway"} {
		if sub := s.peek(block); sub != nil {
			t := im.tlsBlock(sub.sub("tls"), n)
			if between != nil && t != nil && (between.CertFile != t.CertFile || between.CAFile != t.CAFile) {
				im.note(sub.at, "a node has one certificate: that of the gateways is %s now", between.CertFile)
			}
			if between == nil {
				between = t
			}
		}
	}
	n.TLS = between
	switch {
	case between == nil && client == nil:
	case between == nil:
		n.TLS = client
		im.note(s.at, "routes have no TLS there and have it here")
	case client == nil:
		im.note(s.at, "clients have no TLS there and have it here")
	case client.CertFile != between.CertFile:
		im.note(s.at, "a node has one certificate: that for clients is %s now", between.CertFile)
		fallthrough
	default:
		n.TLS.ClientVerify = client.ClientVerify
	}
	if n.TLS != nil && n.TLS.CAFile == "" {
		im.note(s.at, "tls has no ca_file, without which nodes cannot verify each other: write it")
		n.TLS.CAFile = "/etc/unibus/tls/ca.pem"
	}
	n.Insecure = n.TLS == nil
}

func (im *importer) tlsBlock(s *confScope, n *schema.Node) *schema.TLS {
	if s == nil {
		return nil
	}
	path := func(keys ...string) string {
		p, _ := s.str(keys...)
		return strings.ReplaceAll(p, n.Name, im.nodeName)
	}
	t := &schema.TLS{CAFile: path("ca_file"), CertFile: path("cert_file"), KeyFile: path("key_file"), MinVersion: "1.3"}
	if v, _ := s.str("min_version"); v == "1.2" {
		t.MinVersion = v
	}
	v, _ := s.str("verify")
	t.ClientVerify = v == "true"
	s.skip("timeout")
	s.rest()
	return t
}

// cluster finds the cluster of a node by its name, or begins one.
func (im *importer) cluster(s *confScope, h *importedHost) *schema.Cluster {
	name, at := "", s.at
	var routes *schema.Routes
	if c := s.sub("cluster"); c != nil {
		at = c.at
		name, _ = c.str("name")
		var host string
		if host, h.node.ClusterPort = c.listen(6222); !wildcard(host) {
			h.advertised = cmp.Or(h.advertised, host)
		}
		if advertise, _ := c.str("advertise", "cluster_advertise"); advertise != "" {
			h.advertised, _ = splitListen(advertise)
		}
		h.routes, h.routesAt = c.urls("routes")
		routes = im.routes(c, h)
		c.skip("host", "port", "net", "no_advertise", "connect_retries", "tls", "ping_interval", "ping_max", "write_deadline")
		c.rest()
	}
	if g := s.peek("gateway"); g != nil {
		gateway, gat := g.str("name")
		if name = cmp.Or(name, gateway); gateway != name {
			im.note(gat, "the gateway is called %q and the cluster %q, which are one name here", gateway, name)
		}
	}
	h.cluster, h.at = cmp.Or(name, "nats"), at
	if name == "" {
		im.note(at, "the cluster has no name: it is called %q", h.cluster)
	}
	for _, c := range im.Topology.Clusters {
		if c.Name == h.cluster {
			return c
		}
	}
	c := &schema.Cluster{Name: h.cluster, Routes: routes}
	if routes != nil {
		im.secret(&routes.Password, "route", at)
	}
	im.Topology.Clusters = append(im.Topology.Clusters, c)
	return c
}

// routes are how nodes log in to each other: as the block says, or as the routes themselves do.
func (im *importer) routes(c *confScope, h *importedHost) *schema.Routes {
	r := &schema.Routes{PoolSize: -1, Compression: "accept"}
	var password string
	if auth := c.sub("authorization"); auth != nil {
		r.User, _ = auth.str("user", "username")
		password, _ = auth.str("password", "pass")
		auth.skip("timeout")
		auth.rest()
	}
	for _, u := range h.routes {
		if p, ok := u.User.Password(); ok && r.User == "" {
			r.User, password = u.User.Username(), p
		}
	}
	if n, _ := c.str("pool_size"); n != "" {
		r.PoolSize, _ = strconv.Atoi(n)
	}
	if mode, _ := c.str("compression"); mode != "" {
		r.Compression = mode
	}
	if r.User == "" {
		return nil
	}
	r.Password = schema.NewSecret(password)
	return r
}

func (im *importer) gateway(s *confScope, h *importedHost) {
	g := s.sub("gateway")
	if g == nil {
		return
	}
	im.super = true
	_, h.node.GatewayPort = g.listen(7222)
	if advertise, _ := g.str("advertise"); advertise != "" && h.advertised == "" {
		h.advertised, _ = splitListen(advertise)
	}
	for _, remote := range g.subs("gateways") {
		name, at := remote.str("name")
		h.remotes[name] = at
		h.gateways[name], _ = remote.urls("urls")
		if one, _ := remote.str("url"); one != "" {
			if u, err := url.Parse(one); err == nil {
				h.gateways[name] = []*url.URL{u}
			}
		}
		remote.skip("tls")
		remote.rest()
	}
	if auth := g.sub("authorization"); auth != nil {
		user, _ := auth.str("user", "username")
		password, at := auth.str("password", "pass")
		auth.skip("timeout")
		auth.rest()
		if im.Topology.Gateways == nil && user != "" {
			im.Topology.Gateways = &schema.Gateways{User: user, Password: schema.NewSecret(password)}
			im.secret(&im.Topology.Gateways.Password, "gateway", at)
		}
	}
	g.skip("name", "host", "port", "net", "reject_unknown", "reject_unknown_cluster", "connect_retries", "connect_backoff", "tls")
	g.rest()
}

// link finds the addresses of the nodes and looks for nodes that are named and were not given.
func (im *importer) link() {
	for _, h := range im.hosts {
		h.node.Address = im.address(h)
		if l := h.listen; !wildcard(l) && l != h.node.Address {
			h.node.Listen = l
		}
	}
	for _, h := range im.hosts {
		for i, u := range h.routes {
			if !slices.ContainsFunc(im.hosts, func(o *importedHost) bool { return o.node.Address == u.Hostname() }) {
				im.note(h.routesAt[i], "a route to %s, which is the address of no given node", u.Host)
			}
		}
		for name, at := range h.remotes {
			if !slices.ContainsFunc(im.Topology.Clusters, func(c *schema.Cluster) bool { return c.Name == name }) {
				im.note(at, "a gateway to cluster %q, of which no node was given", name)
			}
		}
	}
	if im.super || len(im.Topology.Clusters) > 1 {
		im.Topology.Name = "supercluster"
		im.note("", "the whole is called \"supercluster\": NATS has no name for it, and any other will do")
	}
	slices.Sort(im.Notes)
}

// address is where others dial a node: what it advertises, else what it listens on, else the route in any file that can
// only be it.
func (im *importer) address(h *importedHost) string {
	if h.advertised != "" {
		return h.advertised
	}
	if !wildcard(h.listen) {
		return h.listen
	}
	mates := slices.DeleteFunc(slices.Clone(im.hosts), func(o *importedHost) bool { return o.cluster != h.cluster })
	var routes, gateways []*url.URL
	for _, o := range mates {
		routes = append(routes, o.routes...)
	}
	for _, o := range im.hosts {
		gateways = append(gateways, o.gateways[h.cluster]...)
	}
	own := strconv.Itoa(h.node.ClusterPort)
	shared := slices.ContainsFunc(mates, func(o *importedHost) bool { return o != h && o.node.ClusterPort == h.node.ClusterPort })
	for _, address := range []string{
		onlyHost(routes, func(u *url.URL) bool { first, _, _ := strings.Cut(u.Hostname(), "."); return first == h.node.Name }),
		onlyHost(routes, func(u *url.URL) bool { return !shared && cmp.Or(u.Port(), "6222") == own }),
		onlyHost(routes, func(u *url.URL) bool { // which it does not dial itself
			return !slices.ContainsFunc(h.routes, func(mine *url.URL) bool { return mine.Host == u.Host })
		}),
		onlyHost(gateways, func(*url.URL) bool { return len(mates) == 1 }), // what other clusters dial is it
	} {
		if address != "" {
			return address
		}
	}
	im.note(h.at, "nothing tells the address of node %q: write it", h.node.Name)
	return h.node.Name
}

// onlyHost is the host of the URLs that fit, "" where they have several or none.
func onlyHost(urls []*url.URL, fits func(*url.URL) bool) string {
	host := ""
	for _, u := range urls {
		switch {
		case !fits(u):
		case host == "":
			host = u.Hostname()
		case host != u.Hostname():
			return ""
		}
	}
	return host
}

// secret makes a value a reference.
func (im *importer) secret(at *schema.Secret, name, place string) {
	base := plainName(name)
	for i := 2; im.Secrets[base] != ""; i++ {
		base = plainName(name) + "_" + strconv.Itoa(i)
	}
	file := filepath.Join(im.secretDir, base)
	im.Secrets[base] = fmt.Sprintf("file(%q)", file)
	im.Refer[at] = "secret." + base
	im.note(place, "a secret, which is not copied: write it to %s", file)
}

// plainName is a name as the language takes it for a secret.
func plainName(s string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, s), "_")
}

func wildcard(host string) bool { return host == "" || host == "0.0.0.0" || host == "::" }

// splitListen takes "host:port", "port" or ":port" apart.
func splitListen(text string) (host string, port int) {
	if n, err := strconv.Atoi(text); err == nil {
		return "", n
	}
	host, p, err := net.SplitHostPort(text)
	if err != nil {
		return text, 0
	}
	port, _ = strconv.Atoi(p)
	return host, port
}
