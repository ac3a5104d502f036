//go:build linux

package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// cli runs a command on a host, and returns what it says on either stream and its exit status.
func (l *lab) cli(host string, args ...string) (stdout, stderr string, status int) {
	l.t.Helper()
	var out, complaints bytes.Buffer
	cmd := l.hosts[host].Command(l.t.Context(), "unibus", args...)
	cmd.Env = append(os.Environ(), "UNIBUS_NODE=", "UNIBUS_CONFIG=", "UNIBUS_SOCKET=")
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	if e := (*exec.ExitError)(nil); err != nil && !errors.As(err, &e) {
		l.t.Fatal(err)
	}
	if strings.Contains(out.String()+complaints.String(), routePassword) {
		l.t.Errorf("%v has shown the route password", args)
	}
	return out.String(), complaints.String(), cmd.ProcessState.ExitCode()
}

// alone is the file of the lab with one node.
func (l *lab) alone() string {
	l.t.Helper()
	text, err := os.ReadFile(l.file)
	if err != nil {
		l.t.Fatal(err)
	}
	others := regexp.MustCompile(`(?ms)^  node "(homer|datardos)" \{.*?^  \}\n`)
	return l.write("alone.hcl", bytes.ReplaceAll(others.ReplaceAll(text, nil), []byte("replicas = 3"), []byte("replicas = 1")))
}

// TestBackup is the way from one node to three, while somebody writes to the one: a backup, three nodes with empty stores,
// the restore.
func TestBackup(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	alone := l.alone()
	one := l.startOn(l.hosts["magnus"], "magnus", "--config", alone)
	w := l.startWriter()
	w.goesOn()
	before := w.large(24)
	w.mu.Lock()
	maps.Copy(before, w.acked)
	w.mu.Unlock()

	backups := l.path("backups")
	out, said, status := l.cli("magnus", "backup", backups, "-o", "json", "--config", alone)
	if status != 0 {
		t.Fatalf("backup: status %d: %s", status, said)
	}
	var saved struct {
		Path    string `json:"path"`
		Streams []struct{ Name string }
		Left    []struct{ Name, Reason string } `json:"left_out"`
	}
	if err := json.Unmarshal([]byte(out), &saved); err != nil {
		t.Fatal(err)
	}
	if len(saved.Streams) != 1 || saved.Streams[0].Name != "UNIBUS_rooms" || len(saved.Left) != 1 || !strings.Contains(saved.Left[0].Reason, "memory") {
		t.Errorf("saved %s", out)
	}
	l.noSecretIn(saved.Path)
	w.goesOn()
	l.killBackup(backups, alone)
	l.keepsBackups(alone)
	w.stop()
	<-w.done
	stopAll(t, one)

	l.file = l.variant("three.hcl", l.path("store"), l.path("store3"))
	l.startAll()
	l.current(w.nc)
	l.refuseDamaged(saved.Path)
	if _, said, status := l.cli("homer", "restore", saved.Path, "--config", l.file); status != 0 {
		t.Fatalf("restore: status %d: %s", status, said)
	}
	l.current(w.nc)
	var first map[string]string
	for _, node := range nodeNames {
		held := w.contents(node)
		if first == nil {
			first = held
		}
		if !maps.Equal(first, held) {
			t.Errorf("%s and %s differ", nodeNames[0], node)
		}
		for key, value := range before {
			if got := held["$KV.UNIBUS_rooms."+key]; got != value {
				t.Errorf("on %s, %s = %.20q, acknowledged before the backup was %.20q", node, key, got, value)
			}
		}
	}
	t.Logf("%d values were acknowledged before the backup, %d are on every replica", len(before), len(first))
	if _, said, status := l.cli("homer", "restore", saved.Path, "--config", l.file); status != 1 || !strings.Contains(said, "is not overwritten") {
		t.Errorf("a second restore: status %d: %s", status, said)
	}
	l.startWriter().goesOn()
	if _, said, status := l.cli("datardos", "backup", backups, "UNIBUS_rooms", "--config", l.file); status != 0 {
		t.Errorf("backup of the three: status %d: %s", status, said)
	}
}

// large puts values that nobody can compress, more of them than nats-server sends ahead.
func (w *writer) large(n int) map[string]string {
	w.t.Helper()
	all := map[string]string{}
	for i := range n {
		value := make([]byte, 512<<10)
		_, _ = rand.Read(value)
		key := fmt.Sprintf("large.%d", i)
		all[key] = string(value)
		eventually(w.t, func() error { return w.put(w.t.Context(), key, all[key]) })
	}
	return all
}

// killBackup kills a backup as soon as it has begun. What can be seen of it is nothing, or whole.
func (l *lab) killBackup(into, file string) {
	l.t.Helper()
	cmd := l.hosts["magnus"].Command(l.t.Context(), "unibus", "backup", into, "--config", file)
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	_ = poll(longest, func() error {
		begun, err := filepath.Glob(into + "/.partial-*")
		if err == nil && len(begun) == 0 && len(l.backups(into)) == 1 {
			err = errors.New("not begun")
		}
		return err
	})
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for _, path := range l.backups(into) {
		if _, said, status := l.cli("magnus", "backup", "verify", path); status != 0 {
			l.t.Errorf("after a kill: status %d: %s", status, said)
		}
	}
}

func (l *lab) backups(into string) []string {
	l.t.Helper()
	all, err := filepath.Glob(into + "/unibus-*")
	if err != nil {
		l.t.Fatal(err)
	}
	return all
}

// keepsBackups makes some backups, of which two stay.
func (l *lab) keepsBackups(file string) {
	l.t.Helper()
	into := l.path("kept")
	for range 3 {
		if _, said, status := l.cli("magnus", "backup", into, "--keep", "2", "--config", file); status != 0 {
			l.t.Fatalf("backup: status %d: %s", status, said)
		}
	}
	if all := l.backups(into); len(all) != 2 {
		l.t.Errorf("of three backups with --keep 2, there are %v", all)
	}
}

// noSecretIn looks into every file of a backup.
func (l *lab) noSecretIn(path string) {
	l.t.Helper()
	files, err := filepath.Glob(path + "/*")
	if err != nil || len(files) < 3 {
		l.t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			l.t.Fatal(err)
		}
		if bytes.Contains(text, []byte(routePassword)) {
			l.t.Errorf("the route password is in %s", file)
		}
	}
}

// refuseDamaged flips one bit in a copy of a backup.
func (l *lab) refuseDamaged(path string) {
	l.t.Helper()
	damaged := l.path("damaged")
	if err := os.CopyFS(damaged, os.DirFS(path)); err != nil {
		l.t.Fatal(err)
	}
	data, err := filepath.Glob(damaged + "/*.snapshot")
	if err != nil || len(data) != 1 {
		l.t.Fatalf("%v, %v", data, err)
	}
	text, err := os.ReadFile(data[0])
	if err != nil {
		l.t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(data[0], text, 0o600); err != nil {
		l.t.Fatal(err)
	}
	want := fmt.Sprintf("%s is damaged", data[0])
	for _, args := range [][]string{{"backup", "verify", damaged}, {"restore", damaged, "--config", l.file}} {
		if _, said, status := l.cli("homer", args...); status != 1 || !strings.Contains(said, want) {
			l.t.Errorf("%v: status %d: %s", args, status, said)
		}
	}
}
