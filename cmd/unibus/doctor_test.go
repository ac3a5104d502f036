//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"unibus/internal/api"
)

// clinic is a lab in which every host has its own copy of the file, so that one of them can be wrong.
type clinic struct {
	*lab
	daemons map[string]*process
}

func newClinic(t *testing.T) *clinic {
	t.Helper()
	c := &clinic{lab: newLab(t), daemons: map[string]*process{}}
	for _, name := range nodeNames {
		c.heal(name)
	}
	return c
}

// fileOf is where the file of a host is.
func (c *clinic) fileOf(name string) string { return c.path(name + ".hcl") }

// heal gives a host the file of the lab.
func (c *clinic) heal(name string) { c.plant(name) }

// plant gives a host a file of its own, and changes it pair by pair.
func (c *clinic) plant(name string, pairs ...string) {
	c.t.Helper()
	c.variant(name+".hcl", append([]string{`"40GiB"`, `"1GiB"`, `"10GiB"`, `"1GiB"`}, pairs...)...)
}

// run starts the daemon of a host, in place of the one that runs there.
func (c *clinic) run(names ...string) {
	c.t.Helper()
	for _, name := range names {
		if d := c.daemons[name]; d != nil {
			d.kill()
		}
		c.daemons[name] = c.startOn(c.hosts[name], name, "--config", c.fileOf(name))
	}
}

// doctor examines a host.
func (c *clinic) doctor(host string, args ...string) (api.Diagnosis, error) {
	c.t.Helper()
	var out, complaints bytes.Buffer
	cmd := c.hosts[host].Command(c.t.Context(), "unibus", append([]string{"doctor", "-o", "json", "--config", c.fileOf(host)}, args...)...)
	cmd.Env = append(os.Environ(), "UNIBUS_NODE=", "UNIBUS_CONFIG=", "UNIBUS_SOCKET=")
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	if strings.Contains(out.String()+complaints.String(), routePassword) {
		c.t.Error("doctor has shown the route password")
	}
	var d api.Diagnosis
	if e := json.Unmarshal(out.Bytes(), &d); e != nil {
		return d, fmt.Errorf("%w: %s", errors.Join(e, err), &complaints)
	}
	if failed := errors.As(err, new(*exec.ExitError)); failed != (d.Verdict == api.CheckFail) {
		c.t.Errorf("doctor ends with %v, and its verdict is %q", err, d.Verdict)
	}
	return d, nil
}

// ip changes the network of a host, with ip(8).
func (c *clinic) ip(host string, args ...string) {
	c.t.Helper()
	if out, err := c.hosts[host].Command(c.t.Context(), "ip", args...).CombinedOutput(); err != nil {
		c.t.Fatalf("ip %v: %v: %s", args, err, out)
	}
}

// healthy waits until doctor has nothing to complain about on a host.
func (c *clinic) healthy(hosts ...string) {
	c.t.Helper()
	for _, host := range hosts {
		eventually(c.t, func() error {
			d, err := c.doctor(host)
			if err == nil && d.Verdict != api.CheckOK {
				err = fmt.Errorf("on %s: %s", host, d.Verdict)
			}
			return explain(err, d)
		})
	}
}

// names waits until doctor fails one check on a host and no other, blames those nodes and says so.
func (c *clinic) names(host, check string, blamed []string, says string, args ...string) {
	c.t.Helper()
	eventually(c.t, func() error {
		d, err := c.doctor(host, args...)
		if err != nil {
			return err
		}
		failed := slices.DeleteFunc(slices.Clone(d.Checks), func(c api.Check) bool { return c.State != api.CheckFail })
		switch {
		case len(failed) != 1:
			err = fmt.Errorf("on %s, %d checks fail", host, len(failed))
		case failed[0].Name != check || !slices.Equal(failed[0].Nodes, blamed) || !strings.Contains(failed[0].Summary, says):
			err = fmt.Errorf("on %s, it is not %s of %v that says %q", host, check, blamed, says)
		}
		return explain(err, d)
	})
}

// explain adds what doctor has seen to an error.
func explain(err error, d api.Diagnosis) error {
	if err == nil {
		return nil
	}
	var lines strings.Builder
	for _, c := range d.Checks {
		fmt.Fprintf(&lines, "\n%-4s %s %v: %s; try: %s", c.State, c.Name, c.Nodes, c.Summary, c.Hint)
	}
	return fmt.Errorf("%w:%s", err, &lines)
}

