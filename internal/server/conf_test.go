package server

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/conf"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
	"golang.org/x/tools/txtar"

	"unibus/config/schema"
)

var update = flag.Bool("update", false, "rewrite the files in testdata/conf")

const aliceKey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"

// node has the defaults of the language.
func node(name, address string) *schema.Node {
	return &schema.Node{Name: name, Address: address, Settings: schema.Settings{
		ClientPort:  4222,
		ClusterPort: 6222,
		JetStream: schema.JetStream{
			Enabled: true, StoreDir: "/var/lib/unibus", MaxFileStore: 10 << 30, MaxMemoryStore: 1 << 30, Sync: "always",
		},
		Monitor: schema.Monitor{Enabled: true, Listen: "127.0.0.1", Port: 8222},
	}}
}

func topology(accounts []*schema.Account, routes *schema.Routes, nodes ...*schema.Node) *schema.Topology {
	return &schema.Topology{
		Shared:   schema.Shared{Accounts: accounts},
		Clusters: []*schema.Cluster{{Name: "unibus", Routes: routes, Nodes: nodes}},
	}
}

// example is three public hosts with TLS, as most files are.
func example() *schema.Topology {
	nodes := []*schema.Node{node("magnus", "203.0.113.10"), node("homer", "198.51.100.20"), node("datardos", "192.0.2.30")}
	for i, n := range nodes {
		n.ClusterPort = 6250
		n.Tags = []string{fmt.Sprintf("az:%d", i+1)}
		n.JetStream.UniqueTag = "az:"
		n.TLS = &schema.TLS{
			CAFile:     "/etc/unibus/tls/ca.pem",
			CertFile:   "/etc/unibus/tls/" + n.Name + ".pem",
			KeyFile:    "/etc/unibus/tls/" + n.Name + "-key.pem",
			MinVersion: "1.3",
		}
	}
	routes := &schema.Routes{User: "route", Password: schema.NewSecret("s3cret-1"), PoolSize: -1, Compression: "accept"}
	bus := &schema.Account{Name: "BUS", Contents: schema.Contents{Users: []*schema.User{{Name: "alice", NKey: aliceKey}}}}
	return topology([]*schema.Account{bus}, routes, nodes...)
}

// everything uses what example does not.
func everything() *schema.Topology {
	a, b, c := node("a", "2001:db8::1"), node("b", "b.example.org"), node("c", "c.example.org")
	a.Listen = "::"
	a.JetStream.Domain, a.JetStream.Sync = "hub", "7d"
	a.JetStream.Encryption = &schema.Encryption{Cipher: "chachapoly", Key: schema.NewSecret("s3cret-2")}
	a.TLS = &schema.TLS{
		CAFile: "/etc/unibus/tls/ca.pem", CertFile: "/etc/unibus/tls/a.pem", KeyFile: "/etc/unibus/tls/a-key.pem",
		MinVersion: "1.2", ClientVerify: true,
	}
	b.Monitor.Enabled, b.Tags = false, []string{"az:1", `odd "tag"`}
	c.JetStream.Enabled = false
	routes := &schema.Routes{
		User: "r@ute", Password: schema.NewSecret("s3cret-3 :/@?#%\"\\\x01é"),
		PreviousPassword: schema.NewSecret("s3cret-4"), PoolSize: 3, Compression: "s2_auto",
	}
	size, number, yes := schema.Size(1<<30), 10, true
	app := &schema.Account{Name: "APP 1", JetStream: &schema.AccountJetStream{
		MaxFileStore: &size, MaxMemoryStore: &size, MaxStreams: &number, MaxConsumers: &number, MaxAckPending: &number,
		MemoryMaxStreamBytes: &size, DiskMaxStreamBytes: &size, MaxBytesRequired: &yes,
	}}
	app.Users = []*schema.User{
		{Name: "bob", Password: schema.NewSecret("s3cret-5"), ConnectionTypes: []string{"STANDARD", "LEAFNODE"}},
		{Name: "eve", Password: schema.NewSecret("$2a$11$3kIDaCxw.Glsl1.u5nKa6eUnNDLV5HV9tIuUp7EHhMt6Nm9myW1aS"), Permissions: &schema.Permissions{
			Publish:   &schema.SubjectPermission{Allow: []string{"a.>", "b.*"}, Deny: []string{"a.b"}},
			Subscribe: &schema.SubjectPermission{Deny: []string{"x.> workers"}},
		}},
		{Name: "nobody", NKey: aliceKey, Permissions: &schema.Permissions{Publish: &schema.SubjectPermission{}}},
	}
	soon, second := schema.Duration(5*time.Second), 2
	app.Owned = true
	app.Exports = []*schema.Export{
		{Stream: "a.>", Accounts: []string{"BUS"}},
		{Stream: "of.*.>", AccountTokenPosition: &second},
		{Service: "q", ResponseType: "chunked", ResponseThreshold: &soon, AllowTrace: true},
		{Service: "r", Latency: &schema.Latency{Subject: "latency.r", Sampling: 10}},
	}
	app.Streams = []*schema.Stream{{Name: "ORDERS", Consumers: []*schema.Consumer{{Name: "billing"}}}}
	bus := &schema.Account{Name: "BUS", Imports: []*schema.Import{
		{Stream: &schema.Imported{Account: "APP 1", Subject: "a.b"}, Prefix: "app", AllowTrace: true},
		{Stream: &schema.Imported{Account: "APP 1", Subject: "of.BUS.>"}, To: "mine.>"},
		{Service: &schema.Imported{Account: "APP 1", Subject: "q"}, To: "app.q", Share: true},
	}}
	sys := &schema.Account{Name: "$SYS"}
	sys.Users = []*schema.User{{Name: "sys", Password: schema.NewSecret("s3cret-6")}}
	t := topology([]*schema.Account{app, bus, sys}, routes, a, b, c)
	t.Secrets = map[string]schema.Secret{"unused": schema.NewSecret("s3cret-7")}
	return t
}

