package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestValidateAsSalt calls the command the way `check_cmd:` of file.managed does: through a shell, with the name of a
// temporary file behind it.
func TestValidateAsSalt(t *testing.T) {
	example, err := os.ReadFile("../../examples/magnus-homer-datardos.hcl")
	if err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath("unibus")
	if err != nil {
		t.Fatal(err)
	}
	if path, err = filepath.Abs(path); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{string(example): 0, strings.Replace(string(example), "replicas = 3", "replicas = 4", 1): 1} {
		temporary := filepath.Join(t.TempDir(), "__salt.tmp.k3x9_f2a")
		if err := os.WriteFile(temporary, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("/bin/sh", "-c", path+" validate "+temporary)
		cmd.Dir, cmd.Env = "/", []string{"LC_ALL=C"}
		if out, err := cmd.CombinedOutput(); exitStatus(t, err) != want {
			t.Errorf("%v, want exit status %d: %s", err, want, out)
		}
	}
}

// TestValidateAsAnsible calls the command the way `validate:` of ansible.builtin.template does: an absolute path, the
// file under a temporary name without a suffix, no shell, hardly an environment, some directory.
func TestValidateAsAnsible(t *testing.T) {
	example, err := os.ReadFile("../../examples/magnus-homer-datardos.hcl")
	if err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath("unibus")
	if err != nil {
		t.Fatal(err)
	}
	if path, err = filepath.Abs(path); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, text string
		status     int
		want       string
	}{
		{"right", string(example), 0, `/source: valid\. 1 cluster, 3 nodes`},
		{"wrong", strings.Replace(string(example), "replicas = 3", "replicas = 4", 1), 1, `/source:59:18: error: bucket "UNIBUS_rooms".*\[UB1104\]`},
		{"not rendered", strings.Replace(string(example), "203.0.113.10", "{{ ansible_host }}", 1), 1, `/source:5:\d+: error: this looks like a template that was not rendered`},
		{"cut off", string(example[:len(example)/2]), 1, `/source:\d+:\d+: error: `},
		{"empty", "", 1, `/source:1:1: error: `},
	} {
		t.Run(test.name, func(t *testing.T) {
			source := filepath.Join(t.TempDir(), "source")
			if err := os.WriteFile(source, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(path, "validate", source)
			cmd.Dir, cmd.Env = "/", []string{"LANG=C"}
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if status := exitStatus(t, cmd.Run()); status != test.status {
				t.Errorf("exit status %d, want %d", status, test.status)
			}
			if !regexp.MustCompile(test.want).Match(stdout.Bytes()) || stderr.Len() > 0 {
				t.Errorf("want %s\nstdout: %s\nstderr: %s", test.want, &stdout, &stderr)
			}
		})
	}
}

func exitStatus(t *testing.T, err error) int {
	t.Helper()
	var e *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.ExitCode()
	}
	t.Fatal(err)
	return 0
}

