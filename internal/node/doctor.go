package node

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"unibus/config/schema"
	"unibus/internal/api"
	"unibus/internal/hclconf"
	"unibus/internal/server"
)

// Patient is a host that is examined, as one node of a valid file.
type Patient struct {
	// Config is the file as it is read without the host, and Text its bytes.
	Config *hclconf.Config
	Text   []byte
	// Node is which node this host is.
	Node string
	// DataDir stands in place of every store_dir where it is not "".
	DataDir string
	// Daemon asks the daemon on this host, which need not be there. Socket is where it would answer.
	Daemon *api.Client
	Socket string
	// Timeout is how long each of the others may take to answer.
	Timeout time.Duration
}

// Examine looks at a host and, from there, at its peers. It changes nothing: files that it writes to measure the disk are
// gone when it returns, and what it opens to peers becomes no route. Each check says one thing, and what only follows
// from a failure that was found is skipped rather than reported again.
func Examine(ctx context.Context, p Patient) []api.Check {
	e := &exam{Patient: p}
	e.topology = p.Config.Topology
	e.secrets()
	e.cluster, e.node = e.topology.Node(p.Node)
	e.certificates()
	conf, err := server.NewConf(e.topology, p.Node, server.Identity{})
	if err != nil {
		e.failErr("conf", err)
		return e.checks
	}
	e.conf = conf
	e.askDaemon(ctx)
	e.myself(ctx)
	if !e.runs {
		e.skip("daemon", "none answers on %s: not started, or another --socket", p.Socket)
	}
	e.openFiles()
	e.mounts()
	e.ports()
	e.store()
	e.owner()
	e.reload()
	e.peers(e.look(ctx))
	e.config()
	e.clock()
	return e.checks
}

// exam is one Examine.
type exam struct {
	Patient
	topology *schema.Topology // with the secrets of this host, where they could be read
	cluster  *schema.Cluster
	node     *schema.Node
	conf     server.Conf
	leaf     *x509.Certificate // of this node, where it could be read

	paths     []string        // of the file and those it names on this host
	serverID  string          // of the server that runs here; "" when none does
	runs      bool            // whether one does, or a daemon that has none now
	own       server.Sighting // what was seen at this node's own address
	explained map[string]bool // the names that several servers have, about which enough is said

	blind  string      // why the peers cannot be asked for more than an answer; "" when they can
	vitals *api.Vitals // nil without a daemon
	status *api.Status // nil without a daemon

	checks []api.Check
}

func (e *exam) add(state api.CheckState, name, hint, format string, args ...any) *api.Check {
	e.checks = append(e.checks, api.Check{Name: name, State: state, Summary: fmt.Sprintf(format, args...), Hint: hint, Nodes: []string{}})
	c := &e.checks[len(e.checks)-1]
	if state == api.CheckFail || state == api.CheckWarn {
		c.Nodes = append(c.Nodes, e.Node)
	}
	return c
}

func (e *exam) ok(name, format string, args ...any) { e.add(api.CheckOK, name, "", format, args...) }

func (e *exam) skip(name, format string, args ...any) {
	e.add(api.CheckSkip, name, "", format, args...)
}

func (e *exam) warn(name, hint, format string, args ...any) {
	e.add(api.CheckWarn, name, hint, format, args...)
}

func (e *exam) fail(name, hint, format string, args ...any) {
	e.add(api.CheckFail, name, hint, format, args...)
}

// failErr is a failure that a package of ours has put into words.
func (e *exam) failErr(name string, err error) {
	hint := ""
	if s := (*server.Error)(nil); errors.As(err, &s) {
		hint = s.Hint
	}
	e.fail(name, hint, "%v", err)
}

// failed tells whether a check of that name has failed.
func (e *exam) failed(name string) bool {
	return slices.ContainsFunc(e.checks, func(c api.Check) bool { return c.Name == name && c.State == api.CheckFail })
}

// diagnosed adds a line for each diagnostic.
func (e *exam) diagnosed(name string, found []hclconf.Diagnostic) {
	for _, d := range found {
		e.checks = append(e.checks, DiagnosticCheck(name, d, e.Node))
	}
}

// DiagnosticCheck is a diagnostic as a check, on the host of the given node.
func DiagnosticCheck(name string, d hclconf.Diagnostic, node string) api.Check {
	c := api.Check{Name: name, State: api.CheckFail, Summary: d.Detail + " [" + string(d.Code) + "]", Hint: d.Hint, Nodes: []string{}}
	if d.Severity == hclconf.Warning {
		c.State = api.CheckWarn
	}
	if d.Range.Start.Line > 0 {
		c.Summary = fmt.Sprintf("%s:%d:%d: %s", d.Range.Filename, d.Range.Start.Line, d.Range.Start.Column, c.Summary)
	}
	if node != "" {
		c.Nodes = append(c.Nodes, node)
	}
	return c
}

