//go:build linux

// Package netlab gives a test several hosts on one Linux machine: network namespaces, each with its own hostname, one
// public address on a shared switch and a docker0 bridge of the kind that must never be told to peers.
//
// It is for tests only and needs root; without it New skips the test. Nothing it makes has a name outside the test
// process: when that ends, also by kill -9, the kernel takes everything back, and parallel runs cannot meet.
// Files that import it need the build constraint linux too.
package netlab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// Net is one switch and the hosts plugged into it.
type Net struct {
	t     testing.TB
	ns    *namespace // holds the switch
	hosts int
}

// Host is one host of a Net. Its methods may be called from several goroutines at once, except Plug and Unplug, which
// can end the test and so belong to the test's own goroutine.
type Host struct {
	net  *Net
	ns   *namespace
	port string // the switch's end of the cable
}

// New makes a switch without hosts, which is removed with all its hosts when the test ends. It skips the test, with the
// reason, on a machine that cannot do it.
func New(t testing.TB) *Net {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("netlab: only root can make network namespaces")
	}
	for _, tool := range []string{"ip", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("netlab: %v", err)
		}
	}
	if sysSetns[runtime.GOARCH] == 0 {
		t.Skipf("netlab: setns is not known on %s", runtime.GOARCH)
	}
	ns, err := newNamespace("switch")
	if err != nil {
		t.Skipf("netlab: this machine does not allow network namespaces: %v", err)
	}
	t.Cleanup(ns.close)
	if err := ns.run(`
		link add br0 type bridge
		link set br0 up`, "ip", "-batch", "-"); err != nil {
		t.Skipf("netlab: this machine cannot make a bridge: %v", err)
	}
	return &Net{t: t, ns: ns}
}

// Host plugs a new host into the switch. Its hostname is name, its one interface beside loopback and docker0 is eth0 with
// the IPv4 address addr. Hosts reach each other directly, whatever their addresses, and nothing else.
func (n *Net) Host(name, addr string) *Host {
	n.t.Helper()
	ip, err := netip.ParseAddr(addr)
	if err != nil || !ip.Is4() {
		n.t.Fatalf("netlab: host %q: %q is not an IPv4 address", name, addr)
	}
	ns, err := newNamespace(name)
	if err != nil {
		n.t.Fatalf("netlab: host %q: %v", name, err)
	}
	n.t.Cleanup(ns.close)
	n.hosts++
	h := &Host{net: n, ns: ns, port: fmt.Sprintf("port%d", n.hosts)}
	n.must(n.ns, fmt.Sprintf(`
		link add %[1]s type veth peer name eth0 netns %[2]s
		link set %[1]s master br0
		link set %[1]s up`, h.port, path(ns.net)), "ip", "-batch", "-")
	n.must(ns, fmt.Sprintf(`
		link set lo up
		link add docker0 type bridge
		addr add 172.17.0.1/16 dev docker0
		link set docker0 up
		addr add %[1]s/32 dev eth0
		link set eth0 up
		route add default dev eth0 src %[1]s`, ip), "ip", "-batch", "-")
	return h
}

// Cut drops what one host sends to the other; the way back stays open, and so does address resolution, so that the cut is
// exactly one way. It skips the test where nft(8) is missing.
func (n *Net) Cut(from, to *Host) {
	n.t.Helper()
	if _, err := exec.LookPath("nft"); err != nil {
		n.t.Skipf("netlab: %v", err)
	}
	n.must(n.ns, fmt.Sprintf(`
		add table bridge cuts
		add chain bridge cuts forward { type filter hook forward priority 0; }
		add rule bridge cuts forward iifname %s oifname %s ether type != arp drop
	`, from.port, to.port), "nft", "-f", "-")
}

// Heal ends every Cut.
func (n *Net) Heal() {
	n.t.Helper()
	n.must(n.ns, `
		add table bridge cuts
		delete table bridge cuts
	`, "nft", "-f", "-")
}

// must runs a command in a namespace and ends the test when it fails.
func (n *Net) must(ns *namespace, input, name string, args ...string) {
	n.t.Helper()
	if err := ns.run(input, name, args...); err != nil {
		n.t.Fatalf("netlab: %v", err)
	}
}

// Unplug pulls the cable out at the switch. The host keeps its address and its interface loses the carrier.
func (h *Host) Unplug() {
	h.net.t.Helper()
	h.net.must(h.net.ns, "link set "+h.port+" down", "ip", "-batch", "-")
}

// Plug puts the cable back.
func (h *Host) Plug() {
	h.net.t.Helper()
	h.net.must(h.net.ns, "link set "+h.port+" up", "ip", "-batch", "-")
}

// Command is a command that runs on the host, for the caller to set up and start like any other. Its process has the pid
// that Start reports and leads a process group, which is killed when ctx ends, and the process itself also when the test
// process dies. The caller must wait for it.
func (h *Host) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	enter := []string{"--net=" + path(h.ns.net), "--uts=" + path(h.ns.uts), "--", name}
	cmd := exec.CommandContext(ctx, "nsenter", append(enter, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// Do calls f as if this process ran on the host, and returns its error: sockets that f itself opens are the host's and stay
// so, and os.Hostname is its name. Goroutines that f starts are not on the host.
func (h *Host) Do(f func() error) error { return h.ns.do(f) }

// DialContext is net.Dialer.DialContext on the host. It fits http.Transport.
func (h *Host) DialContext(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = h.Do(func() error {
		d := net.Dialer{FallbackDelay: -1} // one address after the other, without goroutines
		conn, err = d.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Dial is DialContext with a time limit of two seconds. It makes a Host a nats.CustomDialer.
func (h *Host) Dial(network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return h.DialContext(ctx, network, address)
}
