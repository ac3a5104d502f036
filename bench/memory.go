package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

const memoryNotes = "" +
	"What a node of the clusters above takes when nothing happens, 20 s after its buckets are current, as the kernel says (the\n" +
	"mean of the three nodes): resident memory, of which anonymous memory is what the process has allocated and the rest\n" +
	"is pages of the binary, which the page cache may take back; and what it takes of one CPU in the meantime."

// usage is what a process takes.
type usage struct{ rss, anon, cpu float64 }

func measureMemory(ctx context.Context, r *rig, s scale) ([]row, error) {
	var rss, anon, cpu series
	err := r.eachTrio(ctx, s.idle, func(t trio) error {
		before, err := t.usage()
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(s.settle):
		}
		after, err := t.usage()
		for i := range t {
			rss[i] = append(rss[i], after[i].rss)
			anon[i] = append(anon[i], after[i].anon)
			cpu[i] = append(cpu[i], 100*(after[i].cpu-before[i].cpu)/s.settle.Seconds())
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return []row{
		rss.row("resident", " MB", atMost(1.6)),
		anon.row("of it anonymous", " MB", limit{}),
		cpu.row("CPU", " %", limit{}),
	}, nil
}

func (t trio) usage() (all [len(trio{})]usage, err error) {
	for i, c := range t {
		if all[i], err = c.usage(); err != nil {
			return all, err
		}
	}
	return all, nil
}

// usage is the mean of the nodes.
func (c *cluster) usage() (mean usage, err error) {
	for _, p := range c.nodes {
		u, err := p.usage()
		if err != nil {
			return mean, err
		}
		mean.rss += u.rss / nodes
		mean.anon += u.anon / nodes
		mean.cpu += u.cpu / nodes
	}
	return mean, nil
}

// usage reads /proc: memory in MB, CPU time in seconds since the start.
func (p *process) usage() (u usage, err error) {
	dir := fmt.Sprintf("/proc/%d/", p.cmd.Process.Pid)
	if u.rss, err = megabytes(dir+"status", "VmRSS"); err != nil {
		return u, err
	}
	if u.anon, err = megabytes(dir+"status", "RssAnon"); err != nil {
		return u, err
	}
	u.cpu, err = cpuTime(dir + "stat")
	return u, err
}

// cpuTime is the sum of utime and stime of proc_pid_stat(5), which count in hundredths of a second.
func cpuTime(file string) (float64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest) // from the third field on
	if len(f) < 13 {
		return 0, fmt.Errorf("%s: %q", file, b)
	}
	user, err := strconv.ParseFloat(f[11], 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseFloat(f[12], 64)
	return (user + system) / 100, err
}

// megabytes is a number of kB in a file of /proc.
func megabytes(file, key string) (float64, error) {
	text, err := field(file, key)
	if err != nil {
		return 0, err
	}
	kb, err := strconv.ParseFloat(strings.TrimSuffix(text, " kB"), 64)
	return kb * 1024 / 1e6, err
}
