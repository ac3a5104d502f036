package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
	"unibus/internal/bootstrap"
	"unibus/internal/hclconf"
)

const assetsNotes = "" +
	"Three processes with empty stores on one disk and a file with many R3 buckets, from the first answer of JetStream until all\n" +
	"of them are current. On the stock servers a loop calls CreateKeyValue of nats.go for one after the other; a client of its\n" +
	"own, the same for both, asks for each in turn every 5 ms until it is current. Then what it takes a node that knows nothing\n" +
	"yet to find that all are as declared: passes of the code that the daemon runs, over a connection to the same cluster. Updates\n" +
	"are counted from outside, those of the daemons included."

// loop is the simplest program that creates buckets.
var loop = script{"loop", time.Second, 10 * time.Millisecond, true}

// passes is how often it is measured what it takes to find that nothing has to be done.
const passes = 5

// idlers are such passes.
type idlers struct {
	took     []float64 // milliseconds
	requests []float64 // of the pass itself
	updates  int64     // that anybody has made in the meantime
}

func measureAssets(ctx context.Context, r *rig, s scale) ([]row, error) {
	names := make([]string, s.assets)
	for i := range names {
		names[i] = fmt.Sprintf("bucket-%d", i)
	}
	reference, _, err := r.createAll(ctx, stock, names)
	if err != nil {
		return nil, err
	}
	r.say("%d buckets: nats.go loop %.0f s", s.assets, reference/1000)
	created, p, err := r.createAll(ctx, ours, names)
	if err != nil {
		return nil, err
	}
	r.say("%d buckets: unibus %.0f s; passes %.0f ms, %.0f requests, %d updates", s.assets, created/1000, p.took, p.requests, p.updates)
	var each []float64
	for _, n := range p.requests {
		each = append(each, n/float64(s.assets))
	}
	none := row{what: "… API updates", ours: fmt.Sprint(p.updates), target: "0", met: "no"}
	if p.updates == 0 {
		none.met = "yes"
	}
	return []row{
		compare(fmt.Sprintf("%d R3 buckets", s.assets), " s", []float64{created / 1000}, []float64{reference / 1000}, nil, atMost(0.5)),
		single("a pass that changes nothing", " ms", p.took, atMost(1000)),
		single("… API requests for each bucket", "", each, atMost(1)),
		none,
	}, nil
}

// createAll is how many milliseconds a cluster needs for its buckets; of ours also what a pass takes afterwards.
func (r *rig) createAll(ctx context.Context, k kind, names []string) (took float64, p idlers, err error) {
	c, err := r.newClusterOf(ctx, k, false, names)
	if err != nil {
		return 0, p, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	b, err := c.bringUp(ctx, loop)
	if err == nil && k == ours {
		p, err = c.idle(ctx)
	}
	return b.current - b.formed, p, err
}

// idle makes passes over a cluster that has everything.
func (c *cluster) idle(ctx context.Context) (p idlers, err error) {
	text, err := os.ReadFile(c.file)
	if err != nil {
		return p, err
	}
	f := hclconf.Load(c.file, text, hclconf.Host{Node: nodeName(0)})
	if f.Topology == nil {
		return p, f.Diagnostics
	}
	nc, err := c.connect(ctx, 0)
	if err != nil {
		return p, err
	}
	defer nc.Close()
	updates, err := countUpdates(nc)
	if err != nil {
		return p, err
	}
	for range passes {
		if _, err := c.await(ctx); err != nil {
			return p, err
		}
		took, requests, err := pass(ctx, f.Topology, nc)
		if err != nil {
			return p, err
		}
		p.took, p.requests = append(p.took, took), append(p.requests, requests)
	}
	err = nc.Flush()
	p.updates = updates.Load()
	return p, err
}

// pass looks at all assets as the node of the meta leader does after its start.
func pass(ctx context.Context, t *schema.Topology, nc *nats.Conn) (took, requests float64, err error) {
	var sent atomic.Int64
	js, err := jetstream.New(nc, jetstream.WithClientTrace(&jetstream.ClientTrace{
		RequestSent: func(string, []byte) { sent.Add(1) },
	}))
	if err != nil {
		return 0, 0, err
	}
	ctx, stop := context.WithTimeout(ctx, startLimit)
	defer stop()
	begin := time.Now()
	err = bootstrap.Run(ctx, bootstrap.Config{
		Topology: t, Node: nodeName(0),
		Meta: func() bootstrap.Meta {
			return bootstrap.Meta{Leader: nodeName(0), IsLeader: true, Size: nodes, EverHadLeader: true}
		},
		Connected: func() []string { return []string{nodeName(1), nodeName(2)} },
		JetStream: func(string) (jetstream.JetStream, error) { return js, nil },
		StepDown:  func(context.Context) error { return errors.New("there is no other node") },
		Report: func(s bootstrap.Status) {
			if s.Phase == bootstrap.Ready && requests == 0 {
				took, requests = milliseconds(time.Since(begin)), float64(sent.Load())
				stop()
			}
		},
	}, hclog.NewNullLogger())
	if err == nil && requests == 0 {
		err = errors.New("a pass found something to do")
	}
	return took, requests, err
}

// countUpdates counts every request that changes a stream, from now on.
func countUpdates(nc *nats.Conn) (*atomic.Int64, error) {
	n := &atomic.Int64{}
	for _, verb := range []string{"CREATE", "UPDATE", "DELETE", "PURGE"} {
		if _, err := nc.Subscribe("$JS.API.STREAM."+verb+".>", func(*nats.Msg) { n.Add(1) }); err != nil {
			return nil, err
		}
	}
	return n, nc.Flush()
}
