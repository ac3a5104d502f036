package server

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"

	"github.com/nats-io/jwt/v2"
	natsserver "github.com/nats-io/nats-server/v2/server"

	"unibus/config/schema"
)

// handshakeTimeout is how many seconds a TLS handshake or a login may take. nats-server's own 2 s are short for a host
// that is just starting everything at once.
const handshakeTimeout = 5

// view is how much of a configuration is written out.
type view struct {
	secret func(schema.Secret) string // how a secret is written
	files  bool                       // whether certificates are named
	routes []*schema.Node             // the nodes of the cluster that are dialled
	remote bool                       // whether other clusters are named

	// monitor is whether nats-server itself is to answer HTTP. Inside unibus it does not: the daemon does, with more.
	monitor bool
}

// render is the nats.conf of the node. Never written are no_auth_user, which lets anonymous clients in, and
// verify_and_map and verify_cert_and_check_known_urls, which let routes in without the password (nats-server v2.15.2,
// isRouterAuthorized).
func (c Conf) render(v view) string {
	t, n := &text{}, c.node
	t.comment(fmt.Sprintf("nats.conf of node %q of cluster %q, for nats-server v%s. Written by unibus from its topology file.",
		n.Name, c.cluster.Name, natsserver.VERSION))
	if !c.topology.Standalone() {
		t.comment("Inside unibus, routes may also use the previous password, and need the certificate of a declared node.")
	}
	t.set("server_name", n.Name)
	t.set("listen", hostPort(n.Listen, n.ClientPort))
	t.set("client_advertise", hostPort(n.Address, n.ClientPort))
	if v.monitor && n.Monitor.Enabled {
		scheme := "http"
		if ip := net.ParseIP(monitorListen(n)); n.TLS != nil && v.files && ip != nil && !ip.IsLoopback() {
			scheme = "https"
		}
		t.set(scheme, hostPort(monitorListen(n), n.Monitor.Port))
	}
	if tags := c.serverTags(); len(tags) > 0 {
		t.set("server_tags", tags)
	}
	if len(c.metadata) > 0 {
		t.block("server_metadata", func() {
			for _, key := range slices.Sorted(maps.Keys(c.metadata)) {
				t.set(key, c.metadata[key])
			}
		})
	}
	if c.debug > 0 {
		t.set("debug", true)
	}
	if c.debug > 1 {
		t.set("trace", true)
		t.set("max_traced_msg_len", 256)
	}
	// A peer that is away is dialled every second or two; nats-server tells of the first and of every tenth attempt.
	t.set("connect_error_reports", 10)
	t.set("reconnect_error_reports", 10)
	// Without this block nats-server v2.15.2 lets anonymous clients into $G when no account but $SYS is declared
	// (configureAccounts).
	t.block("authorization", func() { t.set("timeout", handshakeTimeout) })
	if v.files && n.TLS != nil {
		t.block("tls", func() { tlsBlock(t, n.TLS, n.TLS.ClientVerify) })
	}
	if n.JetStream.Enabled {
		t.block("jetstream", func() { c.jetStreamBlock(t, v) })
	}
	t.set("system_account", schema.SystemAccount)
	t.block("accounts", func() {
		for _, a := range c.accounts() {
			t.block(`"`+a.Name+`"`, func() { c.accountBlock(t, v, a) })
		}
	})
	if !c.topology.Standalone() {
		t.block("cluster", func() { c.clusterBlock(t, v) })
	}
	if c.topology.Supercluster() {
		t.block("gateway", func() { c.gatewayBlock(t, v) })
	}
	return t.b.String()
}

func (c Conf) jetStreamBlock(t *text, v view) {
	js := c.node.JetStream
	t.set("store_dir", c.storeDir())
	// Left out, the limits are three quarters of what the host has, and can then never be set by a reload.
	t.set("max_mem", int64(js.MaxMemoryStore))
	t.set("max_file", int64(js.MaxFileStore))
	sync, _ := syncInterval(js.Sync) // checked by NewConf
	t.set("sync_interval", sync)
	if js.UniqueTag != "" {
		t.set("unique_tag", js.UniqueTag)
	}
	if js.Domain != "" {
		t.set("domain", js.Domain)
	}
	if js.Encryption != nil {
		t.set("cipher", js.Encryption.Cipher)
		t.set("key", v.secret(js.Encryption.Key))
	}
}

// syncInterval is schema.JetStream.Sync in nats-server's notation, which has no days.
func syncInterval(s string) (string, error) {
	if s == "always" {
		return s, nil
	}
	d, err := schema.ParseDuration(s)
	return d.Std().String(), err
}

