//go:build linux

// Package packaging has the tests of what is shipped: the packages, the unit of systemd, and the files for containers and
// releases.
package packaging

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/go/packages"
)

// release is the version of the test's packages, next the one that follows it.
const (
	release = "1.2.3"
	next    = "1.2.4"
)

// run runs a command in the root of the repository and returns what it says.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func need(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestPackage builds the packages, installs the deb into an empty directory with dpkg, and looks at what is there: a
// binary that runs, the unit, a man page for every command, completion for four shells, and no secret.
func TestPackage(t *testing.T) {
	t.Parallel()
	need(t, "dpkg", "make")
	dist, root := t.TempDir(), t.TempDir()
	run(t, "..", "make", "packages", "TARGETS=linux-"+runtime.GOARCH, "VERSION="+release, "DIST="+dist)
	deb := filepath.Join(dist, "unibus_"+release+"_"+runtime.GOARCH+".deb")
	for _, dir := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, ".", "dpkg", "--root="+root, "--force-script-chrootless", "--force-not-root", "--log=/dev/null", "--install", deb)

	if got := run(t, ".", filepath.Join(root, "usr/bin/unibus"), "version"); !regexp.MustCompile(`^unibus 1\.2\.3, nats-server \d+\.\d+\.\d+, go1\.\d+`).MatchString(got) {
		t.Errorf("unibus version says %s", got)
	}
	for name, want := range map[string]string{
		"usr/lib/systemd/system/unibus.service":                   "ExecStart=/usr/bin/unibus run\n",
		"usr/lib/sysusers.d/unibus.conf":                          "u unibus ",
		"usr/share/man/man1/unibus-run.1":                         "Run this host's node",
		"usr/share/bash-completion/completions/unibus":            "complete",
		"usr/share/zsh/site-functions/_unibus":                    "#compdef unibus",
		"usr/share/fish/vendor_completions.d/unibus.fish":         "complete -c unibus",
		"usr/share/powershell/Completions/unibus.ps1":             "Register-ArgumentCompleter",
		"usr/share/doc/unibus/examples/magnus-homer-datardos.hcl": "cluster ",
	} {
		if text := readFile(t, filepath.Join(root, name)); !bytes.Contains(text, []byte(want)) {
			t.Errorf("%s has no %q", name, want)
		}
	}
	if info, err := os.Stat(filepath.Join(root, "etc/unibus")); err != nil || info.Mode().Perm() != 0o750 {
		t.Errorf("/etc/unibus has mode %v, %v", info.Mode().Perm(), err)
	}
	noSecrets(t, root)
	rpm := readFile(t, filepath.Join(dist, "unibus-"+release+"-1."+map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]+".rpm"))
	if !bytes.HasPrefix(rpm, []byte{0xed, 0xab, 0xee, 0xdb}) {
		t.Errorf("the rpm begins with %x", rpm[:4])
	}

	t.Run("systemd", func(t *testing.T) {
		run(t, "..", "env", "VERSION="+next, "DIST="+dist, "ARCH="+runtime.GOARCH, "go", "tool", "-modfile=tools/package/go.mod", "nfpm", "package", "-f", "packaging/nfpm.yaml", "-p", "deb", "-t", dist)
		underSystemd(t, deb, strings.ReplaceAll(deb, release, next))
	})

	run(t, ".", "dpkg", "--root="+root, "--force-script-chrootless", "--force-not-root", "--log=/dev/null", "--remove", "unibus")
	if _, err := os.Stat(filepath.Join(root, "usr/bin/unibus")); err == nil {
		t.Error("the binary is still there after its removal")
	}
}

