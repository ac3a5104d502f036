//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"unibus/internal/api"
	"unibus/internal/netlab"
)

// spares are further hosts for a lab, as node blocks of its file.
var spares = map[string]string{"athena": "203.0.113.40", "hermes": "203.0.113.50"}

// spare plugs in a further host, with a certificate, and returns its node block.
func (l *lab) spare(name, zone string) string {
	l.t.Helper()
	l.hosts[name] = l.net.Host(name, spares[name])
	l.issue(l.ca, name, spares[name])
	return fmt.Sprintf("  node %q {\n    address = %q\n    tags    = [%q]\n  }\n\n", name, spares[name], "az:"+zone)
}

func (l *lab) text() string {
	l.t.Helper()
	text, err := os.ReadFile(l.file)
	if err != nil {
		l.t.Fatal(err)
	}
	return string(text)
}

// ship replaces the file that all hosts have, at once.
func (l *lab) ship(text string) {
	l.t.Helper()
	next := l.write("next.hcl", []byte(text))
	if err := os.Rename(next, l.file); err != nil {
		l.t.Fatal(err)
	}
}

// unibus runs a command on a host to its end, and returns what it says and its exit status.
func (l *lab) unibus(host *netlab.Host, node string, args ...string) (string, int) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), longest)
	defer cancel()
	cmd := host.Command(ctx, "unibus", append(args, "--config", l.file, "--node", node)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var e *exec.ExitError
	if err != nil && !errors.As(err, &e) {
		l.t.Fatal(err)
	}
	l.t.Logf("on %s: unibus %s: exit %d\n%s", node, strings.Join(args, " "), cmd.ProcessState.ExitCode(), out.String())
	return out.String(), cmd.ProcessState.ExitCode()
}

// must runs a command on the host of a node that has to succeed.
func (l *lab) must(node string, args ...string) string {
	l.t.Helper()
	out, code := l.unibus(l.hosts[node], node, args...)
	if code != 0 {
		l.t.Fatalf("unibus %s: exit %d", strings.Join(args, " "), code)
	}
	return out
}

// refuses runs a command that must end with a status and words.
func (l *lab) refuses(node string, status int, words string, args ...string) {
	l.t.Helper()
	if out, code := l.unibus(l.hosts[node], node, args...); code != status || !strings.Contains(out, words) {
		l.t.Fatalf("unibus %s: exit %d, want %d and %q", strings.Join(args, " "), code, status, words)
	}
}

// nodes is what a node says about all of them.
func (l *lab) members(node string) map[string]api.Member {
	l.t.Helper()
	var n api.Nodes
	if err := json.Unmarshal([]byte(l.must(node, "node", "ls", "-o", "json")), &n); err != nil {
		l.t.Fatal(err)
	}
	all := map[string]api.Member{}
	for _, m := range n.Nodes {
		all[m.Name] = m
	}
	return all
}

// TestDrain takes leaderships and replicas away from a node while an application puts and gets.
func TestDrain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	first := l.text()
	athena := l.spare("athena", "4")
	l.ship(strings.Replace(first, "  client_port", athena+"  client_port", 1))
	l.start("athena")
	l.startAll()
	w := l.startWriter()
	w.goesOn()
	leaves := l.leader(w.nc, "KV_UNIBUS_rooms")
	at := "magnus"
	if leaves == at {
		at = "homer"
	}
	l.must(at, "node", "ls")
	l.must(at, "node", "step-down", leaves)
	begun := time.Now()
	l.must(at, "node", "drain", leaves)
	t.Logf("drained %s in %v", leaves, time.Since(begun))
	w.goesOn()
	if m := l.members(at)[leaves]; m.Assets > 0 || m.Leads > 0 || !m.Drained {
		t.Errorf("%s is %+v after it was drained", leaves, m)
	}
}

// TestDrainWithoutSpare drains a node of three that all hold everything, and takes it back.
func TestDrainWithoutSpare(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.startAll()
	w := l.startWriter()
	l.current(w.nc)
	l.refuses("magnus", exitLater, "no other node", "node", "drain", "homer", "--timeout", "5s")
	l.must("magnus", "node", "ls")
	w.goesOn()
	l.must("magnus", "node", "undrain", "homer")
	l.must("magnus", "node", "ls")
	l.current(w.nc)
	w.goesOn()
	w.check()
}