func (c Conf) accountBlock(t *text, v view, a *schema.Account) {
	if c.jetStream(a.Name) {
		accountLimits(t, a.JetStream)
	}
	if len(a.Exports) > 0 {
		t.list("exports", len(a.Exports), func(i int) { exportBlock(t, a.Exports[i]) })
	}
	if len(a.Imports) > 0 {
		t.list("imports", len(a.Imports), func(i int) { importBlock(t, a.Imports[i]) })
	}
	users := a.Users
	if link := c.linkUser(); link != nil && a.Name == schema.SystemAccount {
		users = append(slices.Clip(users), link)
	}
	own := a.Name == schema.SystemAccount || c.jetStream(a.Name)
	n := len(users)
	if own {
		n++
	}
	// nats-server v2.15.2 maps a subject with a JetStream domain to the one without before it looks at permissions
	// (client.parse, selectMappedSubject). It does not look at the reply subject of a direct get (getDirectRequest), so a
	// client that means harm can have a message of its own sent to the API.
	withheld := a.Withheld()
	if len(withheld) > 0 { // for all users without permissions of their own
		t.block("default_permissions", func() { subjects(t, "publish", nil, withheld...) })
	}
	t.list("users", n, func(i int) {
		if i < len(users) {
			userBlock(t, v, users[i], withheld)
			return
		}
		t.set("nkey", c.identity.PublicKey(a.Name))
		t.set("allowed_connection_types", []string{jwt.ConnectionTypeInProcess})
		if len(withheld) > 0 {
			t.block("permissions", func() { subjects(t, "publish", &schema.SubjectPermission{Allow: []string{">"}}) })
		}
	})
}

func accountLimits(t *text, l *schema.AccountJetStream) {
	if l == nil {
		t.set("jetstream", "enabled")
		return
	}
	t.block("jetstream", func() {
		optional(t, "max_mem", l.MaxMemoryStore)
		optional(t, "max_file", l.MaxFileStore)
		optional(t, "max_streams", l.MaxStreams)
		optional(t, "max_consumers", l.MaxConsumers)
		optional(t, "max_ack_pending", l.MaxAckPending)
		optional(t, "mem_max_stream_bytes", l.MemoryMaxStreamBytes)
		optional(t, "disk_max_stream_bytes", l.DiskMaxStreamBytes)
		if l.MaxBytesRequired != nil {
			t.set("max_bytes_required", *l.MaxBytesRequired)
		}
	})
}

func optional[T int | schema.Size](t *text, key string, value *T) {
	if value != nil {
		t.set(key, int64(*value))
	}
}

// userBlock writes a user. Where it has permissions of its own, the withheld subjects are denied in them.
func userBlock(t *text, v view, u *schema.User, withheld []string) {
	if u.NKey != "" {
		t.set("nkey", u.NKey)
	} else {
		t.set("user", u.Name)
		t.set("password", v.secret(u.Password))
	}
	if len(u.ConnectionTypes) > 0 {
		t.set("allowed_connection_types", u.ConnectionTypes)
	}
	if p := u.Permissions; p != nil {
		t.block("permissions", func() {
			subjects(t, "publish", p.Publish, withheld...)
			subjects(t, "subscribe", p.Subscribe)
		})
	}
}

func subjects(t *text, key string, p *schema.SubjectPermission, withheld ...string) {
	if p == nil {
		p = &schema.SubjectPermission{}
	}
	deny := slices.Concat(p.Deny, withheld)
	if len(p.Allow)+len(deny) == 0 {
		return
	}
	t.block(key, func() {
		if len(p.Allow) > 0 {
			t.set("allow", p.Allow)
		}
		switch {
		case len(withheld) > 0: // which are many
			t.lines("deny", deny)
		case len(deny) > 0:
			t.set("deny", deny)
		}
	})
}

func (c Conf) clusterBlock(t *text, v view) {
	n, r := c.node, c.cluster.Routes
	t.set("name", c.cluster.Name)
	t.set("listen", hostPort(n.Listen, n.ClusterPort))
	t.set("advertise", hostPort(n.Address, n.ClusterPort))
	t.set("no_advertise", true) // clients learn no address but the one they dialled
	// A path that silently drops packets is noticed in seconds instead of 60 to 90.
	t.set("ping_interval", "5s")
	t.set("ping_max", 2)
	t.set("write_deadline", "5s")
	if r == nil {
		t.set("pool_size", -1)
	} else {
		t.set("pool_size", r.PoolSize)
		t.set("compression", r.Compression)
		t.block("authorization", func() {
			t.set("user", r.User)
			t.set("password", v.secret(r.Password))
			t.set("timeout", handshakeTimeout)
		})
	}
	if v.files && n.TLS != nil {
		t.block("tls", func() { tlsBlock(t, n.TLS, true) })
	}
	routes := make([]string, len(v.routes))
	for i, peer := range v.routes {
		routes[i] = routeURL(r, v, peer)
	}
	t.lines("routes", routes)
}

