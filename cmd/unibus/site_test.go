//go:build linux

package main

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"unibus/internal/api"
)

// cutSites pulls the cables of a whole site, twice: of the arbiter, and of the nodes in the east. Status, health and doctor
// say on both sides which site is silent, how many votes are left, and what works.
func (l *lab) cutSites(t *testing.T, all []string) {
	v := &viewLab{lab: l}
	well := func() {
		t.Helper()
		for _, n := range all {
			v.well(n, longest)
		}
	}
	well()
	l.hosts["arbiter"].Unplug()
	for _, n := range []string{"east-az1", "west-az1"} {
		v.named(n, "UB2217", "cluster.arbiter", "6 of 7 voters are up, 4 are needed, and JetStream works here, and 2 more may be lost", silenceWithin)
		v.verdict(n, api.Degraded)
	}
	v.named("arbiter", "UB2209", "node.arbiter", "hears none of the other nodes", silenceWithin)
	v.verdict("arbiter", api.Down)
	l.hosts["arbiter"].Plug()
	well()

	if _, err := exec.LookPath("nft"); err != nil {
		t.Log("a site with several hosts cannot be cut off here: ", err)
		return
	}
	for _, inside := range eastNodes {
		for _, outside := range append([]string{"arbiter"}, westNodes...) {
			l.net.Cut(l.hosts[inside], l.hosts[outside])
			l.net.Cut(l.hosts[outside], l.hosts[inside])
		}
	}
	for _, n := range []string{"west-az1", "arbiter"} {
		v.named(n, "UB2217", "cluster.east", "(east-az1, east-az2, east-az3): 4 of 7 voters are up, 4 are needed, and JetStream works here, and 0 more may be lost", silenceWithin)
		v.verdict(n, api.Degraded)
	}
	for _, n := range eastNodes {
		v.named(n, "UB2217", "cluster.west", "3 of 7 voters are up, 4 are needed, and JetStream does not work here", silenceWithin)
		v.verdict(n, api.Down)
	}
	eventually(t, func() error {
		out, _ := l.hosts["west-az1"].Command(t.Context(), "unibus", "doctor", "--config", l.file, "--node", "west-az1").CombinedOutput()
		for _, n := range eastNodes {
			if !strings.Contains(string(out), n) {
				return fmt.Errorf("doctor does not name %s:\n%s", n, out)
			}
		}
		return nil
	})
	l.orders("west-az2").writable()
	l.net.Heal()
	well()
	for _, late := range v.late {
		t.Log("late: ", late) // on a machine that has something else to do
	}
}

// verdict waits until a node has an opinion of the whole.
func (v *viewLab) verdict(node string, want api.Verdict) {
	v.t.Helper()
	eventually(v.t, func() error {
		s, err := v.status(node)
		if err == nil && s.Verdict != want {
			err = fmt.Errorf("%s says %s, want %s: %+v", node, s.Verdict, want, s.Problems)
		}
		return err
	})
}
