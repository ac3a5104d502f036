package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"unibus/internal/api"
)

// TestWatcher compares what the same events look like on a terminal, in a file, and as JSON.
func TestWatcher(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.Local)
	waiting := api.NodeEvent{
		Time: at, State: api.EventWaiting, Message: "2 assets still list homer", Hint: "wait", Assets: []string{"bucket a", "bucket b"}, Remaining: 3,
	}
	events := []api.NodeEvent{
		{Time: at, State: api.EventStep, Message: "homer leads nothing"},
		waiting,
		{Time: at, State: api.EventDone, Message: "nothing lists homer any more"},
	}
	const (
		first = "12:00:00  homer leads nothing\n"
		last  = "12:00:00  nothing lists homer any more\n"
		line  = "12:00:00  2 assets still list homer [bucket a, bucket b and 1 more]\n   try: wait\n"
		drawn = "… 2 assets still list homer\n    bucket a\n    bucket b\n    and 1 more\n   try: wait\n"
	)
	for _, tt := range []struct {
		name string
		live bool
		want string
	}{
		{"file", false, first + line + last},
		{"terminal", true, first + drawn + "\x1b[5A\x1b[J" + last},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			w := &watcher{out: &out, live: tt.live}
			for _, e := range events {
				w.show(e)
			}
			if out.String() != tt.want {
				t.Errorf("got\n%q, want\n%q", out.String(), tt.want)
			}
		})
	}
	t.Run("jsonl", func(t *testing.T) {
		var out bytes.Buffer
		w := &watcher{out: &out, json: true}
		for _, e := range events {
			w.show(e)
		}
		for i, text := range strings.Split(strings.TrimSpace(out.String()), "\n") {
			var e api.NodeEvent
			if err := json.Unmarshal([]byte(text), &e); err != nil || e.Message != events[i].Message {
				t.Errorf("line %d is %s: %v", i, text, err)
			}
		}
	})
}
