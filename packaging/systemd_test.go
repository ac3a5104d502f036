//go:build linux

package packaging

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// longest is how long something may take on a busy machine.
const longest = 2 * time.Minute

// machine is a host with a systemd of its own, in namespaces.
type machine struct {
	t   *testing.T
	pid string // of its systemd
}

// boot starts a machine that has files in /root. It skips the test, with the reason, where systemd does not start.
func boot(t *testing.T, files ...string) *machine {
	t.Helper()
	need(t, "unshare", "nsenter", "ip", "/lib/systemd/systemd")
	if os.Geteuid() != 0 {
		t.Skip("only root can start a systemd")
	}
	dir, log := t.TempDir(), &bytes.Buffer{}
	cmd := exec.Command("testdata/systemd.sh", append([]string{dir, cgroup(t)}, files...)...)
	cmd.Stderr, cmd.WaitDelay = log, 5*time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // and with it its child, the systemd
	pid, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = cmd.Wait()
		t.Skipf("no host for a systemd can be made here: %s", log)
	}
	m := &machine{t: t, pid: strings.TrimSpace(pid)}
	booted := func() error {
		state, err := m.try("systemctl is-system-running")
		if state == "degraded" { // some other unit does not start
			return nil
		}
		return err
	}
	if err := poll(booted); err != nil {
		t.Skipf("systemd does not boot here: %v", err)
	}
	return m
}

// cgroup makes a cgroup that is removed when the test ends.
func cgroup(t *testing.T) string {
	t.Helper()
	mount := regexp.MustCompile(`(?m)^\S+ (\S+) cgroup2 `).FindSubmatch(readFile(t, "/proc/mounts"))
	if mount == nil {
		t.Skip("there are no cgroups of version 2")
	}
	dir, err := os.MkdirTemp(string(mount[1]), "unibus-test-")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		if err := poll(func() error { return removeCgroup(dir) }); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// removeCgroup removes a cgroup and those in it, which works when their last process is gone.
func removeCgroup(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if e.IsDir() {
			err = errors.Join(err, removeCgroup(filepath.Join(dir, e.Name())))
		}
	}
	if err != nil {
		return err
	}
	return syscall.Rmdir(dir)
}

// poll repeats f until it succeeds.
func poll(f func() error) error {
	limit := time.After(longest)
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-limit:
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// try runs a command of the shell on the machine, in /root.
func (m *machine) try(command string) (string, error) {
	cmd := exec.Command("nsenter", "--target", m.pid, "--all", "--root", "--wd", "--", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "sh", "-c", "cd /root && "+command)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", command, err, out)
	}
	return strings.TrimSpace(string(out)), err
}

func (m *machine) do(command string) string {
	m.t.Helper()
	out, err := m.try(command)
	if err != nil {
		m.t.Fatalf("%v\n%s", err, m.journal())
	}
	return out
}

// fails runs a command that has to fail.
func (m *machine) fails(command string) {
	m.t.Helper()
	if out, err := m.try(command); err == nil {
		m.t.Errorf("%s: went well: %s", command, out)
	}
}

// shows waits until systemd says this of the service.
func (m *machine) shows(property, want string) {
	m.t.Helper()
	err := poll(func() error {
		if got := m.property(property); got != want {
			return fmt.Errorf("%s=%q, want %q", property, got, want)
		}
		return nil
	})
	if err != nil {
		m.t.Fatalf("%v\n%s", err, m.journal())
	}
}

func (m *machine) property(name string) string {
	m.t.Helper()
	out, err := m.try("systemctl show unibus --value --property " + name)
	if err != nil {
		m.t.Fatal(err)
	}
	return out
}

func (m *machine) journal() string {
	out, err := m.try("journalctl --unit unibus --output cat --no-pager")
	if err != nil {
		return err.Error()
	}
	return out
}

// underSystemd installs the package on a machine with systemd and uses the service as an operator does: it starts, is
// reloaded, crashes, is upgraded and removed.
func underSystemd(t *testing.T, deb, next string) {
	m := boot(t, deb, next)
	m.do("dpkg --log=/dev/null --install " + filepath.Base(deb))
	m.fails("systemctl start unibus")
	if got := m.property("ActiveState") + m.property("ExecMainStatus"); got != "failed66" {
		t.Errorf("without a file the service is %s, want it failed with 66, and not started again", got)
	}

	m.do("unibus init --cluster unibus --node magnus=127.0.0.1 --bucket rooms --user alice")
	m.do("cp -a unibus.hcl hosts/magnus/. /etc/unibus/ && chown -R unibus:unibus /etc/unibus")
	m.do("systemctl enable --now unibus")
	m.do("unibus health --scope node") // start has returned, so clients can come
	m.shows("StatusText", "ready: 1 asset as declared")
	pid := m.property("MainPID")
	if user := m.do("stat --format %U /proc/" + pid); user != "unibus" {
		t.Errorf("the service is of user %s", user)
	}
	confined := m.do("cat /proc/" + pid + "/status")
	for _, line := range []string{`CapBnd:\s0+`, `NoNewPrivs:\s1`, `Seccomp:\s2`} {
		if !regexp.MustCompile(`(?m)^` + line + `$`).MatchString(confined) {
			t.Errorf("the process has no %s: %s", line, confined)
		}
	}

	m.do("echo 'bucket {' >>/etc/unibus/unibus.hcl")
	m.fails("systemctl reload unibus")
	if said := m.journal(); !strings.Contains(said, "[UB1001]") {
		t.Errorf("the journal does not say why the file is refused: %s", said)
	}
	m.do(`sed '/^  bucket "rooms"/i bucket "more" {}' unibus.hcl >/etc/unibus/unibus.hcl`)
	m.do("systemctl reload unibus")
	m.shows("StatusText", "ready: 2 assets as declared")
	m.do("dpkg --log=/dev/null --install " + filepath.Base(next))
	m.do("unibus health --scope node")
	if got := m.property("MainPID"); got != pid {
		t.Errorf("process %s is now %s; neither a reload nor an upgrade of the package may restart it", pid, got)
	}
	m.do("systemctl restart unibus")
	m.do("unibus health --scope node")
	m.shows("NRestarts", "0")
	m.do("systemctl kill --signal KILL unibus")
	m.shows("NRestarts", "1")
	m.shows("StatusText", "ready: 2 assets as declared")

	m.do("dpkg --log=/dev/null --remove unibus")
	m.shows("ActiveState", "inactive")
	if n := strings.Count(m.journal(), "[INFO]  stopped"); n != 2 {
		t.Errorf("stopped %d times in order, want 2: at the restart and at the removal", n)
	}
	m.do("ls /etc/unibus/unibus.hcl /var/lib/unibus/magnus/jetstream") // are still there
}
