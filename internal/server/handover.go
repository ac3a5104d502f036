package server

import (
	"context"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// handOverLimit is how long other nodes get to take over what this one leads.
const handOverLimit = 5 * time.Second

// HandOver gives the leadership of every replicated stream and consumer to another node and waits until it has been
// taken up, so that the stop which follows interrupts nobody. It returns how many stay after 5 s, because no other
// replica is up to date; they are left to the stop itself.
func (s *Server) HandOver(ctx context.Context) (left int) {
	ctx, cancel := context.WithTimeout(ctx, handOverLimit)
	defer cancel()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		if left = s.stepDown(); left == 0 {
			return 0
		}
		select {
		case <-ctx.Done():
			return left
		case <-poll.C:
		}
	}
}

// stepDown asks for another leader wherever this node leads, and says how many that are. nats-server v2.15.2 refuses a
// second request while an election is under way, so that asking again does no harm.
func (s *Server) stepDown() int {
	js, err := s.nats.Jsz(&natsserver.JSzOptions{Accounts: true, Streams: true, Consumer: true})
	if err != nil {
		return 0
	}
	mine := func(c *natsserver.ClusterInfo) bool {
		return c != nil && c.Leader == s.nats.Name() && len(c.Replicas) > 0
	}
	led := 0
	for _, a := range js.AccountDetails {
		for _, st := range a.Streams {
			if mine(st.Cluster) {
				led++
				_ = s.nats.JetStreamStepdownStream(a.Name, st.Name)
			}
			for _, c := range st.Consumer {
				if mine(c.Cluster) {
					led++
					_ = s.nats.JetStreamStepdownConsumer(a.Name, st.Name, c.Name)
				}
			}
		}
	}
	return led
}
