package bootstrap

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
)

func TestDiff(t *testing.T) {
	const hour = schema.Duration(time.Hour)
	full := &schema.Bucket{
		Name: "a", Replicas: 3, Description: ptr("d"), History: ptr(10), TTL: ptr(hour), MaxBytes: ptr(schema.Size(1 << 20)),
		MaxValueSize: ptr(schema.Size(1 << 10)), Storage: ptr("memory"), Compression: ptr(true),
		LimitMarkerTTL: ptr(hour), AllowDirect: ptr(true), Metadata: map[string]string{"k": "v"},
		Placement: &schema.Placement{Cluster: "test", Tags: []string{"x", "y"}},
		Republish: &schema.Republish{Destination: "rp.>"},
		Sources:   []*schema.StreamSource{{Name: "s1"}, {Name: "s2", Domain: "hub"}},
	}
	tests := []struct {
		name   string
		bucket *schema.Bucket
		live   func(*jetstream.StreamConfig) // edits what the bucket would be created as
		want   []string                      // changes with their class
		sent   func(*jetstream.StreamConfig) // edits of live that make up want; nil for none
	}{
		{name: "nothing", bucket: full},
		{
			name: "what nats-server adds or does not tell", bucket: full,
			live: func(c *jetstream.StreamConfig) {
				c.Metadata["_nats.ver"], c.Metadata["_nats.req.level"] = "2.15.2", "1"
				c.Duplicates, c.MirrorDirect = time.Second, true
				slices.Reverse(c.Placement.Tags)
				slices.Reverse(c.Sources)
				c.Sources[0].Consumer = &jetstream.StreamConsumerSource{Name: "c"}
			},
		},
		{
			name: "what is not declared", bucket: &schema.Bucket{Name: "a"},
			live: func(c *jetstream.StreamConfig) { *c = bucketConfig(full) },
		},
		{
			name: "higher limits", bucket: full,
			live: func(c *jetstream.StreamConfig) {
				c.MaxMsgsPerSubject, c.MaxAge, c.Duplicates, c.MaxBytes, c.MaxMsgSize = 1, time.Second, time.Second, 5, 5
			},
			want: []string{
				"history 1 → 10 safe", "ttl 1s → 1h safe", "max_bytes 5 → 1MiB safe", "max_value_size 5 → 1KiB safe",
			},
			sent: func(c *jetstream.StreamConfig) { *c = bucketConfig(full) },
		},
		{
			name: "lower limits", bucket: full,
			live: func(c *jetstream.StreamConfig) {
				c.MaxMsgsPerSubject, c.MaxAge, c.MaxBytes, c.MaxMsgSize = 11, 0, -1, -1
			},
			want: []string{
				"history 11 → 10 loses data", "ttl 0s → 1h loses data", "max_bytes unlimited → 1MiB safe",
				"max_value_size unlimited → 1KiB safe",
			},
			sent: func(c *jetstream.StreamConfig) { c.MaxBytes, c.MaxMsgSize = 1<<20, 1<<10 },
		},
		{
			name:   "lower limits with leave",
			bucket: &schema.Bucket{Name: "a", History: ptr(2), TTL: ptr(schema.Duration(time.Minute)), AllowDataLoss: true},
			live:   func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject, c.MaxAge, c.Duplicates = 5, 0, 2*time.Minute },
			want:   []string{"history 5 → 2 loses data", "ttl 0s → 1m loses data"},
			sent: func(c *jetstream.StreamConfig) {
				c.MaxMsgsPerSubject, c.MaxAge, c.Duplicates = 2, time.Minute, time.Minute
			},
		},
		{
			name:   "a ttl keeps a window that somebody chose",
			bucket: &schema.Bucket{Name: "a", TTL: ptr(2 * hour)},
			live:   func(c *jetstream.StreamConfig) { c.MaxAge, c.Duplicates = time.Hour, 7*time.Second },
			want:   []string{"ttl 1h → 2h safe"},
			sent:   func(c *jetstream.StreamConfig) { c.MaxAge = 2 * time.Hour },
		},
		{
			name: "replicas", bucket: full,
			live: func(c *jetstream.StreamConfig) { c.Replicas = 1 },
			want: []string{"replicas 1 → 3 safe"},
			sent: func(c *jetstream.StreamConfig) { c.Replicas = 3 },
		},
		{
			name: "text, metadata, flags", bucket: full,
			live: func(c *jetstream.StreamConfig) {
				c.Description, c.Compression, c.AllowDirect = "", jetstream.NoCompression, false
				c.Metadata = map[string]string{"theirs": "stays"}
				c.AllowMsgTTL, c.SubjectDeleteMarkerTTL = false, 0
				c.RePublish = &jetstream.RePublish{Source: ">", Destination: "rp.>", HeadersOnly: true}
			},
			want: []string{
				`description "" → "d" safe`, `metadata.k "" → "v" safe`, "limit_marker_ttl 0s → 1h safe",
				"compression false → true safe", "allow_direct false → true safe",
				`republish ">" → "rp.>" (headers only: true) → ">" → "rp.>" (headers only: false) safe`,
			},
			sent: func(c *jetstream.StreamConfig) {
				*c = bucketConfig(full)
				c.Metadata["theirs"] = "stays"
				delete(c.Metadata, peersExpected) // it was not there, so that it is not unibus's
			},
		},
		{
			name: "how many replicas stock tools expect", bucket: full,
			live: func(c *jetstream.StreamConfig) { c.Metadata[peersExpected] = "0" },
			want: []string{`metadata.io.nats.monitor.peer-expect "0" → "3" safe`},
			sent: func(c *jetstream.StreamConfig) { c.Metadata[peersExpected] = "3" },
		},
		{
			name: "immutable", bucket: full,
			live: func(c *jetstream.StreamConfig) { c.Storage = jetstream.FileStorage },
			want: []string{"storage file → memory immutable"},
		},
		{
			name: "a mirror cannot be added", bucket: &schema.Bucket{Name: "a", Mirror: &schema.StreamSource{Name: "o"}},
			live: func(c *jetstream.StreamConfig) { c.Mirror, c.Subjects = nil, []string{"$KV.a.>"} },
			want: []string{`mirror none → {"name":"KV_o"} immutable`},
		},
		{
			name: "a mirror that is not declared stays", bucket: &schema.Bucket{Name: "a"},
			live: func(c *jetstream.StreamConfig) { c.Mirror, c.Subjects = &jetstream.StreamSource{Name: "KV_o"}, nil },
		},
		{
			name: "placement", bucket: full,
			live: func(c *jetstream.StreamConfig) { c.Placement.Tags = []string{"x", "z"} },
			want: []string{`placement.tags ["x" "z"] → ["x" "y"] safe`},
			sent: func(c *jetstream.StreamConfig) { c.Placement.Tags = []string{"x", "y"} },
		},
		{
			name: "placement where there was none", bucket: full,
			live: func(c *jetstream.StreamConfig) { c.Placement = nil },
			want: []string{`placement.cluster "" → "test" safe`, `placement.tags [] → ["x" "y"] safe`},
			sent: func(c *jetstream.StreamConfig) { *c = bucketConfig(full) },
		},
		{
			name:   "placement of tags leaves the cluster",
			bucket: &schema.Bucket{Name: "a", Placement: &schema.Placement{Tags: []string{"x"}}},
			live: func(c *jetstream.StreamConfig) {
				c.Placement = &jetstream.Placement{Cluster: "west", Tags: []string{"x"}}
			},
		},
		{
			name: "sources", bucket: full,
			live: func(c *jetstream.StreamConfig) { c.Sources[0].Name = "KV_s3" },
			want: []string{"source"},
			sent: func(c *jetstream.StreamConfig) { *c = bucketConfig(full) },
		},
		{
			name: "a stream that is no bucket is left alone", bucket: full,
			live: func(c *jetstream.StreamConfig) { c.Subjects, c.MaxMsgsPerSubject = []string{"x"}, -1 },
			want: []string{`subjects ["x"] → ["$KV.a.>"] immutable`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			live, before, want := bucketConfig(tt.bucket), bucketConfig(tt.bucket), bucketConfig(tt.bucket)
			for _, c := range []*jetstream.StreamConfig{&live, &before, &want} {
				if tt.live != nil {
					tt.live(c)
				}
			}
			if tt.sent != nil {
				tt.sent(&want)
			}
			got, changes := bucketDiff(tt.bucket, live)
			if d := cmp.Diff(want, got, anyOrder, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("to be sent (-want +got):\n%s", d)
			}
			if d := cmp.Diff(before, live); d != "" {
				t.Errorf("live was changed:\n%s", d)
			}
			if len(changes) != len(tt.want) {
				t.Fatalf("changes %v, want %v", changes, tt.want)
			}
			for i, c := range changes {
				if line := c.String() + " " + string(c.Class); !strings.HasPrefix(line, tt.want[i]) {
					t.Errorf("change %q, want %q", line, tt.want[i])
				}
				if reflect.ValueOf(c.At).Kind() != reflect.Pointer || (c.Class == Safe) != (c.Hint == "") {
					t.Errorf("change %+v", c)
				}
			}
			if _, again := bucketDiff(tt.bucket, got); len(again) != len(held(changes, tt.bucket.AllowDataLoss)) {
				t.Errorf("after that it still differs: %v", again)
			}
		})
	}
}

