package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const startNotes = "" +
	"Three processes with empty stores on one disk, from exec to five declared R3 buckets that are current: the leader calls\n" +
	"both followers current and reports no reconfiguration (`cluster.desired`). A client of its own, the same for both, asks\n" +
	"every 5 ms. The stock servers run the nats.conf that `unibus render` prints, and a script makes the buckets, one after the\n" +
	"other. The script is `until nats kv add NAME --replicas 3; do sleep 1; done`, with natscli's timeout of 5 s and a connection\n" +
	"for each attempt, but without the time its processes take to start. The tight script, which nobody writes, keeps its\n" +
	"connection, waits 250 ms for an answer and tries again after 10 ms. Until JetStream answers is the part of it in which the\n" +
	"meta group elects its first leader, at a random moment of its own; a vote that comes to nothing costs seconds. `unibus dev`\n" +
	"runs the same topology in one process, until the command after --exec starts."

// script is how somebody creates the buckets on stock servers.
type script struct {
	name     string
	timeout  time.Duration // of one attempt
	pause    time.Duration // after one that failed
	reusable bool          // the connection outlives an attempt
}

var (
	shell = script{"script", 5 * time.Second, time.Second, false}
	tight = script{"tight script", 250 * time.Millisecond, 10 * time.Millisecond, true}
)

// startLimit is how long a start may take before something is wrong, and bucketLimit what each bucket adds.
const (
	startLimit  = time.Minute
	bucketLimit = time.Second / 2
)

// begun is how long a cold start took, in milliseconds: until JetStream answers, and in all.
type begun struct{ formed, current float64 }

// slow is a start in which the first election failed.
const slow = 2000

func measureStart(ctx context.Context, r *rig, s scale) ([]row, error) {
	var rows []row
	for _, tls := range []bool{false, true} {
		transport := "clear text"
		if tls {
			transport = "TLS"
		}
		// In turn: ours, the script, the tight script, and that again to know the noise.
		var all [4][]begun
		for i := range s.starts {
			for j, sc := range []script{{}, shell, tight, tight} {
				k := stock
				if j == 0 {
					k = ours
				}
				b, err := r.coldStart(ctx, k, tls, sc)
				if err != nil {
					return nil, err
				}
				all[j] = append(all[j], b)
			}
			r.say("cold start, %s, %d of %d: unibus %.0f ms, stock %.0f, %.0f, %.0f ms", transport, i+1, s.starts,
				all[0][i].current, all[1][i].current, all[2][i].current, all[3][i].current)
		}
		rows = append(rows, startRows(transport, all)...)
	}
	dev, err := r.measureDev(ctx, s)
	if err != nil {
		return nil, err
	}
	return append(rows, dev), nil
}

// measureDev measures the same topology in one process.
func (r *rig) measureDev(ctx context.Context, s scale) (row, error) {
	var took []float64
	for range s.starts {
		d, err := r.dev(ctx)
		if err != nil {
			return row{}, err
		}
		took = append(took, milliseconds(d))
	}
	r.say("unibus dev: %.0f ms", took)
	return single("unibus dev, TLS", " ms", took, atMost(1000)), nil
}

// dev is the time from the start of unibus dev to the command that it runs when every bucket is at its target.
func (r *rig) dev(ctx context.Context) (took time.Duration, err error) {
	c, err := r.newCluster(ctx, ours, true)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	cmd := exec.CommandContext(ctx, r.unibus, "dev", c.file, "--keep", filepath.Join(c.dir, "dev"), "--exec", "echo", "there")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	_, err = bufio.NewReader(stdout).ReadString('\n')
	took = time.Since(begin)
	return took, errors.Join(err, cmd.Wait())
}

func startRows(transport string, all [4][]begun) []row {
	var formed, current, after [4][]float64
	late := [4]int{}
	for j, starts := range all {
		for _, b := range starts {
			formed[j] = append(formed[j], b.formed)
			current[j] = append(current[j], b.current)
			after[j] = append(after[j], b.current-b.formed)
			if b.formed > slow {
				late[j]++
			}
		}
	}
	n := len(all[0])
	return []row{
		compare(transport+", against the script", " ms", current[0], current[1], nil, atMost(0.8)),
		compare(transport+", against the tight script", " ms", current[0], current[2], current[3], atMost(0.8)),
		compare("… until JetStream answers", " ms", formed[0], formed[2], formed[3], limit{}),
		compare("… from then on", " ms", after[0], after[2], after[3], limit{}),
		{
			what:      fmt.Sprintf("… elections of more than %d s", slow/1000),
			ours:      fmt.Sprintf("%d of %d", late[0], n),
			reference: fmt.Sprintf("%d of %d", late[1]+late[2]+late[3], 3*n),
		},
	}
}

