package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"unibus/internal/bootstrap"
	"unibus/internal/node"
)

// builtin is what `unibus dev` runs without a file.
func builtin(nodes int) file {
	var b strings.Builder
	b.WriteString("cluster \"dev\" {\n")
	for i := range nodes {
		fmt.Fprintf(&b, "  node \"n%d\" { address = \"127.0.0.%d\" }\n", i+1, i+1)
	}
	b.WriteString("  bucket \"example\" {}\n}\n")
	return file{"built-in.hcl", []byte(b.String())}
}

func (a *app) devCommand() *cobra.Command {
	var keep, level string
	var nodes int
	var doExec bool
	cmd := &cobra.Command{
		Use:   "dev [FILE] [--exec COMMAND [ARG]…]",
		Short: "Run every node of a file in this process, on loopback",
		Long: `Run every node of a file, or of a built-in three-node file, in this process: on free loopback ports, with
temporary stores, a throw-away CA, throw-away users, and throw-away values for secrets that are not on this machine.
When every declared asset stands, print where it is and go on until Ctrl-C; or run a command with NATS_URL,
NATS_USER, NATS_PASSWORD, NATS_CA and NATS_CONTEXT set, and end with it.

Exit status: 0, or that of the command after --exec; 1 the file is wrong or a node failed, 64 usage, 66 no file.`,
		Example: `  unibus dev
  unibus dev examples/magnus-homer-datardos.hcl
  unibus dev --exec nats kv ls
  unibus dev prod.hcl --exec go test ./...`,
		RunE: func(cmd *cobra.Command, args []string) error {
			debug, err := natsDebug()
			if err != nil {
				return err
			}
			log, err := a.newLogger(level, false, debug)
			if err != nil {
				return err
			}
			if nodes < 1 || nodes > 9 {
				return errors.New("-n is between 1 and 9")
			}
			var command []string
			if at := cmd.ArgsLenAtDash(); at >= 0 {
				args, command = args[:at], args[at:]
			}
			if len(args) > 1 || doExec && len(command) == 0 {
				return errors.New("dev takes one file, and --exec a command")
			}
			f := builtin(nodes)
			if len(args) == 1 {
				if f, err = a.open(args[0]); err != nil {
					return err
				}
			}
			return a.dev(cmd.Context(), f, keep, node.DevConfig{Log: log, NATSDebug: debug}, command)
		},
	}
	cmd.Flags().BoolVar(&doExec, "exec", false, "run the rest of the line as a command with the bus, then stop")
	cmd.Flags().StringVar(&keep, "keep", "", "keep stores, certificates and contexts in this directory")
	cmd.Flags().IntVarP(&nodes, "nodes", "n", 3, "number of nodes of the built-in file")
	cmd.Flags().StringVar(&level, "log-level", "warn", "log level: debug, info, warn or error")
	return cmd
}

// afterExec makes everything behind --exec the command's own, its flags included.
func afterExec(args []string) []string {
	i := slices.Index(args, "--exec")
	if i < 0 || len(args) > i+1 && args[i+1] == "--" {
		return args
	}
	return slices.Insert(slices.Clone(args), i+1, "--")
}

