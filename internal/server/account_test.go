package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
	"unibus/internal/hclconf"
)

// member is a user of an account with a password, which is the name twice.
func member(account, name string) *schema.Account {
	a := &schema.Account{Name: account}
	a.Users = []*schema.User{{Name: name, Password: schema.NewSecret(name + name)}}
	return a
}

// login is a client of a node as a user with a password.
func login(t *testing.T, n *running, user string, opts ...nats.Option) *nats.Conn {
	t.Helper()
	opts = append([]nats.Option{
		nats.InProcessServer(n), nats.UserInfo(user, user+user), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}, opts...)
	nc, err := nats.Connect("", opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// trio starts a cluster of three.
func trio(t *testing.T, topology *schema.Topology) []*running {
	t.Helper()
	var nodes []*running
	for _, n := range topology.Nodes() {
		nodes = append(nodes, start(t, topology, n.Name))
	}
	eventually(t, formed(nodes...))
	return nodes
}

// answers is a service that says who answers.
func answers(t *testing.T, nc *nats.Conn, subject, with string) {
	t.Helper()
	if _, err := nc.Subscribe(subject, func(m *nats.Msg) { _ = m.Respond([]byte(with)) }); err != nil {
		t.Fatal(err)
	}
}

// asks repeats a request until the answer is the right one.
func asks(t *testing.T, nc *nats.Conn, subject, want string) {
	t.Helper()
	eventually(t, func() error {
		m, err := nc.Request(subject, nil, 200*time.Millisecond)
		if err != nil {
			return err
		}
		if string(m.Data) != want {
			return fmt.Errorf("%s answers %q, want %q", subject, m.Data, want)
		}
		return nil
	})
}

// hears repeats a message until a subscription has it, under the subject that it has there.
func hears(t *testing.T, from *nats.Conn, sent string, sub *nats.Subscription, want string) {
	t.Helper()
	eventually(t, func() error {
		if err := from.Publish(sent, []byte("hello")); err != nil {
			return err
		}
		m, err := sub.NextMsg(100 * time.Millisecond)
		if err == nil && m.Subject != want {
			return fmt.Errorf("it arrives as %s, want %s", m.Subject, want)
		}
		return err
	})
}

// TestCrossing has clients of two accounts, at two nodes, exchange messages and requests, also after a reload that adds
// what they may exchange, and makes sure that nothing else crosses.
func TestCrossing(t *testing.T) {
	topology := loopback(t, nil, "magnus", "homer", "datardos")
	shop, app, other := member("SHOP", "seller"), member("APP", "buyer"), member("OTHER", "thief")
	shop.Exports = []*schema.Export{
		{Stream: "orders.>", Accounts: []string{"APP"}},
		{Service: "quote.*", ResponseType: "single", Latency: &schema.Latency{Subject: "latency.quote", Sampling: 100}},
	}
	app.Imports = []*schema.Import{
		{Stream: &schema.Imported{Account: "SHOP", Subject: "orders.>"}, Prefix: "shop"},
		{Service: &schema.Imported{Account: "SHOP", Subject: "quote.*"}, To: "price.$1"},
	}
	topology.Accounts = append(topology.Accounts, shop, app, other)
	nodes := trio(t, topology)
	seller, buyer, thief := login(t, nodes[0], "seller"), login(t, nodes[1], "buyer"), login(t, nodes[2], "thief")

	orders, err := buyer.SubscribeSync("shop.orders.>")
	if err != nil {
		t.Fatal(err)
	}
	stolen, err := thief.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	latency, err := seller.SubscribeSync("latency.quote")
	if err != nil {
		t.Fatal(err)
	}
	hears(t, seller, "orders.new", orders, "shop.orders.new")
	answers(t, seller, "quote.tea", "three")
	asks(t, buyer, "price.tea", "three")
	if _, err := latency.NextMsg(longest); err != nil {
		t.Errorf("no latency is measured: %v", err)
	}

	// One more of each, while all run.
	more := &schema.Topology{Shared: topology.Shared, Clusters: topology.Clusters}
	shop2, app2 := *shop, *app
	shop2.Exports = append(shop.Exports[:2:2], &schema.Export{Service: "stock"}, &schema.Export{Stream: "news.*"})
	app2.Imports = append(app.Imports[:2:2],
		&schema.Import{Service: &schema.Imported{Account: "SHOP", Subject: "stock"}},
		&schema.Import{Stream: &schema.Imported{Account: "SHOP", Subject: "news.*"}, To: "told.*"})
	more.Accounts = []*schema.Account{topology.Accounts[0], &shop2, &app2, other}
	for _, n := range nodes {
		conf, err := NewConf(more, n.conf.node.Name, n.id)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Reload(conf); err != nil {
			t.Fatal(err)
		}
	}
	told, err := buyer.SubscribeSync("told.*")
	if err != nil {
		t.Fatal(err)
	}
	answers(t, seller, "stock", "seven")
	asks(t, buyer, "stock", "seven")
	hears(t, seller, "news.good", told, "told.good")
	asks(t, buyer, "price.tea", "three")
	hears(t, seller, "orders.old", orders, "shop.orders.old")

	// What is taken out is closed again.
	for _, n := range nodes {
		conf, err := NewConf(topology, n.conf.node.Name, n.id)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Reload(conf); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() error {
		if _, err := buyer.Request("stock", nil, 100*time.Millisecond); !errors.Is(err, nats.ErrNoResponders) {
			return fmt.Errorf("a service that is not imported any more: %w", err)
		}
		return nil
	})
	asks(t, buyer, "price.tea", "three")
	hears(t, seller, "orders.older", orders, "shop.orders.older")
	if n, _, _ := stolen.Pending(); n > 0 {
		t.Errorf("%d messages have reached an account that imports nothing", n)
	}
	if err := stolen.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	if _, err := thief.Request("quote.tea", nil, 100*time.Millisecond); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("a request of an account that imports nothing: %v", err)
	}
}

// TestSourceAcrossAccounts has a stream of one account copy one of another, through the API that it exports.
func TestSourceAcrossAccounts(t *testing.T) {
	topology := loopback(t, nil, "magnus", "homer", "datardos")
	shop, app := member("SHOP", "seller"), member("APP", "buyer")
	shop.Exports = []*schema.Export{
		{Service: "$JS.API.CONSUMER.>", Accounts: []string{"APP"}, ResponseType: "stream"},
		{Stream: "deliver.app.>", Accounts: []string{"APP"}},
		{Service: "$JS.FC.>", Accounts: []string{"APP"}},
	}
	app.Imports = []*schema.Import{
		{Service: &schema.Imported{Account: "SHOP", Subject: "$JS.API.CONSUMER.>"}, To: "shop.API.CONSUMER.>"},
		{Stream: &schema.Imported{Account: "SHOP", Subject: "deliver.app.>"}},
		{Service: &schema.Imported{Account: "SHOP", Subject: "$JS.FC.>"}},
	}
	topology.Accounts = append(topology.Accounts, shop, app)
	nodes := trio(t, topology)
	there, err := jetstream.New(login(t, nodes[0], "seller"))
	if err != nil {
		t.Fatal(err)
	}
	here, err := jetstream.New(login(t, nodes[1], "buyer"))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		_, err := there.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}, Replicas: 3})
		return err
	})
	for range 10 {
		if _, err := there.Publish(t.Context(), "orders.new", nil); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() error {
		_, err := here.CreateStream(t.Context(), jetstream.StreamConfig{Name: "COPY", Replicas: 3, Sources: []*jetstream.StreamSource{{
			Name: "ORDERS", External: &jetstream.ExternalStream{APIPrefix: "shop.API", DeliverPrefix: "deliver.app"},
		}}})
		return err
	})
	eventually(t, func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s, err := here.Stream(ctx, "COPY")
		if err == nil && s.CachedInfo().State.Msgs != 10 {
			err = fmt.Errorf("%d of 10 messages", s.CachedInfo().State.Msgs)
		}
		return err
	})
}

