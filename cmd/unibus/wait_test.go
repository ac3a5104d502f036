package main

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// longest is how long a cluster may take for anything. Electing a new leader takes nats-server 4 to 18 s.
const longest = 60 * time.Second

// eventually repeats f until it succeeds.
func eventually(t *testing.T, f func() error) {
	t.Helper()
	if err := poll(longest, f); err != nil {
		t.Fatal(err)
	}
}

// poll repeats f until it succeeds, and returns its last error when that takes too long.
func poll(limit time.Duration, f func() error) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var err error
	for end := time.Now().Add(limit); time.Now().Before(end); <-tick.C {
		if err = f(); err == nil {
			return nil
		}
	}
	return fmt.Errorf("still after %v: %w", limit, err)
}

// logText is what a process writes, for reading while it does.
type logText struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// tail is as much of the end as one wants to read.
func (l *logText) tail() string {
	lines := strings.SplitAfter(l.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-60):], "")
}
