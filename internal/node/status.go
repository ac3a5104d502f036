package node

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/config/schema"
	"unibus/internal/api"
	"unibus/internal/bootstrap"
	"unibus/internal/hclconf"
	"unibus/internal/server"
)

const (
	// reportSubject is where every node of the system account answers with its report.
	reportSubject = "unibus.report"
	// reportWait is how long a node may take to answer before it counts as down.
	reportWait = time.Second
)

// answer answers the other nodes until ctx ends.
func (d *daemon) answer(ctx context.Context, conns *connections) error {
	nc, err := conns.conn(schema.SystemAccount)
	if err != nil {
		return err
	}
	_, err = nc.Subscribe(reportSubject, func(m *nats.Msg) {
		if b, err := json.Marshal(d.own()); err == nil {
			_ = m.Respond(b) // the asker waits no longer
		}
	})
	if err == nil {
		err = d.answerLinkage(nc)
	}
	if err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// own is this node as it sees itself.
func (d *daemon) own() api.Node {
	d.mu.Lock()
	cluster, n := d.running.Node(d.Node)
	srv, now, up, nats := d.srv, time.Now().UTC(), int64(time.Since(d.started).Seconds()), server.Version
	v := api.Node{
		Name: d.Node, Cluster: cluster.Name, Address: n.Address, State: api.StateUp, Declared: true, LastSeen: &now,
		PendingRestart: append([]api.Pending{}, d.pending...), Waiting: orNil(d.waiting), RestartError: orNil(d.failed), Reload: d.last,
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
	var peers []string
	if srv != nil {
		peers = srv.Peers()
		v.Unsettled = orNil(srv.Unsettled())
	}
	v.Routes = routes(cluster, d.Node, peers)
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
	r := api.Routes{Missing: []string{}}
	for _, other := range cluster.Nodes {
		switch {
		case other.Name == node:
			continue
		case slices.Contains(peers, other.Name):
			r.Up++
		default:
			r.Missing = append(r.Missing, other.Name)
		}
		r.Expected++
	}
	return r
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

// status joins what is declared with what every node reports.
func (d *daemon) status(ctx context.Context) api.Status {
	d.mu.Lock()
	t, srv, assets, file := d.running, d.srv, d.assets, d.file
	d.mu.Unlock()
	s := api.Status{
		FormatVersion: api.FormatVersion, Cluster: t.Title(), Time: time.Now().UTC(),
		Config: api.Config{Drifted: []string{}}, Nodes: []api.Node{}, Buckets: []api.Asset{}, Streams: []api.Asset{}, ObjectStores: []api.Asset{}, Problems: []api.Problem{},
	}
	if file != nil {
		s.Config.Digest = file.Digest
	}
	reports := d.ask(ctx, t.Nodes())
	for _, c := range t.Clusters {
		for _, n := range c.Nodes {
			r, ok := reports[n.Name]
			if !ok {
				r = d.silent(c, n)
			}
			if r.ConfigDigest != nil && *r.ConfigDigest != s.Config.Digest {
				s.Config.Drifted = append(s.Config.Drifted, n.Name)
			}
			s.Nodes = append(s.Nodes, r)
		}
	}
	if srv != nil {
		m := srv.Meta()
		s.Meta = api.Meta{Leader: orNil(m.Leader), Peers: m.Size, Quorum: m.Quorum}
	}
	if t.Standalone() {
		s.Meta = api.Meta{Leader: &d.Node, Peers: 1, Quorum: 1}
	}
	for _, a := range assets.Assets {
		switch a.Kind {
		case "bucket":
			s.Buckets = append(s.Buckets, asset(a))
		case "stream":
			s.Streams = append(s.Streams, asset(a))
		case "object_store":
			s.ObjectStores = append(s.ObjectStores, asset(a))
		}
	}
	judge(&s, t, assets)
	return s
}

// silent is a declared node that does not answer.
func (d *daemon) silent(c *schema.Cluster, n *schema.Node) api.Node {
	d.mu.Lock()
	seen, ok := d.seen[n.Name]
	d.mu.Unlock()
	reason := "does not answer"
	v := api.Node{
		Name: n.Name, Cluster: c.Name, Address: n.Address, State: api.StateDown, Declared: true, Reason: &reason,
		PendingRestart: []api.Pending{}, Routes: routes(c, n.Name, nil),
	}
	if ok {
		v.LastSeen = seen.LastSeen
	}
	if d.wasRestarting(n.Name) {
		v.State = api.StateRestarting
	}
	return v
}

func asset(a bootstrap.Asset) api.Asset {
	b := api.Asset{
		Name: a.Name, Account: a.Account, State: string(a.State), Leader: orNil(a.Leader), Peers: []api.Peer{},
		Replicas: api.Replicas{Desired: a.Desired, Actual: a.Replicas}, Values: &a.Values, Bytes: &a.Bytes, Reason: orNil(a.Err),
	}
	for _, p := range a.Peers {
		role := "follower"
		if p.Leader {
			role = "leader"
		}
		if p.Current && !p.Offline {
			b.Replicas.Current++
		}
		b.Peers = append(b.Peers, api.Peer{Node: p.Node, Role: role, Current: p.Current && !p.Offline, Lag: p.Lag})
	}
	return b
}

// judge finds the problems and the verdict.
func judge(s *api.Status, t *schema.Topology, assets bootstrap.Status) {
	voters := map[string]bool{}
	for _, n := range t.Voters() {
		voters[n.Name] = true
	}
	problem := func(code, severity, subject, hint, format string, args ...any) {
		s.Problems = append(s.Problems, api.Problem{Code: code, Severity: severity, Subject: subject, Summary: fmt.Sprintf(format, args...), Hint: hint})
	}
	for _, n := range s.Nodes {
		if n.State == api.StateUp && voters[n.Name] {
			s.Meta.Current++
		}
		if n.File != nil {
			for _, f := range n.File.Troubles {
				problem("UB2208", "warning", "node."+n.Name, "put it back; until then, what was loaded goes on", "on %s, %s is %s since %s", n.Name, f.Name, f.Why, f.Since.Format(time.RFC3339))
			}
		}
		if n.State == api.StateDown {
			problem("UB2203", "warning", "node."+n.Name, "on "+n.Name+": systemctl status unibus", "%s does not answer", n.Name)
		}
		if n.Reload != nil && n.Reload.Result == api.ReloadRefused {
			problem("UB2206", "warning", "node."+n.Name, "on "+n.Name+": unibus reload", "%s runs its last good file: %s", n.Name, refusal(n.Reload))
		}
		if len(n.PendingRestart) > 0 {
			why := ""
			if n.Waiting != nil {
				why = ": " + *n.Waiting
			}
			problem("UB2205", "info", "node."+n.Name, "", "%s waits to restart%s", n.Name, why)
		}
	}
	for _, name := range s.Config.Drifted {
		problem("UB2204", "warning", "node."+name, "ship the same file to every host", "%s has another configuration", name)
	}
	if extra := s.Meta.Peers - len(voters); extra > 0 && s.Meta.Leader != nil {
		problem("UB2207", "warning", "cluster."+s.Cluster, "unibus node remove", "the meta group still counts %d nodes that are gone from the file", extra)
	}
	if assets.Phase != bootstrap.Ready && assets.Reason != "" {
		problem("UB2202", "warning", "cluster."+s.Cluster, "", "%s", assets.Reason)
	}
	s.FailureTolerance = max(0, s.Meta.Current-s.Meta.Quorum)
	down := slices.ContainsFunc(s.Nodes, func(n api.Node) bool { return n.State != api.StateUp })
	switch {
	case s.Meta.Leader == nil && s.Meta.Current < len(voters)/2+1:
		s.Verdict = api.Down
		problem("UB2201", "error", "cluster."+s.Cluster, "start the nodes that are down", "%d of %d nodes answer, which is no majority", s.Meta.Current, len(voters))
	case assets.Phase == bootstrap.Ready && !down:
		s.Verdict = api.Healthy
	case down || assets.Phase == bootstrap.Degraded:
		s.Verdict = api.Degraded
	default:
		s.Verdict = api.Converging
	}
}

// refusal is why a reload was refused, in one line.
func refusal(r *api.Reload) string {
	switch {
	case r.Error != "":
		return r.Error
	case len(r.Problems) > 0:
		return r.Problems[0].Summary
	}
	for _, d := range r.Diagnostics {
		if d.Severity == "error" {
			return fmt.Sprintf("%s:%d: %s", d.Range.Filename, d.Range.Start.Line, d.Detail)
		}
	}
	return r.Result
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
