package hclconf

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Severity tells an error from a warning.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Pos is one place in a file.
type Pos struct {
	// Line counts from 1.
	Line int `json:"line"`
	// Column counts characters from 1.
	Column int `json:"column"`
	// Byte counts from 0.
	Byte int `json:"byte"`
}

// Range is a stretch of a file, from Start up to but not including End.
type Range struct {
	Filename string `json:"filename"`
	Start    Pos    `json:"start"`
	End      Pos    `json:"end"`
}

// Related is another place that a diagnostic is about.
type Related struct {
	Message string `json:"message"`
	Range   Range  `json:"range"`
}

// Diagnostic is one mistake in a file, or one warning about it.
type Diagnostic struct {
	Severity Severity
	// Code is the rule, which `unibus explain` explains.
	Code Code
	// Detail says what was found: a phrase in lower case without a period.
	Detail string
	// Hint says what to write instead; it may be empty.
	Hint string
	// Address is the block it is about, such as cluster.unibus.bucket.rooms; it may be empty.
	Address string
	Range   Range
	Related []Related
}

// Summary is the same few words for every diagnostic of the rule.
func (d Diagnostic) Summary() string { return rules[d.Code].summary }

// Error is the first line of the text form.
func (d Diagnostic) Error() string {
	at := d.Range.Filename
	if d.Range.Start.Line > 0 {
		at = fmt.Sprintf("%s:%d:%d", at, d.Range.Start.Line, d.Range.Start.Column)
	}
	return fmt.Sprintf("%s: %s: %s [%s]", at, d.Severity, d.Detail, d.Code)
}

// Diagnostics are all mistakes and warnings of a file.
type Diagnostics []Diagnostic

// HasErrors tells whether any is an error.
func (ds Diagnostics) HasErrors() bool { return ds.Count(Error) > 0 }

// Count is the number of diagnostics of a severity.
func (ds Diagnostics) Count(s Severity) int {
	n := 0
	for _, d := range ds {
		if d.Severity == s {
			n++
		}
	}
	return n
}

// Error is the first line of every diagnostic.
func (ds Diagnostics) Error() string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// diagKey tells diagnostics apart, so that none is reported twice.
type diagKey struct {
	start, end int
	code       Code
	text       string
}

// report adds a diagnostic unless it is there already. The result can be completed until the next report.
func (l *loader) report(s Severity, code Code, r hcl.Range, address, format string, args ...any) *Diagnostic {
	detail := fmt.Sprintf(format, args...)
	return l.add(Diagnostic{Severity: s, Code: code, Detail: detail, Address: address, Range: toRange(r)}, detail)
}

// add adds a diagnostic unless there is one with the same key at the same place.
func (l *loader) add(d Diagnostic, key string) *Diagnostic {
	k := diagKey{d.Range.Start.Byte, d.Range.End.Byte, d.Code, key}
	if l.seen[k] || len(l.diags) >= maxKept {
		return &Diagnostic{}
	}
	l.seen[k] = true
	d.Range.Filename = l.file
	l.diags = append(l.diags, d)
	return &l.diags[len(l.diags)-1]
}

// errorf reports an error at a field of the topology, or at a block. It keeps silent about a field whose value was
// reported already. A mistake in an inherited value, which every node shares, is reported for the first node.
func (l *loader) errorf(at any, code Code, format string, args ...any) *Diagnostic {
	return l.found(Error, at, code, format, args)
}

// warnf reports a warning at a field of the topology, or at a block, as errorf does.
func (l *loader) warnf(at any, code Code, format string, args ...any) *Diagnostic {
	return l.found(Warning, at, code, format, args)
}

func (l *loader) found(s Severity, at any, code Code, format string, args []any) *Diagnostic {
	if l.broken[at] {
		return &Diagnostic{}
	}
	f := l.fields[at]
	d := Diagnostic{Severity: s, Code: code, Detail: fmt.Sprintf(format, args...), Address: f.address, Range: toRange(f.rng)}
	return l.add(d, format)
}

// try says what to write instead.
func (d *Diagnostic) try(format string, args ...any) *Diagnostic {
	d.Hint = fmt.Sprintf(format, args...)
	return d
}

// also names another place that the mistake is about.
func (d *Diagnostic) also(l *loader, at any, format string, args ...any) *Diagnostic {
	if f, ok := l.fields[at]; ok {
		d.alsoAt(l, f.rng, format, args...)
	}
	return d
}

func (d *Diagnostic) alsoAt(l *loader, at hcl.Range, format string, args ...any) *Diagnostic {
	r := toRange(at)
	r.Filename = l.file
	d.Related = append(d.Related, Related{Message: fmt.Sprintf(format, args...), Range: r})
	return d
}

// clip shortens what somebody wrote, for use in a sentence.
func clip(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// sort puts the diagnostics in file order, errors before warnings at the same place.
func (ds Diagnostics) sort() {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Range.Start.Byte, b.Range.Start.Byte), cmp.Compare(a.Severity, b.Severity))
	})
}

func toRange(r hcl.Range) Range {
	return Range{
		Filename: r.Filename,
		Start:    Pos{r.Start.Line, r.Start.Column, r.Start.Byte},
		End:      Pos{r.End.Line, r.End.Column, r.End.Byte},
	}
}
