package hclconf

import (
	"bytes"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

// MaxFile is how many bytes a file may have.
const MaxFile = 16 << 20

// Limits of what a file evaluates to.
const (
	maxLiteral = 64 << 10 // one value in the file
	maxString  = 1 << 20  // one value once it is evaluated
	maxWork    = 64 << 20 // all values that are not plain literals
	maxNames   = 100      // names that refer to each other
	maxKept    = 10_000   // diagnostics
	maxNodes   = 2_000
)

var bom = []byte("\xef\xbb\xbf")

// guard refuses what is no text of a sensible size. It returns where the text begins, behind a byte order mark.
func (l *loader) guard(text []byte) (from int, ok bool) {
	bad := func(at int, hint, format string, args ...any) (int, bool) {
		l.unseen = true
		l.report(Error, codeHostile, l.rangeAt(spot{at, at + 1, 1 + bytes.Count(text[:at], []byte("\n"))}), "", format, args...).try("%s", hint)
		return 0, false
	}
	if len(text) > MaxFile {
		return bad(0, "look whether this is the right file", "the file has %d bytes, more than the %d that are read", len(text), MaxFile)
	}
	if i := bytes.IndexByte(text, 0); i >= 0 {
		return bad(i, "look whether this is the right file, and whether it was written completely", "a NUL byte is not text")
	}
	if i := invalidUTF8(text); i >= 0 {
		return bad(i, "save the file as UTF-8", "the file is not UTF-8 text")
	}
	if bytes.HasPrefix(text, bom) {
		return len(bom), true
	}
	return 0, true
}

func invalidUTF8(text []byte) int {
	if utf8.Valid(text) {
		return -1
	}
	for i := 0; ; {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
}

// rangeAt is a stretch of the text as a range. It never reaches beyond the text.
func (l *loader) rangeAt(s spot) hcl.Range {
	s.end = max(s.start, min(s.end, len(l.text)))
	begin := bytes.LastIndexByte(l.text[:s.start], '\n') + 1
	if begin == 0 && bytes.HasPrefix(l.text, bom) {
		begin = min(len(bom), s.start)
	}
	start := hcl.Pos{Line: s.line, Column: 1 + utf8.RuneCount(l.text[begin:s.start]), Byte: s.start}
	end := hcl.Pos{Line: s.line, Column: start.Column + utf8.RuneCount(l.text[s.start:s.end]), Byte: s.end}
	return hcl.Range{Filename: l.file, Start: start, End: end}
}
