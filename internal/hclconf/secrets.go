package hclconf

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"unibus/config/schema"
)

// re is a pattern that is compiled when it is first used: to compile all of them at every start of the process would cost
// more than to read a small file.
func re(s string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(s) })
}

// What may be a secret by its looks, wherever it stands.
var (
	secretWord = re(`(?i)pass|secret|seed|token|cred|key|pwd|auth`)
	seedText   = re(`\bS[UANCOX][A-Z2-7]{10,}|\bAGE-SECRET-KEY-[A-Z0-9-]{10,}`)
	urlCreds   = re(`://[^/\s"@]*@`)
)

const dots = "…"

// hideLooks masks what looks like a seed, and credentials in URLs.
func hideLooks(s string) string {
	if strings.Contains(s, "S") {
		s = seedText().ReplaceAllString(s, dots)
	}
	if strings.Contains(s, "://") {
		s = urlCreds().ReplaceAllString(s, "://"+dots+"@")
	}
	return s
}

// hide marks the text of an expression as one that may be a secret, unless it only says where the secret is. The locals
// that it uses are as secret as it is.
func (l *loader) hide(expr hcl.Expression) {
	r := expr.Range()
	if start, end := r.Start.Byte, min(r.End.Byte, len(l.text)); start > end || end-start > maxLiteral || !harmless().Match(l.text[start:end]) {
		l.hideRange(r)
	}
	if _, native := expr.(hclsyntax.Expression); !native {
		if _, templates, ok := l.jsonValue(expr); !templates || !ok {
			return
		}
	}
	for _, tr := range expr.Variables() {
		if n := l.lookup(tr); n != nil && n.kind == "local" && !n.hidden {
			n.hidden = true
			l.hide(n.expr)
		}
	}
}

func (l *loader) hideRange(r hcl.Range) {
	l.hidden[r.Start.Byte] = max(l.hidden[r.Start.Byte], r.End.Byte)
}

// spill remembers the value of a secret that is written in the file.
func (l *loader) spill(v cty.Value) {
	v, _ = v.Unmark()
	if v.IsKnown() && !v.IsNull() && v.Type() == cty.String && len(v.AsString()) >= 8 {
		l.spills = append(l.spills, v.AsString())
	}
}

// mask knows what of a file must not be shown.
type mask struct {
	hidden []stretch // in the order of the file
	unseen bool      // nothing may be shown
	broken bool      // the file does not parse
	values *strings.Replacer
}

type stretch struct{ start, end int }

func (l *loader) mask() *mask {
	m := &mask{unseen: l.unseen, broken: l.names == nil}
	for start, end := range l.hidden {
		m.hidden = append(m.hidden, stretch{start, end})
	}
	if m.broken && !l.unseen && len(l.diags) > 0 { // only words tell what is secret
		if l.json {
			m.hidden = append(m.hidden, guessJSON(l.text)...)
		} else if l.root != nil {
			m.hidden = append(m.hidden, guess(l.text, l.root, false)...)
		}
	}
	slices.SortFunc(m.hidden, func(a, b stretch) int { return cmp.Compare(a.start, b.start) })
	if len(l.spills) > 0 {
		var pairs []string
		for _, v := range l.spills {
			pairs = append(pairs, v, schema.Redacted)
		}
		m.values = strings.NewReplacer(pairs...)
	}
	return m
}

// scrubbed are the diagnostics without what may be a secret.
func (l *loader) scrubbed(m *mask) Diagnostics {
	for i := range l.diags {
		m.scrub(&l.diags[i])
	}
	return l.diags
}

// scrub takes what may be a secret out of a diagnostic. No rule writes a secret into one; this is for what somebody wrote
// in a wrong place.
func (m *mask) scrub(d *Diagnostic) {
	clean := func(s *string) {
		*s = hideLooks(printable(*s))
		if m.values != nil {
			*s = m.values.Replace(*s)
		}
	}
	clean(&d.Detail)
	clean(&d.Hint)
	clean(&d.Address)
	for i := range d.Related {
		clean(&d.Related[i].Message)
	}
}

