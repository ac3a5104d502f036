package hclconf

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

func TestFormat(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"indent and align", "cluster \"c\" {\nnode \"n\" {\naddress=\"10.0.0.1\"\n      tags  = [ \"az:1\" ]\n}\n}", "cluster \"c\" {\n  node \"n\" {\n    address = \"10.0.0.1\"\n    tags    = [\"az:1\"]\n  }\n}\n"},
		{"blank lines", "\n\n\n# one\n\n\n\n# two   \ncluster \"c\" {\n\n\n\n}\n\n\n", "# one\n\n# two\ncluster \"c\" {\n\n}\n"},
		{"CRLF and byte order mark", "\xef\xbb\xbfcluster \"c\" {\r\n  # a\r\n  /* b\r\n  c */\r\n}\r\n", "cluster \"c\" {\n  # a\n  /* b\n  c */\n}\n"},
		{"one line", "cluster \"c\" { insecure=true }", "cluster \"c\" { insecure = true }\n"},
		{"heredoc", "cluster \"c\" {\n  bucket \"b\" {\n      description = <<-EOT\n\n\n        two  \n      EOT\n\n\n  }\n}\n", "cluster \"c\" {\n  bucket \"b\" {\n    description = <<-EOT\n\n\n        two  \n      EOT\n\n  }\n}\n"},
		{"line in a heredoc", "locals {\r\n  a = <<EOT\r\none\r\n\r\n\r\n\r\ntwo\r\nEOT\r\n}\r\n", "locals {\n  a = <<EOT\none\r\n\r\n\r\n\r\ntwo\r\nEOT\n}\n"},
		{"only comments", "\n# nothing\n\n", "# nothing\n"},
		{"empty", "\n\n \t\n", ""},
		{"what the library would change", "a = 0. 8\n\n\n", "a = 0. 8\n\n\n"},
		{"JSON", " {\"cluster\":   {\"c\":{}}}", " {\"cluster\":   {\"c\":{}}}"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, c := Format("f.hcl", []byte(test.in))
			if len(c.Diagnostics) > 0 {
				t.Fatal(c.Diagnostics)
			}
			if diff := cmp.Diff(test.want, string(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			again, _ := Format("f.hcl", got)
			if diff := cmp.Diff(string(got), string(again)); diff != "" {
				t.Errorf("formatted twice:\n%s", diff)
			}
		})
	}
}

// TestFormatRefuses gives nothing back of what does not parse, with the mistakes of the syntax only.
func TestFormatRefuses(t *testing.T) {
	for _, in := range []string{"cluster \"c\" {", "cluster \"c\" { a = }", "{\"cluster\": ", "\x00", "a = [[[", "a = \"\xff\""} {
		got, c := Format("f.hcl", []byte(in))
		if got != nil || len(c.Diagnostics) == 0 {
			t.Errorf("%q gives %q, %v", in, got, c.Diagnostics)
		}
	}
	got, c := Format("f.hcl", []byte("nonsense = 1\n"))
	if string(got) != "nonsense = 1\n" || len(c.Diagnostics) > 0 {
		t.Errorf("mistakes beyond syntax do not matter, but: %q, %v", got, c.Diagnostics)
	}
}

// TestFormatExamples makes sure that the examples are in canonical form.
func TestFormatExamples(t *testing.T) {
	for name, text := range corpus(t, "../../examples/*.hcl") {
		got, c := Format(name, text)
		if len(c.Diagnostics) > 0 {
			t.Error(c.Diagnostics)
		}
		if diff := cmp.Diff(string(text), string(got)); diff != "" {
			t.Errorf("%s: run unibus fmt:\n%s", name, diff)
		}
	}
}

// TestFormatKeepsTheMeaning formats every file there is, spoilt in ways that formatting puts right.
func TestFormatKeepsTheMeaning(t *testing.T) {
	for name, text := range corpus(t, everyFile...) {
		for _, spoil := range []func([]byte) []byte{
			func(b []byte) []byte { return b },
			func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\n\n\n")) },
			func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("  "), nil) },
			func(b []byte) []byte {
				return append(bytes.Clone(bom), bytes.ReplaceAll(unix(b), []byte("\n"), []byte("\r\n"))...)
			},
		} {
			keepsMeaning(t, name, spoil(text))
		}
	}
}

