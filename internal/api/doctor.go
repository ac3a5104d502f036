package api

import (
	"context"
	"net/http"
	"time"
)

// CheckState is what came of one check.
type CheckState string

// The states of a check.
const (
	CheckOK   CheckState = "ok"
	CheckWarn CheckState = "warn"
	CheckFail CheckState = "fail"
	// CheckSkip means that it could not be made, and why.
	CheckSkip CheckState = "skip"
)

// Check is one thing that a doctor has looked at.
type Check struct {
	// Name is what was looked at, such as certificates, or peer homer.
	Name  string     `json:"name"`
	State CheckState `json:"state"`
	// Summary is what was seen.
	Summary string `json:"summary"`
	// Hint is what to do about it; empty when there is nothing to do.
	Hint string `json:"hint"`
	// Nodes are those on whose hosts something is to be repaired.
	Nodes []string `json:"nodes"`
}

// Diagnosis is everything that a doctor has seen from one host.
type Diagnosis struct {
	FormatVersion string    `json:"format_version"`
	Time          time.Time `json:"time"`
	// Cluster and Node are who this host is; null while that is not known.
	Cluster *string `json:"cluster"`
	Node    *string `json:"node"`
	// Verdict is the worst of the checks.
	Verdict CheckState `json:"verdict"`
	Checks  []Check    `json:"checks"`
}

// Vitals are what only a running daemon knows about itself and the servers around it.
type Vitals struct {
	FormatVersion string `json:"format_version"`
	Node          string `json:"node"`
	PID           int    `json:"pid"`
	// ServerID is what its nats-server is called until it restarts; empty while none listens.
	ServerID string `json:"server_id"`
	// StoreDir is the directory of the node; empty when it stores nothing.
	StoreDir string `json:"store_dir"`
	// Servers are those it hears, its own included.
	Servers []Server `json:"servers"`
	// Troubles are the routes that did not come about or did not stay in the last seconds.
	Troubles []RouteTrouble `json:"troubles"`
}

// Server is one nats-server that a daemon hears.
type Server struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Cluster string `json:"cluster"`
	Version string `json:"version"`
	// Address is where it is seen from the daemon that answers; null where there is no route.
	Address *string `json:"address"`
	// ClockOffsetSeconds is how far its clock is ahead of the one of the daemon, give or take ClockErrorSeconds, which is
	// half of the time that the answer took.
	ClockOffsetSeconds float64 `json:"clock_offset_seconds"`
	ClockErrorSeconds  float64 `json:"clock_error_seconds"`
}

// RouteTrouble is what a daemon has said about a route.
type RouteTrouble struct {
	Message string `json:"message"`
	// Peer is the node that was dialled; null where the other side has dialled, from the address From.
	Peer   *string `json:"peer"`
	From   *string `json:"from"`
	Reason string  `json:"reason"`
	// AgoSeconds is when it was said last.
	AgoSeconds float64 `json:"ago_seconds"`
}

func (h Handler) vitals(w http.ResponseWriter, r *http.Request) { reply(w, h.Vitals(r.Context())) }

// Vitals asks for what only the daemon knows.
func (c *Client) Vitals(ctx context.Context) (Vitals, error) {
	var v Vitals
	return v, c.do(ctx, http.MethodGet, "/api/v1/vitals", nil, &v)
}
