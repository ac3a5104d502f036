package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"unibus/config/schema"
	"unibus/internal/api"
	"unibus/internal/hclconf"
	"unibus/internal/node"
)

// socketName is the name of the daemon's socket in its directory.
const socketName = "unibus.sock"

// runtimeSocket is where the daemon's socket is when systemd runs it.
const runtimeSocket = "/run/unibus/" + socketName

// socketOf is where the daemon of a node answers: where it is told to, else in the runtime directory that systemd gives
// it, else beside its store.
func (a *app) socketOf(n *schema.Node) string {
	if a.socket != "" {
		return a.socket
	}
	if dir := os.Getenv("RUNTIME_DIRECTORY"); dir != "" {
		return filepath.Join(dir, socketName)
	}
	return filepath.Join(n.JetStream.StoreDir, n.Name, socketName)
}

// client asks the daemon on this host, which may take as long as --timeout says.
func (a *app) client() (*api.Client, error) {
	path, err := a.findDaemon()
	if err != nil {
		return nil, err
	}
	c := api.NewClient(path)
	c.Timeout = a.timeout
	return c, nil
}

// findDaemon is the socket of the daemon on this host. It is found by the file; while that one is bad, by the last good one, with
// which the daemon runs.
func (a *app) findDaemon() (string, error) {
	if a.socket != "" {
		return a.socket, nil
	}
	underSystemd := exists(runtimeSocket)
	if underSystemd && a.config == "" {
		return runtimeSocket, nil
	}
	path, err := a.findSocket()
	if underSystemd && (err != nil || !exists(path)) {
		path, err = runtimeSocket, nil
	}
	return path, err
}

func (a *app) findSocket() (string, error) {
	f, err := a.openOwn()
	if f.name == "" {
		return "", err
	}
	c := node.Load(f.name, f.text, hclconf.Host{})
	self := a.node
	if c.Topology == nil {
		good, ok := node.FindLastGood(f.name, f.text, "", a.node)
		if c = node.Load(f.name, good.Text, hclconf.Host{}); !ok || c.Topology == nil {
			return "", &exit{code: exitNobody, err: errors.New("the file does not say where the daemon's socket is"), try: "name it with --socket or UNIBUS_SOCKET"}
		}
		self = good.Node
	}
	if _, n := c.Topology.Node(self); n != nil {
		return a.socketOf(n), nil
	}
	if self, err = a.self(c, exitNobody); err != nil {
		return "", err
	}
	_, n := c.Topology.Node(self)
	return a.socketOf(n), nil
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// unanswered is an error of the client as the command ends with it.
func unanswered(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, api.ErrNoDaemon):
		return &exit{code: exitNobody, err: err, try: "systemctl status unibus, or name the socket with --socket"}
	case errors.Is(err, api.ErrLate):
		return &exit{code: exitNobody, err: err, try: "a longer --timeout; what was asked may still be done, and unibus status tells"}
	case errors.Is(err, syscall.EACCES):
		return &exit{code: exitPermission, err: err, try: "as root, or as a member of the group that owns the socket"}
	}
	return &exit{code: exitNobody, err: err}
}
