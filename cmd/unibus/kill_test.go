//go:build linux

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// TestKillDuringBootstrap kills nodes on their way from empty stores to current buckets: whoever says something first,
// right then, and any of them at any time. Started again, they must complete what was begun; what an application has
// put meanwhile must be there.
func TestKillDuringBootstrap(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"listening",
		"this node is meta leader",
		"created: bucket=UNIBUS_rooms",
		"created: bucket=UNIBUS_presence",
		"declared assets are current",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			killedOnTheWay(t, func(running map[string]*process) []string {
				said := regexp.MustCompile(line)
				var speaker string
				eventually(t, func() error {
					for name, d := range running {
						if said.MatchString(d.log.String()) {
							speaker = name
							return nil
						}
					}
					return errors.New("nobody has said it")
				})
				return []string{speaker}
			})
		})
	}
	seed := testSeed(t)
	for i := range 5 {
		t.Run(fmt.Sprintf("any time %d", i), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			atAnyTime := func(map[string]*process) []string {
				<-time.After(time.Duration(random.Int64N(int64(1500 * time.Millisecond))))
				return subset(random, nodeNames)
			}
			killedOnTheWay(t, atAnyTime, atAnyTime)
		})
	}
}

// killedOnTheWay is one such start. Each of moments waits while the nodes are on their way, and says whom to kill then.
func killedOnTheWay(t *testing.T, moments ...func(map[string]*process) []string) {
	l := newLab(t)
	running := map[string]*process{}
	for _, name := range nodeNames {
		running[name] = l.start(name)
	}
	w := l.startWriter()
	for _, moment := range moments {
		victims := moment(running)
		for _, name := range victims {
			running[name].kill()
		}
		t.Logf("killed %v", victims)
		for _, name := range victims {
			running[name] = l.start(name)
		}
	}
	l.current(w.nc)
	w.goesOn()
	w.check()
}

// subset is at least one of all.
func subset(random *rand.Rand, all []string) []string {
	var some []string
	for len(some) == 0 {
		for _, name := range all {
			if random.IntN(2) == 0 {
				some = append(some, name)
			}
		}
	}
	return some
}

// testSeed is UNIBUS_TEST_SEED, which repeats a run, or a new one.
func testSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("UNIBUS_TEST_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("UNIBUS_TEST_SEED=%d repeats this", seed)
	return seed
}
