package hclconf

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"unibus/config/schema"
)

// TestReferenceExamples loads a file for every argument, with its example in it.
func TestReferenceExamples(t *testing.T) {
	compiled := compileSchema(t)
	n := 0
	for _, s := range sections() {
		for _, e := range s.entries {
			if e.attr == nil {
				continue
			}
			n++
			text := fileWith(s, e)
			c := Load("f.hcl", []byte(text), Host{})
			for _, d := range c.Diagnostics {
				if d.Severity == Error && !slices.Contains(wantsMore, d.Code) && strings.Split(text, "\n")[d.Range.Start.Line-1] == e.example() {
					t.Errorf("%s in %s: %v\n%s", e.name, s.title, d.Error(), text)
				}
			}
			if err := compiled.Validate(decode(t, twin(t, text))); err != nil {
				t.Errorf("%s in %s: %v\n%s", e.name, s.title, err, text)
			}
		}
	}
	if n < 70 {
		t.Errorf("only %d arguments", n)
	}
}

// wantsMore are the rules about arguments that need others beside them.
var wantsMore = []Code{codePlacement, codeNotExported, codeStream, codeConsumer}

// fileWith is the smallest file that has an argument in a section.
func fileWith(s *section, e entry) string {
	var b strings.Builder
	var chain []*section
	at := s
	for ; len(at.parents) > 0 && at.names[0] != "cluster"; at = at.parents[len(at.parents)-1] {
		chain = append([]*section{at}, chain...)
	}
	super := at.names[0] == "supercluster"
	fmt.Fprintf(&b, "%s \"unibus\" {\n", at.names[0])
	if e.name != "insecure" {
		b.WriteString("insecure = true\n")
	}
	if super {
		b.WriteString("cluster \"east\" {\n")
	}
	for i := range 3 {
		fmt.Fprintf(&b, "node \"n%d\" {\n address = \"127.0.0.%d\"\n}\n", i, i+1)
	}
	if super {
		b.WriteString("}\n")
	}
	for _, f := range []string{"route", "old_route", "store", "alice", "gateway", "monitor"} {
		if strings.Contains(e.example(), "secret."+f) || f == "route" || f == "store" {
			fmt.Fprintf(&b, "secrets {\n %s = file(\"/s/%s\")\n}\n", f, f)
		}
	}
	for _, at := range chain {
		b.WriteString(at.names[0])
		if at.label != "" {
			fmt.Fprintf(&b, " %q", at.label)
		}
		b.WriteString(" {\n")
		for _, o := range at.entries {
			if o.attr != nil && o.attr.required && (at != s || o.name != e.name) {
				text := o.example()
				if at.names[0] == "node" {
					text = `address = "127.0.0.9"`
				}
				b.WriteString(text + "\n")
			}
		}
	}
	if s.names[0] == "subject_transform" && e.name == "destination" {
		b.WriteString("source = \"orders.*\"\n")
	}
	b.WriteString(e.example() + "\n" + strings.Repeat("}\n", len(chain)+1))
	return b.String()
}

// TestReferenceSpeaksOfTheFile makes sure that no name of the Go code is left.
func TestReferenceSpeaksOfTheFile(t *testing.T) {
	ref := Reference()
	for _, pattern := range []string{`\bnil\b`, `<[a-z]+>`} {
		for _, m := range regexp.MustCompile(pattern).FindAllString(ref, -1) {
			if m != "<br>" {
				t.Errorf("the reference says %q", m)
			}
		}
	}
	for _, s := range allSpecs() {
		for _, a := range s.attrs {
			name := s.typ.FieldByIndex(a.index).Name
			if goName().MatchString(name) && strings.Contains(ref, name) {
				t.Errorf("the reference says %q", name)
			}
		}
	}
}

// TestReferenceHasAll makes sure that every word of every block is there.
func TestReferenceHasAll(t *testing.T) {
	all := sections()
	for name, s := range allSpecs() {
		if name == "cluster" { // a top block
			continue
		}
		i := -1
		for j := range all {
			if all[j].typ == s.typ {
				i = j
			}
		}
		if i < 0 {
			t.Errorf("no section for %s", name)
			continue
		}
		if len(all[i].entries) != len(s.order) {
			t.Errorf("%s has %d words, its section %d", name, len(s.order), len(all[i].entries))
		}
	}
}

