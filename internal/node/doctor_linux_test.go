package node

import (
	"net"
	"net/netip"
	"os"
	"testing"
)

// TestPortHolder listens where nobody else does, and looks who that is.
func TestPortHolder(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "127.0.0.2:0", "0.0.0.0:0", "[::]:0", "[::1]:0"} {
		t.Run(addr, func(t *testing.T) {
			l, err := net.Listen("tcp", addr)
			if err != nil {
				t.Skip(err) // no IPv6
			}
			defer func() { _ = l.Close() }()
			at := l.Addr().(*net.TCPAddr).AddrPort()
			if pid := portHolder(at.String()); pid != os.Getpid() {
				t.Errorf("process %d has %s, want %d", pid, at, os.Getpid())
			}
			if all := netip.AddrPortFrom(netip.IPv4Unspecified(), at.Port()); portHolder(all.String()) != os.Getpid() {
				t.Errorf("nobody is in the way of %s", all)
			}
		})
	}
	want := netip.MustParseAddrPort("127.0.0.3:8080")
	for local, is := range map[string]bool{
		"0300007F:1F90": true, "00000000:1F90": true, "00000000000000000000000000000000:1F90": true,
		"0000000000000000FFFF00000300007F:1F90": true, "0100007F:1F90": false, "0300007F:1F91": false, "x": false,
	} {
		if inTheWay(want, local) != is {
			t.Errorf("%s in the way of %s: %v", local, want, !is)
		}
	}
}