// TestCrossingsAreTaken asks nats-server about every file of the loader's tests that is right about exports and imports.
func TestCrossingsAreTaken(t *testing.T) {
	files, err := filepath.Glob("../hclconf/testdata/good/UB121[4-9]*.hcl")
	if err != nil || len(files) < 6 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f := hclconf.Load(file, text, hclconf.Host{})
		if f.Topology == nil {
			t.Fatal(f.Diagnostics)
		}
		if err := mustConf(t, f.Topology, "n1").Check(); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestCrossingsByChance makes files of exports and imports that fit each other by chance. What the loader takes,
// nats-server takes, too: nobody finds out at the start.
func TestCrossingsByChance(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	taken := 0
	for range 600 {
		text := crossings(random)
		f := hclconf.Load("test.hcl", []byte(text), hclconf.Host{})
		if f.Topology == nil {
			continue
		}
		taken++
		if err := mustConf(t, f.Topology, "n1").Check(); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
	if taken < 200 {
		t.Errorf("the loader has taken only %d files", taken)
	}
}

// crossings is a file with three accounts, each of which exports something and may import from the others.
func crossings(random *rand.Rand) string {
	accounts := []string{"A", "B", "C"}
	subjects := []string{"a", "a.b", "a.*", "*.b", "a.>", ">", "*.*", "a.b.>", "a.*.c"}
	type export struct{ account, kind, subject string }
	var exports []export
	for _, a := range accounts {
		for range 1 + random.IntN(2) {
			x := export{a, []string{"stream", "service"}[random.IntN(2)], subjects[random.IntN(len(subjects))]}
			if !slices.Contains(exports, x) {
				exports = append(exports, x)
			}
		}
	}
	var b strings.Builder
	b.WriteString("cluster \"c\" {\n insecure = true\n node \"n1\" { address = \"10.0.0.1\" }\n node \"n2\" { address = \"10.0.0.2\" }\n")
	for _, a := range accounts {
		fmt.Fprintf(&b, "account %q {\n", a)
		for _, x := range exports {
			if x.account == a {
				fmt.Fprintf(&b, " export { %s = %q }\n", x.kind, x.subject)
			}
		}
		for range random.IntN(3) {
			x := exports[random.IntN(len(exports))]
			if x.account == a {
				continue
			}
			b.WriteString(" import {\n")
			switch random.IntN(4) {
			case 0:
				fmt.Fprintf(&b, "  to = \"x%d.%s\"\n", random.IntN(2), x.subject)
			case 1:
				if x.kind == "stream" {
					b.WriteString("  prefix = \"there\"\n")
				}
			}
			fmt.Fprintf(&b, "  %s {\n   account = %q\n   subject = %q\n  }\n }\n", x.kind, x.account, x.subject)
		}
		b.WriteString("}\n")
	}
	return b.String() + "}\n"
}
