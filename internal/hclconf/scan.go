package hclconf

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Text is not given to the library's parser as it is. Its parser is recursive without a limit (hashicorp/hcl v2.25.0,
// hashicorp/hcl#809), and a Go stack that overflows cannot be caught. Worse, after a mistake it skips to the end of the
// line, and when that skips a closing brace it takes what follows for the inside of a block that has ended: a file of
// `b {`, `a = }` again and again nests one level deeper on every line, though its brackets match.
//
// So a scanner first follows the brackets, strings and comments of the text exactly as the library's scanner does, limits
// what can nest, and cuts the text into parts that hold at most one block that spans lines. The parts are parsed one by
// one. Mistakes in one part hide none in another, and a bracket that does not match is reported by the scanner, in better
// words than a parser has that notices it only at the end of the file.

// part is one argument or block of a body.
type part struct {
	start, end int // from the beginning of its first line, or a comment that ends there, to the end of its last
	line, col  int // of the start
	body       *region
	bad        bool // something is wrong with its brackets, which was reported
}

// region is the body of a block that spans lines, or of the file.
type region struct {
	header int // the end of its opening brace
	end    int // the offset of its closing brace
	parts  []part
	nested bool // a part is a block that spans lines
	bad    bool // a part is bad
}

// flaw is a mistake that the scanner found.
type flaw struct {
	code         Code
	at           spot
	detail, hint string
	other        spot // the zero value for none
	otherDetail  string
}

// spot is a stretch of the text within one line.
type spot struct{ start, end, line int }

// level is one open bracket, string or block.
type level struct {
	kind   byte // { ( [ " as written; $ a template sequence, b a block on one line, s a section, h a heredoc, t a bare template
	at     spot
	chain  int     // operators on the way to here, which nest in the tree of the expression
	base   int     // chain where the level was opened
	body   *region // of a section
	item   part    // the part of the section that is being read; its end is -1 while there is none
	marker []byte  // of a heredoc
	fresh  bool    // the line of a heredoc has no template sequence so far, so it may be the marker
	hurt   bool    // a string on its line had no end, so perhaps its own end was taken for text
	pieces int     // literals in a string or heredoc, which the parser joins in quadratic time
}

// scanner follows the structure of a text.
type scanner struct {
	text      []byte
	i         int
	line      int
	lineStart int
	partStart int // the earliest that a part on this line can begin
	levels    []level
	prev      byte // the last token: i for a word or number, " for a string, else the character
	unary     int
	gaps      int // how often the parser will look at line breaks and comments it skips
	items     int // arguments, blocks, operators, comments and what stands between commas
	blocks    int
	suspect   *spot
	suspectBy spot
	flaws     []flaw
	cut       bool // a comment has no end, and whatever was open has none for that reason
	stopped   bool // a limit was exceeded, so that nothing may be parsed

	trace func(open bool, at int) // for tests
}

// Limits of the scanner.
const (
	maxDepth  = 100
	maxUnary  = 100
	maxChain  = 1_000
	maxDigits = 1_000
	maxPieces = 250
	maxGaps   = 20_000_000
	maxPart   = 1 << 20
	maxItems  = 500_000
	maxBlocks = 100_000
	maxLines  = 1_000_000
	maxFlaws  = 100
)

// scanFile scans native syntax from an offset, behind a byte order mark.
func scanFile(text []byte, from int) *scanner {
	s := &scanner{text: text, i: from, line: 1, lineStart: from, partStart: from}
	s.levels = append(make([]level, 0, 16), level{kind: 's', body: &region{header: from, end: len(text)}, item: part{end: -1}})
	s.run()
	return s
}

// scanTemplate scans what stands in a string of the JSON syntax.
func scanTemplate(text []byte) *scanner {
	s := &scanner{text: text, line: 1}
	s.levels = append(make([]level, 0, 16), level{kind: 't'})
	s.run()
	return s
}

func (s *scanner) top() *level { return &s.levels[len(s.levels)-1] }

