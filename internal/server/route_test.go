package server

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"unibus/config/schema"
)

// TestRoutePolicy asks directly what a connection must show.
func TestRoutePolicy(t *testing.T) {
	ca := newAuthority(t)
	topology := loopback(t, ca, "magnus", "homer")
	r := topology.Clusters[0].Routes
	r.PreviousPassword = schema.NewSecret("old")
	topology.Nodes()[1].Address = "homer.example.org"
	shows := func(verified bool, names ...string) *tls.ConnectionState {
		cert := leaf(t, ca.issue(t, names...))
		state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}}
		if verified {
			state.VerifiedChains = [][]*x509.Certificate{{cert, ca.cert}}
		}
		return state
	}
	tests := map[string]struct {
		user, password string
		state          *tls.ConnectionState
		want           string // a part of the reason
	}{
		"address":             {"route", routePassword, shows(true, "127.0.0.1"), ""},
		"address by name":     {"route", routePassword, shows(true, "homer.example.org"), ""},
		"node name":           {"route", routePassword, shows(true, "magnus"), ""},
		"wildcard":            {"route", routePassword, shows(true, "*.example.org"), ""},
		"previous password":   {"route", "old", shows(true, "magnus"), ""},
		"wrong password":      {"route", "older", shows(true, "magnus"), "wrong route user or password"},
		"wrong user":          {"root", routePassword, shows(true, "magnus"), "wrong route user or password"},
		"no password":         {"", "", shows(true, "magnus"), "no route password"},
		"undeclared":          {"route", routePassword, shows(true, "evil", "127.0.0.9"), "evil, 127.0.0.9"},
		"no names":            {"route", routePassword, shows(true), "no address or name"},
		"unverified":          {"route", routePassword, shows(false, "magnus"), "no verified certificate"},
		"no certificate":      {"route", routePassword, &tls.ConnectionState{}, "no verified certificate"},
		"no TLS":              {"route", routePassword, nil, "no verified certificate"},
		"name only in common": {"route", routePassword, shows(true, "magnus.example.com"), "no node of the file"},
	}
	p := newRoutePolicy(mustConf(t, topology, "magnus"))
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := p.refusal(&natsserver.ClientOpts{Username: tt.user, Password: tt.password}, tt.state, false)
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("refusal %q, want %q", got, tt.want)
			}
		})
	}
	topology.Clusters[0].Routes = nil
	p = newRoutePolicy(mustConf(t, topology, "magnus"))
	if got := p.refusal(&natsserver.ClientOpts{}, shows(true, "magnus"), false); got != "" {
		t.Errorf("without routes block: %s", got)
	}
}

func leaf(t *testing.T, files *schema.TLS) *x509.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(files.CertFile, files.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf
}

// TestImpostors are nodes that know almost everything. None may ever become a route, and both sides must say why.
func TestImpostors(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	topology := loopback(t, ca, "magnus", "homer")
	nodes := []*running{start(t, topology, "magnus"), start(t, topology, "homer")}
	eventually(t, formed(nodes...))
	tests := map[string]struct {
		change   func(*schema.Node, *schema.Routes)
		accepted string // what the attacked node says
		dialled  string // what the impostor says
	}{
		"wrong password": {
			func(_ *schema.Node, r *schema.Routes) { r.Password = schema.NewSecret("guess") },
			"it gave a wrong route user or password", "it does not accept the route password",
		},
		"certificate of another authority": {
			func(n *schema.Node, _ *schema.Routes) {
				n.TLS = other.issue(t, "evil", "127.0.0.1")
				n.TLS.CAFile = ca.file
			},
			"its certificate is not signed by ca_file", "it may not accept this node's certificate",
		},
		"everything of another authority": {
			func(n *schema.Node, _ *schema.Routes) { n.TLS = other.issue(t, "evil", "127.0.0.1") },
			"it does not accept this node's certificate", "its certificate is not signed by ca_file",
		},
		"certificate of an undeclared node": {
			func(n *schema.Node, _ *schema.Routes) { n.TLS = ca.issue(t, "evil", "127.0.0.9") },
			"its certificate is for evil, 127.0.0.9", "this node's certificate is for no node of its file",
		},
		"no TLS": {
			func(n *schema.Node, _ *schema.Routes) { n.TLS = nil },
			"it does not speak TLS", "one side expects TLS",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			evil := loopback(t, ca, "evil")
			c := evil.Clusters[0]
			tt.change(c.Nodes[0], c.Routes)
			c.Nodes = append(c.Nodes, topology.Nodes()...)
			impostor := start(t, evil, "evil")
			eventually(t, func() error {
				for _, n := range nodes {
					if slices.Contains(n.Peers(), "evil") {
						t.Fatal("the impostor is a peer")
					}
				}
				return errors.Join(
					nodes[0].log.has("WARN", "refused a route", "from=127.0.0.1", tt.accepted),
					impostor.log.has("WARN", "peer=magnus", tt.dialled),
					impostor.log.has("WARN", "peer=homer", tt.dialled),
				)
			})
			impostor.StopNow()
			if s := impostor.log.String() + nodes[0].log.String(); strings.Contains(s, "guess") || strings.Contains(s, routePassword) {
				t.Error("a log shows a password")
			}
		})
	}
	t.Run("no certificate", func(t *testing.T) {
		noCertificate(t, nodes[0], topology.Nodes()[0].ClusterPort, ca)
	})
}

