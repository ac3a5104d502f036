//go:build unix

package node

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"syscall"
	"testing"
	"time"
)

// BenchmarkIdle is a second in which nothing happens on three nodes in this process, with the collector and without it. What
// counts is the CPU time of the process, and what the three servers receive from clients and from each other.
func BenchmarkIdle(b *testing.B) {
	for _, name := range []string{"with", "without"} {
		b.Run(name, func(b *testing.B) {
			l := newLab(b, "n1", "n2", "n3")
			l.blind = name == "without"
			l.ship(l.text())
			for _, name := range l.names {
				l.nodes[name].start()
			}
			l.roomsCurrent()
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			for range 2 { // what has begun with the start comes to its end
				<-tick.C
			}
			messages, used, begun := l.received(), cpuTime(b), time.Now()
			for b.Loop() {
				<-tick.C
			}
			took := time.Since(begun).Seconds()
			b.ReportMetric(100*(cpuTime(b)-used).Seconds()/took, "%cpu")
			b.ReportMetric(float64(l.received()-messages)/took, "msgs/s")
		})
	}
}

// roomsCurrent waits until the bucket has three current replicas, as a client sees it.
func (l *lab) roomsCurrent() {
	l.t.Helper()
	js := l.js(l.dialFirst(l.names[0]))
	eventually(l.t, func() error {
		ctx, cancel := context.WithTimeout(l.t.Context(), time.Second)
		defer cancel()
		s, err := js.Stream(ctx, "KV_rooms")
		if err != nil {
			return err
		}
		cluster := s.CachedInfo().Cluster
		for _, p := range cluster.Replicas {
			if !p.Current {
				return fmt.Errorf("%s is behind", p.Name)
			}
		}
		if len(cluster.Replicas) != 2 || cluster.Desired != nil {
			return fmt.Errorf("its replicas are %+v", cluster)
		}
		return nil
	})
}

// received is how many messages all servers have got.
func (l *lab) received() (all int64) {
	l.t.Helper()
	for _, name := range l.names {
		res, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/varz", l.ports[name][2]))
		if err != nil {
			l.t.Fatal(err)
		}
		var varz struct {
			InMsgs int64 `json:"in_msgs"`
		}
		err = json.NewDecoder(res.Body).Decode(&varz)
		_ = res.Body.Close()
		if err != nil {
			l.t.Fatal(err)
		}
		all += varz.InMsgs
	}
	return all
}

// cpuTime is what this process has taken of the processors.
func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
