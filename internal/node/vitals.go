package node

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/config/schema"
	"unibus/internal/api"
	"unibus/internal/server"
)

const (
	// pingSubject makes every server answer with who it is and what time it has as it sends (nats-server v2.15.2,
	// events.go, internalSendLoop).
	pingSubject = "$SYS.REQ.SERVER.PING.STATSZ"
	// pingWait is how long servers may take to answer.
	pingWait = 500 * time.Millisecond
	// recent is for how long a trouble counts: nats-server dials again every second.
	recent = 10 * time.Second
)

// vitals are what only this daemon knows.
func (d *daemon) vitals(ctx context.Context) api.Vitals {
	v := api.Vitals{FormatVersion: api.FormatVersion, Node: d.Node, PID: os.Getpid(), Servers: []api.Server{}, Troubles: []api.RouteTrouble{}}
	d.mu.Lock()
	srv, conns, t := d.srv, d.conns, d.running
	d.mu.Unlock()
	if conf, err := d.conf(t); err == nil {
		v.StoreDir = conf.StoreDir()
	}
	if srv == nil {
		return v
	}
	v.ServerID = srv.ID()
	now := time.Now()
	for _, r := range srv.Troubles(now.Add(-recent)) {
		v.Troubles = append(v.Troubles, api.RouteTrouble{
			Message: r.Message, Peer: orNil(r.Peer), From: orNil(r.From), Reason: r.Reason, AgoSeconds: now.Sub(r.Last).Seconds(),
		})
	}
	if nc, err := conns.conn(schema.SystemAccount); err == nil {
		v.Servers = hear(ctx, nc, len(srv.Peers())+1, srv.Routes())
	}
	return v
}

// hear asks all servers who they are and what time it is, until as many as expected have answered and a moment more has
// shown nobody else.
func hear(ctx context.Context, nc *nats.Conn, expected int, routes []server.Route) []api.Server {
	heard := []api.Server{}
	inbox := nats.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return heard
	}
	defer func() { _ = sub.Unsubscribe() }()
	asked := time.Now()
	if err := nc.PublishRequest(pingSubject, inbox, nil); err != nil {
		return heard
	}
	end := asked.Add(pingWait)
	for {
		wait, cancel := context.WithDeadline(ctx, end)
		m, err := sub.NextMsgWithContext(wait)
		cancel()
		if err != nil {
			break
		}
		if s, ok := hello(m.Data, asked, time.Now()); ok {
			heard = append(heard, s)
		}
		if len(heard) >= expected {
			if soon := time.Now().Add(pingWait / 5); soon.Before(end) {
				end = soon
			}
		}
	}
	for i, s := range heard {
		for _, r := range routes {
			if r.ID == s.ID {
				heard[i].Address = orNil(r.Address)
			}
		}
	}
	slices.SortFunc(heard, func(a, b api.Server) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return heard
}

// hello is an answer to a ping that was sent and has come back at these times.
func hello(text []byte, sent, back time.Time) (api.Server, bool) {
	var m struct {
		Server struct {
			ID      string    `json:"id"`
			Name    string    `json:"name"`
			Cluster string    `json:"cluster"`
			Version string    `json:"ver"`
			Time    time.Time `json:"time"`
		} `json:"server"`
	}
	if json.Unmarshal(text, &m) != nil || m.Server.ID == "" {
		return api.Server{}, false
	}
	half := back.Sub(sent) / 2
	return api.Server{
		ID: m.Server.ID, Name: m.Server.Name, Cluster: m.Server.Cluster, Version: m.Server.Version,
		ClockOffsetSeconds: m.Server.Time.Sub(sent.Add(half)).Seconds(), ClockErrorSeconds: half.Seconds(),
	}, true
}
