package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"unibus/internal/hclconf"
)

func (a *app) schemaCommand() *cobra.Command {
	var output, of string
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the language reference, or the JSON Schema of the JSON form",
		Long: `Print what a file can say: every block and argument with its type, default, limits, what changing it takes, and an
example. As JSON it is a JSON Schema (draft 2020-12) of the JSON form of the language, for editors and generators.

With --of diagnostics it is the list of all codes that validate reports.

Exit status: 0, 64 usage.`,
		Example: `  unibus schema > docs/reference.md
  unibus schema -o json > unibus.schema.json
  unibus schema --of diagnostics`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := document(of, output)
			if err == nil {
				_, err = io.WriteString(a.stdout, text)
			}
			return err
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "markdown", "markdown or json")
	cmd.Flags().StringVar(&of, "of", "language", "language or diagnostics")
	return cmd
}

// document is the description of something in a form.
func document(of, form string) (string, error) {
	switch of + " " + form {
	case "language markdown":
		return hclconf.Reference(), nil
	case "language json":
		b, err := hclconf.JSONSchema()
		return string(b) + "\n", err
	case "diagnostics markdown":
		return hclconf.CodesReference(), nil
	case "diagnostics json":
		return codes()
	}
	if form != "markdown" && form != "json" {
		return "", fmt.Errorf("-o is markdown or json, not %q", form)
	}
	return "", fmt.Errorf("--of is language or diagnostics, not %q", of)
}

// codes are all rules as JSON.
func codes() (string, error) {
	type rule struct {
		Code        hclconf.Code `json:"code"`
		Summary     string       `json:"summary"`
		Explanation string       `json:"explanation"`
	}
	var all []rule
	for _, c := range hclconf.Codes() {
		summary, explanation, _ := hclconf.Explain(c)
		all = append(all, rule{c, summary, explanation})
	}
	b, err := json.MarshalIndent(all, "", "  ")
	return string(b) + "\n", err
}
