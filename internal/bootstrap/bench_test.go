package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// BenchmarkColdStart is the time from the start of three servers to five current R3 buckets: ours, and what a script
// does that retries CreateKeyValue of nats.go for one bucket after the other.
func BenchmarkColdStart(b *testing.B) {
	names := []string{"a", "b", "c", "d", "e"}
	coldStart := func(b *testing.B, bring func(c *nodes)) {
		for b.Loop() {
			b.StopTimer()
			c := newNodes(b, 3)
			c.limits = "sync_interval: always"
			b.StartTimer()
			c.start(0, 1, 2)
			bring(c)
			b.StopTimer()
			js := c.js(0)
			for _, n := range names {
				wantReplicas(b, js, n, 3)
			}
			for i := range c.servers {
				c.stop(i)
			}
			b.StartTimer()
		}
	}
	b.Run("unibus", func(b *testing.B) {
		coldStart(b, func(c *nodes) {
			runs := c.bootstrapAll(c.topology(buckets(3, names...)...))
			wantReady(b, runs)
			b.StopTimer()
			for _, r := range runs {
				_ = r.stop()
			}
		})
	})
	b.Run("script", func(b *testing.B) {
		coldStart(b, func(c *nodes) {
			js := c.js(0)
			for _, n := range names {
				retryCreate(b, js, n)
			}
			for _, n := range names {
				wantReplicas(b, js, n, 3)
			}
		})
	})
}

// BenchmarkManyBuckets is the time from three formed servers to many current R3 buckets, ours and that of a script that
// creates one after the other; then what a pass costs that changes nothing, and what a second costs when all is at rest.
// It takes minutes: go test -run '^$' -bench ManyBuckets/100 -benchtime 1x.
func BenchmarkManyBuckets(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				manyBuckets(b, n)
			}
		})
	}
}

func manyBuckets(b *testing.B, n int) {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("b%d", i))
	}
	fresh := func() *nodes {
		c := newNodes(b, 3)
		c.silent, c.limits, c.every = true, "sync_interval: always", 5*time.Second
		c.start(0, 1, 2)
		wantSize(b, c, 3)
		mustCreate(b, c.js(0), jetstream.KeyValueConfig{Bucket: "warm", Replicas: 3})
		return c
	}
	end := func(c *nodes) {
		for i := range c.servers {
			c.stop(i)
		}
	}

	c := fresh()
	js := c.js(c.metaLeader())
	start := time.Now()
	for _, name := range names {
		retryCreate(b, js, name)
	}
	for _, name := range names {
		wantReplicas(b, js, name, 3)
	}
	script := time.Since(start)
	end(c)

	c = fresh()
	topology := c.topology(buckets(3, names...)...)
	js = c.js(0)
	requests := requestsSeen(b, c.connect(0))
	start = time.Now()
	runs := c.bootstrapAll(topology)
	wantReady(b, runs)
	ours := time.Since(start)
	for _, name := range names {
		wantReplicas(b, js, name, 3)
	}
	for _, r := range runs {
		eventually(b, time.Minute, func() error {
			if s := r.now(); s.Phase != Ready {
				return errors.New(s.Reason)
			}
			return nil
		})
	}
	all := time.Since(start)
	b.ReportMetric(script.Seconds(), "s-script")
	b.ReportMetric(ours.Seconds(), "s-unibus")
	b.ReportMetric(all.Seconds(), "s-on-every-node")
	b.ReportMetric(float64(ours)/float64(script), "ratio")
	b.ReportMetric(float64(requests())/float64(n), "requests/asset")

	// At rest, all three nodes look every 5 s.
	eventually(b, time.Minute, func() error {
		if at := time.Since(start); at < all+40*time.Second {
			return errors.New("not at rest yet")
		}
		return nil
	})
	before, used := requests(), cpuTime()
	rest := time.Now()
	eventually(b, time.Minute, func() error {
		if time.Since(rest) < 20*time.Second {
			return errors.New("resting")
		}
		return nil
	})
	b.ReportMetric(float64(requests()-before)/4/3, "requests/pass")
	b.ReportMetric((cpuTime()-used).Seconds()/20*100, "%cpu-at-rest")
	for _, r := range runs {
		_ = r.stop()
	}
	used, rest = cpuTime(), time.Now()
	eventually(b, time.Minute, func() error {
		if time.Since(rest) < 10*time.Second {
			return errors.New("resting")
		}
		return nil
	})
	b.ReportMetric((cpuTime()-used).Seconds()/10*100, "%cpu-without")

	// A pass from nothing known.
	before, used, start = requests(), cpuTime(), time.Now()
	r := c.bootstrap(c.metaLeader(), topology)
	eventually(b, time.Minute, func() error {
		if s := r.now(); s.Phase != Ready {
			return errors.New(s.Reason)
		}
		return nil
	})
	b.ReportMetric(time.Since(start).Seconds(), "s/first-pass")
	b.ReportMetric((cpuTime() - used).Seconds(), "cpu-s/first-pass")
	b.ReportMetric(float64(requests()-before)/float64(n), "requests/asset-first-pass")
	_ = r.stop()
	end(c)
}

// requestsSeen counts, from outside, every request of the JetStream API.
func requestsSeen(t testing.TB, nc *nats.Conn) func() int64 {
	t.Helper()
	var n atomic.Int64
	if _, err := nc.Subscribe("$JS.API.>", func(*nats.Msg) { n.Add(1) }); err != nil {
		t.Fatal(err)
	}
	return n.Load
}

func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// wantReady waits for the first node to say so, as the command of a user would.
func wantReady(t testing.TB, runs []*run) {
	eventually(t, 10*time.Minute, func() error {
		for _, r := range runs {
			if r.now().Phase == Ready {
				return nil
			}
		}
		return context.DeadlineExceeded
	})
}

func retryCreate(t testing.TB, js jetstream.JetStream, bucket string) {
	eventually(t, longest, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 250*time.Millisecond)
		defer cancel()
		_, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: bucket, Replicas: 3})
		return err
	})
}
