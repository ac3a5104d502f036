package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestRenderForStockServer renders three nodes, and starts three stock nats-servers from what comes out.
func TestRenderForStockServer(t *testing.T) {
	t.Parallel()
	stock := stockServer(t)
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name string, text []byte) {
		if err := os.WriteFile(path(name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ca := newAuthority(t)
	write("ca.pem", ca.pem)
	write("route", []byte(`quotes " and \backslashes\ and @:/ and {} # too`))
	write("bob", []byte("bobs-password"))
	names := []string{"magnus", "homer", "datardos"}
	ports := freePorts(t, 3*len(names))
	var blocks strings.Builder
	for i, name := range names {
		cert, key := ca.issue(t, name, "127.0.0.1")
		write(name+".pem", cert)
		write(name+"-key.pem", key)
		fmt.Fprintf(&blocks, `
			node %q {
				address      = "127.0.0.1"
				listen       = "127.0.0.1"
				client_port  = %d
				cluster_port = %d
				monitor { port = %d }
			}`, name, ports[3*i], ports[3*i+1], ports[3*i+2])
	}
	write("unibus.hcl", fmt.Appendf(nil, `
		cluster "stock" {
			%[1]s
			tls {
				ca_file   = "%[2]s/ca.pem"
				cert_file = "%[2]s/${node.name}.pem"
				key_file  = "%[2]s/${node.name}-key.pem"
			}
			secrets {
				route = file("%[2]s/route")
				bob   = file("%[2]s/bob")
			}
			routes {
				user     = "route"
				password = secret.route
			}
			jetstream { store_dir = "%[2]s/store" }
			user "bob" { password = secret.bob }
		}`, blocks.String(), dir))

	var urls []string
	for i, name := range names {
		for _, conf := range []string{name + "-redacted.conf", name + ".conf"} {
			args := []string{"render", "--config", path("unibus.hcl"), "--node", name}
			if conf == name+".conf" {
				args = append(args, "--reveal")
			}
			write(conf, command(t, "unibus", args...))
			command(t, stock, "-t", "-c", path(conf))
		}
		startStock(t, stock, path(name+".conf"))
		urls = append(urls, fmt.Sprintf("tls://127.0.0.1:%d", ports[3*i]))
	}
	for i, name := range names {
		eventually(t, func() error { return formed(name, ports[3*i+2]) })
	}

	nc, err := nats.Connect(strings.Join(urls, ","), nats.UserInfo("bob", "bobs-password"), nats.RootCAs(path("ca.pem")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "rooms", Replicas: 3})
		return err
	})
}

// formed tells whether a server has routes to both others and knows a meta leader.
func formed(name string, monitor int) error {
	var routez struct {
		Routes []struct {
			Name string `json:"remote_name"`
		}
	}
	if err := getJSON(monitor, "routez", &routez); err != nil {
		return err
	}
	peers := map[string]bool{}
	for _, r := range routez.Routes {
		peers[r.Name] = true
	}
	if len(peers) != 2 {
		return fmt.Errorf("%s has routes to %v", name, peers)
	}
	var jsz struct {
		Meta struct{ Leader string } `json:"meta_cluster"`
	}
	if err := getJSON(monitor, "jsz", &jsz); err != nil {
		return err
	}
	if jsz.Meta.Leader == "" {
		return fmt.Errorf("%s knows no meta leader", name)
	}
	return nil
}

func getJSON(port int, path string, into any) error {
	web := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := web.Get(fmt.Sprintf("http://127.0.0.1:%d/%s", port, path))
	if err != nil {
		return err
	}
	return errors.Join(json.NewDecoder(res.Body).Decode(into), res.Body.Close())
}

// command runs a command that must succeed, and returns its output.
func command(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	var stderr strings.Builder
	cmd := exec.Command(name, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", cmd, err, stderr.String())
	}
	return out
}

// startStock runs a stock nats-server until the test ends.
func startStock(t *testing.T, stock, conf string) {
	t.Helper()
	log := &logText{}
	cmd := exec.Command(stock, "-c", conf)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", conf, log.tail())
		}
	})
}

// stockServer is the nats-server command of the version that go.mod names.
func stockServer(t *testing.T) string {
	t.Helper()
	name := t.TempDir() + "/nats-server"
	if out, err := exec.Command("go", "build", "-o", name, "github.com/nats-io/nats-server/v2").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return name
}
