package server

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// text writes the notation of nats.conf: one setting a line, blocks indented.
type text struct {
	b     strings.Builder
	depth int
}

// comment writes one line that nats-server ignores.
func (t *text) comment(s string) {
	t.b.WriteString("# " + strings.NewReplacer("\n", " ", "\r", " ").Replace(s) + "\n")
}

// set writes a setting. The value is a string, a number, a bool or a list of strings.
func (t *text) set(key string, value any) {
	t.indent()
	t.b.WriteString(key + ": " + literal(value) + "\n")
}

// block writes a block with what body writes in it.
func (t *text) block(key string, body func()) { t.braces(key+" ", body) }

func (t *text) braces(before string, body func()) {
	t.indent()
	t.b.WriteString(before + "{\n")
	t.within(body)
	t.indent()
	t.b.WriteString("}\n")
}

// list writes a list of n blocks.
func (t *text) list(key string, n int, body func(i int)) {
	t.indent()
	t.b.WriteString(key + ": [\n")
	t.within(func() {
		for i := range n {
			t.braces("", func() { body(i) })
		}
	})
	t.indent()
	t.b.WriteString("]\n")
}

// lines writes a list of strings, one a line.
func (t *text) lines(key string, values []string) {
	t.indent()
	t.b.WriteString(key + ": [\n")
	t.within(func() {
		for _, v := range values {
			t.indent()
			t.b.WriteString(quote(v) + "\n")
		}
	})
	t.indent()
	t.b.WriteString("]\n")
}

func (t *text) within(body func()) {
	t.depth++
	body()
	t.depth--
}

func (t *text) indent() { t.b.WriteString(strings.Repeat("  ", t.depth)) }

func literal(value any) string {
	switch v := value.(type) {
	case string:
		return quote(v)
	case []string:
		quoted := make([]string, len(v))
		for i, s := range v {
			quoted[i] = quote(s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	default:
		return fmt.Sprint(v)
	}
}

// quote writes a string in the only notation that nats-server reads back byte by byte: double quotes and the escapes
// \" \\ \t \n \r \xXX (v2.15.2, conf/lex.go, lexStringEscape). Inside them nothing is a variable, a number or a comment.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == '"', r == '\\':
			b.WriteString(`\` + s[:n])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case strconv.IsPrint(r) && (r != utf8.RuneError || n > 1):
			b.WriteString(s[:n])
		default:
			for _, c := range []byte(s[:n]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		}
		s = s[n:]
	}
	b.WriteByte('"')
	return b.String()
}

// quotable tells whether a string can be a key, such as the name of an account: keys have no escapes (v2.15.2,
// conf/lex.go, lexMapDubQuotedKey).
func quotable(s string) bool { return !strings.ContainsAny(s, "\"\x00") && utf8.ValidString(s) }