// TestFormatPieces makes sure that text which is formatted in pieces, as small as possible, comes out as in one.
func TestFormatPieces(t *testing.T) {
	most := 0
	for name, text := range corpus(t, everyFile...) {
		if Load(name, text, Host{}).Diagnostics.HasErrors() {
			continue
		}
		text = unaligned(bytes.TrimPrefix(text, bom))
		var got []byte
		pieces := split(text, 1)
		most = max(most, len(pieces))
		for _, p := range pieces {
			if err := p.format(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got = append(got, p.text...)
		}
		if diff := cmp.Diff(string(hclwrite.Format(lines(text))), string(got)); diff != "" {
			t.Errorf("%s: -whole +pieces:\n%s", name, diff)
		}
	}
	if most < 20 {
		t.Errorf("no file has more than %d pieces", most)
	}
}

// TestFormatGrowth makes sure that a file of ten times the size takes ten times the memory to format, all in all, and not
// more.
func TestFormatGrowth(t *testing.T) {
	each := func(buckets int) float64 {
		text := []byte("cluster \"c\" {\n" + strings.Repeat("bucket \"b\" {\n replicas=3\n  history = 10 # few\n}\n", buckets) + "}\n")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, c := Format("f.hcl", text)
		runtime.ReadMemStats(&after)
		if len(c.Diagnostics) > 0 || bytes.Count(got, []byte("\n    history  = 10 # few\n")) != buckets {
			t.Fatalf("%d buckets are not formatted: %v", buckets, c.Diagnostics)
		}
		return float64(after.TotalAlloc-before.TotalAlloc) / float64(buckets)
	}
	few, many := each(1_000), each(10_000)
	if many > 1.2*few {
		t.Errorf("%.0f bytes for each of 1,000 buckets, %.0f for each of 10,000", few, many)
	}
}

// unaligned is a text without the spaces that formatting adds.
func unaligned(text []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("  "), nil), []byte(" ="), []byte("="))
}

func FuzzFormat(f *testing.F) {
	for _, text := range corpus(f, everyFile...) {
		f.Add(text)
	}
	for _, text := range []string{
		"a = <<EOT\r\n  ${ b }\r\nEOT\r\n", "a = [\n1,\n# c\n2 ]\n", "a{b{c{}}}", "a = \"%{ if b }${ c }%{ endif }\" // d", "a = b ? -1 : ! c",
		"a = { b = 1, # c\n d : 2 }\n\n\n\n", "/* a */ b /* c */ = /* d */ 1 /* e */", "a = f(\n\n\n1\n)", "a = b[*].c[ 0 ]\n", "a \"b\" \"c\" {}\n//d\r\n\r\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) { keepsMeaning(t, "fuzz.hcl", text) })
}

// keepsMeaning formats a text and makes sure that formatting it again changes nothing, that no token and no comment was
// lost, and that the digest is the same.
func keepsMeaning(t *testing.T, name string, text []byte) {
	t.Helper()
	got, c := Format(name, text)
	if got == nil {
		if len(c.Diagnostics) == 0 {
			t.Errorf("%s: %q gives neither text nor diagnostics", name, text)
		}
		return
	}
	again, c := Format(name, got)
	if len(c.Diagnostics) > 0 {
		t.Fatalf("%s: %q does not parse: %v", name, got, c.Diagnostics)
	}
	if !bytes.Equal(got, again) {
		t.Errorf("%s: formatted twice:\n%s", name, cmp.Diff(string(got), string(again)))
	}
	if !IsJSON(text) {
		if diff := cmp.Diff(words(text), words(got)); diff != "" {
			t.Errorf("%s: other tokens:\n%s", name, diff)
		}
	}
	if want, got := Load(name, text, Host{}).Digest, Load(name, got, Host{}).Digest; want != got {
		t.Errorf("%s: digest %q, was %q", name, got, want)
	}
}

// words are the tokens of a text, but for line breaks and spaces around comments.
func words(text []byte) []string {
	var all []string
	tokens, _ := hclsyntax.LexConfig(bytes.TrimPrefix(text, bom), "", hcl.InitialPos)
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenNewline, hclsyntax.TokenEOF:
		case hclsyntax.TokenComment:
			all = append(all, string(bytes.TrimSpace(comment(t.Bytes))))
		case hclsyntax.TokenOHeredoc:
			all = append(all, string(unix(t.Bytes)))
		default:
			all = append(all, string(t.Bytes))
		}
	}
	return all
}

// everyFile are the patterns of all files that are worth formatting.
var everyFile = []string{"../../examples/*.hcl", "testdata/*.hcl", "testdata/*/*.hcl"}

func corpus(t testing.TB, patterns ...string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, pattern := range patterns {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if all[name], err = os.ReadFile(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	return all
}