// TestDoctor plants one fault after the other in a running cluster, and looks whether doctor names it, and nothing else,
// on the host that is at fault and on one that is not.
func TestDoctor(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	c.run(nodeNames...)
	c.current(c.dial(nodeNames...))
	c.healthy(nodeNames...)

	other := newAuthority(t)
	c.write("other.pem", other.pem)
	c.write("guess", []byte("a-wrong-guess"))
	certs := func(issuer *authority, name, addr string) (string, string) {
		c.issue(issuer, name, addr)
		return c.path("${node.name}"), c.path(name)
	}
	tests := []struct {
		name  string
		plant func() []string
		// check and says are what doctor says on homer, told what it says of homer elsewhere.
		check, says, told string
	}{
		{
			name:  "route password",
			plant: func() []string { return []string{c.path("route"), c.path("guess")} },
			check: "route password", says: "magnus and datardos do not accept the route password", told: "it does not accept the route password",
		},
		{
			name: "other authority",
			plant: func() []string {
				path, foreign := certs(other, "foreign", nodeAddrs["homer"])
				return []string{path, foreign, c.path("ca.pem"), c.path("other.pem")}
			},
			check: "certificates", says: "ca_file of this host did not sign", told: "ca_file did not sign it",
		},
		{
			name: "missing SAN",
			plant: func() []string {
				path, moved := certs(c.ca, "moved", "192.0.2.99")
				return []string{path, moved}
			},
			check: "certificates", says: "is for 192.0.2.99, and peers dial 198.51.100.20", told: "is for 192.0.2.99, and peers dial 198.51.100.20",
		},
		{
			name: "expired",
			plant: func() []string {
				cert, late := *c.ca.cert, *c.ca
				cert.NotAfter = time.Now().Add(-time.Minute)
				late.cert = &cert
				path, old := certs(&late, "old", nodeAddrs["homer"])
				return []string{path, old}
			},
			check: "certificates", says: "expired on", told: "its certificate expired on",
		},
		{
			name: "other cluster",
			plant: func() []string {
				return []string{`cluster "unibus"`, `cluster "other"`, c.path("store"), c.path("store-other")}
			},
			check: "cluster", says: "magnus and datardos belong to another cluster", told: `it belongs to cluster "other"`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c.plant("homer", tt.plant()...)
			c.daemons["homer"].kill()
			c.names("homer", tt.check, []string{"homer"}, tt.says) // before it is started
			c.run("homer")
			c.names("homer", tt.check, []string{"homer"}, tt.says)
			c.names("magnus", "peer homer", []string{"homer"}, tt.told)
			c.heal("homer")
			c.run("homer")
			c.healthy("homer", "magnus")
		})
	}
	t.Run("older file", func(t *testing.T) {
		for _, name := range []string{"magnus", "datardos"} {
			c.plant(name, "history  = 10", "history  = 11")
		}
		for _, host := range nodeNames {
			c.names(host, "config", []string{"homer"}, "homer has an older file")
		}
		c.plant("homer", "history  = 10", "history  = 11")
		c.healthy("homer", "magnus")
	})
	t.Run("cut off", func(t *testing.T) {
		// What magnus sends to homer goes to a network card that nobody has.
		c.ip("magnus", "neigh", "replace", nodeAddrs["homer"], "lladdr", "02:00:00:00:00:01", "dev", "eth0", "nud", "permanent")
		c.names("magnus", "peer homer", []string{"homer"}, "no answer", "--timeout", "4s")
		c.ip("magnus", "neigh", "del", nodeAddrs["homer"], "dev", "eth0")
	})
	t.Run("no quorum", func(t *testing.T) {
		c.daemons["homer"].kill()
		c.daemons["datardos"].kill()
		c.names("magnus", "quorum", []string{"homer", "datardos"}, "1 of 3 nodes are up, and 2 are needed")
		c.run("homer", "datardos")
		c.healthy("magnus")
	})
	t.Run("stuck", func(t *testing.T) {
		stuck := c.daemons["magnus"].cmd.Process
		if err := stuck.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		c.names("magnus", "daemon", []string{"magnus"}, "unibus does not answer on", "--timeout", "1s")
		if err := stuck.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		c.healthy("magnus")
	})
	t.Run("stranger", func(t *testing.T) {
		const addr = "192.0.2.63"
		file := c.impostor("guesser", addr, c.path("route"), c.path("guess"))
		c.issue(c.ca, "guesser", addr)
		guesser := c.startOn(c.net.Host("guesser", addr), "guesser", "--config", file)
		eventually(t, func() error {
			d, err := c.doctor("magnus")
			if err == nil && (d.Verdict != api.CheckWarn || !slices.ContainsFunc(d.Checks, func(c api.Check) bool {
				return c.Name == "stranger "+addr && strings.Contains(c.Summary, "it gave a wrong route user or password")
			})) {
				err = errors.New("it does not tell about the stranger")
			}
			return explain(err, d)
		})
		guesser.kill()
	})
	t.Run("same name elsewhere", func(t *testing.T) {
		c.variant("stray.hcl", c.path("store"), c.path("store-stray"))
		stray := c.startOn(c.net.Host("homer", "192.0.2.66"), "stray", "--config", c.path("stray.hcl"))
		c.names("magnus", "names", []string{"homer"}, "2 servers call themselves homer: 198.51.100.20:6250 and 192.0.2.66")
		stray.kill()
	})
	t.Run("same name", func(t *testing.T) {
		path, twin := certs(c.ca, "twin", nodeAddrs["datardos"])
		c.plant("datardos", path, twin, c.path("store"), c.path("store-twin"))
		c.daemons["datardos"].kill()
		c.startOn(c.hosts["datardos"], "twin", "--config", c.fileOf("datardos"), "--node", "homer")
		c.names("magnus", "names", []string{"homer"}, "2 servers call themselves homer")
		c.names("datardos", "names", []string{"homer"}, "this host has the address of node datardos, and runs as homer", "--node", "homer")
	})
}
