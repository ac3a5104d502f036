package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/config/schema"
	"unibus/internal/api"
	"unibus/internal/server"
)

// Nobody asks: every node tells all others how it is once a second, and at once when it has changed. A snapshot is made
// from what was heard, so it costs no message, and who is not heard is down.
const (
	// tick is how often a node looks whether it has something new to tell.
	tick = 250 * time.Millisecond
	// beats is after how many ticks it tells even if it has not.
	beats = 4
	// quietTicks is how many ticks without a word make a node down. Ticks of this node are counted, not seconds: one that
	// was paused itself, or had no processor, does not think that all others are gone.
	quietTicks = 10
	// doubtTicks is how many make this node dial the silent one, to know why. They are more than beats, because who is
	// dialled takes note of it.
	doubtTicks = 6
	// goneTicks is how many make it down if there is no route to it either.
	goneTicks = 6
	// wholeTicks is after how many ticks the streams are told even if they have not changed, for who has come since.
	wholeTicks = 40
	// lookEvery is how often the streams of this node are looked at, if that takes no more than a part in lookShare of
	// the time; with very many it is less often, up to lookRarely.
	lookEvery  = time.Second
	lookShare  = 300
	lookRarely = 5 * time.Second
	// dialWait is how long dialling a silent node may take.
	dialWait = 900 * time.Millisecond
	// troubleFor is how long what nats-server says about a route explains why there is none.
	troubleFor = 15 * time.Second
)

// collector is what a node knows of itself and of the others.
type collector struct {
	mu      sync.Mutex
	look    server.Look
	disk    api.Disk
	cert    certFile
	others  map[string]*other
	settled time.Time // since when everything is healthy and settled; zero when it is not
	watch   watching

	unlinked map[[2]string]time.Time // since when two nodes that are up have no route
}

// other is what is known of another node.
type other struct {
	report
	heard   bool
	quiet   int // ticks since it was heard
	dialing bool
	dialled string // what came of dialling it while it is silent
	reached bool   // it accepted the connection
	linked  bool   // this node's server reaches it
}

// describe adds what the last look has shown to the node's own report.
func (c *collector) describe(v *api.Node, n *schema.Node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v.Unsettled = orNil(c.look.Unsettled)
	v.Disk = c.disk
	if n.JetStream.Enabled {
		on := c.look.JetStream
		v.JetStream = &on
	}
	if leaf := c.cert.leaf; n.TLS != nil && leaf != nil {
		end := leaf.NotAfter.UTC()
		v.CertNotAfter, v.CertSoon = &end, endsSoon(leaf, time.Now())
	}
}

// down tells whether a node has been silent for too long.
func (o other) down() bool {
	return o.quiet >= quietTicks || o.heard && o.quiet >= goneTicks && !o.linked
}

// learn takes in the report of another node.
func (d *daemon) learn(data []byte) {
	var r report
	if json.Unmarshal(data, &r) != nil || r.Node.Name == d.Node {
		return
	}
	now := time.Now().UTC()
	r.Node.LastSeen = &now
	d.saw(map[string]api.Node{r.Node.Name: r.Node})
	d.view.mu.Lock()
	defer d.view.mu.Unlock()
	o := d.view.of(r.Node.Name)
	if r.Leads == nil {
		r.Leads = o.Leads
	}
	*o = other{report: r, heard: true, dialing: o.dialing, linked: o.linked}
}

// of is what is known of another node. c.mu must be held.
func (c *collector) of(name string) *other {
	if c.others == nil {
		c.others = map[string]*other{}
	}
	if c.others[name] == nil {
		c.others[name] = &other{}
	}
	return c.others[name]
}

// observe looks at this node's streams, disk and certificate until ctx ends.
func (d *daemon) observe(ctx context.Context, s *server.Server) error {
	var cost time.Duration // of a look, without the time that the machine was busy with something else
	for {
		start := time.Now()
		t, _ := d.runs()
		_, n := t.Node(d.Node)
		look, space := s.Look(), disk(filepath.Join(n.JetStream.StoreDir, n.Name))
		d.view.mu.Lock()
		d.view.look, d.view.disk = look, space
		if n.TLS != nil {
			d.view.cert.read(n.TLS.CertFile)
		}
		d.view.mu.Unlock()
		took := time.Since(start)
		if cost = cost * 5 / 4; cost == 0 || took < cost {
			cost = took
		}
		if !pause(ctx, min(max(lookEvery, lookShare*cost), lookRarely)) {
			return nil
		}
	}
}

