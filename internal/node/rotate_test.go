package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"unibus/internal/api"
)

// routeWatch looks at the routes of every node again and again.
type routeWatch struct {
	mu     sync.Mutex
	looks  int
	fewest int
	ids    map[string]bool // every route that was ever seen
	stop   context.CancelFunc
	done   chan struct{}
}

// watchRoutes begins to look. All routes must be up.
func (l *lab) watchRoutes() *routeWatch {
	l.t.Helper()
	ctx, stop := context.WithCancel(l.t.Context())
	w := &routeWatch{fewest: len(l.names) * (len(l.names) - 1), ids: map[string]bool{}, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		for pause(ctx, 5*time.Millisecond) {
			w.look(l)
		}
	}()
	return w
}

func (w *routeWatch) look(l *lab) {
	up := 0
	for _, name := range l.names {
		var routez struct {
			Routes []struct {
				RID  int    `json:"rid"`
				Name string `json:"remote_name"`
			}
		}
		if err := l.monitor(name, "routez", &routez); err != nil {
			return // Only what is seen counts: nobody restarts here.
		}
		peers := map[string]bool{}
		for _, r := range routez.Routes {
			peers[r.Name] = true
			w.mu.Lock()
			w.ids[fmt.Sprint(name, " ", r.RID)] = true
			w.mu.Unlock()
		}
		up += len(peers)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks++
	w.fewest = min(w.fewest, up)
}

// check ends it. The routes must be those that were there at the beginning, all the time.
func (w *routeWatch) check(t *testing.T, nodes int) {
	t.Helper()
	w.stop()
	<-w.done
	all := nodes * (nodes - 1)
	t.Logf("%d looks at the routes of %d nodes: %d ends at least, %d different ones", w.looks, nodes, w.fewest, len(w.ids))
	if w.fewest < all || len(w.ids) != all || w.looks < 20 {
		t.Errorf("there were %d ends of routes at least and %d different ones in %d looks, want %d of each", w.fewest, len(w.ids), w.looks, all)
	}
}

// TestRotatePassword replaces the password of the routes again and again, host after host in any order. No route is ever
// dropped, and a node that restarts at any moment finds its way back.
func TestRotatePassword(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1", "n2", "n3")
	version := func(n int, previous bool) string {
		password := fmt.Sprintf("password = \"%s-%d\"", routePassword, n)
		if previous {
			password += fmt.Sprintf("\n    previous_password = \"%s-%d\"", routePassword, n-1)
		}
		return l.text("password = secret.route", password)
	}
	l.ship(version(0, false))
	l.startAll()
	random, w := seeded(t), l.startLoad()
	routes := l.watchRoutes()
	const rounds = 5
	for n := range rounds {
		for _, previous := range []bool{true, false} {
			l.shipInAnyOrder(random, version(n+1, previous))
		}
	}
	routes.check(t, 3)

	half := version(rounds+1, true)
	l.ship(half, "n1") // n1 says the new one, n2 and n3 know the old one only
	l.nodes["n1"].applied(half)
	l.nodes["n2"].end()
	l.ship(half, "n2")
	l.nodes["n2"].start()
	l.ship(half, "n3")
	l.nodes["n3"].applied(half)
	l.healthy()
	w.check(t)
}

// TestRotateCertificates replaces the certificate of host after host in any order, again and again. No route is dropped.
func TestRotateCertificates(t *testing.T) {
	t.Parallel()
	l := newTLSLab(t, "n1", "n2", "n3")
	l.ship(l.text())
	l.startAll()
	random := seeded(t)
	serials := l.shows(bobsPassword, nil)
	routes := l.watchRoutes()
	for range 3 {
		for _, i := range random.Perm(len(l.names)) {
			name := l.names[i]
			before := maps.Clone(serials)
			l.ca.issue(t, l.certs, name, leaf{names: []string{"127.0.0.1", name}})
			eventually(t, func() (err error) {
				if serials[name], err = l.login(name, bobsPassword); err == nil && serials[name] == before[name] {
					err = fmt.Errorf("%s still shows %s", name, serials[name])
				}
				return err
			})
		}
	}
	routes.check(t, 3)
}

func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// shipInAnyOrder ships a text to one host after the other: to some at once, to others when those before have taken it up.
func (l *lab) shipInAnyOrder(random *rand.Rand, text string) {
	l.t.Helper()
	for _, i := range random.Perm(len(l.names)) {
		l.ship(text, l.names[i])
		if random.IntN(2) == 0 {
			l.nodes[l.names[i]].applied(text)
		}
	}
	for _, h := range l.nodes {
		h.applied(text)
	}
}

// TestAskedWhileRestarting asks a node for all kinds of things at the moments at which it has no server, several times at
// once. It answers each, and the restart goes on.
func TestAskedWhileRestarting(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1")
	h := l.nodes["n1"]
	var asked sync.WaitGroup
	var mu sync.Mutex
	var answers []string
	answer := func(what string, err error) {
		mu.Lock()
		defer mu.Unlock()
		answers = append(answers, fmt.Sprint(what, " ", err))
	}
	ask := func(req api.ReloadRequest) {
		ctx, cancel := context.WithTimeout(context.Background(), longest)
		defer cancel()
		r, err := h.client().Reload(ctx, req)
		if err == nil && r.Result == api.ReloadRefused {
			err = errors.New(r.Error)
		}
		answer("reload", err)
	}
	h.step = func(step string) {
		if step != "leaderships handed over" && step != "server stopped" {
			return
		}
		for _, req := range []api.ReloadRequest{{}, {}, {DryRun: true}} {
			asked.Go(func() { ask(req) })
		}
		asked.Go(func() {
			s, err := h.status()
			if err == nil && (len(s.Nodes) != 1 || s.Nodes[0].State != api.StateRestarting) {
				err = fmt.Errorf("%+v", s.Nodes)
			}
			answer("status", err)
		})
		select {
		case h.hup <- nil:
		default:
		}
	}
	l.ship(l.text())
	l.startAll()
	text := l.moved()
	l.ship(text)
	h.applied(text)
	eventually(t, func() error { return h.log.has("restarted in turn") })
	asked.Wait()
	want := slices.Concat(slices.Repeat([]string{"reload <nil>"}, 6), slices.Repeat([]string{"status <nil>"}, 2))
	if slices.Sort(answers); !slices.Equal(answers, want) {
		t.Errorf("asked while it restarts, it says %q", answers)
	}
	l.healthy()
}