// of are the stretches of a line that must not be shown, in order and not overlapping.
func (m *mask) of(text []byte, from, to int) []stretch {
	var all []stretch
	for _, h := range m.hidden {
		if h.start >= to {
			break
		}
		if h.end > from {
			all = append(all, unquote(text, stretch{max(h.start, from), min(h.end, to)}))
		}
	}
	line := text[from:to]
	for _, at := range seedText().FindAllIndex(line, -1) {
		all = append(all, stretch{from + at[0], from + at[1]})
	}
	for _, at := range urlCreds().FindAllIndex(line, -1) {
		all = append(all, stretch{from + at[0] + len("://"), from + at[1] - len("@")})
	}
	comment := 0 // what parsed has its secrets marked, but for comments
	if !m.broken {
		comment = len(line)
		if i := commentStart().FindIndex(line); i != nil {
			comment = i[0]
		}
	}
	for _, at := range secretValue().FindAllSubmatchIndex(line, -1) {
		if at[0] >= comment && !holdsNoSecret(string(line[at[2]:at[3]])) && !harmless().Match(line[at[1]:]) {
			all = append(all, unquote(text, stretch{from + at[1], to}))
		}
	}
	all = slices.DeleteFunc(all, func(s stretch) bool { return s.start >= s.end })
	slices.SortFunc(all, func(a, b stretch) int { return cmp.Compare(a.start, b.start) })
	merged := all[:0]
	for _, s := range all {
		if n := len(merged); n > 0 && s.start <= merged[n-1].end {
			merged[n-1].end = max(merged[n-1].end, s.end)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// unquote leaves the quotation marks of a string to be seen.
func unquote(text []byte, s stretch) stretch {
	if s.end-s.start >= 2 && text[s.start] == '"' {
		s.start++
		if text[s.end-1] == '"' {
			s.end--
		}
	}
	return s
}

// show is a part of a line, with dots for the stretches that must not be shown.
func show(text []byte, from, to int, hidden []stretch) string {
	var b strings.Builder
	for _, h := range hidden {
		if h.end <= from || h.start >= to {
			continue
		}
		if h.start >= from {
			b.Write(text[from:h.start])
			b.WriteString(dots)
		}
		from = min(h.end, to)
	}
	b.Write(text[from:to])
	return printable(b.String())
}

// Masked is the text of a file with schema.Redacted in place of whatever may be a secret, line by line. Of text that cannot
// be read at all nothing is left.
func Masked(name string, text []byte) []byte {
	m := Load(name, text, Host{}).mask
	if m.unseen {
		return nil
	}
	out := make([]byte, 0, len(text))
	for start := 0; start < len(text); {
		next := min(lineEnd(text, start)+1, len(text))
		end := start + len(bytes.TrimRight(text[start:next], "\r\n"))
		from := start
		var hidden []stretch
		if len(bytes.TrimSpace(text[start:end])) > 0 {
			hidden = m.of(text, start, end)
		}
		for _, h := range hidden {
			out = append(append(out, text[from:h.start]...), schema.Redacted...)
			from = h.end
		}
		out = append(out, text[from:next]...)
		start = next
	}
	if m.values != nil {
		out = []byte(m.values.Replace(string(out)))
	}
	return out
}

// printable replaces what would do something to a terminal instead of being shown there.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && !unicode.IsPrint(r) {
			return '·'
		}
		return r
	}, s)
}

// reference says where a secret is.
const reference = `(?:(?:secret|local)\.[\w-]+|(?:file|env|age)\(\s*\\?"[^"\\]*\\?"\s*\))`

var (
	// secretValue is what the value of something secret follows, as far as words tell.
	secretValue = re(`(?i)([\w-]*(?:pass|secret|seed|token|cred|key|pwd|auth)[\w-]*)"?\s*[=:]\s*`)
	// harmless is a value that only says where a secret is, or a public key, up to the end of its line.
	harmless = re(`^(?:` + reference + `|"\$\{\s*` + reference + `\s*\}"|"U[A-Z2-7]{55}")[\s},]*(?:(?:#|//|/\*).*)?$`)
)

// commentStart is where a comment may begin on a line.
var commentStart = re(`#|//|/\*`)

