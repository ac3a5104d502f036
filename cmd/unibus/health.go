package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"unibus/internal/api"
)

func (a *app) healthCommand() *cobra.Command {
	var scope, output string
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Say in one line whether all is well",
		Long: `Say in one line, and with the exit status, whether all is well. The scope cluster is everything that the file declares; a
warning, such as a certificate that ends soon, is not well. The scope node is whether clients can use the node on this
host, and is what a load balancer or a container wants to know.

Exit status: 0 all is well, 1 not, or nobody answers, 64 usage. With -o nagios: 0 ok, 1 warning, 2 critical, 3 nobody
answers.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if scope != api.ScopeNode && scope != api.ScopeCluster {
				return fmt.Errorf("--scope is node or cluster, not %q", scope)
			}
			write := map[string]func(api.Health, api.Level) error{
				"text": a.healthText, "json": a.healthJSON, "nagios": a.healthNagios, "prometheus": a.healthPrometheus,
			}[output]
			if write == nil {
				return fmt.Errorf("-o is text, json, nagios or prometheus, not %q", output)
			}
			c, err := a.client()
			var s api.Status
			if err == nil {
				s, err = c.Status(cmd.Context())
			}
			if err != nil {
				return write(api.Health{Scope: scope, Level: api.Unknown.String(), Text: err.Error(), Problems: []api.Problem{}}, api.Unknown)
			}
			return write(s.Health(scope))
		},
	}
	cmd.Flags().StringVar(&scope, "scope", api.ScopeCluster, "node or cluster")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text, json, nagios or prometheus")
	return cmd
}

// unwell is the exit status of a level where there are two.
func unwell(l api.Level) error {
	if l == api.OK {
		return nil
	}
	return &exit{code: exitInvalid}
}

func (a *app) healthText(h api.Health, l api.Level) error {
	fmt.Fprintf(a.stdout, "%s: %s\n", strings.ToUpper(h.Level), h.Text)
	return unwell(l)
}

func (a *app) healthJSON(h api.Health, l api.Level) error {
	if err := json.NewEncoder(a.stdout).Encode(h); err != nil {
		return err
	}
	return unwell(l)
}

func (a *app) healthNagios(h api.Health, l api.Level) error {
	text := strings.ReplaceAll(h.Text, "|", "/") // what follows the bar is for machines
	fmt.Fprintf(a.stdout, "UNIBUS %s - %s | nodes_up=%d;;;0;%d problems=%d;;;0\n", strings.ToUpper(h.Level), text, h.NodesUp, h.Nodes, len(h.Problems))
	if l == api.OK {
		return nil
	}
	return &exit{code: int(l)}
}

// healthPrometheus is for the textfile collector of node_exporter; /metrics has more.
func (a *app) healthPrometheus(h api.Health, l api.Level) error {
	healthy := 0
	if h.Healthy {
		healthy = 1
	}
	fmt.Fprintf(a.stdout, `# HELP unibus_health Whether all is well: 1 or 0.
# TYPE unibus_health gauge
unibus_health{scope=%q} %d
# HELP unibus_health_level How bad it is: 0 ok, 1 warning, 2 critical, 3 nobody answers.
# TYPE unibus_health_level gauge
unibus_health_level{scope=%q} %d
`, h.Scope, healthy, h.Scope, l)
	return unwell(l)
}
