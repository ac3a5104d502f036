//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"unibus/internal/api"
)

// running is an operator whose cluster from `unibus init` runs, with these nodes.
func running(t *testing.T, names ...string) (*operator, map[string]*process) {
	t.Helper()
	o := newOperator(t)
	args := []string{"unibus", "init", "--user", "alice", "--bucket", fmt.Sprintf("UNIBUS_rooms:%d", len(names))}
	for _, name := range names {
		args = append(args, "--node", name+"="+nodeAddrs[name])
	}
	o.do(strings.Join(args, " "))
	o.ship(names...)
	all := map[string]*process{}
	for _, name := range names {
		all[name] = o.startCommand(o.hosts[name], name, o.within(name, "unibus", "run")...)
	}
	seed, err := os.ReadFile(filepath.Join(o.home, "users/alice.nk"))
	if err != nil {
		t.Fatal(err)
	}
	if o.alice, err = nkeys.FromSeed([]byte(strings.TrimSpace(string(seed)))); err != nil {
		t.Fatal(err)
	}
	o.healthy(names...)
	return o, all
}

// ship copies the file and what else goes there to hosts.
func (o *operator) ship(names ...string) {
	o.t.Helper()
	for _, name := range names {
		o.do(fmt.Sprintf("rsync -a --chown=unibus:unibus unibus.hcl hosts/%s/ root@%s:/etc/unibus/", name, nodeAddrs[name]))
	}
}

// reloaded waits until every node has taken something up since a moment, for a reason.
func (o *operator) reloaded(since time.Time, trigger string) {
	o.t.Helper()
	eventually(o.t, func() error {
		s, err := o.status("magnus")
		if err != nil {
			return err
		}
		for _, n := range s.Nodes {
			if n.Reload == nil || n.Reload.Trigger != trigger || n.Reload.Time.Before(since) || n.Reload.Result == api.ReloadRefused {
				return fmt.Errorf("%s has not reloaded by %s since: %+v", n.Name, trigger, n.Reload)
			}
		}
		return nil
	})
}

// rejoins restarts a node the hard way, which proves that its peers take what it has now.
func (o *operator) rejoins(all map[string]*process, name string) {
	o.t.Helper()
	all[name].kill()
	all[name] = o.startCommand(o.hosts[name], name, o.within(name, "unibus", "run")...)
	o.healthy(nodeNames...)
}

// TestReplaceAuthority replaces the authority in its three rounds, while an application writes. No route is dropped, and
// in the end only the new authority counts.
func TestReplaceAuthority(t *testing.T) {
	t.Parallel()
	o, all := running(t, nodeNames...)
	o.do("unibus pki renew --ca")
	w := o.startWriter()
	for _, round := range []string{"", "unibus pki renew", "unibus pki renew --retire"} {
		if round != "" {
			o.do(round)
		}
		o.do("unibus validate --files --strict")
		start := time.Now()
		o.ship(nodeNames...)
		o.reloaded(start, "certificate")
		w.goesOn()
	}
	for _, d := range all {
		if strings.Contains(d.log.String(), "disconnected: peer") {
			t.Errorf("%s has lost a route", d.name)
		}
	}
	o.rejoins(all, "homer")
	certs, err := os.ReadFile(o.trusts)
	if got := strings.Count(string(certs), "BEGIN CERTIFICATE"); got != 1 {
		t.Errorf("%d authorities are trusted, %v", got, err)
	}
	w.check()
}

// TestRotateSecret replaces the secret between the nodes in its two steps, while an application writes. The second step
// is refused until every node has the first; no route is dropped, and no node needs the old secret.
func TestRotateSecret(t *testing.T) {
	t.Parallel()
	o, all := running(t, nodeNames...)
	w := o.startWriter()
	values := []string{o.value("route")}
	o.do("unibus secret rotate route")
	if values = append(values, o.value("route")); values[0] == values[1] || len(values[1]) < 20 {
		t.Errorf("the new password is no new one, or has only %d characters", len(values[1]))
	}
	o.statusTo("status.json")
	if err := o.unibus(strings.Fields("secret rotate route --status status.json")); err == nil || !strings.Contains(err.Error(), "exit status 75") ||
		!strings.Contains(err.Error(), "the old password is still needed: magnus has another file, homer has another file") {
		t.Errorf("the second step came too early: %v", err)
	}
	o.ship(nodeNames...)
	eventually(t, func() error {
		o.statusTo("status.json")
		return o.unibus(strings.Fields("secret rotate route --status status.json"))
	})
	w.goesOn()
	start := time.Now()
	o.do("unibus validate --files --strict")
	o.ship(nodeNames...)
	o.reloaded(start, "file")
	w.goesOn()
	for _, d := range all {
		if strings.Contains(d.log.String(), "disconnected: peer") {
			t.Errorf("%s has lost a route", d.name)
		}
	}

	o.do("unibus secret rekey") // changes nothing that counts
	before, err := o.status("magnus")
	if err != nil {
		t.Fatal(err)
	}
	start = time.Now()
	o.ship(nodeNames...)
	o.reloaded(start, "file")
	after, err := o.status("magnus")
	if err != nil || after.Config.Digest != before.Config.Digest || len(after.Config.Drifted) > 0 {
		t.Errorf("encrypted again, the file has digest %s after %s, drifted %v, %v", after.Config.Digest, before.Config.Digest, after.Config.Drifted, err)
	}
	o.rejoins(all, "homer")
	w.check()
	o.nowhere(all, values...)
}

// value is the value of a secret of the file.
func (o *operator) value(name string) string {
	o.t.Helper()
	cmd := exec.Command("unibus", "secret", "edit", name)
	cmd.Dir = o.home
	cmd.Env = append(os.Environ(), "EDITOR=cat", "VISUAL=")
	out, err := cmd.Output()
	if err != nil {
		o.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// nowhere makes sure that secrets are in no file of the operator or of a host, not even where stores are, in no log and in
// nothing that was printed.
func (o *operator) nowhere(all map[string]*process, secrets ...string) {
	o.t.Helper()
	texts := map[string]string{"what unibus printed": o.said}
	for name, d := range all {
		texts["the log of "+name] = d.log.String()
	}
	err := filepath.WalkDir(o.dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a running node tidies up
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		texts[path] = string(text)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil || len(texts) < 30 {
		o.t.Errorf("looked at %d texts, %v", len(texts), err)
	}
	for where, text := range texts {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				o.t.Errorf("a secret is in %s", where)
			}
		}
	}
}

// statusTo writes down what a host says.
func (o *operator) statusTo(name string) {
	o.t.Helper()
	s, err := o.status("magnus")
	if err != nil {
		o.t.Fatal(err)
	}
	text, err := json.Marshal(s)
	if err != nil {
		o.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(o.home, name), text, 0o600); err != nil {
		o.t.Fatal(err)
	}
}
