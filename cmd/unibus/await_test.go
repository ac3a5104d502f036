//go:build linux

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestInterrupted ends commands that wait for input, with one signal.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"validate PIPE", "fmt PIPE", "render --config PIPE"} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			pipe := filepath.Join(t.TempDir(), "pipe")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			said := &bytes.Buffer{}
			cmd := exec.Command("unibus", strings.Fields(strings.ReplaceAll(args, "PIPE", pipe))...)
			cmd.Stderr = said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			stuck := time.AfterFunc(longest, func() { _ = cmd.Process.Kill() })
			defer stuck.Stop()
			w, err := os.OpenFile(pipe, os.O_WRONLY, 0) // returns when the command has opened the other end
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() < 1 || !strings.Contains(said.String(), "interrupted") {
				t.Errorf("ended with %v: %s", err, said)
			}
		})
	}
}
