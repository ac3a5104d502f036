package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unibus/config/schema"
	"unibus/internal/hclconf"
	"unibus/internal/plan"
	"unibus/internal/server"
)

const base = `cluster "c" {
  insecure = true
  routes {
    user     = "route"
    password = "a"
  }
  node "n1" {
    address = "10.0.0.1"
  }
  node "n2" {
    address = "10.0.0.2"
  }
  node "n3" {
    address = "10.0.0.3"
  }
  jetstream { max_file_store = "10GiB" }
  user "alice" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" {
    history = 10
    ttl     = "1h"
  }
}
`

func load(t *testing.T, text string) *schema.Topology {
	t.Helper()
	c := hclconf.Load("test.hcl", []byte(text), hclconf.Host{})
	if c.Topology == nil {
		t.Fatal(c.Diagnostics)
	}
	return c.Topology
}

// summary is a plan in a few lines: what each node and asset does, and the refused steps.
func summary(p *plan.Plan) []string {
	var out []string
	for _, n := range p.Nodes {
		var names []string
		for _, c := range n.Changes {
			names = append(names, fmt.Sprintf("%s:%s", c.Attribute, c.Class))
		}
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", n.Name, n.Class, strings.Join(names, " "))))
	}
	for _, a := range p.Assets {
		for _, c := range a.Changes {
			out = append(out, fmt.Sprintf("%s %s:%s", a.Name, c.Attribute, c.Class))
		}
	}
	for _, pr := range p.Problems {
		out = append(out, fmt.Sprintf("problem %s %v", pr.Accept, pr.Nodes))
	}
	return out
}

