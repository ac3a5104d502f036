//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestNotify is what systemd is told by a daemon that starts, takes up another file, and stops.
func TestNotify(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	name := filepath.Join(dir, "unibus.hcl")
	write := func(description string) {
		text := fmt.Sprintf(`cluster "one" {
  client_port = %d
  node "n1" { address = "127.0.0.1" }
  monitor { enabled = false }
  jetstream { store_dir = %q }
  user "alice" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "rooms" { description = %q }
}
`, freePort(t), filepath.Join(dir, "store"), description)
		if old, err := os.ReadFile(name); err == nil {
			text = strings.Replace(string(old), "before", description, 1)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("before")
	log := &logText{}
	cmd := exec.Command("unibus", "run", "--config", name, "--node", "n1")
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+filepath.Join(dir, "notify"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if t.Failed() {
			t.Log(log.tail())
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}()

	hears := func(wanted ...string) {
		t.Helper()
		var heard strings.Builder
		buf := make([]byte, 4096)
		for _, text := range wanted {
			for found := false; !found; {
				if err := socket.SetReadDeadline(time.Now().Add(longest)); err != nil {
					t.Fatal(err)
				}
				n, err := socket.Read(buf)
				if err != nil {
					t.Fatalf("not told %q, but\n%s: %v", text, heard.String(), err)
				}
				heard.Write(buf[:n])
				found = strings.Contains(string(buf[:n]), text)
			}
		}
	}
	hears("READY=1", "STATUS=ready: 1 asset as declared")
	write("after")
	hears("RELOADING=1\nMONOTONIC_USEC=", "READY=1")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	hears("STOPPING=1")
	if err := cmd.Wait(); err != nil {
		t.Errorf("stopped with %v", err)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	return freePorts(t, 1)[0]
}