func (a *app) dev(ctx context.Context, f file, keep string, c node.DevConfig, command []string) (err error) {
	cfg, err := a.load(f, node.DevHost(), exitInvalid)
	if err != nil {
		return err
	}
	c.Topology, c.Dir = cfg.Topology, keep
	if keep == "" {
		if c.Dir, err = os.MkdirTemp("", "unibus-dev-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(c.Dir)) }()
	} else if err := os.MkdirAll(keep, 0o700); err != nil {
		return err
	}
	if c.Dir, err = filepath.Abs(c.Dir); err != nil {
		return err
	}

	start := time.Now()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var commandErr error
	var bus sync.WaitGroup // what is done with it
	c.Ready = func(b node.Bus) {
		bus.Go(func() {
			if len(command) > 0 {
				commandErr = a.exec(ctx, command, b)
				stop()
				return
			}
			a.printBus(cfg.Topology.Title(), b, time.Since(start))
		})
	}
	slow := a.sayWhatIsMissing(&c)
	defer slow()
	err = node.Dev(ctx, c)
	stop()
	bus.Wait()
	if err != nil {
		if d, ok := node.Diagnose(cfg, err); ok {
			return a.refuse(cfg, exitInvalid, d)
		}
		return &exit{code: exitInvalid, err: err}
	}
	return commandErr
}

// patience is how long a bus may take to be ready before dev says what it waits for.
const patience = 12 * time.Second

// sayWhatIsMissing writes what a bus waits for, when it waits long. The result ends it.
func (a *app) sayWhatIsMissing(c *node.DevConfig) (stop func()) {
	var mu sync.Mutex
	reasons := map[string]string{}
	c.Report = func(n string, s bootstrap.Status) {
		mu.Lock()
		defer mu.Unlock()
		reasons[n] = s.Reason
	}
	t := time.AfterFunc(patience, func() {
		mu.Lock()
		defer mu.Unlock()
		for _, n := range slices.Sorted(maps.Keys(reasons)) {
			if reasons[n] != "" {
				fmt.Fprintf(a.stderr, "unibus: %s is not ready: %s\n", n, reasons[n])
			}
		}
	})
	return func() { t.Stop() }
}

// exec runs a command with everything a client needs in its environment. Its exit status becomes ours.
func (a *app) exec(ctx context.Context, command []string, b node.Bus) error {
	l := b.Logins[0]
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.stdin, a.stdout, a.stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = append(os.Environ(), "NATS_URL="+l.URL, "NATS_USER="+l.User, "NATS_PASSWORD="+l.Password, "NATS_CONTEXT="+l.ContextFile)
	if b.CAFile != "" {
		cmd.Env = append(cmd.Env, "NATS_CA="+b.CAFile)
	}
	if l.CertFile != "" {
		cmd.Env = append(cmd.Env, "NATS_CERT="+l.CertFile, "NATS_KEY="+l.KeyFile)
	}
	err := cmd.Run()
	var status *exec.ExitError
	switch {
	case err == nil || ctx.Err() != nil:
		return nil
	case errors.As(err, &status) && status.ExitCode() > 0:
		return &exit{code: status.ExitCode()}
	case errors.As(err, &status):
		return &exit{code: exitInvalid, err: fmt.Errorf("%s: %w", command[0], err)}
	}
	return &exit{code: 127, err: err}
}

// printBus writes where a bus is and what stands on it.
func (a *app) printBus(name string, b node.Bus, took time.Duration) {
	fmt.Fprintf(a.stdout, "cluster %s: %s, %s at target after %.2f s\n\n", name, count(len(b.Nodes), "node"), count(len(b.Assets), "asset"), took.Seconds())
	t := a.table("NODE", "CLIENTS", "MONITOR")
	for _, n := range b.Nodes {
		t.AppendRow(table.Row{n.Name, n.ClientURL, n.MonitorURL})
	}
	t.Render()
	fmt.Fprintln(a.stdout)
	if len(b.Assets) > 0 {
		t = a.table("ASSET", "KIND", "ACCOUNT", "REPLICAS", "STATE", "LEADER", "PLACEMENT")
		for _, s := range b.Assets {
			t.AppendRow(table.Row{s.Name, s.Kind, s.Account, fmt.Sprintf("%d/%d", s.Replicas, s.Desired), s.State, s.Leader, peers(s)})
		}
		t.Render()
		fmt.Fprintln(a.stdout)
	}
	t = a.table("ACCOUNT", "CONTEXT")
	for _, l := range b.Logins {
		t.AppendRow(table.Row{l.Account, l.ContextFile})
	}
	t.Render()
	fmt.Fprintf(a.stdout, "\nnats --context %s kv ls\n", b.Logins[0].ContextFile)
	fmt.Fprintln(a.stdout, "Ctrl-C stops and removes everything.")
}

func peers(s bootstrap.Asset) string {
	var names []string
	for _, p := range s.Peers {
		names = append(names, p.Node)
	}
	return strings.Join(names, " ")
}

// table writes one record a row, without borders.
func (a *app) table(header ...any) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(a.stdout)
	t.SetStyle(table.Style{
		Box:     table.BoxStyle{PaddingRight: "   "},
		Format:  table.FormatOptions{Header: text.FormatDefault, Row: text.FormatDefault},
		Options: table.OptionsNoBordersAndSeparators,
	})
	t.AppendHeader(table.Row(header))
	t.SuppressTrailingSpaces()
	return t
}