func TestDiff(t *testing.T) {
	for _, tt := range []struct {
		name, old, new string
		want           []string
	}{
		{"nothing", "", "", []string{"n1 nothing", "n2 nothing", "n3 nothing"}},
		{"password", `"a"`, `"b"`, []string{"n1 live routes.password:live", "n2 live routes.password:live", "n3 live routes.password:live"}},
		{"one node's port", `"10.0.0.2"`, "\"10.0.0.2\"\n client_port = 4333", []string{"n1 nothing", "n2 restart client_port:restart", "n3 nothing"}},
		{"a route port", `"10.0.0.2"`, "\"10.0.0.2\"\n cluster_port = 6333", []string{
			`n1 live node "n2".cluster_port:live`, "n2 restart cluster_port:restart", `n3 live node "n2".cluster_port:live`,
		}},
		{"limit up", `"10GiB"`, `"11GiB"`, []string{"n1 live jetstream.max_file_store:live", "n2 live jetstream.max_file_store:live", "n3 live jetstream.max_file_store:live"}},
		{"limit down", `"10GiB"`, `"9GiB"`, []string{"n1 restart jetstream.max_file_store:restart", "n2 restart jetstream.max_file_store:restart", "n3 restart jetstream.max_file_store:restart"}},
		{"address", `"10.0.0.2"`, `"10.0.0.9"`, []string{`n1 live node "n2".address:live`, "n2 restart address:restart", `n3 live node "n2".address:live`}},
		{"node added", `  jetstream {`, "  node \"n4\" { address = \"10.0.0.4\" }\n  node \"n5\" { address = \"10.0.0.5\" }\n  jetstream {", []string{
			`n1 live node "n4":live node "n5":live`, `n2 live node "n4":live node "n5":live`, `n3 live node "n4":live node "n5":live`,
			`n4 nothing node "n4":nothing`, `n5 nothing node "n5":nothing`,
		}},
		{"user added", `  bucket`, "  user \"bob\" { password = \"x\" }\n  bucket", []string{
			`n1 live account "BUS".user "bob":live`, `n2 live account "BUS".user "bob":live`, `n3 live account "BUS".user "bob":live`,
		}},
		{"account added", `  bucket`, "  account \"A\" {}\n  bucket", []string{
			`n1 restart account "A":restart`, `n2 restart account "A":restart`, `n3 restart account "A":restart`,
		}},
		{"bucket changed", `10
`, `5
`, []string{"n1 nothing", "n2 nothing", "n3 nothing", "b history:data"}},
		{"bucket added", `  bucket`, "  bucket \"x\" {}\n  bucket", []string{"n1 nothing", "n2 nothing", "n3 nothing", "x bucket:data"}},
		{"renamed", `cluster "c"`, `cluster "d"`, []string{"n1 nothing", "n2 nothing", "n3 nothing", "problem  []"}},
		{"moved address", `node "n1"`, `node "n4"`, []string{
			`n2 live node "n4":live node "n1":live`, `n3 live node "n4":live node "n1":live`,
		}},
		{"no jetstream", `"10.0.0.2"`, "\"10.0.0.2\"\n jetstream { enabled = false }", []string{"n1 nothing", "n2 restart jetstream.enabled:restart", "n3 nothing", "problem no-jetstream [n2]"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := base
			if tt.old != "" {
				text = strings.Replace(base, tt.old, tt.new, 1)
				if text == base {
					t.Fatal("the replacement changes nothing")
				}
			}
			if tt.name == "no jetstream" { // three replicas need three nodes
				text = strings.Replace(text, "history = 10", "history = 10\n replicas = 1", 1)
			}
			got := summary(plan.Diff(load(t, base), load(t, text)))
			if tt.name == "no jetstream" || tt.name == "moved address" {
				for _, w := range tt.want {
					if !strings.Contains(strings.Join(got, "\n"), w) {
						t.Errorf("no %q in\n%s", w, strings.Join(got, "\n"))
					}
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestLivePart shows that a running server is never asked for what it would refuse, and that nothing of the arguments
// changes.
func TestLivePart(t *testing.T) {
	old := load(t, base)
	text := strings.NewReplacer(`"10GiB"`, `"9GiB"`, `"a"`, `"b"`, "client_port", "", `address = "10.0.0.1"`, "address = \"10.0.0.1\"\n client_port = 4333\n tags = [\"az:1\"]",
		"  bucket", "  account \"A\" {}\n  bucket").Replace(base)
	new := load(t, text)
	live := plan.LivePart(old, new, "n1")
	_, n := live.Node("n1")
	if n.ClientPort != 4222 || n.JetStream.MaxFileStore != 10<<30 || live.Account("A") != nil {
		t.Errorf("the live part has changes that need a restart: %+v", n)
	}
	if len(n.Tags) != 1 || live.Clusters[0].Routes.Password.Reveal() != "b" {
		t.Errorf("the live part lacks live changes: %+v", n)
	}
	for _, c := range plan.Diff(live, new).Node("n1").Changes {
		if c.Class != plan.Restart {
			t.Errorf("left to do: %+v", c)
		}
	}
	if diff := cmp.Diff(load(t, text), new); diff != "" {
		t.Errorf("the new topology has changed (-want +got)\n%s", diff)
	}
	n.Tags[0] = "changed"
	if _, n := new.Node("n1"); n.Tags[0] != "az:1" {
		t.Error("the live part shares memory with the new topology")
	}
}

// TestLivePartOfCrossings changes what accounts export and import together with the accounts themselves. What a running
// server is given stays whole, and the rest waits for the restart.
func TestLivePartOfCrossings(t *testing.T) {
	file := func(accounts string) *schema.Topology {
		return load(t, strings.Replace(base, "  bucket", accounts+"\n  bucket", 1))
	}
	imports := func(account string) string {
		return "import {\n stream {\n account = \"" + account + "\"\n subject = \"a.>\"\n }\n }\n"
	}
	const exports = "export { stream = \"a.>\" }\n"
	account := func(name string, blocks ...string) string {
		return "account \"" + name + "\" {\n" + strings.Join(blocks, "") + "}\n"
	}
	both := account("A", exports) + account("B", imports("A"))
	for what, c := range map[string]struct {
		old, new string
		restarts bool
	}{
		"an import is added":                 {account("A", exports) + account("B"), both, false},
		"an export and its import go":        {both, account("A") + account("B"), false},
		"an account comes with an import":    {both, both + account("C", imports("A")), true},
		"what comes is imported":             {both, account("A", exports) + account("B", imports("C")) + account("C", exports), true},
		"an account goes with its imports":   {both, account("A"), true},
		"what was imported goes":             {both, account("B"), true},
		"another account comes, a pair goes": {both, account("A") + account("B") + account("C"), true},
	} {
		old, new := file(c.old), file(c.new)
		live := plan.LivePart(old, new, "n1")
		conf, err := server.NewConf(live, "n1", server.Identity{})
		if err == nil {
			err = conf.Check()
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if got := plan.Diff(old, new).Node("n1").Class == plan.Restart; got != c.restarts {
			t.Errorf("%s: restarts %v", what, got)
		}
		for _, change := range plan.Diff(live, new).Node("n1").Changes {
			if change.Class != plan.Restart {
				t.Errorf("%s: left to do: %+v", what, change)
			}
		}
	}
}

// TestAssets changes assets of every kind. What may delete data says so, and what is not written any more stays as it is.
func TestAssets(t *testing.T) {
	file := func(nodes int, assets string) string {
		var b strings.Builder
		b.WriteString("cluster \"c\" {\n  insecure = true\n")
		for n := range nodes {
			fmt.Fprintf(&b, "  node \"n%d\" { address = \"10.0.0.%d\" }\n", n+1, n+1)
		}
		return b.String() + assets + "}\n"
	}
	stream := func(text, consumer string) string {
		return fmt.Sprintf("  stream \"S\" {\n    subjects = [\"s.>\"]\n    %s\n    %s\n  }\n", text, consumer)
	}
	for _, tt := range []struct {
		name, old, new string
		want           []string
	}{
		{"a new stream", "", stream("", `consumer "c" {}`), []string{
			`stream "S": stream data "" → "" is created with 3 replicas, unless it exists`,
			`consumer "c" of stream "S": consumer data "" → "" is created, unless it exists`,
		}},
		{"a stream and its consumer go", stream("", `consumer "c" {}`), "", []string{
			`stream "S": stream live "" → "" is not managed any more; it and its data stay`,
			`consumer "c" of stream "S": consumer live "" → "" is not managed any more; it and its data stay`,
		}},
		{"a lower limit", stream("max_msgs = 10", ""), stream("max_msgs = 5", ""), []string{
			`stream "S": max_msgs data "10" → "5" may delete what is stored; where it would, it waits for allow_data_loss = true`, "loses",
		}},
		{"a lower limit that is meant", stream("max_age = \"2h\"", ""), stream("max_age = \"1h\"\n    allow_data_loss = true", ""), []string{
			`stream "S": max_age data "\"2h\"" → "\"1h\"" deletes what no longer fits`, "loses",
			`stream "S": allow_data_loss live "false" → "true" `,
		}},
		{"a higher limit", stream("max_msgs = 5", ""), stream("max_msgs = 10", ""), []string{`stream "S": max_msgs data "5" → "10" `}},
		{
			"a lower limit that refuses what is new", stream("max_bytes = 2000\n    discard = \"new\"", ""), stream("max_bytes = 1000\n    discard = \"new\"", ""),
			[]string{`stream "S": max_bytes data "\"2000\"" → "\"1000\"" `},
		},
		{"no limit any more", stream("max_msgs = 5", ""), stream("", ""), []string{`stream "S": max_msgs live "5" → "" is not managed any more, and stays as it is`}},
		{"retention", stream("retention = \"limits\"", ""), stream("retention = \"interest\"", ""), []string{
			`stream "S": retention data "\"limits\"" → "\"interest\"" may delete what is stored; where it would, it waits for allow_data_loss = true`, "loses",
		}},
		{"to a work queue", stream("retention = \"limits\"", ""), stream("retention = \"workqueue\"", ""), []string{
			`stream "S": retention refused "\"limits\"" → "\"workqueue\"" cannot be changed: it stays as it is, and status says so`,
		}},
		{"storage", stream("storage = \"file\"", ""), stream("storage = \"memory\"", ""), []string{
			`stream "S": storage refused "\"file\"" → "\"memory\"" cannot be changed: it stays as it is, and status says so`,
		}},
		{"what only goes on", stream("deny_purge = true", ""), stream("deny_purge = false", ""), []string{
			`stream "S": deny_purge refused "true" → "false" cannot be changed: it stays as it is, and status says so`,
		}},
		{"a consumer", stream("", `consumer "c" { ack_wait = "1m" }`), stream("", `consumer "c" { ack_wait = "2m" }`), []string{
			`consumer "c" of stream "S": ack_wait live "\"1m\"" → "\"2m\"" `,
		}},
		{"a consumer's filter", stream("retention = \"interest\"", `consumer "c" { filter_subject = "s.a" }`), stream("retention = \"interest\"", `consumer "c" { filter_subject = "s.b" }`), []string{
			`consumer "c" of stream "S": filter_subject data "\"s.a\"" → "\"s.b\"" may delete what is stored; where it would, it waits for allow_data_loss = true`, "loses",
		}},
		{"what a consumer is made with", stream("", `consumer "c" { deliver_policy = "all" }`), stream("", `consumer "c" { deliver_policy = "new" }`), []string{
			`consumer "c" of stream "S": deliver_policy refused "\"all\"" → "\"new\"" cannot be changed: it stays as it is, and status says so`,
		}},
		{"an object store", "  object_store \"O\" {\n    ttl = \"2h\"\n    max_bytes = 2000\n  }\n", "  object_store \"O\" {\n    ttl = \"1h\"\n    max_bytes = 1000\n  }\n", []string{
			`object store "O": ttl data "\"2h\"" → "\"1h\"" may delete what is stored; where it would, it waits for allow_data_loss = true`, "loses",
			`object store "O": max_bytes data "\"2000\"" → "\"1000\"" `,
		}},
		{"another place", "  bucket \"b\" {\n    placement { cluster = \"c\" }\n  }\n", "  bucket \"b\" {}\n", []string{`bucket "b": placement live "" → "" is not managed any more, and stays as it is`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := plan.Diff(load(t, file(3, tt.old)), load(t, file(3, tt.new)))
			var got []string
			for _, a := range p.Assets {
				for _, c := range a.Changes {
					got = append(got, fmt.Sprintf("%s: %s %s %q → %q %s", a, c.Attribute, c.Class, c.Old, c.New, c.Effect))
					if c.LosesData {
						got = append(got, "loses")
					}
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}

	t.Run("fewer nodes", func(t *testing.T) {
		p := plan.Diff(load(t, file(3, "  bucket \"b\" {}\n")), load(t, file(2, "  bucket \"b\" {}\n")))
		if len(p.Assets) != 1 || p.Assets[0].Changes[0].Attribute != "replicas" || p.Assets[0].Changes[0].New != "1" {
			t.Errorf("a bucket that follows the nodes: %+v", p.Assets)
		}
		if !slices.ContainsFunc(p.Risks, func(r string) bool { return strings.Contains(r, `bucket "b": 1 of 3 copies stay`) }) {
			t.Errorf("no risk is named: %q", p.Risks)
		}
		for _, now := range []struct {
			size  int
			count bool
			want  string
		}{
			{3, true, "counts 3 members and needs 2 of them; 2 are left"},
			{4, true, "counts 4 members and needs 3 of them; 3 are left"},
			{2, false, ""},
		} {
			p := plan.Diff(load(t, file(3, "")), load(t, file(2, "")))
			p.Counted(now.size, func(node string) bool { return node == "n3" && now.count })
			risks := strings.Join(p.Risks, "\n")
			if !strings.Contains(risks, now.want) || strings.Contains(risks, "counts") != now.count {
				t.Errorf("of %d members, with the one that is gone: %v: %q", now.size, now.count, p.Risks)
			}
		}
		if p := plan.Diff(load(t, file(3, "  bucket \"b\" {}\n")), load(t, file(3, "  bucket \"b\" { replicas = 3 }\n"))); !p.Empty() {
			t.Errorf("what is the default is written: %+v", p.Assets)
		}
	})
}
