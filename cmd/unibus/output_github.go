package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"unibus/internal/hclconf"
)

// writeGitHub writes workflow commands, which GitHub Actions shows at the lines of a change, and appends a summary to
// the file that the runner names in GITHUB_STEP_SUMMARY.
func writeGitHub(_ *app, w io.Writer, r *report) error {
	var b bytes.Buffer
	for _, c := range r.files {
		for _, d := range c.Diagnostics {
			annotate(&b, d)
		}
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return err
	}
	if path := os.Getenv("GITHUB_STEP_SUMMARY"); path != "" {
		return appendTo(path, stepSummary(r))
	}
	return nil
}

// annotate writes one workflow command. Columns are taken only within one line.
func annotate(b *bytes.Buffer, d hclconf.Diagnostic) {
	at := []string{"file=" + property(inRepository(d.Range.Filename, "GITHUB_WORKSPACE"))}
	if start, end := d.Range.Start, d.Range.End; start.Line > 0 {
		at = append(at, fmt.Sprintf("line=%d", start.Line), fmt.Sprintf("endLine=%d", end.Line))
		if start.Line == end.Line {
			at = append(at, fmt.Sprintf("col=%d", start.Column), fmt.Sprintf("endColumn=%d", end.Column))
		}
	}
	at = append(at, "title="+property(fmt.Sprintf("%s %s", d.Code, d.Summary())))
	fmt.Fprintf(b, "::%s %s::%s\n", d.Severity, strings.Join(at, ","), data(sentence(d, "\n")))
}

// data escapes the message of a workflow command.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// property escapes a property of a workflow command.
func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(s))
}

// maxRows is how many mistakes a summary lists; GitHub drops one of more than 1 MiB.
const maxRows = 50

func stepSummary(r *report) string {
	var b strings.Builder
	b.WriteString("### unibus validate\n\n| file | verdict |\n|---|---|\n")
	for _, c := range r.files {
		fmt.Fprintf(&b, "| %s | %s |\n", cell(c.Name), cell(r.verdict(c)))
	}
	rows := 0
	for _, c := range r.files {
		for _, d := range c.Diagnostics {
			if rows++; rows == 1 {
				b.WriteString("\n| where | what | try |\n|---|---|---|\n")
			}
			if rows <= maxRows {
				where := fmt.Sprintf("%s:%d", d.Range.Filename, d.Range.Start.Line)
				fmt.Fprintf(&b, "| %s | %s %s: %s | %s |\n", cell(where), d.Severity, d.Code, cell(d.Detail), cell(d.Hint))
			}
		}
	}
	if rows > maxRows {
		fmt.Fprintf(&b, "\nAnd %d more.\n", rows-maxRows)
	}
	b.WriteString("\n")
	return b.String()
}

// cell escapes text for a cell of a Markdown table.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\r", " ", "\n", " ", "<", "&lt;", "&", "&amp;").Replace(s)
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
