package node

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"unibus/internal/api"
)

const (
	// clockWarn and clockFail are by how much a clock may be off. Ages of messages and certificates are told by it.
	clockWarn = time.Second
	clockFail = 10 * time.Second
)

// needsDaemon is why a check is skipped that asks others by way of the daemon.
const needsDaemon = "only a running daemon knows"

// reload is whether the daemon runs the file that lies here.
func (e *exam) reload() {
	if e.status == nil {
		e.skip("reload", needsDaemon)
		return
	}
	i := slices.IndexFunc(e.status.Nodes, func(n api.Node) bool { return n.Name == e.Node })
	if i < 0 || e.status.Nodes[i].FileHash == nil {
		e.skip("reload", "the daemon follows no file")
		return
	}
	n := e.status.Nodes[i]
	if n.File != nil && !sameFile(n.File.Path, e.Config.Name) {
		e.skip("reload", "the daemon follows %s, and this is about %s", n.File.Path, e.Config.Name)
		return
	}
	sum := sha256.Sum256(e.Text)
	switch {
	case *n.FileHash == hex.EncodeToString(sum[:]):
		e.ok("reload", "the daemon runs %s as it is", e.Config.Name)
	case n.Reload != nil && n.Reload.Result == api.ReloadRefused:
		e.fail("reload", "unibus reload", "the daemon runs its last good file, not %s: %s", e.Config.Name, refusal(n.Reload))
	default:
		e.warn("reload", "unibus reload", "the daemon runs another text than that of %s", e.Config.Name)
	}
}

func sameFile(a, b string) bool {
	a, errA := filepath.Abs(a)
	b, errB := filepath.Abs(b)
	return errA == nil && errB == nil && a == b
}

// config is whether all nodes that answer have the same configuration. Who has another one than most is to be repaired;
// between two, who has had it for longer.
func (e *exam) config() {
	for _, before := range []string{"reload", "names"} {
		if e.failed(before) {
			e.skip("config", "see %s", before)
			return
		}
	}
	if e.status == nil {
		e.skip("config", needsDaemon)
		return
	}
	groups := map[string][]api.Node{}
	for _, n := range e.status.Nodes {
		if n.ConfigDigest != nil && n.State != api.StateDown {
			groups[*n.ConfigDigest] = append(groups[*n.ConfigDigest], n)
		}
	}
	var most []api.Node
	for _, g := range groups {
		if len(g) > len(most) || len(g) == len(most) && newer(g, most) {
			most = g
		}
	}
	if len(groups) < 2 {
		if len(most) == 0 {
			e.skip("config", "no node follows a file")
			return
		}
		e.ok("config", "%s, the same on %s", (*most[0].ConfigDigest)[:8], andList(nodeNames(most)))
		return
	}
	for _, n := range e.status.Nodes {
		if n.ConfigDigest == nil || n.State == api.StateDown || *n.ConfigDigest == *most[0].ConfigDigest {
			continue
		}
		e.fail("config", "on "+n.Name+": the file that "+most[0].Name+" has, then unibus reload", "%s", e.drift(n, most))
		e.blame(n.Name)
	}
}

// drift is how the configuration of a node differs from that of most.
func (e *exam) drift(n api.Node, most []api.Node) string {
	s, others := "", andList(nodeNames(most))
	switch {
	case n.FileHash != nil && most[0].FileHash != nil && *n.FileHash == *most[0].FileHash:
		s = fmt.Sprintf("%s has the same file as %s, with other secrets", n.Name, others)
	case newer(most, []api.Node{n}):
		s = fmt.Sprintf("%s has an older file (%.8s) than %s (%.8s)", n.Name, *n.ConfigDigest, others, *most[0].ConfigDigest)
	default:
		s = fmt.Sprintf("%s has another file (%.8s) than %s (%.8s)", n.Name, *n.ConfigDigest, others, *most[0].ConfigDigest)
	}
	if n.Reload != nil && n.Reload.Result == api.ReloadRefused {
		s += ", and refuses the new one: " + refusal(n.Reload)
	}
	return s
}

// newer tells whether one group of nodes has taken its configuration later than another.
func newer(a, b []api.Node) bool {
	return latest(a).After(latest(b))
}

func latest(nodes []api.Node) (t time.Time) {
	for _, n := range nodes {
		if n.ConfigSince != nil && n.ConfigSince.After(t) {
			t = *n.ConfigSince
		}
	}
	return t
}

func nodeNames(nodes []api.Node) []string {
	var names []string
	for _, n := range nodes {
		names = append(names, n.Name)
	}
	return names
}

// clock compares the clocks with their median, so that one that is off is found on whichever host this is. Two clocks
// have no median, and then nobody knows which is right.
func (e *exam) clock() {
	if e.status == nil {
		e.skip("clock", needsDaemon)
		return
	}
	var heard []api.Server
	for _, s := range e.heard() {
		if _, n := e.topology.Node(s.Name); n != nil {
			heard = append(heard, s)
		}
	}
	if len(heard) < 2 {
		e.skip("clock", "no other node answers")
		return
	}
	middle := median(heard)
	worst := time.Duration(0)
	for _, s := range heard {
		off := seconds(s.ClockOffsetSeconds - middle)
		sure := off.Abs() - seconds(s.ClockErrorSeconds)
		worst = max(worst, sure)
		if sure < clockWarn {
			continue
		}
		state := api.CheckWarn
		if sure >= clockFail {
			state = api.CheckFail
		}
		if len(heard) == 2 {
			between := seconds(heard[0].ClockOffsetSeconds - heard[1].ClockOffsetSeconds).Abs()
			e.add(state, "clock", "timedatectl on both", "the clocks of %s and %s are %s apart", heard[0].Name, heard[1].Name, brief(between))
			e.blame(heard[0].Name, heard[1].Name)
			return
		}
		e.add(state, "clock", "on "+s.Name+": timedatectl, chronyc tracking", "the clock of %s is %s %s the median of %d", s.Name, brief(off.Abs()), side(off), len(heard))
		e.blame(s.Name)
	}
	if worst < clockWarn {
		e.ok("clock", "%d clocks are within %s of each other, as far as can be measured", len(heard), clockWarn)
	}
}

func side(d time.Duration) string {
	if d < 0 {
		return "behind"
	}
	return "ahead of"
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// median is the middle of the clocks.
func median(heard []api.Server) float64 {
	all := make([]float64, len(heard))
	for i, s := range heard {
		all[i] = s.ClockOffsetSeconds
	}
	slices.Sort(all)
	low, high := all[(len(all)-1)/2], all[len(all)/2]
	return (low + high) / 2
}
