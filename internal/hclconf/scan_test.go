package hclconf

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// FuzzScan holds the scanner against the library: what is parsed in parts is what is parsed at once, and what the scanner
// refuses the library refuses too, but for the limits.
func FuzzScan(f *testing.F) {
	for _, text := range scanSeeds(f) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 8<<10 || isJSON(text) || invalidUTF8(text) >= 0 || bytes.IndexByte(text, 0) >= 0 {
			t.Skip()
		}
		l := newLoader("f", text, Host{})
		from, _ := l.guard(text)
		body := l.parse(from)
		if l.unseen || slices.ContainsFunc(l.diags, func(d Diagnostic) bool {
			return d.Code == codeFor || strings.Contains(d.Detail, "namespaces")
		}) {
			return // a limit, or what the library knows and the language does not
		}
		whole, diags := hclsyntax.ParseConfig(text, "f", hcl.InitialPos)
		if got, want := body == nil, diags.HasErrors(); got != want {
			t.Fatalf("refused %v, by the library %v\nwe: %v\nlibrary: %v", got, want, l.diags, diags)
		}
		if body == nil {
			return
		}
		if d := cmp.Diff(outline(whole.Body.(*hclsyntax.Body)), outline(body.(*hclsyntax.Body))); d != "" {
			t.Fatalf("parts differ from the whole (-whole +parts):\n%s", d)
		}
	})
}

// outline writes down a body with the places of everything in it. Columns are left out, because the scanner counts
// characters where the library counts what is seen as one.
func outline(b *hclsyntax.Body) []string {
	var all []string
	at := func(r hcl.Range) string {
		return fmt.Sprintf("%d:%d-%d:%d", r.Start.Line, r.Start.Byte, r.End.Line, r.End.Byte)
	}
	for _, a := range b.Attributes {
		all = append(all, fmt.Sprintf("%s = %T %s %s", a.Name, a.Expr, at(a.NameRange), at(a.Expr.Range())))
	}
	slices.Sort(all)
	for _, block := range b.Blocks {
		all = append(all, fmt.Sprintf("%s %q %s %s {", block.Type, block.Labels, at(block.TypeRange), at(block.OpenBraceRange)))
		for _, line := range outline(block.Body) {
			all = append(all, "  "+line)
		}
		all = append(all, "}")
	}
	return all
}

func scanSeeds(tb testing.TB) []string {
	tb.Helper()
	seeds := []string{
		"a = 1", "a = 1\n", "a {}\n", "a \"b\" {\n}\n", "a b {\n  c = 1\n}\n", "a {\n b {\n c {\n d = 1\n}\n}\n}\n",
		"a = <<EOT\nx\n  EOT\nb = 1\n", "a = <<-EOT\n ${1 + 1}\n EOT\n", "a = <<EOT\nEOT", "a = <<EOT\n${\n1}\nEOT\nEOT\n", "a = <<EOT \n",
		"a = \"${\"${1}\"}\"\n", "a = \"$${b}\"\n", "a = \"$$${b}\"\n", "a = \"%{ if true }x%{ else }y%{ endif }\"\n", "a = \"\\\"\"\n", "a = \"$\"\n", "a = \"${1~}\"\n",
		"a = [1,\n2, # c\n3]\n", "a = {\n b = 1\n c : 2, d = 3 }\n", "a = (1 +\n 2)\n", "a = f(1,\n2...)\n", "a = b ? c : d\n", "a = -1 - -1\n", "a = !b\n", "a = b[*].c\n", "a = b.*.c.0\n",
		"# c\na = 1 # c\n// c\n/* c\n */ b = 2\n", "a = 1 /* c\n */ b = 2\n", "a {# c\n}\n", "a { // c\n}\n", "a { /* c */\n}\n", "a { /* c\n*/ b = 1 }\n", "a /* c */ {\n}\n",
		"a { b = 1 }\n", "a { b = [\n1] }\n", "a { b = 1\n}\n", "a { b { c = 1 } }\n", "a { b }\n", "a {\n b = 1 }\n", "a {\n b {\n } }\n", "a {\n } b {\n }\n", "a {\n}\nb {\n}",
		"a = \"x\nb = \"y\"\n", "a = [\"x, \"y\"]\nb = 1\n", "a = [1\n}\n", "a = (1]\n", "}\n", "a {\n", "a {\n b {\n}\n", "a = \"${1\"\n", "a = \"${\n1\n}\"\n", "a = ]\n",
		"a = x::y(1)\n", "a = [for x in y : x]\n", "a = {for x in y : x => x}\n", "for = 1\n", "a = \"%{ for x in y }%{ endfor }\"\n", "a = {\n# c\nfor x in y : x => x }\n",
		"\xef\xbb\xbfa = 1\r\nb {\r\n c = 2\r\n}\r\n", "a = 1\rb = 2\n", "é = 1\na = é\n", "a = “x”\n", "a-b = 1\n", "a = 1e-5-x\n", "a = 1.5\n", "a = x -y\n", "a- {\n}\n",
		"b {\n a = }\n", "outer {\n b { c }\n}\n", "a = (1 2\nb {\nc = }\n)\n", "a {\n a = 1\n a = 2\n}\n", "a = 1\nb {}\na = 2\n", "a = 1,\n", "a: 1\n", "a\n", "\"a\" = 1\n", "a \"${b}\" {\n}\n", "a = {~}\n", "a = \"~}\"\n",
		"a = {{ b }}\n", "{% for %}\n", "a = b {\n}\n", "a = `x`\n", "a = 'x'\n", "a = 1;\n", "<<EOT\n", "a = \"\\${\"\n", "a = \"%%{x}\"\n", "a = \"$%{ if x }${y}%{ endif }\"\n", "/*", "#", "//", "a = /", "\"", "a = <<E\n$",
	}
	for _, name := range exampleFiles(tb) {
		text, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		seeds = append(seeds, string(text))
	}
	return seeds
}

