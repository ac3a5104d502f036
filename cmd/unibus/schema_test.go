package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGeneratedDocs makes sure that what is generated is what the source says today.
func TestGeneratedDocs(t *testing.T) {
	for file, args := range map[string][]string{
		"docs/reference.md":   {"schema"},
		"docs/diagnostics.md": {"schema", "--of", "diagnostics"},
	} {
		var stdout, stderr bytes.Buffer
		if status := run(t.Context(), args, nil, &stdout, &stderr); status != 0 {
			t.Fatalf("%v: exit status %d: %s", args, status, &stderr)
		}
		have, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(string(have), stdout.String()); diff != "" {
			t.Errorf("%s is stale; run: go run ./cmd/unibus %s > %s\n%s", file, strings.Join(args, " "), file, diff)
		}
	}
}
