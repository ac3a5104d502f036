package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"unibus/internal/api"
	"unibus/internal/plan"
)

func (a *app) reloadCommand() *cobra.Command {
	var req api.ReloadRequest
	var try time.Duration
	var output string
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Make the daemon on this host read its file again, and say what happened",
		Long: `Make the daemon on this host read its file again, and say what happened. It does that by itself whenever the file
changes; this says at once what came of it, and is the way through for steps that are refused unasked:

  removed-nodes   a majority of the nodes is gone from the file at once
  moved-address   an address that was one node's is now another's
  no-jetstream    JetStream goes off on a node where data lies
  new-store       a node leaves its store behind

Exit status: 0 taken up, 1 refused (the old configuration keeps running), 64 usage, 69 no daemon answers, 77 no permission.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			words := []string{plan.AcceptRemovedNodes, plan.AcceptMovedAddress, plan.AcceptNoJetStream, plan.AcceptNewStore}
			for _, w := range req.Accept {
				if !slices.Contains(words, w) {
					return fmt.Errorf("--accept is one of %s, not %q", strings.Join(words, ", "), w)
				}
			}
			if try < 0 || req.Keep && (req.DryRun || try > 0) {
				return fmt.Errorf("--keep goes alone, and --try takes a duration such as 2m")
			}
			req.TrySeconds = try.Seconds()
			if req.Accept == nil {
				req.Accept = []string{}
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			r, err := c.Reload(cmd.Context(), req)
			if err != nil {
				return unanswered(err)
			}
			switch output {
			case "json":
				err = json.NewEncoder(a.stdout).Encode(r)
			case "text":
				err = a.writeReload(r)
			default:
				err = fmt.Errorf("-o is text or json, not %q", output)
			}
			if err == nil && r.Result == api.ReloadRefused || r.Result == api.ReloadDryRun && len(r.Problems) > 0 {
				return &exit{code: exitInvalid}
			}
			return err
		},
	}
	f := cmd.Flags()
	f.BoolVar(&req.DryRun, "dry-run", false, "say what would happen and change nothing")
	f.DurationVar(&try, "try", 0, "go back by itself after this time, unless reload --keep follows")
	f.BoolVar(&req.Keep, "keep", false, "keep the reload that is on trial")
	f.StringSliceVar(&req.Accept, "accept", nil, "take this step although it is big")
	f.StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

func (a *app) writeReload(r api.Reload) error {
	for _, d := range r.Diagnostics {
		fmt.Fprintf(a.stdout, "%s:%d:%d: %s: %s [%s]\n", d.Range.Filename, d.Range.Start.Line, d.Range.Start.Column, d.Severity, d.Detail, d.Code)
		if d.Hint != "" {
			fmt.Fprintf(a.stdout, "   try: %s\n", d.Hint)
		}
	}
	if r.Plan != nil && r.Plan.Class != string(plan.None) {
		if err := a.writePlan(*r.Plan); err != nil {
			return err
		}
		fmt.Fprintln(a.stdout)
	}
	switch r.Result {
	case api.ReloadRefused:
		fmt.Fprintln(a.stdout, "refused; the old configuration keeps running")
		for _, p := range r.Problems {
			fmt.Fprintf(a.stdout, "   %s\n   try: %s\n", p.Summary, p.Hint)
			if p.Accept != "" {
				fmt.Fprintf(a.stdout, "   or, if it is meant: unibus reload --accept %s\n", p.Accept)
			}
		}
		if r.Error != "" {
			fmt.Fprintf(a.stdout, "   %s\n", r.Error)
		}
	case api.ReloadUnchanged:
		fmt.Fprintf(a.stdout, "nothing changes; digest %.8s\n", r.Digest)
	case api.ReloadDryRun:
		fmt.Fprintf(a.stdout, "dry run: nothing was changed; digest would be %.8s\n", r.Digest)
	case api.ReloadPending:
		fmt.Fprintf(a.stdout, "taken up; digest %.8s. The rest waits for a restart: unibus status\n", r.Digest)
	default:
		fmt.Fprintf(a.stdout, "taken up; digest %.8s\n", r.Digest)
	}
	if r.RevertAt != nil {
		fmt.Fprintf(a.stdout, "goes back at %s unless `unibus reload --keep` follows\n", r.RevertAt.Local().Format(time.TimeOnly))
	}
	return nil
}
