package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Nodes is one look at who belongs to the cluster, and what that holds.
type Nodes struct {
	FormatVersion string    `json:"format_version"`
	Cluster       string    `json:"cluster"`
	Time          time.Time `json:"time"`
	Meta          Meta      `json:"meta"`
	Nodes         []Member  `json:"nodes"`
	// Lost are the streams of which no node that answers has a replica.
	Lost []string `json:"lost"`
}

// Member is a node that is in the file, in the meta group, or both.
type Member struct {
	// Name is the ID of a node that is not in the file and whose name nobody knows.
	Name string `json:"name"`
	// ID is what the meta group calls it.
	ID string `json:"id"`
	// Declared tells that it is in the file.
	Declared bool `json:"declared"`
	// Member tells that it is in the meta group.
	Member bool `json:"member"`
	// Answers tells that it answers now.
	Answers bool `json:"answers"`
	// Drained tells that it is to hold nothing.
	Drained bool `json:"drained"`
	// Assets are the streams and consumers that list it, and Leads those that it leads.
	Assets int `json:"assets"`
	Leads  int `json:"leads"`
	// Moving is how many of Assets are on their way.
	Moving int `json:"moving"`
}

// The actions on a node.
const (
	NodeDrain    = "drain"
	NodeUndrain  = "undrain"
	NodeRemove   = "remove"
	NodeReplace  = "replace"
	NodeStepDown = "step-down"
	NodeRescue   = "rescue"
)

// NodeRequest asks the daemon for an action. It goes on when the asker leaves, and asking again shows it from the start.
type NodeRequest struct {
	Action string `json:"action"`
	// Node is "" for a rescue, which finds out by itself who is gone.
	Node string `json:"node"`
	// Confirm is the name as it was typed, where an action wants that.
	Confirm string `json:"confirm"`
	// Nodes are those that a rescue gives up, as its preview has named them.
	Nodes []string `json:"nodes"`
	// Preview only says what the action would do, or why it would not.
	Preview bool `json:"preview"`
}

// The states of an event. Those but the first two are the last one of an action.
const (
	EventStep    = "step"
	EventWaiting = "waiting"
	EventDone    = "done"
	// EventLater means that it may be done later, when the reason is gone.
	EventLater  = "later"
	EventFailed = "failed"
)

// NodeEvent is one thing that happens while an action is carried out.
type NodeEvent struct {
	Time    time.Time `json:"time"`
	Action  string    `json:"action"`
	Node    string    `json:"node"`
	State   string    `json:"state"`
	Message string    `json:"message"`
	Hint    string    `json:"hint"`
	// Assets are what it waits for, at most 20 of them, and Remaining is how many there are.
	Assets    []string `json:"assets"`
	Remaining int      `json:"remaining"`
	// Confirm is the name that must be typed before this is done; "" is none. Only a preview has it.
	Confirm string `json:"confirm"`
	// Nodes are those that a rescue would give up; null in any other event.
	Nodes []string `json:"nodes"`
}

// Last tells that no event follows.
func (e NodeEvent) Last() bool { return e.State != EventStep && e.State != EventWaiting }

func (h Handler) nodeRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/nodes", func(w http.ResponseWriter, r *http.Request) {
		n, err := h.Nodes(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		reply(w, n)
	})
	mux.HandleFunc("POST /api/v1/nodes", func(w http.ResponseWriter, r *http.Request) {
		var req NodeRequest
		if !accept(w, r, maxBody, &req) {
			return
		}
		w.Header().Set("Content-Type", "application/jsonl")
		out, flush := json.NewEncoder(w), http.NewResponseController(w)
		h.Node(r.Context(), req, func(e NodeEvent) {
			_ = out.Encode(e) // the client is gone
			_ = flush.Flush()
		})
	})
}

// Nodes looks at who belongs to the cluster.
func (c *Client) Nodes(ctx context.Context) (Nodes, error) {
	var n Nodes
	return n, c.do(ctx, http.MethodGet, "/api/v1/nodes", nil, &n)
}

// Node asks for an action and calls each with every event until the last, which it returns. It ends with ctx, and the
// action does not.
func (c *Client) Node(ctx context.Context, req NodeRequest, each func(NodeEvent)) (NodeEvent, error) {
	resp, err := c.send(ctx, http.MethodPost, "/api/v1/nodes", req)
	if err != nil {
		return NodeEvent{}, err
	}
	defer resp.Body.Close()
	lines := json.NewDecoder(bufio.NewReader(resp.Body))
	for {
		var e NodeEvent
		if err := lines.Decode(&e); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = errors.New("the daemon has ended before it was done")
			}
			return e, fmt.Errorf("%s %s: %w", req.Action, req.Node, err)
		}
		each(e)
		if e.Last() {
			return e, nil
		}
	}
}