func TestJSONSchemaTakesTheExamples(t *testing.T) {
	compiled := compileSchema(t)
	for name, text := range corpus(t, "../../examples/*.hcl") {
		if err := compiled.Validate(decode(t, twin(t, string(text)))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range corpus(t, "testdata/full.json", "../../examples/*.json") {
		if err := compiled.Validate(decode(t, string(text))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJSONSchemaTakes(t *testing.T) {
	for _, text := range []string{
		`{"cluster": {"c": {"node": {"n": {"address": "127.0.0.1"}}}}}`,
		`{"//": "by a generator", "locals": {"a": [1]}, "cluster": {"c": {"//": "x", "node": [{"n": {"address": "127.0.0.1", "tags": null}}]}}}`,
		`{"cluster": [{"c": [{"node": {"n": [{"address": "${local.a}", "client_port": "${local.p}", "tags": "${local.t}"}]}}]}]}`,
		`{"cluster": {"c": {"tls": {"ca_file": "/ca"}, "node": {"n": {"address": "a", "tls": [{"cert_file": "/c", "key_file": "/k"}]}}}}}`,
		`{"cluster": {"c": {"bucket": {"b": {"ttl": "1h30m", "max_bytes": 1024, "max_value_size": "1.5 MiB", "metadata": {"a": "b"}, "source": [{"name": "x"}, {"name": "y"}]}}}}}`,
		`{"cluster": {"c": {"secrets": {"a": "${env(\"A\")}"}, "user": {"u": {"connection_types": ["MQTT", "${local.t}"]}}}}}`,
	} {
		if err := validateJSON(t, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestJSONSchemaRefuses(t *testing.T) {
	for _, text := range []string{
		`{}`,
		`{"clusters": {}}`,
		`{"cluster": {}}`,
		`{"cluster": {"a": {}, "b": {}}}`,
		`{"cluster": {"c": {"nodes": {}}}}`,
		`{"cluster": {"c": {"node": {"n": {}}}}}`,
		`{"cluster": {"c": {"node": {"n": {"address": 1}}}}}`,
		`{"cluster": {"c": {"node": {"n": {"address": null}}}}}`,
		`{"cluster": {"c": {"client_port": 0}}}`,
		`{"cluster": {"c": {"client_port": "4222"}}}`,
		`{"cluster": {"c": {"restarts": "sometimes"}}}`,
		`{"cluster": {"c": {"bucket": {"b": {"ttl": "1 hour"}}}}}`,
		`{"cluster": {"c": {"bucket": {"b": {"max_bytes": "1 gig"}}}}}`,
		`{"cluster": {"c": {"bucket": {"b": {"history": 65}}}}}`,
		`{"cluster": {"c": {"bucket": {"b": {"mirror": {}}}}}}`,
		`{"cluster": {"c": {"tls": [{}, {}]}}}`,
		`{"cluster": {"c": {"routes": {"user": "u"}}}}`,
		`{"cluster": {"c": {"user": {"u": {"connection_types": ["SMTP"]}}}}}`,
	} {
		if validateJSON(t, text) == nil {
			t.Errorf("%s is valid", text)
		}
	}
}

func validateJSON(t *testing.T, text string) error {
	t.Helper()
	return compileSchema(t).Validate(decode(t, text))
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("unibus.json", decode(t, string(text))); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("unibus.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// decode reads JSON as the validator wants it.
func decode(t *testing.T, text string) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestCodes makes sure that every rule can be explained.
func TestCodes(t *testing.T) {
	for _, c := range Codes() {
		summary, explanation, ok := Explain(c)
		if !ok || summary == "" || len(explanation) < 20 || !strings.HasSuffix(explanation, ".") {
			t.Errorf("%s: %q, %q", c, summary, explanation)
		}
		if !regexp.MustCompile(`^UB[12]\d{3}$`).MatchString(string(c)) {
			t.Errorf("%s is not a code", c)
		}
	}
	if !strings.Contains(Reference(), schema.DefaultAccount) {
		t.Error("the default account is not in the reference")
	}
}
