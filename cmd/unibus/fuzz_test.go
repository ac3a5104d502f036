package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"unibus/internal/hclconf"
	"unibus/internal/node"
)

// canary is a secret that no form of the output may show.
const canary = "hunter2-canary"

// secretString is where a string begins that is the value of something secret.
var secretString = regexp.MustCompile(`(?m)^(\s*"?(?:password|previous_password)"?\s*[=:]\s*")`)

// FuzzLoad reads texts as validate does, writes every form of what it finds, and formats them. Whatever the text is, there
// is a topology or an error and never both, every diagnostic lies in the file, and a secret in it is never shown.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"../../examples/*", "../../internal/hclconf/testdata/*/*.hcl", "../../internal/hclconf/testdata/*/*.json", "../../internal/hclconf/testdata/full.*"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
	for _, input := range crashInputs(10_000) {
		f.Add(input())
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 16<<10 {
			t.Skip()
		}
		text = secretString.ReplaceAllString(text, "${1}"+canary)
		c := node.Load("f.hcl", []byte(text), hclconf.Host{})
		if (c.Topology == nil) != c.Diagnostics.HasErrors() || (c.Digest == "") != (c.Topology == nil) {
			t.Fatal("a topology and errors, or neither")
		}
		for _, d := range c.Diagnostics {
			inFile(t, text, d.Range)
			for _, r := range d.Related {
				inFile(t, text, r.Range)
			}
		}
		written := forms(t, &report{files: []checked{{Config: c}}})
		if strings.Contains(written, canary) {
			t.Fatalf("a secret is shown:\n%s", written)
		}
		reformat(t, text, c)
	})
}

// inFile makes sure that a range is one of the text.
func inFile(t *testing.T, text string, r hclconf.Range) {
	t.Helper()
	if r.Start.Byte < 0 || r.Start.Byte > r.End.Byte || r.End.Byte > len(text) || r.Start.Line < 1 || r.Start.Line > 1+strings.Count(text, "\n") || r.Start.Column < 1 {
		t.Fatalf("a range that is not in the file: %+v", r)
	}
}

// forms is a report in every form.
func forms(t *testing.T, r *report) string {
	t.Helper()
	a := &app{color: "always"}
	var all bytes.Buffer
	for _, k := range kinds {
		var b bytes.Buffer
		if err := k.write(a, &b, r); err != nil {
			t.Fatalf("%s: %v", k.name, err)
		}
		if (k.name == "json" || k.name == "gitlab" || k.name == "sarif") && !json.Valid(b.Bytes()) {
			t.Fatalf("%s is not JSON: %s", k.name, &b)
		}
		all.Write(b.Bytes())
	}
	return all.String()
}

// reformat makes sure that formatting changes neither the meaning nor, a second time, anything.
func reformat(t *testing.T, text string, before *hclconf.Config) {
	t.Helper()
	out, c := hclconf.Format("f.hcl", []byte(text))
	if (out == nil) != (len(c.Diagnostics) > 0) {
		t.Fatal("formatted and refused, or neither")
	}
	if out == nil {
		if before.Topology != nil {
			t.Fatalf("a valid file is refused: %v", c.Diagnostics)
		}
		return
	}
	again, _ := hclconf.Format("f.hcl", out)
	if !bytes.Equal(again, out) {
		t.Fatalf("formatted again it differs:\n%q\n%q", out, again)
	}
	if after := hclconf.Load("f.hcl", out, hclconf.Host{}); before.Digest != "" && after.Digest != before.Digest {
		t.Fatalf("the meaning has changed: %v", after.Diagnostics)
	}
}
