package node

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/config/schema"
	"unibus/internal/server"
)

// What nodes of clusters that may have no link yet ask each other, as clients.

// probeLimit is how long a node may take to answer one question.
const probeLimit = time.Second

// linkage is what a node tells of its store.
type linkage struct {
	Cluster string `json:"cluster"`
	// Linked are the clusters that it is linked with, or will be when it starts.
	Linked []string `json:"linked"`
	// Began are those of them with which its store began, or will begin.
	Began []string `json:"began"`
}

// awaited is the linkage of a node that is about to start with an empty store.
func awaited(t *schema.Topology, node string) linkage {
	own, _ := t.Node(node)
	return linkage{Cluster: own.Name, Linked: clusterNames(t), Began: clusterNames(t)}
}

// linkage is that of the running node. One that stores nothing has nothing to lose.
func (d *daemon) linkage() (linkage, error) {
	t, _ := d.runs()
	l := awaited(t, d.Node)
	conf, err := d.conf(t)
	if err != nil {
		return l, err
	}
	_, began, err := server.Links(conf)
	if began != nil {
		l.Began = began
	}
	return l, err
}

// answerLinkage answers who asks. It says nothing while it does not know.
func answerLinkage(nc *nats.Conn, of func() (linkage, error)) error {
	_, err := nc.Subscribe(server.LinkSubject, func(m *nats.Msg) {
		l, err := of()
		if err != nil {
			return
		}
		if b, err := json.Marshal(l); err == nil {
			_ = m.Respond(b) // the asker waits no longer
		}
	})
	if err != nil {
		return err
	}
	return nc.Flush()
}

// probed is what is known of a node before there is a link to it.
type probed struct {
	gone    bool // its host says that nothing listens there
	listens bool // something listens there
	answers bool // it has said how it is linked, or that it does not know this node
	refuses bool // it surely is not linked as this node is to be
	linked  []string
	began   []string
	why     string // it does not answer, or refuses
}

// probe asks nodes but this one, all at once.
func (d *daemon) probe(ctx context.Context, t *schema.Topology, nodes []*schema.Node) map[string]probed {
	var mu sync.Mutex
	var wg sync.WaitGroup
	found := map[string]probed{}
	for _, n := range nodes {
		if n.Name == d.Node {
			continue
		}
		wg.Go(func() {
			p := d.probeNode(ctx, t, n)
			mu.Lock()
			defer mu.Unlock()
			found[n.Name] = p
		})
	}
	wg.Wait()
	return found
}

// probeNode asks one node at the port of its clients, which nats-server v2.15.2 opens last, or where it answers while it
// waits.
func (d *daemon) probeNode(ctx context.Context, t *schema.Topology, n *schema.Node) (p probed) {
	password := server.LinkPassword(t)
	if !password.IsKnown() {
		return probed{why: "nobody can ask it"}
	}
	c, err := greet(ctx, n.Address, n.ClientPort)
	if err != nil {
		p.why = err.Error()
		var other error
		if c, other = greet(ctx, n.Address, n.GatewayPort); other != nil {
			p.gone = errors.Is(err, syscall.ECONNREFUSED) && errors.Is(other, syscall.ECONNREFUSED)
			p.listens = errors.Is(err, errNoGreeting) || errors.Is(other, errNoGreeting)
			return p
		}
	}
	defer func() { _ = c.Close() }()
	p.listens = true
	if c.gateway { // it may be about to open the port for clients
		return p
	}
	l, err := d.askLinkage(ctx, t, n, c, password)
	switch {
	case errors.Is(err, nats.ErrAuthorization):
		return probed{listens: true, answers: true, refuses: true, why: "it runs another file, or its gateways have another password"}
	case err != nil:
		p.why = err.Error()
		return p
	}
	return d.judge(t, l)
}

