package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"unibus/internal/api"
)

func (a *app) statusCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the cluster as the daemon on this host sees it",
		Long: `Show every declared node and bucket, and what is wrong. The daemon on this host asks all others.

Exit status: 0 somebody answered, 64 usage, 69 nobody did, 77 no permission.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			s, err := c.Status(cmd.Context())
			if err != nil {
				return unanswered(err)
			}
			switch output {
			case "json":
				return json.NewEncoder(a.stdout).Encode(s)
			case "text":
				a.writeStatus(s)
				return nil
			}
			return fmt.Errorf("-o is text or json, not %q", output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

func (a *app) writeStatus(s api.Status) {
	up := 0
	for _, n := range s.Nodes {
		if n.State == api.StateUp {
			up++
		}
	}
	fmt.Fprintf(a.stdout, "cluster %s   %s   %d of %d nodes up   can lose %d more   meta leader %s   config %s\n\n",
		s.Cluster, strings.ToUpper(string(s.Verdict)), up, len(s.Nodes), s.FailureTolerance, dash(s.Meta.Leader), shortHash(&s.Config.Digest))
	t := a.table("NODE", "ADDRESS", "STATE", "ROLE", "ROUTES", "CONFIG", "RELOAD", "RESTART", "VERSION", "UPTIME")
	for _, n := range s.Nodes {
		role, routes, reload, restart := "", "-", "-", ""
		if s.Meta.Leader != nil && *s.Meta.Leader == n.Name {
			role = "meta leader"
		}
		if n.State != api.StateDown {
			routes = fmt.Sprintf("%d/%d", n.Routes.Up, n.Routes.Expected)
		}
		if n.Reload != nil {
			reload = n.Reload.Result
		}
		if len(n.PendingRestart) > 0 {
			restart = "pending"
		}
		t.AppendRow(table.Row{n.Name, n.Address, n.State, role, routes, shortHash(n.ConfigDigest), reload, restart, version2(n.Versions), uptime(n.UptimeSeconds)})
	}
	t.Render()
	a.assetTable("BUCKET", s.Buckets)
	a.assetTable("STREAM", s.Streams)
	a.assetTable("OBJECT STORE", s.ObjectStores)
	for _, p := range s.Problems {
		fmt.Fprintf(a.stdout, "\n! %s [%s]\n", p.Summary, p.Code)
		if p.Hint != "" {
			fmt.Fprintf(a.stdout, "  try: %s\n", p.Hint)
		}
	}
	for _, n := range s.Nodes {
		for _, p := range n.PendingRestart {
			fmt.Fprintf(a.stdout, "  %s waits for a restart: %s %s → %s (%s)\n", n.Name, p.Attribute, p.Old, p.New, p.Place)
		}
	}
}

// assetTable shows the assets of one kind; without any it shows nothing.
func (a *app) assetTable(kind string, assets []api.Asset) {
	if len(assets) == 0 {
		return
	}
	fmt.Fprintln(a.stdout)
	t := a.table(kind, "REPLICAS", "STATE", "LEADER", "PLACEMENT (LAG)", "VALUES", "SIZE")
	for _, s := range assets {
		t.AppendRow(table.Row{s.Name, fmt.Sprintf("%d/%d", s.Replicas.Current, s.Replicas.Desired), s.State, dash(s.Leader), placement(s.Peers), number(s.Values), number(s.Bytes)})
	}
	t.Render()
}

func placement(peers []api.Peer) string {
	var out []string
	for _, p := range peers {
		s := p.Node
		switch {
		case p.Lag > 0:
			s += fmt.Sprintf("(%d)", p.Lag)
		case !p.Current:
			s += "(behind)"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func dash(s *string) string {
	if s == nil || *s == "" {
		return "-"
	}
	return *s
}

func shortHash(s *string) string {
	if s == nil || *s == "" {
		return "-"
	}
	return (*s)[:min(6, len(*s))]
}

func number(n *uint64) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}

func version2(v api.Versions) string {
	if v.Unibus == nil && v.NATS == nil {
		return "-"
	}
	return dash(v.Unibus) + "/" + dash(v.NATS)
}

// uptime is a time in its two largest units.
func uptime(seconds *int64) string {
	if seconds == nil {
		return "-"
	}
	d := time.Duration(*seconds) * time.Second
	switch {
	case d >= 24*time.Hour:
		return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return d.String()
}
