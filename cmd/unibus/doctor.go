package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"unibus/internal/api"
	"unibus/internal/hclconf"
	"unibus/internal/node"
)

func (a *app) doctorCommand() *cobra.Command {
	var dataDir, output string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Examine this host, and its peers from here, and name what is wrong",
		Long: `Examine this host before the node is started, or while it runs: the file, which node this host is, secrets,
certificates, ports, the store, its disk and its owner, limits, mounts. Then dial every peer as far as a route would come, with this
node's certificate and password, and say which host is to be repaired. With a daemon running here it also tells about its
configuration against that of the others, the quorum, the clocks and refused routes. Run it as the user that unibus runs as,
or as root.

Each line is ok, warn, fail or skip (not checked, and why), the name of the check, and what was seen; "try:" says what to
do. What only follows from a fault that was found is skipped. Nothing is changed; a file is written into the store to
measure the disk, and taken away.

Exit status: 0 nothing has failed, 1 something has, 64 usage.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return fmt.Errorf("-o is text or json, not %q", output)
			}
			if timeout <= 0 {
				return fmt.Errorf("--timeout is a duration such as 5s")
			}
			if dataDir != "" {
				abs, err := filepath.Abs(dataDir)
				if err != nil {
					return err
				}
				dataDir = abs
			}
			d, err := a.diagnose(cmd.Context(), dataDir, timeout)
			if err != nil {
				return err
			}
			if output == "json" {
				err = json.NewEncoder(a.stdout).Encode(d)
			} else {
				a.writeDiagnosis(d)
			}
			if err == nil && d.Verdict == api.CheckFail {
				return &exit{code: exitInvalid}
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&dataDir, "data-dir", "", "the daemon stores below this directory instead of store_dir")
	f.StringVarP(&output, "output", "o", "text", "text or json")
	f.DurationVar(&timeout, "timeout", 5*time.Second, "how long peers and the daemon may take to answer")
	return cmd
}

// diagnose is the whole examination. The error is only that the host does not tell its own name.
func (a *app) diagnose(ctx context.Context, dataDir string, timeout time.Duration) (api.Diagnosis, error) {
	d := api.Diagnosis{FormatVersion: api.FormatVersion, Time: time.Now().UTC(), Checks: []api.Check{}}
	host, err := os.Hostname()
	if err != nil {
		return d, err
	}
	f, c := a.examineFile(&d)
	if c != nil {
		title := c.Topology.Title()
		d.Cluster = &title
		if self, ok := a.examineIdentity(&d, c, host); ok {
			d.Node = &self
			_, n := c.Topology.Node(self)
			if dataDir != "" {
				n.JetStream.StoreDir = dataDir
			}
			socket := a.socketOf(n)
			if a.socket == "" && !exists(socket) && exists(runtimeSocket) {
				socket = runtimeSocket
			}
			daemon := api.NewClient(socket)
			daemon.Timeout = timeout
			d.Checks = append(d.Checks, node.Examine(ctx, node.Patient{
				Config: c, Text: f.text, Node: self, DataDir: dataDir, Daemon: daemon, Socket: socket, Timeout: timeout,
			})...)
		}
	}
	d.Verdict = worst(d.Checks)
	return d, nil
}

// examineFile reads the file, and is nil where there is none without mistakes.
func (a *app) examineFile(d *api.Diagnosis) (file, *hclconf.Config) {
	add := func(c api.Check) { d.Checks = append(d.Checks, c) }
	rest := func() {
		add(api.Check{Name: "identity", State: api.CheckSkip, Summary: "nothing else can be checked without a valid file", Nodes: []string{}})
	}
	f, err := a.open("")
	if err != nil {
		c := api.Check{Name: "file", State: api.CheckFail, Summary: err.Error(), Nodes: []string{}}
		if e := (*exit)(nil); errors.As(err, &e) {
			c.Hint = e.try
		}
		add(c)
		rest()
		return f, nil
	}
	c := node.Load(f.name, f.text, hclconf.Host{})
	for _, m := range c.Diagnostics {
		add(node.DiagnosticCheck("file", m, ""))
	}
	if c.Topology == nil {
		rest()
		return f, nil
	}
	if len(c.Diagnostics) == 0 {
		add(api.Check{Name: "file", State: api.CheckOK, Summary: fmt.Sprintf("%s is valid: %s", f.name, summary(c.Counts)), Nodes: []string{}})
	}
	return f, c
}

// examineIdentity finds out which node this host is, and why.
func (a *app) examineIdentity(d *api.Diagnosis, c *hclconf.Config, host string) (string, bool) {
	self, wrong := c.Self(a.node, host)
	if wrong != nil {
		d.Checks = append(d.Checks, node.DiagnosticCheck("identity", *wrong, ""))
		return "", false
	}
	why := fmt.Sprintf("because the host is called %s", host)
	check := api.Check{Name: "identity", State: api.CheckOK, Nodes: []string{}}
	if a.node != "" {
		why = "because --node or UNIBUS_NODE says so"
		if other, _ := c.Self("", host); other != nil && other != self {
			check.State, check.Nodes = api.CheckWarn, []string{self.Name}
			why += fmt.Sprintf("; the host is called %s, as node %s is", host, other.Name)
			check.Hint = "is --node or UNIBUS_NODE meant for another host?"
		}
	}
	check.Summary = fmt.Sprintf("this host is %s, %s", self.Name, why)
	d.Checks = append(d.Checks, check)
	return self.Name, true
}

// worst is the verdict about all checks. What was skipped weighs nothing.
func worst(checks []api.Check) api.CheckState {
	for _, s := range []api.CheckState{api.CheckFail, api.CheckWarn} {
		if slices.ContainsFunc(checks, func(c api.Check) bool { return c.State == s }) {
			return s
		}
	}
	return api.CheckOK
}

func (a *app) writeDiagnosis(d api.Diagnosis) {
	colors := map[api.CheckState]string{api.CheckOK: "\x1b[32m", api.CheckWarn: "\x1b[33m", api.CheckFail: "\x1b[1;31m", api.CheckSkip: "\x1b[2m"}
	for _, c := range d.Checks {
		state := fmt.Sprintf("%-4s", c.State)
		if a.colored(a.stdout) {
			state = colors[c.State] + state + "\x1b[0m"
		}
		fmt.Fprintf(a.stdout, "%s %s: %s\n", state, c.Name, c.Summary)
		if c.Hint != "" {
			fmt.Fprintf(a.stdout, "     try: %s\n", c.Hint)
		}
	}
}