func bucketConfig(b *schema.Bucket) jetstream.StreamConfig {
	return declareBucket(b, max(1, b.Replicas)).created()
}

// bucketDiff compares with a bucket that is full and old. It leaves replicas alone where the test does.
func bucketDiff(b *schema.Bucket, live jetstream.StreamConfig) (jetstream.StreamConfig, []Change) {
	replicas := b.Replicas
	if replicas == 0 {
		replicas = live.Replicas
	}
	full := &info[jetstream.StreamConfig]{config: live, values: 1 << 30, bytes: 1 << 40, subjects: 2, oldest: 1 << 60}
	return declareBucket(b, replicas).diff(full, b.AllowDataLoss)
}

var anyOrder = cmp.Options{
	cmpopts.SortSlices(func(a, b string) bool { return a < b }),
	cmpopts.SortSlices(func(a, b *jetstream.StreamSource) bool { return a.Name < b.Name }),
}

// TestReadModifyWrite fails when nats-server gets a setting that nats.go does not know: an update that is made from what
// was read would then reset it.
func TestReadModifyWrite(t *testing.T) {
	known := jsonNames(reflect.TypeFor[jetstream.StreamConfig]())
	for _, name := range jsonNames(reflect.TypeFor[server.StreamConfig]()) {
		if !slices.Contains(known, name) {
			t.Errorf("jetstream.StreamConfig has no %s", name)
		}
	}
}

