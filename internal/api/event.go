package api

import "time"

// The kinds of an event.
const (
	// EventVerdict is another verdict.
	EventVerdict = "verdict"
	// EventProblem is a problem that has appeared.
	EventProblem = "problem"
	// EventSolved is one that is gone.
	EventSolved = "solved"
	// EventLeader is a leadership that has moved.
	EventLeader = "leader"
)

// Event is something that has happened, as the answering node saw it.
type Event struct {
	// Number counts the events of this node since its start.
	Number uint64    `json:"number"`
	Time   time.Time `json:"time"`
	Kind   string    `json:"kind"`
	// Subject is the node or asset it is about.
	Subject string `json:"subject"`
	Text    string `json:"text"`
}
