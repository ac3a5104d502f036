package main

import (
	"os/exec"
	"runtime/debug"
	"slices"
	"testing"
	"time"
)

// TestDevIsQuick runs the example until all its buckets are at their target, and stops it again, which takes less than a
// second. An election that ends without a winner is repeated after some seconds, and a busy machine makes those likely, so
// one of ten attempts is enough.
func TestDevIsQuick(t *testing.T) {
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("the race detector is not quick")
	}
	for range 10 {
		start := time.Now()
		if out, err := exec.Command("unibus", "dev", "../../examples/magnus-homer-datardos.hcl", "--exec", "true").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		took := time.Since(start)
		t.Logf("after %v", took.Round(time.Millisecond))
		if took < time.Second {
			return
		}
	}
	t.Error("it never took less than a second")
}