func exampleFiles(tb testing.TB) []string {
	tb.Helper()
	all, err := filepath.Glob("../../examples/*")
	if err != nil || len(all) == 0 {
		tb.Fatalf("no examples: %v", err)
	}
	return all
}

func TestScanLimits(t *testing.T) {
	for name, test := range map[string]struct {
		text, want string
	}{
		"depth":    {strings.Repeat("[", 101), "deep"},
		"blocks":   {strings.Repeat("b {\n", 101), "deep"},
		"unary":    {"a = " + strings.Repeat("!", 101) + "b", "in a row"},
		"chain":    {"a = 1" + strings.Repeat("+1", 1000), "operators"},
		"lines":    {"a = [1" + strings.Repeat("+\n1", 1000) + "]", "operators"},
		"nested":   {"a = " + strings.Repeat("1+"+strings.Repeat("1+", 40)+"(", 30), "operators"},
		"ifs":      {`a = "` + strings.Repeat("%{ if true }", 1001), "operators"},
		"pieces":   {`a = "` + strings.Repeat("$", 251), "250"},
		"heredoc":  {"a = <<E\n" + strings.Repeat("\n", 251), "250"},
		"digits":   {"a = " + strings.Repeat("1", 1001), "digits"},
		"argument": {"a = [" + strings.Repeat("\"0123456789\",\n", 1<<20/13) + "]\n", "bytes"},
		"items":    {strings.Repeat("a = [1, 1]\n", 300_000), "values"},
		"blocks b": {strings.Repeat("b {}\n", 100_001), "blocks"},
		"lines n":  {strings.Repeat("\n", 1_000_001), "lines"},
		"comment":  {"#" + strings.Repeat("#", 1<<20), "comment"},
		"header":   {"b \"" + strings.Repeat("x", 64<<10) + "\" {\n}\n", "first line"},
		"gaps":     {"a = (1" + strings.Repeat("+1", 990) + strings.Repeat("\n", 30_000), "line breaks"},
	} {
		t.Run(name, func(t *testing.T) {
			s := scanFile([]byte(test.text), 0)
			if !s.stopped || len(s.flaws) == 0 || !strings.Contains(s.flaws[len(s.flaws)-1].detail, test.want) {
				t.Fatalf("stopped %v with %v, want %q", s.stopped, s.flaws, test.want)
			}
		})
	}
}
