package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"unibus/internal/hclconf"
)

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [CODE]",
		Short: "Explain the code of a diagnostic, or list all codes",
		Args:  cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var all []string
			for _, c := range hclconf.Codes() {
				summary, _, _ := hclconf.Explain(c)
				all = append(all, string(c)+"\t"+summary)
			}
			return all, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				for _, c := range hclconf.Codes() {
					summary, _, _ := hclconf.Explain(c)
					fmt.Fprintf(a.stdout, "%s  %s\n", c, summary)
				}
				return nil
			}
			code := hclconf.Code(strings.ToUpper(args[0]))
			if _, _, ok := hclconf.Explain(code); !ok {
				return &exit{code: exitUsage, err: fmt.Errorf("there is no code %s", code), try: "unibus explain"}
			}
			return meaning(a.stdout, code)
		},
	}
}

// meaning writes what a code means.
func meaning(w io.Writer, code hclconf.Code) error {
	summary, text, _ := hclconf.Explain(code)
	_, err := fmt.Fprintf(w, "%s: %s\n\n%s\n", code, summary, text)
	return err
}
