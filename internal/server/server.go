// Package server turns a topology and the name of one of its nodes into nats.conf text, and that text into a running
// nats-server inside this process. It is the only package that knows nats-server.
//
// Conf is pure: text, options and nats-server's own opinion about them. Run owns one server from its first listener to
// its last goroutine. Store, ports, log lines and the authentication of routes are Run's too.
package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	natsserver "github.com/nats-io/nats-server/v2/server"

	"unibus/config/schema"
)

// Server is one running node. Its methods may be called by any goroutine, also after Run has returned.
type Server struct {
	nats *natsserver.Server
	log  *natsLog
	auth *routeAuth // nil when the node is the only one of its file
	now  chan struct{}
	stop sync.Once

	reload sync.Mutex
	conf   Conf
	urls   map[string]*url.URL // of the routes, as they are dialled
	late   []string            // the peers that are not dialled as conf says yet
	lured  bool                // routes to strangers are configured, so that the next reload closes them
	former map[string]string   // the addresses of nodes that have left the file since the start
}

// Run runs the node until ctx ends, and then returns nil: leaderships are handed over, clients sent away and everything
// is stopped within 20 s. Any other end is an error that says why; it is an *Error where a value of the file is at
// fault, and then nothing was written to the store.
//
// When the listeners are bound it calls ready, which must not block. In-process connections are the caller's: they
// must be closed before ctx ends, or the stop waits for them as for any other client.
func Run(ctx context.Context, c Conf, log hclog.Logger, ready func(*Server)) error {
	st, err := c.open()
	if err != nil {
		return err
	}
	defer st.close()
	if len(c.without) > 0 {
		if err := c.forgetMeta(); err != nil {
			return err
		}
	}
	s, err := newServer(c, log)
	if err != nil {
		return err
	}
	defer s.log.folder.close()
	if err := st.claim(c); err != nil {
		return err
	}
	if err := c.distrust(); err != nil {
		log.Warn("other nodes will not accept this node's certificate", "reason", err)
	}
	return s.run(ctx, ready)
}

// open does what must be settled before anything is written.
func (c Conf) open() (*store, error) {
	st, err := openStore(c)
	if err != nil {
		return nil, err
	}
	if err := c.checkPorts(); err != nil {
		st.close()
		return nil, err
	}
	return st, nil
}

// solicitDelay is how long a server waits before it dials other clusters, whose nodes then listen, if all are started
// together. On empty stores the first vote of the meta group is asked for 0.1 to 0.8 s after the start, needs everybody, and
// is repeated only after 4 to 9 s (nats-server v2.15.2, Campaign); the second that nats-server waits by itself
// (startGateways) makes it fail every time.
const solicitDelay = 80 * time.Millisecond

// newServer opens nothing yet.
func newServer(c Conf, log hclog.Logger) (*Server, error) {
	opts, err := c.Options()
	if err != nil {
		return nil, err
	}
	urls := c.routeURLs(opts)
	if c.topology.Supercluster() {
		natsserver.SetGatewaysSolicitDelay(solicitDelay)
	}
	nats, err := natsserver.NewServer(opts)
	if err != nil {
		return nil, c.refusal(err)
	}
	s := &Server{nats: nats, log: newNatsLog(log, c), now: make(chan struct{}), conf: c, urls: urls, former: map[string]string{}}
	if auth, ok := opts.CustomRouterAuthentication.(*routeAuth); ok {
		auth.refused = s.log.refusedRoute
		s.auth = auth
	}
	nats.SetLoggerV2(s.log, opts.Debug, opts.Trace, false)
	return s, nil
}

func (s *Server) run(ctx context.Context, ready func(*Server)) error {
	started := make(chan struct{})
	go func() {
		defer close(started)
		s.nats.Start()
	}()
	if err := s.awaitListeners(ctx); err != nil {
		s.settle(started)
		return errors.Join(err, s.shutdown(stopLimit))
	}
	if ctx.Err() != nil {
		return s.shutdown(stopLimit - lameDuckLimit)
	}
	ready(s)
	second := time.NewTicker(time.Second)
	defer second.Stop()
	var peers []string
	away := map[string]int{}
	for {
		select {
		case err := <-s.log.fatal:
			return errors.Join(err, s.shutdown(stopLimit))
		case <-s.now:
			return s.shutdown(stopLimit)
		case <-ctx.Done():
			return s.drain()
		case now := <-second.C:
			s.log.folder.flush(now)
			peers = s.logPeers(ctx, peers)
			s.tend(away)
		}
	}
}

