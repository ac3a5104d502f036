// Package node is the daemon: it owns the life of one node, from the file it was given to the last goroutine of its
// server. It introduces the packages that do not know each other: hclconf, which reads the file, plan, which says what a
// change takes, server, which runs nats-server, bootstrap, which brings the declared assets into being, and api, which
// answers operators.
package node

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sync/errgroup"

	"unibus/config/schema"
	"unibus/internal/api"
	"unibus/internal/bootstrap"
	"unibus/internal/hclconf"
	"unibus/internal/server"
)

// Config is what a node runs.
type Config struct {
	// Topology is the whole topology. It must not change while the node runs.
	Topology *schema.Topology
	// Node is the name of the node to run.
	Node string
	// File makes the node follow its file; nil runs Topology for good.
	File *File
	// Socket is the path of the unix socket to answer on; empty is none.
	Socket string
	// Version is the version of unibus, for others to see.
	Version string
	// Without are nodes that the first start does not wait for. A node that has been in the cluster before ignores it.
	Without []string
	// Log gets what an operator would put in a diary.
	Log hclog.Logger
	// NATSDebug turns on nats-server's debug lines (1) or also its trace lines (2).
	NATSDebug int
	// Ready is called when the node listens for the first time; nil is allowed. It must not block.
	Ready func()
	// Abrupt stops the node without handing over leaderships and without waiting for clients, for when all nodes of a
	// cluster stop together.
	Abrupt bool
	// lease is how long the lease of a restart lasts without its holder; 0 is a minute.
	lease time.Duration
	// step is called with the name of every step of a reload and of a restart when it is done; nil is allowed. Tests end
	// the process in it.
	step func(name string)
	// blind leaves the collector out, to measure what it takes.
	blind bool
	// Report is called with every change of the state of the declared assets; nil is allowed. It must not block.
	Report func(bootstrap.Status)
	// Reloading is called with true before a file is taken up, and with false when that is over, whatever came of it; nil
	// is allowed. It must not block.
	Reloading func(begins bool)
}

// File is the file that a node follows.
type File struct {
	// Path is where the file is.
	Path string
	// Config is what Topology was loaded from.
	Config *hclconf.Config
	// Load reads the text of the file as this node, on this host. It also returns the files that it read for it, with
	// their content.
	Load func(text []byte) (*hclconf.Config, map[string][]byte)
	// Read is what Load read for Config.
	Read map[string][]byte
	// Reload asks for a reload with every signal; nil never does.
	Reload <-chan os.Signal
	// LastGood tells that Config is the last good file, because the one at Path is not to be taken.
	LastGood bool
	// Rejected is the hash of a text that was on trial and not kept; it is taken up only when an operator asks for it.
	Rejected string
}

// Run runs the node until ctx ends, and then stops it within 20 s and returns nil. Any other end is an error that says
// why; it is a *server.Error where a value of the file is at fault, and then nothing was written to the store.
func Run(ctx context.Context, c Config) error {
	id, err := server.NewIdentity()
	if err != nil {
		return err
	}
	d := &daemon{Config: c, id: id, started: time.Now(), running: c.Topology, listening: make(chan struct{}), seen: map[string]api.Node{}, kept: map[string][]byte{}, jobs: map[string]*job{}}
	d.drained = d.wasDrained()
	d.trialOver = time.NewTimer(0)
	d.trialOver.Stop()
	if c.File != nil {
		d.watcher = hclconf.NewWatcher(c.File.Path)
		read := d.depends(c.File.Config, c.File.Read)
		for _, f := range d.unfit(c.File.Config, read) {
			c.Log.Error("peers do not accept this node's certificate", "because", f.Detail, "try", f.Hint)
		}
		d.file, d.read = c.File.Config, read
		d.since = d.started
		d.rejected = c.File.Rejected
		d.last = d.firstLook()
	}
	ctx, stop := context.WithCancel(ctx)
	d.ctx = ctx
	defer d.working.Wait()
	defer stop()
	if c.File != nil {
		if d.running, err = d.toStart(ctx, c.Topology); err != nil {
			return err
		}
		if d.pending = pendingRestart(d.running, d.file, d.Node); len(d.pending) > 0 {
			d.last.Result = api.ReloadPending
		}
	}
	var g errgroup.Group
	g.Go(func() error { defer stop(); return d.lives(ctx) })
	if !c.blind {
		g.Go(func() error { return d.overlook(ctx) })
	}
	if c.File != nil {
		g.Go(func() error { return d.follow(ctx) })
		g.Go(func() error { return d.inTurn(ctx) })
	}
	if c.Socket != "" {
		g.Go(func() error { return d.serve(ctx) })
	}
	return g.Wait()
}

