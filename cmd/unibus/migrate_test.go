//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
)

const stockConf = `
server_name: %[1]s
listen: "0.0.0.0:4222"
http: "127.0.0.1:8222"
tls { cert_file: "/etc/nats/%[1]s.pem", key_file: "/etc/nats/%[1]s-key.pem", ca_file: "/etc/nats/ca.pem" }
jetstream { store_dir: "/var/lib/nats", max_file_store: 1GB, max_memory_store: 64MB }
accounts {
  APP { jetstream: enabled, users: [ { nkey: %[2]s } ] }
}
cluster {
  name: prod
  listen: "0.0.0.0:6250"
  tls { cert_file: "/etc/nats/%[1]s.pem", key_file: "/etc/nats/%[1]s-key.pem", ca_file: "/etc/nats/ca.pem", verify: true }
  authorization { user: route, password: %[3]q }
  routes: [ %[4]s ]
}
`

// stocked is an operator whose hosts run nats-server from nats.conf files.
func stocked(t *testing.T) *operations {
	t.Helper()
	o := newOperator(t)
	o.ca = newAuthority(t)
	o.trusts = o.write("stock-ca.pem", o.ca.pem)
	var err error
	if o.alice, err = nkeys.CreateUser(); err != nil {
		t.Fatal(err)
	}
	daemons := map[string]*process{}
	for _, name := range nodeNames {
		var routes []string
		for _, other := range nodeNames {
			if other != name {
				routes = append(routes, fmt.Sprintf("%q", "tls://route:"+routePassword+"@"+nodeAddrs[other]+":6250"))
			}
		}
		mkdir(t, o.path(name+"/etc/nats"), o.path(name+"/var/lib/nats"))
		cert, key := o.ca.issue(t, name, nodeAddrs[name])
		o.write(name+"/etc/nats/"+name+".pem", cert)
		o.write(name+"/etc/nats/"+name+"-key.pem", key)
		o.write(name+"/etc/nats/ca.pem", o.ca.pem)
		o.write(name+"/etc/nats/nats-server.conf", fmt.Appendf(nil, stockConf, name, publicKey(t, o.alice), routePassword, strings.Join(routes, ", ")))
		daemons[name] = o.startCommand(o.hosts[name], name, o.within(name, "nats-server", "-c", "/etc/nats/nats-server.conf")...)
	}
	return withShell(o, daemons)
}

// TestMigrateConf brings a cluster of nats-server under unibus, with the commands of the document, while an application
// writes. The bucket stays the one it was.
func TestMigrateConf(t *testing.T) {
	t.Parallel()
	o := stocked(t)
	js, err := jetstream.New(o.dial(nodeNames...))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "UNIBUS_rooms", Replicas: 3})
		return err
	})
	w := o.startWriter()
	w.goesOn()
	o.commands("../../docs/migrating.md", "From nats.conf files",
		func(string) string { return routePassword + "\n" },
		func(text string) string { return o.edit(text, `"/var/lib/nats"`, `"/var/lib/unibus"`) },
		func(text string) string {
			assets, err := os.ReadFile(filepath.Join(o.home, "assets.hcl"))
			if err != nil {
				t.Fatal(err)
			}
			bucket := regexp.MustCompile(`(?ms)^  bucket "UNIBUS_rooms" \{.*?^  \}\n`).FindString(string(assets))
			return o.edit(text, "  account \"APP\" {\n", "  account \"APP\" {\n"+bucket+"\n")
		})
	o.whole(nodeNames...)
	w.goesOn()
	w.checkHeld(nodeNames...)
}
