package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"unibus/internal/hclconf"
)

// What a file may cost, however hostile it is: until it is refused, and until fmt shows how it formats a valid or an invalid
// file that does parse, of up to 16 MiB.
const (
	mostCPU       = 2 * time.Second
	mostFormatCPU = 15 * time.Second
	mostMemory    = 1 << 30
)

// refusal is how a diagnostic begins.
var refusal = regexp.MustCompile(`^\S+:\d+:\d+: (error|warning): .* \[UB\d{4}\]\n`)

// TestCrashInputs gives what would crash, hang or exhaust a parser to validate in every form at once, and to fmt. Each runs
// in a process of its own, because a stack that overflows takes the whole process with it.
func TestCrashInputs(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	inputs := crashInputs(1)
	for _, name := range sortedKeys(inputs) {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "f.hcl")
			if err := os.WriteFile(file, []byte(inputs[name]()), 0o600); err != nil {
				t.Fatal(err)
			}
			args := []string{"unibus", "validate", file}
			for _, k := range kindNames() {
				if k != "text" {
					args = append(args, "-o", k+"="+filepath.Join(dir, k))
				}
			}
			if out := survive(t, self, args); !refusal.Match(out) {
				t.Errorf("validate says %.300s", out)
			}
			survive(t, self, []string{"unibus", "fmt", "--check", "--diff", file})
		})
	}
}

// survive runs a command that has to end by itself, without a panic and within the limits. The kernel charges more CPU time
// to a process where others want the CPU as well, so that one that took too long gets two more chances.
func survive(t *testing.T, self string, args []string) []byte {
	t.Helper()
	var out []byte
	var cpu time.Duration
	for range 3 {
		out, cpu = survived(t, self, args)
		if cpu <= mostCPU || args[1] == "fmt" && !refusal.Match(out) && cpu <= mostFormatCPU {
			return out
		}
	}
	t.Errorf("%s took %v of CPU time", args[1], cpu)
	return out
}

func survived(t *testing.T, self string, args []string) ([]byte, time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self)
	cmd.Args = args
	out, err := cmd.CombinedOutput()
	if status := cmd.ProcessState.ExitCode(); status != 0 && status != exitInvalid {
		t.Fatalf("%s: %v\n%.2000s", args[1], err, out)
	}
	used := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	cpu, peak := cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), used.Maxrss<<10
	t.Logf("%s: %v, %d MiB", args[1], cpu.Round(time.Millisecond), peak>>20)
	if peak > mostMemory {
		t.Errorf("%s took %d MiB", args[1], peak>>20)
	}
	return out, cpu
}