func (s *scanner) run() {
	for s.i < len(s.text) && !s.stopped {
		switch s.top().kind {
		case '"':
			s.quoted()
		case 'h', 't':
			s.heredoc()
		default:
			s.code()
		}
	}
	if !s.stopped {
		s.eof()
	}
}

// code reads one token outside strings.
func (s *scanner) code() {
	switch c := s.text[s.i]; c {
	case ' ', '\t':
		s.i++
	case '\r':
		if s.peek(1) != '\n' { // no line break, which makes what is here invalid
			s.begin()
			s.prev = c
		}
		s.i++
	case '\n':
		s.newline()
	case '#':
		s.comment()
	case '/':
		switch s.peek(1) {
		case '/', '*':
			s.comment()
		default:
			s.operator(1)
		}
	case '"':
		s.begin()
		s.open(c, 1)
	case '{':
		s.begin()
		s.brace()
	case '(', '[':
		s.begin()
		if c == '[' { // an index, too, is an operator
			s.count()
		}
		s.open(c, 1)
	case '}', ')', ']':
		s.close(c)
	case ',':
		s.begin()
		s.item(1)
		t := s.top()
		t.chain, s.unary, s.prev = t.base, 0, c
		s.i++
	case ':':
		s.begin()
		if s.peek(1) == ':' {
			s.flaw(codeSyntax, s.here(2), "functions have no namespaces")
		}
		s.prev = c
		s.i++
	case '~':
		s.begin()
		if s.peek(1) == '}' && s.top().kind != '$' {
			s.flaw(codeSyntax, s.here(2), "~} ends a template sequence, and there is none")
		}
		s.prev = c
		s.i++
	case '<':
		s.begin()
		if !s.openHeredoc() {
			s.operator(1)
		}
	case '!', '-':
		s.operator(1)
		if s.unary++; s.unary > maxUnary {
			s.stop("more than 100 operators in a row")
		}
	case '?', '*', '+', '%', '>', '&', '|', '=':
		s.operator(1)
		s.unary = 0
	default:
		s.begin()
		s.unary = 0
		switch {
		case c >= '0' && c <= '9':
			s.number()
		case isWord(c):
			s.word()
		default:
			s.prev = c
			s.i++
		}
	}
}

func (s *scanner) peek(n int) byte {
	if s.i+n < len(s.text) {
		return s.text[s.i+n]
	}
	return 0
}

// here is the stretch of n bytes at the current offset.
func (s *scanner) here(n int) spot { return spot{s.i, min(s.i+n, len(s.text)), s.line} }

// begin begins a part, unless one is being read.
func (s *scanner) begin() {
	t := s.top()
	if t.body == nil {
		return
	}
	if t.item.end < 0 {
		s.item(1)
		t.item = part{start: s.partStart, line: s.line, col: 1 + utf8.RuneCount(s.text[s.lineStart:s.partStart])}
	} else if t.item.body != nil && !t.item.bad {
		s.flaw(codeSyntax, s.here(1), "a block ends with a line break")
	}
}

// newline ends a part, an argument or nothing, depending on where it stands.
func (s *scanner) newline() {
	switch t := s.top(); t.kind {
	case 's':
		s.endPart()
		t.chain = t.base
	case '{', 'b':
		s.item(1)
		t.chain = t.base
	default:
		s.gap()
	}
	s.prev = '\n'
	s.i++
	s.startLine()
}

func (s *scanner) startLine() {
	s.lineStart, s.partStart = s.i, s.i
	if s.line++; s.line > maxLines {
		s.stop(fmt.Sprintf("more than %d lines", maxLines))
	}
}

// item counts what takes memory for itself, which short text can have much of.
func (s *scanner) item(n int) {
	if s.items += n; s.items > maxItems {
		s.stop(fmt.Sprintf("more than %d arguments, values and comments", maxItems))
	}
}

func (s *scanner) block() {
	if s.blocks++; s.blocks > maxBlocks {
		s.stop(fmt.Sprintf("more than %d blocks", maxBlocks))
	}
}

