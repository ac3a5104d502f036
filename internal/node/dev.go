package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sync/errgroup"

	"unibus/config/schema"
	"unibus/internal/bootstrap"
	"unibus/internal/hclconf"
	"unibus/internal/server"
)

// DevConfig is a whole topology to run in this process.
type DevConfig struct {
	// Topology is what to run. Dev changes it: addresses, ports, stores and certificates become those of this process.
	Topology *schema.Topology
	// Dir holds the stores, certificates and contexts. It must exist.
	Dir string
	// Log gets the lines of all nodes.
	Log hclog.Logger
	// NATSDebug is as in Config.
	NATSDebug int
	// Report is called with the state of the assets as each node sees it; nil is allowed. It must not block.
	Report func(node string, s bootstrap.Status)
	// Ready is called once, when every node is ready.
	Ready func(Bus)
}

// Bus is a running development cluster.
type Bus struct {
	// Nodes are the nodes, in the order of the file.
	Nodes []BusNode
	// Logins are throw-away users, one for each account; the first is that of the account most likely wanted.
	Logins []Login
	// CAFile is the throw-away authority, "" when the topology has no TLS.
	CAFile string
	// Assets are the declared assets.
	Assets []bootstrap.Asset
}

// BusNode is one node of a development cluster.
type BusNode struct{ Name, ClientURL, MonitorURL string }

// Login is a user who may do everything in one account.
type Login struct {
	Account, User, Password string
	// URL has the credentials and the addresses of all nodes.
	URL string
	// ContextFile is a natscli context with all of it.
	ContextFile string
	// CertFile and KeyFile are set when clients are asked for a certificate.
	CertFile, KeyFile string
}

// DevHost is a host on which every secret has a value: the real one where there is one, else a random one that is the
// same wherever the name is the same.
func DevHost() hclconf.Host {
	invented := map[string]string{}
	invent := func(name string) string {
		if invented[name] == "" {
			invented[name] = rand.Text()
		}
		return invented[name]
	}
	host := hclconf.ThisHost("")
	return hclconf.Host{
		Env: func(name string) (string, bool) {
			if v, ok := host.Env(name); ok {
				return v, true
			}
			return invent(name), true
		},
		ReadFile: func(name string) ([]byte, error) {
			if b, err := host.ReadFile(name); err == nil {
				return b, nil
			}
			return []byte(invent(name)), nil
		},
		Age: func(ciphertext string) (string, error) {
			if v, err := host.Age(ciphertext); err == nil {
				return v, nil
			}
			return invent(ciphertext), nil
		},
	}
}

// Dev runs every node of a topology in this process, on free ports of the loopback interface, until ctx ends. It returns
// nil then, and otherwise why a node failed; the others are stopped.
func Dev(ctx context.Context, c DevConfig) error {
	ports, release, err := server.HoldPorts(devPorts * len(c.Topology.Nodes()))
	if err != nil {
		return fmt.Errorf("free ports: %w", err)
	}
	defer release()
	logins, err := c.adapt(ports)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	nodes := c.Topology.Nodes()
	ready := make(chan bootstrap.Status, len(nodes))
	for _, n := range nodes {
		g.Go(func() error {
			first := true
			err := Run(ctx, Config{
				Topology:  c.Topology,
				Node:      n.Name,
				Log:       c.Log.With("node", n.Name),
				NATSDebug: c.NATSDebug,
				Abrupt:    true,
				Report: func(s bootstrap.Status) {
					if c.Report != nil {
						c.Report(n.Name, s)
					}
					if first && s.Phase == bootstrap.Ready {
						first = false
						ready <- s
					}
				},
			})
			if err != nil {
				return fmt.Errorf("node %s: %w", n.Name, err)
			}
			return nil
		})
	}
	g.Go(func() error {
		var last bootstrap.Status
		for range nodes {
			select {
			case <-ctx.Done():
				return nil
			case last = <-ready:
			}
		}
		c.Ready(c.bus(logins, last))
		return nil
	})
	return g.Wait()
}