func jsonNames(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "-" {
			names = append(names, name)
		}
	}
	return names
}

// TestStreamConfig creates each bucket as a KV client would and as we would, and compares what nats-server makes of it.
func TestStreamConfig(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 1)
	c.start(0)
	js := c.js(0)
	ctx := context.Background()
	start := "2020-01-02T03:04:05Z"
	at, err := time.Parse(time.RFC3339, start)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		bucket schema.Bucket
		kv     jetstream.KeyValueConfig
	}{
		{name: "plain"},
		{
			name: "everything",
			bucket: schema.Bucket{
				Description: ptr("d"), Replicas: 1, History: ptr(7), TTL: ptr(schema.Duration(time.Minute)),
				MaxBytes: ptr(schema.Size(1 << 20)), MaxValueSize: ptr(schema.Size(1 << 10)), Storage: ptr("memory"),
				LimitMarkerTTL: ptr(schema.Duration(time.Second)), Metadata: map[string]string{"a": "b"},
				Republish: &schema.Republish{Destination: "rp.>", HeadersOnly: true},
				Placement: &schema.Placement{Tags: []string{"az:1"}},
			},
			kv: jetstream.KeyValueConfig{
				Description: "d", Replicas: 1, History: 7, TTL: time.Minute, MaxBytes: 1 << 20, MaxValueSize: 1 << 10,
				Storage: jetstream.MemoryStorage, LimitMarkerTTL: time.Second, Metadata: map[string]string{"a": "b"},
				RePublish: &jetstream.RePublish{Destination: "rp.>", HeadersOnly: true},
				Placement: &jetstream.Placement{Tags: []string{"az:1"}},
			},
		},
		{
			name:   "compressed with a long ttl",
			bucket: schema.Bucket{Compression: ptr(true), TTL: ptr(schema.Duration(time.Hour)), Storage: ptr("file")},
			kv:     jetstream.KeyValueConfig{Compression: true, TTL: time.Hour},
		},
		{
			name:   "mirror",
			bucket: schema.Bucket{Mirror: &schema.StreamSource{Name: "plain", StartTime: &start, FilterSubject: "$KV.plain.x.>"}},
			kv: jetstream.KeyValueConfig{Mirror: &jetstream.StreamSource{
				Name: "plain", OptStartTime: &at, FilterSubject: "$KV.plain.x.>",
			}},
		},
		{
			name: "sources",
			bucket: schema.Bucket{Sources: []*schema.StreamSource{
				{Name: "plain", StartSeq: ptr(1)}, {Name: "KV_everything"}, {Name: "far", Domain: "hub"},
			}},
			kv: jetstream.KeyValueConfig{Sources: []*jetstream.StreamSource{
				{Name: "plain", OptStartSeq: 1}, {Name: "KV_everything"}, {Name: "far", Domain: "hub"},
			}},
		},
		{
			name: "source of the same name elsewhere",
			bucket: schema.Bucket{Name: "same", Sources: []*schema.StreamSource{
				{Name: "same", External: &schema.External{APIPrefix: "X.API", DeliverPrefix: "X.D"}},
			}},
			kv: jetstream.KeyValueConfig{Bucket: "same", Sources: []*jetstream.StreamSource{
				{Name: "same", External: &jetstream.ExternalStream{APIPrefix: "X.API", DeliverPrefix: "X.D"}},
			}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			name, _, _ := strings.Cut(tt.name, " ")
			if tt.kv.Bucket == "" {
				tt.kv.Bucket, tt.bucket.Name = name, name
			}
			kv, err := js.CreateKeyValue(ctx, tt.kv)
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := js.Stream(ctx, "KV_"+kv.Bucket())
			if err != nil {
				t.Fatal(err)
			}
			want := theirs.CachedInfo().Config
			if _, changes := bucketDiff(&tt.bucket, want); len(changes) > 0 {
				t.Errorf("differs from what a KV client made: %v", changes)
			}
			if err := js.DeleteStream(ctx, want.Name); err != nil {
				t.Fatal(err)
			}
			ours, err := js.CreateStream(ctx, bucketConfig(&tt.bucket))
			if err != nil {
				t.Fatal(err)
			}
			got := ours.CachedInfo().Config
			if got.AllowDirect {
				t.Error("allow_direct is on")
			}
			want.AllowDirect = false
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-CreateKeyValue +StreamConfig):\n%s", d)
			}
			if _, changes := bucketDiff(&tt.bucket, got); len(changes) > 0 {
				t.Errorf("differs from what we made: %v", changes)
			}
			if _, err := js.KeyValue(ctx, tt.kv.Bucket); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestUpdates sends every change to a real server, which must take it and then show no difference.
func TestUpdates(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 1)
	c.start(0)
	js := c.js(0)
	ctx := context.Background()
	if _, err := js.CreateStream(ctx, bucketConfig(&schema.Bucket{Name: "a"})); err != nil {
		t.Fatal(err)
	}
	steps := []schema.Bucket{
		{Description: ptr("d"), History: ptr(10), Metadata: map[string]string{"k": "v"}, Compression: ptr(true)},
		{TTL: ptr(schema.Duration(time.Second))}, // loses data
		{TTL: ptr(schema.Duration(time.Hour)), MaxValueSize: ptr(schema.Size(100)), AllowDirect: ptr(true)},
		{TTL: ptr(schema.Duration(30 * time.Second)), MaxBytes: ptr(schema.Size(1 << 20)), History: ptr(2)},
		{LimitMarkerTTL: ptr(schema.Duration(time.Minute)), Republish: &schema.Republish{Destination: "rp.>"}},
		{Sources: []*schema.StreamSource{{Name: "o"}, {Name: "p", FilterSubject: "$KV.p.*.x.>"}}},
		{Sources: []*schema.StreamSource{{Name: "p", FilterSubject: "$KV.p.*.x.>"}}, Placement: &schema.Placement{Tags: []string{"az:1"}}},
	}
	for i, b := range steps {
		b.Name, b.AllowDataLoss = "a", true
		s, err := js.Stream(ctx, "KV_a")
		if err != nil {
			t.Fatal(err)
		}
		want, changes := bucketDiff(&b, s.CachedInfo().Config)
		if len(changes) == 0 {
			t.Errorf("step %d changes nothing", i)
		}
		if s, err = js.UpdateStream(ctx, want); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if _, changes := bucketDiff(&b, s.CachedInfo().Config); len(changes) > 0 {
			t.Errorf("step %d still differs: %v", i, changes)
		}
		if _, err := js.KeyValue(ctx, "a"); err != nil {
			t.Errorf("step %d: %v", i, err)
		}
	}
}