// endPart ends the part that is being read.
func (s *scanner) endPart() {
	t := s.top()
	if t.item.end < 0 {
		return
	}
	p := t.item
	p.end = min(s.i+1, len(s.text)) // with the line break, without which no heredoc ends
	if p.end-p.start > maxPart && p.body == nil {
		s.stopAt(spot{p.start, p.start + 1, p.line}, fmt.Sprintf("one argument takes %d bytes, more than the %d that are read", p.end-p.start, maxPart))
	}
	t.body.parts = append(t.body.parts, p)
	t.body.nested = t.body.nested || p.body != nil
	t.body.bad = t.body.bad || p.bad
	t.item = part{end: -1}
}

func (s *scanner) comment() {
	s.gap()
	s.item(1)
	if s.text[s.i] == '#' || s.peek(1) == '/' {
		end := lineEnd(s.text, s.i)
		s.commentSize(end - s.i)
		s.i = end
		return
	}
	n := bytes.Index(s.text[s.i+2:], []byte("*/"))
	if n < 0 {
		s.begin()
		s.flaw(codeSyntax, s.here(2), "this comment is not closed").hint = "close it with */"
		s.cut = true
		s.i = len(s.text)
		return
	}
	s.commentSize(n)
	for end := s.i + 2 + n + 2; s.i < end; {
		s.i++
		if s.text[s.i-1] == '\n' {
			s.startLine()
		}
	}
	s.partStart = s.i
}

func (s *scanner) commentSize(n int) {
	if n > maxPart {
		s.stop(fmt.Sprintf("a comment of %d bytes", n))
	}
}

// gap counts what the parser skips, which it does again for every operator around.
func (s *scanner) gap() {
	if s.gaps += s.top().chain; s.gaps > maxGaps {
		s.stop("too many line breaks and comments between operators")
	}
}

func (s *scanner) operator(n int) {
	s.begin()
	s.count()
	s.prev = s.text[s.i]
	s.i += n
}

func (s *scanner) count() {
	if s.peek(0) != '=' || s.peek(1) == '=' { // the = of an argument is counted with it
		s.item(1)
	}
	t := s.top()
	if t.chain++; t.chain > maxChain {
		s.stop("more than 1,000 operators in one argument")
	}
}

func (s *scanner) open(kind byte, n int) {
	t := s.top()
	s.levels = append(s.levels, level{kind: kind, at: s.here(max(n, 1)), chain: t.chain, base: t.chain})
	if len(s.levels) > maxDepth+1 {
		s.stop("brackets are nested more than 100 deep")
	}
	if kind == '$' || kind == '(' {
		s.item(1)
	}
	if s.trace != nil {
		s.trace(true, s.i)
	}
	s.unary, s.prev = 0, kind
	s.i += n
}

// brace tells blocks from objects: a block has its type or a label before the brace.
func (s *scanner) brace() {
	t := s.top()
	block, ends := s.prev == 'i' || s.prev == '"', s.endsLine(s.i+1)
	if block {
		s.block()
	}
	switch {
	case block && ends && t.kind == 's':
		s.openSection(s.i + 1)
		s.i++
	case block && ends:
		s.flaw(codeSyntax, s.here(1), "a block cannot begin inside an expression or a block on one line")
		s.open('{', 1)
	case block && (t.kind == 's' || t.kind == 'b'):
		s.open('b', 1)
	default:
		s.open('{', 1)
	}
}

// endsLine tells whether nothing but spaces and comments stand between an offset and the end of the line.
func (s *scanner) endsLine(i int) bool {
	for i < len(s.text) {
		switch c := s.text[i]; {
		case c == ' ' || c == '\t':
			i++
		case c == '\n' || c == '#' || bytes.HasPrefix(s.text[i:], []byte("\r\n")) || bytes.HasPrefix(s.text[i:], []byte("//")):
			return true
		case bytes.HasPrefix(s.text[i:], []byte("/*")):
			n := bytes.Index(s.text[i+2:], []byte("*/"))
			if n < 0 {
				return true
			}
			i += n + 4
		default:
			return false
		}
	}
	return true
}