// holdsNoSecret tells whether a name is that of arguments that hold no secrets.
func holdsNoSecret(name string) bool {
	known := false
	for _, k := range kinds() {
		if a := k.spec.attrs[name]; a != nil {
			known = true
			if a.secret() || name == "nkey" {
				return false
			}
		}
	}
	return known
}

var (
	argument    = re(`^\s*"?([\w-]+)"?\s*=\s*`)
	singleBlock = re(`^\s*([\w-]+)(?:\s+(?:"[^"]*"|[\w-]+))*\s*\{\s*([\w-]+)\s*=\s*`)
	blockHeader = re(`^\s*([\w-]+)(?:\s+(?:"[^"]*"|[\w-]+))*\s*\{`)
	anyString   = re(`"(?:[^"\\\n]|\\.)*"?`)
)

// guess finds what may be a secret in a section that does not parse: every value but those of arguments that are known
// to hold none.
func guess(text []byte, s *region, secret bool) (found []stretch) {
	for _, p := range s.parts {
		from, to := p.start, p.end
		if p.body != nil {
			to = p.body.header
		}
		line := text[from:to]
		if m := argument().FindSubmatchIndex(line); m != nil {
			if value := line[m[1]:]; (secret || !holdsNoSecret(string(line[m[2]:m[3]]))) && !harmless().Match(value) {
				found = append(found, stretch{from + m[1], to})
			}
		} else if m := singleBlock().FindSubmatchIndex(line); m != nil && p.body == nil {
			inside := secret || holdsSecrets(string(line[m[2]:m[3]])) || !holdsNoSecret(string(line[m[4]:m[5]]))
			if inside && !harmless().Match(line[m[1]:]) {
				found = append(found, stretch{from + m[1], to})
			}
		} else if !blockHeader().Match(line) {
			for _, m := range anyString().FindAllIndex(line, -1) {
				found = append(found, stretch{from + m[0], from + m[1]})
			}
		}
		if p.body != nil {
			kind := blockHeader().FindSubmatch(line)
			found = append(found, guess(text, p.body, secret || kind == nil || holdsSecrets(string(kind[1])))...)
		}
	}
	return found
}

// stringEnd is the end of the string that begins at i: behind its quotation mark, or at the end of its line.
func stringEnd(text []byte, i int) int {
	for i++; i < len(text) && text[i] != '\n'; i++ {
		switch text[i] {
		case '"':
			return i + 1
		case '\\':
			if i+1 < len(text) && text[i+1] != '\n' {
				i++
			}
		}
	}
	return min(i, len(text))
}

// holdsSecrets tells blocks whose arguments have any name and may be secrets.
func holdsSecrets(block string) bool { return block == "secrets" || block == "locals" }

// guessJSON is guess for the JSON syntax.
func guessJSON(text []byte) (found []stretch) {
	var around []bool // for each open bracket, whether secrets stand in it
	key, secret := "", false
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '{' || c == '[':
			around = append(around, secret)
			secret = secret || holdsSecrets(key)
			i++
		case c == '}' || c == ']':
			if n := len(around); n > 0 {
				secret, around = around[n-1], around[:n-1]
			}
			i++
		case c == '"':
			end := stringEnd(text, i)
			if rest := bytes.TrimLeft(text[end:min(end+64, len(text))], " \t"); len(rest) > 0 && rest[0] == ':' {
				key = strings.Trim(string(text[i:end]), `"`)
			} else if (secret || !holdsNoSecret(key)) && (end-i > maxLiteral || !harmless().Match(text[i:end])) {
				found = append(found, stretch{i, end})
			}
			i = end
		case isWord(c) || isDigit(c):
			end := i
			for end < len(text) && (isWord(text[end]) || isDigit(text[end]) || strings.IndexByte("-.+!$%&*/@^~", text[end]) >= 0) {
				end++
			}
			if word := string(text[i:end]); word != "true" && word != "false" && word != "null" && (secret || !holdsNoSecret(key) || !isDigit(c)) {
				found = append(found, stretch{i, end})
			}
			i = end
		default:
			i++
		}
	}
	return found
}
