package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"unibus/internal/hclconf"
)

// writeJUnit writes a suite for each file: one failed test for every mistake, or one that passed. JUnit knows no
// warnings; they are the output of the suite.
func writeJUnit(_ *app, w io.Writer, r *report) error {
	all := junit.Testsuites{Name: "unibus validate"}
	for i, c := range r.files {
		suite := junit.Testsuite{Name: c.Name, ID: i, File: c.Name, Time: "0"}
		var warnings strings.Builder
		for _, d := range c.Diagnostics {
			if d.Severity == hclconf.Warning && !r.strict {
				fmt.Fprintln(&warnings, block(d))
				continue
			}
			suite.AddTestcase(junit.Testcase{
				Name:      printable(string(d.Code) + " " + d.Detail),
				Classname: c.Name,
				Failure:   &junit.Result{Message: printable(d.Detail), Type: string(d.Code), Data: block(d)},
			})
		}
		if suite.Tests == 0 {
			suite.AddTestcase(junit.Testcase{Name: "valid for every node", Classname: c.Name})
		}
		if warnings.Len() > 0 {
			suite.SystemOut = &junit.Output{Data: warnings.String()}
		}
		all.AddSuite(suite)
	}
	if _, err := io.WriteString(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"); err != nil {
		return err
	}
	return all.WriteXML(w)
}

// block is a diagnostic as text, without lines of the file: a file with many mistakes would be read for each of them.
func block(d hclconf.Diagnostic) string {
	d.Detail = d.Error()
	return printable(sentence(d, "\n   "))
}

// printable replaces what XML cannot say, not even escaped.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' {
			return '\uFFFD'
		}
		return r
	}, s)
}
