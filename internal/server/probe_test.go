package server

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"unibus/config/schema"
)

// TestProbe looks from node b at a running node a. Each fault is on one side of them; the file of the other is as it was.
func TestProbe(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	both := *ca.issue(t, "b", "127.0.0.1")
	both.CAFile = filepath.Join(t.TempDir(), "both.pem")
	var pem []byte
	for _, a := range []*authority{ca, other} {
		text, err := os.ReadFile(a.file)
		if err != nil {
			t.Fatal(err)
		}
		pem = append(pem, text...)
	}
	if err := os.WriteFile(both.CAFile, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := *other.issue(t, "b", "127.0.0.1")
	foreign.CAFile = both.CAFile
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()

	type change func(c *schema.Cluster)
	node := func(i int, f func(*schema.Node)) change { return func(c *schema.Cluster) { f(c.Nodes[i]) } }
	tls := func(i int, files *schema.TLS) change { return node(i, func(n *schema.Node) { n.TLS = files }) }
	was := schema.NewSecret(routePassword)
	tests := []struct {
		name string
		a, b change // what is different on a before it starts, and on b
		want Fault
		says string
	}{
		{name: "nothing"},
		{"closed", nil, node(0, func(n *schema.Node) { n.ClusterPort = freePorts(t, 1)[0] }), FaultClosed, "connection refused"},
		{"silent", nil, node(0, func(n *schema.Node) { n.ClusterPort = silent.Addr().(*net.TCPAddr).Port }), FaultSilent, "takes the connection and says nothing"},
		{"name", nil, node(0, func(n *schema.Node) { n.Address = "no-such-host.invalid" }), FaultName, "does not resolve"},
		{"authority", tls(0, other.issue(t, "a", "127.0.0.1")), nil, FaultAuthority, `issued by "CN=test CA"`},
		{"own", nil, tls(1, &foreign), FaultOwn, "unknown certificate authority"},
		{"expired", tls(0, ca.issueAs(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, "127.0.0.1")), nil, FaultExpired, "expired on"},
		{"not yet", tls(0, ca.issueAs(t, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }, "127.0.0.1", "a")), nil, FaultExpired, "not valid before"},
		{"usage", tls(0, ca.issueAs(t, func(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[1:] }, "127.0.0.1", "a", "a2")), nil, FaultUsage, "not for server"},
		{"san", tls(0, ca.issue(t, "127.0.0.9")), nil, FaultSAN, "is for 127.0.0.9, and peers dial 127.0.0.1"},
		{"clear", tls(0, nil), nil, FaultClear, "does not speak TLS"},
		{"tls", nil, tls(1, nil), FaultTLS, "wants TLS"},
		{"cluster", func(c *schema.Cluster) { c.Name = "other" }, nil, FaultCluster, `belongs to cluster "other", not to "unibus"`},
		{"node", nil, node(0, func(n *schema.Node) { n.Name = "c" }), FaultNode, `calls itself "a", not "c"`},
		{"login", nil, func(c *schema.Cluster) { c.Routes.Password = schema.NewSecret("wrong") }, FaultLogin, "does not accept the route password"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			topology := loopback(t, ca, "a", "b")
			start(t, changed(topology, tt.a), "a")
			s := probe(t, changed(topology, tt.b))
			if s.Fault != tt.want || !strings.Contains(s.Seen, tt.says) {
				t.Errorf("fault %q, seen %q; want %q, %q", s.Fault, s.Seen, tt.want, tt.says)
			}
			if strings.Contains(s.Seen, routePassword) || strings.Contains(s.Seen, "deadline") {
				t.Errorf("seen %q", s.Seen)
			}
		})
	}
	t.Run("previous", func(t *testing.T) {
		topology := loopback(t, ca, "a", "b")
		a := start(t, topology, "a")
		s := probe(t, changed(topology, func(c *schema.Cluster) {
			c.Routes.Password, c.Routes.PreviousPassword = schema.NewSecret("new"), was
		}))
		if s.Fault != "" || !s.Previous || s.Name != "a" || s.ID != a.ID() || s.Version != Version {
			t.Errorf("seen %+v", s)
		}
		if routes := a.Routes(); len(routes) != 0 {
			t.Errorf("it has become a route: %v", routes)
		}
		if said := a.Troubles(time.Now().Add(-time.Minute)); len(said) != 1 || said[0].Message != "refused a route" || said[0].From != "127.0.0.1" {
			t.Errorf("a says %+v about the password that it does not know yet", said)
		}
	})
}

// changed is a topology with another cluster.
func changed(topology *schema.Topology, change func(*schema.Cluster)) *schema.Topology {
	if change == nil {
		return topology
	}
	return next(topology, func(c *schema.Cluster) {
		c.Nodes = slices.Clone(c.Nodes)
		for i, n := range c.Nodes {
			own := *n
			c.Nodes[i] = &own
		}
		change(c)
	})
}

// probe looks at the first node from the second.
func probe(t *testing.T, topology *schema.Topology) Sighting {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	return mustConf(t, topology, "b").Probe(ctx, topology.Nodes()[0])
}

// TestProbeGateway looks at a node of another cluster, whose routes are none of this one's business.
func TestProbeGateway(t *testing.T) {
	topology := supercluster(t)
	start(t, topology, "west-1")
	c := mustConf(t, topology, "east-1")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, west := topology.Node("west-1")
	if s := c.Probe(ctx, west); s.Fault != "" || s.Name != "west-1" || s.Cluster != "west" || !strings.HasSuffix(s.Addr, fmt.Sprint(":", west.GatewayPort)) {
		t.Errorf("seen %+v", s)
	}
	routes := *west // the port of its routes, where its gateways should be
	routes.GatewayPort = west.ClusterPort
	if s := c.Probe(ctx, &routes); s.Fault != FaultStrange || !strings.Contains(s.Seen, "another kind of port") {
		t.Errorf("seen %+v", s)
	}
	_, away := topology.Node("west-2")
	if s := c.Probe(ctx, away); s.Fault != FaultClosed {
		t.Errorf("seen %+v", s)
	}
}
