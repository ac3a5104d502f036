package main

import (
	"fmt"
	"io"
	"net/url"

	"github.com/owenrumney/go-sarif/v2/sarif"

	"unibus/internal/hclconf"
)

func writeSARIF(_ *app, w io.Writer, r *report) error {
	out, err := sarif.New(sarif.Version210)
	if err != nil {
		return err
	}
	tool := sarif.NewDriver("unibus").WithVersion(version)
	run := sarif.NewRun(sarif.Tool{Driver: tool}).WithColumnKind("unicodeCodePoints")
	for _, c := range r.files {
		for _, d := range c.Diagnostics {
			addResult(run, d)
		}
	}
	out.AddRun(run)
	if err := out.PrettyWrite(w); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w)
	return err
}

func addResult(run *sarif.Run, d hclconf.Diagnostic) {
	summary, explanation, _ := hclconf.Explain(d.Code)
	run.AddRule(string(d.Code)).
		WithShortDescription(sarif.NewMultiformatMessageString(summary)).
		WithFullDescription(sarif.NewMultiformatMessageString(explanation))
	result := run.CreateResultForRule(string(d.Code)).
		WithLevel(string(d.Severity)).
		WithMessage(sarif.NewTextMessage(message(d)))
	result.AddLocation(sarif.NewLocationWithPhysicalLocation(physical(d.Range)))
	for i, rel := range d.Related {
		result.AddRelatedLocation(sarif.NewLocationWithPhysicalLocation(physical(rel.Range)).
			WithId(i + 1).WithMessage(sarif.NewTextMessage(rel.Message)))
	}
}

// message is what a diagnostic says and what to write instead; its other places have a field of their own.
func message(d hclconf.Diagnostic) string {
	d.Related = nil
	return sentence(d, "; ")
}

func physical(r hclconf.Range) *sarif.PhysicalLocation {
	l := sarif.NewPhysicalLocation().WithArtifactLocation(sarif.NewSimpleArtifactLocation(sarifURI(r.Filename)))
	if r.Start.Line > 0 {
		l.WithRegion(sarif.NewRegion().WithStartLine(r.Start.Line).WithStartColumn(r.Start.Column).
			WithEndLine(r.End.Line).WithEndColumn(max(r.End.Column, 1)))
	}
	return l
}

// sarifURI is a relative reference where the file is in the repository, which is what code scanning shows.
func sarifURI(name string) string {
	u := url.URL{Path: inRepository(name, "GITHUB_WORKSPACE")}
	return u.String()
}
