package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the build of a release.
var version = "dev"

// build is what the binary was made of.
type build struct {
	Unibus string `json:"unibus"`
	NATS   string `json:"nats_server"`
	Go     string `json:"go"`
}

func versions() build {
	b := build{Unibus: version, Go: runtime.Version()}
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return b
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/nats-io/nats-server/v2" {
			b.NATS = m.Version[1:]
		}
	}
	return b
}

func (a *app) versionCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of unibus, nats-server and Go",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := versions()
			switch output {
			case "json":
				return json.NewEncoder(a.stdout).Encode(v)
			case "text":
				_, err := fmt.Fprintf(a.stdout, "unibus %s, nats-server %s, %s\n", v.Unibus, v.NATS, v.Go)
				return err
			}
			return fmt.Errorf("-o is text or json, not %q", output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}
