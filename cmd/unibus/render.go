package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"unibus/internal/hclconf"
	"unibus/internal/node"
)

func (a *app) renderCommand() *cobra.Command {
	var reveal bool
	var format string
	cmd := &cobra.Command{
		Use:   "render",
		Short: "Print the nats.conf of a node",
		Long: `Print what a node runs, as a complete nats.conf from which a stock nats-server of the same version starts.
Secrets are redacted, and need not be there, unless --reveal asks for them.

Exit status: 0, 1 the file or the host is wrong, 64 usage, 66 no file.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if format != "nats-conf" {
				return fmt.Errorf("--format is nats-conf, not %q", format)
			}
			f, err := a.open("")
			if err != nil {
				return err
			}
			c, err := a.load(f, hclconf.Host{}, exitInvalid)
			if err != nil {
				return err
			}
			self, err := a.self(c, exitInvalid)
			if err != nil {
				return err
			}
			if reveal {
				if c, err = a.load(f, hclconf.ThisHost(self), exitInvalid); err != nil {
					return err
				}
			}
			text, err := node.Render(c.Topology, self, reveal)
			if err != nil {
				return &exit{code: exitInvalid, err: err}
			}
			_, err = fmt.Fprint(a.stdout, text)
			return err
		},
	}
	cmd.Flags().BoolVar(&reveal, "reveal", false, "print secrets")
	cmd.Flags().StringVar(&format, "format", "nats-conf", "nats-conf")
	return cmd
}
