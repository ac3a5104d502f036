package server

import (
	"fmt"
	"net"
	"runtime"
	"slices"
	"testing"
)

// TestHoldPorts listens on held ports, and looks whether anybody else is given one.
func TestHoldPorts(t *testing.T) {
	ports, release, err := HoldPorts(100)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	for _, host := range []string{"127.0.0.1", "0.0.0.0", ""} {
		l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", host, ports[0]))
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
	}
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can keep ports")
	}
	for range 5000 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		if p := l.Addr().(*net.TCPAddr).Port; slices.Contains(ports, p) {
			t.Fatalf("port %d is given away", p)
		}
	}
}
