package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// load is what applications do on every node all the time: they put values, ask each other, and listen.
type load struct {
	l       *lab
	stop    context.CancelFunc
	workers sync.WaitGroup

	puts, putRetries, gaveUp    atomic.Int64
	requests, requestRetries    atomic.Int64
	sent, received              atomic.Int64
	disconnects, permissionLoss atomic.Int64

	mu    sync.Mutex
	acked map[string]string
	last  error // of a put that did not go at once
}

// tries is how often a put is tried before it counts as failed.
const tries = 100

// startLoad has a client on every node that puts values, one that asks, one that answers, one that publishes and one that
// subscribes.
func (l *lab) startLoad() *load {
	l.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	w := &load{l: l, stop: stop, acked: map[string]string{}}
	l.t.Cleanup(func() { w.end() })
	for i, name := range l.names {
		other := l.names[(i+1)%len(l.names)]
		w.put(ctx, name)
		w.ask(ctx, name, other)
		w.publish(ctx, name, other)
	}
	return w
}

// end stops all and waits.
func (w *load) end() {
	w.stop()
	w.workers.Wait()
}

// connect connects bob to one node, and to another one only when that is gone.
func (w *load) connect(name string) *nats.Conn {
	return w.l.dialFirst(name,
		nats.DisconnectErrHandler(func(*nats.Conn, error) { w.disconnects.Add(1) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrPermissionViolation) {
				w.permissionLoss.Add(1)
			}
		}))
}

func (w *load) put(ctx context.Context, name string) {
	kv := w.l.rooms(w.connect(name))
	w.workers.Go(func() {
		for n := 0; pause(ctx, 5*time.Millisecond); n++ {
			key, value := fmt.Sprintf("%s.%d", name, n%50), fmt.Sprintf("%s %d", name, n)
			if !w.putOnce(kv, key, value) {
				w.gaveUp.Add(1)
			}
		}
	})
}

// putOnce puts a value, and tries it again where that fails.
func (w *load) putOnce(kv jetstream.KeyValue, key, value string) bool {
	for range tries {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_, err := kv.Put(ctx, key, []byte(value))
		cancel()
		w.mu.Lock()
		if err == nil {
			w.acked[key] = value
			w.mu.Unlock()
			w.puts.Add(1)
			return true
		}
		w.last = err
		w.mu.Unlock()
		w.putRetries.Add(1)
		<-time.After(20 * time.Millisecond)
	}
	return false
}

// ask sends requests from one node to a service on another.
func (w *load) ask(ctx context.Context, name, other string) {
	subject := "ask." + name
	answers := w.connect(other)
	if _, err := answers.Subscribe(subject, func(m *nats.Msg) { _ = m.Respond(m.Data) }); err != nil {
		w.l.t.Error(err)
	}
	if err := answers.Flush(); err != nil {
		w.l.t.Error(err)
	}
	asks := w.connect(name)
	w.workers.Go(func() {
		for pause(ctx, 5*time.Millisecond) {
			if _, err := asks.Request(subject, []byte("?"), time.Second); err != nil {
				w.requestRetries.Add(1)
				continue
			}
			w.requests.Add(1)
		}
	})
}

// publish sends numbers from one node to a subscriber on another.
func (w *load) publish(ctx context.Context, name, other string) {
	subject := "news." + name
	listens := w.connect(other)
	_, err := listens.Subscribe(subject, func(m *nats.Msg) {
		if len(m.Data) > 0 { // else it was only asked whether anybody listens
			w.received.Add(1)
		}
	})
	if err != nil {
		w.l.t.Error(err)
	}
	if err := listens.Flush(); err != nil {
		w.l.t.Error(err)
	}
	speaks := w.connect(name)
	eventually(w.l.t, func() error { // until the interest has crossed the route
		_, err := speaks.Request(subject, nil, 10*time.Millisecond)
		if errors.Is(err, nats.ErrNoResponders) {
			return err
		}
		return nil
	})
	w.workers.Go(func() {
		for n := uint64(0); pause(ctx, 2*time.Millisecond); n++ {
			if speaks.Publish(subject, binary.BigEndian.AppendUint64(nil, n)) == nil {
				w.sent.Add(1)
			}
		}
		_ = speaks.Flush()
	})
}

// goesOn waits until some more puts are acknowledged.
func (w *load) goesOn() {
	w.l.t.Helper()
	before := w.puts.Load()
	eventually(w.l.t, func() error {
		if n := w.puts.Load() - before; n < 20 {
			return fmt.Errorf("%d more puts were acknowledged", n)
		}
		return nil
	})
}

// check ends the load and looks whether every value that was acknowledged last is there.
func (w *load) check(t *testing.T) {
	t.Helper()
	w.end()
	for limit := time.Now().Add(5 * time.Second); time.Now().Before(limit) && w.received.Load() < w.sent.Load(); {
		pause(t.Context(), 10*time.Millisecond)
	}
	nc := w.l.dialFirst(w.l.names[0])
	kv := w.l.rooms(nc)
	lost := 0
	for key, value := range w.acked {
		e, err := kv.Get(t.Context(), key)
		if err != nil || string(e.Value()) != value {
			lost++
			t.Errorf("%s: %v, acknowledged was %q", key, err, value)
		}
	}
	t.Logf("%d puts acknowledged, 0 of %d last values lost: %t; %d retries of puts (last: %v), %d puts given up; %d requests answered, %d not; %d messages published, %d received; %d clients disconnected",
		w.puts.Load(), len(w.acked), lost == 0, w.putRetries.Load(), w.last, w.gaveUp.Load(), w.requests.Load(), w.requestRetries.Load(), w.sent.Load(), w.received.Load(), w.disconnects.Load())
	if w.gaveUp.Load() > 0 || w.puts.Load() == 0 || w.requests.Load() == 0 {
		t.Error("too little was done, or a put was given up")
	}
}