// close closes a bracket. When it is not the one that is open, what is open inside the matching one was forgotten.
func (s *scanner) close(c byte) {
	j := len(s.levels) - 1
	for j > 0 && !closes(c, s.levels[j].kind) && s.levels[j].kind != 's' {
		j--
	}
	if j == 0 || !closes(c, s.levels[j].kind) {
		s.begin()
		if t := s.top(); t.kind == '(' || t.kind == '[' {
			s.flaw(codeSyntax, s.here(1), fmt.Sprintf("%c cannot close %c", c, t.kind)).related(t.at, "what it would close")
			s.levels = s.levels[:len(s.levels)-1]
		} else {
			s.flaw(codeSyntax, s.here(1), fmt.Sprintf("%c closes nothing", c))
		}
		s.prev = c
		s.i++
		return
	}
	if j < len(s.levels)-1 {
		open := s.levels[j+1]
		s.levels = s.levels[:j+1]
		if open.hurt {
			s.spoil()
		} else {
			s.flaw(codeSyntax, open.at, fmt.Sprintf("%s is not closed", s.text[open.at.start:open.at.end])).
				related(s.here(1), fmt.Sprintf("this %c closes what is around it", c))
		}
	}
	if t := s.top(); t.kind == 's' {
		s.closeSection(t)
	}
	if s.trace != nil {
		s.trace(false, s.i)
	}
	s.levels = s.levels[:len(s.levels)-1]
	s.unary, s.prev = 0, c
	s.i++
}

func closes(c, kind byte) bool {
	switch c {
	case ')':
		return kind == '('
	case ']':
		return kind == '['
	}
	return kind == '{' || kind == 'b' || kind == '$' || kind == 's'
}

func (s *scanner) closeSection(t *level) {
	if t.item.end >= 0 {
		if !t.item.bad {
			s.flaw(codeSyntax, s.here(1), "the brace that closes a block of several lines needs a line of its own")
		}
		s.endPart()
	}
	t.body.end = s.i
	around := &s.levels[len(s.levels)-2]
	around.item.body = t.body
	around.item.bad = around.item.bad || s.stopped
	if s.suspect == nil && s.indent(s.lineStart) < s.indent(s.lineBefore(t.at.start)) {
		header := spot{s.lineBefore(t.at.start), t.at.end, around.item.line}
		header.start += s.indent(header.start)
		s.suspect, s.suspectBy = &header, s.here(1)
	}
}

func (s *scanner) lineBefore(at int) int { return bytes.LastIndexByte(s.text[:at], '\n') + 1 }

// indent is how many blanks a line begins with.
func (s *scanner) indent(at int) int {
	n := 0
	for at+n < len(s.text) && (s.text[at+n] == ' ' || s.text[at+n] == '\t') {
		n++
	}
	return n
}

// isWord tells what words begin with. The library's scanner knows exactly which letters beyond ASCII are allowed; others
// make the part invalid there.
func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= utf8.RuneSelf
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (s *scanner) word() {
	start := s.i
	for s.i < len(s.text) && (isWord(s.text[s.i]) || isDigit(s.text[s.i]) || s.text[s.i] == '-') {
		s.i++
	}
	if (s.prev == '{' || s.prev == '[' || s.prev == '%') && string(s.text[start:s.i]) == "for" && s.top().body == nil && s.top().kind != 'b' {
		s.flaw(codeFor, spot{start, s.i, s.line}, "`for` is not part of the language").hint = "write every value out, or generate the JSON form"
	}
	s.prev = 'i'
}

func (s *scanner) number() {
	start := s.i
	for s.i < len(s.text) {
		c := s.text[s.i]
		switch {
		case isDigit(c) || c == '.':
			s.i++
		case (c == 'e' || c == 'E') && isDigit(s.peek(1)):
			s.i += 2
		case (c == 'e' || c == 'E') && (s.peek(1) == '+' || s.peek(1) == '-') && isDigit(s.peek(2)):
			s.i += 3
		default:
			c = 0
		}
		if c == 0 {
			break
		}
	}
	if s.i-start > maxDigits {
		s.stopAt(spot{start, start + 1, s.line}, fmt.Sprintf("a number with %d digits", s.i-start))
	}
	s.prev = 'i'
}