// daemon is one Run.
type daemon struct {
	Config
	ctx     context.Context // of Run, for what a request starts and must outlive it
	id      server.Identity
	started time.Time
	watcher *hclconf.Watcher // nil without a file

	// changing is held while a reload is under way, and while a restart has no server. It guards the next four.
	changing  sync.Mutex
	read      map[string][]byte // the files besides the unibus file that file depends on, as they were read for it
	rejected  string            // the hash of a text that was on trial and not kept
	kept      map[string][]byte // the last good file, as it was written last, by where
	trialOver *time.Timer

	mu      sync.Mutex
	srv     *server.Server     // nil while no server listens
	conns   *connections       // of srv
	served  string             // what srv was given, in short
	told    map[string]string  // what srv tells stock tools
	running *schema.Topology   // what srv runs, or will run when it starts
	stop    context.CancelFunc // ends this life of the server
	rerun   context.CancelFunc // makes bootstrap look at running again
	file    *hclconf.Config    // what was accepted last; nil without a file
	before  *hclconf.Config    // what counted until file did; nil since a start and since a trial was over
	since   time.Time          // since when
	last    *api.Reload
	pending []api.Pending // what of file waits for a restart
	waiting string        // what a restart in turn waits for
	busy    bool          // it is this node's turn
	assets  bootstrap.Status
	// declared is whose assets bootstrap keeps, forgotten what earlier files of this process declared besides.
	declared  *schema.Topology
	forgotten []bootstrap.Gone
	trial     *trial
	seen      map[string]api.Node // the last report of every node
	drained   bool                // this node is to hold nothing
	without   []string            // the nodes that the first election does not wait for
	jobs      map[string]*job     // what operators have asked for, by action and node
	working   sync.WaitGroup      // the jobs that are under way
	view      collector

	previous *schema.Topology // what ran before the restart that is under way
	failed   string           // why the last restart went back to it
	up       chan struct{}    // closed when the next server listens

	leaseLeft atomic.Bool // a lease of this node may be there that it does not use

	listening chan struct{} // closed when the first server listens
	once      sync.Once
}

// lives runs one server after the other until ctx ends or one fails.
func (d *daemon) lives(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := d.live(ctx); err != nil && !d.goBack(err) {
			return err
		}
		d.reached("server stopped")
	}
	return nil
}

// reached tells a test that a step is done.
func (d *daemon) reached(step string) {
	if d.step != nil {
		d.step(step)
	}
}

// goBack makes the topology that ran before a restart run again when the new one does not start. It is false when there
// is none.
func (d *daemon) goBack(err error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.previous == nil {
		return false
	}
	d.Log.Error("the server does not start with the new file, the old one runs again", "error", err)
	d.running, d.previous = d.previous, nil
	d.pending = pendingRestart(d.running, d.file, d.Node)
	d.failed = "the restart failed: " + err.Error()
	return true
}

// serve answers on the socket. A node that cannot be asked still works.
func (d *daemon) serve(ctx context.Context) error {
	if !d.awaitListening(ctx) {
		return nil
	}
	if err := api.Serve(ctx, d.Socket, api.Handler{Status: d.status, Events: d.events, Reload: d.reload, Vitals: d.vitals, Plan: d.plan, Assets: d.describe, Stored: d.stored, Snapshot: d.snapshot, Restore: d.restore, Nodes: d.nodes, Node: d.node}); err != nil {
		d.Log.Error("operators cannot ask this node", "error", err)
	}
	return nil
}

// awaitListening waits for the first server. It is false when ctx ended before.
func (d *daemon) awaitListening(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-d.listening:
		return true
	}
}

// live runs one server. It returns nil when ctx ended it, or a restart.
func (d *daemon) live(ctx context.Context) error {
	d.mu.Lock()
	t := d.running
	d.told = facts(d.file, d.last != nil && d.last.Result == api.ReloadRefused, d.pending)
	told := d.told
	d.mu.Unlock()
	if err := d.decideWithout(t); err != nil {
		return err
	}
	conf, err := d.conf(t)
	if err != nil {
		return err
	}
	d.awaitKnown(ctx, t)
	served := fingerprint(conf)
	conf = conf.WithMetadata(told)
	// The server outlives what uses it, so that in-process connections are closed before it looks for clients to drain.
	serverCtx, stopServer := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServer()
	users, stopUsers := context.WithCancel(ctx)
	defer stopUsers()

	var g errgroup.Group
	ready := make(chan *server.Server, 1)
	g.Go(func() error {
		defer stopUsers()
		return server.Run(serverCtx, conf, d.Log.Named("nats"), func(s *server.Server) { ready <- s })
	})
	g.Go(func() error {
		defer stopServer()
		select {
		case <-users.Done():
			return nil
		case s := <-ready:
			return d.work(users, stopUsers, s, served)
		}
	})
	return g.Wait()
}

