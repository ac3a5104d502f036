package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"unibus/internal/api"
)

// waitPoll is how often the daemon is asked. It answers from what it knows.
const waitPoll = 200 * time.Millisecond

func (a *app) waitCommand() *cobra.Command {
	w := &waiting{app: a, start: time.Now()}
	var conditions []string
	cmd := &cobra.Command{
		Use:   "wait --for CONDITION",
		Short: "Wait until the cluster is as it should be",
		Long: `Wait until a condition holds, as the daemon on this host sees it; of several, until all hold at once:

  ready          clients can use the node on this host
  meta-leader    the JetStream meta group has a leader
  converged      all is as declared, and every replica has agreed for two seconds: a node can be spared
  bucket=NAME    the bucket has all its replicas, and they are current
  node=NAME      the node is up
  digest=HEX     every node has the configuration whose digest begins so, as "unibus reload --dry-run" prints it on a
                 host; "unibus validate" does not know the values of secrets, and prints another one if there are any

The daemon need not run yet. What is missing is shown on stderr: in one line on a terminal, elsewhere in a line for each
change. -o jsonl writes the changes to stdout, an object a line.

Exit status: 0 it holds, 1 not within --timeout, and what is missing is said, 64 usage, 69 nobody answered.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(conditions) == 0 {
				return errors.New("--for says what to wait for")
			}
			if w.output != "text" && w.output != "jsonl" {
				return fmt.Errorf("-o is text or jsonl, not %q", w.output)
			}
			for _, text := range conditions {
				c, err := condition(text)
				if err != nil {
					return err
				}
				w.conditions = append(w.conditions, c)
			}
			return w.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&conditions, "for", nil, "what to wait for: ready, meta-leader, converged, bucket=NAME, node=NAME or digest=HEX")
	f.DurationVar(&w.timeout, "timeout", 2*time.Minute, "how long to wait")
	f.StringVarP(&w.output, "output", "o", "text", "text or jsonl")
	return cmd
}

// waiting is one run of the command.
type waiting struct {
	*app
	conditions []func(api.Status) string
	timeout    time.Duration
	output     string
	start      time.Time
	said       string
}

// condition makes a function of a condition: what is missing, or "".
func condition(text string) (func(api.Status) string, error) {
	kind, name, named := strings.Cut(text, "=")
	simple := map[string]func(api.Status) string{"ready": notReady, "meta-leader": noMetaLeader, "converged": notConverged}[text]
	of := map[string]func(api.Status, string) string{"bucket": bucketMissing, "node": nodeMissing, "digest": digestMissing}[kind]
	switch {
	case simple != nil:
		return simple, nil
	case of != nil && named && name != "":
		return func(s api.Status) string { return of(s, name) }, nil
	}
	return nil, fmt.Errorf("--for is ready, meta-leader, converged, bucket=NAME, node=NAME or digest=HEX, not %q", text)
}

func notReady(s api.Status) string {
	if h, level := s.Health(api.ScopeNode); level == api.Critical {
		return h.Text
	}
	return ""
}

func noMetaLeader(s api.Status) string {
	if s.Meta.Leader == nil {
		return fmt.Sprintf("the meta group has no leader; %d of %d members are up", s.Meta.Current, s.Meta.Peers)
	}
	return ""
}

func notConverged(s api.Status) string {
	if s.Settled {
		return ""
	}
	for _, p := range s.Problems {
		if p.Severity != "info" || strings.HasPrefix(p.Subject, "bucket.") || strings.HasPrefix(p.Subject, "stream.") {
			return p.Summary
		}
	}
	for _, n := range s.Nodes {
		switch {
		case n.State != api.StateUp:
			return fmt.Sprintf("node %s is %s", n.Name, n.State)
		case n.Unsettled != nil:
			return fmt.Sprintf("node %s: %s", n.Name, *n.Unsettled)
		}
	}
	if s.Verdict == api.Healthy {
		return "healthy, for less than two seconds"
	}
	return "the cluster is " + string(s.Verdict)
}

func bucketMissing(s api.Status, name string) string {
	i := slices.IndexFunc(s.Buckets, func(b api.Asset) bool { return b.Name == name })
	if i < 0 {
		return fmt.Sprintf("bucket %q is not declared", name)
	}
	b := s.Buckets[i]
	if (b.State == api.AssetCurrent || b.State == api.AssetSettled) && b.Replicas.Current == b.Replicas.Desired {
		return ""
	}
	text := fmt.Sprintf("bucket %q is %s, %d of %d replicas are current", name, b.State, b.Replicas.Current, b.Replicas.Desired)
	if b.Reason != nil {
		text += ": " + *b.Reason
	}
	return text
}

func nodeMissing(s api.Status, name string) string {
	i := slices.IndexFunc(s.Nodes, func(n api.Node) bool { return n.Name == name })
	switch {
	case i < 0:
		return fmt.Sprintf("node %q is not declared", name)
	case s.Nodes[i].State == api.StateUp:
		return ""
	case s.Nodes[i].Reason != nil:
		return fmt.Sprintf("node %s is %s: %s", name, s.Nodes[i].State, *s.Nodes[i].Reason)
	}
	return fmt.Sprintf("node %s is %s", name, s.Nodes[i].State)
}

func digestMissing(s api.Status, digest string) string {
	var others []string
	for _, n := range s.Nodes {
		switch {
		case n.ConfigDigest == nil:
			others = append(others, fmt.Sprintf("%s is %s", n.Name, n.State))
		case !strings.HasPrefix(*n.ConfigDigest, strings.ToLower(digest)):
			others = append(others, fmt.Sprintf("%s has %s", n.Name, shortHash(n.ConfigDigest)))
		}
	}
	return strings.Join(others, ", ")
}

// run asks until nothing is missing. Ctrl-C only ends the command: what is waited for goes on.
func (w *waiting) run(ctx context.Context) error {
	ctx, cancel := context.WithDeadlineCause(ctx, w.start.Add(w.timeout), errLate)
	defer cancel()
	tick := time.NewTicker(waitPoll)
	defer tick.Stop()
	var gone error
	for {
		missing, err := w.missing(ctx)
		if ctx.Err() == nil {
			gone = err
			w.say(missing)
		}
		if missing == "" {
			return nil
		}
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
		}
		w.end()
		switch {
		case !errors.Is(context.Cause(ctx), errLate):
			return &exit{code: exitInvalid, err: fmt.Errorf("interrupted while waiting: %s", w.said)}
		case gone != nil:
			return unanswered(gone)
		}
		return &exit{code: exitInvalid, err: fmt.Errorf("still after %v: %s", w.timeout, w.said), try: "unibus status"}
	}
}

// errLate is that the time is up.
var errLate = errors.New("the time is up")

// missing is what is missing, or "". The error is that nobody answers.
func (w *waiting) missing(ctx context.Context) (string, error) {
	c, err := w.client()
	if err != nil {
		return err.Error(), err
	}
	s, err := c.Status(ctx)
	if err != nil {
		return err.Error(), err
	}
	for _, c := range w.conditions {
		if m := c(s); m != "" {
			return m, nil
		}
	}
	return "", nil
}

// say shows what is missing, if that has changed.
func (w *waiting) say(missing string) {
	terminal := isTerminal(w.stderr)
	if missing == w.said && missing != "" && !terminal {
		return
	}
	took := time.Since(w.start)
	switch {
	case w.output == "jsonl" && (missing != w.said || missing == ""):
		_ = json.NewEncoder(w.stdout).Encode(map[string]any{
			"time": time.Now().UTC(), "elapsed_seconds": took.Round(time.Millisecond).Seconds(), "done": missing == "", "missing": missing,
		})
	case w.output == "jsonl" || w.quiet:
	case terminal && missing == "":
		fmt.Fprintf(w.stderr, startOfLine+"done after %v\n", took.Round(10*time.Millisecond))
	case terminal:
		fmt.Fprint(w.stderr, startOfLine, fit(w.stderr, fmt.Sprintf("waiting %v: %s", took.Round(time.Second), missing)))
	case missing == "":
		fmt.Fprintf(w.stderr, "%s done after %v\n", time.Now().UTC().Format(time.RFC3339), took.Round(10*time.Millisecond))
	default:
		fmt.Fprintf(w.stderr, "%s waiting: %s\n", time.Now().UTC().Format(time.RFC3339), missing)
	}
	w.said = missing
}

// end leaves the line of a terminal.
func (w *waiting) end() {
	if isTerminal(w.stderr) && w.output != "jsonl" && !w.quiet {
		fmt.Fprintln(w.stderr)
	}
}
