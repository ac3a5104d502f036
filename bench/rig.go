package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
)

// rig holds what all measurements share: a directory and the programs that are compared.
type rig struct {
	dir      string
	unibus   string
	stock    string
	progress io.Writer
	clusters int // made so far
}

// newRig builds both programs in the same way.
func newRig(ctx context.Context, progress io.Writer) (*rig, error) {
	dir, err := os.MkdirTemp("", "unibus-bench-")
	if err != nil {
		return nil, err
	}
	r := &rig{dir: dir, unibus: filepath.Join(dir, "unibus"), stock: filepath.Join(dir, "nats-server"), progress: progress}
	for program, pkg := range map[string]string{r.unibus: "unibus/cmd/unibus", r.stock: "github.com/nats-io/nats-server/v2"} {
		r.say("building %s", pkg)
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if _, err := output(cmd); err != nil {
			_ = r.close()
			return nil, err
		}
	}
	return r, nil
}

func (r *rig) close() error { return os.RemoveAll(r.dir) }

func (r *rig) say(format string, args ...any) { fmt.Fprintf(r.progress, format+"\n", args...) }

// machine is the beginning of the results: what was measured, and on what.
func (r *rig) machine(ctx context.Context) (string, error) {
	version, err := output(exec.CommandContext(ctx, r.stock, "--version"))
	if err != nil {
		return "", err
	}
	cpu, err := field("/proc/cpuinfo", "model name")
	if err != nil {
		return "", err
	}
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "", err
	}
	server := strings.TrimPrefix(strings.TrimSpace(version), "nats-server: v")
	return fmt.Sprintf(`# Results of make bench

Written by a full run of `+"`make bench`"+`. Only the ratios carry over to other machines.

- %d × %s, Linux %s
- %s, nats-server %s, nats.go %s
- binaries: unibus %s, nats-server %s
`, runtime.NumCPU(), cpu, bytes.TrimSpace(kernel), runtime.Version(), server, nats.Version, size(r.unibus), size(r.stock)), nil
}

func size(file string) string {
	info, err := os.Stat(file)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%.1f MB", float64(info.Size())/1e6)
}

// field is the value of the first line of a file of /proc that begins with the key.
func field(file, key string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v), nil
		}
	}
	return "", fmt.Errorf("%s has no %q", file, key)
}

// cpu is the CPU time, in seconds, of the whole machine and of this program with those it has started and waited for.
type cpu struct{ all, idle, own float64 }

// readCPU reads proc_stat(5), which counts in hundredths of a second.
func readCPU() (c cpu, err error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return c, err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	for i, f := range strings.Fields(line)[1:9] { // without the guests, who are counted as users
		n, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return c, err
		}
		c.all += n / 100
		if i == 3 || i == 4 { // idle, and waiting for a disk
			c.idle += n / 100
		}
	}
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			return c, err
		}
		c.own += time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
	}
	return c, nil
}

// others is the part of the CPUs that other programs took since before.
func (c cpu) others(before cpu) float64 {
	all := c.all - before.all
	return max(0, all-(c.idle-before.idle)-(c.own-before.own)) / all
}

// output runs a command and returns what it prints; the error has what it wrote to stderr.
func output(cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.String(), nil
}
