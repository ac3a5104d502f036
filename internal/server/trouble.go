package server

import (
	"slices"
	"sync"
	"time"
)

// Trouble is something that keeps a route from coming about or from staying, and that nats-server or the authentication of
// routes has said.
type Trouble struct {
	// Message is the line of the log, such as "refused a route".
	Message string
	// Peer is the node that this one dials; empty where the other side has dialled. From is then its address.
	Peer, From string
	// Reason says why.
	Reason string
	// Last is when it was said last.
	Last time.Time
}

// maxTroubles is how many different ones are remembered: somebody who makes them up fills no memory.
const maxTroubles = 64

// troubles remembers what was said about routes.
type troubles struct {
	mu  sync.Mutex
	all []Trouble // the one that was said last comes last
}

// note remembers an entry of the log that is about a route.
func (t *troubles) note(e entry, now time.Time) {
	said := Trouble{Message: e.msg, Last: now}
	for i := 0; i+1 < len(e.args); i += 2 {
		value, _ := e.args[i+1].(string)
		switch e.args[i] {
		case "peer":
			said.Peer = value
		case "from":
			said.From = value
		case "reason":
			said.Reason = value
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = slices.DeleteFunc(t.all, func(o Trouble) bool {
		return o.Message == said.Message && o.Peer == said.Peer && o.From == said.From && o.Reason == said.Reason
	})
	if len(t.all) == maxTroubles {
		t.all = slices.Delete(t.all, 0, 1)
	}
	t.all = append(t.all, said)
}

// Troubles are those of the last while, the latest last.
func (s *Server) Troubles(since time.Time) []Trouble {
	t := &s.log.troubles
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(t.all), func(o Trouble) bool { return o.Last.Before(since) })
}

// Route is another server to which there is a route.
type Route struct {
	// ID is what the server is called until it restarts, Name what it calls itself.
	ID, Name string
	// Address is where it is seen from here.
	Address string
}

// Routes are the servers to which there is a route. Two of them may call themselves the same: nats-server v2.15.2 only
// minds a name that is its own (processRouteInfo).
func (s *Server) Routes() []Route {
	routes, err := s.nats.Routez(nil)
	if err != nil {
		return nil
	}
	var all []Route
	for _, r := range routes.Routes {
		route := Route{ID: r.RemoteID, Name: r.RemoteName, Address: r.IP}
		if !slices.Contains(all, route) {
			all = append(all, route)
		}
	}
	return all
}

// ID is what the server is called until it restarts.
func (s *Server) ID() string { return s.nats.ID() }