// logPeers writes down who has come and gone since the last time. When this server is about to stop, the others may be,
// too, and that is not worth a line.
func (s *Server) logPeers(ctx context.Context, before []string) []string {
	after := s.Peers()
	select {
	case <-ctx.Done():
		return before
	case <-s.now:
		return before
	default:
	}
	for _, p := range after {
		if !slices.Contains(before, p) {
			s.log.log.Info("connected", "peer", p)
		}
	}
	for _, p := range before {
		if !slices.Contains(after, p) {
			s.log.log.Warn("disconnected", "peer", p)
		}
	}
	return after
}

// awaitListeners returns when every listener is bound. A server that is still recovering its streams is not stopped
// half-way at once when ctx ends: nats-server v2.15.2 would leave listeners behind.
func (s *Server) awaitListeners(ctx context.Context) error {
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	var late <-chan time.Time
	done := ctx.Done()
	for !s.listening() {
		select {
		case err := <-s.log.fatal:
			return err
		case <-done:
			done = nil
			late = time.After(lameDuckLimit)
		case <-late:
			return nil
		case <-poll.C:
		}
	}
	return nil
}

func (s *Server) listening() bool {
	return s.nats.Addr() != nil && (s.auth == nil || s.nats.ClusterAddr() != nil) &&
		(!s.conf.topology.Supercluster() || s.nats.GatewayAddr() != nil)
}

// settle waits until a server that failed to start has nothing under way any more. When its client port cannot be
// bound, nats-server v2.15.2 still opens the cluster port, in a goroutine that Shutdown does not wait for.
func (s *Server) settle(started <-chan struct{}) {
	limit := time.After(250 * time.Millisecond)
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for s.auth != nil && s.nats.ClusterAddr() == nil {
		select {
		case <-limit:
			return
		case <-poll.C:
		}
	}
	select {
	case <-limit:
	case <-started:
	}
}

// drain is the planned stop.
func (s *Server) drain() error {
	s.log.stopping.Store(true)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.nats.LameDuckShutdown()
		s.nats.Shutdown()
		s.nats.WaitForShutdown()
	}()
	select {
	case <-done:
		return nil
	case <-s.now:
	case <-time.After(lameDuckLimit):
	}
	return s.shutdown(stopLimit - lameDuckLimit)
}

// shutdown is the hard stop. Clients are cut off and find another node; what was acknowledged is stored.
func (s *Server) shutdown(limit time.Duration) error {
	s.log.stopping.Store(true)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.nats.Shutdown()
		s.nats.WaitForShutdown()
	}()
	select {
	case <-done:
		return nil
	case <-time.After(limit):
		return fmt.Errorf("nats-server did not stop within %v", limit)
	}
}

// StopNow ends Run at once, also while it drains, and without an error.
func (s *Server) StopNow() { s.stop.Do(func() { close(s.now) }) }

// InProcessConn connects to the server without a network, so that nats.Connect("", nats.InProcessServer(s)) works. It
// needs no TLS, whatever the listener asks for; the login is the one of Identity.
func (s *Server) InProcessConn() (net.Conn, error) { return s.nats.InProcessConn() }

