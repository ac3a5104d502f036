package node

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"time"

	"unibus/config/schema"
	"unibus/internal/api"
	"unibus/internal/server"
)

// bindWait is how long a port may take that a former server of this node, or somebody else, has let go of.
const bindWait = 5 * time.Second

// serveWeb answers on the monitor's port until ctx ends. A node that cannot be asked still works.
func (d *daemon) serveWeb(ctx context.Context, s *server.Server) error {
	t, _ := d.runs()
	_, n := t.Node(d.Node)
	if !n.Monitor.Enabled {
		return nil
	}
	l, err := bind(ctx, n)
	if err == nil {
		err = d.web(s, n).Serve(ctx, l)
	}
	if err != nil && ctx.Err() == nil {
		d.Log.Error("nobody can look at this node over HTTP", "error", err)
	}
	return nil
}

func bind(ctx context.Context, n *schema.Node) (net.Listener, error) {
	ctx, cancel := context.WithTimeout(ctx, bindWait)
	defer cancel()
	for {
		l, err := net.Listen("tcp", net.JoinHostPort(n.Monitor.Listen, strconv.Itoa(n.Monitor.Port)))
		if err == nil || !pause(ctx, tick) {
			return l, err
		}
	}
}

func (d *daemon) web(s *server.Server, n *schema.Node) api.Web {
	w := api.Web{
		Status: d.status, Events: d.events, NATS: s.Monitoring(), Token: d.token,
		Hosts: []string{n.Address, n.Name, n.Hostname, n.Monitor.Listen},
	}
	if ip := net.ParseIP(n.Monitor.Listen); n.TLS != nil && ip != nil && !ip.IsLoopback() {
		w.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			c, err := tls.LoadX509KeyPair(n.TLS.CertFile, n.TLS.KeyFile) // each time, because it is renewed
			return &c, err
		}}
	}
	return w
}

// token is what has to be shown on the monitor's port at this moment; "" is nothing.
func (d *daemon) token() string {
	t, _ := d.runs()
	if _, n := t.Node(d.Node); n != nil && n.Monitor.Token.IsKnown() {
		return n.Monitor.Token.Reveal()
	}
	return ""
}