func topologies() map[string]*schema.Topology {
	return map[string]*schema.Topology{
		"example":    example(),
		"everything": everything(),
		"minimal":    topology(nil, nil, node("a", "10.0.0.1"), node("b", "10.0.0.2")),
		"standalone": topology(nil, nil, node("magnus", "10.0.0.1")),
	}
}

func mustConf(t testing.TB, topology *schema.Topology, node string) Conf {
	t.Helper()
	c, err := NewConf(topology, node, Identity{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestGolden compares the text of every node with testdata/conf, and starts nothing but asks nats-server about each,
// the way its own -t does.
func TestGolden(t *testing.T) {
	for name, topology := range topologies() {
		t.Run(name, func(t *testing.T) {
			got := &txtar.Archive{}
			for _, n := range topology.Nodes() {
				c := mustConf(t, topology, n.Name)
				got.Files = append(got.Files,
					txtar.File{Name: n.Name + ".conf", Data: []byte(c.Text())},
					txtar.File{Name: n.Name + ".redacted.conf", Data: []byte(c.Redacted())})
				natsAccepts(t, c.Text())
				if err := c.Check(); err != nil {
					t.Errorf("check: %v", err)
				}
			}
			golden(t, filepath.Join("testdata", "conf", name+".txtar"), got)
		})
	}
}

func golden(t *testing.T, file string, got *txtar.Archive) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(txtar.Format(want)), string(txtar.Format(got))); diff != "" {
		t.Errorf("%s (-want +got, -update rewrites it):\n%s", file, diff)
	}
}

// natsAccepts reads a text from a file, as a stock nats-server does, with certificates of our own in place.
func natsAccepts(t *testing.T, text string) {
	t.Helper()
	ca := newAuthority(t)
	for _, name := range []string{"magnus", "homer", "datardos", "a"} {
		ca.issue(t, name)
	}
	file := filepath.Join(t.TempDir(), "nats.conf")
	text = strings.ReplaceAll(text, "/etc/unibus/tls/", ca.dir+"/")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	opts := &natsserver.Options{NoSigs: true}
	if err := opts.ProcessConfigFile(file); err != nil {
		t.Fatal(err)
	}
	if _, err := natsserver.NewServer(opts); err != nil {
		t.Fatal(err)
	}
}

// TestRedacted plants secrets everywhere and looks for them, in every spelling, in what may be shown.
func TestRedacted(t *testing.T) {
	topology := everything()
	for _, n := range topology.Nodes() {
		c := mustConf(t, topology, n.Name)
		shown := c.Redacted() + fmt.Sprintf("%v %+v %#v", c, c, c.identity)
		for _, secret := range c.secrets() {
			for _, s := range spellings(secret) {
				if strings.Contains(shown, s) {
					t.Errorf("node %s shows %q", n.Name, s)
				}
			}
		}
		if strings.Contains(shown, "s3cret") || strings.Contains(shown, "$2a$") {
			t.Errorf("node %s shows a secret:\n%s", n.Name, shown)
		}
	}
}

// TestCheckOffline has neither secrets nor certificates, like a build server.
func TestCheckOffline(t *testing.T) {
	topology := everything()
	unknown := schema.UnknownSecret()
	r := topology.Clusters[0].Routes
	r.Password, r.PreviousPassword = unknown, unknown
	topology.Nodes()[0].JetStream.Encryption.Key = unknown
	for _, a := range topology.Accounts {
		for _, u := range a.Users {
			if u.NKey == "" {
				u.Password = unknown
			}
		}
	}
	c := mustConf(t, topology, "a")
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(c.Redacted(), "nats-route://r%40ute:(redacted)@b.example.org:6222") {
		t.Errorf("no redacted routes in:\n%s", c.Redacted())
	}
	_, err := c.Options()
	if e := errorAs(t, err); e.At != &r.Password {
		t.Errorf("options: %v at %v", err, e.At)
	}
}

func TestNewConfRefuses(t *testing.T) {
	tests := map[string]struct {
		change func(*schema.Topology)
		at     func(*schema.Topology) any
	}{
		"account name": {
			func(t *schema.Topology) { t.Accounts[0].Name = `A"B` },
			func(t *schema.Topology) any { return &t.Accounts[0].Name },
		},
		"user without credentials": {
			func(t *schema.Topology) { t.Accounts[0].Users[0].NKey = "" },
			func(t *schema.Topology) any { return t.Accounts[0].Users[0] },
		},
		"empty user password": {
			func(t *schema.Topology) {
				*t.Accounts[0].Users[0] = schema.User{Name: "a", Password: schema.NewSecret("")}
			},
			func(t *schema.Topology) any { return t.Accounts[0].Users[0] },
		},
		"empty route user": {
			func(t *schema.Topology) { t.Clusters[0].Routes.User = "" },
			func(t *schema.Topology) any { return &t.Clusters[0].Routes.User },
		},
		"empty route password": {
			func(t *schema.Topology) { t.Clusters[0].Routes.Password = schema.NewSecret("") },
			func(t *schema.Topology) any { return &t.Clusters[0].Routes.Password },
		},
		"empty encryption key": {
			func(t *schema.Topology) {
				t.Nodes()[0].JetStream.Encryption = &schema.Encryption{Key: schema.NewSecret("")}
			},
			func(t *schema.Topology) any { return &t.Nodes()[0].JetStream.Encryption.Key },
		},
		"sync": {
			func(t *schema.Topology) { t.Nodes()[0].JetStream.Sync = "often" },
			func(t *schema.Topology) any { return &t.Nodes()[0].JetStream.Sync },
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			topology := example()
			tt.change(topology)
			_, err := NewConf(topology, "magnus", Identity{})
			if e := errorAs(t, err); e.At != tt.at(topology) {
				t.Errorf("%v is at the wrong place", err)
			}
		})
	}
	if _, err := NewConf(example(), "nobody", Identity{}); err == nil {
		t.Error("a node that is not in the file was accepted")
	}
}

