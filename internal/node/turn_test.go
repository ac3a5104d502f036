package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"unibus/internal/api"
)

// moved is the file with other monitoring ports, which each node can only take up with a restart.
func (l *lab) moved(pairs ...string) string {
	for i, port := range l.freePorts(len(l.names)) {
		pairs = append(pairs, fmt.Sprintf("monitor { port = %d }", l.ports[l.names[i]][2]), fmt.Sprintf("monitor { port = %d }", port))
	}
	return l.text(pairs...)
}

// TestTurn ships a change that needs a restart to three hosts at the same moment, while clients work on all of them. The
// nodes restart one after the other, the meta leader last, and never are two of them away.
func TestTurn(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1", "n2", "n3")
	l.ship(l.text())
	l.startAll()
	w := l.startLoad()
	leader := l.leader()
	away := l.watchAway()
	text := l.moved()
	l.ship(text)
	for _, h := range l.nodes {
		h.applied(text)
	}
	l.healthy()
	most := away()
	w.check(t)
	if most > 1 {
		t.Errorf("%d nodes were away at once", most)
	}
	turns := l.turns(t)
	if len(turns) != 3 || turns[2].node != leader {
		t.Errorf("the turns were %v, and %s led", turns, leader)
	}
	t.Logf("%v, at most %d node away at any time", turns, most)
}

// leader is the meta leader.
func (l *lab) leader() (name string) {
	l.t.Helper()
	eventually(l.t, func() error {
		s, err := l.nodes[l.names[0]].status()
		if err == nil && s.Meta.Leader == nil {
			err = errors.New("there is no leader")
		}
		if err == nil {
			name = *s.Meta.Leader
		}
		return err
	})
	return name
}

// watchAway looks again and again at how many nodes no client can reach. The function ends that, and says how many they
// were at most.
func (l *lab) watchAway() func() int {
	ctx, stop := context.WithCancel(l.t.Context())
	done := make(chan int)
	go func() {
		most := 0
		for pause(ctx, 5*time.Millisecond) {
			away := 0
			for _, name := range l.names {
				if dead(l.ports[name][0]) == nil {
					away++
				}
			}
			most = max(most, away)
		}
		done <- most
	}()
	return func() int { stop(); return <-done }
}

// turn is one restart, as the log tells it.
type turn struct {
	node       string
	from, till string
}

func (t turn) String() string { return fmt.Sprintf("%s from %s to %s", t.node, t.from, t.till) }

// turns are all restarts in the order of time. None may begin before the one before it has ended.
func (l *lab) turns(t *testing.T) []turn {
	t.Helper()
	var all []turn
	for _, h := range l.nodes {
		from := regexp.MustCompile(`(?m)^(\S+) .*restarting in turn`).FindAllStringSubmatch(h.log.String(), -1)
		till := regexp.MustCompile(`(?m)^(\S+) .*restarted in turn`).FindAllStringSubmatch(h.log.String(), -1)
		if len(from) != len(till) {
			t.Errorf("%s began %d restarts and ended %d", h.name, len(from), len(till))
			continue
		}
		for i := range from {
			all = append(all, turn{h.name, from[i][1], till[i][1]})
		}
	}
	slices.SortFunc(all, func(a, b turn) int { return strings.Compare(a.from, b.from) })
	for i := 1; i < len(all); i++ {
		if all[i].from < all[i-1].till {
			t.Errorf("%v overlaps %v", all[i], all[i-1])
		}
	}
	return all
}

