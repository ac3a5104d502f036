package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/config/schema"
	"unibus/internal/plan"
	"unibus/internal/server"
)

// Clusters that are linked have one meta group. Two groups that both hold something must never meet: nats-server v2.15.2
// would let the one with the higher term overwrite the other. So every store remembers with which clusters it is linked.
// A node whose store holds something links with a further cluster only by a restart in turn, and only while no node of
// that cluster says, or may be hiding, that it is not linked with this one. A node whose store holds nothing waits before
// its first start until the nodes of the other clusters that run know its cluster.

// probeLimit is how long a node of another cluster may take to answer one question.
const probeLimit = time.Second

// linkage is what a node tells others of its store.
type linkage struct {
	Cluster string   `json:"cluster"`
	Linked  []string `json:"linked"`
}

// answerLinkage answers the nodes of other clusters.
func (d *daemon) answerLinkage(nc *nats.Conn) error {
	_, err := nc.Subscribe(server.LinkSubject, func(m *nats.Msg) {
		t, _ := d.runs()
		own, _ := t.Node(d.Node)
		l := linkage{Cluster: own.Name}
		for _, c := range t.Clusters {
			l.Linked = append(l.Linked, c.Name)
		}
		if b, err := json.Marshal(l); err == nil {
			_ = m.Respond(b) // the asker waits no longer
		}
	})
	return err
}

// toStart is what a node runs first of a topology: of one with clusters that its store is not linked with yet, the part
// that it is linked with. Where restarts are manual, a start is the operator's way to link.
func (d *daemon) toStart(ctx context.Context, t *schema.Topology) (*schema.Topology, error) {
	linked, err := d.linked(t)
	if err != nil || linked == nil {
		return t, err
	}
	strange := plan.Unlinked(t, linked)
	if own, _ := t.Node(d.Node); len(strange) == 0 || slices.Contains(strange, own) {
		return t, nil // a store of another cluster is refused when it is opened
	}
	err = d.mayLink(ctx, t, strange)
	if err == nil && t.Restarts == "manual" {
		return t, nil
	}
	d.Log.Info("the store is not linked with every cluster of the file yet", "linked", strings.Join(linked, " "))
	return plan.Within(t, linked), nil
}

// linked are the clusters that the store of this node is linked with, nil where it holds nothing.
func (d *daemon) linked(t *schema.Topology) ([]string, error) {
	conf, err := d.conf(t)
	if err != nil {
		return nil, err
	}
	return server.Linked(conf)
}

// mayLink is nil when no node of the clusters runs, or those that do are linked with this one already.
func (d *daemon) mayLink(ctx context.Context, t *schema.Topology, clusters []*schema.Cluster) error {
	for _, c := range clusters {
		all := d.probe(ctx, t, c.Nodes)
		for _, n := range c.Nodes {
			if found := all[n.Name]; found.runs && !found.knows(t, d.Node) {
				return fmt.Errorf("cluster %q runs and is not linked with this one (%s: %s): stop it until every node here has restarted and start it "+
					"with empty stores; two clusters that both hold data can never be linked", c.Name, n.Name, found.why)
			}
		}
	}
	return nil
}

// awaitKnown waits, on a node whose store holds nothing, while nodes of other clusters run that do not know this one yet.
// Where the gateways have no password nobody can be asked, and nothing is waited for.
func (d *daemon) awaitKnown(ctx context.Context, t *schema.Topology) {
	if linked, err := d.linked(t); err != nil || linked != nil || !server.LinkPassword(t).IsKnown() {
		return
	}
	own, _ := t.Node(d.Node)
	var others []*schema.Node
	for _, c := range t.Clusters {
		if c != own {
			others = append(others, c.Nodes...)
		}
	}
	said := ""
	for {
		name, why := "", ""
		for n, found := range d.probe(ctx, t, others) {
			if found.refuses && (name == "" || n < name) {
				name, why = n, found.why
			}
		}
		if name == "" {
			return
		}
		if name+why != said {
			said = name + why
			d.Log.Info("waiting until the clusters that run know this one", "node", name, "because", why)
		}
		if !pause(ctx, turnPause) {
			return
		}
	}
}

// probed is what is known of a node of another cluster before there is a link to it.
type probed struct {
	runs    bool
	refuses bool // it runs and surely is not linked with this one
	linked  []string
	why     string
}

// knows tells whether it has said that it is linked with the cluster of a node.
func (p probed) knows(t *schema.Topology, node string) bool {
	own, _ := t.Node(node)
	return slices.Contains(p.linked, own.Name)
}

// probe asks nodes, all at once.
func (d *daemon) probe(ctx context.Context, t *schema.Topology, nodes []*schema.Node) map[string]probed {
	var mu sync.Mutex
	var wg sync.WaitGroup
	found := map[string]probed{}
	for _, n := range nodes {
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

// probeNode asks one node at the port of its clients, which nats-server v2.15.2 opens last.
func (d *daemon) probeNode(ctx context.Context, t *schema.Topology, n *schema.Node) probed {
	for _, port := range []int{n.ClientPort, n.GatewayPort} {
		c, err := (&net.Dialer{Timeout: probeLimit}).DialContext(ctx, "tcp", net.JoinHostPort(n.Address, fmt.Sprint(port)))
		if err != nil {
			continue
		}
		_ = c.Close()
		p := probed{runs: true, why: "nobody can ask it"}
		if password := server.LinkPassword(t); password.IsKnown() && port == n.ClientPort {
			d.askLinkage(ctx, t, n, password, &p)
		}
		return p
	}
	return probed{}
}

// askLinkage asks a node that runs.
func (d *daemon) askLinkage(ctx context.Context, t *schema.Topology, n *schema.Node, password schema.Secret, p *probed) {
	_, self := t.Node(d.Node)
	options := []nats.Option{
		nats.Name("unibus"), nats.UserInfo(server.LinkUser, password.Reveal()), nats.CustomInboxPrefix(server.LinkInbox),
		nats.NoReconnect(), nats.Timeout(probeLimit), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}
	if n.TLS != nil && self.TLS != nil {
		options = append(options, nats.RootCAs(self.TLS.CAFile), nats.ClientCert(self.TLS.CertFile, self.TLS.KeyFile))
	}
	nc, err := nats.Connect("nats://"+net.JoinHostPort(n.Address, fmt.Sprint(n.ClientPort)), options...)
	if err != nil {
		p.refuses, p.why = errors.Is(err, nats.ErrAuthorization), err.Error()
		if p.refuses {
			p.why = "it runs another file, or its gateways have another password"
		}
		return
	}
	defer nc.Close()
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, server.LinkSubject, nil)
	var l linkage
	if err == nil {
		err = json.Unmarshal(m.Data, &l)
	}
	if err != nil {
		p.why = err.Error()
		return
	}
	p.linked = l.Linked
	if p.refuses = !p.knows(t, d.Node); p.refuses {
		p.why = fmt.Sprintf("it is linked with %s only", strings.Join(l.Linked, ", "))
	}
}