// secret is the private half of a certificate, an age key, or an nkey, whole.
var secret = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}|AGE-SECRET-KEY-1[A-Z0-9]{58}|\bS[UANCOX][A-Z2-7]{56}\b`)

// noSecrets looks into every file below a directory.
func noSecrets(t *testing.T, root string) {
	t.Helper()
	for _, planted := range []string{
		"-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n",
		"AGE-SECRET-KEY-1" + strings.Repeat("Q", 58), "SU" + strings.Repeat("A", 56),
	} {
		if !secret.MatchString(planted) {
			t.Errorf("the test would not see %q", planted)
		}
	}
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		if found := secret.Find(text); found != nil {
			t.Errorf("%s has %q…", path, found[:20])
		}
		return err
	})
	if err != nil || files < 40 {
		t.Errorf("looked at %d files, %v", files, err)
	}
}

// TestSameBuild builds the binary twice, in two directories, and compares bit for bit. It also measures it.
func TestSameBuild(t *testing.T) {
	t.Parallel()
	need(t, "make")
	var builds [][]byte
	target := runtime.GOOS + "-" + runtime.GOARCH
	for _, dir := range []string{"..", another(t)} {
		dist := t.TempDir()
		run(t, dir, "make", "cross", "TARGETS="+target, "VERSION="+release, "DIST="+dist)
		builds = append(builds, readFile(t, filepath.Join(dist, "unibus-"+target)))
	}
	if !bytes.Equal(builds[0], builds[1]) {
		t.Errorf("two builds differ, of %d and %d bytes", len(builds[0]), len(builds[1]))
	}
	if most := 30 << 20; len(builds[0]) > most {
		t.Errorf("the binary has %d bytes, more than %d", len(builds[0]), most)
	}
	if wd, err := os.Getwd(); err != nil || bytes.Contains(builds[0], []byte(filepath.Dir(wd))) {
		t.Errorf("the binary knows where it was built, %v", err)
	}
}

// another is a copy of what the build needs, somewhere else.
func another(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"go.mod", "go.sum", "Makefile"} {
		if err := os.WriteFile(filepath.Join(dir, name), readFile(t, filepath.Join("..", name)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"cmd", "internal", "config"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join("..", name))); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestTargets type-checks the command, from the sources of everything that it links, for the systems that this one is
// not. `make cross` builds for them, which takes minutes.
func TestTargets(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"windows/amd64", "darwin/arm64"} {
		goos, goarch, _ := strings.Cut(target, "/")
		checked, err := packages.Load(&packages.Config{
			Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedDeps |
				packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesSizes,
			Dir: "..",
			Env: append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0"),
		}, "./cmd/unibus")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		packages.Visit(checked, nil, func(p *packages.Package) {
			n++
			for _, err := range p.Errors {
				t.Errorf("%s: %v", target, err)
			}
		})
		if n < 100 {
			t.Errorf("%s: looked at %d packages only", target, n)
		}
	}
}

// TestUnit asks systemd how exposed the service is, on a scale up to ten, and looks at what the daemon relies on.
func TestUnit(t *testing.T) {
	t.Parallel()
	unit := string(readFile(t, "unibus.service"))
	for _, line := range []string{"Type=notify", "RestartPreventExitStatus=64 66 77 78", "ExecReload=/usr/bin/unibus reload", "StateDirectory=unibus", "RuntimeDirectory=unibus"} {
		if !strings.Contains(unit, "\n"+line+"\n") {
			t.Errorf("the unit has no %s", line)
		}
	}
	need(t, "systemd-analyze")
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", "./unibus.service").CombinedOutput()
	score := regexp.MustCompile(`Overall exposure level for unibus\.service: ([\d.]+)`).FindSubmatch(out)
	if score == nil {
		t.Skipf("systemd-analyze cannot do it here: %v: %s", err, out)
	}
	if got, err := strconv.ParseFloat(string(score[1]), 64); err != nil || got > 2 {
		t.Errorf("exposure %v, want at most 2.0, %v", got, err)
	}
}

// TestContainers looks whether the nodes of the compose file are what its comment makes `unibus init` write.
func TestContainers(t *testing.T) {
	t.Parallel()
	var compose struct {
		Services map[string]struct {
			Hostname string
			Volumes  []string
			CapDrop  []string `yaml:"cap_drop"`
		}
	}
	text := readFile(t, "docker-compose.yml")
	if err := yaml.Unmarshal(text, &compose); err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile(`(?m)^# +unibus (init .*)$`).FindSubmatch(text)
	if command == nil {
		t.Fatal("the comment has no unibus init")
	}
	dir := t.TempDir()
	run(t, "..", "go", "build", "-o", filepath.Join(dir, "unibus"), "./cmd/unibus")
	run(t, dir, append([]string{"./unibus"}, strings.Fields(string(command[1]))...)...)
	run(t, dir, "./unibus", "validate", "--strict", "--files")
	if names := slices.Sorted(maps.Keys(compose.Services)); !slices.Equal(names, []string{"datardos", "homer", "magnus"}) {
		t.Errorf("services %v", names)
	}
	for name, s := range compose.Services {
		if s.Hostname != name || !slices.Equal(s.CapDrop, []string{"ALL"}) {
			t.Errorf("%s: %+v", name, s)
		}
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if _, err := os.Stat(filepath.Join(dir, from)); strings.HasPrefix(from, "./") && err != nil {
				t.Errorf("%s mounts what unibus init does not write: %v", name, err)
			}
		}
	}
	docker := string(readFile(t, "Dockerfile"))
	for _, want := range []string{"\nFROM scratch\n", "\nHEALTHCHECK ", "\nUSER ", `ENTRYPOINT ["/usr/bin/unibus"]`} {
		if !strings.Contains(docker, want) {
			t.Errorf("the Dockerfile has no %s", want)
		}
	}
}

// TestRelease looks whether a release has the six targets, and the same build as `make cross`.
func TestRelease(t *testing.T) {
	t.Parallel()
	var release struct {
		Builds []struct {
			Goos, Goarch, Flags, Ldflags []string
		}
		SBOMs []struct{ Artifacts string } `yaml:"sboms"`
	}
	if err := yaml.Unmarshal(readFile(t, "../.goreleaser.yaml"), &release); err != nil {
		t.Fatal(err)
	}
	if len(release.Builds) != 1 || len(release.SBOMs) != 1 {
		t.Fatalf("got %+v", release)
	}
	b, makefile := release.Builds[0], string(readFile(t, "../Makefile"))
	for _, goos := range b.Goos {
		for _, goarch := range b.Goarch {
			if !strings.Contains(makefile, " "+goos+"-"+goarch) {
				t.Errorf("make cross has no %s-%s", goos, goarch)
			}
		}
	}
	if len(b.Goos)*len(b.Goarch) != 6 {
		t.Errorf("%d targets", len(b.Goos)*len(b.Goarch))
	}
	ldflags := strings.ReplaceAll(b.Ldflags[0], "{{ .Version }}", "$(VERSION)")
	if !strings.Contains(makefile, "go build "+strings.Join(b.Flags, " ")) || !strings.Contains(makefile, `"`+ldflags+`"`) {
		t.Errorf("make cross builds otherwise than %v %q", b.Flags, ldflags)
	}
}
