package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"unibus/config/schema"
)

// Fault is what keeps a route to a node from coming about.
type Fault string

// The faults, in the order in which a connection meets them. The zero value is none.
const (
	// FaultName is an address that does not resolve.
	FaultName Fault = "address"
	// FaultClosed is a host that is there, where nobody listens on the port.
	FaultClosed Fault = "closed"
	// FaultSilent is a host that does not answer, or cannot be reached.
	FaultSilent Fault = "silent"
	// FaultClear is a node that speaks no TLS where this one does.
	FaultClear Fault = "clear"
	// FaultTLS is a node that wants TLS where this one speaks none.
	FaultTLS Fault = "tls"
	// FaultAuthority is a certificate that ca_file did not sign.
	FaultAuthority Fault = "authority"
	// FaultExpired is a certificate that is out of date.
	FaultExpired Fault = "expired"
	// FaultUsage is a certificate that may not be used by a server.
	FaultUsage Fault = "usage"
	// FaultSAN is a certificate for another address.
	FaultSAN Fault = "san"
	// FaultHandshake is any other failure of TLS.
	FaultHandshake Fault = "handshake"
	// FaultOwn is that the other side does not accept the certificate of this node.
	FaultOwn Fault = "own certificate"
	// FaultStrange is something that does not speak as nats-server does to other servers.
	FaultStrange Fault = "strange"
	// FaultCluster is a node of another cluster.
	FaultCluster Fault = "cluster"
	// FaultNode is another node than the one that the file has at this address.
	FaultNode Fault = "node"
	// FaultLogin is that the other side accepts neither the password nor the previous one, or does not know this node's
	// certificate: nats-server gives the same answer to both.
	FaultLogin Fault = "login"
)

// Sighting is what was seen at the address of a node.
type Sighting struct {
	// Node is the node that the file has there, and Addr where its routes are dialled; for a node of another cluster, its
	// gateways.
	Node *schema.Node
	Addr string
	// Fault is what is in the way of a route; empty when nothing is.
	Fault Fault
	// Seen says in words what was found in the place of what was expected. It never holds a secret.
	Seen string
	// Previous tells that only the previous password was accepted.
	Previous bool
	// ID is the server that answered, as it is called until it restarts; empty when none did.
	ID string
	// Name, Cluster and Version are what the server calls itself.
	Name, Cluster, Version string
}

// Probe looks at a node from this one's place, as far as a route would come: connect, TLS with the certificates of both,
// the names that the other server gives itself, and whether it accepts the route password. It stops before anything
// becomes a route (nats-server v2.15.2 makes one when it gets an INFO, processRouteInfo). Nodes of other clusters are met
// at their gateway port, where the password is not tried. It takes no longer than ctx.
func (c Conf) Probe(ctx context.Context, n *schema.Node) Sighting {
	cluster, _ := c.topology.Node(n.Name)
	s := Sighting{Node: n, Addr: hostPort(n.Address, n.ClusterPort)}
	route := cluster == c.cluster
	if !route {
		s.Addr = hostPort(n.Address, n.GatewayPort)
	}
	c.probe(ctx, &s, s.Addr, cluster.Name, route)
	return s
}

// ProbeSelf looks at this node's own listener for routes, at the address it binds.
func (c Conf) ProbeSelf(ctx context.Context) Sighting {
	host := c.node.Listen
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	s := Sighting{Node: c.node, Addr: hostPort(host, c.node.ClusterPort)}
	c.probe(ctx, &s, s.Addr, c.cluster.Name, true)
	return s
}

func (c Conf) probe(ctx context.Context, s *Sighting, addr, cluster string, route bool) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		s.Fault, s.Seen = dialFault(err)
		return
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if c.node.TLS != nil {
		config, err := c.routeTLS(s.Node)
		if err != nil {
			s.Fault, s.Seen = FaultOwn, err.Error()
			return
		}
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			s.Fault, s.Seen = tlsFault(err)
			return
		}
		conn = secure
	}
	lines := bufio.NewReaderSize(conn, 64<<10)
	info, err := readInfo(lines)
	if err != nil {
		s.Fault, s.Seen = c.infoFault(err)
		return
	}
	s.meet(info, cluster, route)
	if s.Fault == "" && route {
		c.login(s, conn, lines)
		if s.Fault == FaultLogin && c.cluster.Routes != nil && c.cluster.Routes.PreviousPassword.IsSet() {
			c.loginAsBefore(ctx, s, addr)
		}
	}
}

// routeTLS is how this node dials a route (tlsBlock renders the same).
func (c Conf) routeTLS(peer *schema.Node) (*tls.Config, error) {
	t := c.node.TLS
	pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	version := uint16(tls.VersionTLS13)
	if t.MinVersion == "1.2" {
		version = tls.VersionTLS12
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, ServerName: peer.Address, MinVersion: version}, nil
}

