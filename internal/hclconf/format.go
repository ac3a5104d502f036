package hclconf

import (
	"bytes"
	"errors"
	"runtime"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"golang.org/x/sync/errgroup"
)

// Format is the canonical form of a file in native syntax: indented and aligned, at most one blank line in a row, lines
// that end in LF, one line break at the end, no byte order mark. Comments, the order of things and what the file means
// stay as they are. Of a file that does not parse it returns nil and the mistakes; whether it is valid beyond that does not
// matter. JSON has no comments and no layout of its own, and is returned unchanged.
func Format(name string, text []byte) ([]byte, *Config) {
	l := newLoader(name, text, Host{})
	l.onlySyntax = true
	if from, ok := l.guard(text); ok {
		l.parse(from)
	}
	c := &Config{Name: name, text: text, mask: l.mask()}
	c.Diagnostics = l.scrubbed(c.mask)
	c.Diagnostics.sort()
	switch {
	case c.Diagnostics.HasErrors():
		return nil, c
	case l.json:
		return text, c
	}
	return canonical(text), c
}

// IsJSON tells whether a text is in JSON syntax, by its first byte that is not space.
func IsJSON(text []byte) bool { return isJSON(bytes.TrimPrefix(text, bom)) }

// leastPiece is how many bytes are formatted at once, up to the next place where the text can be cut: tokens take a
// hundred times the memory of text.
const leastPiece = 64 << 10

// canonical formats text that parses, piece by piece on all CPUs. What the library would make something else of stays as
// it is.
func canonical(original []byte) []byte {
	text := bytes.TrimPrefix(original, bom)
	pieces := split(text, leastPiece)
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range pieces {
		g.Go(func() error { return pieces[i].format() })
	}
	if g.Wait() != nil {
		return original
	}
	var out bytes.Buffer
	for _, p := range pieces {
		out.Write(p.text)
	}
	if text = bytes.TrimSpace(out.Bytes()); len(text) == 0 {
		return []byte{}
	}
	return append(text, '\n')
}

// piece is text that can be formatted for itself.
type piece struct {
	text  []byte
	depth int // how many blocks are open where it begins; -1 for the beginning of the file
}

// split cuts text into pieces of at least a number of bytes.
func split(text []byte, least int) []piece {
	var all []piece
	last := cut{depth: -1}
	for _, next := range append(scanFile(text, 0).levels[0].body.cuts(text, 0, nil), cut{at: len(text)}) {
		if next.at-last.at >= least || next.at == len(text) {
			all = append(all, piece{text[last.at:next.at], last.depth})
			last = next
		}
	}
	return all
}

// cut is a place behind the line that closes a block, which has nothing else in it. No column of equal signs or comments
// crosses such a line, so what follows can be formatted for itself.
type cut struct {
	at    int
	depth int // how many blocks are open
}

// cuts are the places where the text of a body can be cut, in their order.
func (r *region) cuts(text []byte, depth int, all []cut) []cut {
	for _, p := range r.parts {
		if p.body == nil {
			continue
		}
		all = p.body.cuts(text, depth+1, all)
		begin := bytes.LastIndexByte(text[:p.body.end], '\n') + 1
		if string(bytes.TrimSpace(text[begin:p.end])) == "}" {
			all = append(all, cut{p.end, depth})
		}
	}
	return all
}

// errOther is that formatting would change what a piece says: hclwrite v2.25.0 makes 0.8 of "0. 8", which is no number.
var errOther = errors.New("other tokens")

// format formats the piece. The library takes care of spaces within lines, so the lines come first.
func (p *piece) format() error {
	before := ""
	if p.depth >= 0 {
		before = strings.Repeat("{\n", p.depth+1) + "}\n" // where it stands
	}
	text := append([]byte(before), p.text...)
	out := hclwrite.Format(lines(text))
	if !bytes.Equal(text, out) && !slices.EqualFunc(code(text), code(out), func(a, b hclsyntax.Token) bool { return bytes.Equal(a.Bytes, b.Bytes) }) {
		return errOther
	}
	p.text = out[len(hclwrite.Format([]byte(before))):]
	return nil
}

func lex(text []byte) hclsyntax.Tokens {
	tokens, _ := hclsyntax.LexConfig(text, "", hcl.InitialPos)
	return tokens
}

// code are the tokens that mean something.
func code(text []byte) hclsyntax.Tokens {
	return slices.DeleteFunc(lex(text), func(t hclsyntax.Token) bool {
		switch t.Type {
		case hclsyntax.TokenNewline, hclsyntax.TokenComment, hclsyntax.TokenOHeredoc, hclsyntax.TokenEOF:
			return true
		}
		return false
	})
}

// lines puts line breaks and the ends of lines in order. It follows the tokens, because in a heredoc both are part of the
// value.
func lines(text []byte) []byte {
	if !slices.ContainsFunc([]string{"\r", " \n", "\t\n", "\n\n\n"}, func(s string) bool { return bytes.Contains(text, []byte(s)) }) {
		return text
	}
	out := make([]byte, 0, len(text))
	end, breaks := 0, 0
	for _, t := range lex(text) {
		space := text[end:t.Range.Start.Byte]
		end = t.Range.End.Byte
		b := t.Bytes
		switch t.Type {
		case hclsyntax.TokenNewline:
			if breaks++; breaks <= 2 {
				out = append(out, '\n')
			}
			continue
		case hclsyntax.TokenComment:
			b = comment(b)
		case hclsyntax.TokenOHeredoc:
			b = unix(b)
		}
		breaks = 0
		if bytes.HasSuffix(b, []byte("\n")) && t.Type == hclsyntax.TokenComment {
			breaks = 1
		}
		out = append(append(out, space...), b...)
	}
	return out
}

// comment is a comment without spaces at the ends of its lines.
func comment(b []byte) []byte {
	all := bytes.Split(unix(b), []byte("\n"))
	for i := range all {
		all[i] = bytes.TrimRight(all[i], " \t")
	}
	return bytes.Join(all, []byte("\n"))
}

func unix(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")) }