// coldStart starts three processes and waits for five current buckets.
func (r *rig) coldStart(ctx context.Context, k kind, tls bool, s script) (b begun, err error) {
	c, err := r.newCluster(ctx, k, tls)
	if err != nil {
		return begun{}, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	return c.bringUp(ctx, s)
}

// bringUp starts a cluster and returns when all its buckets are current. Stock servers get theirs from a script.
func (c *cluster) bringUp(ctx context.Context, s script) (begun, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit+time.Duration(len(c.buckets))*bucketLimit)
	defer cancel()
	begin := time.Now()
	if err := c.start(); err != nil {
		return begun{}, err
	}
	scripted := make(chan error, 1)
	go func() {
		if c.kind == stock {
			scripted <- s.run(ctx, c)
			return
		}
		scripted <- nil
	}()
	formed, err := c.await(ctx)
	if err != nil {
		cancel()
	}
	b := begun{formed: milliseconds(formed.Sub(begin)), current: milliseconds(time.Since(begin))}
	return b, errors.Join(err, <-scripted)
}

// await returns when every bucket has three current replicas and nothing about it is in progress, and says when
// JetStream has answered for the first time.
func (c *cluster) await(ctx context.Context) (formed time.Time, err error) {
	nc, err := c.connect(ctx, 0)
	if err != nil {
		return formed, err
	}
	defer nc.Close()
	if err := ask(ctx, nc, "$JS.API.INFO", answered); err != nil {
		return formed, fmt.Errorf("JetStream: %w", err)
	}
	formed = time.Now()
	for _, name := range c.buckets {
		isCurrent := func(reply []byte) bool { return current(reply, "KV_"+name) }
		if err := ask(ctx, nc, "$JS.API.STREAM.INFO.KV_"+name, isCurrent); err != nil {
			return formed, fmt.Errorf("bucket %q: %w", name, err)
		}
	}
	return formed, nil
}

// answered tells whether a reply to $JS.API.INFO is one: the information on the account comes from the meta leader.
func answered(reply []byte) bool {
	var r jetstream.AccountInfo
	return json.Unmarshal(reply, &r) == nil && r.API.Level > 0
}

// ask sends a request every 5 ms until an answer is the right one. A request that nobody answers holds up nothing.
func ask(ctx context.Context, nc *nats.Conn, subject string, right func(reply []byte) bool) error {
	replies, inbox := make(chan *nats.Msg, 1024), nats.NewInbox()
	sub, err := nc.ChanSubscribe(inbox, replies)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := nc.PublishRequest(subject, inbox, nil); err != nil {
			return err
		}
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-tick.C:
				waiting = false
			case m := <-replies:
				if right(m.Data) {
					return nil
				}
			}
		}
	}
}

// current tells whether an answer to STREAM.INFO is about that stream and says that all is well with it.
func current(reply []byte, stream string) bool {
	var info jetstream.StreamInfo
	if json.Unmarshal(reply, &info) != nil || info.Config.Name != stream || info.Cluster == nil {
		return false
	}
	c := info.Cluster
	if c.Leader == "" || c.Desired != nil || len(c.Replicas) != nodes-1 {
		return false
	}
	for _, p := range c.Replicas {
		if !p.Current || p.Offline {
			return false
		}
	}
	return true
}

// run creates the buckets one after the other.
func (s script) run(ctx context.Context, c *cluster) error {
	var nc *nats.Conn
	defer func() {
		if nc != nil {
			nc.Close()
		}
	}()
	for _, name := range c.buckets {
		for {
			var err error
			if nc == nil {
				nc, err = c.dial(0)
			}
			if err == nil {
				err = s.add(ctx, nc, name)
				if !s.reusable {
					nc.Close()
					nc = nil
				}
			}
			if err == nil {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("create bucket %q: %w", name, err)
			case <-time.After(s.pause):
			}
		}
	}
	return nil
}

func (s script) add(ctx context.Context, nc *nats.Conn, name string) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	_, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: name, Replicas: nodes})
	return err
}
