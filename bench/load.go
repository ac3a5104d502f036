package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const loadNotes = "" +
	"The same client code against unibus and two clusters of stock servers with the same settings (sync always), all three up,\n" +
	"measured in turn, on several fresh clusters. Messages have 128 bytes. Publish: one client at node 1 sends to one at node 2,\n" +
	"256 on their way. Request: 8 at a time from node 1, answered by a client at node 2. KV put: 8 at a time, at the leader of an\n" +
	"R3 bucket. Latencies are of these runs, at full load. The clients share the CPUs with the nine servers."

// load is one kind of work. It goes on for about the duration and says what came of it.
type load struct {
	name string
	run  func(ctx context.Context, c *cluster, d time.Duration) (result, error)
}

var loads = []load{{"publish", publish}, {"request", request}, {"KV put", put}}

type result struct {
	perSecond float64
	p99       float64 // in milliseconds
	count     int
	cpu       float64 // that the servers took for one, in microseconds
}

const (
	payload = 128 // bytes of a message
	window  = 256 // published messages on their way
	workers = 8   // requests and puts at a time
)

// trio is a cluster of ours and two of stock servers: what the two differ by is noise.
type trio [3]*cluster

// eachTrio runs fn on fresh clusters, n times.
func (r *rig) eachTrio(ctx context.Context, n int, fn func(trio) error) error {
	for i := range n {
		r.say("clusters %d of %d", i+1, n)
		if err := r.withTrio(ctx, fn); err != nil {
			return err
		}
	}
	return nil
}

func (r *rig) withTrio(ctx context.Context, fn func(trio) error) (err error) {
	var t trio
	for i, k := range []kind{ours, stock, stock} {
		c, err := r.newCluster(ctx, k, false)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, c.close()) }()
		if _, err := c.bringUp(ctx, tight); err != nil {
			return err
		}
		t[i] = c
	}
	return fn(t)
}

// series are the samples of the three clusters of a trio, in turn.
type series [3][]float64

func (s series) row(what, unit string, l limit) row { return compare(what, unit, s[0], s[1], s[2], l) }