// bus is what the caller gets to know.
func (c DevConfig) bus(logins []Login, s bootstrap.Status) Bus {
	b := Bus{Logins: logins, Assets: s.Assets}
	for _, n := range c.Topology.Nodes() {
		node := BusNode{Name: n.Name, ClientURL: clientURL(n, nil)}
		if n.Monitor.Enabled {
			node.MonitorURL = "http://" + net.JoinHostPort(n.Monitor.Listen, fmt.Sprint(n.Monitor.Port))
		}
		if n.TLS != nil {
			b.CAFile = n.TLS.CAFile
		}
		b.Nodes = append(b.Nodes, node)
	}
	return b
}

// devPorts is how many ports a node has.
const devPorts = 4

// adapt makes the topology one of this process.
func (c DevConfig) adapt(ports []int) ([]Login, error) {
	nodes := c.Topology.Nodes()
	certs, err := newDevCA(c.Dir, nodes)
	if err != nil {
		return nil, err
	}
	for i, n := range nodes {
		n.Address, n.Listen, n.Monitor.Listen = "127.0.0.1", "127.0.0.1", "127.0.0.1"
		p := [devPorts]int(ports[devPorts*i:])
		n.ClientPort, n.ClusterPort, n.GatewayPort, n.Monitor.Port = p[0], p[1], p[2], p[3]
		n.JetStream.StoreDir = filepath.Join(c.Dir, "store")
		n.Monitor.Token = schema.Secret{} // on loopback, for whoever runs it
		if n.TLS != nil {
			if err := certs.issue(n.TLS, n.Name); err != nil {
				return nil, err
			}
		}
	}
	var logins []Login
	last := func(a, b *schema.Account) int {
		return cmp.Compare(strings.Count(a.Name, schema.SystemAccount), strings.Count(b.Name, schema.SystemAccount))
	}
	for _, a := range slices.SortedStableFunc(slices.Values(c.Topology.Accounts), last) {
		l, err := c.login(a, certs)
		if err != nil {
			return nil, err
		}
		logins = append(logins, l)
	}
	return logins, nil
}

// login adds a user to an account and writes a context for it.
func (c DevConfig) login(a *schema.Account, certs *devCA) (Login, error) {
	pass := make([]byte, 12)
	if _, err := rand.Read(pass); err != nil {
		return Login{}, err
	}
	l := Login{Account: a.Name, User: "dev-" + strings.ToLower(strings.Trim(a.Name, "$")), Password: hex.EncodeToString(pass)}
	a.Users = append(a.Users, &schema.User{Name: l.User, Password: schema.NewSecret(l.Password)})
	var urls []string
	context := map[string]string{"description": "unibus dev, account " + a.Name, "user": l.User, "password": l.Password}
	for _, n := range c.Topology.Nodes() {
		urls = append(urls, clientURL(n, &l))
		if n.TLS == nil {
			continue
		}
		context["ca"] = n.TLS.CAFile
		if n.TLS.ClientVerify {
			t := *n.TLS
			if err := certs.issue(&t, "client"); err != nil {
				return Login{}, err
			}
			l.CertFile, l.KeyFile = t.CertFile, t.KeyFile
			context["cert"], context["key"] = t.CertFile, t.KeyFile
		}
	}
	l.URL = strings.Join(urls, ",")
	context["url"] = l.URL
	l.ContextFile = filepath.Join(c.Dir, "context", l.User+".json")
	text, err := json.MarshalIndent(context, "", "  ")
	if err != nil {
		return Login{}, err
	}
	if err := os.MkdirAll(filepath.Dir(l.ContextFile), 0o700); err != nil {
		return Login{}, err
	}
	return l, os.WriteFile(l.ContextFile, append(text, '\n'), 0o600)
}

// clientURL is where clients reach a node, with a login where one is given.
func clientURL(n *schema.Node, l *Login) string {
	scheme, at := "nats", ""
	if n.TLS != nil {
		scheme = "tls"
	}
	if l != nil {
		at = l.User + ":" + l.Password + "@"
	}
	return fmt.Sprintf("%s://%s%s", scheme, at, net.JoinHostPort(n.Address, fmt.Sprint(n.ClientPort)))
}
