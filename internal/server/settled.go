package server

import (
	"fmt"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

const (
	// keepingUp is the lag up to which a replica that is being written to counts as current: the Raft layer calls it
	// current only in the moments when it has everything (nats-server v2.15.2, raft.Peers).
	keepingUp = 1000
	// silent is how long a replica may not have been heard of. Heartbeats come every second.
	silent = 5 * time.Second
)

// Unsettled is what a stop of another node could harm, as far as this node knows it: something here that is not up to
// date, or a stream or consumer that this node leads and of which a replica is away, behind or being moved. It is "" when
// there is nothing. Only all nodes together know everything.
func (s *Server) Unsettled() string {
	if !s.nats.JetStreamEnabled() {
		return ""
	}
	js, err := s.nats.Jsz(&natsserver.JSzOptions{Accounts: true, Streams: true, Consumer: true})
	if err != nil {
		return err.Error()
	}
	return s.allSettled(js)
}

func (s *Server) allSettled(js *natsserver.JSInfo) string {
	if m := js.Meta; m != nil && m.Leader == "" {
		return "the meta group has no leader"
	}
	for _, a := range js.AccountDetails {
		for _, st := range a.Streams {
			if why := s.unsettled(st.Cluster); why != "" {
				return fmt.Sprintf("stream %s of account %s: %s", st.Name, a.Name, why)
			}
			for _, c := range st.Consumer {
				if why := s.unsettled(c.Cluster); why != "" {
					return fmt.Sprintf("consumer %s of stream %s of account %s: %s", c.Name, st.Name, a.Name, why)
				}
			}
		}
	}
	// It knows what is assigned to this node and not there yet.
	if h := s.nats.Healthz(&natsserver.HealthzOptions{}); h.Status != "ok" {
		return h.Error
	}
	return ""
}

func (s *Server) unsettled(c *natsserver.ClusterInfo) string {
	switch {
	case c == nil:
		return ""
	case c.Leader == "":
		return "it has no leader"
	case c.Desired != nil:
		return "its replicas are being moved"
	case c.Leader != s.nats.Name():
		return ""
	}
	for _, p := range c.Replicas {
		switch {
		case p.Offline || p.Active > silent:
			return fmt.Sprintf("the replica on %s is away", p.Name)
		case !p.Current && (p.Lag == 0 || p.Lag > keepingUp):
			return fmt.Sprintf("the replica on %s is behind", p.Name)
		}
	}
	return ""
}
