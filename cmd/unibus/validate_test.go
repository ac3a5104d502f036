package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestValidateFiles is --files from the outside: what is here is checked, as the node that this host is said to be, and
// the verdict names it. What is checked is tested where the checks are.
func TestValidateFiles(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t)
	cert, key := ca.issue(t, "n1", "192.0.2.1")
	for name, text := range map[string][]byte{
		"ca.pem": ca.pem, "n1.pem": cert, "n1-key.pem": key, "route": []byte("0123456789abcdef"),
		"f.hcl": []byte(`cluster "c" {
  node "n1" { address = "192.0.2.1" }
  node "n2" { address = "192.0.2.2" }
  node "n3" { address = "192.0.2.3" }
  tls {
    ca_file   = "` + dir + `/ca.pem"
    cert_file = "` + dir + `/${node.name}.pem"
    key_file  = "` + dir + `/${node.name}-key.pem"
  }
  secrets { route = file("` + dir + `/route") }
  routes {
    user     = "route"
    password = secret.route
  }
  user "alice" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
}
`),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "f.hcl")
	for _, test := range []struct {
		name   string
		spoil  func()
		args   []string
		status int
		want   string
	}{
		{"here", nil, []string{"--node", "n1"}, 0, `: valid\. .*; checked the files of n1\n$`},
		{"on a control host", nil, nil, 0, `; checked the files of n1\n$`},
		{"another host", nil, []string{"--node", "n2"}, 1, `:7:17: error: cert_file .*/n2\.pem of node "n2" does not exist \[UB2103\]`},
		{"unknown host", nil, []string{"--node", "n9"}, 1, `error: the file has no node "n9" \[UB2001\]`},
		{"json", nil, []string{"--node", "n1", "-o", "json"}, 0, `"checked_nodes":\["n1"\]`},
		{"open key", func() { chmod(t, filepath.Join(dir, "n1-key.pem"), 0o644) }, []string{"--node", "n1"}, 1, `:8:17: error: .*/n1-key\.pem is open to everybody on this machine \(mode 0644\) \[UB2104\]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.spoil != nil {
				test.spoil()
			}
			var stdout, stderr bytes.Buffer
			status := run(t.Context(), append([]string{"validate", "--files", file}, test.args...), nil, &stdout, &stderr)
			if status != test.status || !regexp.MustCompile(test.want).MatchString(stdout.String()) || stderr.Len() > 0 {
				t.Errorf("exit status %d, want %d and %s\nstdout: %s\nstderr: %s", status, test.status, test.want, &stdout, &stderr)
			}
		})
	}

	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), []string{"validate", file}, nil, &stdout, &stderr); status != 0 {
		t.Errorf("without --files nothing but the file matters: %s%s", &stdout, &stderr)
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// planted are literals in the files below that may be secrets. No form of the output may show them.
var planted = []string{"hunter2-route", "hunter2-user", "SUAKYRHVIOREXV7EUZTBHUHL7NUMHPMAS7QMDU3GTIEWEI5LDNOXD43IZY", "hunter2-local", "hunter2-url", "hunter2-key"}

// TestValidateShowsNoSecret runs every form, and fmt, on files with secrets in all the wrong places.
func TestValidateShowsNoSecret(t *testing.T) {
	for name, text := range map[string]string{
		"literals": `locals { password = "hunter2-local" }
cluster "c" {
  node "n1" { address = "nats://u:hunter2-url@192.0.2.1" }
  routes {
    user     = "route"
    password = "hunter2-route"
    pasword  = "hunter2-route"
  }
  jetstream {
    encryption { key = "hunter2-key" }
  }
  user "alice" { nkey = "SUAKYRHVIOREXV7EUZTBHUHL7NUMHPMAS7QMDU3GTIEWEI5LDNOXD43IZY" }
  user "bob" { password = "hunter2-user" }
  bucket "b" { description = local.password + 1 }
}
`,
		"twice": `cluster "c" {
  user "bob" {
    password = "hunter2-user"
    password = "hunter2-user"
  }
}
`,
		"syntax": `cluster "c" {
  routes {
    password = "hunter2-route
  }
}
`,
		"JSON": `{"cluster": {"c": {"routes": {"user": "r", "password": "hunter2-route", "pasword": "hunter2-route"}, "user": {"a": {"nkey": "SUAKYRHVIOREXV7EUZTBHUHL7NUMHPMAS7QMDU3GTIEWEI5LDNOXD43IZY"}}}}}`,
	} {
		for _, k := range kindNames() {
			var stdout, stderr bytes.Buffer
			status := run(t.Context(), []string{"validate", "--strict", "-o", k, "-"}, strings.NewReader(text), &stdout, &stderr)
			if status != exitInvalid {
				t.Errorf("%s, %s: exit status %d", name, k, status)
			}
			silent(t, name+", "+k, stdout.String()+stderr.String())
			if k == "json" && !json.Valid(stdout.Bytes()) {
				t.Errorf("%s: %s", name, &stdout)
			}
		}
		var stdout, stderr bytes.Buffer
		_ = run(t.Context(), []string{"fmt", "--check", "-"}, strings.NewReader(text), &stdout, &stderr)
		silent(t, name+", fmt", stdout.String()+stderr.String())
	}
}

func silent(t *testing.T, what, output string) {
	t.Helper()
	for _, secret := range planted {
		if strings.Contains(output, secret) {
			t.Errorf("%s shows %s:\n%s", what, secret, output)
		}
	}
}

// TestValidateIsQuickToRefuseHostileFiles has every command that reads a file end in a diagnostic.
func TestValidateIsQuickToRefuseHostileFiles(t *testing.T) {
	for name, text := range map[string]string{
		"brackets":  "a = " + strings.Repeat("[", 60<<10),
		"templates": "a = " + strings.Repeat(`"${`, 100<<10),
		"JSON":      strings.Repeat(`{"a":`, 100<<10),
		"sums":      "a = " + strings.Repeat("1+", 500_000) + "1\n",
	} {
		for _, command := range []string{"validate", "fmt"} {
			var stdout, stderr bytes.Buffer
			if status := run(t.Context(), []string{command, "-"}, strings.NewReader(text), &stdout, &stderr); status != exitInvalid {
				t.Errorf("%s of %s: exit status %d", command, name, status)
			}
			if out := stdout.String() + stderr.String(); len(out) > 4096 || !regexp.MustCompile(`^<stdin>:1:\d+: error: .*\[UB100\d\]`).MatchString(out) {
				t.Errorf("%s of %s says, in %d bytes: %.300s", command, name, len(out), out)
			}
		}
	}
}