func sortedKeys[V any](m map[string]V) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// crashInputs are files that are deep, long or repetitive in every way that came to mind. A larger part makes them smaller.
func crashInputs(part int) map[string]func() string {
	rep := func(s string, n int) string { return strings.Repeat(s, max(1, n/part)) }
	lines := func(n int, format string) string { // with the number of the line
		var b strings.Builder
		for i := range max(1, n/part) {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	room := hclconf.MaxFile - 100 // of the largest file
	whole := func(inside string) string {
		return "cluster \"c\" {\n  insecure = true\n  node \"n\" { address = \"192.0.2.1\" }\n" + inside + "\n}\n"
	}
	local := func(expr string) string { return "locals {\n  a = " + expr + "\n}\n" + whole("") }
	all := map[string]func() string{
		"brackets":         func() string { return "a = " + rep("[", 60<<10) },
		"brackets, closed": func() string { return "a = " + rep("[", 60<<10) + rep("]", 60<<10) },
		"parentheses":      func() string { return "a = " + rep("(", 60<<10) },
		"templates":        func() string { return "a = " + rep(`"${`, 100<<10) },
		"directives":       func() string { return local(`"` + rep("%{ if true }", 100_000)) },
		"braces":           func() string { return rep("{", room) },
		"blocks":           func() string { return rep("b {\n", 300_000) },
		"blocks, closed":   func() string { return rep("b {\n", 300_000) + rep("}\n", 300_000) },
		"blocks on a line": func() string { return rep("b { ", 300_000) },
		"broken blocks":    func() string { return rep("b {\na = }\n", 300_000) },
		"negations":        func() string { return local(rep("!", 300_000) + "true") },
		"minuses":          func() string { return local(rep("- ", 300_000) + "1") },
		"sums":             func() string { return "a = " + rep("1+", 1_000_000) + "1\n" },
		"sums on lines":    func() string { return local("(1" + rep("+\n1", 1_000_000) + ")") },
		"sums in lists":    func() string { return local("[" + rep("1+1+1+1,", 1_000_000) + "]") },
		"conditions":       func() string { return local(rep("true ? 1 : ", 1_000_000) + "1") },
		"splats":           func() string { return local("x" + rep("[*].y", 1_000_000)) },
		"attribute splats": func() string { return local("x" + rep(".*.y", 1_000_000)) },
		"indexes":          func() string { return local("x" + rep("[0]", 1_000_000)) },
		"traversal":        func() string { return local("x" + rep(".y", 1_000_000)) },
		"calls":            func() string { return local(rep("env(", 60<<10)) },
		"arguments":        func() string { return local("env(" + rep("1,", 1_000_000) + "1)") },
		"loops":            func() string { return local("[" + rep("for x in [1]: [", 10_000)) },
		"list":             func() string { return whole("  tags = [" + rep("\"x\",", 1_000_000) + "]") },
		"object":           func() string { return local("{\n" + lines(1_000_000, "k%d = 1\n") + "}") },
		"object on a line": func() string { return local("{" + rep("a = 1,", 1_000_000) + "}") },
		"nested lists":     func() string { return local(rep("[[[[[[[[1]]]]]]]],", 1) + rep("[1],", 100_000)) },
		"attributes":       func() string { return whole(lines(1_000_000, "a%d = 1\n")) },
		"same attribute":   func() string { return whole(rep("client_port = 1\n", 1_000_000)) },
		"locals":           func() string { return "locals {\n" + lines(700_000, "  a%d = 1\n") + "}\n" + whole("") },
		"chained locals":   func() string { return chained(50_000/part) + whole("") },
		"doubling locals":  func() string { return doubling(100, "a", "${local.%s}${local.%[1]s}") + whole("") },
		"doubling lists":   func() string { return doubling(100, "[\"a\"]", "[local.%s, local.%[1]s]") + whole("") },
		"doubling in nodes": func() string {
			return doubling(19, "a", "${local.%s}${local.%[1]s}") + nodes(20_000/part, `tags = ["${local.a18}${node.name}"]`)
		},
		"sums in nodes":      func() string { return nodes(3_000/part, "client_port = 1"+strings.Repeat(" + 1", 900)) },
		"inherited":          func() string { return inherited(200_000/part, rep("${node.name}", 5_000)) },
		"nodes":              func() string { return nodes(1_000_000/part, "") },
		"nodes with address": func() string { return nodes(300_000/part, "address") },
		"valid nodes":        func() string { return nodes(20_000/part, "address") },
		"buckets":            func() string { return whole(lines(600_000, "  bucket \"b%d\" {}\n")) },
		"same bucket":        func() string { return whole(rep("  bucket \"b\" {}\n", 1_000_000)) },
		"streams":            func() string { return whole(lines(500_000, "  stream \"s%d\" {}\n")) },
		"overlapping":        func() string { return whole(lines(200_000, "  stream \"s%d\" { subjects = [\"*.%[1]d.>\"] }\n")) },
		"subjects":           func() string { return whole("  stream \"s\" { subjects = [" + lines(3_000, "\"a.%d\",") + "] }\n") },
		"all subjects": func() string {
			return whole(lines(300, "  stream \"s%d\" {\n    subjects = ["+lines(2_000, "\"%%[1]d.%d.*\",")+"]\n  }\n"))
		},
		"users":              func() string { return whole(lines(400_000, "  user \"u%d\" { password = \"pw%[1]d\" }\n")) },
		"accounts":           func() string { return whole(lines(500_000, "  account \"a%d\" {}\n")) },
		"clusters":           func() string { return "supercluster \"s\" {\n" + lines(400_000, "  cluster \"c%d\" {}\n") + "}\n" },
		"top blocks":         func() string { return lines(500_000, "cluster \"c%d\" {}\n") },
		"labels":             func() string { return whole("bucket " + rep("\"b\" ", 1_000_000) + "{\n}\n") },
		"long label":         func() string { return "cluster \"" + rep("x", room) + "\" {\n}\n" },
		"long name":          func() string { return whole(rep("x", room) + " = 1") },
		"heredoc":            func() string { return local("<<E\n" + rep("x\n", room/2)[:room/part/2] + "\nE") },
		"heredocs":           func() string { return whole(rep("a = <<E\nE\n", 1_000_000)) },
		"heredoc on a line":  func() string { return local("<<E\n" + rep("x", room) + "\nE") },
		"heredoc marker":     func() string { return "a = <<" + rep("E", room) },
		"heredocs in lists":  func() string { return local("[" + rep("<<E\nE\n,", 100_000) + "]") },
		"exponent":           func() string { return whole("  client_port = 1e999999999") },
		"exponents":          func() string { return local("1e999999999 * 1e999999999") },
		"small exponent":     func() string { return whole("  client_port = 1e-999999999") },
		"digits":             func() string { return whole("  client_port = " + rep("9", 1_000_000)) },
		"many numbers":       func() string { return whole(rep("bucket \"b\" { history = "+strings.Repeat("9", 900)+" }\n", 3_000)) },
		"remainder":          func() string { return whole("  client_port = 1e1000 % 7") },
		"comments":           func() string { return rep("/**/", 4_000_000) },
		"open comment":       func() string { return "/*" + rep("*", room) },
		"comments in braces": func() string { return rep("{ /*\n*/ ", 1_000_000) },
		"comments in a sum":  func() string { return local("(1" + strings.Repeat(" + 1", 900) + rep("/**/\n", 1_000_000) + ")") },
		"some comments":      func() string { return rep("/**/", 100_000) },
		"quotes":             func() string { return rep("\"", room) },
		"open strings":       func() string { return rep("a = \"x\n", 1_000_000) },
		"dollars":            func() string { return local(`"` + rep("$", 1_000_000) + `"`) },
		"escapes":            func() string { return local(`"` + rep(`\n`, 1_000_000) + `"`) },
		"templates left":     func() string { return rep("a = {{ b }}\n", 1_000_000) },
		"templates in lists": func() string { return whole(rep("  bucket \"{{ b }}\" {}\n", 300_000)) },
		"marks at the end":   func() string { return rep("\n", room/2) + rep("{{ b }}\n", 200_000) },
		"unicode":            func() string { return rep("é = \"\U0001F469\u200D\U0001F469\"\n", 30_000) },
		"combining":          func() string { return "a = \"e" + rep("\u0301", 5_000_000) + "\"\n" },
		"not UTF-8":          func() string { return rep("\xff", room) },
		"seeds":              func() string { return whole(rep("  a = \"S"+strings.Repeat("A", 57)+"\"\n", 15_000)) },
		"words":              func() string { return whole(lines(100_000, "  bukcet \"b%d\" { repilcas = 3 }\n")) },
		"mistakes":           func() string { return whole(lines(100_000, "  bucket \"b%d\" { history = 65 }\n")) },
		"mistakes on a line": func() string { return whole("  bucket \"b\" {\n    metadata = {" + rep("a = x, ", 5_000) + "}\n  }\n") },
		"JSON":               func() string { return rep(`{"a":`, 100<<10) },
		"JSON lists":         func() string { return `{"a":` + rep("[", 1_000_000) },
		"JSON, closed":       func() string { return rep(`{"a":`, 100<<10) + "1" + rep("}", 100<<10) },
		"JSON keys":          func() string { return `{"cluster":{"c":{` + lines(700_000, "\"k%d\":1,\n") + `"x":1}}}` },
		"JSON same key":      func() string { return `{"cluster":{"c":{` + rep("\"client_port\":1,\n", 800_000) + `"x":1}}}` },
		"JSON same block":    func() string { return `{"cluster":{"c":{` + rep("\"bucket\":{\"b\":{}},\n", 600_000) + `"x":1}}}` },
		"JSON top":           func() string { return "{" + rep("\"cluster\":{\"c\":{}},\n", 600_000) + `"x":1}` },
		"JSON template":      func() string { return `{"cluster":{"c":{"client_port":"` + rep("${", 100_000) + `"}}}` },
		"JSON templates":     func() string { return `{"locals":{"a":[` + rep(`"${local.b}",`, 500_000) + `1]},"cluster":{"c":{}}}` },
		"JSON sum":           func() string { return `{"cluster":{"c":{"client_port":"${1` + rep("+1", 1_000_000) + `}"}}}` },
		"JSON doubling":      func() string { return jsonDoubling(100) },
		"JSON number":        func() string { return `{"cluster":{"c":{"client_port":1e999999999}}}` },
		"JSON numbers":       func() string { return `{"locals":{"a":[` + rep("1e999,", 1_000_000) + `1]},"cluster":{"c":{}}}` },
		"JSON list":          func() string { return `{"cluster":{"c":{"tags":[` + rep(`"x",`, 1_000_000) + `1]}}}` },
		"JSON blocks":        func() string { return `{"cluster":{"c":[` + rep(`{},`, 1_000_000) + `{}]}}` },
		"JSON nodes":         func() string { return `{"cluster":{"c":{"node":{` + lines(500_000, `"n%d":{},`) + `"x":{}}}}}` },
		"JSON long string":   func() string { return `{"cluster":{"c":{"client_port":"` + rep("x", room-64) + `"}}}` },
		"JSON escapes":       func() string { return `{"cluster":{"c":{"client_port":"` + rep(`\\`, room/2-64) + `"}}}` },
		"JSON metadata": func() string {
			return `{"cluster":{"c":{"bucket":{"b":{"metadata":{` + lines(700_000, `"k%d":"v",`) + `"x":"y"}}}}}}`
		},
	}
	for _, c := range "\n \t\r#\"'()*+,-./0:;<=>?@A[\\]^_`a{|}~%$&!" {
		all[fmt.Sprintf("16 MiB of %U", c)] = func() string { return rep(string(c), hclconf.MaxFile) }
	}
	all["17 MiB"] = func() string { return rep("a = 1\n", 3<<20) }
	all["16 MiB of NUL"] = func() string { return rep("\x00", hclconf.MaxFile) }
	return all
}

// doubling are locals that each hold the one before twice.
func doubling(n int, first, format string) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "locals {\n  a0 = %s\n", quoted(first))
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, "  a%d = %s\n", i, quoted(fmt.Sprintf(format, fmt.Sprintf("a%d", i-1))))
	}
	b.WriteString("}\n")
	return b.String()
}

