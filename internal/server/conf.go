package server

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"unibus/config/schema"
)

// Conf is what one node runs. It is a value that never changes, and neither may the topology it was made from.
type Conf struct {
	topology *schema.Topology
	cluster  *schema.Cluster
	node     *schema.Node
	identity Identity
	debug    int
	metadata map[string]string
	drained  bool
	without  []string
	link     schema.Secret // LinkPassword
}

// NewConf is the configuration of the named node. It opens nothing and reads nothing but its arguments. The error is an
// *Error where a value of the file cannot be used.
func NewConf(t *schema.Topology, node string, id Identity) (Conf, error) {
	cluster, n := t.Node(node)
	if n == nil {
		return Conf{}, fmt.Errorf("the file has no node %q", node)
	}
	c := Conf{topology: t, cluster: cluster, node: n, identity: id, link: LinkPassword(t)}
	return c, c.check()
}

// WithDebug is the same configuration with nats-server's own debug lines (level 1) or also its trace lines, which show
// every protocol message with the beginning of its payload (level 2).
func (c Conf) WithDebug(level int) Conf {
	c.debug = level
	return c
}

// WithMetadata is the same configuration with facts that every stock tool shows beside the server's name. Without any it
// is as it was.
func (c Conf) WithMetadata(facts map[string]string) Conf {
	c.metadata = facts
	return c
}

// WithDrained is the same configuration with or without the tag that keeps new assets away from the node.
func (c Conf) WithDrained(drained bool) Conf {
	c.drained = drained
	return c
}

// WithoutNodes is the same configuration with a first election of the meta group that does not wait for some nodes. They
// are not dialled; when they come, they are let in. It is of use only while NeverLed.
func (c Conf) WithoutNodes(names []string) Conf {
	c.without = names
	return c
}

// Text is a complete nats.conf, with every secret that is known here. A stock nats-server of the same version starts
// from it.
func (c Conf) Text() string {
	return c.render(view{secret: reveal, files: true, routes: c.routes(), remote: true, monitor: true})
}

// Redacted is Text with schema.Redacted in place of every secret.
func (c Conf) Redacted() string {
	return c.render(view{secret: schema.Secret.String, files: true, routes: c.routes(), remote: true, monitor: true})
}

// Options are the options of the embedded server, a fresh object on every call: nats-server changes the one it is given
// (v2.15.2, NewServer and ReloadOptions). It reads the certificates that the configuration names.
func (c Conf) Options() (*natsserver.Options, error) {
	if at := c.unknownSecret(); at != nil {
		return nil, &Error{At: at, Summary: "the value of a secret is not known here"}
	}
	if err := c.checkFiles(); err != nil {
		return nil, err
	}
	opts, err := c.options(c.render(view{secret: reveal, files: true, routes: c.routes(), remote: true}))
	if err != nil {
		return nil, c.refusal(err)
	}
	return opts, nil
}

// Check is what nats-server itself would refuse about the configuration. It needs neither the secrets nor the
// certificates, starts nothing and opens nothing.
func (c Conf) Check() error {
	// Certificates and secrets are left out, and so are the other nodes' routes: each node checks its own, and a file
	// with a thousand nodes is checked a thousand times.
	opts, err := c.options(c.render(view{secret: schema.Secret.String, routes: []*schema.Node{c.node}}))
	if err == nil {
		opts.MaxClosedClients, opts.JetStreamConcurrentIOs = 1, 1 // NewServer makes room for 10,000 and 4096
		_, err = natsserver.NewServer(opts)
	}
	if err != nil {
		return c.refusal(err)
	}
	return nil
}

// refusal is nats-server's opinion about the configuration.
func (c Conf) refusal(err error) *Error {
	return &Error{
		At:      c.node,
		Summary: fmt.Sprintf("nats-server refuses the configuration of node %q", c.node.Name),
		Err:     errors.New(newRedactor(c.secrets()).line(err.Error())),
	}
}

// The whole stop of a node takes less than stopLimit: handing over leaderships (1 s in nats-server v2.15.2,
// lameDuckMode), lameDuckGrace, closing the clients one by one, and stopping JetStream in between.
const (
	lameDuckGrace    = time.Second
	lameDuckDuration = 9 * time.Second
	lameDuckLimit    = 15 * time.Second
	stopLimit        = 20 * time.Second
)

