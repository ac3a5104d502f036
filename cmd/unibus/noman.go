//go:build !man

package main

import "github.com/spf13/cobra"

// buildCommands are the commands that only a build needs: none in the binary that is shipped.
func (a *app) buildCommands() []*cobra.Command { return nil }
