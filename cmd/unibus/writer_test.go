//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// writer is an application that uses the bucket of the example all the time: it puts a new key, repeats that until it is
// acknowledged, and gets it.
type writer struct {
	t  *testing.T
	l  *lab
	nc *nats.Conn

	mu      sync.Mutex
	acked   map[string]string
	created map[time.Time]bool // every moment at which the bucket was said to be created
	last    error              // of the last failed attempt

	stop context.CancelFunc
	done chan struct{}
}

func (l *lab) startWriter() *writer {
	l.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &writer{
		t: l.t, l: l, nc: l.dial(nodeNames...), acked: map[string]string{}, created: map[time.Time]bool{},
		stop: cancel, done: make(chan struct{}),
	}
	go func() {
		defer close(w.done)
		w.run(ctx)
	}()
	l.t.Cleanup(func() {
		cancel()
		<-w.done
	})
	return w
}

func (w *writer) run(ctx context.Context) {
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	for n := 0; ctx.Err() == nil; {
		key, value := fmt.Sprintf("key.%d", n), fmt.Sprintf("value %d", n)
		err := w.put(context.WithoutCancel(ctx), key, value)
		w.mu.Lock()
		if err == nil {
			w.acked[key] = value
			n++
		} else {
			w.last = err
		}
		w.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-pace.C:
		}
	}
}

// put stores a value and reads it back.
func (w *writer) put(ctx context.Context, key, value string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	js, err := jetstream.New(w.nc)
	if err != nil {
		return err
	}
	s, err := js.Stream(ctx, "KV_UNIBUS_rooms")
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.created[s.CachedInfo().Created] = true
	w.mu.Unlock()
	kv, err := js.KeyValue(ctx, "UNIBUS_rooms")
	if err != nil {
		return err
	}
	if _, err := kv.Put(ctx, key, []byte(value)); err != nil {
		return err
	}
	entry, err := kv.Get(ctx, key)
	if err != nil {
		return err
	}
	if string(entry.Value()) != value {
		w.t.Errorf("%s is %q right after %q was put", key, entry.Value(), value)
	}
	return nil
}

// goesOn waits until some more values were put and got.
func (w *writer) goesOn() {
	w.t.Helper()
	const more = 25
	w.mu.Lock()
	before := len(w.acked)
	w.mu.Unlock()
	eventually(w.t, func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if n := len(w.acked) - before; n < more {
			return fmt.Errorf("%d of %d values put and got; %w", n, more, w.last)
		}
		return nil
	})
}

// check stops the writer and looks whether the bucket is still the first one, and every replica has all that was
// acknowledged, and the same.
func (w *writer) check() {
	w.t.Helper()
	w.stop()
	<-w.done
	if len(w.created) != 1 {
		w.t.Errorf("the bucket was created at %v", slices.Collect(maps.Keys(w.created)))
	}
	var first map[string]string
	eventually(w.t, func() error { // a put that nobody waited for may still be on its way
		w.l.settled()
		first = w.contents(nodeNames[0])
		for _, node := range nodeNames[1:] {
			if diff := cmp.Diff(first, w.contents(node)); diff != "" {
				return fmt.Errorf("%s (-) and %s (+) differ: %s", nodeNames[0], node, diff)
			}
		}
		return nil
	})
	for key, value := range w.acked {
		if got := first["$KV.UNIBUS_rooms."+key]; got != value {
			w.t.Errorf("every replica has %s = %q, acknowledged was %q", key, got, value)
		}
	}
	w.t.Logf("%d values were acknowledged, all of them are on every replica", len(w.acked))
}

// contents is what the replica of a node holds. For that the node is made the leader, because reads go there.
func (w *writer) contents(node string) map[string]string {
	w.t.Helper()
	js, err := jetstream.New(w.nc)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx := w.t.Context()
	var all map[string]string
	eventually(w.t, func() error {
		s, err := makeLeader(ctx, w.nc, js, node)
		if err != nil {
			return err
		}
		all = map[string]string{}
		state := s.CachedInfo().State
		for seq := state.FirstSeq; seq <= state.LastSeq; seq++ {
			m, err := s.GetMsg(ctx, seq)
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			all[m.Subject] = string(m.Data)
		}
		return nil
	})
	return all
}

// makeLeader makes a node the leader of the bucket's stream.
func makeLeader(ctx context.Context, nc *nats.Conn, js jetstream.JetStream, node string) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	s, err := js.Stream(ctx, "KV_UNIBUS_rooms")
	if err != nil {
		return nil, err
	}
	if leader := s.CachedInfo().Cluster.Leader; leader == node {
		return s, nil
	}
	ask, err := json.Marshal(map[string]any{"placement": map[string]string{"preferred": node}})
	if err != nil {
		return nil, err
	}
	answer, err := nc.RequestWithContext(ctx, "$JS.API.STREAM.LEADER.STEPDOWN.KV_UNIBUS_rooms", ask)
	if err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%s does not lead yet: %s", node, answer.Data)
}
