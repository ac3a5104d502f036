package main

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manCommand writes the man pages that packages install. It is not for everyday use.
func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write the man pages of all commands into a directory",
		Hidden: true,
		Long: `Write a man page for every command into DIR, as packages install them. They have the date of SOURCE_DATE_EPOCH.

Exit status: 0 written, 1 not, 64 usage.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return &exit{code: exitInvalid, err: err}
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true // which has the date of the build
			header := &doc.GenManHeader{Section: "1", Source: "unibus " + versions().Unibus, Manual: "unibus"}
			if err := doc.GenManTree(root, header, args[0]); err != nil {
				return &exit{code: exitInvalid, err: err}
			}
			return nil
		},
	}
}
