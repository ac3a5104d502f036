package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"unibus/internal/api"
)

// exitLater is that something can be done later, or goes on.
const exitLater = 75

// actionCommand is a command that carries out an action on one node and shows it.
func (a *app) actionCommand(req api.NodeRequest, cmd *cobra.Command) *cobra.Command {
	var output string
	var timeout time.Duration
	cmd.Args = cobra.ExactArgs(1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		req.Node = args[0]
		return a.watchAction(cmd.Context(), req, output, timeout)
	}
	watchFlags(cmd, &output, &timeout)
	return cmd
}

func watchFlags(cmd *cobra.Command, output *string, timeout *time.Duration) {
	cmd.Flags().StringVarP(output, "output", "o", "text", "text, or jsonl: an event a line")
	cmd.Flags().DurationVar(timeout, "timeout", 0, "stop watching after this time; 0 never does")
}

// confirmedCommand is actionCommand for what cannot be taken back.
func (a *app) confirmedCommand(req api.NodeRequest, args cobra.PositionalArgs, cmd *cobra.Command) *cobra.Command {
	var output, said string
	var timeout time.Duration
	cmd.Args = args
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		req.Node = strings.Join(args, "")
		confirmed, err := a.confirm(cmd.Context(), req, said)
		if err != nil {
			return err
		}
		return a.watchAction(cmd.Context(), confirmed, output, timeout)
	}
	watchFlags(cmd, &output, &timeout)
	cmd.Flags().StringVar(&said, "yes", "", "the name, where nobody can type it")
	return cmd
}

// confirm says what an action would do and returns it with the name that was typed, or given with --yes. Nobody is asked
// for what would not be done, or does no harm.
func (a *app) confirm(ctx context.Context, req api.NodeRequest, said string) (api.NodeRequest, error) {
	c, err := a.client()
	if err != nil {
		return req, err
	}
	preview := req
	preview.Preview = true
	would, err := c.Node(ctx, preview, func(api.NodeEvent) {})
	if err != nil {
		return req, unanswered(err)
	}
	if err := ended(would, false); err != nil {
		return req, err
	}
	name := would.Confirm
	if name != "" && said == "" {
		if said, err = a.typed(would); err != nil {
			return req, err
		}
	}
	if name != "" && said != name {
		return req, &exit{code: exitUsage, err: fmt.Errorf("%q is not the name, which is %s; nothing was done", said, name)}
	}
	req.Confirm, req.Nodes = name, would.Nodes
	return req, nil
}

// typed is what somebody types who was told what would be done.
func (a *app) typed(would api.NodeEvent) (string, error) {
	in, ok := a.stdin.(*os.File)
	if !ok || !isatty.IsTerminal(in.Fd()) {
		return "", &exit{code: exitUsage, err: fmt.Errorf("nobody is there to type the name: %s", would.Message), try: "--yes=" + would.Confirm}
	}
	fmt.Fprintf(a.stderr, "%s.\nType %s to go on: ", would.Message, would.Confirm)
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil {
		return "", &exit{code: exitUsage, err: fmt.Errorf("nothing was typed, and nothing was done: %w", err)}
	}
	return strings.TrimSpace(line), nil
}

// watchAction asks the daemon for an action and shows what happens until it is over. The daemon goes on without us.
func (a *app) watchAction(ctx context.Context, req api.NodeRequest, output string, timeout time.Duration) error {
	w := &watcher{out: a.stdout, json: output == "jsonl", live: isTerminal(a.stdout)}
	if output != "text" && output != "jsonl" {
		return fmt.Errorf("-o is text or jsonl, not %q", output)
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	watching, stop := ctx, context.CancelFunc(func() {})
	if timeout > 0 {
		watching, stop = context.WithTimeout(ctx, timeout)
	}
	defer stop()
	last, err := c.Node(watching, req, w.show)
	w.clear()
	switch {
	case err != nil && watching.Err() != nil:
		return w.detached(ctx, req)
	case err != nil:
		return unanswered(err)
	}
	return ended(last, w.json)
}

// ended is how a command ends with the last event of an action.
func ended(last api.NodeEvent, said bool) error {
	e := &exit{code: exitLater, err: errors.New(last.Message), try: last.Hint}
	switch last.State {
	case api.EventDone:
		return nil
	case api.EventFailed:
		e.code = exitInvalid
	}
	if said {
		return &exit{code: e.code}
	}
	return e
}

// watcher shows events: as JSON, as lines with a time, or, on a terminal, with what is waited for drawn anew below them.
type watcher struct {
	out        io.Writer
	json, live bool
	drawn      int // lines that are to be drawn over
	waiting    api.NodeEvent
}

func (w *watcher) show(e api.NodeEvent) {
	if w.json {
		_ = json.NewEncoder(w.out).Encode(e) // nobody reads any more
		return
	}
	w.clear()
	if e.State == api.EventWaiting {
		w.waiting = e
	}
	switch {
	case e.State == api.EventWaiting && w.live:
		text := "… " + e.Message + "\n"
		for _, name := range e.Assets {
			text += "    " + name + "\n"
		}
		if more := e.Remaining - len(e.Assets); more > 0 {
			text += fmt.Sprintf("    and %d more\n", more)
		}
		for line := range strings.Lines(text + hint(e)) {
			fmt.Fprintln(w.out, fit(w.out, strings.TrimSuffix(line, "\n")))
			w.drawn++
		}
	case e.State == api.EventLater, e.State == api.EventFailed: // the command ends with it
	default:
		fmt.Fprintf(w.out, "%s  %s%s\n%s", e.Time.Local().Format(time.TimeOnly), e.Message, list(e), hint(e))
	}
}

// list names what is waited for, in a line.
func list(e api.NodeEvent) string {
	if len(e.Assets) == 0 {
		return ""
	}
	more := ""
	if n := e.Remaining - len(e.Assets); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return " [" + strings.Join(e.Assets, ", ") + more + "]"
}

func hint(e api.NodeEvent) string {
	if e.Hint == "" {
		return ""
	}
	return "   try: " + e.Hint + "\n"
}

// clear takes back what was drawn to be drawn over.
func (w *watcher) clear() {
	if w.drawn > 0 {
		fmt.Fprintf(w.out, "\x1b[%dA\x1b[J", w.drawn)
	}
	w.drawn = 0
}

// detached is how the command ends when nobody watches any more: by Ctrl-C, or because the time is up.
func (w *watcher) detached(ctx context.Context, req api.NodeRequest) error {
	why := "the time is up"
	if ctx.Err() != nil {
		why = "not watched any more"
	}
	e := &exit{code: exitLater, err: fmt.Errorf("%s; the daemon goes on", why), try: "unibus node " + strings.TrimSpace(req.Action+" "+req.Node)}
	if w.waiting.Message != "" {
		e.err = fmt.Errorf("%s; the daemon goes on: %s%s", why, w.waiting.Message, list(w.waiting))
	}
	return e
}