// tell tells the other nodes how this one is, and counts for how long they have been silent, until ctx ends.
func (d *daemon) tell(ctx context.Context, s *server.Server, conns *connections) error {
	nc, err := conns.conn(schema.SystemAccount)
	if err != nil {
		return err
	}
	var dials sync.WaitGroup
	defer dials.Wait()
	var last report
	for n := 0; ; n++ {
		d.listen(ctx, s, &dials)
		r := d.says(s)
		leads := r.Leads
		if n%wholeTicks != 0 && reflect.DeepEqual(leads, last.Leads) {
			r.Leads = nil
		}
		if n%beats == 0 || r.Leads != nil || changed(r.Node, last.Node) {
			b, err := json.Marshal(r)
			if err == nil {
				_ = nc.Publish(reportSubject, b) // the next one is soon
			}
			last = r
			last.Leads = leads
		}
		if !pause(ctx, tick) {
			return d.farewell(nc)
		}
	}
}

// farewell tells the others that this node does not come back by itself.
func (d *daemon) farewell(nc *nats.Conn) error {
	if d.ctx.Err() == nil {
		return nil
	}
	r := report{Node: d.self()}
	r.Node.State, r.Node.Reason = api.StateDown, orNil("it was stopped")
	if b, err := json.Marshal(r); err == nil {
		_ = nc.Publish(reportSubject, b)
		_ = nc.FlushTimeout(tick)
	}
	return nil
}

// says is what this node says of itself now.
func (d *daemon) says(s *server.Server) report {
	r := report{Node: d.self(), Meta: metaOf(s)}
	d.view.mu.Lock()
	r.Leads = d.view.look.Streams
	d.view.mu.Unlock()
	if r.Leads == nil {
		r.Leads = []server.Stream{}
	}
	return r
}

func metaOf(s *server.Server) api.Meta {
	m := s.Meta()
	return api.Meta{Leader: orNil(m.Leader), Peers: m.Size, Quorum: m.Quorum}
}

// changed tells whether a node has something to tell that cannot wait.
func changed(a, b api.Node) bool {
	for _, n := range []*api.Node{&a, &b} {
		n.LastSeen, n.UptimeSeconds, n.Disk = nil, nil, api.Disk{}
	}
	return !reflect.DeepEqual(a, b)
}

// listen counts the ticks of silence of every other node, and dials those that have been silent for long.
func (d *daemon) listen(ctx context.Context, s *server.Server, dials *sync.WaitGroup) {
	t, _ := d.runs()
	here, _ := t.Node(d.Node)
	c := &d.view
	c.mu.Lock()
	defer c.mu.Unlock()
	declared, peers := map[string]bool{}, s.Peers()
	for _, n := range t.Nodes() {
		if n.Name == d.Node {
			continue
		}
		declared[n.Name] = true
		o := c.of(n.Name)
		o.quiet++
		o.linked = slices.Contains(peers, n.Name)
		again := 1
		if o.reached { // it would take note of every connection once it goes on
			again = 4
		}
		if o.quiet < doubtTicks || o.dialing || (o.quiet-doubtTicks)%(again*beats) != 0 {
			continue
		}
		o.dialing = true
		address := dialled(t, here, n)
		dials.Go(func() { c.dial(ctx, s, n.Name, address) })
	}
	maps.DeleteFunc(c.others, func(name string, _ *other) bool { return !declared[name] })
}

// dialled is the address at which a node of the cluster called here reaches another one.
func dialled(t *schema.Topology, here *schema.Cluster, n *schema.Node) string {
	port := n.ClusterPort
	if c, _ := t.Node(n.Name); c != here {
		port = n.GatewayPort
	}
	return net.JoinHostPort(n.Address, strconv.Itoa(port))
}

// dial finds out why a node is silent.
func (c *collector) dial(ctx context.Context, s *server.Server, name, address string) {
	d := net.Dialer{Timeout: dialWait}
	conn, err := d.DialContext(ctx, "tcp", address)
	why := ""
	switch fault := routeFault(s, name); {
	case err != nil:
		why = dialError(address, err)
	case fault != "" && !slices.Contains(s.Peers(), name):
		why = fmt.Sprintf("no route to %s: %s", address, fault)
	default:
		why = fmt.Sprintf("%s accepts connections, but it says nothing: it is paused or hangs", address)
	}
	if conn != nil {
		_ = conn.Close()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.of(name)
	o.dialing = false
	if o.quiet > 0 {
		o.dialled, o.reached = why, err == nil
	}
}

// routeFault is why the last attempt to make a route to a node failed; "" when none has of late.
func routeFault(s *server.Server, name string) string {
	why := ""
	for _, t := range s.Troubles(time.Now().Add(-troubleFor)) {
		if t.Peer == name {
			why = t.Reason
		}
	}
	return why
}

// dialError is why an address cannot be dialled, in the words of cli tools everywhere.
func dialError(address string, err error) string {
	why := err.Error()
	var slow net.Error
	var errno syscall.Errno
	switch {
	case errors.As(err, &slow) && slow.Timeout():
		why = "no answer, its host is off or cut off"
	case errors.As(err, &errno):
		why = errno.Error()
	}
	return fmt.Sprintf("dial %s: %s", address, why)
}
