package hclconf

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
)

// maxRun is how many bytes are parsed at once, unless a single argument is longer.
const maxRun = 64 << 10

// isJSON tells JSON syntax by its first byte.
func isJSON(text []byte) bool {
	text = bytes.TrimLeft(bytes.TrimPrefix(text, bom), " \t\r\n")
	return len(text) > 0 && text[0] == '{'
}

// parse is nil when the text does not parse.
func (l *loader) parse(from int) hcl.Body {
	s := l.scan(from)
	for _, f := range s.flaws {
		l.flaw(f)
	}
	if s.stopped {
		l.unseen = true
		return nil
	}
	var body hcl.Body
	if l.json && len(s.flaws) == 0 {
		f, diags := json.ParseWithStartPos(l.text[from:], l.file, hcl.Pos{Line: 1, Column: 1, Byte: from})
		l.syntax(diags)
		body = f.Body
	} else if !l.json {
		native := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}}
		l.root = s.levels[0].body
		l.section(l.root, native)
		body = native
	}
	if l.diags.HasErrors() {
		return nil
	}
	return body
}

func (l *loader) scan(from int) *scanner {
	if l.json {
		return scanJSON(l.text, from)
	}
	return scanFile(l.text, from)
}

// flaw reports what the scanner found.
func (l *loader) flaw(f flaw) {
	if f.code != codeHostile && l.template(f.at.start) {
		return
	}
	d := l.report(Error, f.code, l.rangeAt(f.at), "", "%s", f.detail)
	d.Hint = f.hint
	if f.otherDetail != "" {
		d.alsoAt(l, l.rangeAt(f.other), "%s", f.otherDetail)
	}
}

// section parses the parts of a body: arguments and blocks on one line in runs, others one by one.
func (l *loader) section(s *region, into *hclsyntax.Body) {
	for i := 0; i < len(s.parts); {
		first, j := s.parts[i], i+1
		if first.body != nil {
			l.lines(first, into)
		} else if !first.bad {
			for j < len(s.parts) && s.parts[j].body == nil && !s.parts[j].bad && s.parts[j].end-first.start <= maxRun {
				j++
			}
			l.run(s.parts[i:j], into)
		}
		i = j
	}
}

// run parses parts at once, or one by one to find every mistake.
func (l *loader) run(parts []part, into *hclsyntax.Body) {
	body, diags := l.piece(l.text[parts[0].start:parts[len(parts)-1].end], parts[0])
	switch {
	case !diags.HasErrors():
		l.join(body, into)
	case len(parts) == 1:
		l.syntax(diags)
	default:
		for i := range parts {
			l.run(parts[i:i+1], into)
		}
	}
}

// lines parses a block that spans lines: at once when there is none in it, or else its header and then its parts.
func (l *loader) lines(p part, into *hclsyntax.Body) {
	s := p.body
	whole := !s.nested && !s.bad && !p.bad && p.end-p.start <= maxRun
	var wholeDiags hcl.Diagnostics
	if whole {
		body, diags := l.piece(l.text[p.start:p.end], p)
		if !diags.HasErrors() {
			l.join(body, into)
			return
		}
		wholeDiags = diags
	}
	before := len(l.diags)
	header, diags := l.piece(append(bytes.Clone(l.text[p.start:s.header]), '}'), p)
	inner := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}}
	switch {
	case !diags.HasErrors():
		inner = header.Blocks[0].Body
	case !p.bad: // or else the scanner has said what is wrong
		l.syntax(diags)
	}
	l.section(s, inner)
	if len(l.diags) == before {
		l.syntax(wholeDiags)
	}
	l.join(header, into)
}

// piece parses a piece of the file that begins where a part does.
func (l *loader) piece(text []byte, p part) (*hclsyntax.Body, hcl.Diagnostics) {
	f, diags := hclsyntax.ParseConfig(text, l.file, hcl.Pos{Line: p.line, Column: p.col, Byte: p.start})
	return f.Body.(*hclsyntax.Body), diags
}

// join adds what one piece holds to its body.
func (l *loader) join(from, into *hclsyntax.Body) {
	if l.onlySyntax {
		return
	}
	into.Blocks = append(into.Blocks, from.Blocks...)
	for name, a := range from.Attributes {
		if old := into.Attributes[name]; old != nil {
			l.twice(name, old.NameRange, a.NameRange)
			continue
		}
		into.Attributes[name] = a
	}
}

// twice reports an argument that is written again.
func (l *loader) twice(name string, first, again hcl.Range) {
	l.report(Error, codeDuplicate, again, "", "%s is written twice", clip(name)).alsoAt(l, first, "first written here")
}

// syntax reports what the parser found: one mistake for each line, since the others follow from it.
func (l *loader) syntax(diags hcl.Diagnostics) {
	lines := map[int]*hcl.Diagnostic{}
	for _, d := range diags {
		if d.Subject == nil || d.Summary == "Root value must be object" && len(diags) > 1 {
			continue
		}
		line := d.Subject.Start.Line
		if old := lines[line]; old == nil || d.Summary == "Invalid character" && old.Summary != d.Summary {
			lines[line] = d
		}
	}
	for _, line := range slices.Sorted(maps.Keys(lines)) {
		d := lines[line]
		if !l.template(d.Subject.Start.Byte) {
			l.report(Error, codeSyntax, *d.Subject, "", "%s", l.phrase(d)).Hint = l.remedy(d)
		}
	}
}