// judge is what a linkage means to this node: one of its own cluster has to be linked with all of the file, another with its
// cluster.
func (d *daemon) judge(t *schema.Topology, l linkage) probed {
	p := probed{listens: true, answers: true, linked: l.Linked, began: l.Began, why: "its store began without this cluster"}
	own, _ := t.Node(d.Node)
	needed := []string{own.Name}
	if l.Cluster == own.Name {
		needed = clusterNames(t)
	}
	for _, c := range needed {
		if !slices.Contains(l.Linked, c) {
			p.refuses, p.why = true, fmt.Sprintf("it is linked with %s only", strings.Join(l.Linked, ", "))
		}
	}
	return p
}

// greeted is a connection to a nats-server whose first line has been read ahead.
type greeted struct {
	net.Conn
	ahead   *bufio.Reader
	gateway bool // it is another server's end of a gateway
}

// Read reads the first line again.
func (g *greeted) Read(b []byte) (int, error) { return g.ahead.Read(b) }

// greet dials a port and looks who answers.
func greet(ctx context.Context, address string, port int) (*greeted, error) {
	dialer := net.Dialer{Timeout: probeLimit}
	c, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	const longest = 64 << 10 // of a first line
	g := &greeted{Conn: c, ahead: bufio.NewReaderSize(c, longest)}
	err = errors.Join(c.SetReadDeadline(time.Now().Add(probeLimit)), g.look(), c.SetReadDeadline(time.Time{}))
	if err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("%s:%d: %w", address, port, err)
	}
	return g, nil
}

// errNoGreeting is that of a process that is paused, hangs, or is very busy.
var errNoGreeting = errors.New("it takes connections and says nothing")

// look reads the line with which nats-server v2.15.2 begins at every port.
func (g *greeted) look() error {
	line, err := g.ahead.ReadSlice('\n')
	if err != nil {
		return errNoGreeting
	}
	var info struct {
		Gateway string `json:"gateway"`
	}
	if text, is := bytes.CutPrefix(line, []byte("INFO ")); !is || json.Unmarshal(text, &info) != nil {
		return errors.New("what listens there is no nats-server")
	}
	g.gateway = info.Gateway != ""
	g.ahead = bufio.NewReader(io.MultiReader(bytes.NewReader(bytes.Clone(line)), g.ahead))
	return nil
}

// askLinkage asks a node that listens.
func (d *daemon) askLinkage(ctx context.Context, t *schema.Topology, n *schema.Node, c *greeted, password schema.Secret) (l linkage, err error) {
	nc, err := d.dialLink(t, n, c, password)
	if err != nil {
		return l, err
	}
	defer nc.Close()
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, server.LinkSubject, nil)
	if err == nil {
		err = json.Unmarshal(m.Data, &l)
	}
	if err != nil {
		err = fmt.Errorf("it lets this node in and does not answer: %w", err)
	}
	return l, err
}

// dialLink logs in as who may ask, over TLS where the node has a certificate.
func (d *daemon) dialLink(t *schema.Topology, n *schema.Node, c *greeted, password schema.Secret) (*nats.Conn, error) {
	_, self := t.Node(d.Node)
	options := []nats.Option{
		nats.Name("unibus"), nats.UserInfo(server.LinkUser, password.Reveal()), nats.CustomInboxPrefix(server.LinkInbox),
		nats.SetCustomDialer(c), nats.SkipHostLookup(), nats.NoReconnect(), nats.Timeout(probeLimit), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}
	if n.TLS != nil && self.TLS != nil {
		options = append(options, nats.RootCAs(self.TLS.CAFile), nats.ClientCert(self.TLS.CertFile, self.TLS.KeyFile))
	}
	// The connection is there already; the name of its other end is in the certificate.
	return nats.Connect("nats://"+net.JoinHostPort(n.Address, strconv.Itoa(n.ClientPort)), options...)
}

// Dial makes nats.go use this connection.
func (g *greeted) Dial(string, string) (net.Conn, error) { return g, nil }
