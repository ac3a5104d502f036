package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"unibus/internal/server"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"unibus":      main,
		"client":      clientMain,
		"remote":      remoteMain,
		"nats-server": stockMain,
	})
}

// TestScript runs every script. In each, example.hcl is the example with the three hosts, and supercluster.hcl the other.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			for name, example := range map[string]string{"example.hcl": "magnus-homer-datardos.hcl", "supercluster.hcl": "supercluster.hcl"} {
				text, err := os.ReadFile("../../examples/" + example)
				if err == nil {
					err = os.WriteFile(filepath.Join(e.WorkDir, name), text, 0o600)
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Geteuid() == 0, nil
			case "mounts":
				return exec.Command("unshare", "-m", "true").Run() == nil, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":    cmdStatus,
			"ports":     cmdPorts,
			"taken":     cmdTaken,
			"expand":    cmdExpand,
			"await":     cmdAwait,
			"signal":    cmdSignal,
			"listing":   cmdListing,
			"jsonlines": cmdJSONLines,
			"modes":     cmdModes,
			"nowhere":   cmdNowhere,
			"recipient": cmdRecipient,
		},
	})
}

// cmdStatus runs a command and compares its exit status: status 78 unibus run.
func cmdStatus(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: status CODE COMMAND [ARG]...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	var e *exec.ExitError
	if errors.As(err, &e) {
		got = e.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}

// cmdPorts puts a free port of the loopback interface, which is the script's own until it ends, into each named variable:
// ports A B.
func cmdPorts(ts *testscript.TestScript, _ bool, names []string) {
	ports, release, err := server.HoldPorts(len(names))
	ts.Check(err)
	ts.Defer(release)
	for i, name := range names {
		ts.Setenv(name, strconv.Itoa(ports[i]))
	}
}

// cmdTaken is cmdPorts with ports that are in use until the script ends.
func cmdTaken(ts *testscript.TestScript, _ bool, names []string) {
	for _, name := range names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		ts.Defer(func() { _ = l.Close() })
		ts.Setenv(name, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
}

// cmdExpand puts the values of variables, such as $WORK, in place of their names into files: expand FILE...
func cmdExpand(ts *testscript.TestScript, _ bool, files []string) {
	variable := regexp.MustCompile(`\$[A-Z]+`)
	for _, name := range files {
		text := variable.ReplaceAllStringFunc(ts.ReadFile(name), func(v string) string { return ts.Getenv(v[1:]) })
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

// cmdAwait waits until a file, which need not exist yet, has a match of a pattern: await PATTERN FILE.
func cmdAwait(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: await PATTERN FILE")
	}
	pattern, err := regexp.Compile(`(?m)` + args[0])
	ts.Check(err)
	var text []byte
	err = poll(time.Minute, func() error {
		if text, err = os.ReadFile(ts.MkAbs(args[1])); err != nil || pattern.Match(text) {
			return err
		}
		return fmt.Errorf("%s has no match of %s", args[1], args[0])
	})
	if err != nil {
		ts.Fatalf("%v\n%s", err, text)
	}
}

// cmdSignal sends a signal to every process in the background: signal TERM.
func cmdSignal(ts *testscript.TestScript, _ bool, args []string) {
	signals := map[string]syscall.Signal{
		"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT, "HUP": syscall.SIGHUP, "KILL": syscall.SIGKILL,
	}
	if len(args) != 1 || signals[args[0]] == 0 {
		ts.Fatalf("usage: signal TERM|INT|STOP|CONT|HUP|KILL")
	}
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(signals[args[0]]))
		if args[0] == "STOP" {
			ts.Defer(func() { _ = cmd.Process.Signal(syscall.SIGCONT) })
		}
	}
}

// cmdListing writes what is in a directory, with modes, sizes and times, to a file: listing DIR FILE. Of a directory that
// does not exist the list is empty.
func cmdListing(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: listing DIR FILE")
	}
	var list strings.Builder
	err := filepath.WalkDir(ts.MkAbs(args[0]), func(path string, _ fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		fmt.Fprintln(&list, path, info.Mode(), info.Size(), info.ModTime().UnixNano())
		return nil
	})
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(list.String()), 0o600))
}

// cmdJSONLines looks whether a file is JSON objects, one a line: jsonlines FILE.
func cmdJSONLines(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: jsonlines FILE")
	}
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			ts.Fatalf("%s: %v: %s", args[0], err, line)
		}
	}
}

// cmdModes looks at the permissions of files: modes 600 FILE...
func cmdModes(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: modes MODE FILE...")
	}
	for _, name := range args[1:] {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if got := fmt.Sprintf("%o", info.Mode().Perm()); got != args[0] {
			ts.Fatalf("%s has mode %s, want %s", name, got, args[0])
		}
	}
}

// cmdNowhere looks whether a text is in no file of a directory, which must have some: nowhere TEXT DIR.
func cmdNowhere(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: nowhere TEXT DIR")
	}
	files := 0
	err := filepath.WalkDir(ts.MkAbs(args[1]), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		files++
		if strings.Contains(string(text), args[0]) {
			err = fmt.Errorf("%s has %q", path, args[0])
		}
		return err
	})
	ts.Check(err)
	if files == 0 {
		ts.Fatalf("%s has no files", args[1])
	}
}

// cmdRecipient puts the public key of an age key file into a variable: recipient NAME FILE.
func cmdRecipient(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: recipient NAME FILE")
	}
	public := regexp.MustCompile(`age1[a-z0-9]+`).FindString(ts.ReadFile(args[1]))
	if public == "" {
		ts.Fatalf("%s has no public key", args[1])
	}
	ts.Setenv(args[0], public)
}
