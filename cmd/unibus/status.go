package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"unibus/internal/api"
)

// watchEvery is how often status -w looks again.
const watchEvery = time.Second

func (a *app) statusCommand() *cobra.Command {
	var output string
	var watch bool
	cmd := &cobra.Command{
		Use:   "status [NODE|BUCKET|STREAM]",
		Short: "Show the cluster as the daemon on this host sees it",
		Long: `Show every declared node and asset, and what is wrong with what to try; or only one of them. Rows come from the file, so
what is missing is shown. -w shows it again and again: redrawn on a terminal, elsewhere a line for each event.

Exit status: 0 somebody answered, 1 the file has no such node or asset, 64 usage, 69 nobody answered, 77 no permission.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			colour := a.colored(a.stdout)
			show := map[string]func(api.Status) error{
				"text": func(s api.Status) error { return a.statusText(s, args, false, colour) },
				"wide": func(s api.Status) error { return a.statusText(s, args, true, colour) },
				"json": func(s api.Status) error { return a.statusJSON(s, args) },
			}[output]
			if show == nil {
				return fmt.Errorf("-o is text, wide or json, not %q", output)
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			if watch && output != "json" && !isTerminal(a.stdout) {
				return a.watchEvents(cmd.Context(), c)
			}
			return a.watchStatus(cmd.Context(), c, watch, output != "json", show)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text, wide or json")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "again and again, until Ctrl-C")
	return cmd
}

// watchStatus shows the status once, or until ctx ends. It draws in one piece, so that nothing flickers.
func (a *app) watchStatus(ctx context.Context, c *api.Client, again, clear bool, show func(api.Status) error) error {
	out := a.stdout
	defer func() { a.stdout = out }()
	if again && clear {
		defer func() { fmt.Fprint(out, startOfLine) }()
	}
	for {
		s, err := c.Status(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !again:
			return unanswered(err)
		}
		var page bytes.Buffer
		a.stdout = &page
		if again && clear {
			page.WriteString("\x1b[H\x1b[2J")
		}
		if err == nil {
			err = show(s)
		} else {
			fmt.Fprintln(&page, err)
			err = nil
		}
		if _, werr := out.Write(page.Bytes()); err != nil || werr != nil || !again {
			return errors.Join(err, werr)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watchEvery):
		}
	}
}

// watchEvents writes a line for each event until ctx ends.
func (a *app) watchEvents(ctx context.Context, c *api.Client) error {
	var last uint64
	for first := true; ; first = false {
		events, err := c.History(ctx, last)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && first:
			return unanswered(err)
		}
		for _, e := range events {
			last = e.Number
			fmt.Fprintf(a.stdout, "%s %-8s %s: %s\n", e.Time.Format(time.RFC3339), e.Kind, e.Subject, e.Text)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watchEvery):
		}
	}
}

// only is a status with nothing but what has a name.
func only(s api.Status, name string) (api.Status, error) {
	var subjects []string
	s.Nodes = slices.DeleteFunc(s.Nodes, func(n api.Node) bool { return n.Name != name })
	if len(s.Nodes) > 0 {
		subjects = append(subjects, "node."+name)
	}
	for kind, list := range map[string]*[]api.Asset{"bucket": &s.Buckets, "stream": &s.Streams, "object_store": &s.ObjectStores} {
		*list = slices.DeleteFunc(*list, func(a api.Asset) bool { return a.Name != name })
		if len(*list) > 0 {
			subjects = append(subjects, kind+"."+name)
		}
	}
	if len(subjects) == 0 {
		return s, &exit{code: exitInvalid, err: fmt.Errorf("there is no node, bucket, stream or object store %q", name), try: "unibus status"}
	}
	s.Problems = slices.DeleteFunc(s.Problems, func(p api.Problem) bool { return !slices.Contains(subjects, p.Subject) })
	return s, nil
}

func (a *app) statusJSON(s api.Status, names []string) error {
	for _, name := range names {
		var err error
		if s, err = only(s, name); err != nil {
			return err
		}
	}
	return json.NewEncoder(a.stdout).Encode(s)
}

func (a *app) statusText(s api.Status, names []string, wide, colour bool) error {
	up := 0
	for _, n := range s.Nodes {
		if n.State == api.StateUp {
			up++
		}
	}
	fmt.Fprintf(a.stdout, "cluster %s   %s   %d of %d nodes up   can lose %d more   meta leader %s   config %s\n",
		s.Cluster, paint(colour, verdictColour(s.Verdict), strings.ToUpper(string(s.Verdict))), up, len(s.Nodes), s.FailureTolerance, dash(s.Meta.Leader), shortHash(&s.Config.Digest))
	for _, name := range names {
		var err error
		if s, err = only(s, name); err != nil {
			return err
		}
	}
	a.nodeTable(s, wide || len(names) > 0, colour)
	a.assetTable("BUCKET", s.Buckets, s, colour)
	a.assetTable("STREAM", s.Streams, s, colour)
	a.assetTable("OBJECT STORE", s.ObjectStores, s, colour)
	for _, p := range s.Problems {
		fmt.Fprintf(a.stdout, "\n%s %s [%s]\n", paint(colour, severityColour(p.Severity), "!"), p.Summary, p.Code)
		if p.Hint != "" {
			fmt.Fprintf(a.stdout, "  try: %s\n", p.Hint)
		}
	}
	for _, n := range s.Nodes {
		for _, p := range n.PendingRestart {
			fmt.Fprintf(a.stdout, "  %s waits for a restart: %s %s → %s (%s)\n", n.Name, p.Attribute, p.Old, p.New, p.Place)
		}
	}
	return nil
}

// nodeTable shows the nodes; those of several clusters with their cluster and gateways.
func (a *app) nodeTable(s api.Status, wide, colour bool) {
	if len(s.Nodes) == 0 {
		return
	}
	columns := []column{
		{"NODE", true, func(n api.Node) string { return n.Name }},
		{"CLUSTER", len(s.Gateways) > 0, func(n api.Node) string { return n.Cluster }},
		{"ADDRESS", true, func(n api.Node) string { return n.Address }},
		{"STATE", true, func(n api.Node) string { return paint(colour, stateColour(n.State), nodeState(n, s.Time)) }},
		{"ROLE", true, func(n api.Node) string {
			if s.Meta.Leader != nil && *s.Meta.Leader == n.Name {
				return "meta leader"
			}
			return ""
		}},
		{"ROUTES", true, func(n api.Node) string { return links(n, n.Routes) }},
		{"GATEWAYS", len(s.Gateways) > 0, func(n api.Node) string { return links(n, n.Gateways) }},
		{"CONFIG", true, func(n api.Node) string { return shortHash(n.ConfigDigest) }},
		{"RELOAD", wide, func(n api.Node) string {
			if n.Reload == nil {
				return "-"
			}
			return n.Reload.Result
		}},
		{"RESTART", wide, func(n api.Node) string {
			if len(n.PendingRestart) > 0 {
				return "pending"
			}
			return ""
		}},
		{"VERSION", true, func(n api.Node) string { return version2(n.Versions) }},
		{"CERTIFICATE", wide, func(n api.Node) string {
			if n.CertNotAfter == nil {
				return "-"
			}
			return n.CertNotAfter.Format(time.DateOnly)
		}},
		{"DISK", true, func(n api.Node) string { return percent(n.Disk) }},
		{"UPTIME", true, func(n api.Node) string { return uptime(n.UptimeSeconds) }},
	}
	columns = slices.DeleteFunc(columns, func(c column) bool { return !c.shown })
	var header table.Row
	for _, c := range columns {
		header = append(header, c.title)
	}
	fmt.Fprintln(a.stdout)
	t := a.table(header...)
	for _, n := range s.Nodes {
		var row table.Row
		for _, c := range columns {
			row = append(row, c.of(n))
		}
		t.AppendRow(row)
	}
	t.Render()
}

// column is one of the table of nodes.
type column struct {
	title string
	shown bool
	of    func(api.Node) string
}

func links(n api.Node, r api.Routes) string {
	if n.State == api.StateDown {
		return "-"
	}
	return fmt.Sprintf("%d/%d", r.Up, r.Expected)
}

// nodeState is the state, with for how long where that is bad, and whether the node is drained.
func nodeState(n api.Node, now time.Time) string {
	switch {
	case n.State == api.StateDown && n.LastSeen != nil:
		return n.State + " " + since(*n.LastSeen, now)
	case n.Drained:
		return n.State + ", drained"
	}
	return n.State
}

func since(then, now time.Time) string {
	seconds := int64(max(0, now.Sub(then)).Seconds())
	return uptime(&seconds)
}

// percent is how full a disk is.
func percent(d api.Disk) string {
	if d.UsedBytes == nil || d.TotalBytes == nil || *d.TotalBytes == 0 {
		return "-"
	}
	return fmt.Sprintf("%d%%", *d.UsedBytes*100 / *d.TotalBytes)
}

// assetTable shows the assets of one kind; without any it shows nothing.
func (a *app) assetTable(kind string, assets []api.Asset, s api.Status, colour bool) {
	if len(assets) == 0 {
		return
	}
	fmt.Fprintln(a.stdout)
	t := a.table(kind, "REPLICAS", "STATE", "LEADER", "PLACEMENT (LAG)", "VALUES", "SIZE")
	for _, v := range assets {
		t.AppendRow(table.Row{v.Name, fmt.Sprintf("%d/%d", v.Replicas.Current, v.Replicas.Desired), paint(colour, stateColour(v.State), v.State), dash(v.Leader), placement(v.Peers, s), number(v.Values), size(v.Bytes)})
	}
	t.Render()
}

func placement(peers []api.Peer, s api.Status) string {
	var out []string
	for _, p := range peers {
		text := p.Node
		i := slices.IndexFunc(s.Nodes, func(n api.Node) bool { return n.Name == p.Node })
		switch {
		case i >= 0 && s.Nodes[i].State == api.StateDown:
			text += "(" + nodeState(s.Nodes[i], s.Time) + ")"
		case p.Lag > 0:
			text += fmt.Sprintf("(%d)", p.Lag)
		case !p.Current:
			text += "(behind)"
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

// size is a number of bytes in the unit that fits.
func size(n *uint64) string {
	if n == nil {
		return "-"
	}
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	v, u := float64(*n), 0
	for ; v >= 1024 && u < len(units)-1; u++ {
		v /= 1024
	}
	if u == 0 || v >= 10 {
		return fmt.Sprintf("%.0f %s", v, units[u])
	}
	return fmt.Sprintf("%.1f %s", v, units[u])
}

func paint(paints bool, c text.Color, s string) string {
	if c == 0 || !paints {
		return s
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", c, s)
}

func verdictColour(v api.Verdict) text.Color {
	switch v {
	case api.Healthy:
		return text.FgGreen
	case api.Down:
		return text.FgRed
	}
	return text.FgYellow
}

func severityColour(s string) text.Color {
	return map[string]text.Color{"error": text.FgRed, "warning": text.FgYellow}[s]
}

func stateColour(s string) text.Color {
	switch s {
	case api.StateUp, api.AssetCurrent, api.AssetSettled:
		return 0
	case api.StateDown:
		return text.FgRed
	}
	return text.FgYellow
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
