package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const reloadNotes = "" +
	"Three processes that follow one file, and no client. Each time another file is renamed to it, in which a storage limit and a\n" +
	"user's permissions differ. Live is a node when it says so in its log, after nats-server has taken the change. CPU time is\n" +
	"that of one node for one reload, without what it takes in the same time when nothing happens; memory is how far the\n" +
	"resident memory of any node rises above what it was before, at most and in the middle."

func measureReload(ctx context.Context, r *rig, s scale) (rows []row, err error) {
	c, err := r.newCluster(ctx, ours, true)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	f, err := newFollowed(c)
	if err != nil {
		return nil, err
	}
	if err := f.ship(0); err != nil {
		return nil, err
	}
	if _, err := c.bringUp(ctx, script{}); err != nil {
		return nil, err
	}
	idle, err := f.idle(ctx, s.settle/4)
	if err != nil {
		return nil, err
	}
	for n := range s.reloads {
		if err := f.reload(ctx, n+1); err != nil {
			return nil, err
		}
	}
	busy, err := c.usage()
	if err != nil {
		return nil, err
	}
	cpu := (busy.cpu - f.before.cpu - idle*time.Since(f.began).Seconds()) / float64(s.reloads)
	r.say("%d reloads: %.0f ms, CPU %.1f ms", s.reloads, f.took, 1000*cpu)
	return []row{
		single("live on all three nodes", " ms", f.took, limit{}),
		single("… p99", " ms", []float64{quantile(f.took, 0.99)}, atMost(500)),
		single("CPU time of a node", " ms", []float64{1000 * max(0, cpu)}, atMost(10)),
		single("memory meanwhile", " MB", f.rise, limit{}),
		single("… at most", " MB", []float64{slices.Max(f.rise)}, atMost(32)),
	}, nil
}

// followed is the file of a running cluster, and what came of changing it.
type followed struct {
	c      *cluster
	text   string
	began  time.Time // of the reloads
	before usage     // then
	took   []float64 // until every node had taken a file up, in ms
	rise   []float64 // of the memory of a node meanwhile, in MB
}

func newFollowed(c *cluster) (*followed, error) {
	text, err := os.ReadFile(c.file)
	return &followed{c: c, text: string(text)}, err
}

// ship renames the n-th version of the file to it.
func (f *followed) ship(n int) error {
	before := fmt.Sprintf("jetstream { store_dir = %q }\n", filepath.Join(f.c.dir, "store"))
	if !strings.Contains(f.text, before) {
		return fmt.Errorf("the file has no %s", before)
	}
	text := strings.Replace(f.text, before, fmt.Sprintf(`user "guest" {
 password = "guest"
 permissions {
  publish { allow = ["round.%d"] }
 }
}
jetstream {
 max_file_store = "%dMiB"
 store_dir = %q
}
`, n, 1024+n, filepath.Join(f.c.dir, "store")), 1)
	if err := os.WriteFile(f.c.file+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(f.c.file+".new", f.c.file)
}

// idle is what a node takes of a CPU while nothing happens. The reloads begin when it returns.
func (f *followed) idle(ctx context.Context, settle time.Duration) (float64, error) {
	before, err := f.c.usage()
	if err != nil {
		return 0, err
	}
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(settle):
	}
	f.before, err = f.c.usage()
	f.began = time.Now()
	return (f.before.cpu - before.cpu) / settle.Seconds(), err
}

// reload ships a version and waits until it is live on every node.
func (f *followed) reload(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	var before [nodes]float64
	for i, p := range f.c.nodes {
		var err error
		if before[i], err = p.resetPeak(); err != nil {
			return err
		}
	}
	start := time.Now()
	if err := f.ship(n); err != nil {
		return err
	}
	var last time.Time
	for i, p := range f.c.nodes {
		at, err := p.reloaded(ctx, n)
		if err != nil {
			return err
		}
		if at.After(last) {
			last = at
		}
		peak, err := megabytes(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid), "VmHWM")
		if err != nil {
			return err
		}
		f.rise = append(f.rise, peak-before[i])
	}
	f.took = append(f.took, milliseconds(last.Sub(start)))
	return nil
}

// resetPeak makes VmHWM begin anew (proc_pid_clear_refs(5)), and is the resident memory at that moment.
func (p *process) resetPeak() (float64, error) {
	dir := fmt.Sprintf("/proc/%d/", p.cmd.Process.Pid)
	if err := os.WriteFile(dir+"clear_refs", []byte("5"), 0); err != nil {
		return 0, err
	}
	return megabytes(dir+"status", "VmRSS")
}

// reloaded is when the node said that it had taken up the n-th change.
func (p *process) reloaded(ctx context.Context, n int) (time.Time, error) {
	for {
		text, err := os.ReadFile(p.log)
		if err != nil {
			return time.Time{}, err
		}
		seen := 0
		for line := range strings.Lines(string(text)) {
			if !strings.Contains(line, "reloaded: trigger=file result=applied") {
				continue
			}
			if seen++; seen == n {
				stamp, _, _ := strings.Cut(line, " ")
				return time.Parse(time.RFC3339Nano, stamp)
			}
		}
		select {
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("reload %d: %w\n%s", n, ctx.Err(), text)
		case <-p.done:
			return time.Time{}, p.failure()
		case <-time.After(5 * time.Millisecond):
		}
	}
}