// work does what a running server is for, until ctx ends.
func (d *daemon) work(ctx context.Context, stop context.CancelFunc, s *server.Server, served string) error {
	if d.Abrupt {
		context.AfterFunc(d.ctx, s.StopNow)
	}
	conns := newConnections(s, d.id)
	defer conns.close()
	d.mu.Lock()
	d.srv, d.conns, d.stop, d.served, d.previous = s, conns, stop, served, nil
	up := d.up
	d.up = nil
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		d.srv, d.conns = nil, nil
		d.mu.Unlock()
	}()
	if up != nil {
		close(up)
	}
	d.once.Do(func() {
		if d.File != nil {
			d.keepLastGood()
		}
		close(d.listening)
		if d.Ready != nil {
			d.Ready()
		}
	})
	var g errgroup.Group
	g.Go(func() error { return d.answer(ctx, conns) })
	g.Go(func() error { return d.belong(ctx, s, conns) })
	g.Go(func() error { return d.serveWeb(ctx, s) })
	if !d.blind {
		g.Go(func() error { return d.observe(ctx, s) })
		g.Go(func() error { return d.tell(ctx, s, conns) })
	}
	g.Go(func() error { return d.keepAssets(ctx, s, conns) })
	if err := g.Wait(); ctx.Err() == nil {
		return err
	}
	return nil // A server that stops breaks the connections to it.
}

// keepAssets runs bootstrap, and runs it anew with every topology that is taken up.
func (d *daemon) keepAssets(ctx context.Context, s *server.Server, conns *connections) error {
	for ctx.Err() == nil {
		run, rerun := context.WithCancel(ctx)
		d.mu.Lock()
		t := d.running
		if d.declared != nil {
			d.forgotten = bootstrap.Forgotten(d.forgotten, d.declared, t)
		}
		gone := d.forgotten
		d.declared, d.rerun, d.assets.Phase = t, rerun, bootstrap.Waiting
		d.mu.Unlock()
		err := bootstrap.Run(run, bootstrap.Config{
			Topology:  t,
			Node:      d.Node,
			Meta:      meta(t, d.Node, s),
			Connected: s.Peers,
			Drained:   d.drainedNodes,
			JetStream: conns.jetStream,
			StepDown:  d.stepDownMeta,
			Without:   d.waitsNotFor(),
			Gone:      gone,
			Report:    d.report,
		}, d.Log.Named("bootstrap"))
		rerun()
		if err != nil {
			return err
		}
	}
	return nil
}

// meta is the meta group as bootstrap wants to know it. A standalone node has none and decides alone.
func meta(t *schema.Topology, node string, s *server.Server) func() bootstrap.Meta {
	if t.Standalone() {
		return func() bootstrap.Meta {
			return bootstrap.Meta{Leader: node, IsLeader: true, Size: 1, EverHadLeader: true}
		}
	}
	return func() bootstrap.Meta {
		m := s.Meta()
		return bootstrap.Meta{Leader: m.Leader, IsLeader: m.IsLeader, Size: m.Size, EverHadLeader: m.EverHadLeader}
	}
}

func (d *daemon) report(s bootstrap.Status) {
	d.mu.Lock()
	d.assets = s
	d.mu.Unlock()
	if d.Report != nil {
		d.Report(s)
	}
}

// conf is what a topology makes this node run.
func (d *daemon) conf(t *schema.Topology) (server.Conf, error) {
	conf, err := server.NewConf(t, d.Node, d.id)
	return conf.WithDebug(d.NATSDebug).WithDrained(d.isDrained()).WithoutNodes(d.waitsNotFor()), err
}

// facts are what every stock tool shows of a node: whose file it runs, whether the last one was refused, and what waits
// for a restart. Nothing in them changes unless something has happened, because each change is a reload of the server.
func facts(file *hclconf.Config, refused bool, pending []api.Pending) map[string]string {
	if file == nil {
		return nil
	}
	f := map[string]string{"unibus_digest": file.Digest, "unibus_file": file.FileHash, "unibus_reload": api.ReloadApplied}
	if refused {
		f["unibus_reload"] = api.ReloadRefused
	}
	if len(pending) > 0 {
		f["unibus_pending_restart"] = attributes(pending)
	}
	return f
}

// current is the running server with its connections; both are nil while there is none.
func (d *daemon) current() (*server.Server, *connections) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.srv, d.conns
}

// errNoServer is that the node is between two lives of its server.
var errNoServer = errors.New("the server is restarting")
