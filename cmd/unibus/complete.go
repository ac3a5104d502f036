package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"unibus/config/schema"
	"unibus/internal/hclconf"
)

// completions teach the shell what the file declares: nodes, and the assets that status and wait take.
func (a *app) completions(root *cobra.Command) {
	_ = root.MarkPersistentFlagFilename("config", "hcl", "json")
	_ = root.RegisterFlagCompletionFunc("node", a.completeNodes)
	for _, c := range root.Commands() {
		switch c.Name() {
		case "node":
			for _, sub := range c.Commands() {
				if strings.HasSuffix(sub.Use, " NODE") {
					sub.ValidArgsFunction = first(a.completeNodes)
				}
			}
		case "status":
			c.ValidArgsFunction = first(func(_ *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
				return append(a.nodeWords(""), a.assetWords("")...), cobra.ShellCompDirectiveNoFileComp
			})
		case "wait":
			_ = c.RegisterFlagCompletionFunc("for", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
				return slices.Concat([]string{"ready", "meta-leader", "converged"}, a.assetWords("bucket="), a.nodeWords("node=")), cobra.ShellCompDirectiveNoFileComp
			})
		}
	}
}

// first completes the first argument only.
func first(f cobra.CompletionFunc) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return f(c, args, word)
	}
}

// declared is what the file says, or nil. A shell that completes wants no diagnostics.
func (a *app) declared() *schema.Topology {
	f, err := a.open("")
	if err != nil {
		return nil
	}
	return hclconf.Load(f.name, f.text, hclconf.Host{}).Topology
}

func (a *app) nodeWords(prefix string) (words []string) {
	if t := a.declared(); t != nil {
		for _, n := range t.Nodes() {
			words = append(words, prefix+n.Name+"\t"+n.Address)
		}
	}
	return words
}

// assetWords are the declared buckets, and without a prefix the streams and object stores too.
func (a *app) assetWords(prefix string) (words []string) {
	t := a.declared()
	if t == nil {
		return nil
	}
	for _, account := range t.Accounts {
		for _, b := range account.Buckets {
			words = append(words, prefix+b.Name+"\tbucket of account "+account.Name)
		}
		if prefix != "" {
			continue
		}
		for _, s := range account.Streams {
			words = append(words, s.Name+"\tstream of account "+account.Name)
		}
		for _, o := range account.ObjectStores {
			words = append(words, o.Name+"\tobject store of account "+account.Name)
		}
	}
	return words
}

// completeNodes completes the names of nodes that are not there yet.
func (a *app) completeNodes(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	words := slices.DeleteFunc(a.nodeWords(""), func(w string) bool {
		name, _, _ := strings.Cut(w, "\t")
		return slices.Contains(args, name)
	})
	return words, cobra.ShellCompDirectiveNoFileComp
}

// completeSecrets completes the names of the file's secrets.
func (a *app) completeSecrets(*cobra.Command, []string, string) (names []string, _ cobra.ShellCompDirective) {
	if t := a.declared(); t != nil {
		for name := range t.Secrets {
			names = append(names, name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