// TestCheckRefuses are mistakes that only nats-server knows to be some.
func TestCheckRefuses(t *testing.T) {
	tests := map[string]func(*schema.Topology){
		"server name":  func(t *schema.Topology) { t.Nodes()[0].Name = "mag nus" },
		"cluster name": func(t *schema.Topology) { t.Clusters[0].Name = "uni bus" },
		"nkey":         func(t *schema.Topology) { t.Accounts[0].Users[0].NKey = "UABC" },
		"domain":       func(t *schema.Topology) { t.Nodes()[0].JetStream.Domain = "a.b" },
		"compression":  func(t *schema.Topology) { t.Clusters[0].Routes.Compression = "zip" },
		"subject": func(t *schema.Topology) {
			t.Accounts[0].Users[0].Permissions = &schema.Permissions{Publish: &schema.SubjectPermission{Allow: []string{"a..b"}}}
		},
		"connection type": func(t *schema.Topology) { t.Accounts[0].Users[0].ConnectionTypes = []string{"PIGEON"} },
		"duplicate user": func(t *schema.Topology) {
			t.Accounts[0].Users = append(t.Accounts[0].Users, t.Accounts[0].Users[0])
		},
		"global account": func(t *schema.Topology) { t.Accounts[0].Name = "$G" },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			topology := example()
			change(topology)
			n := topology.Nodes()[0]
			err := mustConf(t, topology, n.Name).Check()
			if e := errorAs(t, err); e.At != n {
				t.Errorf("%v is at the wrong place", err)
			}
		})
	}
}

