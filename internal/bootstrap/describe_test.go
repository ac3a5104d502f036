package bootstrap

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
	"unibus/internal/hclconf"
)

// imported is what is live in account BUS of a node, by way of the file that Describe and EncodeAccount make of it.
func imported(t *testing.T, js jetstream.JetStream) (*schema.Topology, []string) {
	t.Helper()
	contents, notes, err := Describe(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	block := hclconf.EncodeAccount(&schema.Account{Name: schema.DefaultAccount, Contents: contents}, nil)
	text := fmt.Sprintf("cluster \"test\" {\nnode \"n1\" { address = \"127.0.0.1\" }\n%s}\n", block)
	c := hclconf.Load("imported.hcl", []byte(text), hclconf.Host{})
	if c.Topology == nil {
		t.Fatalf("%v\n%s", c.Diagnostics, text)
	}
	if again, _ := hclconf.Format("imported.hcl", block); string(again) != string(block) {
		t.Error("the block is not in canonical form")
	}
	return c.Topology, notes
}

// same wants no difference between a topology and what is live.
func wantSame(t *testing.T, topology *schema.Topology, js jetstream.JetStream) {
	t.Helper()
	differences, undeclared := Compare(t.Context(), Config{
		Topology: topology, Node: "n1", JetStream: func(string) (jetstream.JetStream, error) { return js, nil },
	})
	for _, d := range differences {
		t.Errorf("%s %q: absent: %t, changes: %v, %s", d.Kind, d.Name, d.Absent, d.Changes, d.Err)
	}
	if len(undeclared) > 0 {
		t.Errorf("not imported: %v", undeclared)
	}
}

// TestDescribe writes down an asset with every field there is: declared, it changes nothing; and on an empty server it
// makes the same again.
func TestDescribe(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 1)
	c.start(0)
	r := c.bootstrap(0, declareAll(t, func(f field) string { return f.a }, ""))
	wantPhase(t, Ready, r)
	_ = r.stop()
	topology, notes := imported(t, c.js(0))
	if len(notes) > 0 {
		t.Errorf("notes: %q", notes)
	}
	wantSame(t, topology, c.js(0))

	empty := newNodes(t, 1)
	empty.start(0)
	r = empty.bootstrap(0, topology)
	wantPhase(t, Ready, r)
	wantAll(t, empty.connect(0), r, func(f field) string { return f.va })
}

// TestDescribeOthers writes down what clients of other makes have made, and tells what the file has no word for.
func TestDescribeOthers(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 1)
	c.start(0)
	js, ctx := c.js(0), t.Context()
	for _, err := range []error{
		second(js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "rooms", History: 5})),
		second(js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "copy", Sources: []*jetstream.StreamSource{{Name: "rooms"}}})),
		second(js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "mirror", Mirror: &jetstream.StreamSource{Name: "rooms"}})),
		second(js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: "images"})),
		second(js.CreateStream(ctx, jetstream.StreamConfig{Name: "PLAIN", Subjects: []string{"plain.>"}})),
		second(js.CreateStream(ctx, jetstream.StreamConfig{Name: "KV_no", Subjects: []string{"no"}})),
		second(js.CreateStream(ctx, jetstream.StreamConfig{Name: "KV_odd", Subjects: []string{"$KV.odd.>"}, MaxMsgsPerSubject: 1, MaxMsgs: 7})),
		second(js.CreateConsumer(ctx, "PLAIN", jetstream.ConsumerConfig{Durable: "lasting"})),
		second(js.CreateConsumer(ctx, "PLAIN", jetstream.ConsumerConfig{Name: "passing"})),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	topology, notes := imported(t, js)
	for _, want := range []string{`consumer "passing" of stream "PLAIN" is not durable`, `bucket "odd" has `} {
		if !strings.Contains(strings.Join(notes, "\n"), want) {
			t.Errorf("the notes are %q, without %s", notes, want)
		}
	}
	if len(notes) != 2 {
		t.Errorf("the notes are %q", notes)
	}
	bus := topology.Account(schema.DefaultAccount)
	if len(bus.Buckets) != 4 || len(bus.ObjectStores) != 1 || len(bus.Streams) != 2 {
		t.Errorf("there are %d buckets, %d object stores, %d streams", len(bus.Buckets), len(bus.ObjectStores), len(bus.Streams))
	}
	wantSame(t, topology, js)
}

func second[T any](_ T, err error) error { return err }
