package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/server"
)

// loner is `unibus run` with a file of one node.
type loner struct {
	*exec.Cmd
	file            string
	client, monitor int
	log             *logText
	ended           chan error
}

func startLoner(t *testing.T, env ...string) *loner {
	t.Helper()
	ports := freePorts(t, 2)
	dir := t.TempDir()
	file := filepath.Join(dir, "unibus.hcl")
	if err := os.WriteFile(file, fmt.Appendf(nil, `
		cluster "unibus" {
			node "magnus" { address = "127.0.0.1" }
			client_port = %d
			monitor { port = %d }
			jetstream { store_dir = %q }
			secrets { password = env("PASSWORD") }
			user "bob" { password = secret.password }
		}`, ports[0], ports[1], filepath.Join(dir, "store")), 0o600); err != nil {
		t.Fatal(err)
	}
	l := &loner{
		Cmd:    exec.Command("unibus", "run", "--config", file, "--node", "magnus"),
		file:   file,
		client: ports[0], monitor: ports[1], log: &logText{}, ended: make(chan error, 1),
	}
	l.Stdout, l.Stderr = l.log, l.log
	l.Env = append(os.Environ(), append(env, "PASSWORD=bobs")...)
	if err := l.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		l.ended <- l.Wait()
		close(done)
	}()
	t.Cleanup(func() {
		_ = l.Process.Kill()
		<-done
		if t.Failed() {
			t.Log(l.log.tail())
		}
	})
	return l
}

// freePorts are n different ports of the loopback interface that are the test's own until it ends.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	ports, release, err := server.HoldPorts(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return ports
}

// connect connects a client that never leaves by itself. The result is closed when it is asked to leave.
func (l *loner) connect(t *testing.T) (asked chan struct{}) {
	t.Helper()
	asked = make(chan struct{})
	eventually(t, func() error {
		nc, err := nats.Connect("nats://127.0.0.1:"+strconv.Itoa(l.client),
			nats.UserInfo("bob", "bobs"), nats.NoReconnect(),
			nats.LameDuckModeHandler(func(*nats.Conn) { close(asked) }))
		if err == nil {
			t.Cleanup(nc.Close)
		}
		return err
	})
	return asked
}

// ends waits for the process.
func (l *loner) ends(t *testing.T) error {
	t.Helper()
	select {
	case err := <-l.ended:
		return err
	case <-time.After(longest):
		t.Fatalf("it did not end within %v", longest)
		return nil
	}
}

// TestRunSignalled ships 200 files to a process and sends it as many signals, as fast as it can, while a client is
// connected. Every fourth file is half of one. It has the last one in the end, and stops cleanly.
func TestRunSignalled(t *testing.T) {
	t.Parallel()
	l := startLoner(t)
	first, err := os.ReadFile(l.file)
	if err != nil {
		t.Fatal(err)
	}
	var nc *nats.Conn
	login := func(user string) (*nats.Conn, error) {
		return nats.Connect("nats://127.0.0.1:"+strconv.Itoa(l.client), nats.UserInfo(user, "bobs"), nats.NoReconnect())
	}
	eventually(t, func() (err error) {
		nc, err = login("bob")
		return err
	})
	defer nc.Close()
	for n := 1; n <= 200; n++ {
		text := strings.Replace(string(first), "user \"bob\"", fmt.Sprintf("user \"guest%d\" { password = secret.password }\nuser \"bob\"", n), 1)
		if n%4 == 1 {
			text = text[:len(text)/2]
		}
		if err := os.WriteFile(l.file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := l.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		if n%50 != 0 {
			continue
		}
		eventually(t, func() error {
			guest, err := login(fmt.Sprintf("guest%d", n))
			if err == nil {
				guest.Close()
			}
			return err
		})
	}
	if err := nc.Flush(); err != nil {
		t.Errorf("the client that was connected all the time: %v", err)
	}
	if err := l.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := l.ends(t); err != nil {
		t.Errorf("it ended with %v, want status 0", err)
	}
}

// TestRunStops sends one signal to a node with a client that does not want to leave.
func TestRunStops(t *testing.T) {
	t.Parallel()
	l := startLoner(t)
	asked := l.connect(t)
	if err := l.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := l.ends(t); err != nil {
		t.Errorf("it ended with %v, want status 0", err)
	}
	select {
	case <-asked:
	default:
		t.Error("the client was not asked to leave")
	}
}

// TestRunStopsAtOnce sends a second signal while the node waits for its client.
func TestRunStopsAtOnce(t *testing.T) {
	t.Parallel()
	l := startLoner(t)
	asked := l.connect(t)
	if err := l.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-asked
	if err := l.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var status *exec.ExitError
	if err := l.ends(t); !errors.As(err, &status) || status.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v, want it terminated", err)
	}
}

// TestRunTellsSystemd waits for READY, and then must get an answer at the first attempt.
func TestRunTellsSystemd(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "notify")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = systemd.Close() })
	if err := systemd.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	l := startLoner(t, "NOTIFY_SOCKET="+socket)
	message := make([]byte, 1024)
	n, err := systemd.Read(message)
	if err != nil || !strings.Contains(string(message[:n]), "READY=1") {
		t.Fatalf("systemd gets %q, %v", message[:n], err)
	}
	conn, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(l.client))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(line, "INFO ") {
		t.Errorf("the node says %q, %v", line, err)
	}
}

// TestRunNotReady is a node that cannot start: systemd must not be told anything.
func TestRunNotReady(t *testing.T) {
	t.Parallel()
	first := startLoner(t)
	first.connect(t)
	socket := filepath.Join(t.TempDir(), "notify")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = systemd.Close() })
	second := exec.Command("unibus", first.Args[1:]...)
	second.Env = append(os.Environ(), "PASSWORD=bobs", "NOTIFY_SOCKET="+socket)
	var status *exec.ExitError
	if out, err := second.CombinedOutput(); !errors.As(err, &status) || status.ExitCode() != exitConfig {
		t.Errorf("a second process ends with %v, want status %d: %s", err, exitConfig, out)
	}
	if err := systemd.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	message := make([]byte, 1024)
	if n, err := systemd.Read(message); err == nil {
		t.Errorf("systemd gets %q", message[:n])
	}
}

// TestRunMonitor looks for the monitoring endpoints, which ask for no password, on every address of this machine.
func TestRunMonitor(t *testing.T) {
	t.Parallel()
	l := startLoner(t)
	l.connect(t)
	dial := func(ip net.IP, port int) error {
		conn, err := net.Dial("tcp", net.JoinHostPort(ip.String(), strconv.Itoa(port)))
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	eventually(t, func() error { return dial(net.IPv4(127, 0, 0, 1), l.monitor) })
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := 0
	for _, a := range all {
		ip, _, err := net.ParseCIDR(a.String())
		if err != nil || ip.IsLoopback() || ip.To4() == nil {
			continue
		}
		elsewhere++
		if err := dial(ip, l.client); err != nil {
			t.Errorf("clients at %s: %v", ip, err)
		}
		if err := dial(ip, l.monitor); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("the monitoring endpoints at %s: %v, want the connection refused", ip, err)
		}
	}
	if elsewhere == 0 {
		t.Skip("this machine has no address but loopback")
	}
}