func TestOptionsAreFresh(t *testing.T) {
	topology := loopback(t, newAuthority(t), "magnus", "homer")
	c := mustConf(t, topology, "magnus")
	a, err := c.Options()
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Options()
	if err != nil {
		t.Fatal(err)
	}
	if a == b || a.Cluster.TLSConfig == b.Cluster.TLSConfig {
		t.Error("two calls share an object")
	}
	if a.ConfigFile != "" || !a.NoSigs || !a.NoLog || a.CustomRouterAuthentication == nil {
		t.Errorf("options %+v", a)
	}
}

func TestIdentity(t *testing.T) {
	id, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	kp, err := id.KeyPair("BUS")
	if err != nil {
		t.Fatal(err)
	}
	if public, _ := kp.PublicKey(); public != id.PublicKey("BUS") || public == id.PublicKey("$SYS") {
		t.Errorf("key pair of %s, public key %s", public, id.PublicKey("BUS"))
	}
	if zero := (Identity{}).PublicKey("BUS"); !nkeys.IsValidPublicUserKey(zero) || zero == id.PublicKey("BUS") {
		t.Errorf("zero identity %s", zero)
	}
	if _, err := (Identity{}).KeyPair("BUS"); err == nil {
		t.Error("the zero identity can log in")
	}
	if s := fmt.Sprintf("%v %+v %#v %d", id, id, id, id); strings.ReplaceAll(s, schema.Redacted, "") != "   " {
		t.Errorf("prints %s", s)
	}
}

func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "a", `"`, `\`, `\x41`, "\n\r\t\x00\x7f\xff\u2028\u0085é", "$HOME", "$2a$11$x", "# }", "(redacted)", "true", "10k"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := &text{}
		text.block("a", func() {
			text.set("string", s)
			text.set("list", []string{s, s})
			text.lines("lines", []string{s, s})
			if quotable(s) {
				text.block(`"`+s+`"`, func() { text.set("x", 1) })
			}
			text.set("end", true)
		})
		got, err := conf.Parse(text.b.String())
		if err != nil {
			t.Fatalf("%v in:\n%s", err, text.b.String())
		}
		inner := map[string]any{"string": s, "list": []any{s, s}, "lines": []any{s, s}, "end": true}
		if quotable(s) {
			if _, taken := inner[s]; taken {
				t.Skip()
			}
			inner[s] = map[string]any{"x": int64(1)}
		}
		if diff := cmp.Diff(map[string]any{"a": inner}, got); diff != "" {
			t.Errorf("-want +got:\n%s\nof:\n%s", diff, text.b.String())
		}
	})
}

// BenchmarkCheck checks one node of a file with a thousand.
func BenchmarkCheck(b *testing.B) {
	topology := example()
	for i := range 1000 {
		topology.Clusters[0].Nodes = append(topology.Clusters[0].Nodes, node(fmt.Sprintf("n%d", i), "10.0.0.1"))
	}
	c := mustConf(b, topology, "n7")
	for b.Loop() {
		if err := c.Check(); err != nil {
			b.Fatal(err)
		}
	}
}

// TestErrorUnwraps is what callers rely on.
func TestErrorUnwraps(t *testing.T) {
	err := error(&Error{Summary: "cannot use the store", Err: os.ErrPermission})
	if !errors.Is(err, os.ErrPermission) || err.Error() != "cannot use the store: permission denied" {
		t.Errorf("%v", err)
	}
}
