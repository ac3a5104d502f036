package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"

	"unibus/config/schema"
	"unibus/internal/hclconf"
	"unibus/internal/node"
)

func (a *app) runCommand() *cobra.Command {
	var dataDir, level string
	var json bool
	var without []string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run this host's node (the daemon)",
		Long: `Run this host's node of the file until SIGTERM or SIGINT, which drain it within 20 seconds; a second signal
ends it at once. systemd is told READY when the node listens, and how far the declared assets are.

The node follows its file: what can change live is taken up live, what needs a restart happens one node at a time by
the nodes' own agreement, and a file that is wrong changes nothing. SIGHUP and "unibus reload" look at it at once.

The very first start of a cluster waits for every node of the file. If one of them cannot come now, run all others with
--without NODE: they start without it, and it joins when it comes. A node that has been in the cluster ignores the flag.

UNIBUS_NATS_DEBUG=1 shows nats-server's own debug lines, 2 its trace lines as well.

Exit status: 0 after a clean stop, 1 when the node failed, 64 usage, 66 no file, 77 something may not be read,
78 the file, the host or the store is wrong. Restarting does not help after 64, 66, 77 and 78.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			debug, err := natsDebug()
			if err != nil {
				return err
			}
			log, err := a.newLogger(level, json, debug)
			if err != nil {
				return err
			}
			if json {
				a.records = log
			}
			h, err := a.loadHere(dataDir, log)
			if err != nil {
				return err
			}
			hup := make(chan os.Signal, 1)
			signal.Notify(hup, syscall.SIGHUP)
			defer signal.Stop(hup)
			h.file.Reload = hup
			c := h.file.Config
			if err := checkWithout(c.Topology, h.self, without); err != nil {
				return err
			}
			_, n := c.Topology.Node(h.self)
			log.Info("starting", "node", h.self, "cluster", c.Topology.Title(), "file", c.Name, "digest", c.Digest[:8],
				"version", versions().Unibus, "nats", versions().NATS)
			defer context.AfterFunc(cmd.Context(), func() { notify(daemon.SdNotifyStopping) })()
			err = node.Run(cmd.Context(), node.Config{
				Topology:  c.Topology,
				Node:      h.self,
				File:      h.file,
				Socket:    a.socketOf(n),
				Version:   versions().Unibus,
				Log:       log,
				NATSDebug: debug,
				Without:   without,
				Ready: func() {
					log.Info("listening", "clients", net.JoinHostPort(n.Address, fmt.Sprint(n.ClientPort)))
					notify(daemon.SdNotifyReady)
				},
				Report:    notifyStatus,
				Reloading: notifyReloading,
			})
			if err != nil {
				return a.failed(c, log, err)
			}
			log.Info("stopped")
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&dataDir, "data-dir", "", "store data below this directory instead of store_dir")
	f.StringVar(&level, "log-level", "info", "log level: debug, info, warn or error")
	f.StringSliceVar(&without, "without", nil, "a node that the very first start does not wait for")
	f.BoolVar(&json, "log-json", false, "log JSON, a record a line")
	return cmd
}

// checkWithout refuses to leave out what does not exist, this node itself, or so many that nobody could be elected.
func checkWithout(t *schema.Topology, self string, without []string) error {
	for _, name := range without {
		if _, n := t.Node(name); n == nil || name == self {
			return fmt.Errorf("--without names another node of the file, and %q is none", name)
		}
	}
	left := slices.DeleteFunc(t.Voters(), func(n *schema.Node) bool { return slices.Contains(without, n.Name) })
	if len(without) > 0 && len(left) < 2 {
		return fmt.Errorf("the first start needs two nodes that store data, and --without leaves %d", len(left))
	}
	return nil
}

// here is the file as the node that this host is reads it.
type here struct {
	self string
	file *node.File
	good node.LastGood // where file is the last good one
}

// loadHere reads the file as this host. A file that is not to be taken stops a node only when it has never run with
// another one.
func (a *app) loadHere(dataDir string, log hclog.Logger) (*here, error) {
	if dataDir != "" {
		abs, err := filepath.Abs(dataDir)
		if err != nil {
			return nil, err
		}
		dataDir = abs
	}
	f, err := a.openOwn()
	if f.name == "" {
		return nil, err
	}
	var h *here
	if err == nil {
		h, err = a.readHere(f, dataDir)
	}
	last := a.lastGood(f, h, dataDir)
	if err == nil && last != nil {
		err = last.good.TooBig(last.file.Config, h.file.Config, h.self)
	}
	switch {
	case err != nil && last != nil:
		log.Error("the file is not taken, this node starts with the last good one", "file", f.name, "because", because(err), "digest", last.file.Config.Digest[:8])
		return last, nil
	case err != nil:
		if len(bytes.TrimSpace(f.text)) == 0 && dataDir == "" {
			log.Error("nothing says where a last good file is: if this node has run with a store_dir of its own, name that with --data-dir", "file", f.name)
		}
		return nil, err
	}
	return h, a.warn(h.file.Config)
}

// because is an error in words; that of a file with mistakes has been written already.
func because(err error) string {
	if e := (*exit)(nil); errors.As(err, &e) && e.err == nil {
		return "it has mistakes"
	}
	return err.Error()
}

// lastGood is what this host has run with before, or nil where there is nothing that still works.
func (a *app) lastGood(f file, h *here, dataDir string) *here {
	self := a.node
	if h != nil {
		self = h.self
	}
	good, ok := node.FindLastGood(f.name, f.text, dataDir, self)
	if !ok || h != nil && bytes.Equal(good.Text, f.text) {
		return nil
	}
	last := &here{self: good.Node, file: node.NewFile(f.name, good.Node, dataDir, good.Text), good: good}
	if last.file.Config.Topology == nil {
		return nil
	}
	last.file.LastGood, last.file.Rejected = true, good.Rejected
	return last
}

// readHere reads the file as this host. It is read twice: who this host is decides whose secrets are here. nats-server
// is asked about the nodes the second time only, which a thousand of them make worth it. Mistakes are written to stderr.
func (a *app) readHere(f file, dataDir string) (*here, error) {
	c := hclconf.Load(f.name, f.text, hclconf.Host{})
	if c.Topology == nil {
		return nil, a.refuse(c, exitConfig, c.Diagnostics...)
	}
	self, err := a.self(c, exitConfig)
	if err != nil {
		return nil, err
	}
	h := &here{self: self, file: node.NewFile(f.name, self, dataDir, f.text)}
	if c := h.file.Config; c.Topology == nil {
		return nil, a.refuse(c, exitConfig, c.Diagnostics...)
	}
	return h, nil
}

// warn writes the warnings of a file to stderr.
func (a *app) warn(c *hclconf.Config) error {
	if a.records != nil {
		a.record(c.Diagnostics)
		return nil
	}
	return c.WriteText(a.stderr, c.Diagnostics, a.style(a.stderr))
}

// record logs diagnostics, one by one.
func (a *app) record(ds []hclconf.Diagnostic) {
	for _, d := range ds {
		level := hclog.Error
		if d.Severity == hclconf.Warning {
			level = hclog.Warn
		}
		a.records.Log(level, "in the file", "at", fmt.Sprintf("%s:%d:%d", d.Range.Filename, d.Range.Start.Line, d.Range.Start.Column),
			"code", string(d.Code), "says", d.Detail, "try", d.Hint)
	}
}

// failed says why a node did not run: with its place in the file where a value is at fault, else in the log.
func (a *app) failed(c *hclconf.Config, log hclog.Logger, err error) error {
	if d, ok := node.Diagnose(c, err); ok {
		code := exitConfig
		if errors.Is(err, fs.ErrPermission) {
			code = exitPermission
		}
		return a.refuse(c, code, d)
	}
	log.Error("stopped", "error", err)
	return &exit{code: exitInvalid}
}

// newLogger writes for people, or JSON for programs. With nats-server's debug lines it is as loud as they are; --quiet and
// --verbose go before the level.
func (a *app) newLogger(level string, json bool, debug int) (hclog.Logger, error) {
	l := hclog.LevelFromString(level)
	if l == hclog.NoLevel {
		return nil, fmt.Errorf("--log-level is debug, info, warn or error, not %q", level)
	}
	switch {
	case a.quiet:
		l = max(l, hclog.Warn)
	case a.verbose:
		l = min(l, hclog.Debug)
	}
	l = min(l, []hclog.Level{l, hclog.Debug, hclog.Trace}[debug])
	return hclog.New(&hclog.LoggerOptions{Output: a.stderr, Level: l, JSONFormat: json}), nil
}

// natsDebug is the level that UNIBUS_NATS_DEBUG asks for.
func natsDebug() (int, error) {
	switch v := os.Getenv("UNIBUS_NATS_DEBUG"); v {
	case "", "0":
		return 0, nil
	case "1":
		return 1, nil
	case "2":
		return 2, nil
	default:
		return 0, fmt.Errorf("UNIBUS_NATS_DEBUG is 1 for debug lines or 2 for trace lines, not %q", v)
	}
}
