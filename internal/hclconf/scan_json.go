package hclconf

import "fmt"

// scanJSON follows JSON syntax exactly as the library's scanner does (hashicorp/hcl v2.25.0, json/scanner.go): a string
// also ends at a control character, and nothing is read behind a character that begins no token. What stands in strings is
// scanned when it is evaluated.
func scanJSON(text []byte, from int) *scanner {
	s := &scanner{text: text, i: from, line: 1, lineStart: from, levels: make([]level, 1, 16)}
	for s.i < len(text) && !s.stopped && len(s.flaws) == 0 {
		switch c := text[s.i]; {
		case c == '\n':
			s.i++
			s.startLine()
		case c == '{' || c == '[':
			s.item(2)
			s.open(c, 1)
		case c == '}' || c == ']':
			if top := s.top().kind; top != c-2 { // in ASCII, two before each of them is the one that opens
				s.mismatch(c)
				continue
			}
			s.levels = s.levels[:len(s.levels)-1]
			s.i++
		case c == '"':
			s.jsonString()
		case isDigit(c) || c == '-' || c == '+' || c == '.':
			s.jsonNumber()
		case c == ',':
			s.item(1)
			s.i++
		case c == ' ' || c == '\t' || c == '\r' || c == ':' || c == '=' || c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			s.i++
		default:
			return s
		}
	}
	if len(s.flaws) == 0 && len(s.levels) > 1 {
		s.flaw(codeSyntax, s.top().at, fmt.Sprintf("%c is not closed", s.top().kind)).hint = "look whether the end of the file is missing"
	}
	return s
}

func (s *scanner) mismatch(c byte) {
	if len(s.levels) == 1 {
		s.flaw(codeSyntax, s.here(1), fmt.Sprintf("%c closes nothing", c))
		return
	}
	s.flaw(codeSyntax, s.here(1), fmt.Sprintf("%c cannot close %c", c, s.top().kind)).related(s.top().at, "what it would close")
}

func (s *scanner) jsonString() {
	start := s.i
	escaping := false
	for s.i++; s.i < len(s.text); s.i++ {
		switch c := s.text[s.i]; {
		case c == '\\':
			escaping = !escaping
		case c == '"' && !escaping:
			s.i++
			return
		case c < ' ':
			s.flaw(codeSyntax, spot{start, s.i, s.line}, "this string does not end on its line")
			return
		default:
			escaping = false
		}
	}
	s.flaw(codeSyntax, spot{start, s.i, s.line}, "this string does not end")
}

func (s *scanner) jsonNumber() {
	start := s.i
	for s.i < len(s.text) {
		c := s.text[s.i]
		if !isDigit(c) && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' {
			break
		}
		s.i++
	}
	if s.i-start > maxDigits {
		s.stopAt(spot{start, start + 1, s.line}, fmt.Sprintf("a number with %d digits", s.i-start))
	}
}
