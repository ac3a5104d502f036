//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// runbooks is the document whose sh blocks the tests here run, as they stand there, with sh(1).
const runbooks = "../../docs/operations.md"

// call is a command that a runbook gives to a host, or to an editor.
type call struct {
	args  []string
	reply chan<- remoteReply
}

// edit is what somebody does to the file in an editor.
type edit func(text string) string

// operations is an operator whose cluster runs, and who has a shell. The test answers its ssh and rsync: it is what
// carries commands and files to hosts, and what systemd does there. All else is real.
type operations struct {
	*operator
	daemons map[string]*process
	calls   chan call
	env     []string
	edits   []edit
	// restarted is called after every `systemctl restart`; nil is allowed.
	restarted func(host string)
}

func operate(t *testing.T, names ...string) *operations {
	t.Helper()
	return withShell(running(t, names...))
}

// withShell gives a shell to an operator on whose hosts these daemons run.
func withShell(operator *operator, daemons map[string]*process) *operations {
	t := operator.t
	t.Helper()
	o := &operations{operator: operator, daemons: daemons, calls: make(chan call)}
	for _, tool := range []string{"ssh", "rsync"} {
		mkdir(t, o.path("bin"))
		if err := os.WriteFile(o.path("bin/"+tool), []byte("#!/bin/sh\nexec remote "+tool+` "$@"`+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	o.env = append(os.Environ(), "PATH="+o.path("bin")+":"+os.Getenv("PATH"), "REMOTE="+o.path("remote"), "EDITOR=remote editor")
	l, err := net.Listen("unix", o.path("remote"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go o.pass(conn)
		}
	}()
	return o
}

// pass hands a call to the test's own goroutine.
func (o *operations) pass(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	var args []string
	if err := json.NewDecoder(conn).Decode(&args); err != nil {
		return
	}
	reply := make(chan remoteReply, 1)
	select {
	case o.calls <- call{args, reply}:
		_ = json.NewEncoder(conn).Encode(<-reply)
	case <-o.t.Context().Done():
	}
}

// runbook does what a section of the document says, after what it says shipping is. The edits are those that it asks for,
// in their order.
func (o *operations) runbook(title string, edits ...edit) {
	o.t.Helper()
	shipping := fenced(o.t, section(o.t, runbooks, "The runbooks"), "sh")
	o.run(title, shipping+"\n"+fenced(o.t, section(o.t, runbooks, title), "sh"), edits)
}

// commands does what a section of another document says.
func (o *operations) commands(name, title string, edits ...edit) {
	o.t.Helper()
	o.run(title, fenced(o.t, section(o.t, name, title), "sh"), edits)
}

// run gives commands to the shell, which ends with the first that fails.
func (o *operations) run(title, commands string, edits []edit) {
	o.t.Helper()
	o.edits = edits
	cmd := exec.Command("sh", "-eu", "-c", commands)
	var out bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = o.home, o.env, &out, &out
	if err := cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case c := <-o.calls:
			c.reply <- o.answer(c.args)
			continue
		case err := <-ended:
			o.t.Logf("%s: %v\n%s", title, err, &out)
			if err != nil || len(o.edits) > 0 {
				o.t.Fatalf("%s: %v, %d edits were not asked for", title, err, len(o.edits))
			}
		}
		return
	}
}

// answer does what a host or an editor is asked for.
func (o *operations) answer(args []string) remoteReply {
	var err error
	switch {
	case args[0] == "rsync" && len(args) == 4:
		err = o.sync(args[2], args[3])
	case args[0] == "rsync":
		err = o.rsync(args[1:])
	case args[0] == "editor" && len(args) == 2 && len(o.edits) > 0:
		err = o.change(args[1])
	case args[0] == "ssh" && len(args) > 2:
		host := strings.TrimPrefix(args[1], "root@")
		if o.hosts[host] == nil {
			return remoteReply{Err: host + ": no such host\n", Status: 255}
		}
		if words := strings.Fields(strings.Join(args[2:], " ")); words[0] == "systemctl" {
			return o.systemctl(host, words[1:])
		}
		if args[2] == "chown" { // there is no user unibus here
			return remoteReply{}
		}
		return o.shell(host, strings.Join(args[2:], " "))
	default:
		err = fmt.Errorf("%q is not as the test knows it", args)
	}
	if err != nil {
		return remoteReply{Err: err.Error() + "\n", Status: 1}
	}
	return remoteReply{}
}

// sync copies a directory or a file between a host and the operator: rsync -a FROM/ TO/, rsync -a FROM TO
func (o *operations) sync(from, to string) error {
	place := func(name string) string {
		if host, path, ok := strings.Cut(strings.TrimPrefix(name, "root@"), ":"); ok {
			return o.path(host + path)
		}
		return filepath.Join(o.home, name)
	}
	source := place(from)
	if strings.HasSuffix(from, "/") {
		source += "/."
		mkdir(o.t, place(to))
	}
	if out, err := exec.Command("cp", "-a", source, place(to)).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// shell runs a command on a host.
func (o *operations) shell(host, command string) remoteReply {
	args := o.within(host, "sh", "-c", command)
	cmd := o.hosts[host].Command(o.t.Context(), args[0], args[1:]...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	if e := (*exec.ExitError)(nil); err != nil && !errors.As(err, &e) {
		return remoteReply{Err: err.Error() + "\n", Status: 255}
	}
	return remoteReply{out.String(), complaints.String(), cmd.ProcessState.ExitCode()}
}

// systemctl is what systemd does with the unit of the package.
func (o *operations) systemctl(host string, args []string) (reply remoteReply) {
	d := o.daemons[host]
	runs := d != nil
	if runs {
		select {
		case <-d.ended:
			runs = false
		default:
		}
	}
	switch verb := strings.Join(args, " "); verb {
	case "enable --now unibus", "start unibus":
		if !runs {
			o.boot(host)
		}
	case "disable --now unibus", "disable --now nats-server", "stop unibus", "restart unibus":
		if runs {
			o.halt(d)
		}
		if verb == "restart unibus" {
			o.boot(host)
			if o.restarted != nil {
				o.restarted(host)
			}
		}
	case "try-reload-or-restart unibus", "reload unibus":
		if runs {
			return o.shell(host, "unibus reload")
		}
	default:
		return remoteReply{Err: "systemctl " + verb + ": not as the test knows it\n", Status: 1}
	}
	return remoteReply{}
}

func (o *operations) boot(host string) {
	o.daemons[host] = o.startCommand(o.hosts[host], host, o.within(host, "unibus", "run")...)
}

// halt stops a daemon as systemd does.
func (o *operations) halt(d *process) {
	o.t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		o.t.Fatal(err)
	}
	<-d.ended // it is killed when the test ends
	if d.err != nil {
		o.t.Errorf("%s stopped with %v, want exit status 0", d.name, d.err)
	}
}

// lose takes a host away for good: its daemon dies and its disk is gone.
func (o *operations) lose(host string) {
	o.t.Helper()
	o.daemons[host].kill()
	for _, dir := range []string{o.path(host + "/etc/unibus"), o.path(host + "/var/lib/unibus")} {
		if err := os.RemoveAll(dir); err != nil {
			o.t.Fatal(err)
		}
		mkdir(o.t, dir)
	}
}

// change does the next edit.
func (o *operations) change(name string) error {
	name = filepath.Join(o.home, name)
	text, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	next := o.edits[0](string(text))
	o.edits = o.edits[1:]
	if next == string(text) {
		return errors.New("the edit changes nothing")
	}
	return os.WriteFile(name, []byte(next), 0o600)
}

// with puts a node into the file as the document writes one, with its own name, address and recipient.
func (o *operations) with(name, address string) edit {
	return func(text string) string {
		o.t.Helper()
		key, err := os.ReadFile(filepath.Join(o.home, "hosts", name, "age.key"))
		if err != nil {
			o.t.Fatal(err)
		}
		block := fenced(o.t, section(o.t, runbooks, "Adding a node"), "hcl")
		block = o.edit(block, "athena", name, spares["athena"], address, "age1…", regexp.MustCompile(`age1[a-z0-9]+`).FindString(string(key)))
		return o.edit(text, "  tls {\n", block+"\n\n  tls {\n")
	}
}

// without takes a node out of the file.
func (o *operations) without(name string) edit {
	block := regexp.MustCompile(`(?ms)^  node "` + name + `" \{.*?^  \}\n\n?`)
	return func(text string) string { return block.ReplaceAllString(text, "") }
}

// edits made in one go.
func together(all ...edit) edit {
	return func(text string) string {
		for _, e := range all {
			text = e(text)
		}
		return text
	}
}

// section is the text below a heading of a document, up to the next one.
func section(t *testing.T, name, title string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n## "+title+"\n")
	if !ok {
		t.Fatalf("%s has no section %q", name, title)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	return rest
}

// fenced is the first block of a language in a text.
func fenced(t *testing.T, text, language string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\n```"+language+"\n")
	block, _, closed := strings.Cut(rest, "\n```")
	if !ok || !closed {
		t.Fatalf("there is no %s block in %s", language, text)
	}
	return block
}

// TestRunbooks does the runbooks of the document, one after the other on one cluster, as they stand there, while an
// application writes all the time. Every one leaves the cluster as it should be, and no acknowledged write is lost.
func TestRunbooks(t *testing.T) {
	t.Parallel()
	o := operate(t, nodeNames...)
	o.addHost("athena", spares["athena"])
	o.addHost("hermes", spares["hermes"])
	w := o.startWriter()
	w.goesOn()
	for _, r := range []struct {
		title  string
		before func()
		edits  []edit
		nodes  string // that are left
	}{
		{title: "Rotating the route secret", nodes: "magnus homer datardos"},
		{title: "Renewing certificates", nodes: "magnus homer datardos"},
		{title: "Replacing the authority", nodes: "magnus homer datardos"},
		{title: "Replacing a node under the same name", before: func() { o.lose("homer") }, nodes: "magnus homer datardos"},
		{title: "Adding a node", edits: []edit{o.with("athena", spares["athena"])}, nodes: "magnus homer datardos athena"},
		{title: "Removing a node", edits: []edit{o.without("homer")}, nodes: "magnus datardos athena"},
		{
			title: "Replacing a node by one of another name", before: func() { o.lose("datardos") },
			edits: []edit{together(o.without("datardos"), o.with("hermes", spares["hermes"]))}, nodes: "magnus athena hermes",
		},
	} {
		if r.before != nil {
			r.before()
		}
		o.runbook(r.title, r.edits...)
		o.whole(strings.Fields(r.nodes)...)
		w.goesOn()
	}
	w.checkHeld("magnus", "athena", "hermes")
}

// TestRunbookUpgrade puts another version on every host while an application writes, and restarts one after the other.
// Meanwhile both versions are one cluster.
func TestRunbookUpgrade(t *testing.T) {
	t.Parallel()
	o := operate(t, nodeNames...)
	runs := map[string]string{"magnus": version, "homer": version, "datardos": version}
	mixed := 0
	o.restarted = func(host string) {
		runs[host] = "9.9.9"
		o.versions(host, runs)
		if slices.Contains(slices.Collect(maps.Values(runs)), version) {
			mixed++
		}
	}
	w := o.startWriter()
	w.goesOn()
	o.install("9.9.9", nodeNames...)
	o.versions("homer", runs)
	o.runbook("Upgrading")
	if mixed != 2 {
		t.Errorf("after %d restarts there were two versions, want 2; now %v run", mixed, runs)
	}
	o.whole(nodeNames...)
	w.goesOn()
	w.check()
}

// install builds a version and puts it where the shells and daemons of hosts find it. Daemons that run go on.
func (o *operations) install(version string, hosts ...string) {
	o.t.Helper()
	built := o.path(version)
	build := exec.Command("go", "build", "-ldflags", "-s -w -X main.version="+version, "-o", built, ".")
	if out, err := build.CombinedOutput(); err != nil {
		o.t.Fatalf("%v: %s", err, out)
	}
	for _, host := range hosts {
		if err := os.Symlink(built, o.path(host+"/bin/unibus")); err != nil {
			o.t.Fatal(err)
		}
	}
}

// versions waits until a host shows that these versions run.
func (o *operations) versions(host string, want map[string]string) {
	o.t.Helper()
	eventually(o.t, func() error {
		s, err := o.status(host)
		if err != nil {
			return err
		}
		for _, n := range s.Nodes {
			if got := n.Versions.Unibus; got == nil || *got != want[n.Name] {
				return fmt.Errorf("%s runs another version than %s: %+v", n.Name, want[n.Name], n)
			}
		}
		return nil
	})
}

// whole waits until the cluster is these nodes, and all is as declared.
func (o *operations) whole(names ...string) {
	o.t.Helper()
	eventually(o.t, func() error {
		s, err := o.status("magnus")
		if err != nil {
			return err
		}
		if string(s.Verdict) != "healthy" || len(s.Nodes) != len(names) || len(s.Config.Drifted) > 0 || s.Meta.Peers != len(names) {
			return fmt.Errorf("%s, %d nodes, %d in the meta group, drifted %v, %v", s.Verdict, len(s.Nodes), s.Meta.Peers, s.Config.Drifted, s.Problems)
		}
		return nil
	})
}

// TestRunbookMajority loses two of three hosts for good while an application writes, and grows again with two others.
// One is lost after the other, so that what was acknowledged is on the third.
func TestRunbookMajority(t *testing.T) {
	t.Parallel()
	o := operate(t, nodeNames...)
	o.addHost("athena", spares["athena"])
	o.addHost("hermes", spares["hermes"])
	w := o.startWriter()
	w.goesOn()
	o.lose("homer")
	w.goesOn()
	o.lose("datardos")
	o.runbook("Most nodes are lost")
	w.goesOn()
	o.runbook("Growing again after a rescue", together(
		o.without("homer"), o.without("datardos"), o.with("athena", spares["athena"]), o.with("hermes", spares["hermes"])))
	o.whole("magnus", "athena", "hermes")
	w.goesOn()
	w.checkHeld("magnus", "athena", "hermes")
}

// TestRunbookRestore makes three nodes of one, saves them while an application writes, and starts them anew from what was
// saved.
func TestRunbookRestore(t *testing.T) {
	t.Parallel()
	o := operate(t, "magnus")
	w := o.startWriter()
	w.goesOn()
	w.pause() // the runbook says so
	o.runbook("One node becomes three", together(
		o.with("homer", nodeAddrs["homer"]), o.with("datardos", nodeAddrs["datardos"]),
		func(text string) string { return o.edit(text, "replicas = 1", "replicas = 3") }))
	o.whole(nodeNames...)
	w.caughtUp(nodeNames...)
	w.checkHeld(nodeNames...)

	w = o.startWriter()
	w.goesOn()
	w.mu.Lock()
	before := maps.Clone(w.acked)
	w.mu.Unlock()
	o.runbook("Backing up")
	w.goesOn()
	w.pause()
	o.runbook("Restoring a backup")
	o.whole(nodeNames...)
	w.acked = before
	w.caughtUp(nodeNames...)
	w.checkHeld(nodeNames...)
	o.startWriter().goesOn()
}

// pause stops the application for good.
func (w *writer) pause() {
	w.stop()
	<-w.done
}

// TestRunbookSupercluster makes a supercluster of a running cluster while an application writes.
func TestRunbookSupercluster(t *testing.T) {
	t.Parallel()
	o := operate(t, nodeNames...)
	o.addHost("athena", spares["athena"])
	w := o.startWriter()
	w.goesOn()
	o.runbook("Adding a cluster, or making a supercluster of one", together(o.with("athena", spares["athena"]), o.inSupercluster))
	o.whole("magnus", "homer", "datardos", "athena")
	w.goesOn()
	w.checkHeld(nodeNames...)
}

// inSupercluster moves the nodes and the routes of the file into clusters of a supercluster, as the document says.
func (o *operations) inSupercluster(text string) string {
	o.t.Helper()
	own := regexp.MustCompile(`(?ms)^  (node|routes)( "\w+")? \{.*?^  \}\n\n?`)
	var old, added string
	for _, block := range own.FindAllString(text, -1) {
		if strings.Contains(block, `"athena"`) {
			added += block
		} else {
			old += block
		}
	}
	text = o.edit(own.ReplaceAllString(text, ""), `cluster "unibus" {`, `supercluster "unibus" {`,
		"replicas = 3\n", "replicas = 3\n\n    placement { cluster = \"unibus\" }\n")
	example := fenced(o.t, section(o.t, runbooks, "Adding a cluster, or making a supercluster of one"), "hcl")
	gateways := regexp.MustCompile(`(?ms)^  gateways \{.*?^  \}\n`).FindString(example)
	return o.edit(text, "  tls {\n", "  cluster \"unibus\" {\n"+old+"  }\n\n  cluster \"west\" {\n"+added+"  }\n\n"+gateways+"\n  tls {\n")
}
