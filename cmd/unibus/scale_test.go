//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestKillDuringScaling declares three replicas for many buckets that have one, while an application puts into all of
// them, and kills a node each time some are being scaled. In the end every bucket has its replicas, and each of them what
// was acknowledged.
func TestKillDuringScaling(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var names []string
	for i := range 8 {
		names = append(names, fmt.Sprintf("scaled%d", i))
	}
	declare := func(replicas int) {
		text := l.edit(readText(t, l.file), `bucket "UNIBUS_presence"`, blocks(names, replicas)+`bucket "UNIBUS_presence"`)
		if replicas > 1 {
			text = strings.ReplaceAll(text, blocks(names, 1), "")
		}
		l.write("unibus.hcl", []byte(text))
	}
	declare(1)
	running := map[string]*process{}
	for _, name := range nodeNames {
		running[name] = l.start(name)
	}
	nc := l.dial(nodeNames...)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { return replicated(t.Context(), js, names, 1) })
	w := putIntoAll(t, nc, names)
	w.goesOn()

	declare(3)
	scaling := regexp.MustCompile(`scaling: bucket=scaled`)
	seen := map[string]int{}
	for range nodeNames {
		var victim string
		eventually(t, func() error {
			for name, d := range running {
				if n := len(scaling.FindAllString(d.log.String(), -1)); n > seen[name] {
					victim = name
					return nil
				}
			}
			if replicated(t.Context(), js, names, 3) == nil {
				return nil // all are scaled already
			}
			return errors.New("nobody scales")
		})
		if victim == "" {
			break
		}
		t.Logf("kill %s", victim)
		running[victim].kill()
		running[victim] = l.start(victim)
		for name, d := range running {
			seen[name] = len(scaling.FindAllString(d.log.String(), -1))
		}
	}
	eventually(t, func() error { return replicated(t.Context(), js, names, 3) })
	w.goesOn()
	w.check()
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func blocks(names []string, replicas int) string {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "bucket %q { replicas = %d }\n    ", name, replicas)
	}
	return b.String()
}

// replicated objects until every bucket has so many replicas, all current, and nothing more is under way.
func replicated(ctx context.Context, js jetstream.JetStream, names []string, replicas int) error {
	for _, name := range names {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		s, err := js.Stream(ctx, "KV_"+name)
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		c := s.CachedInfo().Cluster
		behind := slices.ContainsFunc(c.Replicas, func(p *jetstream.PeerInfo) bool { return !p.Current })
		if c.Leader == "" || len(c.Replicas) != replicas-1 || behind || c.Desired != nil {
			return fmt.Errorf("%s: leader %q, replicas %+v, desired %+v", name, c.Leader, c.Replicas, c.Desired)
		}
	}
	return nil
}

// putters put new keys into some buckets and remember what was acknowledged.
type putters struct {
	t     *testing.T
	js    jetstream.JetStream
	names []string
	stop  context.CancelFunc
	done  sync.WaitGroup

	mu    sync.Mutex
	acked map[string][]string
	last  error
}

func putIntoAll(t *testing.T, nc *nats.Conn, names []string) *putters {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &putters{t: t, js: js, names: names, stop: stop, acked: map[string][]string{}}
	for _, name := range names {
		p.done.Go(func() {
			pace := time.NewTicker(10 * time.Millisecond)
			defer pace.Stop()
			for i := 0; ctx.Err() == nil; i++ {
				p.put(ctx, name, fmt.Sprintf("k%d", i))
				<-pace.C
			}
		})
	}
	t.Cleanup(func() {
		stop()
		p.done.Wait()
	})
	return p
}

func (p *putters) put(ctx context.Context, bucket, key string) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := p.js.Publish(ctx, "$KV."+bucket+"."+key, []byte(key))
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.last = err
	} else {
		p.acked[bucket] = append(p.acked[bucket], key)
	}
}

// goesOn waits until every bucket has taken some more values.
func (p *putters) goesOn() {
	p.t.Helper()
	before := p.counts()
	eventually(p.t, func() error {
		for name, n := range p.counts() {
			if n < before[name]+10 {
				return fmt.Errorf("%s has taken %d values: %w", name, n-before[name], p.last)
			}
		}
		return nil
	})
}

func (p *putters) counts() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := map[string]int{}
	for _, name := range p.names {
		n[name] = len(p.acked[name])
	}
	return n
}

// check stops putting and looks for all that was acknowledged.
func (p *putters) check() {
	p.t.Helper()
	p.stop()
	p.done.Wait()
	n := 0
	for _, name := range p.names {
		kv, err := p.js.KeyValue(p.t.Context(), name)
		if err != nil {
			p.t.Fatal(err)
		}
		all, err := kv.Keys(p.t.Context())
		if err != nil {
			p.t.Fatal(err)
		}
		slices.Sort(all)
		for _, key := range p.acked[name] {
			if _, there := slices.BinarySearch(all, key); !there {
				p.t.Errorf("%s has lost %s", name, key)
			}
			n++
		}
	}
	p.t.Logf("%d values were acknowledged, all of them are there", n)
}
