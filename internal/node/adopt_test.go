package node

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"unibus/internal/hclconf"
)

// confs are three published nats.conf files and two of a supercluster, without what needs files beside them.
var confs = map[string]string{
	"n1": `server_name: n1
listen: 0.0.0.0:4222
http: "127.0.0.1:8222"
server_tags: ["az:1", "ssd"]
jetstream { store_dir: "/data/n1", max_file: 20GB, max_mem: 1GB, domain: hub, unique_tag: "az:", sync_interval: always }
accounts {
  APP { jetstream { max_file: 10GB, max_streams: 20, max_bytes_required: true }
    users: [ { user: app, password: s3cr3t, permissions { publish: ["orders.>"], subscribe { deny: "x" } } }
             { nkey: UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4, allowed_connection_types: [STANDARD] } ]
    exports: [ { service: "billing.*", accounts: [OTHER] }, { stream: "ticker.>" } ] }
  OTHER { jetstream: enabled, users: [ { user: other, password: s3cr3t } ]
    imports: [ { service: { account: APP, subject: "billing.eu" }, to: "quote" }, { stream: { account: APP, subject: "ticker.>" }, prefix: t } ] }
  $SYS { users: [ { user: sys, password: s3cr3t } ] }
}
cluster { name: east, port: 6250, pool_size: 3
  authorization { user: route, password: "r0ute-s3cr3t" }
  routes: [ "nats://route:r0ute-s3cr3t@10.0.0.2:6250" ] }
gateway { name: east, port: 7250, gateways: [ { name: west, urls: ["nats://10.2.0.1:7222"] } ] }
`,
	"n2": `server_name: n2
port: 4333
jetstream { store_dir: "/data/n2", max_file: 10GB, max_mem: 1GB, domain: hub, unique_tag: "az:", sync_interval: always }
cluster { name: east, port: 6250, pool_size: 3
  authorization { user: route, password: "r0ute-s3cr3t" }
  routes: [ "nats://route:r0ute-s3cr3t@10.0.0.1:6250" ] }
gateway { name: east, port: 7250, gateways: [ { name: west, urls: ["nats://10.2.0.1:7222"] } ] }
`,
	"w1": `server_name: w1
port: 4222
jetstream { store_dir: "/data/w1", max_file: 10GB, max_mem: 1GB, domain: hub, unique_tag: "az:", sync_interval: "10s" }
cluster { name: west, port: 6222, authorization { user: route, password: "r0ute-s3cr3t" } }
gateway { name: west, port: 7222, gateways: [ { name: east, urls: ["nats://10.0.0.1:7250", "nats://10.0.0.2:7250"] } ] }
`,
}

// TestAdopt turns nats.conf files into one file, and that into nats.conf files again, which nats-server reads as it read
// the first ones. No secret comes along.
func TestAdopt(t *testing.T) {
	dir := t.TempDir()
	var files []string
	for name, text := range confs {
		files = append(files, filepath.Join(dir, name+".conf"))
		if err := os.WriteFile(files[len(files)-1], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sort.Strings(files)
	text, notes, err := Adopt(files, dir)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "s3cr3t") || strings.Contains(strings.Join(notes, "\n"), "s3cr3t") {
		t.Errorf("a secret came along:\n%s\n%s", text, strings.Join(notes, "\n"))
	}
	host := hclconf.Host{ReadFile: func(name string) ([]byte, error) {
		if strings.HasPrefix(filepath.Base(name), "route") {
			return []byte("r0ute-s3cr3t"), nil
		}
		return []byte("s3cr3t"), nil
	}}
	for name, conf := range confs {
		host.Node = name
		c := Load("imported.hcl", text, host)
		if c.Topology == nil {
			t.Fatalf("%v\n%s", c.Diagnostics, text)
		}
		rendered, err := Render(c.Topology, name, true)
		if err != nil {
			t.Fatal(err)
		}
		was, is := essence(t, conf), essence(t, rendered)
		for key, want := range was {
			if !reflect.DeepEqual(is[key], want) {
				t.Errorf("%s: %s was %v and is %v", name, key, want, is[key])
			}
		}
	}
	if t.Failed() {
		t.Logf("%s", text)
	}
}

// essence is what a nats.conf is about, as nats-server reads it. The accounts are those that the file itself names, the
// routes those to others.
func essence(t *testing.T, text string) map[string]any {
	t.Helper()
	o := &natsserver.Options{}
	if err := o.ProcessConfigString(text); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	e := map[string]any{
		"server_name": o.ServerName, "port": o.Port, "http": o.HTTPPort, "tags": strings.Join(o.Tags, " "),
		"store": filepath.Clean(o.StoreDir), "max_file": o.JetStreamMaxStore, "max_mem": o.JetStreamMaxMemory, "domain": o.JetStreamDomain,
		"unique_tag": o.JetStreamUniqueTag, "sync": fmt.Sprint(o.SyncAlways, o.SyncInterval),
		"cluster": fmt.Sprint(o.Cluster.Name, o.Cluster.Port, o.Cluster.Username, o.Cluster.Password),
		"gateway": fmt.Sprint(o.Gateway.Name, o.Gateway.Port),
	}
	if o.Cluster.PoolSize != 0 {
		e["pool"] = o.Cluster.PoolSize
	}
	for _, u := range o.Routes {
		e["route "+u.Host] = u.User.String()
	}
	for _, g := range o.Gateway.Gateways {
		var urls []string
		for _, u := range g.URLs {
			urls = append(urls, u.Host)
		}
		slices.Sort(urls)
		e["remote "+g.Name] = urls
	}
	for _, u := range o.Users {
		e["user "+u.Username] = []any{u.Account.Name, u.Password, show(u.Permissions)}
	}
	for _, u := range o.Nkeys {
		if len(u.AllowedConnectionTypes) == 0 || fmt.Sprint(u.AllowedConnectionTypes) != "map[IN_PROCESS:{}]" {
			e["nkey "+u.Nkey] = []any{u.Account.Name, fmt.Sprint(u.AllowedConnectionTypes), show(u.Permissions)}
		}
	}
	return e
}

func show(p *natsserver.Permissions) string {
	if p == nil {
		return ""
	}
	side := func(s *natsserver.SubjectPermission) string {
		if s == nil {
			return ""
		}
		return fmt.Sprint(s.Allow, s.Deny)
	}
	return side(p.Publish) + side(p.Subscribe)
}