// quoted reads a string up to its end or its next template sequence.
func (s *scanner) quoted() {
	for s.i < len(s.text) {
		switch c := s.text[s.i]; c {
		case '"':
			if s.trace != nil {
				s.trace(false, s.i)
			}
			s.levels = s.levels[:len(s.levels)-1]
			s.unary, s.prev = 0, c
			s.i++
			return
		case '\\':
			s.i++
			if n := s.peek(0); s.i < len(s.text) && n != '\n' && n != '\r' {
				s.i++
			}
		case '\n':
			s.unterminated()
			return
		case '$', '%':
			if s.sequence(c) {
				return
			}
		default:
			s.i++
		}
	}
}

// sequence reads $ or % in a string or heredoc. It tells whether a template sequence was opened.
func (s *scanner) sequence(c byte) bool {
	t := s.top()
	t.fresh = false
	switch {
	case s.peek(1) == '{':
		if c == '%' { // if and for nest without brackets
			s.count()
		}
		s.open('$', 2)
		if c == '%' {
			s.prev = '%'
		}
		return true
	case s.peek(1) == c && s.peek(2) == '{':
		s.i += 3
	default:
		s.i++
	}
	s.piece()
	return false
}

func (s *scanner) piece() {
	t := s.top()
	if t.pieces++; t.pieces > maxPieces {
		s.stop("a string with more than 250 lines, $ or %")
	}
}

// unterminated reports a string that does not end on its line and goes on as if it did.
func (s *scanner) unterminated() {
	j := len(s.levels) - 1
	for k := j; k > 0 && s.levels[k].at.line == s.line; k-- {
		if s.levels[k].kind == '"' {
			j = k
		}
	}
	at, inner := s.levels[j].at, s.levels[min(j+1, len(s.levels)-1)]
	s.levels = s.levels[:j]
	for k := len(s.levels) - 1; k > 0 && s.levels[k].at.line == s.line; k-- {
		s.levels[k].hurt = true
	}
	label := s.prevBefore(at) == 'i'
	if inner.kind == '$' {
		s.flaw(codeSyntax, inner.at, "this template sequence is not closed").hint = "close it with }, or write $${ for the two characters"
	} else {
		s.flaw(codeSyntax, spot{at.start, s.i, at.line}, "this string does not end on its line").hint = "close it with a quotation mark"
	}
	s.prev = '"'
	if line := bytes.TrimRight(s.text[at.start:s.i], " \t\r"); label && s.top().kind == 's' && bytes.HasSuffix(line, []byte("{")) {
		s.openSection(s.i) // a label that was not closed, and behind it a block
	}
}

// prevBefore is what stands before a place on its line: i for a word.
func (s *scanner) prevBefore(at spot) byte {
	line := bytes.TrimRight(s.text[s.lineBefore(at.start):at.start], " \t")
	if n := len(line); n > 0 && (isWord(line[n-1]) || isDigit(line[n-1])) {
		return 'i'
	}
	return 0
}

// openSection opens a block that spans lines.
func (s *scanner) openSection(header int) {
	if n := header - s.top().item.start; n > maxLiteral {
		s.stop(fmt.Sprintf("the first line of a block takes %d bytes", n))
	}
	s.open('s', 0)
	s.top().body = &region{header: header}
	s.top().item.end = -1
}