func dialFault(err error) (Fault, string) {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return FaultName, fmt.Sprintf("its address does not resolve: %v", dns.Err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return FaultClosed, "connection refused"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return FaultSilent, "no answer"
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return FaultSilent, strings.TrimPrefix(err.Error(), "connect: ")
}

// tlsFault is why a handshake failed that this side has begun.
func tlsFault(err error) (Fault, string) {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return FaultAuthority, fmt.Sprintf("its certificate was issued by %q, and ca_file did not sign it", unknown.Cert.Issuer)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return FaultExpired, expired(invalid.Cert)
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return FaultUsage, "its certificate is not for server authentication"
	case errors.As(err, &name):
		return FaultSAN, fmt.Sprintf("its certificate is for %s, and peers dial %s", certNames(name.Certificate), name.Host)
	case errors.As(err, &record):
		return FaultClear, "it does not speak TLS"
	case alert(err) != "":
		return FaultOwn, "it answers " + alert(err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return FaultSilent, "it takes the connection and says nothing"
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return FaultStrange, "it hung up"
	}
	return FaultHandshake, fmt.Sprintf("the TLS handshake failed: %v", err)
}

func expired(cert *x509.Certificate) string {
	const layout = "2006-01-02 15:04 MST"
	if time.Now().Before(cert.NotBefore) {
		return "its certificate is not valid before " + cert.NotBefore.UTC().Format(layout)
	}
	return "its certificate expired on " + cert.NotAfter.UTC().Format(layout)
}

// alert is what the other side of a TLS connection has complained about, or "" (Go 1.26, crypto/tls, readRecord).
func alert(err error) string {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return ""
	}
	return strings.TrimPrefix(op.Err.Error(), "tls: ")
}

// infoFault is why no INFO came. With TLS 1.3 this is where the other side says that it does not want the certificate.
func (c Conf) infoFault(err error) (Fault, string) {
	switch {
	case alert(err) != "":
		return FaultOwn, "it answers " + alert(err)
	case errors.Is(err, os.ErrDeadlineExceeded) && c.node.TLS == nil:
		return FaultTLS, "it says nothing, as a node does that wants TLS"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return FaultSilent, "it takes the connection and says nothing"
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return FaultStrange, "it hung up"
	}
	return FaultStrange, err.Error()
}

// info is the part of nats-server's INFO that tells who it is.
type info struct {
	ID      string `json:"server_id"`
	Name    string `json:"server_name"`
	Version string `json:"version"`
	Cluster string `json:"cluster"`
	Gateway string `json:"gateway"`
	Client  uint64 `json:"client_id"` // only told to clients
}

func readInfo(lines *bufio.Reader) (info, error) {
	line, err := lines.ReadSlice('\n')
	if err != nil {
		return info{}, err
	}
	text, ok := strings.CutPrefix(string(line), "INFO ")
	var i info
	if !ok || json.Unmarshal([]byte(text), &i) != nil || i.ID == "" {
		return info{}, errors.New("something else than a NATS server listens there")
	}
	return i, nil
}

// meet compares who was met with who is expected.
func (s *Sighting) meet(i info, cluster string, route bool) {
	s.ID, s.Name, s.Version, s.Cluster = i.ID, i.Name, i.Version, i.Cluster
	if !route {
		s.Cluster = i.Gateway
	}
	switch {
	case s.Cluster == "" || i.Client != 0:
		s.Fault, s.Seen = FaultStrange, "a NATS server listens there, but not for nodes: it is another kind of port"
	case s.Cluster != cluster:
		s.Fault, s.Seen = FaultCluster, fmt.Sprintf("it belongs to cluster %q, not to %q", s.Cluster, cluster)
	case s.Name != s.Node.Name:
		s.Fault, s.Seen = FaultNode, fmt.Sprintf("it calls itself %q, not %q", s.Name, s.Node.Name)
	}
}

// login says who this node is, and waits for the answer to a PING. The name is of no server, so that nothing is taken
// for a second connection of one.
func (c Conf) login(s *Sighting, conn net.Conn, lines *bufio.Reader) {
	connect := map[string]any{
		"echo": true, "verbose": false, "pedantic": false, "tls_required": c.node.TLS != nil, "name": "unibus-doctor", "cluster": c.cluster.Name,
	}
	if r := c.cluster.Routes; r != nil {
		connect["user"], connect["pass"] = r.User, r.Password.Reveal()
	}
	b, err := json.Marshal(connect)
	if err == nil {
		_, err = fmt.Fprintf(conn, "CONNECT %s\r\nPING\r\n", b)
	}
	for err == nil {
		var line []byte
		line, err = lines.ReadSlice('\n')
		switch text := strings.TrimSpace(string(line)); {
		case text == "PONG":
			return
		case strings.Contains(text, "Authorization Violation"):
			s.Fault, s.Seen = FaultLogin, "it does not accept the route password"
			return
		case strings.HasPrefix(text, "-ERR"):
			s.Fault, s.Seen = FaultStrange, "it answers "+strings.TrimPrefix(text, "-ERR ")
			return
		}
	}
	s.Fault, s.Seen = c.infoFault(err)
}

// loginAsBefore tries the previous password.
func (c Conf) loginAsBefore(ctx context.Context, s *Sighting, addr string) {
	before, routes := *c.cluster, *c.cluster.Routes
	routes.Password, routes.PreviousPassword = routes.PreviousPassword, schema.Secret{}
	before.Routes = &routes
	c.cluster = &before
	again := Sighting{Node: s.Node, Addr: s.Addr}
	c.probe(ctx, &again, addr, before.Name, true)
	if again.Fault == "" {
		*s = again
		s.Previous = true
	}
}
