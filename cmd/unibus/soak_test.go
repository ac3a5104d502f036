//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"unibus/internal/api"
)

// soakFor is for how long `make soak` watches.
const soakFor = "UNIBUS_SOAK"

// TestSoak watches three hosts on which nothing happens. Every alarm is a false one. `make soak` watches for as long as it
// is told. Elsewhere the watch is short, and one that was disturbed is repeated, because other tests may really keep a node
// from answering.
func TestSoak(t *testing.T) {
	t.Parallel()
	length, tries := 10*time.Second, 3
	if text := os.Getenv(soakFor); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
		tries = 1
	}
	v := newViewLab(t)
	for range tries {
		alarms := v.soak(length)
		if len(alarms) == 0 {
			return
		}
		t.Log(strings.Join(alarms, "\n"))
	}
	t.Errorf("in each of %d watches of %v there was an alarm", tries, length)
}

// soak waits until all is settled, watches every node for so long, and returns what was said that should not have been.
func (v *viewLab) soak(length time.Duration) (alarms []string) {
	v.t.Helper()
	var all []*watch
	for _, name := range nodeNames {
		w := &watch{lab: v, node: name}
		eventually(v.t, w.begin)
		all = append(all, w)
	}
	ctx, cancel := context.WithTimeout(v.t.Context(), length)
	defer cancel()
	var wg sync.WaitGroup
	for _, w := range all {
		wg.Go(func() { w.run(ctx) })
	}
	wg.Wait()
	for _, w := range all {
		v.t.Logf("%s was asked %d times in %v, the slowest answers took %v; %d alarms, %d times not settled",
			w.node, w.asked, length, w.slowest.Round(time.Millisecond), len(w.alarms), w.unsettled)
		for _, note := range w.notes {
			v.t.Log(note)
		}
		alarms = append(alarms, w.alarms...)
	}
	return alarms
}

// watch is what is seen of one node.
type watch struct {
	lab     *viewLab
	node    string
	event   uint64 // the last one before
	line    int    // of the log, likewise
	asked   int
	slowest time.Duration
	alarms  []string
	// unsettled is how often the node would not have called it safe to stop another one. That is no alarm.
	unsettled int
	notes     []string
}

// begin succeeds when the node calls everything settled.
func (w *watch) begin() error {
	s, err := w.client().Status(w.lab.t.Context())
	if err != nil {
		return err
	}
	if !s.Settled {
		return fmt.Errorf("%s is not settled: %s, %+v", w.node, s.Verdict, s.Problems)
	}
	events, err := w.client().History(w.lab.t.Context(), 0)
	if len(events) > 0 {
		w.event = events[len(events)-1].Number
	}
	w.line = strings.Count(w.lab.nodes[w.node].log.String(), "\n")
	return err
}

// client has patience: an answer that comes late because others have the processors is no alarm.
func (w *watch) client() *api.Client {
	c := api.NewClient(w.lab.store(w.node) + "/unibus.sock")
	c.Timeout = longest
	return c
}

// run asks twice a second until ctx ends.
func (w *watch) run(ctx context.Context) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			w.said()
			return
		case <-tick.C:
		}
		begun := time.Now()
		w.look()
		w.asked++
		w.slowest = max(w.slowest, time.Since(begun))
	}
}

func (w *watch) alarm(format string, args ...any) {
	w.alarms = append(w.alarms, fmt.Sprintf("%s %s: ", time.Now().UTC().Format(time.TimeOnly), w.node)+fmt.Sprintf(format, args...))
}

// look asks the socket for status, health and events, and the monitor's port for the verdict of its probes.
func (w *watch) look() {
	s, err := w.client().Status(w.lab.t.Context())
	if err != nil {
		w.alarm("%v", err)
		return
	}
	if s.Verdict != api.Healthy || len(s.Problems) > 0 {
		w.alarm("%s, problems %+v", s.Verdict, s.Problems)
	}
	if !s.Settled {
		w.unsettled++
	}
	for _, scope := range []string{api.ScopeNode, api.ScopeCluster} {
		if h, level := s.Health(scope); level != api.OK {
			w.alarm("health of the %s is %s: %s", scope, level, h.Text)
		}
	}
	var web struct{ Status string }
	if err := w.lab.monitorWithin(longest, w.node, "healthz?scope=cluster", &web); err != nil || web.Status != "ok" {
		w.alarm("over HTTP: %q, %v", web.Status, err)
	}
	events, err := w.client().History(w.lab.t.Context(), w.event)
	if err != nil {
		w.alarm("%v", err)
	}
	for _, e := range events {
		w.event = e.Number
		w.alarm("event %s of %s: %s", e.Kind, e.Subject, e.Text)
	}
}

// said looks at the log. What bootstrap says, or that something failed, is an alarm. That a peer was slow is only told: where
// others have the processors it is true.
func (w *watch) said() {
	lines := strings.Split(w.lab.nodes[w.node].log.String(), "\n")
	for _, line := range lines[w.line : len(lines)-1] {
		if strings.Contains(line, "bootstrap:") || strings.Contains(line, "[ERROR]") || strings.Contains(line, " stopped") {
			w.alarm("log: %s", line)
			continue
		}
		w.notes = append(w.notes, w.node+" has logged: "+line)
	}
}
