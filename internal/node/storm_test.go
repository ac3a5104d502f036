package node

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"unibus/internal/api"
)

// TestStorm does everything at once to one node: files good and bad, signals, reloads, dry runs, trials. In the end it has
// what was shipped last.
func TestStorm(t *testing.T) {
	t.Parallel()
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	l := newLab(t, "n1")
	l.ship(l.text())
	l.startAll()
	h := l.nodes["n1"]
	w := l.startLoad()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var wg sync.WaitGroup
	for i := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, i))
		wg.Go(func() {
			for n := range rounds {
				text := l.text("round 0", fmt.Sprintf("round %d.%d", i, n), "  jetstream {", fmt.Sprintf("  user \"guest%d\" { password = \"guest\" }\n  jetstream {", random.IntN(3)))
				switch random.IntN(8) {
				case 0, 1:
					_ = os.WriteFile(h.path("unibus.hcl"), []byte(text), 0o600)
				case 2:
					_ = os.WriteFile(h.path("unibus.hcl"), []byte(text[:len(text)/2]), 0o600)
				case 3:
					select {
					case h.hup <- syscall.SIGHUP:
					default:
					}
				case 4:
					h.reload(api.ReloadRequest{})
				case 5:
					h.reload(api.ReloadRequest{DryRun: true})
				case 6:
					h.reload(api.ReloadRequest{TrySeconds: 0.2})
				case 7:
					h.reload(api.ReloadRequest{Keep: true})
				}
			}
		})
	}
	wg.Wait()
	last := l.text("round 0", "the last round")
	l.ship(last)
	h.applied(last)
	l.healthy()
	if w.disconnects.Load() > 0 {
		t.Errorf("%d clients were disconnected", w.disconnects.Load())
	}
	w.check(t)
}

// TestFacts reads what every stock tool sees of a node, in each state that it can be in, and shows that nothing is
// reloaded when nothing has changed.
func TestFacts(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1")
	l.ship(l.text())
	l.startAll()
	h := l.nodes["n1"]
	shows := func(want map[string]string) {
		t.Helper()
		eventually(t, func() error {
			var varz struct{ Metadata map[string]string }
			if err := l.monitor("n1", "varz", &varz); err != nil {
				return err
			}
			for key, value := range want {
				if varz.Metadata[key] != value {
					return fmt.Errorf("%s is %q, want %q", key, varz.Metadata[key], value)
				}
			}
			if len(varz.Metadata) != len(want) {
				return fmt.Errorf("it shows %v", varz.Metadata)
			}
			return nil
		})
	}
	facts := func(text, result string) map[string]string {
		c := NewFile(h.path("unibus.hcl"), "n1", "", []byte(text)).Config
		return map[string]string{"unibus_digest": c.Digest, "unibus_file": c.FileHash, "unibus_reload": result}
	}
	first := l.text()
	shows(facts(first, "applied"))

	bad := l.text("description", "descriptio")
	l.ship(bad)
	shows(facts(first, "refused"))

	comment := first + "# nothing\n"
	l.ship(comment)
	shows(facts(comment, "applied"))

	reloads := strings.Count(h.log.String(), "the server is reloaded")
	for range 20 {
		l.ship(comment)
		h.hup <- syscall.SIGHUP
		if r := h.reload(api.ReloadRequest{}); r.Result != api.ReloadUnchanged {
			t.Errorf("%+v", r)
		}
	}
	if n := strings.Count(h.log.String(), "the server is reloaded"); n != reloads {
		t.Errorf("the server was reloaded %d times for nothing", n-reloads)
	}

	manual := l.moved("  secrets {", "  restarts = \"manual\"\n  secrets {")
	l.ship(manual)
	want := facts(manual, "applied")
	want["unibus_pending_restart"] = "monitor.port"
	shows(want)
}

// monitor asks the monitoring endpoint of a node.
func (l *lab) monitor(name, path string, into any) error {
	res, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/%s", l.ports[name][2], path))
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	return json.NewDecoder(res.Body).Decode(into)
}
