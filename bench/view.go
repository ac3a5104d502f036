package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
)

const viewNotes = "" +
	"The snapshot of 30 nodes and 1,000 buckets with three replicas each, joined from simulated reports of all nodes, as every\n" +
	"`unibus status` and every look at the page makes it (BenchmarkSnapshot of internal/node). There is no reference, because\n" +
	"stock servers do not know what is missing."

// measureView runs the benchmark of the snapshot in a process of its own.
func measureView(ctx context.Context, _ *rig, s scale) ([]row, error) {
	out, err := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkSnapshot$", "-benchmem", "-count", strconv.Itoa(s.looks), "unibus/internal/node").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	var took, memory []float64
	for _, m := range regexp.MustCompile(`BenchmarkSnapshot\S*\s+\d+\s+([0-9.]+) ns/op\s+(\d+) B/op`).FindAllStringSubmatch(string(out), -1) {
		ns, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return nil, err
		}
		bytes, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return nil, err
		}
		took, memory = append(took, ns/1e6), append(memory, bytes/1e6)
	}
	if len(took) == 0 {
		return nil, fmt.Errorf("the benchmark says nothing: %s", out)
	}
	slices.Sort(took)
	slices.Sort(memory)
	one := func(what, unit string, all []float64, most float64) row {
		v := all[len(all)/2]
		met := "yes"
		if v > most {
			met = "no"
		}
		return row{what: what, ours: fmt.Sprintf("%.2g%s", v, unit), reference: "-", ratio: "-", noise: "-", target: fmt.Sprintf("at most %g%s", most, unit), met: met}
	}
	return []row{one("status of 30 nodes, 1,000 buckets", " ms", took, 50), one("memory for it", " MB", memory, 20)}, nil
}
