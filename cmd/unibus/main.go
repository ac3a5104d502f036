// Command unibus runs a node of a NATS cluster that one HCL file describes, and is the operator's tool for that cluster.
//
// Wording: data goes to stdout, everything else to stderr. An error is one line in lower case without a period, then a
// `try:` line where something can be done. Every exit status is documented in the help of its command.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
)

// The exit statuses, after sysexits.h where it has one. Usage errors are 64 because 2 means changes.
const (
	exitInvalid    = 1
	exitUsage      = 64
	exitNoInput    = 66
	exitNobody     = 69
	exitPermission = 77
	exitConfig     = 78
)

// exit is an error with an exit status. Without a cause everything has been said already.
type exit struct {
	code int
	err  error
	try  string
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// app is what all commands share: the streams and the global flags.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	config  string
	node    string
	socket  string
	color   string
	timeout time.Duration
	quiet   bool
	verbose bool

	// records gets what is wrong with a file, a record each, where the log is for programs; nil writes it for people.
	records hclog.Logger
}

func main() {
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		stop()
		second := <-signals // kills, however soon it comes
		signal.Reset(second)
		die(second)
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run runs one command line and returns its exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	root := a.root()
	root.SetArgs(afterExec(args))
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var e *exit
	if !errors.As(err, &e) {
		e = &exit{code: exitUsage, err: err, try: "unibus --help"}
	}
	if a.records != nil && e.err != nil {
		a.records.Error("stopped", "error", e.err, "try", e.try)
		return e.code
	}
	if e.err != nil {
		fmt.Fprintf(stderr, "unibus: %v\n", e.err)
	}
	if e.try != "" {
		fmt.Fprintf(stderr, "   try: %s\n", e.try)
	}
	return e.code
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "unibus",
		Short: "A NATS cluster from one file",
		Long: `unibus runs highly available NATS from one HCL file that describes the whole topology.
The same bytes go to every host; each host finds its own node in them.

  unibus dev                 a three-node cluster on this machine, right now
  unibus validate FILE       is the file right, for every node?
  unibus run                 the daemon: this host's node of the file`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	f := root.PersistentFlags()
	f.StringVarP(&a.config, "config", "c", os.Getenv("UNIBUS_CONFIG"), "the file (UNIBUS_CONFIG; else ./unibus.hcl, then /etc/unibus/unibus.hcl)")
	f.StringVar(&a.node, "node", os.Getenv("UNIBUS_NODE"), "which node of the file this host is (UNIBUS_NODE; else by hostname)")
	f.StringVar(&a.socket, "socket", os.Getenv("UNIBUS_SOCKET"), "the daemon's unix socket (UNIBUS_SOCKET; else found by the file)")
	f.DurationVar(&a.timeout, "timeout", time.Minute, "how long the daemon may take for an answer")
	f.StringVar(&a.color, "color", "auto", "colour: auto, always or never (NO_COLOR)")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "say nothing about what is right, and no progress: only what was asked for, warnings and errors")
	f.BoolVarP(&a.verbose, "verbose", "v", false, "say more: run and dev their debug lines, validate what each code means")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if a.quiet && a.verbose {
			return errors.New("--quiet and --verbose exclude each other")
		}
		switch a.color {
		case "auto", "always", "never":
			return nil
		}
		return fmt.Errorf("--color is auto, always or never, not %q", a.color)
	}
	root.AddCommand(a.runCommand(), a.devCommand(), a.validateCommand(), a.fmtCommand(), a.renderCommand(), a.planCommand(), a.importCommand(),
		a.statusCommand(), a.healthCommand(), a.waitCommand(), a.reloadCommand(), a.doctorCommand(), a.backupCommand(), a.restoreCommand(),
		a.initCommand(), a.pkiCommand(), a.secretCommand(), a.nodeCommand(), a.contextCommand(), a.explainCommand(), a.schemaCommand(), a.versionCommand(), a.manCommand())
	a.completions(root)
	return root
}

// note writes about progress and about what is right, which --quiet leaves out.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.stderr, format, args...)
	}
}

// colored tells whether a stream gets colour.
func (a *app) colored(w io.Writer) bool {
	f, isFile := w.(*os.File)
	switch {
	case a.color == "always":
		return true
	case a.color == "never" || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb":
		return false
	}
	return isFile && isatty.IsTerminal(f.Fd())
}
