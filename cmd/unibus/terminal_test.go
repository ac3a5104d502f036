//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// screen is a command on a terminal of its own.
type screen struct {
	t    *testing.T
	cmd  *exec.Cmd
	keys *os.File // what is typed
	tty  *os.File
	mode *term.State // before
	said *logText
	read chan struct{}
}

// onTerminal starts a command that asks the daemon of l, on a terminal that is so wide.
func (l *loner) onTerminal(t *testing.T, columns uint16, args ...string) *screen {
	t.Helper()
	s := &screen{t: t, said: &logText{}, read: make(chan struct{})}
	var err error
	if s.keys, s.tty, err = pty.Open(); err != nil {
		t.Skipf("this machine has no pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { _ = s.keys.Close() })
	if err := pty.Setsize(s.tty, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
		t.Fatal(err)
	}
	if s.mode, err = term.GetState(int(s.tty.Fd())); err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command("unibus", append(args, l.Args[2:]...)...)
	s.cmd.Env = append(l.Env, "TERM=xterm")
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = s.tty, s.tty, s.tty
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	go func() {
		defer close(s.read)
		_, _ = io.Copy(s.said, s.keys) // until nobody has the terminal any more
	}()
	return s
}

// shows waits until the terminal has got a text so often.
func (s *screen) shows(text string, times int) {
	s.t.Helper()
	eventually(s.t, func() error {
		if n := strings.Count(s.said.String(), text); n < times {
			return fmt.Errorf("%d times %q in %q", n, text, s.said.String())
		}
		return nil
	})
}

// ends waits for the command, and returns its exit status and all that it has said. The terminal must be as it was.
func (s *screen) ends() (int, string) {
	s.t.Helper()
	err := s.cmd.Wait()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		s.t.Fatal(err)
	}
	if mode, err := term.GetState(int(s.tty.Fd())); err != nil || !reflect.DeepEqual(mode, s.mode) {
		s.t.Errorf("the terminal is left as %v, was %v; %v", mode, s.mode, err)
	}
	_ = s.tty.Close()
	<-s.read
	return s.cmd.ProcessState.ExitCode(), s.said.String()
}

// interrupt types Ctrl-C.
func (s *screen) interrupt() {
	s.t.Helper()
	if _, err := s.keys.WriteString("\x03"); err != nil {
		s.t.Fatal(err)
	}
}

// TestTerminal shows what is drawn again and again, and what Ctrl-C leaves of it.
func TestTerminal(t *testing.T) {
	t.Parallel()
	l := startLoner(t)
	l.connect(t)

	s := l.onTerminal(t, 80, "status", "-w")
	s.shows("\x1b[H\x1b[2Jcluster unibus   ", 2)
	s.interrupt()
	if code, said := s.ends(); code != 0 || !strings.HasSuffix(said, "\r\n^C"+startOfLine) && !strings.HasSuffix(said, "\r\n"+startOfLine) {
		t.Errorf("status -w ends with %d and %q", code, said)
	}

	const columns = 30
	s = l.onTerminal(t, columns, "wait", "--for", "node=somebody-who-never-comes")
	s.shows(startOfLine+"waiting ", 2)
	s.interrupt()
	code, said := s.ends()
	drawn, rest, _ := strings.Cut(said, "\r\n")
	for line := range strings.SplitSeq(strings.TrimPrefix(drawn, startOfLine), startOfLine) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "^C")); n >= columns || !strings.HasPrefix(line, "waiting ") {
			t.Errorf("%d columns are drawn: %q", n, line)
		}
	}
	if want := "unibus: interrupted while waiting: node \"somebody-who-never-comes\" is not declared\r\n"; code != 1 || rest != want {
		t.Errorf("wait ends with %d and %q, want %q", code, rest, want)
	}

	s = l.onTerminal(t, 80, "wait", "--for", "ready")
	s.shows("done after ", 1)
	if code, said := s.ends(); code != 0 || strings.Count(said, "\n") != 1 {
		t.Errorf("wait ends with %d and %q", code, said)
	}
}
