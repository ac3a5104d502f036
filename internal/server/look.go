package server

import (
	"cmp"
	"slices"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// Look is what a node knows of the JetStream assets on it.
type Look struct {
	// JetStream tells whether JetStream runs: nats-server switches it off when the disk is full.
	JetStream bool
	// Unsettled is what Server.Unsettled says.
	Unsettled string
	// Streams are the streams that this node leads, in the order of their accounts and names.
	Streams []Stream
}

// Stream is a stream as its leader sees it.
type Stream struct {
	Account string `json:"account"`
	Name    string `json:"name"`
	// Since is when the node became its leader. Of two nodes that both say they lead, the later one does.
	Since time.Time `json:"since"`
	// Moving tells whether its replicas are being changed.
	Moving bool `json:"moving,omitempty"`
	// Followers are the other nodes that hold it, in the order of their names.
	Followers []Follower `json:"followers"`
	Messages  uint64     `json:"messages"`
	Bytes     uint64     `json:"bytes"`
}

// Follower is a node that holds a stream and does not lead it.
type Follower struct {
	Node    string `json:"node"`
	Current bool   `json:"current"`
	Offline bool   `json:"offline,omitempty"`
	Lag     uint64 `json:"lag,omitempty"`
}

// Look looks at every stream on this node. It sends nothing.
func (s *Server) Look() Look {
	if !s.nats.JetStreamEnabled() {
		return Look{}
	}
	l := Look{JetStream: true}
	js, err := s.nats.Jsz(&natsserver.JSzOptions{Accounts: true, Streams: true, Consumer: true})
	if err != nil {
		l.Unsettled = err.Error()
		return l
	}
	l.Unsettled = s.allSettled(js)
	for _, a := range js.AccountDetails {
		for _, st := range a.Streams {
			if c := st.Cluster; c == nil || c.Leader == s.nats.Name() {
				l.Streams = append(l.Streams, streamOf(a.Name, st))
			}
		}
	}
	return l
}

// streamOf is a stream of this node. A node that is alone has no group to lead.
func streamOf(account string, st natsserver.StreamDetail) Stream {
	v := Stream{Account: account, Name: st.Name, Messages: st.State.Msgs, Bytes: st.State.Bytes, Followers: []Follower{}}
	c := st.Cluster
	if c == nil {
		return v
	}
	if c.LeaderSince != nil {
		v.Since = *c.LeaderSince
	}
	v.Moving = c.Desired != nil
	for _, p := range c.Replicas {
		away := p.Offline || p.Active > silent
		behind := !p.Current && (p.Lag == 0 || p.Lag > keepingUp)
		f := Follower{Node: p.Name, Current: !away && !behind, Offline: away}
		if !f.Current {
			f.Lag = p.Lag
		}
		v.Followers = append(v.Followers, f)
	}
	slices.SortFunc(v.Followers, func(a, b Follower) int { return cmp.Compare(a.Node, b.Node) })
	return v
}

// Gateways are the names of the other clusters to which this node has a gateway, sorted.
func (s *Server) Gateways() []string {
	g, err := s.nats.Gatewayz(nil)
	if err != nil {
		return nil
	}
	var names []string
	for name := range g.OutboundGateways {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