// installed are the files of this node, where the daemon opens them.
func (e *exam) installed() *files {
	f := &files{config: e.Config, self: e.Node, now: time.Now(), paths: map[string]paths{}, installed: true}
	for _, n := range e.Config.Topology.Nodes() {
		if t := n.TLS; t != nil {
			f.paths[n.Name] = paths{t.CAFile, t.CertFile, t.KeyFile}
		}
	}
	return f
}

// secrets reads the file again, as the node that this host is.
func (e *exam) secrets() {
	f := e.installed()
	n := f.secrets(e.Text)
	e.diagnosed("secrets", f.found)
	e.paths = append(e.paths, e.Config.Name)
	host := hclconf.ThisHost(e.Node)
	readFile := host.ReadFile
	host.ReadFile = func(path string) ([]byte, error) {
		e.paths = append(e.paths, path)
		return readFile(path)
	}
	here := hclconf.Load(e.Config.Name, e.Text, host)
	if here.Topology == nil {
		e.blind = "the secrets of this host cannot be read"
	} else {
		e.topology = here.Topology
	}
	if e.DataDir != "" {
		for _, n := range e.topology.Nodes() {
			n.JetStream.StoreDir = e.DataDir
		}
	}
	switch {
	case len(f.found) > 0:
	case len(e.topology.Secrets) == 0:
		e.ok("secrets", "the file has none")
	case n == 0:
		e.ok("secrets", "all are known here")
	default:
		e.ok("secrets", "all are known here; %s, for the owner alone", plural(n, "file"))
	}
}

// certificates are those of this node, as validate --files checks them.
func (e *exam) certificates() {
	if e.node.TLS == nil {
		e.skip("certificates", "the file has no tls for this node")
		return
	}
	_, n := e.Config.Topology.Node(e.Node)
	f := e.installed()
	f.node(n)
	e.paths = append(e.paths, n.TLS.CAFile, n.TLS.CertFile, n.TLS.KeyFile)
	e.diagnosed("certificates", f.found)
	text, err := readRegular(n.TLS.CertFile)
	if err != nil {
		e.blind = "the certificate of this node cannot be read"
		return
	}
	if chain, err := certificates(text); err == nil {
		e.leaf = chain[0]
	}
	if e.failed("certificates") {
		e.blind = "the certificate of this node is not right"
		return
	}
	if e.leaf != nil && len(f.found) == 0 {
		e.ok("certificates", "valid for %s and both usages, signed by ca_file, good for %s", validFor(e.leaf), days(time.Until(e.leaf.NotAfter)))
	}
}

// askDaemon finds out what the daemon knows, if there is one.
func (e *exam) askDaemon(ctx context.Context) {
	vitals, err := e.Daemon.Vitals(ctx)
	e.runs = !errors.Is(err, api.ErrNoDaemon) // somebody has the socket
	switch {
	case !e.runs:
		return
	case errors.Is(err, api.ErrLate):
		e.fail("daemon", "systemctl status unibus; is it stopped, or the host too busy?", "%v", err)
		return
	case err != nil:
		e.warn("daemon", "as root, or as a member of the group that owns the socket", "it cannot be asked on %s: %v", e.Socket, err)
		return
	case vitals.Node != e.Node:
		e.fail("daemon", fmt.Sprintf("start it as %s, or examine that one: unibus doctor --node %s", e.Node, vitals.Node),
			"the daemon on %s runs node %q, and this host is examined as %q", e.Socket, vitals.Node, e.Node)
		return
	}
	status, err := e.Daemon.Status(ctx)
	if err != nil {
		e.warn("daemon", "unibus status", "it does not say how the cluster is: %v", err)
		return
	}
	e.vitals, e.status = &vitals, &status
	e.ok("daemon", "process %d runs node %s", vitals.PID, vitals.Node)
}

// look probes the addresses of all nodes at once. The result is in the order of the file, without this node.
func (e *exam) look(ctx context.Context) []server.Sighting {
	var all []server.Sighting
	if e.topology.Standalone() {
		return nil
	}
	for _, n := range e.topology.Nodes() {
		all = append(all, server.Sighting{Node: n})
	}
	ctx, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	var wait sync.WaitGroup
	for i := range all {
		wait.Go(func() { all[i] = e.conf.Probe(ctx, all[i].Node) })
	}
	wait.Wait()
	me := slices.IndexFunc(all, func(s server.Sighting) bool { return s.Node.Name == e.Node })
	e.own = all[me]
	return slices.Delete(all, me, me+1)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func andList(names []string) string {
	switch len(names) {
	case 0:
		return "nobody"
	case 1:
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
