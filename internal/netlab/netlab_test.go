//go:build linux

package netlab_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"unibus/internal/netlab"
)

const (
	magnusAddr   = "203.0.113.10"
	homerAddr    = "198.51.100.20"
	datardosAddr = "192.0.2.30"
)

func TestHostsReachEachOther(t *testing.T) {
	n := netlab.New(t)
	addrs := []string{magnusAddr, homerAddr, datardosAddr}
	hosts := []*netlab.Host{n.Host("magnus", addrs[0]), n.Host("homer", addrs[1]), n.Host("datardos", addrs[2])}
	for i, to := range hosts {
		target := serve(t, to, addrs[i])
		for j, from := range hosts {
			conn := dial(t, from, target)
			if got := conn.LocalAddr().(*net.TCPAddr).IP.String(); got != addrs[j] {
				t.Errorf("host %d dials host %d from %s, want %s", j, i, got, addrs[j])
			}
		}
	}
}

func TestHostLooksLikeAHost(t *testing.T) {
	h := netlab.New(t).Host("magnus", magnusAddr)
	outside, _ := os.Hostname()

	out, err := h.Command(t.Context(), "hostname").Output()
	if err != nil || string(out) != "magnus\n" {
		t.Errorf("hostname says %q, %v", out, err)
	}
	err = h.Do(func() error {
		if name, _ := os.Hostname(); name != "magnus" {
			t.Errorf("os.Hostname says %q inside Do", name)
		}
		docker0, err := net.InterfaceByName("docker0")
		if err != nil {
			return err
		}
		if docker0.Flags&net.FlagUp == 0 {
			t.Error("docker0 is down")
		}
		addrs, err := docker0.Addrs()
		if err != nil || len(addrs) == 0 || addrs[0].String() != "172.17.0.1/16" {
			t.Errorf("docker0 has addresses %v, %v", addrs, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if name, _ := os.Hostname(); name != outside {
		t.Errorf("os.Hostname says %q after Do, want %q", name, outside)
	}
}

func TestDockerBridgesAreNotConnected(t *testing.T) {
	n := netlab.New(t)
	magnus, homer := n.Host("magnus", magnusAddr), n.Host("homer", homerAddr)
	_, port, _ := net.SplitHostPort(serve(t, magnus, "172.17.0.1"))
	dial(t, magnus, net.JoinHostPort("172.17.0.1", port))
	if _, err := homer.Dial("tcp", net.JoinHostPort("172.17.0.1", port)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("homer dials its own docker0: %v, want connection refused", err)
	}
}

func TestUnplug(t *testing.T) {
	n := netlab.New(t)
	magnus, homer := n.Host("magnus", magnusAddr), n.Host("homer", homerAddr)
	target := serve(t, magnus, magnusAddr)
	dial(t, homer, target)

	magnus.Unplug()
	dial(t, magnus, target) // its own address stays
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := homer.DialContext(ctx, "tcp", target); err == nil {
		t.Error("homer reaches magnus, which is unplugged")
	}
	magnus.Plug()
	dial(t, homer, target)
}

func TestCut(t *testing.T) {
	n := netlab.New(t)
	magnus, homer := n.Host("magnus", magnusAddr), n.Host("homer", homerAddr)
	m, h := listenUDP(t, magnus, magnusAddr), listenUDP(t, homer, homerAddr)
	// Datagrams on this wire keep their order, so the one that comes first shows whether an earlier one was dropped.
	send(t, m, h, "before")
	receive(t, h, "before")
	n.Cut(magnus, homer)
	send(t, m, h, "cut")
	send(t, h, m, "the other way")
	receive(t, m, "the other way")
	n.Heal()
	send(t, m, h, "healed")
	receive(t, h, "healed")
}

func TestCommandEndsWithContext(t *testing.T) {
	h := netlab.New(t).Host("magnus", magnusAddr)
	ctx, cancel := context.WithCancel(t.Context())
	cmd := h.Command(ctx, "sh", "-c", "sleep infinity & echo $$; wait") // sleep holds the pipe unless the group is killed
	lines, pid := start(t, cmd), 0
	if _, err := fmt.Sscan(lines.Text(), &pid); err != nil || pid != cmd.Process.Pid {
		t.Errorf("the command has pid %d, Start reported %d", pid, cmd.Process.Pid)
	}
	cancel()
	for lines.Scan() { // until every process of the group has closed the pipe
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the command succeeded, want it killed")
	}
}

func TestNothingIsLeft(t *testing.T) {
	var namespace string
	t.Run("net", func(t *testing.T) {
		h := netlab.New(t).Host("magnus", magnusAddr)
		out, err := h.Command(t.Context(), "readlink", "/proc/self/ns/net").Output()
		if err != nil {
			t.Fatal(err)
		}
		namespace = strings.TrimSpace(string(out))
	})
	if namespace == "" {
		t.Skip("netlab made no namespace")
	}
	if held := holders(t, namespace); len(held) > 0 {
		t.Errorf("%s is still held by %s", namespace, held)
	}
}

func TestNothingIsLeftByAKilledRun(t *testing.T) {
	const child = "NETLAB_TEST_CHILD"
	h := netlab.New(t).Host("magnus", magnusAddr)
	if os.Getenv(child) != "" {
		cmd := h.Command(t.Context(), "sh", "-c", "readlink /proc/self/ns/net; exec sleep infinity")
		cmd.Stdout = os.Stdout
		t.Fatal(cmd.Run()) // until the parent kills this process
	}
	run := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	run.Env = append(os.Environ(), child+"=1")
	namespace := start(t, run).Text()
	if !strings.HasPrefix(namespace, "net:[") || len(holders(t, namespace)) == 0 {
		t.Errorf("the child run holds no namespace %q", namespace)
	}
	if err := run.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = run.Wait()
	eventually(t, func() error {
		if held := holders(t, namespace); len(held) > 0 {
			return fmt.Errorf("%s is still held by %s", namespace, held)
		}
		return nil
	})
}

// serve accepts TCP connections at a free port of addr until the test ends, and returns its address.
func serve(t *testing.T, h *netlab.Host, addr string) string {
	t.Helper()
	var ln net.Listener
	err := h.Do(func() (err error) {
		ln, err = net.Listen("tcp", net.JoinHostPort(addr, "0"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	return ln.Addr().String()
}

// dial connects within the patience of the test.
func dial(t *testing.T, from *netlab.Host, target string) net.Conn {
	t.Helper()
	var conn net.Conn
	eventually(t, func() (err error) {
		conn, err = from.Dial("tcp", target)
		return err
	})
	t.Cleanup(func() { conn.Close() })
	return conn
}

func listenUDP(t *testing.T, h *netlab.Host, addr string) net.PacketConn {
	t.Helper()
	var conn net.PacketConn
	err := h.Do(func() (err error) {
		conn, err = net.ListenPacket("udp", net.JoinHostPort(addr, "0"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func send(t *testing.T, from, to net.PacketConn, text string) {
	t.Helper()
	if _, err := from.WriteTo([]byte(text), to.LocalAddr()); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, on net.PacketConn, want string) {
	t.Helper()
	buf := make([]byte, 64)
	if err := on.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, _, err := on.ReadFrom(buf)
	if got := string(buf[:n]); err != nil || got != want {
		t.Fatalf("received %q, %v, want %q", got, err, want)
	}
}

// start starts cmd and returns its output with the first line read. The test waits for cmd.
func start(t *testing.T, cmd *exec.Cmd) *bufio.Scanner {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	return lines
}

// holders lists which threads are in a namespace and which files keep it, over all processes.
func holders(t *testing.T, namespace string) (held []string) {
	t.Helper()
	for _, pattern := range []string{"/proc/[0-9]*/task/*/ns/net", "/proc/[0-9]*/fd/*"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if link, _ := os.Readlink(name); link == namespace {
				held = append(held, name)
			}
		}
	}
	return held
}

// eventually repeats f until it succeeds.
func eventually(t *testing.T, f func() error) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); <-tick.C {
		if err = f(); err == nil {
			return
		}
	}
	t.Fatalf("still after 10 s: %v", err)
}
