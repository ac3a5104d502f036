package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"unibus/config/schema"
	"unibus/internal/hclconf"
	"unibus/internal/pki"
)

const (
	day           = 24 * time.Hour
	authorityDays = 3650
	leafDays      = 365
)

func (a *app) pkiCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pki",
		Short: "Make and renew the certificates of the nodes, from the file alone",
		Long: `Make and renew the certificates of the nodes: an authority of your own, and for every node a certificate for the
address that the file gives it, which both ends of a route accept.

Everything is written beside the file. pki/ca.pem and pki/ca-key.pem are the authority; the key signs nodes and stays
there. hosts/NODE has what goes to the host of a node: what the file places below /etc/unibus without that prefix,
everything else with its whole path. "unibus validate --files" checks it there, before it is copied.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.pkiInitCommand(), a.pkiIssueCommand(), a.pkiRenewCommand(), a.pkiCheckCommand())
	return cmd
}

// keys is the operator's directory and the topology whose certificates lie there.
type keys struct {
	dir    pki.Dir
	config *hclconf.Config
	nodes  []*schema.Node // of the command line, else all
	named  bool           // on the command line
}

// keysOf reads the file, and finds the nodes that arguments name.
func (a *app) keysOf(names []string) (*keys, error) {
	f, err := a.open("")
	if err != nil {
		return nil, err
	}
	c, err := a.load(f, hclconf.Host{}, exitInvalid)
	if err != nil {
		return nil, err
	}
	k := &keys{dir: pki.Dir(filepath.Dir(f.name)), config: c, nodes: c.Topology.Nodes(), named: len(names) > 0}
	if k.named {
		k.nodes = nil
	}
	for _, name := range names {
		n, d := c.Self(name, "")
		if d != nil {
			return nil, a.refuse(c, exitInvalid, *d)
		}
		k.nodes = append(k.nodes, n)
	}
	k.nodes = slices.DeleteFunc(k.nodes, func(n *schema.Node) bool { return n.TLS == nil })
	if len(k.nodes) == 0 {
		return nil, &exit{
			code: exitInvalid, err: fmt.Errorf("%s: there is no tls block, so no node has a certificate", f.name),
			try: `tls { … } in the cluster, with ca_file, cert_file and key_file (unibus schema)`,
		}
	}
	return k, nil
}

// newAuthority names an authority so that two of one cluster are told apart.
func (k *keys) newAuthority(days int) (*pki.Authority, error) {
	name := fmt.Sprintf("%s CA %s", k.config.Topology.Title(), strings.ToLower(rand.Text()[:6]))
	return pki.NewAuthority(name, time.Now(), time.Duration(days)*day)
}

// pkiFailed is an error of the operator's directory as a command ends with it.
func pkiFailed(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pki.ErrExists):
		return &exit{code: exitInvalid, err: err, try: "unibus pki renew, or --force to throw away what is there"}
	case errors.Is(err, fs.ErrPermission):
		return &exit{code: exitPermission, err: err}
	case errors.Is(err, fs.ErrNotExist):
		return &exit{code: exitInvalid, err: err, try: "unibus pki init makes the authority, unibus pki issue the certificates"}
	}
	return &exit{code: exitInvalid, err: err}
}

// daysFlag is a positive number of days.
func daysFlag(cmd *cobra.Command, days *int, value int, usage string) {
	cmd.Flags().IntVar(days, "days", value, usage)
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if *days < 1 || *days > 36500 {
			return fmt.Errorf("--days is 1 to 36500, not %d", *days)
		}
		return nil
	}
}

func (a *app) pkiInitCommand() *cobra.Command {
	var days int
	var force bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make the authority: pki/ca.pem and pki/ca-key.pem",
		Long: `Make the authority that signs the nodes' certificates: pki/ca.pem and pki/ca-key.pem beside the file. The key
needs to be on no host. Keep it safe, and offline if you can.

Exit status: 0 made, 1 there is one already or the file is wrong, 64 usage, 66 no file, 77 no permission.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			k, err := a.keysOf(nil)
			if err != nil {
				return err
			}
			ca, err := k.newAuthority(days)
			if err == nil {
				err = k.dir.Create(ca, force)
			}
			if err != nil {
				return pkiFailed(err)
			}
			fmt.Fprintf(a.stdout, "%s: authority %q, until %s\n", k.dir.CertFile(), ca.Cert.Subject.CommonName, date(ca.Cert.NotAfter))
			fmt.Fprintf(a.stdout, "%s: its key, which signs nodes: keep it safe\n", k.dir.KeyFile())
			return nil
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "throw away an authority that is there; no certificate of it is good any more")
	daysFlag(cmd, &days, authorityDays, "how long the authority is valid")
	return cmd
}

