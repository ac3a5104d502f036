package hclconf

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// want is a diagnostic that a file of testdata/bad or testdata/good is expected to have.
type want struct {
	line, column int // column 0 is any
	text, hint   *regexp.Regexp
}

// wants are written where they are expected:
//
//	replicas = 7 # want@16 "UB1104: .*7 replicas" try "replicas = 5"
//
// Column and try may be left out, and there may be several in a row. A warning has "warning " before its code. Where a
// comment is not possible or would be read as something else, they stand in FILE.want, one on a line, as
//
//	12 want@16 "UB1104: .*7 replicas"
func wants(t testing.TB, name, text string) []want {
	t.Helper()
	var all []want
	for i, line := range strings.Split(text, "\n") {
		if _, rest, ok := strings.Cut(line, "# want"); ok {
			all = append(all, parseWants(t, name, i+1, "want"+rest)...)
		}
	}
	aside, err := os.ReadFile(name + ".want")
	if err != nil {
		return all
	}
	for _, line := range strings.Split(strings.TrimSpace(string(aside)), "\n") {
		number, rest, _ := strings.Cut(line, " ")
		n, err := strconv.Atoi(number)
		if err != nil {
			t.Fatalf("%s.want: %s", name, line)
		}
		all = append(all, parseWants(t, name, n, rest)...)
	}
	return all
}

func parseWants(t testing.TB, name string, line int, rest string) []want {
	t.Helper()
	var all []want
	for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
		w := want{line: line}
		var ok bool
		if rest, ok = strings.CutPrefix(rest, "want"); !ok {
			t.Fatalf("%s:%d: %s", name, line, rest)
		}
		if at, after, ok := strings.Cut(rest, " "); ok && strings.HasPrefix(at, "@") {
			w.column, _ = strconv.Atoi(at[1:])
			rest = after
		}
		w.text, rest = pattern(t, name, line, rest)
		if after, ok := strings.CutPrefix(strings.TrimSpace(rest), "try"); ok {
			w.hint, rest = pattern(t, name, line, after)
		}
		all = append(all, w)
	}
	return all
}

func pattern(t testing.TB, name string, line int, rest string) (*regexp.Regexp, string) {
	t.Helper()
	rest = strings.TrimSpace(rest)
	quoted, err := strconv.QuotedPrefix(rest)
	if err != nil {
		t.Fatalf("%s:%d: no pattern at %s", name, line, rest)
	}
	text, err := strconv.Unquote(quoted)
	if err != nil {
		t.Fatalf("%s:%d: %v", name, line, err)
	}
	return regexp.MustCompile("^(?:" + text + ")$"), rest[len(quoted):]
}

func (w want) is(d Diagnostic) bool {
	return w.line == d.Range.Start.Line && (w.column == 0 || w.column == d.Range.Start.Column) &&
		w.text.MatchString(said(d)) && (w.hint == nil || w.hint.MatchString(d.Hint))
}

// said is what the patterns match.
func said(d Diagnostic) string {
	if d.Severity == Warning {
		return fmt.Sprintf("warning %s: %s", d.Code, d.Detail)
	}
	return fmt.Sprintf("%s: %s", d.Code, d.Detail)
}

// ageKeysOfHosts are the private keys of the hosts of the corpus, which guard nothing; n2 has none.
var ageKeysOfHosts = map[string]string{
	"n1": "AGE-SECRET-KEY-1S3J0ZCDLMC2TUJ7WGVJKHEA6VS6P82KAXSUS3TW0VD5EG50U0DCQEAH50W",
	"n3": "AGE-SECRET-KEY-19TZ8WWUXR2SP0ZZVW6E88EVP03N2ZS75T0HZCVNYSE8EZZG2AR2QN8R636",
}

// loadCase loads a file of the corpus: offline, or on the host that its first line names.
func loadCase(name string, text []byte) *Config {
	h := Host{}
	if rest, ok := strings.CutPrefix(string(text), "# on "); ok {
		node, _, _ := strings.Cut(rest, "\n")
		files := map[string]string{"/denied": "denied", "/key-of-n1": "one"}
		if key := ageKeysOfHosts[node]; key != "" {
			files[AgeKeyFile] = key
		}
		h = host{files: files}.as(node)
	}
	return Load(filepath.Base(name), text, h)
}

// cases are the files of testdata/bad and testdata/good.
func cases(t testing.TB) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"testdata/bad/*.hcl", "testdata/bad/*.json", "testdata/good/*.hcl", "testdata/good/*.json"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, names...)
	}
	if len(all) < 150 {
		t.Fatalf("the corpus has only %d files", len(all))
	}
	return all
}

func TestCorpus(t *testing.T) {
	for _, name := range cases(t) {
		t.Run(strings.TrimPrefix(name, "testdata/"), func(t *testing.T) {
			text := readFile(t, name)
			c := loadCase(name, []byte(text))
			missing := wants(t, name, text)
			for _, d := range c.Diagnostics {
				if i := slices.IndexFunc(missing, func(w want) bool { return w.is(d) }); i >= 0 {
					missing = slices.Delete(missing, i, i+1)
					continue
				}
				t.Errorf("unexpected at column %d: %s\n   try: %s", d.Range.Start.Column, d.Error(), d.Hint)
			}
			for _, w := range missing {
				t.Errorf("line %d, column %d: no %v try %v", w.line, w.column, w.text, w.hint)
			}
			code, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)), "_")
			has := slices.ContainsFunc(c.Diagnostics, func(d Diagnostic) bool { return string(d.Code) == code })
			if bad := strings.HasPrefix(name, "testdata/bad"); has != bad {
				t.Errorf("%s is reported: %v, want %v", code, has, bad)
			}
			if (c.Topology == nil) != c.Diagnostics.HasErrors() || (c.Digest == "") != c.Diagnostics.HasErrors() {
				t.Error("a topology and errors, or neither")
			}
		})
	}
}

// elsewhere are the rules that other packages report.
var elsewhere = []Code{
	CodeServer, CodeHost, CodeStore, CodePort,
	CodeUnreadable, CodeNoFiles, CodeFile, CodeMode, CodeKey, CodeChain, CodeExpiry, CodeSAN, CodeUsage,
	CodeNoMajority, CodeDeclared, CodeNodeDown, CodeDrift, CodePending, CodeRefused, CodeGone, CodeFileTrouble, CodeCutOff,
	CodeNoMetaLeader, CodeAsset, CodeCertificate, CodeDisk, CodeNoJetStream, CodeLink, CodeUndeclared, CodeSite,
}

// TestEveryRuleHasCases makes sure that there is a file that breaks each rule and one close to it that does not, and that
// every rule is explained.
func TestEveryRuleHasCases(t *testing.T) {
	for _, code := range Codes() {
		summary, explanation, ok := Explain(code)
		if !ok || summary == "" || strings.HasSuffix(summary, ".") || !strings.HasSuffix(explanation, ".") {
			t.Errorf("%s: summary %q, explanation %q", code, summary, explanation)
		}
		if slices.Contains(elsewhere, code) {
			continue
		}
		for _, dir := range []string{"bad", "good"} {
			if names, _ := filepath.Glob("testdata/" + dir + "/" + string(code) + "*.hcl"); len(names) == 0 {
				t.Errorf("no file in testdata/%s for %s, %s", dir, code, summary)
			}
		}
	}
	if _, _, ok := Explain("UB0000"); ok {
		t.Error("UB0000 is explained")
	}
}