// openHeredoc begins a heredoc such as <<EOT if there is one here.
func (s *scanner) openHeredoc() bool {
	if s.peek(1) != '<' {
		return false
	}
	i := s.i + 2
	if i < len(s.text) && s.text[i] == '-' {
		i++
	}
	start := i
	for i < len(s.text) && (isWord(s.text[i]) || i > start && (isDigit(s.text[i]) || s.text[i] == '-')) {
		i++
	}
	marker := s.text[start:i]
	if i < len(s.text) && s.text[i] == '\r' {
		i++
	}
	if len(marker) == 0 || i >= len(s.text) || s.text[i] != '\n' {
		return false
	}
	if bytes.IndexFunc(marker, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
		s.flaw(codeSyntax, s.here(i-s.i), "the marker of a heredoc can only have letters from A to Z")
		s.stopped = true
		return false
	}
	s.open('h', i-s.i)
	t := s.top()
	t.marker, t.fresh = marker, true
	s.i++
	s.startLine()
	return true
}

// heredoc reads one line of a heredoc or of a bare template, or up to a template sequence.
func (s *scanner) heredoc() {
	t := s.top()
	end := lineEnd(s.text, s.i)
	if t.fresh && t.kind == 'h' && end < len(s.text) && bytes.Equal(bytes.TrimSpace(s.text[s.i:end]), t.marker) {
		s.i = end
		if s.trace != nil {
			s.trace(false, s.i)
		}
		s.levels = s.levels[:len(s.levels)-1]
		s.prev = 'h'
		return
	}
	for s.i < end {
		if c := s.text[s.i]; c == '$' || c == '%' {
			if s.sequence(c) {
				return
			}
			continue
		}
		s.i++
	}
	if s.i < len(s.text) {
		s.i++
		s.startLine()
		t.fresh = true
		s.piece()
	}
}

// eof ends the text. What is still open is reported once.
func (s *scanner) eof() {
	if len(s.levels) > 1 && len(s.flaws) < maxFlaws && !s.cut {
		s.unclosed()
	}
	for len(s.levels) > 1 { // what is there can be parsed all the same
		if t := s.top(); t.kind == 's' {
			s.endPart()
			t.body.end = s.i
			around := &s.levels[len(s.levels)-2]
			around.item.body, around.item.bad = t.body, true
		}
		s.levels = s.levels[:len(s.levels)-1]
	}
	if s.top().body != nil {
		s.endPart()
	}
}

func (s *scanner) unclosed() {
	t := s.top()
	switch {
	case t.kind == 'h':
		s.flaw(codeSyntax, t.at, "this heredoc has no end").hint = fmt.Sprintf("close it with %s on a line of its own", t.marker)
	case t.kind == '"':
		s.unterminated()
	case t.kind == '$':
		s.flaw(codeSyntax, t.at, "this template sequence is not closed")
	case t.kind == 's' && s.suspect != nil:
		s.flaw(codeSyntax, *s.suspect, "this block is not closed").related(s.suspectBy, "this } closes it, but is indented for a block around it")
	case t.kind == 's':
		header := spot{s.lineBefore(t.at.start), t.at.end, t.at.line}
		header.start += s.indent(header.start)
		s.flaw(codeSyntax, header, "this block is not closed, the file ends inside it").hint = "add the missing }, and look whether more of the file is missing"
	default:
		s.flaw(codeSyntax, t.at, fmt.Sprintf("%c is not closed", s.text[t.at.start]))
	}
}

// spoil keeps the part that is being read from being parsed.
func (s *scanner) spoil() {
	for i := len(s.levels) - 1; i >= 0; i-- {
		if t := &s.levels[i]; t.kind == 's' {
			t.item.bad = true
			return
		}
	}
}

// flaw records a mistake. The part it is in will not be parsed.
func (s *scanner) flaw(code Code, at spot, detail string) *flaw {
	s.spoil()
	s.flaws = append(s.flaws, flaw{code: code, at: at, detail: detail})
	if len(s.flaws) >= maxFlaws {
		s.stopped = true
	}
	return &s.flaws[len(s.flaws)-1]
}

func (f *flaw) related(at spot, detail string) { f.other, f.otherDetail = at, detail }

// stop ends the scan because of a limit.
func (s *scanner) stop(detail string) { s.stopAt(s.here(1), detail) }

func (s *scanner) stopAt(at spot, detail string) {
	if !s.stopped {
		s.flaw(codeHostile, at, detail)
		s.stopped = true
	}
}
