package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"unibus/config/schema"
	"unibus/internal/hclconf"
	"unibus/internal/node"
)

func (a *app) validateCommand() *cobra.Command {
	var asked []string
	var strict, withFiles bool
	cmd := &cobra.Command{
		Use:   "validate [FILE|DIR|-]…",
		Short: "Check the file for every node, without hosts, network or secrets",
		Long: `Check the file for every node at once, nats-server's own rules included. Nothing but the file is read: no
network, no certificates, no secrets. A file may have any name; whether it is HCL or JSON is told by its content. Of a
directory the *.hcl and *.hcl.json in it are checked.

With --files the certificates, keys and secrets that are on this machine are checked too: those of the node that this
host is (by its name, or --node), and those of any other node whose files are here.

-o can be given several times, and writes to a file with KIND=PATH:

  text       for people: every place with its line, and what to write instead (default; at most 50 a file)
  compact    one line for each diagnostic
  json       one object, also for several files; "files" has the verdict of each
  github     workflow annotations, and the summary of the step ($GITHUB_STEP_SUMMARY)
  gitlab     a Code Quality report
  sarif      SARIF 2.1.0
  junit      JUnit XML

text, compact and github may share stdout, each other kind wants it alone. Where nothing goes to stdout, text does.

Exit status: 0 every file is valid, 1 one is not (or has warnings, with --strict), 64 usage, 66 none is wrong but one
cannot be read.`,
		Example: `  unibus validate prod.hcl
  unibus validate --strict -o github -o sarif=unibus.sarif clusters/
  generate-topology | unibus validate -
  unibus validate --files --node magnus /etc/unibus/unibus.hcl`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{""}
			}
			names, err := inputs(args, false)
			if err != nil {
				return err
			}
			outs, err := a.outputs(asked)
			if err != nil {
				return err
			}
			r := &report{strict: strict}
			for _, name := range names {
				r.files = append(r.files, a.check(name, withFiles))
			}
			if err := outs.write(r); err != nil {
				return err
			}
			return r.exit()
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&asked, "output", "o", nil, "KIND or KIND=PATH: text, compact, json, github, gitlab, sarif or junit")
	f.BoolVar(&strict, "strict", false, "warnings are mistakes too")
	f.BoolVar(&withFiles, "files", false, "also check certificates, keys and secrets on this machine")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(kindNames(), cobra.ShellCompDirectiveNoSpace))
	return cmd
}

// report is what was found in all files.
type report struct {
	files  []checked
	strict bool
}

// checked is one file that was looked at.
type checked struct {
	*hclconf.Config
	unreadable bool
	nodes      []string // those whose files were checked
}

// check reads one file. One that cannot be read has a diagnostic that says so, like any other mistake.
func (a *app) check(name string, withFiles bool) checked {
	f, err := a.open(name)
	if err != nil {
		return unreadable(name, err)
	}
	c := checked{Config: node.Load(f.name, f.text, hclconf.Host{})}
	if withFiles && c.Topology != nil {
		found, nodes := a.checkFiles(c.Config, f.text)
		c.nodes = nodes
		c.Refuse(found...)
	}
	return c
}

func unreadable(name string, err error) checked {
	d := hclconf.Diagnostic{Severity: hclconf.Error, Code: hclconf.CodeUnreadable, Detail: err.Error(), Range: hclconf.Range{Filename: name}}
	var path *os.PathError
	if errors.As(err, &path) {
		d.Detail = path.Err.Error()
	}
	var e *exit
	if errors.As(err, &e) {
		d.Hint = e.try
	}
	if name == "" {
		d.Range.Filename = "unibus.hcl"
	}
	c := hclconf.Load(d.Range.Filename, nil, hclconf.Host{}) // nothing, which is not valid either
	c.Diagnostics = hclconf.Diagnostics{d}
	return checked{Config: c, unreadable: true}
}

// checkFiles checks what the file names on this machine, as the node that it is, if any.
func (a *app) checkFiles(c *hclconf.Config, text []byte) ([]hclconf.Diagnostic, []string) {
	host, _ := os.Hostname()
	self, d := c.Self(a.node, host)
	switch {
	case d != nil && a.node != "":
		return []hclconf.Diagnostic{*d}, nil
	case d != nil:
		return node.CheckFiles(c, text, "", time.Now())
	}
	return node.CheckFiles(c, text, self.Name, time.Now())
}

// bad tells whether a file is to be refused.
func (r *report) bad(c checked) bool {
	return c.Topology == nil || r.strict && len(c.Diagnostics) > 0
}

// exit is the error to end with. A mistake weighs more than a file that cannot be read.
func (r *report) exit() error {
	switch {
	case slices.ContainsFunc(r.files, func(c checked) bool { return r.bad(c) && !c.unreadable }):
		return &exit{code: exitInvalid}
	case slices.ContainsFunc(r.files, func(c checked) bool { return c.unreadable }):
		return &exit{code: exitNoInput}
	}
	return nil
}

// verdict is the line that sums a file up.
func (r *report) verdict(c checked) string {
	found := c.Diagnostics.Summary()
	switch {
	case c.unreadable:
		return "not read"
	case c.Topology == nil:
		return found
	case r.bad(c):
		return found + ", and --strict takes warnings for mistakes"
	case found != "":
		found = " with " + found
	}
	s := summary(c.Counts)
	line := fmt.Sprintf("valid%s. %s; %s; digest %s", found, s, tolerance(c.Topology), c.Digest[:8])
	if c.Partial {
		line += " without secrets"
	}
	if len(c.nodes) > 0 {
		line += "; checked the files of " + strings.Join(c.nodes, ", ")
	}
	return line
}

// tolerance is how many nodes may be lost before JetStream stops.
func tolerance(t *schema.Topology) string {
	n := (len(t.Voters()) - 1) / 2
	if n == 0 {
		return "survives the loss of no node"
	}
	return "survives the loss of " + count(n, "node")
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// summary counts what a file declares.
type summary struct {
	Clusters     int `json:"clusters"`
	Nodes        int `json:"nodes"`
	Buckets      int `json:"buckets"`
	Streams      int `json:"streams"`
	ObjectStores int `json:"object_stores"`
}

func (s *summary) add(o summary) {
	s.Clusters += o.Clusters
	s.Nodes += o.Nodes
	s.Buckets += o.Buckets
	s.Streams += o.Streams
	s.ObjectStores += o.ObjectStores
}

// String leaves out streams and object stores where there are none.
func (s summary) String() string {
	parts := []string{count(s.Clusters, "cluster"), count(s.Nodes, "node"), count(s.Buckets, "bucket")}
	if s.Streams > 0 {
		parts = append(parts, count(s.Streams, "stream"))
	}
	if s.ObjectStores > 0 {
		parts = append(parts, count(s.ObjectStores, "object store"))
	}
	return strings.Join(parts, ", ")
}
