package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/hcl/v2/hclparse" //nolint:depguard // what reading a file is compared with

	"unibus/internal/hclconf"
	"unibus/internal/node"
)

const validateNotes = "" +
	"Reading a file and asking nats-server about the configuration of every node, as `unibus validate` does, against hclparse\n" +
	"alone on the same bytes, in turn in one process. User time and peak memory are those of `unibus validate` as a process,\n" +
	"and process start is `unibus version`. Growth is the CPU time for a bucket against that in the file before."

func measureValidate(ctx context.Context, r *rig, s scale) ([]row, error) {
	var rows []row
	for _, measure := range []func(context.Context, *rig, scale) ([]row, error){
		measureProcess, measureFormat, measureParse, measureDiagnostics, measureGrowth,
	} {
		more, err := measure(ctx, r, s)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// topology is a valid file.
func topology(nodes, buckets int) []byte {
	var b strings.Builder
	b.WriteString("cluster \"bench\" {\n  jetstream { max_file_store = \"100TiB\" }\n  tls {\n    ca_file   = \"/etc/unibus/tls/ca.pem\"\n")
	b.WriteString("    cert_file = \"/etc/unibus/tls/${node.name}.pem\"\n    key_file  = \"/etc/unibus/tls/${node.name}-key.pem\"\n  }\n")
	b.WriteString("  user \"bench\" { nkey = \"UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4\" }\n")
	for i := range nodes {
		fmt.Fprintf(&b, "\n  node \"node-%04d\" {\n    address = \"10.1.%d.%d\"\n    tags    = [\"az:%d\", \"rack:%d\"]\n  }\n", i, i/200, 1+i%200, i%3, i)
	}
	for i := range buckets {
		fmt.Fprintf(&b, "\n  # What team %d keeps in its bucket, and whom to ask about it.\n  bucket \"TEAM_%05d_state\" {\n", i, i)
		fmt.Fprintf(&b, "    description    = \"state of team %d\"\n    replicas       = 3\n    history        = %d\n", i, 1+i%10)
		fmt.Fprintf(&b, "    ttl            = \"%dh\"\n    max_bytes      = \"1MiB\"\n    max_value_size = \"64KiB\"\n  }\n", 1+i%48)
	}
	b.WriteString("}\n")
	return []byte(b.String())
}

// validate reads a file as the command does.
func validate(text []byte) error {
	if c := node.Load("bench.hcl", text, hclconf.Host{}); c.Topology == nil {
		return fmt.Errorf("the file is not valid: %s", c.Diagnostics[0].Detail)
	}
	return nil
}

// parse reads a file as far as the library does.
func parse(text []byte) error {
	_, diags := hclparse.NewParser().ParseHCL(text, "bench.hcl")
	if diags.HasErrors() {
		return diags
	}
	return nil
}

// spent is what something took, in milliseconds: of a clock, and of the CPUs, which other programs do not change much.
type spent struct{ wall, cpu []float64 }

// inTurn measures functions one after the other, n times, each on a heap without garbage.
func inTurn(ctx context.Context, n int, fns ...func() error) ([]spent, error) {
	all := make([]spent, len(fns))
	for range n {
		for i, fn := range fns {
			runtime.GC()
			begin, before := time.Now(), cpuSelf()
			err := fn()
			all[i].wall = append(all[i].wall, milliseconds(time.Since(begin)))
			all[i].cpu = append(all[i].cpu, milliseconds(cpuSelf()-before))
			if err := errors.Join(err, ctx.Err()); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// cpuSelf is the CPU time of this process.
func cpuSelf() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail with these arguments
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measureProcess measures the command. It comes first: the kernel counts what the parent takes at the time of the fork
// as memory of the child (getrusage(2), ru_maxrss).
func measureProcess(ctx context.Context, r *rig, s scale) ([]row, error) {
	small, large := filepath.Join(r.dir, "small.hcl"), filepath.Join(r.dir, "large.hcl")
	if err := errors.Join(os.WriteFile(small, topology(3, 6), 0o600), os.WriteFile(large, topology(s.nodes, s.buckets), 0o600)); err != nil {
		return nil, err
	}
	r.say("validate as a process")
	var user, all, peak []float64
	for range s.loads {
		without, err := r.rusage(ctx, batch, "version")
		if err != nil {
			return nil, err
		}
		with, err := r.rusage(ctx, batch, "validate", small)
		if err != nil {
			return nil, err
		}
		user = append(user, with.user-without.user)
		all = append(all, with.user+with.system-without.user-without.system)
	}
	for range min(3, s.loads) {
		used, err := r.rusage(ctx, 1, "validate", large)
		if err != nil {
			return nil, err
		}
		peak = append(peak, used.peak)
	}
	return []row{
		single("3 nodes, 6 buckets: user time beyond process start", " ms", user, atMost(5)),
		single("… with the time of the kernel", " ms", all, limit{}),
		single(counts(s)+": peak memory", " MB", peak, atMost(600)),
	}, nil
}

func counts(s scale) string { return fmt.Sprintf("%d nodes, %d buckets", s.nodes, s.buckets) }

// batch is how many runs have their time taken together: the kernel shares out what a process took between user and
// system by the few ticks it has seen, so a single run of some milliseconds says nothing.
const batch = 12

// cost is what runs of unibus took: the mean times in milliseconds, and the peak memory in MB.
type cost struct{ wall, user, system, peak float64 }

// rusage runs unibus n times.
func (r *rig) rusage(ctx context.Context, n int, args ...string) (cost, error) {
	var u cost
	for range n {
		cmd := exec.CommandContext(ctx, r.unibus, args...)
		cmd.Stdout = io.Discard
		begin := time.Now()
		if _, err := output(cmd); err != nil {
			return cost{}, err
		}
		u.wall += milliseconds(time.Since(begin)) / float64(n)
		u.user += milliseconds(cmd.ProcessState.UserTime()) / float64(n)
		u.system += milliseconds(cmd.ProcessState.SystemTime()) / float64(n)
		u.peak = max(u.peak, float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)*1024/1e6)
	}
	return u, nil
}

// measureFormat measures the formatting of a file that nobody has aligned.
func measureFormat(ctx context.Context, r *rig, s scale) ([]row, error) {
	r.say("fmt as a process")
	name, text := filepath.Join(r.dir, "huge.hcl"), bytes.ReplaceAll(topology(3, 5*s.buckets), []byte("  "), nil)
	var took, peak []float64
	for range min(5, s.loads) {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			return nil, err
		}
		used, err := r.rusage(ctx, 1, "fmt", name)
		if err != nil {
			return nil, err
		}
		took, peak = append(took, used.wall), append(peak, used.peak)
	}
	return []row{
		single(fmt.Sprintf("3 nodes, %d buckets: unibus fmt", 5*s.buckets), " ms", took, atMost(3000)),
		single("… peak memory", " MB", peak, atMost(400)),
	}, nil
}

func measureParse(ctx context.Context, r *rig, s scale) ([]row, error) {
	small, large := topology(3, 6), topology(s.nodes, s.buckets)
	r.say("validate against hclparse")
	few, err := inTurn(ctx, 10*s.loads, func() error { return validate(small) }, func() error { return parse(small) })
	if err != nil {
		return nil, err
	}
	many, err := inTurn(ctx, s.loads, func() error { return validate(large) }, func() error { return parse(large) })
	if err != nil {
		return nil, err
	}
	what := counts(s) + fmt.Sprintf(" (%.1f MB)", float64(len(large))/1e6)
	return []row{
		compare("3 nodes, 6 buckets: time", " ms", few[0].wall, few[1].wall, nil, limit{}),
		compare(what+": time", " ms", many[0].wall, many[1].wall, nil, atMost(2)),
		compare("… CPU time", " ms", many[0].cpu, many[1].cpu, nil, limit{}),
	}, nil
}

// mistakes is how many are planted for measureDiagnostics.
const mistakes = 100

// measureDiagnostics measures what it costs to find and to write mistakes in the large file.
func measureDiagnostics(ctx context.Context, r *rig, s scale) ([]row, error) {
	text := topology(s.nodes, s.buckets)
	wrong := []byte(strings.Replace(string(text), "replicas       = 3", "replicas       = 9", mistakes))
	c := hclconf.Load("bench.hcl", wrong, hclconf.Host{})
	if n := len(c.Diagnostics); n < mistakes {
		return nil, fmt.Errorf("%d mistakes were found instead of %d", n, mistakes)
	}
	r.say("diagnostics")
	took, err := inTurn(ctx, s.loads,
		func() error { return c.WriteText(io.Discard, c.Diagnostics, hclconf.Style{}) },
		func() error { hclconf.Load("bench.hcl", wrong, hclconf.Host{}); return nil },
		func() error { hclconf.Load("bench.hcl", text, hclconf.Host{}); return nil })
	if err != nil {
		return nil, err
	}
	return []row{
		single(fmt.Sprintf("%s: writing %d diagnostics", counts(s), mistakes), " ms", took[0].wall, atMost(20)),
		compare(fmt.Sprintf("%s: reading with %d mistakes and with none", counts(s), mistakes), " ms", took[1].wall, took[2].wall, nil, limit{}),
	}, nil
}

// measureGrowth measures files of growing size.
func measureGrowth(ctx context.Context, r *rig, s scale) ([]row, error) {
	r.say("growth")
	sizes := []int{s.buckets / 10, s.buckets, 5 * s.buckets}
	var reads []func() error
	for _, n := range sizes {
		text := topology(3, n)
		reads = append(reads, func() error { return validate(text) })
	}
	took, err := inTurn(ctx, s.loads, reads...)
	if err != nil {
		return nil, err
	}
	var rows []row
	for i, n := range sizes {
		each := took[i].cpu
		for j := range each {
			each[j] *= 1000 / float64(n)
		}
		what := fmt.Sprintf("3 nodes, %d buckets: CPU time for a bucket", n)
		if i == 0 {
			rows = append(rows, single(what, " µs", each, limit{}))
		} else {
			rows = append(rows, compare(what, " µs", each, took[i-1].cpu, nil, atMost(1.2)))
		}
	}
	return rows, nil
}