// TestValidateManyMistakes has a hundred mistakes: people see fifty and how many more there are, programs see all, in the
// order of the file, each once.
func TestValidateManyMistakes(t *testing.T) {
	var b strings.Builder
	b.WriteString("cluster \"c\" {\n  node \"n\" { address = \"127.0.0.1\" }\n  user \"a\" { nkey = \"UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4\" }\n")
	for i := range 100 {
		fmt.Fprintf(&b, "  bucket \"b%d\" { history = 65 }\n", i)
	}
	b.WriteString("}\n")
	summary := filepath.Join(t.TempDir(), "summary.md")
	t.Setenv("GITHUB_STEP_SUMMARY", summary)
	validate := func(form string) string {
		var stdout, stderr bytes.Buffer
		if status := run(t.Context(), []string{"validate", "-o", form, "-"}, strings.NewReader(b.String()), &stdout, &stderr); status != exitInvalid {
			t.Errorf("%s: exit status %d, %s", form, status, &stderr)
		}
		return stdout.String()
	}

	text := validate("text")
	if n := strings.Count(text, ": error: "); n != 50 || !strings.HasSuffix(text, "<stdin>: and 50 more\n<stdin>: 100 errors\n") {
		t.Errorf("%d of 100 in the text:\n%s", n, text)
	}
	var v verdict
	if err := json.Unmarshal([]byte(validate("json")), &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Diagnostics) != 100 || v.ErrorCount != 100 {
		t.Errorf("%d diagnostics, error_count %d", len(v.Diagnostics), v.ErrorCount)
	}
	for i, d := range v.Diagnostics {
		if d.Range.Start.Line != i+4 {
			t.Fatalf("diagnostic %d is at line %d", i, d.Range.Start.Line)
		}
	}
	if n := strings.Count(validate("github"), "::error "); n != 100 {
		t.Errorf("%d annotations", n)
	}
	md, err := os.ReadFile(summary)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(md), "| error UB1013: "); n != 50 || !strings.Contains(string(md), "\nAnd 50 more.\n") {
		t.Errorf("%d rows in the summary:\n%s", n, md)
	}
}
