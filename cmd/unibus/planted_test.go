package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// secretArgument is an argument of the corpus whose value is a secret, up to that value.
var secretArgument = regexp.MustCompile(`(?m)^([^#\n]*\b(?:password|previous_password)"?[ \t]*[=:][ \t]*)(?:"[^"\n]*"|[a-z][a-z_.]*(?:\([^)\n]*\))?)`)

// stringValue is a string that an argument is set to.
var stringValue = regexp.MustCompile(`(?m)^([ \t]*"?[a-z_]+"?[ \t]*[=:][ \t]*)"[^"\n]*"`)

// TestNoFormShowsSecretsOfTheCorpus puts a secret into every argument of the corpus that takes one and runs every form of
// validate, and fmt: the secret is in no byte of what they write. Then each string of the examples becomes a seed, wherever
// it stands.
func TestNoFormShowsSecretsOfTheCorpus(t *testing.T) {
	planted := 0
	for _, name := range corpus(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		n := len(secretArgument.FindAllIndex(text, -1))
		if planted += n; n > 0 {
			shows(t, name, secretArgument.ReplaceAllString(string(text), `${1}"`+canary+`"`), canary)
		}
	}
	if planted < 60 {
		t.Errorf("the corpus has only %d places for secrets", planted)
	}
	const seed = "SUAKYRHVIOREXV7EUZTBHUHL7NUMHPMAS7QMDU3GTIEWEI5LDNOXD43IZY"
	for _, name := range []string{"../../examples/magnus-homer-datardos.hcl", "../../examples/supercluster.hcl"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, at := range stringValue.FindAllSubmatchIndex(text, -1) {
			with := string(text[:at[3]]) + `"` + seed + `"` + string(text[at[1]:])
			shows(t, fmt.Sprintf("%s with a seed as string %d", name, i), with, seed)
		}
	}
}

// corpus are the files of the loader's tests.
func corpus(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"bad/*.hcl", "bad/*.json", "good/*.hcl", "good/*.json", "full.*"} {
		names, err := filepath.Glob("../../internal/hclconf/testdata/" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, names...)
	}
	if len(all) < 300 {
		t.Fatalf("the corpus has only %d files", len(all))
	}
	return all
}

// shows reports every form that has a secret.
func shows(t *testing.T, name, text, secret string) {
	t.Helper()
	lines := [][]string{{"fmt", "--check", "--diff", "-"}}
	for _, k := range kindNames() {
		lines = append(lines, []string{"validate", "-o", k, "-"})
	}
	for _, args := range lines {
		var stdout, stderr bytes.Buffer
		in := text
		if args[0] == "fmt" { // every line of which is in the diff
			in = strings.ReplaceAll(text, "\n", "\r\n")
		}
		_ = run(t.Context(), args, strings.NewReader(in), &stdout, &stderr)
		if out := stdout.String() + stderr.String(); strings.Contains(out, secret) {
			t.Errorf("%s: %s shows %s:\n%.1500s", name, strings.Join(args, " "), secret, out)
		}
	}
}
