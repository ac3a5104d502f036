package node

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/config/schema"
	"unibus/internal/api"
	"unibus/internal/hclconf"
	"unibus/internal/server"
)

const (
	// reportSubject of the system account is where every node tells all others how it is, and where it can be asked.
	reportSubject = "unibus.report"
	// reportWait is how long a node that is asked may take to answer.
	reportWait = time.Second
)

// report is what a node says of itself.
type report struct {
	Node api.Node `json:"node"`
	Meta api.Meta `json:"meta"`
	// Leads are the streams that it leads; null is the same as the last time.
	Leads []server.Stream `json:"leads"`
}

// answer takes the reports of the other nodes, and answers who asks for that of this one, until ctx ends.
func (d *daemon) answer(ctx context.Context, conns *connections) error {
	nc, err := conns.conn(schema.SystemAccount)
	if err != nil {
		return err
	}
	_, err = nc.Subscribe(reportSubject, func(m *nats.Msg) {
		if m.Reply == "" {
			d.learn(m.Data)
			return
		}
		if b, err := json.Marshal(d.own()); err == nil {
			_ = m.Respond(b) // the asker waits no longer
		}
	})
	if err == nil {
		err = answerLinkage(nc, d.linkage)
	}
	if err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// own is this node as it sees itself at this moment.
func (d *daemon) own() api.Node {
	v := d.self()
	if srv, _ := d.current(); srv != nil {
		v.Unsettled = orNil(srv.Unsettled())
	}
	return v
}

// self is own with what was seen of JetStream last, which costs next to nothing.
func (d *daemon) self() api.Node {
	d.mu.Lock()
	cluster, n := d.running.Node(d.Node)
	t, srv, now, up, nats := d.running, d.srv, time.Now().UTC(), int64(time.Since(d.started).Seconds()), server.Version
	v := api.Node{
		Name: d.Node, Cluster: cluster.Name, Address: n.Address, State: api.StateUp, Declared: true, LastSeen: &now,
		PendingRestart: append([]api.Pending{}, d.pending...), Waiting: orNil(d.waiting), RestartError: orNil(d.failed), Reload: d.last,
		Drained:  d.drained,
		Versions: api.Versions{Unibus: orNil(d.Version), NATS: &nats}, UptimeSeconds: &up,
	}
	if d.file != nil {
		since := d.since.UTC()
		v.ConfigDigest, v.FileHash, v.ConfigSince = &d.file.Digest, &d.file.FileHash, &since
	}
	if d.busy || srv == nil {
		v.State = api.StateRestarting
	}
	d.mu.Unlock()
	if d.watcher != nil {
		v.File = viewFile(d.File.Path, d.watcher.State())
	}
	var peers, gateways []string
	if srv != nil {
		peers = srv.Peers()
		if t.Supercluster() {
			gateways = srv.Gateways()
		}
	}
	v.Routes, v.Gateways = routes(cluster, d.Node, peers), links(t, cluster, gateways)
	d.view.describe(&v, n)
	return v
}

func viewFile(path string, s hclconf.WatchState) *api.File {
	f := &api.File{Path: path, Watch: s.String(), Troubles: []api.Trouble{}}
	for _, t := range s.Troubles {
		f.Troubles = append(f.Troubles, api.Trouble{Name: t.Name, Why: t.Why, Since: t.Since.UTC()})
	}
	return f
}

// routes are the routes that a node of a cluster should have, and has.
func routes(cluster *schema.Cluster, node string, peers []string) api.Routes {
	var others []string
	for _, n := range cluster.Nodes {
		if n.Name != node {
			others = append(others, n.Name)
		}
	}
	return reached(others, peers)
}

// links are the gateways that a node of a cluster should have, and has.
func links(t *schema.Topology, cluster *schema.Cluster, gateways []string) api.Routes {
	var others []string
	for _, c := range t.Clusters {
		if c.Name != cluster.Name {
			others = append(others, c.Name)
		}
	}
	return reached(others, gateways)
}

func reached(wanted, have []string) api.Routes {
	r := api.Routes{Expected: len(wanted), Missing: []string{}}
	for _, name := range wanted {
		if slices.Contains(have, name) {
			r.Up++
		} else {
			r.Missing = append(r.Missing, name)
		}
	}
	return r
}

// certFile is a certificate as it was read last.
type certFile struct {
	path     string
	size     int64
	modified time.Time
	leaf     *x509.Certificate // nil where there is none
}

// read looks at the file again if it has changed.
func (c *certFile) read(path string) {
	info, err := os.Stat(path)
	switch {
	case err != nil || !info.Mode().IsRegular() || info.Size() > maxPEM:
		*c = certFile{}
		return
	case c.path == path && c.size == info.Size() && c.modified.Equal(info.ModTime()):
		return
	}
	*c = certFile{path: path, size: info.Size(), modified: info.ModTime()}
	text, _ := os.ReadFile(path) // no certificate, then
	if block, _ := pem.Decode(text); block != nil {
		c.leaf, _ = x509.ParseCertificate(block.Bytes)
	}
}

// endsSoon tells whether a certificate should have been renewed: less than a third of its life is left, and less than a
// month.
func endsSoon(cert *x509.Certificate, now time.Time) bool {
	left := cert.NotAfter.Sub(now)
	return left < renewal && left < cert.NotAfter.Sub(cert.NotBefore)/3
}

// ask collects the reports of all nodes that answer, its own included.
func (d *daemon) ask(ctx context.Context, nodes []*schema.Node) map[string]api.Node {
	reports := map[string]api.Node{d.Node: d.own()}
	defer d.saw(reports)
	_, conns := d.current()
	if conns == nil || len(nodes) == 1 {
		return reports
	}
	nc, err := conns.conn(schema.SystemAccount)
	if err != nil {
		return reports
	}
	inbox := nats.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return reports
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := nc.PublishRequest(reportSubject, inbox, nil); err != nil {
		return reports
	}
	ctx, cancel := context.WithTimeout(ctx, reportWait)
	defer cancel()
	for missing(nodes, reports) {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return reports
		}
		var n api.Node
		if json.Unmarshal(m.Data, &n) == nil && n.Name != d.Node {
			now := time.Now().UTC()
			n.LastSeen = &now
			reports[n.Name] = n
		}
	}
	return reports
}

// saw remembers what every node has reported last.
func (d *daemon) saw(reports map[string]api.Node) {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.Copy(d.seen, reports)
}

func missing(nodes []*schema.Node, reports map[string]api.Node) bool {
	return slices.ContainsFunc(nodes, func(n *schema.Node) bool { _, ok := reports[n.Name]; return !ok })
}