// TestFilteredSource copies only what matches, under the keys of the bucket that copies.
func TestFilteredSource(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 1)
	c.start(0)
	js := c.js(0)
	r := c.bootstrap(0, c.topology(
		&schema.Bucket{Name: "from"},
		&schema.Bucket{Name: "to", Sources: []*schema.StreamSource{{Name: "from", FilterSubject: "$KV.from.*.yes.>"}}},
		&schema.Bucket{Name: "copy", Mirror: &schema.StreamSource{Name: "from"}},
	))
	wantPhase(t, Ready, r)
	from := mustKV(t, js, "from")
	for _, key := range []string{"a.yes.1", "a.no.1"} {
		if _, err := from.PutString(context.Background(), key, key); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, longest, func() error {
		keys, err := mustKV(t, js, "to").Keys(context.Background())
		if err == nil && !slices.Equal(keys, []string{"a.yes.1"}) {
			t.Fatalf("keys %v", keys)
		}
		return err
	})
	// nats.go v1.55.0 looks in a mirror of this account for keys under the mirror's own name, which it does not have.
	eventually(t, longest, func() error {
		if info := wantReplicas(t, js, "copy", 1); info.State.Msgs != 2 {
			return fmt.Errorf("the mirror has %d values", info.State.Msgs)
		}
		return nil
	})
}
