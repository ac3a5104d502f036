package main

import (
	"encoding/json"
	"io"

	"unibus/internal/hclconf"
)

// verdict is the JSON form of validate: terraform's shape and ours. It is one object however many files there are: the
// counts and the diagnostics are those of all files, the digest is that of a single one, and Files has the verdict of
// each.
type verdict struct {
	FormatVersion string        `json:"format_version"`
	Valid         bool          `json:"valid"`
	ErrorCount    int           `json:"error_count"`
	WarningCount  int           `json:"warning_count"`
	Digest        *string       `json:"digest"`
	Summary       summary       `json:"summary"`
	Files         []fileVerdict `json:"files"`
	Diagnostics   []diagnostic  `json:"diagnostics"`
}

type fileVerdict struct {
	Filename     string   `json:"filename"`
	Valid        bool     `json:"valid"`
	ErrorCount   int      `json:"error_count"`
	WarningCount int      `json:"warning_count"`
	Digest       *string  `json:"digest"`
	Summary      summary  `json:"summary"`
	CheckedNodes []string `json:"checked_nodes"`
}

type diagnostic struct {
	Severity hclconf.Severity  `json:"severity"`
	Code     hclconf.Code      `json:"code"`
	Summary  string            `json:"summary"`
	Detail   string            `json:"detail"`
	Hint     string            `json:"hint"`
	Address  string            `json:"address"`
	Range    hclconf.Range     `json:"range"`
	Related  []hclconf.Related `json:"related"`
}

func writeJSON(_ *app, w io.Writer, r *report) error {
	v := verdict{FormatVersion: "1.0", Valid: true, Files: []fileVerdict{}, Diagnostics: []diagnostic{}}
	for _, c := range r.files {
		f := fileVerdict{
			Filename:     c.Name,
			Valid:        !r.bad(c),
			ErrorCount:   c.Diagnostics.Count(hclconf.Error),
			WarningCount: c.Diagnostics.Count(hclconf.Warning),
			Summary:      summary(c.Counts),
			CheckedNodes: append([]string{}, c.nodes...),
		}
		if c.Digest != "" {
			f.Digest = &c.Digest
		}
		v.Files = append(v.Files, f)
		v.add(f)
		for _, d := range c.Diagnostics {
			related := append([]hclconf.Related{}, d.Related...)
			v.Diagnostics = append(v.Diagnostics, diagnostic{d.Severity, d.Code, d.Summary(), d.Detail, d.Hint, d.Address, d.Range, related})
		}
	}
	if len(v.Files) == 1 {
		v.Digest = v.Files[0].Digest
	}
	return json.NewEncoder(w).Encode(v)
}

func (v *verdict) add(f fileVerdict) {
	v.Valid = v.Valid && f.Valid
	v.ErrorCount += f.ErrorCount
	v.WarningCount += f.WarningCount
	v.Summary.add(f.Summary)
}
