package server

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// Member is one member of the meta group, gone or not.
type Member struct {
	// ID is what the Raft groups call it, see PeerID.
	ID string `json:"id"`
	// Name is the name of the server; "" while nats-server does not know it, which forgets the names of dead servers when
	// it restarts.
	Name string `json:"name"`
}

// PeerID is what Raft groups call the server of a name (nats-server v2.15.2, events.go, getHash).
func PeerID(name string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := sha256.Sum256([]byte(name))
	id := make([]byte, 8)
	for i := range id {
		id[i] = digits[int(sum[i])%len(digits)]
	}
	return string(id)
}

// Members are the members of the meta group as this node knows them, sorted by ID. A node without JetStream knows none.
func (s *Server) Members() []Member {
	g, ok := s.metaGroup()
	if !ok {
		return nil
	}
	var all []Member
	if !g.Observer { // that is what a removed node is
		all = append(all, Member{ID: g.ID, Name: s.nats.Name()})
	}
	for id, p := range g.Peers {
		all = append(all, Member{ID: id, Name: p.Name})
	}
	slices.SortFunc(all, func(a, b Member) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// Held is a stream or consumer that a node holds a replica of.
type Held struct {
	Account string `json:"account"`
	Stream  string `json:"stream"`
	// Consumer is "" for the stream itself.
	Consumer string `json:"consumer,omitempty"`
	// Leader is the name of the node that leads it, as far as this one knows.
	Leader string `json:"leader,omitempty"`
	// Peers are the IDs of the nodes that list it, those that it is on its way to or away from included.
	Peers []string `json:"peers"`
	// Replicas is how many of them it is to have.
	Replicas int `json:"replicas"`
	// Moving tells that nats-server is changing the peers, to Target as far as it has found that many.
	Moving bool     `json:"moving,omitempty"`
	Target []string `json:"target,omitempty"`
	// Waits is what nats-server says the move waits for.
	Waits string `json:"waits,omitempty"`
	// Tags are those that a node must have to hold it.
	Tags []string `json:"tags,omitempty"`
}

// Held is everything that this node holds a replica of.
func (s *Server) Held() ([]Held, error) {
	if !s.nats.JetStreamEnabled() {
		return nil, nil
	}
	js, err := s.nats.Jsz(&natsserver.JSzOptions{Accounts: true, Streams: true, Consumer: true, Config: true})
	if err != nil {
		return nil, err
	}
	var all []Held
	for _, a := range js.AccountDetails {
		for _, st := range a.Streams {
			h := s.held(st.Cluster)
			h.Account, h.Stream = a.Name, st.Name
			if st.Config != nil {
				h.Replicas = st.Config.Replicas
				if p := st.Config.Placement; p != nil {
					h.Tags = p.Tags
				}
			}
			all = append(all, h)
			for _, c := range st.Consumer {
				h := s.held(c.Cluster)
				h.Account, h.Stream, h.Consumer = a.Name, st.Name, c.Name
				all = append(all, h)
			}
		}
	}
	return all, nil
}

// held is the Raft group of an asset. Without a leader nats-server lists this node among the others.
func (s *Server) held(c *natsserver.ClusterInfo) Held {
	h := Held{Leader: s.nats.Name(), Peers: []string{s.nats.Node()}}
	if c == nil {
		return h
	}
	h.Leader = c.Leader
	for _, p := range c.Replicas {
		h.Peers = append(h.Peers, p.Peer)
	}
	if c.Leader != "" {
		h.Peers = append(h.Peers, PeerID(c.Leader))
	}
	slices.Sort(h.Peers)
	h.Peers = slices.Compact(h.Peers)
	if c.Desired != nil {
		h.Moving = true
		for _, p := range c.Desired.Replicas {
			h.Target = append(h.Target, p.Peer)
		}
		if st := c.Desired.Status; st != nil {
			h.Waits = strings.TrimSuffix(fmt.Sprintf("%s: %s", st.Description, st.Err), ": ")
		}
	}
	return h
}