// options parses a text. Everything that has no notation in nats.conf is set here and nowhere else, because a reload
// compares every field.
func (c Conf) options(text string) (*natsserver.Options, error) {
	opts := &natsserver.Options{}
	if err := opts.ProcessConfigString(text); err != nil {
		return nil, err
	}
	opts.NoSigs = true // signals are the daemon's
	opts.NoLog = true  // a reload of the debug level would replace our logger (v2.15.2, ConfigureLogger)
	opts.LameDuckGracePeriod = lameDuckGrace
	opts.LameDuckDuration = lameDuckDuration
	if !c.topology.Standalone() {
		opts.CustomRouterAuthentication = newRouteAuth(c)
	}
	return opts, nil
}

// storeDir is the node's own directory: its name is always part of it, so that no two nodes share a store.
func (c Conf) storeDir() string { return filepath.Join(c.node.JetStream.StoreDir, c.node.Name) }

// jetStream tells whether clients of the account can use JetStream. That includes the nodes that store nothing: their
// clients reach the others only if the account says so there too (v2.15.2, Server.Start).
func (c Conf) jetStream(account string) bool {
	return account != schema.SystemAccount && len(c.topology.Voters()) > 0
}

// accounts are the declared accounts and those that are always there.
func (c Conf) accounts() []*schema.Account {
	all := slices.Clone(c.topology.Accounts)
	for _, name := range []string{schema.DefaultAccount, schema.OwnAccount, schema.SystemAccount} {
		if c.topology.Account(name) == nil {
			all = append(all, &schema.Account{Name: name})
		}
	}
	return all
}

// check refuses what nats-server would take for something else than what the file says.
func (c Conf) check() error {
	for _, a := range c.topology.Accounts {
		if !quotable(a.Name) {
			return &Error{At: &a.Name, Summary: fmt.Sprintf("nats.conf has no notation for the account name %q", a.Name)}
		}
		for _, u := range a.Users {
			if u.NKey == "" && empty(u.Password) {
				return &Error{
					At:      u,
					Summary: fmt.Sprintf("user %q could log in with no password", u.Name),
					Hint:    "give the user an nkey or a password",
				}
			}
		}
	}
	if r := c.cluster.Routes; r != nil && r.User == "" {
		return &Error{At: &r.User, Summary: "the user of the routes is empty"}
	}
	if r := c.cluster.Routes; r != nil && empty(r.Password) {
		return &Error{At: &r.Password, Summary: "the password of the routes is empty"}
	}
	if g := c.topology.Gateways; g != nil && (g.User == "" || empty(g.Password)) {
		return &Error{At: &g.Password, Summary: "the user or the password of the gateways is empty"}
	}
	if e := c.node.JetStream.Encryption; e != nil && empty(e.Key) {
		return &Error{At: &e.Key, Summary: "the encryption key is empty, so the store would not be encrypted"}
	}
	if _, err := syncInterval(c.node.JetStream.Sync); err != nil {
		return &Error{At: &c.node.JetStream.Sync, Summary: fmt.Sprintf("sync is %q", c.node.JetStream.Sync), Err: err}
	}
	return nil
}

// reveal is the value of a secret, or what stands in its place where it is not known.
func reveal(s schema.Secret) string {
	if s.IsKnown() {
		return s.Reveal()
	}
	return s.String()
}

// empty tells whether a secret is known to have no value.
func empty(s schema.Secret) bool { return !s.IsSet() || s.IsKnown() && s.Reveal() == "" }

// rendered are the secrets that the text of this node holds.
func (c Conf) rendered() []*schema.Secret {
	var all []*schema.Secret
	if r := c.cluster.Routes; r != nil {
		all = append(all, &r.Password, &r.PreviousPassword)
	}
	if g := c.topology.Gateways; g != nil {
		all = append(all, &g.Password)
	}
	if e := c.node.JetStream.Encryption; e != nil {
		all = append(all, &e.Key)
	}
	for _, a := range c.topology.Accounts {
		for _, u := range a.Users {
			all = append(all, &u.Password)
		}
	}
	return all
}

// unknownSecret is the first secret the node needs and does not have, or nil.
func (c Conf) unknownSecret() any {
	for _, s := range c.rendered() {
		if s.IsSet() && !s.IsKnown() {
			return s
		}
	}
	return nil
}

// secrets are the values of every secret of the file that is known here.
func (c Conf) secrets() []string {
	var values []string
	add := func(s schema.Secret) {
		if s.IsKnown() && s.Reveal() != "" {
			values = append(values, s.Reveal())
		}
	}
	for _, s := range c.rendered() {
		add(*s)
	}
	for _, s := range c.topology.Secrets {
		add(s)
	}
	if link := c.linkUser(); link != nil {
		add(link.Password)
	}
	return values
}
