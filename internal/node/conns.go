package node

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"unibus/internal/server"
)

// connections are the daemon's own clients of its server, one per account. They never leave the process.
type connections struct {
	server *server.Server
	id     server.Identity

	mu     sync.Mutex
	open   map[string]*nats.Conn
	closed bool
}

func newConnections(s *server.Server, id server.Identity) *connections {
	return &connections{server: s, id: id, open: map[string]*nats.Conn{}}
}

// jetStream is the JetStream API as a client of the account sees it.
func (c *connections) jetStream(account string) (jetstream.JetStream, error) {
	nc, err := c.conn(account)
	if err != nil {
		return nil, err
	}
	return jetstream.New(nc)
}

func (c *connections) conn(account string) (*nats.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errors.New("the server is stopping")
	}
	if nc := c.open[account]; nc != nil {
		return nc, nil
	}
	key, err := c.id.KeyPair(account)
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect("",
		nats.InProcessServer(c.server),
		nats.Name("unibus"),
		nats.Nkey(c.id.PublicKey(account), key.Sign),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(100*time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // every error is somebody's return value
	)
	if err != nil {
		return nil, fmt.Errorf("connect in process to account %s: %w", account, err)
	}
	c.open[account] = nc
	return nc, nil
}

// close ends every connection. None is opened afterwards.
func (c *connections) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, nc := range c.open {
		nc.Close()
	}
}
