package api

import (
	"fmt"
	"slices"
	"strings"
)

// Level is how bad something is. The numbers are those of monitoring plugins.
type Level int

// The levels.
const (
	// OK means that there is nothing to do.
	OK Level = iota
	// Warning means that it works, and somebody should look.
	Warning
	// Critical means that it does not work.
	Critical
	// Unknown means that nobody could be asked.
	Unknown
)

func (l Level) String() string {
	return [...]string{"ok", "warning", "critical", "unknown"}[l]
}

// Health is a status in one line.
type Health struct {
	Scope    string    `json:"scope"`
	Healthy  bool      `json:"healthy"`
	Level    string    `json:"level"`
	Text     string    `json:"text"`
	NodesUp  int       `json:"nodes_up"`
	Nodes    int       `json:"nodes"`
	Problems []Problem `json:"problems"`
}

// The scopes of a health.
const (
	// ScopeNode is the node that answers: whether clients can use it.
	ScopeNode = "node"
	// ScopeCluster is everything that the file declares.
	ScopeCluster = "cluster"
)

// Health sums a status up. A problem that is only for information does not count, but says why where nothing else does.
func (s Status) Health(scope string) (Health, Level) {
	h := Health{Scope: scope, Nodes: len(s.Nodes), Problems: []Problem{}}
	for _, n := range s.Nodes {
		if n.State == StateUp {
			h.NodesUp++
		}
	}
	level := s.level(scope)
	for _, p := range s.Problems {
		if p.Severity == "info" || scope == ScopeNode && p.Subject != "node."+s.Node && p.Severity != "error" {
			continue
		}
		h.Problems = append(h.Problems, p)
		level = max(level, Warning)
		if p.Severity == "error" && (scope == ScopeCluster || s.Verdict == Down) {
			level = Critical
		}
	}
	if scope == ScopeCluster && level != OK && len(h.Problems) == 0 {
		h.Problems = append(h.Problems, s.Problems...)
	}
	name := s.Cluster
	if scope == ScopeNode {
		name = s.Node
	}
	h.Healthy, h.Level = level == OK, level.String()
	h.Text = fmt.Sprintf("%s: %s", name, s.words(scope, h))
	return h, level
}

// words are what there is to say behind the name.
func (s Status) words(scope string, h Health) string {
	var said []string
	if scope == ScopeCluster || !h.Healthy {
		said = append(said, string(s.Verdict), fmt.Sprintf("%d of %d nodes up", h.NodesUp, h.Nodes))
	} else {
		said = append(said, "ready")
	}
	for _, p := range h.Problems[:min(3, len(h.Problems))] {
		said = append(said, p.Summary+" ["+p.Code+"]")
	}
	if more := len(h.Problems) - 3; more > 0 {
		said = append(said, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(said, "; ")
}

// level is how bad the state itself is, without the problems.
func (s Status) level(scope string) Level {
	if s.Verdict == Down {
		return Critical
	}
	if scope == ScopeCluster {
		if s.Verdict == Healthy {
			return OK
		}
		return Warning
	}
	i := slices.IndexFunc(s.Nodes, func(n Node) bool { return n.Name == s.Node })
	switch {
	case i < 0 || s.Nodes[i].State != StateUp || s.Nodes[i].JetStream != nil && !*s.Nodes[i].JetStream:
		return Critical
	case s.Meta.Leader == nil:
		return Warning
	}
	return OK
}
