package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"unibus/config/schema"
	"unibus/internal/hclconf"
	"unibus/internal/node"
	"unibus/internal/pki"
)

// certificates are the certificates of a cluster as they are on this machine.
type certificates struct {
	FormatVersion string          `json:"format_version"`
	Authorities   []authorityLife `json:"authorities"`
	Nodes         []leafLife      `json:"nodes"`
}

// life is how long a certificate is valid; null where there is none.
type life struct {
	NotBefore *time.Time `json:"not_before"`
	NotAfter  *time.Time `json:"not_after"`
	DaysLeft  *int       `json:"days_left"`
}

type authorityLife struct {
	Name string `json:"name"`
	life
}

// The states of a node's certificate.
const (
	certOK      = "ok"
	certDue     = "due"     // ends soon
	certExpired = "expired" // or not valid yet
	certWrong   = "wrong"   // peers refuse it
	certMissing = "missing"
)

type leafLife struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	File    string `json:"file"`
	State   string `json:"state"`
	life
	Authority *string  `json:"authority"`
	Problems  []string `json:"problems"`
}

func (a *app) pkiCheckCommand() *cobra.Command {
	var output string
	var days int
	cmd := &cobra.Command{
		Use:   "check [NODE]…",
		Short: "Show how many days the certificates have left, and what is wrong with them",
		Long: `Show the certificates on this machine: those in hosts/NODE beside the file, or those of the node that this host
is. With -o json for programs; state is ok, due, expired, wrong or missing.

Exit status: 0 all are good for more than --days, 1 one is not or the file is wrong, 64 usage, 66 no file.`,
		RunE: func(_ *cobra.Command, args []string) error {
			if output != "text" && output != "json" {
				return fmt.Errorf("-o is text or json, not %q", output)
			}
			k, err := a.keysOf(args)
			if err != nil {
				return err
			}
			found := k.check(a.hereOnly(k), days, time.Now())
			if output == "json" {
				err = json.NewEncoder(a.stdout).Encode(found)
			} else {
				a.writeCertificates(found)
			}
			if err == nil && slices.ContainsFunc(found.Nodes, func(l leafLife) bool { return l.State != certOK }) {
				err = &exit{code: exitInvalid}
			}
			return err
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	daysFlag(cmd, &days, 30, "how many days a certificate must be good for")
	cmd.ValidArgsFunction = a.completeNodes
	return cmd
}

// hereOnly are the nodes to look at: those that were named, or have files here, or the one that this host is; all when
// none has.
func (a *app) hereOnly(k *keys) []*schema.Node {
	if k.named {
		return k.nodes
	}
	host, _ := os.Hostname()
	self, _ := k.config.Self(a.node, host)
	var all []*schema.Node
	for _, n := range k.nodes {
		if n == self || exists(filepath.Dir(k.dir.Host(n.Name))) || exists(n.TLS.CertFile) && self == nil {
			all = append(all, n)
		}
	}
	if len(all) == 0 {
		return k.nodes
	}
	return all
}

func (k *keys) check(nodes []*schema.Node, days int, now time.Time) certificates {
	found := certificates{FormatVersion: "1.0", Authorities: []authorityLife{}, Nodes: []leafLife{}}
	seen := map[string]bool{}
	for _, n := range nodes {
		text, err := os.ReadFile(node.Place(k.config, n.Name, n.TLS.CAFile))
		if err != nil {
			continue
		}
		all, _ := pki.Certificates(text)
		for _, c := range all {
			if !seen[string(c.Raw)] {
				seen[string(c.Raw)] = true
				found.Authorities = append(found.Authorities, authorityLife{c.Subject.CommonName, lifeOf(c.NotBefore, c.NotAfter, now)})
			}
		}
	}
	for _, n := range nodes {
		found.Nodes = append(found.Nodes, k.checkNode(n, days, now))
	}
	return found
}

func lifeOf(from, to, now time.Time) life {
	from, to = from.UTC(), to.UTC()
	left := int(to.Sub(now) / day)
	return life{&from, &to, &left}
}

// checkNode looks at the certificate of a node as its peers will.
func (k *keys) checkNode(n *schema.Node, days int, now time.Time) leafLife {
	l := leafLife{Name: n.Name, Address: n.Address, State: certOK, File: node.Place(k.config, n.Name, n.TLS.CertFile), Problems: []string{}}
	text, err := os.ReadFile(l.File)
	if errors.Is(err, fs.ErrNotExist) {
		l.State, l.Problems = certMissing, append(l.Problems, l.File+" does not exist")
		return l
	}
	if all, err := pki.Certificates(text); err == nil {
		l.life = lifeOf(all[0].NotBefore, all[0].NotAfter, now)
		name := all[0].Issuer.CommonName
		l.Authority = &name
		if all[0].NotAfter.Sub(now) < time.Duration(days)*day {
			l.State = certDue
		}
	}
	for _, d := range node.CheckCertificate(k.config, n, now) {
		l.Problems = append(l.Problems, d.Detail)
		switch {
		case d.Severity != hclconf.Error:
		case d.Code == hclconf.CodeExpiry:
			l.State = certExpired
		case l.State != certExpired:
			l.State = certWrong
		}
	}
	return l
}

func (a *app) writeCertificates(found certificates) {
	t := a.table("AUTHORITY", "DAYS LEFT", "UNTIL")
	for _, c := range found.Authorities {
		t.AppendRow(table.Row{c.Name, number2(c.DaysLeft), date(*c.NotAfter)})
	}
	t.Render()
	fmt.Fprintln(a.stdout)
	t = a.table("NODE", "ADDRESS", "STATE", "DAYS LEFT", "UNTIL", "AUTHORITY")
	for _, l := range found.Nodes {
		until := "-"
		if l.NotAfter != nil {
			until = date(*l.NotAfter)
		}
		t.AppendRow(table.Row{l.Name, l.Address, l.State, number2(l.DaysLeft), until, dash(l.Authority)})
	}
	t.Render()
	said := map[string]bool{}
	for _, l := range found.Nodes {
		for _, p := range l.Problems {
			if !said[p] {
				fmt.Fprintf(a.stdout, "\n! %s\n", p)
			}
			said[p] = true
		}
	}
}

func number2(n *int) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}