func measureLoad(ctx context.Context, r *rig, s scale) ([]row, error) {
	throughput, latency, cpu := make([]series, len(loads)), make([]series, len(loads)), make([]series, len(loads))
	err := r.eachTrio(ctx, s.rounds, func(t trio) error {
		for turn := range s.turns {
			for i, l := range loads {
				for j := range t {
					j = (j + turn) % len(t) // each comes first, second and last equally often
					got, err := t[j].under(ctx, l, s.turn)
					if err != nil {
						return fmt.Errorf("%s: %w", l.name, err)
					}
					throughput[i][j] = append(throughput[i][j], got.perSecond)
					latency[i][j] = append(latency[i][j], got.p99)
					cpu[i][j] = append(cpu[i][j], got.cpu)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var rows []row
	for i, l := range loads {
		rows = append(rows,
			throughput[i].row(l.name, "/s", atLeast(0.97)),
			latency[i].row("… p99", " ms", atMost(1.05)),
			cpu[i].row("… CPU time of the servers for one", " µs", limit{}))
	}
	return rows, nil
}

// under puts a cluster under a load for a while.
func (c *cluster) under(ctx context.Context, l load, d time.Duration) (result, error) {
	before, err := c.usage()
	if err != nil {
		return result{}, err
	}
	got, err := l.run(ctx, c, d)
	if err != nil {
		return result{}, err
	}
	after, err := c.usage()
	got.cpu = 1e6 * nodes * (after.cpu - before.cpu) / float64(got.count)
	return got, err
}

// hammer does the same from many goroutines until the time is up.
func hammer(ctx context.Context, d time.Duration, op func(worker, i int) error) (result, error) {
	begin := time.Now()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var all []float64
	var errs []error
	for w := range workers {
		wg.Go(func() {
			var took []float64
			var err error
			for i := 0; err == nil && ctx.Err() == nil && time.Since(begin) < d; i++ {
				t := time.Now()
				err = op(w, i)
				took = append(took, milliseconds(time.Since(t)))
			}
			mu.Lock()
			defer mu.Unlock()
			all, errs = append(all, took...), append(errs, err)
		})
	}
	wg.Wait()
	return summary(all, time.Since(begin)), errors.Join(append(errs, ctx.Err())...)
}

func summary(took []float64, d time.Duration) result {
	return result{perSecond: float64(len(took)) / d.Seconds(), p99: quantile(took, 0.99), count: len(took)}
}

func milliseconds(d time.Duration) float64 { return 1000 * d.Seconds() }

// pair is a connection to node 1 and one to node 2.
func (c *cluster) pair(ctx context.Context) (one, two *nats.Conn, err error) {
	if one, err = c.connect(ctx, 0); err != nil {
		return nil, nil, err
	}
	if two, err = c.connect(ctx, 1); err != nil {
		one.Close()
		return nil, nil, err
	}
	return one, two, nil
}

// answer subscribes both to what a load sends and, after that, to something that tells when it has arrived everywhere.
func (c *cluster) answer(ctx context.Context, from, to *nats.Conn, handle nats.MsgHandler) error {
	sub, err := to.Subscribe("bench", handle)
	if err != nil {
		return err
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return err
	}
	if _, err := to.Subscribe("bench.there", func(m *nats.Msg) { _ = m.Respond(nil) }); err != nil {
		return err
	}
	for {
		attempt, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		_, err := from.RequestWithContext(attempt, "bench.there", nil)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
}

func publish(ctx context.Context, c *cluster, d time.Duration) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, d+startLimit)
	defer cancel()
	from, to, err := c.pair(ctx)
	if err != nil {
		return result{}, err
	}
	defer from.Close()
	defer to.Close()
	var took []float64
	epoch, flying := time.Now(), make(chan struct{}, window)
	err = c.answer(ctx, from, to, func(m *nats.Msg) {
		sent := time.Duration(binary.LittleEndian.Uint64(m.Data))
		took = append(took, milliseconds(time.Since(epoch)-sent))
		<-flying
	})
	if err != nil {
		return result{}, err
	}
	begin := time.Now()
	msg := make([]byte, payload)
	for time.Since(begin) < d {
		if err := take(ctx, flying, 1); err != nil {
			return result{}, err
		}
		binary.LittleEndian.PutUint64(msg, uint64(time.Since(epoch)))
		if err := from.Publish("bench", msg); err != nil {
			return result{}, err
		}
	}
	if err := take(ctx, flying, window); err != nil { // all have arrived
		return result{}, err
	}
	return summary(took, time.Since(begin)), nil
}

// take waits for so many free places.
func take(ctx context.Context, places chan<- struct{}, n int) error {
	for range n {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func request(ctx context.Context, c *cluster, d time.Duration) (result, error) {
	from, to, err := c.pair(ctx)
	if err != nil {
		return result{}, err
	}
	defer from.Close()
	defer to.Close()
	if err := c.answer(ctx, from, to, func(m *nats.Msg) { _ = m.Respond(m.Data) }); err != nil {
		return result{}, err
	}
	msg := make([]byte, payload)
	return hammer(ctx, d, func(int, int) error {
		_, err := from.RequestWithContext(ctx, "bench", msg)
		return err
	})
}

func put(ctx context.Context, c *cluster, d time.Duration) (result, error) {
	leader, err := c.leader(ctx, buckets[0])
	if err != nil {
		return result{}, err
	}
	nc, err := c.connect(ctx, leader)
	if err != nil {
		return result{}, err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return result{}, err
	}
	kv, err := js.KeyValue(ctx, buckets[0])
	if err != nil {
		return result{}, err
	}
	value := make([]byte, payload)
	return hammer(ctx, d, func(worker, i int) error {
		_, err := kv.Put(ctx, fmt.Sprintf("key.%d.%d", worker, i%100), value)
		return err
	})
}

// leader is the node that leads a bucket.
func (c *cluster) leader(ctx context.Context, bucket string) (int, error) {
	nc, err := c.connect(ctx, 0)
	if err != nil {
		return 0, err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return 0, err
	}
	s, err := js.Stream(ctx, "KV_"+bucket)
	if err != nil {
		return 0, err
	}
	for i := range nodes {
		if s.CachedInfo().Cluster.Leader == nodeName(i) {
			return i, nil
		}
	}
	return 0, fmt.Errorf("bucket %q has no leader", bucket)
}