func (a *app) pkiIssueCommand() *cobra.Command {
	var days int
	var force bool
	cmd := &cobra.Command{
		Use:   "issue [NODE]…",
		Short: "Make certificates for the nodes that have none",
		Long: `Make a key and a certificate for the named nodes, or for every node that has none yet: valid for the node's
address as IP or DNS name and for the names of its host, at both ends of a connection. Keys are ECDSA P-256, mode 0600.

Exit status: 0 made, or nothing to do, 1 a named node has a certificate already or the file is wrong, 64 usage,
66 no file, 77 no permission.`,
		RunE: func(_ *cobra.Command, args []string) error {
			k, err := a.keysOf(args)
			if err != nil {
				return err
			}
			if _, _, err := k.dir.Load(); err != nil {
				return pkiFailed(err)
			}
			due, err := k.without(force)
			if err != nil {
				return pkiFailed(err)
			}
			return a.issue(k, due, days)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "throw away certificates that are there")
	daysFlag(cmd, &days, leafDays, "how long the certificates are valid")
	cmd.ValidArgsFunction = a.completeNodes
	return cmd
}

// without are the nodes to issue for: those that have neither a certificate nor a key. One that was named must have
// none, and none may have half of it.
func (k *keys) without(force bool) ([]*schema.Node, error) {
	var due []*schema.Node
	for _, n := range k.nodes {
		cert, key := pki.Free(k.dir.At(n.Name, n.TLS.CertFile)), pki.Free(k.dir.At(n.Name, n.TLS.KeyFile))
		switch {
		case cert == nil && key == nil || force:
			due = append(due, n)
		case k.named || cert == nil || key == nil:
			return nil, errors.Join(cert, key)
		}
	}
	return due, nil
}

// issue writes certificates and says where they belong. Every other host gets to trust the same authorities.
func (a *app) issue(k *keys, due []*schema.Node, days int) error {
	now := time.Now()
	for _, n := range due {
		if err := k.dir.Issue(n, time.Duration(days)*day, now); err != nil {
			return pkiFailed(err)
		}
		leaf, err := k.dir.Leaf(n)
		if err != nil {
			return pkiFailed(err)
		}
		fmt.Fprintf(a.stdout, "%s: for %s, until %s; copy %s to %s\n", n.Name, n.Address, date(leaf.NotAfter), k.dir.Host(n.Name), n.Address)
	}
	if len(due) == 0 {
		fmt.Fprintln(a.stdout, "nothing to do")
	}
	return nil
}

func (a *app) pkiRenewCommand() *cobra.Command {
	var days int
	var all, ca, retire bool
	cmd := &cobra.Command{
		Use:   "renew [NODE]…",
		Short: "Renew certificates, and the authority",
		Long: `Renew the certificates that are due: past two thirds of their life, or signed by an authority that has been
replaced. Named nodes are renewed in any case. Copy the files to the hosts as after "unibus pki issue", in any order:
running nodes take them up, and no connection is lost.

Replacing the authority takes three rounds, each of which ends with copying hosts/NODE to every host:

  unibus pki renew --ca        a new authority; from now on both are trusted
  unibus pki renew             certificates of the new one
  unibus pki renew --retire    the old one is not trusted any more

Exit status: 0 renewed, or nothing to do, 1 it cannot be done yet or the file is wrong, 64 usage, 66 no file, 77 no
permission.`,
		RunE: func(_ *cobra.Command, args []string) error {
			if ca && retire || (ca || retire) && (all || len(args) > 0) {
				return errors.New("--ca and --retire are steps of their own, for all nodes")
			}
			k, err := a.keysOf(args)
			switch {
			case err != nil:
				return err
			case ca:
				return a.rotate(k)
			case retire:
				return a.retire(k)
			}
			due, err := k.due(all)
			if err != nil {
				return pkiFailed(err)
			}
			return a.issue(k, due, days)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&all, "all", false, "also certificates that are not due")
	f.BoolVar(&ca, "ca", false, "make a new authority, trusted beside the old one")
	f.BoolVar(&retire, "retire", false, "trust the new authority alone")
	daysFlag(cmd, &days, leafDays, "how long the certificates are valid")
	cmd.ValidArgsFunction = a.completeNodes
	return cmd
}

// due are the nodes whose certificates are to be renewed.
func (k *keys) due(all bool) ([]*schema.Node, error) {
	authority, _, err := k.dir.Load()
	if err != nil {
		return nil, err
	}
	var due []*schema.Node
	for _, n := range k.nodes {
		leaf, err := k.dir.Leaf(n)
		if err != nil {
			return nil, err
		}
		old := time.Since(leaf.NotBefore) > leaf.NotAfter.Sub(leaf.NotBefore)*2/3
		if all || k.named || old || !authority.Signed(leaf) {
			due = append(due, n)
		}
	}
	return due, nil
}

// rotate is the first round of replacing the authority.
func (a *app) rotate(k *keys) error {
	ca, err := k.newAuthority(authorityDays)
	if err != nil {
		return err
	}
	if _, certs, err := k.dir.Load(); err != nil {
		return pkiFailed(err)
	} else if old, _ := pki.Certificates(certs); len(old) > 1 {
		return &exit{code: exitInvalid, err: fmt.Errorf("%s: an authority is being replaced already", k.dir.CertFile()), try: "unibus pki renew, then unibus pki renew --retire"}
	}
	if err := k.dir.Rotate(ca); err != nil {
		return pkiFailed(err)
	}
	if err := k.trust(); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s: authority %q, until %s, beside the old one\n", k.dir.CertFile(), ca.Cert.Subject.CommonName, date(ca.Cert.NotAfter))
	fmt.Fprintf(a.stdout, "copy %s to every host, and when all have it: unibus pki renew\n", k.dir.Host("NODE"))
	return nil
}

// retire is the last round.
func (a *app) retire(k *keys) error {
	if err := k.dir.Retire(k.nodes); err != nil {
		return &exit{code: exitInvalid, err: err, try: "unibus pki renew, and copy the certificates to their hosts"}
	}
	if err := k.trust(); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s: one authority is trusted\n", k.dir.CertFile())
	fmt.Fprintf(a.stdout, "copy %s to every host, once all of them run with their renewed certificates\n", k.dir.Host("NODE"))
	return nil
}

// trust writes the authorities for every host.
func (k *keys) trust() error {
	for _, n := range k.nodes {
		if err := k.dir.Trust(n); err != nil {
			return pkiFailed(err)
		}
	}
	return nil
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }
