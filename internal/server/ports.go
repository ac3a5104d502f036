package server

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// port is one listener of a node.
type port struct {
	addr    string
	number  *int
	setting string  // what the number is called in the file
	host    *string // the bind address
}

func (c Conf) ports() []port {
	n := c.node
	all := []port{{hostPort(n.Listen, n.ClientPort), &n.ClientPort, "client_port", &n.Listen}}
	if !c.topology.Standalone() {
		all = append(all, port{hostPort(n.Listen, n.ClusterPort), &n.ClusterPort, "cluster_port", &n.Listen})
	}
	if c.topology.Supercluster() {
		all = append(all, port{hostPort(n.Listen, n.GatewayPort), &n.GatewayPort, "gateway_port", &n.Listen})
	}
	if n.Monitor.Enabled {
		all = append(all, port{hostPort(monitorListen(n), n.Monitor.Port), &n.Monitor.Port, "monitor.port", &n.Monitor.Listen})
	}
	return all
}

// checkPorts binds every port of the node and lets go of it again. nats-server would only find out half-started.
func (c Conf) checkPorts() error {
	for _, p := range c.ports() {
		l, err := net.Listen("tcp", p.addr)
		if err != nil {
			return p.refusal(err)
		}
		_ = l.Close()
	}
	return nil
}

func (p port) refusal(err error) *Error {
	e := &Error{Kind: KindPort, At: p.number, Summary: fmt.Sprintf("cannot listen on %s (%s)", p.addr, p.setting), Err: err}
	var op *net.OpError
	if errors.As(err, &op) {
		e.Err = op.Err // without the address, which the summary has
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		e.Hint = fmt.Sprintf("another program uses port %d (ss -ltnp shows which), or this node is already running", *p.number)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		e.At = p.host
		e.Hint = "listen must be an address of this host; leave it out to bind all"
	case errors.Is(err, syscall.EACCES):
		e.Hint = "ports below 1024 need CAP_NET_BIND_SERVICE"
	}
	return e
}