// Peers are the names of the other servers that this one reaches, sorted: those of its cluster to which it has a live
// route, and those of other clusters that nats-server hears from. A node of another cluster that was killed is missed
// only after 150 s (nats-server v2.15.2, events.go, orphMax).
func (s *Server) Peers() []string {
	routes, err := s.nats.Routez(nil)
	if err != nil {
		return nil
	}
	var names []string
	for _, r := range routes.Routes {
		names = append(names, r.RemoteName)
	}
	if c := s.current(); c.topology.Supercluster() {
		names = append(names, s.remotePeers(c)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// current is the configuration that runs. It waits for a reload that is under way.
func (s *Server) current() Conf {
	s.reload.Lock()
	defer s.reload.Unlock()
	return s.conf
}

// remotePeers are the members of the meta group in other clusters that nats-server counts as active.
func (s *Server) remotePeers(c Conf) []string {
	g, ok := s.metaGroup()
	if !ok {
		return nil
	}
	var names []string
	for _, id := range s.nats.ActivePeers() {
		name := g.Peers[id].Name
		if cluster, _ := c.topology.Node(name); cluster != nil && cluster != c.cluster {
			names = append(names, name)
		}
	}
	return names
}

// Meta is what one node knows about the JetStream meta group. The zero value is that of a node that is in none.
type Meta struct {
	// Leader is the name of the leading server; "" while there is none, or its name is not known yet.
	Leader string
	// IsLeader tells whether this node leads and has taken up its work.
	IsLeader bool
	// Size is how many nodes the group has, gone ones included.
	Size int
	// Quorum is how many of them must agree.
	Quorum int
	// EverHadLeader tells whether this node has seen a leader since its start.
	EverHadLeader bool
	// PIndex is the last entry of the log. It is 0 on a node with an empty store that has not heard from a leader.
	PIndex uint64
}

// Meta asks for the state of the meta group, which nats-server v2.15.2 tells truthfully here and not in its health
// checks. It takes microseconds.
func (s *Server) Meta() Meta {
	g, ok := s.metaGroup()
	if !ok {
		return Meta{}
	}
	m := Meta{
		IsLeader:      s.nats.JetStreamIsLeader(),
		Size:          g.Size,
		Quorum:        g.QuorumNeeded,
		EverHadLeader: g.EverHadLeader,
		PIndex:        g.PIndex,
		Leader:        g.Peers[g.Leader].Name,
	}
	if g.Leader == g.ID {
		m.Leader = s.nats.Name()
	}
	return m
}

// metaGroup is the Raft group of the meta group as this node sees it.
func (s *Server) metaGroup() (natsserver.RaftzGroup, bool) {
	const group = "_meta_"
	groups := s.nats.Raftz(&natsserver.RaftzOptions{AccountFilter: schema.SystemAccount, GroupFilter: group})
	if groups == nil {
		return natsserver.RaftzGroup{}, false
	}
	g, ok := (*groups)[schema.SystemAccount][group]
	return g, ok
}

// ClientURL is the address of the client listener, for connecting from this host.
func (s *Server) ClientURL() string { return s.nats.ClientURL() }

// ErrBroken is that nobody knows any more what the server runs; only a restart helps.
var ErrBroken = errors.New("nats-server panicked in a reload")

// Reload changes the running server to another configuration of the same node, without disconnecting anybody who is
// still welcome. It is all or nothing: when nats-server refuses one setting, the error says which, and nothing has
// changed, unless it is ErrBroken. Routes and users that are not welcome any more are cut off before it returns; routes
// that are up stay up, also when they would be dialled with another password or on another port now.
func (s *Server) Reload(c Conf) error { return s.reloadWith(c, nil) }

// reloadWith is Reload with routes to further addresses.
func (s *Server) reloadWith(c Conf, addresses []string) (err error) {
	s.reload.Lock()
	defer s.reload.Unlock()
	if c.cluster.Name != s.conf.cluster.Name || c.node.Name != s.conf.node.Name {
		return fmt.Errorf("node %q of cluster %q cannot become node %q of cluster %q",
			s.conf.node.Name, s.conf.cluster.Name, c.node.Name, c.cluster.Name)
	}
	opts, err := c.Options()
	if err != nil {
		return err
	}
	s.log.redactor.add(c.secrets()) // the reload prints old and new
	urls := c.routeURLs(opts)
	late := s.keepRoutes(urls)
	opts.Routes = alsoTo(opts.Routes, addresses)
	if s.auth != nil {
		s.strangers(c, s.routed())
		old := s.auth.policy.Swap(newRoutePolicy(c))
		defer func() {
			if err != nil {
				s.auth.policy.Store(old)
			}
		}()
	}
	// v2.15.2 can panic here after it has changed some settings, so what runs afterwards is not known.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrBroken, p)
		}
	}()
	if err := s.nats.ReloadOptions(opts); err != nil {
		return errors.New(s.log.redactor.line(err.Error()))
	}
	s.nats.SetLoggerV2(s.log, opts.Debug, opts.Trace, false) // NoLog keeps the reload from doing it
	s.log.peers.Store(newPeers(c))
	for _, n := range s.conf.cluster.Nodes {
		s.former[n.Name] = hostPort(n.Address, n.ClusterPort)
	}
	s.conf, s.urls, s.late, s.lured = c, urls, late, len(addresses) > 0
	return nil
}