// noCertificate has the right password and no certificate, and speaks the protocol itself.
func noCertificate(t *testing.T, n *running, port int, ca *authority) {
	conn, err := net.Dial("tcp", hostPort("127.0.0.1", port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	config := ca.clientTLS()
	config.ServerName = "127.0.0.1"
	secure := tls.Client(conn, config)
	fmt.Fprintf(secure, "CONNECT {\"user\":\"route\",\"pass\":%q,\"name\":\"evil\",\"cluster\":\"unibus\"}\r\nPING\r\n", routePassword)
	if b, err := bufio.NewReader(secure).ReadString('\n'); err == nil {
		t.Errorf("got an answer: %s", b)
	}
	eventually(t, func() error { return n.log.has("refused a route", "from=127.0.0.1", "it showed no certificate") })
}

// TestInfoTellsDeclaredAddresses reads what a client is told before it logs in.
func TestInfoTellsDeclaredAddresses(t *testing.T) {
	topology := loopback(t, nil, "magnus", "homer")
	nodes := []*running{start(t, topology, "magnus"), start(t, topology, "homer")}
	eventually(t, formed(nodes...))
	for _, n := range topology.Nodes() {
		conn, err := net.Dial("tcp", hostPort("127.0.0.1", n.ClientPort))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		var info natsserver.Info
		if err := json.Unmarshal([]byte(strings.TrimPrefix(line, "INFO ")), &info); err != nil {
			t.Fatal(err)
		}
		if info.Host != n.Address || info.Port != n.ClientPort || len(info.ClientConnectURLs) != 0 || !info.AuthRequired {
			t.Errorf("%s tells %s", n.Name, line)
		}
	}
}

// next is a copy of a topology that can be changed without touching what runs.
func next(topology *schema.Topology, change func(*schema.Cluster)) *schema.Topology {
	t, cluster := *topology, *topology.Clusters[0]
	routes := *cluster.Routes
	cluster.Routes = &routes
	t.Clusters = []*schema.Cluster{&cluster}
	change(&cluster)
	return &t
}

func (n *running) mustReload(t *testing.T, topology *schema.Topology) {
	t.Helper()
	c, err := NewConf(topology, n.conf.node.Name, n.id)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Reload(c); err != nil {
		t.Fatal(err)
	}
}

// TestReload rotates the password of the routes node by node, without losing one.
func TestReload(t *testing.T) {
	topology := loopback(t, newAuthority(t), "magnus", "homer", "datardos")
	nodes := []*running{start(t, topology, "magnus"), start(t, topology, "homer"), start(t, topology, "datardos")}
	eventually(t, formed(nodes...))
	old, changed := schema.NewSecret(routePassword), schema.NewSecret("ch@nged")
	for _, step := range []func(*schema.Cluster){
		func(c *schema.Cluster) { c.Routes.PreviousPassword = changed },
		func(c *schema.Cluster) { c.Routes.Password, c.Routes.PreviousPassword = changed, old },
		func(c *schema.Cluster) { c.Routes.PreviousPassword = schema.Secret{} },
	} {
		topology = next(topology, step)
		for _, n := range nodes {
			n.mustReload(t, topology)
			eventually(t, formed(nodes...))
		}
	}
	for _, n := range nodes {
		if s := n.log.String(); strings.Contains(s, "refused a") || strings.Contains(s, "ch@nged") || strings.Contains(s, routePassword) {
			t.Errorf("log of %s:\n%s", n.conf.node.Name, s)
		}
	}
}

// TestRemovedNode takes a node out of the file of the others: it is out at once, though its password is still right.
func TestRemovedNode(t *testing.T) {
	if l, err := net.Listen("tcp", "127.0.0.2:0"); err != nil {
		t.Skip("this system has only one loopback address")
	} else {
		l.Close()
	}
	ca := newAuthority(t)
	topology := loopback(t, ca, "magnus", "homer", "datardos")
	for i, n := range topology.Nodes() {
		n.Address = fmt.Sprintf("127.0.0.%d", i+1)
		n.Listen = n.Address
		n.TLS = ca.issue(t, n.Name, n.Address)
	}
	nodes := []*running{start(t, topology, "magnus"), start(t, topology, "homer"), start(t, topology, "datardos")}
	eventually(t, formed(nodes...))
	without := next(topology, func(c *schema.Cluster) { c.Nodes = c.Nodes[:2] })
	for _, n := range nodes[:2] {
		n.mustReload(t, without)
	}
	eventually(t, func() error {
		for i, want := range []string{"[homer]", "[magnus]"} {
			if got := fmt.Sprint(nodes[i].Peers()); got != want {
				return fmt.Errorf("peers %s, want %s", got, want)
			}
		}
		return errors.Join(
			nodes[0].log.has("refused a route", "its certificate is for datardos, 127.0.0.3"),
			nodes[2].log.has("a peer refused this node", "peer=magnus"),
		)
	})
}

// TestReloadRefused changes what cannot be changed, and finds everything as it was.
func TestReloadRefused(t *testing.T) {
	topology := loopback(t, nil, "magnus", "homer")
	n := start(t, topology, "magnus")
	before := n.auth.policy.Load()
	bad := next(topology, func(c *schema.Cluster) {
		moved := *c.Nodes[0]
		moved.ClientPort++
		c.Nodes = []*schema.Node{&moved, c.Nodes[1]}
		c.Routes.Password = schema.NewSecret("another")
	})
	c, err := NewConf(bad, "magnus", n.id)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Reload(c); err == nil || strings.Contains(err.Error(), "another") {
		t.Errorf("reload: %v", err)
	}
	if n.auth.policy.Load() != before || n.conf.cluster != topology.Clusters[0] {
		t.Error("a refused reload has left something behind")
	}
	other, err := NewConf(topology, "homer", n.id)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Reload(other); err == nil {
		t.Error("magnus became homer")
	}
}
