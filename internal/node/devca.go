package node

import (
	"net"
	"path/filepath"
	"slices"
	"time"

	"unibus/config/schema"
	"unibus/internal/pki"
)

// devLife is how long the certificates of a development cluster are valid.
const devLife = 365 * 24 * time.Hour

// devCA is the throw-away authority of a development cluster. Its key never leaves the process.
type devCA struct {
	*pki.Authority
	dir string
}

// newDevCA is nil when no node has TLS.
func newDevCA(dir string, nodes []*schema.Node) (*devCA, error) {
	if !slices.ContainsFunc(nodes, func(n *schema.Node) bool { return n.TLS != nil }) {
		return nil, nil
	}
	a, err := pki.NewAuthority("unibus dev", time.Now(), devLife)
	if err != nil {
		return nil, err
	}
	ca := &devCA{a, filepath.Join(dir, "tls")}
	return ca, pki.Write(filepath.Join(ca.dir, "ca.pem"), a.CertPEM(), 0o600)
}

// issue makes a certificate for the loopback interface and puts its files in place of those of the topology.
func (ca *devCA) issue(t *schema.TLS, name string) error {
	pair, err := ca.Issue(pki.Leaf{
		Name: name, DNS: []string{name, "localhost"}, IPs: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, Life: devLife,
	}, time.Now())
	if err != nil {
		return err
	}
	t.CAFile, t.CertFile, t.KeyFile = filepath.Join(ca.dir, "ca.pem"), filepath.Join(ca.dir, name+".pem"), filepath.Join(ca.dir, name+"-key.pem")
	if err := pki.Write(t.CertFile, pair.Cert, 0o600); err != nil {
		return err
	}
	return pki.Write(t.KeyFile, pair.Key, 0o600)
}
