package node

import (
	"errors"
	"runtime"

	"golang.org/x/sync/errgroup"

	"unibus/config/schema"
	"unibus/internal/hclconf"
	"unibus/internal/server"
)

// Load reads a file as hclconf.Load does, and then asks nats-server itself about the configuration of every node.
func Load(name string, text []byte, host hclconf.Host) *hclconf.Config {
	c := hclconf.Load(name, text, host)
	if c.Topology == nil {
		return c
	}
	var refused []hclconf.Diagnostic
	nodes := c.Topology.Nodes()
	for i, err := range checkAll(c.Topology, nodes) {
		if err == nil {
			continue
		}
		d, ok := Diagnose(c, err)
		if !ok {
			d = c.Problem(nodes[i], hclconf.CodeServer, err.Error(), "")
		}
		refused = append(refused, d)
	}
	c.Refuse(refused...)
	return c
}

// NewFile is a text of the file at path as the named node reads it on this host. With mistakes its Config has no topology.
// Where dataDir is not "", it stands in place of every store_dir.
func NewFile(path, node, dataDir string, text []byte) *File {
	load := func(text []byte) (*hclconf.Config, map[string][]byte) {
		host, read := hclconf.ThisHost(node), map[string][]byte{}
		readFile := host.ReadFile
		host.ReadFile = func(name string) ([]byte, error) {
			b, err := readFile(name)
			read[name] = b
			return b, err
		}
		host.Age = hclconf.OpenAge(node, hclconf.AgeKeys(), func(name string) ([]byte, error) {
			b, err := readFile(name)
			if err == nil { // one that is not there is none that the file names
				read[name] = b
			}
			return b, err
		})
		c := Load(path, text, host)
		if c.Topology != nil && dataDir != "" {
			for _, n := range c.Topology.Nodes() {
				n.JetStream.StoreDir = dataDir
			}
		}
		return c, read
	}
	c, read := load(text)
	return &File{Path: path, Config: c, Load: load, Read: read}
}

// checkAll checks the nodes on all CPUs, because a third of the time for a file with a thousand nodes goes into it. Each
// node has its error, or nil, at its index.
func checkAll(t *schema.Topology, nodes []*schema.Node) []error {
	errs := make([]error, len(nodes))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, n := range nodes {
		g.Go(func() error {
			errs[i] = check(t, n)
			return nil
		})
	}
	_ = g.Wait()
	return errs
}

func check(t *schema.Topology, n *schema.Node) error {
	conf, err := server.NewConf(t, n.Name, server.Identity{})
	if err != nil {
		return err
	}
	return conf.Check()
}

// Diagnose is an error of Run as a diagnostic of the file; ok is false when no value of the file is at fault.
func Diagnose(c *hclconf.Config, err error) (d hclconf.Diagnostic, ok bool) {
	var e *server.Error
	if !errors.As(err, &e) {
		return d, false
	}
	return c.Problem(e.At, codes[e.Kind], e.Error(), e.Hint), true
}

// codes are the rules that the server's errors are about.
var codes = map[server.Kind]hclconf.Code{
	server.KindConf:        hclconf.CodeServer,
	server.KindStore:       hclconf.CodeStore,
	server.KindPort:        hclconf.CodePort,
	server.KindCertificate: hclconf.CodeFile,
}

// Render is the nats.conf of a node. Secrets are redacted unless they are to be revealed. As options it is what
// nats-server makes of the text.
func Render(t *schema.Topology, name string, reveal bool) (string, error) {
	conf, err := server.NewConf(t, name, server.Identity{})
	switch {
	case err != nil:
		return "", err
	case reveal:
		return conf.Text(), nil
	}
	return conf.Redacted(), nil
}
