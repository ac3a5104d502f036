package hclconf

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// maxShown is how many diagnostics are written; the rest is counted.
const maxShown = 50

// Style gives escape sequences for a terminal; the zero value writes plain text.
type Style struct{ Error, Warning, Bold, Dim, Reset string }

// ANSI is the Style of terminals.
var ANSI = Style{Error: "\x1b[1;31m", Warning: "\x1b[1;33m", Bold: "\x1b[1m", Dim: "\x1b[2m", Reset: "\x1b[0m"}

// WriteText writes the diagnostics for people and editors: the first line of each in GNU form, the place with carets,
// every related place, and what to write instead. It never writes what looks like a secret.
func (c *Config) WriteText(w io.Writer, ds Diagnostics, s Style) error {
	var b bytes.Buffer
	src := newSource(c.text, c.mask)
	for i, d := range ds {
		if i == maxShown {
			fmt.Fprintf(&b, "%s: and %d more\n", c.Name, len(ds)-maxShown)
			break
		}
		src.diagnostic(&b, d, s)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// Summary is the line that sums diagnostics up, such as "2 errors, 1 warning", or "" when there are none.
func (ds Diagnostics) Summary() string {
	var parts []string
	if n := ds.Count(Error); n > 0 {
		parts = append(parts, plural(n, "error"))
	}
	if n := ds.Count(Warning); n > 0 {
		parts = append(parts, plural(n, "warning"))
	}
	return strings.Join(parts, ", ")
}

// source finds lines of a text by number.
type source struct {
	text  []byte
	mask  *mask
	lines []int // offsets of the beginnings of lines
}

func newSource(text []byte, m *mask) *source {
	s := &source{text: text, mask: m, lines: []int{0}}
	if bytes.HasPrefix(text, bom) {
		s.lines[0] = len(bom)
	}
	for i := 0; ; {
		n := bytes.IndexByte(text[i:], '\n')
		if n < 0 {
			return s
		}
		i += n + 1
		s.lines = append(s.lines, i)
	}
}

func (s *source) diagnostic(b *bytes.Buffer, d Diagnostic, st Style) {
	color := st.Error
	if d.Severity == Warning {
		color = st.Warning
	}
	first := d.Error()
	at, rest, _ := strings.Cut(first, ": "+string(d.Severity)+": ")
	fmt.Fprintf(b, "%s%s:%s %s%s:%s %s\n", st.Bold, at, st.Reset, color, d.Severity, st.Reset, rest)
	s.snippet(b, d.Range, color, st)
	for _, r := range d.Related {
		fmt.Fprintf(b, "   %s:%d:%d: %s\n", r.Range.Filename, r.Range.Start.Line, r.Range.Start.Column, r.Message)
		s.snippet(b, r.Range, st.Dim, st)
	}
	if d.Hint != "" {
		fmt.Fprintf(b, "   try: %s\n", d.Hint)
	}
}

// maxWidth is how much of a line is shown.
const maxWidth = 160

// snippet shows the first line of a range with carets below it.
func (s *source) snippet(b *bytes.Buffer, r Range, color string, st Style) {
	if s.mask.unseen || r.Start.Line < 1 || r.Start.Line > len(s.lines) {
		return
	}
	start := s.lines[r.Start.Line-1]
	end := start + len(bytes.TrimRight(s.text[start:lineEnd(s.text, start)], "\r"))
	if end-start > maxLiteral {
		return
	}
	from, to := min(max(r.Start.Byte, start), end), end
	if r.End.Line == r.Start.Line {
		to = min(max(r.End.Byte, from), end)
	}
	hidden := s.mask.of(s.text, start, end)
	for _, h := range hidden { // a part of what is hidden cannot be pointed at
		if h.start < to && h.end > from || h.start <= from && from < h.end {
			from, to = min(from, h.start), max(to, h.end)
		}
	}
	before, marked, after := show(s.text, start, from, hidden), show(s.text, from, to, hidden), show(s.text, to, end, hidden)
	if len(before)+len(marked)+len(after) > maxWidth {
		before, marked, after = window(before, marked, after)
	}
	fmt.Fprintf(b, "%s%5d |%s %s%s%s\n", st.Dim, r.Start.Line, st.Reset, before, marked, after)
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, before)
	fmt.Fprintf(b, "%s      |%s %s%s%s%s\n", st.Dim, st.Reset, pad, color, strings.Repeat("^", max(1, len([]rune(marked)))), st.Reset)
}

// window cuts a long line down to what stands around the marked part.
func window(before, marked, after string) (string, string, string) {
	cut := func(s string, n int, left bool) string {
		r := []rune(s)
		switch {
		case len(r) <= n:
			return s
		case left:
			return "…" + string(r[len(r)-n:])
		}
		return string(r[:n]) + "…"
	}
	return cut(before, maxWidth/3, true), cut(marked, maxWidth/3, false), cut(after, maxWidth/3, false)
}