// TestAction runs the shell steps of the GitHub action, but for the build, as a runner would.
func TestAction(t *testing.T) {
	var action struct {
		Inputs map[string]struct{ Default string }
		Runs   struct {
			Steps []struct {
				Name, Run, Shell string
				Env              map[string]string
			}
		}
	}
	readYAML(t, "../../action.yml", &action)
	unibus, err := exec.LookPath("unibus")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		inputs map[string]string
		status map[string]int
	}{
		{"right", map[string]string{"files": "good.hcl\n", "sarif": "out.sarif"}, map[string]int{"Validate": 0, "Format": 0}},
		{"wrong", map[string]string{"files": "good.hcl\n\nname with spaces.hcl\n"}, map[string]int{"Validate": 1, "Format": 1}},
		{"warning", map[string]string{"files": "warning.hcl"}, map[string]int{"Validate": 0, "Format": 0}},
		{"strict", map[string]string{"files": "warning.hcl", "strict": "true"}, map[string]int{"Validate": 1, "Format": 0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Symlink(unibus, filepath.Join(dir, "unibus")); err != nil {
				t.Fatal(err)
			}
			example, err := os.ReadFile("../../examples/magnus-homer-datardos.hcl")
			if err != nil {
				t.Fatal(err)
			}
			for name, text := range map[string]string{
				"good.hcl":             string(example),
				"name with spaces.hcl": "cluster \"c\" {\ninsecure=true\n}\n",
				"warning.hcl":          "cluster \"c\" {\n  node \"n\" { address = \"127.0.0.1\" }\n}\n",
			} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			ran := 0
			for _, step := range action.Runs.Steps {
				want, ok := test.status[step.Name]
				if !ok {
					continue
				}
				ran++
				cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.Run)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "RUNNER_TEMP="+dir, "GITHUB_WORKSPACE="+dir, "GITHUB_STEP_SUMMARY="+filepath.Join(dir, "summary.md"))
				for name, v := range step.Env {
					input := regexp.MustCompile(`^\$\{\{ inputs\.(\w+) \}\}$`).FindStringSubmatch(v)
					if input == nil {
						t.Fatalf("%s: %s", name, v)
					}
					declared, ok := action.Inputs[input[1]]
					if !ok {
						t.Fatalf("there is no input %s", input[1])
					}
					value := declared.Default
					if given, ok := test.inputs[input[1]]; ok {
						value = given
					}
					cmd.Env = append(cmd.Env, name+"="+value)
				}
				out, err := cmd.CombinedOutput()
				if status := exitStatus(t, err); status != want {
					t.Errorf("%s: exit status %d, want %d\n%s", step.Name, status, want, out)
				}
			}
			if ran != len(test.status) {
				t.Errorf("%d steps were run", ran)
			}
			if test.inputs["sarif"] != "" {
				if _, err := os.Stat(filepath.Join(dir, test.inputs["sarif"])); err != nil {
					t.Error(err)
				}
			}
			if _, err := os.Stat(filepath.Join(dir, "summary.md")); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestHooks makes sure that the hooks of pre-commit name commands that there are, and files that we mean.
func TestHooks(t *testing.T) {
	var hooks []struct{ ID, Entry, Language, Files string }
	readYAML(t, "../../.pre-commit-hooks.yaml", &hooks)
	if len(hooks) != 2 {
		t.Fatalf("%d hooks", len(hooks))
	}
	for _, h := range hooks {
		args := strings.Fields(h.Entry)
		cmd, _, err := (&app{}).root().Find(args[1:])
		if args[0] != "unibus" || err != nil || cmd.Name() != args[1] {
			t.Errorf("%s: %s: %v", h.ID, h.Entry, err)
		}
		files := regexp.MustCompile(h.Files)
		for _, name := range []string{"unibus.hcl", "deploy/unibus-prod.hcl"} {
			if !files.MatchString(name) {
				t.Errorf("%s does not take %s", h.ID, name)
			}
		}
		for _, name := range []string{"packer.hcl", "unibus.md", "unibus/other.hcl", "notunibus.hcl"} {
			if files.MatchString(name) {
				t.Errorf("%s takes %s", h.ID, name)
			}
		}
	}
}

// TestTemplate makes sure that the GitLab template uses the inputs that it declares, and flags that there are.
func TestTemplate(t *testing.T) {
	text, err := os.ReadFile("../../templates/validate.yml")
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Spec struct{ Inputs map[string]any }
	}
	var jobs map[string]struct{ Script []string }
	d := yaml.NewDecoder(bytes.NewReader(text))
	if err := errors.Join(d.Decode(&spec), d.Decode(&jobs)); err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\$\[\[ inputs\.(\w+) \]\]`).FindAllSubmatch(text, -1) {
		if _, ok := spec.Spec.Inputs[string(m[1])]; !ok {
			t.Errorf("there is no input %s", m[1])
		}
	}
	script := jobs["unibus-validate"].Script
	i := slices.IndexFunc(script, func(s string) bool { return strings.HasPrefix(s, "unibus validate ") })
	if i < 0 {
		t.Fatalf("%q", script)
	}
	line := strings.NewReplacer("$[[ inputs.options ]]", "--strict", "$[[ inputs.files ]]", "good.hcl").Replace(script[i])
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = t.TempDir()
	example, err := os.ReadFile("../../examples/magnus-homer-datardos.hcl")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cmd.Dir, "good.hcl"), example, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", line, err, out)
	}
	for _, name := range []string{"gl-code-quality-report.json", "unibus-junit.xml"} {
		if _, err := os.Stat(filepath.Join(cmd.Dir, name)); err != nil || !strings.Contains(string(text), ": "+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRecipes makes sure that the YAML in docs/ci.md is YAML, and names files that there are.
func TestRecipes(t *testing.T) {
	text, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1)
	if len(blocks) < 5 {
		t.Errorf("%d recipes", len(blocks))
	}
	for _, b := range blocks {
		var v any
		if err := yaml.Unmarshal(b[1], &v); err != nil {
			t.Errorf("%v\n%s", err, b[1])
		}
	}
	for _, name := range []string{"templates/validate.yml", "docs/diagnostics.md"} {
		if _, err := os.Stat("../../" + name); err != nil || !strings.Contains(string(text), filepath.Base(name)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func readYAML(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}