// templateMarks are what the templates of configuration management begin and end with.
var templateMarks = []struct{ open, end string }{{"{{", "}}"}, {"{%", "%}"}, {"<%", "%>"}}

// template reports the beginning of a template on the line of an offset, if there is one.
func (l *loader) template(at int) bool {
	at = min(at, len(l.text))
	start := bytes.LastIndexByte(l.text[:at], '\n') + 1
	line := l.text[start:lineEnd(l.text, at)]
	for _, mark := range templateMarks {
		if i := bytes.Index(line, []byte(mark.open)); i >= 0 {
			l.report(Error, codeTemplate, l.rangeAt(spot{start + i, start + i + 2, 1 + bytes.Count(l.text[:start], []byte("\n"))}), "",
				"this looks like a template that was not rendered").try("render the template before handing the file over")
			return true
		}
	}
	return false
}

// phrases are our words for what the library says too technically, or with a piece of the text that may be a secret.
var phrases = map[string]string{
	"Invalid expression":                       "a value is missing or cannot begin like this",
	"Invalid template control keyword":         "%{ begins a template directive; write %%{ for the two characters",
	"Invalid template directive":               "%{ begins a template directive; write %%{ for the two characters",
	"Invalid escape sequence":                  "a backslash begins one of \\n \\r \\t \\\" \\\\ \\uXXXX; write \\\\ for a backslash",
	"Invalid argument name":                    "names of arguments have no quotation marks",
	"Argument or block definition required":    "here goes `name = value` or `type \"label\" { … }`",
	"Missing newline after argument":           "a line break is missing after the argument",
	"Unexpected comma after argument":          "arguments end with a line break, not with a comma",
	"Missing newline after block definition":   "a line break is missing after the block",
	"Argument definition required":             "a block on one line holds one `name = value` and nothing else",
	"Invalid single-argument block definition": "a block on one line holds one `name = value` and nothing else",
	"Invalid JSON keyword":                     "values in JSON are strings in quotation marks, numbers, true, false and null",
}

// phrase is what the parser found in our words.
func (l *loader) phrase(d *hcl.Diagnostic) string {
	if strings.HasPrefix(d.Detail, `"Curly quotes"`) {
		return "these are no quotation marks; write \""
	}
	if at := d.Subject.Start.Byte; l.json && at < len(l.text) && (l.text[at] == '/' || l.text[at] == '#') {
		return `JSON has no comments; "//": "text" is ignored in a block`
	}
	return phrase(d)
}

// remedy is what to write in place of what the parser found, where that is plain, or "".
func (l *loader) remedy(d *hcl.Diagnostic) string {
	at := d.Subject.Start.Byte
	switch {
	case d.Summary == "Invalid single-argument block definition" || d.Summary == "Argument definition required":
		return "lines of their own: { ends the first one, and } has the last one for itself"
	case d.Summary == "Argument or block definition required" && colon(l.text[min(at, len(l.text)):]):
		return "`name = value`; `unibus import` makes such a file of nats.conf files"
	case strings.HasPrefix(d.Detail, "This character is not used"):
		return "a plain space, or nothing; it looks like another character than it is"
	case l.json && strings.HasPrefix(d.Detail, "Either a JSON object or a JSON array is required, representing the contents"):
		block := "cluster"
		if quoted := strings.Split(d.Detail, `"`); len(quoted) == 3 {
			block = quoted[1]
		}
		return fmt.Sprintf(`%q: {"NAME": { … }}; the name of a block is a key around what it holds`, block)
	}
	return ""
}

// colon tells whether a text begins with a word and a colon, as YAML and nats.conf have them.
func colon(text []byte) bool {
	word := bytes.TrimLeftFunc(text, func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) })
	return len(word) < len(text) && bytes.HasPrefix(word, []byte(":"))
}

// phrase makes one lower-case phrase of a diagnostic of the HCL library.
func phrase(d *hcl.Diagnostic) string {
	s, ok := phrases[d.Summary]
	if !ok {
		s = d.Detail
	}
	if s == "" {
		s = d.Summary
	}
	s = strings.Join(strings.Fields(s), " ")
	s = strings.TrimSuffix(s, ".")
	if s == "" {
		return "not valid HCL"
	}
	return lowerFirst(s)
}

// lowerFirst lowers the first letter, unless the word looks like a name.
func lowerFirst(s string) string {
	if len(s) > 1 && s[0] >= 'A' && s[0] <= 'Z' && !(s[1] >= 'A' && s[1] <= 'Z') {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

// lineEnd is the offset of the line break at or after i, or the end.
func lineEnd(text []byte, i int) int {
	if n := bytes.IndexByte(text[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(text)
}
