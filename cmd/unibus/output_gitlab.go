package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"unibus/internal/hclconf"
)

// issue is one entry of a GitLab Code Quality report, with the fields that GitLab reads.
type issue struct {
	Description string `json:"description"`
	CheckName   string `json:"check_name"`
	Fingerprint string `json:"fingerprint"`
	Severity    string `json:"severity"`
	Location    struct {
		Path  string `json:"path"`
		Lines struct {
			Begin int `json:"begin"`
		} `json:"lines"`
	} `json:"location"`
}

func writeGitLab(_ *app, w io.Writer, r *report) error {
	issues := []issue{}
	seen := map[string]int{}
	for _, c := range r.files {
		for _, d := range c.Diagnostics {
			i := issue{Description: sentence(d, "; "), CheckName: string(d.Code), Severity: "critical"}
			if d.Severity == hclconf.Warning {
				i.Severity = "minor"
			}
			i.Location.Path = inRepository(d.Range.Filename, "CI_PROJECT_DIR")
			i.Location.Lines.Begin = max(1, d.Range.Start.Line)
			// The same mistake keeps its fingerprint when lines above it come and go; equal ones are counted.
			key := fmt.Sprint(i.Location.Path, "\x00", d.Code, "\x00", d.Address, "\x00", d.Detail)
			seen[key]++
			sum := sha256.Sum256(fmt.Append(nil, key, "\x00", seen[key]))
			i.Fingerprint = hex.EncodeToString(sum[:16])
			issues = append(issues, i)
		}
	}
	return json.NewEncoder(w).Encode(issues)
}