// waits waits until the nodes say that they wait for something.
func (l *lab) waits(for_ string, names ...string) {
	l.t.Helper()
	for _, name := range names {
		eventually(l.t, func() error {
			n, err := l.nodes[name].own()
			if err != nil {
				return err
			}
			if n.Waiting == nil || !strings.Contains(*n.Waiting, for_) || len(n.PendingRestart) == 0 {
				return fmt.Errorf("%s waits for %v with %v", name, deref(n.Waiting), n.PendingRestart)
			}
			return nil
		})
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// TestTurnWithANodeDown shows that nobody restarts then, and that all do when it is back.
func TestTurnWithANodeDown(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1", "n2", "n3")
	l.ship(l.text())
	l.startAll()
	l.nodes["n3"].end()
	text := l.moved()
	l.ship(text)
	l.waits("node n3 is down", "n1", "n2")
	s, err := l.nodes["n1"].status()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(s.Problems, func(p api.Problem) bool { return strings.Contains(p.Summary, "n1 waits to restart: node n3 is down") }) {
		t.Errorf("status does not say why: %+v", s.Problems)
	}
	l.nodes["n3"].start()
	l.healthy()
	if turns := l.turns(t); len(turns) != 2 {
		t.Errorf("the turns were %v", turns)
	}
}

// TestTurnWithOtherFiles shows that nobody restarts before all nodes have the same file.
func TestTurnWithOtherFiles(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1", "n2", "n3")
	l.ship(l.text())
	l.startAll()
	text := l.moved()
	l.ship(text, "n1", "n2")
	l.waits("node n3 has another file", "n1", "n2")
	l.ship(text, "n3")
	l.nodes["n3"].applied(text)
	l.healthy()
	if turns := l.turns(t); len(turns) != 3 {
		t.Errorf("the turns were %v", turns)
	}
}

// TestTurnThatFails has ports that are taken. The first node goes back to what it ran, the others do not even try, and
// the next file puts it right.
func TestTurnThatFails(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1", "n2", "n3")
	l.ship(l.text())
	l.startAll()
	var pairs []string
	for _, name := range l.names {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = taken.Close() }()
		pairs = append(pairs, fmt.Sprintf("monitor { port = %d }", l.ports[name][2]), fmt.Sprintf("monitor { port = %d }", taken.Addr().(*net.TCPAddr).Port))
	}
	l.ship(l.text(pairs...))
	var failed string
	eventually(t, func() error {
		for _, name := range l.names {
			n, err := l.nodes[name].own()
			if err != nil {
				return err
			}
			if n.RestartError != nil && strings.Contains(*n.RestartError, "cannot listen on") {
				failed = name
				return nil
			}
		}
		return errors.New("nobody's restart has failed")
	})
	var others []string
	for _, name := range l.names {
		if name != failed {
			others = append(others, name)
		}
	}
	l.waits("node "+failed+": the restart failed", others...)
	if err := dead(l.ports[failed][0]); err == nil {
		t.Errorf("%s does not run", failed)
	}
	if c := strings.Count(l.nodes[others[0]].log.String()+l.nodes[others[1]].log.String(), "restarting in turn"); c > 0 {
		t.Errorf("others restarted %d times", c)
	}
	good := l.moved("round 0", "round 1")
	l.ship(good)
	for _, h := range l.nodes {
		h.applied(good)
	}
	l.healthy()
}

// TestTurnOfAnotherFile ships the next change while a node restarts for the last one. All end up with the next one.
func TestTurnOfAnotherFile(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1", "n2", "n3")
	l.ship(l.text())
	l.startAll()
	w := l.startLoad()
	l.ship(l.moved())
	eventually(t, func() error {
		return l.nodes["n1"].log.has("restarting in turn")
	})
	text := l.moved("round 0", "round 1")
	l.ship(text)
	for _, h := range l.nodes {
		h.applied(text)
	}
	l.healthy()
	w.check(t)
	l.turns(t)
}

// TestManual leaves restarts to the operator.
func TestManual(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1", "n2", "n3")
	l.ship(l.text())
	l.startAll()
	text := l.moved("  secrets {", "  restarts = \"manual\"\n  secrets {")
	l.ship(text)
	l.waits("restarts are manual", l.names...)
	for _, h := range l.nodes {
		h.end()
		h.start()
		eventually(t, func() error {
			n, err := h.own()
			if err == nil && len(n.PendingRestart) > 0 {
				err = fmt.Errorf("%s still waits for %v", h.name, n.PendingRestart)
			}
			return err
		})
	}
	l.healthy()
}

// TestTurnOfOne restarts the only node of a file.
func TestTurnOfOne(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1")
	l.ship(l.text())
	l.startAll()
	w := l.startLoad()
	text := l.moved()
	l.ship(text)
	l.nodes["n1"].applied(text)
	l.healthy()
	eventually(t, func() error { return l.nodes["n1"].log.has("restarted in turn") })
	w.check(t)
}

// TestTurnOfTwo restarts two nodes, of which none can be spared.
func TestTurnOfTwo(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1", "n2")
	l.ship(l.text())
	l.startAll()
	w := l.startLoad()
	text := l.moved()
	l.ship(text)
	for _, h := range l.nodes {
		h.applied(text)
	}
	l.healthy()
	w.check(t)
	if turns := l.turns(t); len(turns) != 2 {
		t.Errorf("the turns were %v", turns)
	}
}

// TestTurnOfClusterPorts moves the ports at which the nodes reach each other. Each node can only take its own up with a
// restart, and the others must find it before and after.
func TestTurnOfClusterPorts(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1", "n2", "n3")
	l.ship(l.text())
	l.startAll()
	w := l.startLoad()
	var pairs []string
	for i, port := range l.freePorts(len(l.names)) {
		pairs = append(pairs, fmt.Sprintf("cluster_port = %d", l.ports[l.names[i]][1]), fmt.Sprintf("cluster_port = %d", port))
	}
	text := l.text(pairs...)
	l.ship(text)
	for _, h := range l.nodes {
		h.applied(text)
	}
	l.healthy()
	w.check(t)
	if turns := l.turns(t); len(turns) != 3 {
		t.Errorf("the turns were %v", turns)
	}
}