// noAssets is the tag that keeps every asset away from a node (nats-server v2.15.2, jetstream_cluster.go, jsExcludePlacement).
const noAssets = "!jetstream"

func (c Conf) serverTags() []string {
	if c.node.Arbiter || c.drained {
		return append(slices.Clone(c.node.Tags), noAssets)
	}
	return c.node.Tags
}

// gatewayBlock links the clusters. Every node names every address of every other cluster before its first boot: the first
// election of the meta group then needs all of them, and two clusters cannot each elect a group of their own.
func (c Conf) gatewayBlock(t *text, v view) {
	n, g := c.node, c.topology.Gateways
	t.set("name", c.cluster.Name)
	t.set("listen", hostPort(n.Listen, n.GatewayPort))
	t.set("advertise", hostPort(n.Address, n.GatewayPort))
	t.set("reject_unknown_cluster", true)
	t.set("connect_backoff", true)
	if g != nil {
		t.block("authorization", func() {
			t.set("user", g.User)
			t.set("password", v.secret(g.Password))
			t.set("timeout", handshakeTimeout)
		})
	}
	if v.files && n.TLS != nil {
		t.block("tls", func() { tlsBlock(t, n.TLS, true) })
	}
	remotes := c.remotes(v)
	t.list("gateways", len(remotes), func(i int) {
		t.set("name", remotes[i].Name)
		var urls []string
		for _, peer := range c.dialled(remotes[i]) {
			urls = append(urls, gatewayURL(g, v, peer))
		}
		t.lines("urls", urls)
	})
}

func (c Conf) remotes(v view) []*schema.Cluster {
	if !v.remote {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(c.topology.Clusters), func(o *schema.Cluster) bool { return o == c.cluster })
}

// routes are the nodes that this one dials. The number of them is how many votes the first election of the meta group
// needs (nats-server v2.15.2, bootstrapRaftNode), so a voter lists the voters, itself included: with one less, nodes
// with empty disks could outvote the one with the data. Nodes without a vote do not count and list everybody.
//
// nats-server drops the connection to itself at once. Behind a NAT that does not let the host reach its own public
// address it goes on dialling silently, once a second.
func (c Conf) routes() []*schema.Node { return c.dialled(c.cluster) }

// dialled are the nodes of a cluster that this node dials. Addresses of other clusters count as votes, too.
func (c Conf) dialled(cluster *schema.Cluster) []*schema.Node {
	nodes := slices.DeleteFunc(slices.Clone(cluster.Nodes), func(n *schema.Node) bool { return slices.Contains(c.without, n.Name) })
	voters := slices.DeleteFunc(slices.Clone(nodes), func(n *schema.Node) bool { return !n.JetStream.Enabled })
	if c.node.JetStream.Enabled && len(voters) > 0 {
		return voters
	}
	return nodes
}

// routeURL is what is dialled to reach a node. The credentials must stand in it: nats-server v2.15.2 sends no others
// (sendRouteConnect).
func routeURL(r *schema.Routes, v view, n *schema.Node) string {
	u := url.URL{Scheme: "nats-route", Host: hostPort(n.Address, n.ClusterPort)}
	if r == nil {
		return u.String()
	}
	return withLogin(u, r.User, v.secret(r.Password))
}

// gatewayURL is what is dialled to reach a node of another cluster.
func gatewayURL(g *schema.Gateways, v view, n *schema.Node) string {
	u := url.URL{Scheme: "nats", Host: hostPort(n.Address, n.GatewayPort)}
	if g == nil {
		return u.String()
	}
	return withLogin(u, g.User, v.secret(g.Password))
}

func withLogin(u url.URL, user, password string) string {
	if password != schema.Redacted {
		u.User = url.UserPassword(user, password)
		return u.String()
	}
	return u.Scheme + "://" + url.User(user).String() + ":" + schema.Redacted + "@" + u.Host
}

func tlsBlock(t *text, tls *schema.TLS, verify bool) {
	t.set("cert_file", tls.CertFile)
	t.set("key_file", tls.KeyFile)
	if verify {
		t.set("ca_file", tls.CAFile)
		t.set("verify", true)
	}
	t.set("min_version", tls.MinVersion)
	t.set("timeout", handshakeTimeout)
}

// hostPort joins an address and a port; an empty host stands for all interfaces.
func hostPort(host string, port int) string {
	if host == "" {
		host = "0.0.0.0"
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// monitorListen never is all interfaces by accident: the monitoring endpoints ask for no password.
func monitorListen(n *schema.Node) string {
	if n.Monitor.Listen == "" {
		return "127.0.0.1"
	}
	return n.Monitor.Listen
}
