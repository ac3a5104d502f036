package server

import (
	"net"

	"unibus/config/schema"
)

// Listener is one port that a node listens on.
type Listener struct {
	// Addr is what is bound, and Port the number in it.
	Addr string
	Port int
	// Setting is what the number is called in the file.
	Setting string
	// Err is why it cannot be bound now; it is an *Error.
	Err error
}

// Listeners tries to bind every port of the node, and lets go of it again.
func (c Conf) Listeners() []Listener {
	var all []Listener
	for _, p := range c.ports() {
		out := Listener{Addr: p.addr, Port: *p.number, Setting: p.setting}
		if l, err := net.Listen("tcp", p.addr); err != nil {
			out.Err = p.refusal(err)
		} else {
			_ = l.Close()
		}
		all = append(all, out)
	}
	return all
}

// StoreDir is the directory of the node; empty for a node that stores nothing.
func (c Conf) StoreDir() string {
	if !c.node.JetStream.Enabled {
		return ""
	}
	return c.storeDir()
}

// CheckStore is why the store cannot be that of this node: it was used by another node, or as something else. It takes no
// lock and writes nothing, so it may be called while the node runs. The error is an *Error.
func (c Conf) CheckStore() error {
	if !c.node.JetStream.Enabled {
		return nil
	}
	s := &store{dir: c.storeDir(), frozen: frozen{
		Cluster: c.cluster.Name, Node: c.node.Name, SystemAccount: schema.SystemAccount, Clustered: !c.topology.Standalone(),
	}}
	return storeError(c, s.check(c))
}

// StoreHolder is the process that holds the store, or "" where nobody does or the kernel does not tell.
func (c Conf) StoreHolder() string {
	return lockPID("/proc/locks", inode(c.storeDir()))
}
