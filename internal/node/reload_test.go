package node

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"unibus/internal/api"
)

// TestReloadsUnderLoad changes what can change live, a thousand times over three nodes, while clients work on all of
// them. No client is disconnected, no message is lost, and no acknowledged put.
func TestReloadsUnderLoad(t *testing.T) {
	rounds := 334
	if testing.Short() {
		rounds = 20
	}
	l := newLab(t, "n1", "n2", "n3")
	l.ship(l.text())
	l.startAll()
	w := l.startLoad()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	v := &variant{publish: "a.>"}
	var times []time.Duration
	start := time.Now()
	for range rounds {
		v.next(random)
		times = append(times, l.live(v.text(l), random))
	}
	took := time.Since(start)
	if w.disconnects.Load() > 0 {
		t.Error("clients were disconnected")
	}
	w.check(t)
	if w.sent.Load() != w.received.Load() {
		t.Error("messages were lost on the way")
	}
	slices.Sort(times)
	t.Logf("%d reloads in %v; from the rename to live on all three nodes: median %v, p99 %v, longest %v", rounds*len(l.names), took.Round(time.Millisecond),
		times[len(times)/2], times[len(times)*99/100], times[len(times)-1])
	for _, h := range l.nodes {
		for _, line := range []string{"disconnected: peer", "[ERROR]"} {
			if strings.Contains(h.log.String(), line) {
				t.Errorf("%s has said %q", h.name, line)
			}
		}
	}
}

// variant is a file that differs from others in what is live.
type variant struct {
	round              int
	password, previous int // of the routes
	users, tags, more  int
	publish            string
}

// next changes one thing or several.
func (v *variant) next(random *rand.Rand) {
	v.round++
	v.previous = v.password // a rotation takes two files
	switch random.IntN(6) {
	case 0:
		v.password++
	case 1:
		v.users = random.IntN(5)
	case 2:
		v.tags = random.IntN(3)
	case 3:
		v.more++
	case 4:
		v.publish = []string{"a.>", "b.>"}[random.IntN(2)]
	}
}

func (v *variant) text(l *lab) string {
	password := fmt.Sprintf("password = \"%s-%d\"\n    previous_password = \"%s-%d\"", routePassword, v.password, routePassword, v.previous)
	user := "user \"bob\" { password = secret.bob }\n"
	for i := range v.users {
		user += fmt.Sprintf("  user \"guest%d\" { password = \"guest\" }\n", i)
	}
	user += fmt.Sprintf("  user \"carol\" {\n    password = \"carol\"\n    permissions {\n      publish { allow = [%q] }\n    }\n  }\n", v.publish)
	text := l.text("round 0", fmt.Sprintf("round %d", v.round), "password = secret.route", password, "user \"bob\" { password = secret.bob }\n", user,
		"\"1GiB\"", fmt.Sprintf("\"%dMiB\"", 1024+v.more))
	if v.tags > 0 {
		text = strings.ReplaceAll(text, "address      = \"127.0.0.1\"\n", fmt.Sprintf("address      = \"127.0.0.1\"\n    tags = [\"t:%d\"]\n", v.tags))
	}
	return text
}

// live ships a text to all hosts in any order and waits until it is live on all. The result is how long that took.
func (l *lab) live(text string, random *rand.Rand) time.Duration {
	l.t.Helper()
	start := time.Now()
	for _, i := range random.Perm(len(l.names)) {
		l.ship(text, l.names[i])
	}
	want := NewFile(l.nodes[l.names[0]].path("unibus.hcl"), l.names[0], "", []byte(text)).Config.FileHash
	var longest time.Duration
	eventually(l.t, func() error {
		s, err := l.nodes[l.names[0]].status()
		if err != nil {
			return err
		}
		longest = 0
		for _, n := range s.Nodes {
			if n.Reload != nil && n.Reload.Result == api.ReloadRefused {
				l.t.Fatalf("%s: %+v\n%s", n.Name, n.Reload, text)
			}
			if n.FileHash == nil || *n.FileHash != want {
				return fmt.Errorf("%s has another file: %+v", n.Name, n.Reload)
			}
			if n.Reload.Result != api.ReloadApplied {
				return fmt.Errorf("%s: %+v", n.Name, n.Reload)
			}
			longest = max(longest, n.ConfigSince.Sub(start))
		}
		return nil
	})
	return longest
}
