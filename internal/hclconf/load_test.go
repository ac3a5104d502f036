package hclconf

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"unibus/config/schema"
)

var update = flag.Bool("update", false, "write the files that tests compare with")

// load loads a text that has no errors.
func load(t testing.TB, text string) *Config {
	t.Helper()
	c := Load("t.hcl", []byte(text), Host{})
	if c.Topology == nil {
		t.Fatalf("not valid:\n%s", written(t, c))
	}
	return c
}

// written is what a person would see.
func written(t testing.TB, c *Config) string {
	t.Helper()
	var b strings.Builder
	if err := c.WriteText(&b, c.Diagnostics, Style{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func ptr[T any](v T) *T { return &v }

const alice = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"

const bcrypted = "$2a$11$6nP0vLvYZ0Fu/Dn1rYvcxOtRzqhRZDmDvp4cFvpOoDkjG8SsYTaMG"

// defaults are the settings of a node for which nothing is written.
func defaults() schema.Settings {
	return schema.Settings{
		ClientPort:  4222,
		ClusterPort: 6222,
		GatewayPort: 7222,
		JetStream: schema.JetStream{
			Enabled: true, StoreDir: "/var/lib/unibus", MaxFileStore: 10 << 30, MaxMemoryStore: 1 << 30, Sync: "always",
		},
		Monitor: schema.Monitor{Enabled: true, Listen: "127.0.0.1", Port: 8222},
	}
}

func shared() schema.Shared {
	return schema.Shared{
		Restarts:  "in-turn",
		Bootstrap: schema.Bootstrap{Timeout: schema.Duration(2 * time.Minute), AttemptTimeout: schema.Duration(5 * time.Second)},
	}
}

func TestDefaults(t *testing.T) {
	c := load(t, `
cluster "small" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "alice" { nkey = "`+alice+`" }
  bucket "rooms" {}
}
`)
	settings := defaults()
	settings.Insecure = true
	want := &schema.Topology{
		Shared: shared(),
		Clusters: []*schema.Cluster{{Name: "small", Nodes: []*schema.Node{
			{Name: "n1", Address: "10.0.0.1", Settings: settings},
			{Name: "n2", Address: "10.0.0.2", Settings: settings},
			{Name: "n3", Address: "10.0.0.3", Settings: settings},
		}}},
	}
	want.Accounts = []*schema.Account{{Name: "BUS", Contents: schema.Contents{
		Users:   []*schema.User{{Name: "alice", NKey: alice}},
		Buckets: []*schema.Bucket{{Name: "rooms", Replicas: 3}},
	}}}
	if d := cmp.Diff(want, c.Topology); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if len(c.Diagnostics) > 0 {
		t.Errorf("diagnostics:\n%s", written(t, c))
	}
}

// everyExport are the exports of testdata/full.hcl.
func everyExport() []*schema.Export {
	return []*schema.Export{
		{Stream: "orders.>", Accounts: []string{"APP"}},
		{Stream: "of.*.>", AccountTokenPosition: ptr(2)},
		{
			Service: "quote.*", ResponseType: "single", ResponseThreshold: ptr(schema.Duration(5 * time.Second)), AllowTrace: true,
			Latency: &schema.Latency{Subject: "latency.quote", Sampling: 10},
		},
	}
}

func TestEverything(t *testing.T) {
	c := load(t, readFile(t, "testdata/full.hcl"))
	base := defaults()
	base.ClientPort = 4300
	base.TLS = &schema.TLS{CAFile: "/etc/unibus/ca.pem", ClientVerify: true, MinVersion: "1.2"}
	base.JetStream = schema.JetStream{
		Enabled: true, StoreDir: "/data/full", MaxFileStore: 40 << 30, MaxMemoryStore: 1 << 30, UniqueTag: "az:", Domain: "hub", Sync: "10s",
	}
	base.Monitor.Port, base.Monitor.Token = 8300, schema.UnknownSecret()
	node := func(n *schema.Node, change func(*schema.Node)) *schema.Node {
		n.Settings = base
		tls := *base.TLS
		tls.CertFile, tls.KeyFile = "/etc/unibus/"+n.Name+".pem", "/etc/unibus/"+n.Name+"-key.pem"
		n.TLS = &tls
		n.JetStream.Encryption = &schema.Encryption{Cipher: "aes", Key: schema.UnknownSecret()}
		change(n)
		return n
	}
	want := &schema.Topology{
		Shared: schema.Shared{
			Restarts:      "manual",
			AgeRecipients: []string{"age1pkfz2maa8g0xkdt2yr6kwl0jacw5u6ygkhxdw5vma7psm6mptyvsskx9qk"},
			Bootstrap:     schema.Bootstrap{Timeout: schema.Duration(3 * time.Minute), AttemptTimeout: schema.Duration(2 * time.Second)},
			Secrets: map[string]schema.Secret{
				"route": schema.UnknownSecret(), "before": schema.UnknownSecret(), "store": schema.UnknownSecret(), "route_of_store": schema.UnknownSecret(), "monitor": schema.UnknownSecret(),
			},
		},
		Clusters: []*schema.Cluster{{
			Name: "full",
			Routes: &schema.Routes{
				User: "route", Password: schema.UnknownSecret(), PreviousPassword: schema.UnknownSecret(), PoolSize: 3, Compression: "s2_fast",
			},
			Nodes: []*schema.Node{
				node(&schema.Node{Name: "n1", AgeRecipient: "age144pyeuuxn907zctl42m9v58udatzk8w3pkr5g7cyn0dwj8ms9fzsp2r8hn", Address: "10.0.0.1", Listen: "0.0.0.0", Hostname: "one.example.net", Tags: []string{"az:1", "gen:1"}}, func(n *schema.Node) {
					n.ClusterPort, n.GatewayPort = 6300, 7300
					n.Monitor.Enabled = false
				}),
				node(&schema.Node{Name: "n2", Address: "10.0.0.2", Tags: []string{"az:2"}}, func(n *schema.Node) {
					n.Insecure = true
					n.TLS.MinVersion = "1.3"
					n.JetStream.MaxFileStore = 512 << 30
				}),
				node(&schema.Node{Name: "n3", Address: "10.0.0.3", Tags: []string{"az:3"}}, func(n *schema.Node) { n.JetStream.Sync = "always" }),
			},
		}},
	}
	want.Accounts = []*schema.Account{
		{
			Name: "APP",
			Imports: []*schema.Import{
				{Stream: &schema.Imported{Account: "SHOP", Subject: "orders.paid"}, Prefix: "shop", AllowTrace: true},
				{Service: &schema.Imported{Account: "SHOP", Subject: "quote.*"}, To: "price.*", Share: true},
			},
			JetStream: &schema.AccountJetStream{
				MaxFileStore: ptr[schema.Size](20 << 30), MaxMemoryStore: ptr[schema.Size](3 << 30), MaxStreams: ptr(10), MaxConsumers: ptr(100),
				MaxAckPending: ptr(1000), MemoryMaxStreamBytes: ptr[schema.Size](1 << 30), DiskMaxStreamBytes: ptr[schema.Size](10 << 30), MaxBytesRequired: ptr(true),
			},
			Contents: schema.Contents{
				Users: []*schema.User{{
					Name: "bob", Password: schema.NewSecret(bcrypted), ConnectionTypes: []string{"STANDARD"},
					Permissions: &schema.Permissions{
						Publish:   &schema.SubjectPermission{Allow: []string{"app.>", "$JS.API.>"}, Deny: []string{"app.secret.*"}},
						Subscribe: &schema.SubjectPermission{Allow: []string{"_INBOX.>", "app.> workers"}, Deny: []string{"app.private"}},
					},
				}},
				Buckets: []*schema.Bucket{
					{
						Name: "rooms", Description: ptr("Rooms,\n/etc/unibus\n"), Replicas: 3, History: ptr(5), TTL: ptr(schema.Duration(168 * time.Hour)),
						MaxBytes: ptr[schema.Size](1 << 30), MaxValueSize: ptr[schema.Size](512 << 10), Storage: ptr("file"), Compression: ptr(true),
						LimitMarkerTTL: ptr(schema.Duration(10 * time.Minute)), Metadata: map[string]string{"team": "chat", "cost center": "42"},
						AllowDirect: ptr(true), AllowDataLoss: true,
						Placement: &schema.Placement{Cluster: "full", Tags: []string{"!gen:0"}},
						Republish: &schema.Republish{Source: "$KV.rooms.>", Destination: "changes.>", HeadersOnly: true},
						Sources: []*schema.StreamSource{
							{Name: "elsewhere", StartTime: ptr("2026-01-31T00:00:00Z"), FilterSubject: "$KV.elsewhere.a.>", Domain: "spoke"},
							{Name: "third", StartSeq: ptr(17), External: &schema.External{APIPrefix: "THIRD.API", DeliverPrefix: "third.deliver"}},
						},
					},
					{Name: "copy", Replicas: 3, MaxBytes: ptr[schema.Size](1 << 30), Storage: ptr("memory"), Mirror: &schema.StreamSource{Name: "rooms"}},
				},
			},
		},
		{Name: "SHOP", Owned: true, Exports: everyExport(), Contents: schema.Contents{Streams: everyStream(), ObjectStores: []*schema.ObjectStore{{
			Name: "images", Description: ptr("Images"), Replicas: 1, TTL: ptr(schema.Duration(30 * 24 * time.Hour)), MaxBytes: ptr[schema.Size](1 << 30),
			Storage: ptr("file"), Compression: ptr(true), Metadata: map[string]string{"team": "shop"}, AllowDirect: ptr(false), AllowDataLoss: true,
			Placement: &schema.Placement{Tags: []string{"az:1"}},
		}}}},
		{Name: "$SYS", Contents: schema.Contents{Users: []*schema.User{{Name: "sys", Password: schema.NewSecret(bcrypted)}}}},
		{Name: "BUS", Contents: schema.Contents{
			Users:        []*schema.User{{Name: "alice", NKey: alice}},
			Buckets:      []*schema.Bucket{{Name: "loose", Replicas: 3}},
			Streams:      []*schema.Stream{{Name: "LOOSE", Replicas: 3}},
			ObjectStores: []*schema.ObjectStore{{Name: "loose", Replicas: 3}},
		}},
	}
	if d := cmp.Diff(want, c.Topology); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if len(c.Diagnostics) > 0 {
		t.Errorf("diagnostics:\n%s", written(t, c))
	}
}

// everyStream are the streams of full.hcl that have everything between them.
func everyStream() []*schema.Stream {
	orders := &schema.Stream{
		Name: "ORDERS", Description: ptr("Orders"), Subjects: []string{"orders.>", "refunds.*"}, Replicas: 3, Retention: ptr("limits"),
		Discard: ptr("new"), DiscardNewPerSubject: ptr(true), MaxAge: ptr(schema.Duration(30 * 24 * time.Hour)), MaxMsgs: ptr(1000000),
		MaxMsgsPerSubject: ptr(100), MaxBytes: ptr[schema.Size](1 << 30), MaxMsgSize: ptr[schema.Size](1 << 20), MaxConsumers: ptr(50),
		Storage: ptr("file"), Compression: ptr("s2"), PersistMode: ptr("default"), DuplicateWindow: ptr(schema.Duration(5 * time.Minute)),
		NoAck: ptr(false), FirstSeq: ptr(1000), Sealed: ptr(false), DenyDelete: ptr(true), DenyPurge: ptr(false), AllowRollup: ptr(true),
		AllowDirect: ptr(true), AllowMsgTTL: ptr(true), SubjectDeleteMarkerTTL: ptr(schema.Duration(time.Hour)), AllowMsgCounter: ptr(false),
		AllowMsgSchedules: ptr(false), AllowAtomicPublish: ptr(true), AllowBatchPublish: ptr(true), Metadata: map[string]string{"team": "shop"},
		AllowDataLoss:    true,
		Placement:        &schema.Placement{Cluster: "full"},
		SubjectTransform: &schema.SubjectTransform{Source: "orders.*", Destination: "orders.new.$1"},
		Republish:        &schema.Republish{Destination: "changes.orders.>"},
		ConsumerLimits:   &schema.ConsumerLimits{InactiveThreshold: ptr(schema.Duration(time.Hour)), MaxAckPending: ptr(2000)},
		Sources: []*schema.StreamSource{{
			Name:              "ELSEWHERE",
			SubjectTransforms: []*schema.SubjectTransform{{Source: "a.*", Destination: "orders.$1"}, {Source: "b.>"}},
			Consumer:          &schema.SourceConsumer{Name: "to-orders", DeliverSubject: "deliver.orders"},
		}},
		Consumers: []*schema.Consumer{
			{
				Name: "billing", Description: ptr("Bills"), DeliverPolicy: ptr("by_start_sequence"), StartSeq: ptr(1000), AckPolicy: ptr("explicit"),
				MaxDeliver: ptr(5), Backoff: []string{"1s", "10s", "1m"}, MaxAckPending: ptr(1000),
				FilterSubjects: []string{"orders.paid", "orders.refunded"}, ReplayPolicy: ptr("instant"), HeadersOnly: ptr(true),
				SampleFrequency: ptr("100"), Replicas: ptr(1), MemoryStorage: ptr(true), InactiveThreshold: ptr(schema.Duration(30 * time.Minute)),
				PauseUntil: ptr("2026-01-31T00:00:00Z"), MaxWaiting: ptr(100), MaxRequestBatch: ptr(10),
				MaxRequestExpires: ptr(schema.Duration(30 * time.Second)), MaxRequestMaxBytes: ptr[schema.Size](1 << 20),
				PriorityPolicy: ptr("pinned_client"), PriorityGroups: []string{"workers"}, PinnedTTL: ptr(schema.Duration(time.Minute)),
				Metadata: map[string]string{"team": "billing"}, AllowDataLoss: true,
			},
			{
				Name: "push", DeliverPolicy: ptr("by_start_time"), StartTime: ptr("2026-01-31T00:00:00Z"), AckWait: ptr(schema.Duration(time.Minute)),
				FilterSubject: ptr("orders.paid"), DeliverSubject: ptr("deliver.push"), DeliverGroup: ptr("push"), RateLimit: ptr(8000000),
				FlowControl: ptr(true), IdleHeartbeat: ptr(schema.Duration(5 * time.Second)),
			},
		},
	}
	return []*schema.Stream{orders, {
		Name: "MIRROR", Replicas: 3, MirrorDirect: ptr(true),
		Mirror: &schema.StreamSource{Name: "ORDERS", External: &schema.External{APIPrefix: "SHOP.API"}},
	}}
}

// TestComplete makes sure that full.hcl stays what its comment says.
func TestComplete(t *testing.T) {
	c := load(t, readFile(t, "testdata/full.hcl"))
	written := map[string]bool{}
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch {
		case v.Kind() == reflect.Pointer && !v.IsNil() && v.Elem().Kind() == reflect.Struct:
			walk(v.Elem())
		case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Pointer:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case v.Kind() == reflect.Struct:
			s := specOf(v.Type())
			for _, name := range s.order {
				if a := s.attrs[name]; a != nil {
					if _, ok := c.fields[v.FieldByIndex(a.index).Addr().Interface()]; ok {
						written[s.typ.Name()+"."+name] = true
					}
					continue
				}
				if b := s.blocks[name]; !b.free {
					walk(v.FieldByIndex(b.index))
				}
			}
		}
	}
	walk(reflect.ValueOf(c.Topology))
	for _, k := range kinds() {
		for name := range k.spec.attrs {
			if !written[k.spec.typ.Name()+"."+name] && k.name != "gateways" { // which stands in a supercluster
				t.Errorf("%s of %s (%s) is not in testdata/full.hcl", name, k.name, k.spec.typ.Name())
			}
		}
	}
}

func TestInheritance(t *testing.T) {
	c := load(t, `
cluster "c" {
  insecure     = true
  cluster_port = 7000
  jetstream {
    store_dir = "/data/${node.name}-${node.address}-${cluster.name}"
    sync      = "1m"
  }
  node "n1" {
    address = "10.0.0.1"
    jetstream { sync = null }
  }
  node "n2" {
    address      = "10.0.0.2"
    cluster_port = 7001
    jetstream { sync = "2m" }
  }
  node "n3" { address = "10.0.0.3" }
  user "alice" { nkey = "`+alice+`" }
}
`)
	var got []string
	for _, n := range c.Topology.Nodes() {
		got = append(got, fmt.Sprint(n.Name, " ", n.ClusterPort, " ", n.JetStream.StoreDir, " ", n.JetStream.Sync, " ", n.JetStream.MaxFileStore))
	}
	want := []string{
		"n1 7000 /data/n1-10.0.0.1-c 1m 10GiB",
		"n2 7001 /data/n2-10.0.0.2-c 2m 10GiB",
		"n3 7000 /data/n3-10.0.0.3-c 1m 10GiB",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestReplicasDefault(t *testing.T) {
	for nodes, want := range map[int]int{1: 1, 2: 1, 3: 3, 4: 3, 5: 3} {
		text := "cluster \"c\" {\n insecure = true\n user \"u\" { nkey = \"" + alice + "\" }\n bucket \"b\" {}\n"
		for i := range nodes {
			text += fmt.Sprintf("node \"n%d\" { address = \"10.0.0.%d\" }\n", i, i+1)
		}
		if got := load(t, text+"}\n").Topology.Accounts[0].Buckets[0].Replicas; got != want {
			t.Errorf("%d nodes: replicas %d, want %d", nodes, got, want)
		}
	}
}

func TestDefaultAccountIsOne(t *testing.T) {
	c := load(t, `
cluster "c" {
  insecure = true
  node "n" { address = "10.0.0.1" }
  bucket "outside" {}
  account "BUS" {
    bucket "inside" {}
    user "alice" { nkey = "`+alice+`" }
  }
}
`)
	var got []string
	for _, a := range c.Topology.Accounts {
		for _, b := range a.Buckets {
			got = append(got, a.Name+"/"+b.Name)
		}
	}
	if d := cmp.Diff([]string{"BUS/inside", "BUS/outside"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// host is a machine with some files and variables.
type host struct {
	files map[string]string
	env   map[string]string
}

func (h host) as(node string) Host {
	out := Host{
		Node: node,
		Env:  func(name string) (string, bool) { v, ok := h.env[name]; return v, ok },
		ReadFile: func(name string) ([]byte, error) {
			if v, ok := h.files[name]; ok {
				if v == "denied" {
					return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
				}
				return []byte(v), nil
			}
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		},
	}
	out.Age = OpenAge(node, []string{AgeKeyFile}, out.ReadFile)
	return out
}

func TestSecretsOnAHost(t *testing.T) {
	const text = `
cluster "c" {
  insecure = true
  secrets {
    route = file("/route")
    again = secret.route
    old   = env("OLD")
  }
  routes {
    user              = "route"
    password          = "${secret.again}!"
    previous_password = secret.old
  }
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  jetstream {
    encryption { key = file("/key-${node.name}") }
  }
  user "alice" { nkey = "` + alice + `" }
}
`
	h := host{files: map[string]string{"/route": "0123456789abcdef\n", "/key-n1": "one\r\n"}, env: map[string]string{"OLD": "fedcba9876543210"}}
	c := Load("t.hcl", []byte(text), h.as("n1"))
	if c.Topology == nil {
		t.Fatal(written(t, c))
	}
	r := c.Topology.Clusters[0].Routes
	got := []string{r.Password.Reveal(), r.PreviousPassword.Reveal(), c.Topology.Secrets["again"].Reveal()}
	for _, n := range c.Topology.Nodes() {
		got = append(got, fmt.Sprint(n.JetStream.Encryption.Key.IsKnown(), n.JetStream.Encryption.Key.Reveal()))
	}
	want := []string{"0123456789abcdef!", "fedcba9876543210", "0123456789abcdef", "trueone", "false", "false"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	// The other hosts have other files for their stores, and the same digest.
	h.files["/key-n2"] = "two\n"
	if other := Load("t.hcl", []byte(text), h.as("n2")); other.Digest != c.Digest {
		t.Errorf("digest %s on n2, %s on n1\n%s", other.Digest, c.Digest, written(t, other))
	}
	h.files["/route"] = "another secret\n"
	if other := Load("t.hcl", []byte(text), h.as("n2")); other.Digest == c.Digest {
		t.Error("another route password, the same digest")
	}
}

func TestMissingSecrets(t *testing.T) {
	const text = `
cluster "c" {
  insecure = true
  secrets {
    a = file("/missing")
    b = env("MISSING")
    c = file("/denied")
    d = file("/empty")
    e = file("relative")
  }
  node "n" { address = "10.0.0.1" }
}
`
	h := host{files: map[string]string{"/denied": "denied", "/empty": "\n"}}
	c := Load("t.hcl", []byte(text), h.as("n"))
	var got []string
	for _, d := range c.Diagnostics {
		if d.Severity == Error {
			got = append(got, fmt.Sprint(d.Range.Start.Line, " ", d.Code, " ", d.Detail))
		}
	}
	want := []string{
		"5 UB1206 /missing does not exist",
		"6 UB1206 the environment variable MISSING is not set",
		"7 UB1207 /denied cannot be read: permission denied",
		"8 UB1206 /empty is empty",
		`9 UB1206 file("relative") is not an absolute path`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if !codeSecretDenied.Denied() || codeSecretMissing.Denied() {
		t.Error("Denied")
	}
}

func TestThisHost(t *testing.T) {
	name := t.TempDir() + "/secret"
	if err := os.WriteFile(name, []byte(strings.Repeat("x", maxLiteral+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("UNIBUS_TEST_SECRET", "from the environment")
	h := ThisHost("n")
	if v, ok := h.Env("UNIBUS_TEST_SECRET"); !ok || v != "from the environment" {
		t.Errorf("Env: %q, %v", v, ok)
	}
	if _, err := h.ReadFile(name); err == nil {
		t.Error("a file of more than maxLiteral bytes was read")
	}
	if _, err := h.ReadFile(name + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestAt(t *testing.T) {
	c := load(t, readFile(t, "testdata/full.hcl"))
	bucket := c.Topology.Account("APP").Buckets[0]
	lines := strings.Split(readFile(t, "testdata/full.hcl"), "\n")
	for want, field := range map[string]any{
		"replicas         = 3":  &bucket.Replicas,
		`bucket "rooms" {`:      bucket,
		`["!gen:0"]`:            &bucket.Placement.Tags[0],
		"client_port = local":   &c.Topology.Nodes()[2].ClientPort,
		`max_file_store = "0.5`: &c.Topology.Nodes()[1].JetStream.MaxFileStore,
	} {
		r, ok := c.At(field)
		if !ok || !strings.Contains(lines[r.Start.Line-1], want) {
			t.Errorf("%T: line %d, %v, want the line with %q", field, r.Start.Line, ok, want)
		}
	}
	if _, ok := c.At(&schema.Bucket{}); ok {
		t.Error("a bucket from elsewhere has a place")
	}
	d := c.Problem(&bucket.Replicas, CodeServer, "detail", "hint")
	if d.Address != "cluster.full.account.APP.bucket.rooms" || d.Range.Filename != "t.hcl" || d.Range.Start.Line == 0 {
		t.Errorf("problem at %+v of %q", d.Range, d.Address)
	}
}

func TestRefuse(t *testing.T) {
	c := load(t, readFile(t, "testdata/full.hcl"))
	c.Refuse(c.Problem(c.Topology.Clusters[0], CodeServer, "detail", ""))
	if c.Topology != nil || c.Digest != "" || !c.Diagnostics.HasErrors() {
		t.Error("refused, but still valid")
	}
}

func TestExamples(t *testing.T) {
	for _, name := range exampleFiles(t) {
		c := Load(name, []byte(readFile(t, name)), Host{})
		if len(c.Diagnostics) > 0 {
			t.Errorf("%s:\n%s", name, written(t, c))
		}
	}
}

// TestTwins makes sure that the JSON syntax is the same language: the twin of every example and of full.hcl stands beside
// it, is what the test makes of it, and means the same.
func TestTwins(t *testing.T) {
	for _, name := range append(exampleFiles(t), "testdata/full.hcl") {
		if !strings.HasSuffix(name, ".hcl") {
			continue
		}
		text, file := twin(t, readFile(t, name)), strings.TrimSuffix(name, ".hcl")+".json"
		if *update {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if d := cmp.Diff(text, readFile(t, file)); d != "" {
			t.Errorf("%s is stale, run go test -update (-want +got):\n%s", file, d)
		}
		native, other := load(t, readFile(t, name)), load(t, text)
		if d := cmp.Diff(native.Topology, other.Topology); d != "" {
			t.Errorf("%s (-hcl +json):\n%s", file, d)
		}
		if native.Digest != other.Digest {
			t.Errorf("%s: digest %s, its twin has %s", name, native.Digest, other.Digest)
		}
		if len(other.Diagnostics) != len(native.Diagnostics) {
			t.Errorf("%s:\n%s", file, written(t, other))
		}
	}
}

// TestPrefixes makes sure that a file which was cut off is never valid.
func TestPrefixes(t *testing.T) {
	for _, name := range append(exampleFiles(t), "testdata/full.hcl", "testdata/full.json") {
		text := strings.TrimRight(readFile(t, name), "\n")
		for i := range text {
			if c := Load(name, []byte(text[:i]), Host{}); c.Topology != nil {
				t.Fatalf("%s: the first %d bytes are valid", name, i)
			}
		}
	}
}

func TestLineEndingsAndBOM(t *testing.T) {
	text := readFile(t, "testdata/full.hcl")
	want := load(t, text)
	got := load(t, "\ufeff"+strings.ReplaceAll(text, "\n", "\r\n"))
	d := func(c *Config) *string { return c.Topology.Account("APP").Buckets[0].Description }
	*d(got) = strings.ReplaceAll(*d(got), "\r", "") // in a heredoc they count
	if d := cmp.Diff(want.Topology, got.Topology); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	c := Load("t.hcl", []byte("\ufeffcluster \"c\" {\n  oops = 1\n}\n"), Host{})
	i := slices.IndexFunc(c.Diagnostics, func(d Diagnostic) bool { return d.Code == codeWord })
	if r := c.Diagnostics[i].Range; r.Start != (Pos{2, 3, 19}) || r.End.Byte != 23 {
		t.Errorf("behind a byte order mark: %+v", r)
	}
	first := Load("t.hcl", []byte("\ufeff}\n"), Host{})
	if r := first.Diagnostics[0].Range; r.Start != (Pos{1, 1, 3}) {
		t.Errorf("right behind a byte order mark: %+v", r)
	}
}
