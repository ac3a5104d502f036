package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

const idleNotes = "" +
	"What the collector, with which every node knows all others, takes while nothing happens: the three nodes of a cluster in\n" +
	"one process, with the collector and with everything but it, in turn (BenchmarkIdle of internal/node). CPU is that of one\n" +
	"core, for all three nodes; a message counts on every server that receives it, from a client or from another server."

// measureIdle runs the benchmark with and without the collector, each time in a process of its own.
func measureIdle(ctx context.Context, r *rig, s scale) ([]row, error) {
	program := filepath.Join(r.dir, "node.test")
	if _, err := output(exec.CommandContext(ctx, "go", "test", "-c", "-o", program, "unibus/internal/node")); err != nil {
		return nil, err
	}
	var cpu, messages [2][]float64
	for i := range s.idle {
		r.say("idle nodes %d of %d", i+1, s.idle)
		for j, name := range []string{"with", "without"} {
			c, m, err := idleSeconds(ctx, program, name, s.seconds)
			if err != nil {
				return nil, err
			}
			cpu[j], messages[j] = append(cpu[j], c), append(messages[j], m)
		}
	}
	return []row{
		compare("CPU of three idle nodes, with the collector and without", " %", cpu[0], cpu[1], nil, limit{}),
		single("… the collector alone", " %", differences(cpu[0], cpu[1]), atMost(0.5)),
		compare("messages, with the collector and without", "/s", messages[0], messages[1], nil, limit{}),
		single("… of the collector alone", "/s", differences(messages[0], messages[1]), atMost(10)),
	}, nil
}

// idleResult is a line of the benchmark.
var idleResult = regexp.MustCompile(`BenchmarkIdle/\S+\s.*?([0-9.]+) %cpu\s+([0-9.]+) msgs/s`)

// idleSeconds runs the benchmark once.
func idleSeconds(ctx context.Context, program, name string, seconds int) (cpu, messages float64, err error) {
	out, err := output(exec.CommandContext(ctx, program, "-test.run", "^$", "-test.bench", "^BenchmarkIdle$/^"+name+"$", "-test.benchtime", strconv.Itoa(seconds)+"x"))
	if err != nil {
		return 0, 0, err
	}
	m := idleResult.FindStringSubmatch(out)
	if m == nil {
		return 0, 0, fmt.Errorf("the benchmark says %q", out)
	}
	if cpu, err = strconv.ParseFloat(m[1], 64); err != nil {
		return 0, 0, err
	}
	messages, err = strconv.ParseFloat(m[2], 64)
	return cpu, messages, err
}

func differences(a, b []float64) []float64 {
	all := make([]float64, len(a))
	for i := range a {
		all[i] = a[i] - b[i]
	}
	return all
}
