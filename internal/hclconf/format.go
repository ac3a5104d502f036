package hclconf

import (
	"bytes"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format is the canonical form of a file in native syntax: indented and aligned, at most one blank line in a row, lines
// that end in LF, one line break at the end, no byte order mark. Comments, the order of things and what the file means
// stay as they are. Of a file that does not parse it returns nil and the mistakes, without those that have nothing to do
// with syntax. JSON has no comments and no layout of its own, and is returned unchanged.
func Format(name string, text []byte) ([]byte, *Config) {
	c := Load(name, text, Host{})
	c.Diagnostics = slices.DeleteFunc(c.Diagnostics, func(d Diagnostic) bool {
		return d.Severity != Error || d.Code != codeSyntax && d.Code != codeHostile && d.Code != codeTemplate
	})
	switch {
	case len(c.Diagnostics) > 0:
		return nil, c
	case IsJSON(text):
		return text, c
	}
	out := canonical(text)
	if !slices.EqualFunc(code(text), code(out), func(a, b hclsyntax.Token) bool { return bytes.Equal(a.Bytes, b.Bytes) }) {
		return text, c // hclwrite v2.25.0 makes 0.8 of "0. 8", which is no number
	}
	return out, c
}

// code are the tokens of a text that mean something.
func code(text []byte) hclsyntax.Tokens {
	tokens, _ := hclsyntax.LexConfig(bytes.TrimPrefix(text, bom), "", hcl.InitialPos)
	return slices.DeleteFunc(tokens, func(t hclsyntax.Token) bool {
		switch t.Type {
		case hclsyntax.TokenNewline, hclsyntax.TokenComment, hclsyntax.TokenOHeredoc, hclsyntax.TokenEOF:
			return true
		}
		return false
	})
}

// IsJSON tells whether a text is in JSON syntax, by its first byte that is not space.
func IsJSON(text []byte) bool { return isJSON(bytes.TrimPrefix(text, bom)) }

// canonical formats text that parses. The library takes care of spaces within lines, so the lines come first.
func canonical(text []byte) []byte {
	text = hclwrite.Format(lines(bytes.TrimPrefix(text, bom)))
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return []byte{}
	}
	return append(text, '\n')
}

// lines puts line breaks and the ends of lines in order. It follows the tokens, because in a heredoc both are part of the
// value.
func lines(text []byte) []byte {
	tokens, _ := hclsyntax.LexConfig(text, "", hcl.InitialPos)
	out := make([]byte, 0, len(text))
	end, breaks := 0, 0
	for _, t := range tokens {
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
