package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
)

// TestBackupConsumer takes a stream to another store, with a consumer that has dealt with some of it.
func TestBackupConsumer(t *testing.T) {
	t.Parallel()
	dir, ports := t.TempDir(), freePorts(t, 2)
	carol, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := carol.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	// run calls f while a node runs, whose store is empty at first.
	run := func(store string, f func(file string, js jetstream.JetStream)) {
		t.Helper()
		file := filepath.Join(dir, store+".hcl")
		if err := os.WriteFile(file, fmt.Appendf(nil, `
			cluster "unibus" {
				node "magnus" { address = "127.0.0.1" }
				client_port = %d
				monitor { port = %d }
				jetstream { store_dir = %q }
				user "carol" { nkey = %q }
				stream "ORDERS" {
					subjects = ["orders.>"]
					replicas = 1
					consumer "work" { ack_policy = "explicit" }
				}
			}`, ports[0], ports[1], filepath.Join(dir, store), public), 0o600); err != nil {
			t.Fatal(err)
		}
		daemon := exec.Command("unibus", "run", "--config", file, "--node", "magnus")
		daemon.Stderr = &logText{}
		if err := daemon.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			_ = daemon.Process.Signal(syscall.SIGTERM)
			if err := daemon.Wait(); err != nil {
				t.Errorf("%v\n%s", err, daemon.Stderr)
			}
		}()
		var nc *nats.Conn
		eventually(t, func() (err error) {
			nc, err = nats.Connect(fmt.Sprintf("nats://127.0.0.1:%d", ports[0]), nats.Nkey(public, carol.Sign))
			return err
		})
		defer nc.Close()
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, func() error {
			_, err := js.Consumer(t.Context(), "ORDERS", "work")
			return err
		})
		f(file, js)
	}
	backups := filepath.Join(dir, "backups")
	run("old", func(file string, js jetstream.JetStream) {
		for i := range 10 {
			if _, err := js.Publish(t.Context(), "orders.new", fmt.Appendf(nil, "order %d", i+1)); err != nil {
				t.Fatal(err)
			}
		}
		fetched(t, js, 4)
		succeeds(t, "backup", backups, "--config", file, "--node", "magnus")
	})
	saved, err := filepath.Glob(backups + "/unibus-*")
	if err != nil || len(saved) != 1 {
		t.Fatalf("%v, %v", saved, err)
	}
	run("new", func(file string, js jetstream.JetStream) {
		succeeds(t, "restore", saved[0], "--config", file, "--node", "magnus")
		if next := fetched(t, js, 1); next != "order 5" {
			t.Errorf("after four of ten orders, the next one is %q", next)
		}
		s, err := js.Stream(t.Context(), "ORDERS")
		if err != nil || s.CachedInfo().State.Msgs != 10 {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

// fetched is the last of some messages that the consumer gets and acknowledges.
func fetched(t *testing.T, js jetstream.JetStream, n int) string {
	t.Helper()
	c, err := js.Consumer(t.Context(), "ORDERS", "work")
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	for range n {
		m, err := c.Next()
		if err == nil {
			err = m.DoubleAck(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		last = string(m.Data())
	}
	return last
}

// succeeds runs a command that has to succeed.
func succeeds(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "unibus", args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, &said)
	}
}