func quoted(s string) string {
	if strings.HasPrefix(s, "[") {
		return s
	}
	return `"` + s + `"`
}

func jsonDoubling(n int) string {
	var b bytes.Buffer
	b.WriteString(`{"locals":{"a0":"a"`)
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, `,"a%d":"${local.a%d}${local.a%[2]d}"`, i, i-1)
	}
	fmt.Fprintf(&b, `},"cluster":{"c":{"node":{"n":{"address":"${local.a%d}"}}}}}`, n-1)
	return b.String()
}

// chained are locals of which each needs the next.
func chained(n int) string {
	var b bytes.Buffer
	b.WriteString("locals {\n")
	for i := range n {
		fmt.Fprintf(&b, "  a%d = local.a%d\n", i, i+1)
	}
	fmt.Fprintf(&b, "  a%d = 1\n}\n", n)
	return b.String()
}

// nodes are a cluster of many nodes. "address" gives each its own.
func nodes(n int, inside string) string {
	var b bytes.Buffer
	b.WriteString("cluster \"c\" {\n  insecure = true\n")
	for i := range n {
		if inside == "address" {
			fmt.Fprintf(&b, "  node \"n%d\" { address = \"10.%d.%d.%d\" }\n", i, i>>16, i>>8&255, i&255)
		} else {
			fmt.Fprintf(&b, "  node \"n%d\" { %s }\n", i, inside)
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// inherited is a long value that is evaluated for every node.
func inherited(n int, value string) string {
	return strings.TrimSuffix(nodes(n, ""), "}\n") + "  tls { ca_file = \"/" + value + "\" }\n}\n"
}
