package bootstrap

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
	"unibus/internal/hclconf"
)

// field is one thing that can be declared, in two versions, and what nats-server makes of it.
type field struct {
	kind string // the block it is in
	with string // what else the block has
	// a and b are two versions of the declaration.
	a, b string
	// key is where it is in the answers of the JetStream API, and va and vb what is there for a and b.
	key, va, vb string
	// class is that of the change from a to b.
	class Class
	// theirs is what another client makes of it; "" where none can.
	theirs string
}

const (
	minute = "60000000000"
	hour   = "3600000000000"
)

var fields = []field{
	{"stream", "", `description = "a"`, `description = "b"`, "description", `"a"`, `"b"`, Safe, `"c"`},
	{"stream", "", `subjects = ["s.a", "s.aa"]`, `subjects = ["s.b"]`, "subjects", `["s.a","s.aa"]`, `["s.b"]`, Safe, `["s.c"]`},
	{"stream", "", `retention = "limits"`, `retention = "interest"`, "retention", `"limits"`, `"interest"`, LosesData, `"limits"`},
	{"stream", "", `retention = "interest"`, `retention = "limits"`, "retention", `"interest"`, `"limits"`, Safe, `"interest"`},
	{"stream", "", `retention = "limits"`, `retention = "workqueue"`, "retention", `"limits"`, ``, Immutable, ``},
	{"stream", "", `retention = "workqueue"`, `retention = "limits"`, "retention", `"workqueue"`, ``, Immutable, ``},
	{"stream", `max_msgs = 40`, `discard = "new"`, `discard = "old"`, "discard", `"new"`, `"old"`, LosesData, `"new"`},
	{"stream", "", `discard = "old"`, `discard = "new"`, "discard", `"old"`, `"new"`, Safe, `"old"`},
	{"stream", "discard = \"new\"\nmax_msgs_per_subject = 5", `discard_new_per_subject = true`, `discard_new_per_subject = false`, "discard_new_per_subject", `true`, `null`, LosesData, `true`},
	{"stream", "", `max_age = "2h"`, `max_age = "1h"`, "max_age", `7200000000000`, hour, Safe, `240000000000`},
	{"stream", "", `max_age = "2h"`, `max_age = "100ms"`, "max_age", `7200000000000`, `100000000`, LosesData, `240000000000`},
	{"stream", "", `max_age = "1h"`, `max_age = "0s"`, "max_age", hour, `null`, Safe, `240000000000`},
	{"stream", "", `max_msgs = 20`, `max_msgs = 10`, "max_msgs", `20`, `10`, LosesData, `7`},
	{"stream", "", `max_msgs = 30`, `max_msgs = 25`, "max_msgs", `30`, `25`, Safe, `22`},
	{"stream", "", `max_msgs = 20`, `max_msgs = 0`, "max_msgs", `20`, `-1`, Safe, `7`},
	{"stream", `discard = "new"`, `max_msgs = 20`, `max_msgs = 10`, "max_msgs", `20`, `10`, Safe, `20`},
	{"stream", "", `max_msgs_per_subject = 20`, `max_msgs_per_subject = 10`, "max_msgs_per_subject", `20`, `10`, LosesData, `7`},
	{"stream", "", `max_bytes = "64KiB"`, `max_bytes = "1KiB"`, "max_bytes", `65536`, `1024`, LosesData, `700`},
	{"stream", "", `max_msg_size = "2KiB"`, `max_msg_size = "1KiB"`, "max_msg_size", `2048`, `1024`, Safe, `700`},
	{"stream", "", `max_consumers = 20`, `max_consumers = 10`, "max_consumers", `20`, `10`, Safe, `7`},
	{"stream", "", `storage = "memory"`, `storage = "file"`, "storage", `"memory"`, ``, Immutable, ``},
	{"stream", "", `compression = "s2"`, `compression = "none"`, "compression", `"s2"`, `"none"`, Safe, `"s2"`},
	{"stream", "", `persist_mode = "async"`, `persist_mode = "default"`, "persist_mode", `"async"`, ``, Immutable, ``},
	{"stream", "", `duplicate_window = "1m"`, `duplicate_window = "1h"`, "duplicate_window", minute, hour, Safe, `30000000000`},
	{"stream", "", `no_ack = true`, `no_ack = false`, "no_ack", `true`, `null`, Safe, `true`},
	{"stream", "", `first_seq = 100`, `first_seq = 200`, "first_seq", `100`, ``, Immutable, `300`},
	{"stream", "", `sealed = true`, `sealed = false`, "sealed", `true`, ``, Immutable, ``},
	{"stream", `max_age = "1h"`, `sealed = false`, `sealed = true`, "sealed", `null`, `true`, Safe, ``},
	{"stream", "", `deny_delete = true`, `deny_delete = false`, "deny_delete", `true`, ``, Immutable, ``},
	{"stream", "", `deny_delete = false`, `deny_delete = true`, "deny_delete", `null`, `true`, Safe, ``},
	{"stream", "", `deny_purge = true`, `deny_purge = false`, "deny_purge", `true`, ``, Immutable, ``},
	{"stream", "", `deny_purge = false`, `deny_purge = true`, "deny_purge", `null`, `true`, Safe, ``},
	{"stream", "", `allow_rollup = true`, `allow_rollup = false`, "allow_rollup_hdrs", `true`, `null`, Safe, `true`},
	{"stream", "", `allow_direct = true`, `allow_direct = false`, "allow_direct", `true`, `null`, Safe, `true`},
	{"stream", "mirror {\nname = \"FAR\"\nexternal { api_prefix = \"FAR.API\" }\n}", `mirror_direct = true`, `mirror_direct = false`, "mirror_direct", `true`, `null`, Safe, `true`},
	{"stream", "", `allow_msg_ttl = true`, `allow_msg_ttl = false`, "allow_msg_ttl", `true`, ``, Immutable, ``},
	{"stream", "", `allow_msg_ttl = false`, `allow_msg_ttl = true`, "allow_msg_ttl", `null`, `true`, Safe, ``},
	{"stream", "", `subject_delete_marker_ttl = "1m"`, `subject_delete_marker_ttl = "1h"`, "subject_delete_marker_ttl", minute, hour, Safe, `5000000000`},
	{"stream", "", `subject_delete_marker_ttl = "1m"`, `subject_delete_marker_ttl = "0s"`, "subject_delete_marker_ttl", minute, `null`, Safe, `5000000000`},
	{"stream", "", `allow_msg_counter = true`, `allow_msg_counter = false`, "allow_msg_counter", `true`, ``, Immutable, ``},
	{"stream", "", `allow_msg_schedules = true`, `allow_msg_schedules = false`, "allow_msg_schedules", `true`, ``, Immutable, ``},
	{"stream", "", `allow_msg_schedules = false`, `allow_msg_schedules = true`, "allow_msg_schedules", `null`, `true`, Safe, ``},
	{"stream", "", `allow_atomic_publish = true`, `allow_atomic_publish = false`, "allow_atomic", `true`, `null`, Safe, `true`},
	{"stream", "", `allow_batch_publish = true`, `allow_batch_publish = false`, "allow_batched", `true`, `null`, Safe, `true`},
	{"stream", "", `metadata = { k = "a" }`, `metadata = { k = "b" }`, "metadata.k", `"a"`, `"b"`, Safe, `"c"`},
	{"stream", "subjects = [\"t.*\"]", "subject_transform {\nsource = \"t.*\"\ndestination = \"a.$1\"\n}", "subject_transform {\nsource = \"t.*\"\ndestination = \"b.$1\"\n}", "subject_transform.dest", `"a.$1"`, `"b.$1"`, Safe, `"c.$1"`},
	{"stream", "", `republish { destination = "rp.a.>" }`, `republish { destination = "rp.b.>" }`, "republish.dest", `"rp.a.\u003e"`, `"rp.b.\u003e"`, Safe, `"rp.c.>"`},
	{"stream", "", `consumer_limits { inactive_threshold = "1m" }`, `consumer_limits { inactive_threshold = "1h" }`, "consumer_limits.inactive_threshold", minute, hour, Safe, `5000000000`},
	{"stream", "", `consumer_limits { max_ack_pending = 20 }`, `consumer_limits { max_ack_pending = 10 }`, "consumer_limits.max_ack_pending", `20`, `10`, Safe, `7`},
	{"stream", "", `mirror { name = "ONE" }`, `mirror { name = "TWO" }`, "mirror.name", `"ONE"`, ``, Immutable, ``},
	{"stream", "", `source { name = "ONE" }`, `source { name = "TWO" }`, "sources.0.name", `"ONE"`, `"TWO"`, Safe, `"THREE"`},
	{"stream", "", "source {\nname = \"ONE\"\nstart_seq = 5\n}", "source {\nname = \"ONE\"\nstart_seq = 6\n}", "sources.0.opt_start_seq", `5`, `6`, Safe, `7`},
	{"stream", "", "source {\nname = \"ONE\"\nstart_time = \"2026-01-31T01:00:00+01:00\"\n}", "source {\nname = \"ONE\"\nstart_time = \"2026-02-28T00:00:00Z\"\n}", "sources.0.opt_start_time", `"2026-01-31T00:00:00Z"`, `"2026-02-28T00:00:00Z"`, Safe, `"2026-03-31T00:00:00Z"`},
	{"stream", "", "source {\nname = \"ONE\"\nfilter_subject = \"a\"\n}", "source {\nname = \"ONE\"\nfilter_subject = \"b\"\n}", "sources.0.filter_subject", `"a"`, `"b"`, Safe, `"c"`},
	{"stream", "", "source {\nname = \"ONE\"\ndomain = \"a\"\n}", "source {\nname = \"ONE\"\ndomain = \"b\"\n}", "sources.0.external.api", `"$JS.a.API"`, `"$JS.b.API"`, Safe, `"$JS.c.API"`},
	{"stream", "", "source {\nname = \"ONE\"\nexternal {\napi_prefix = \"A\"\ndeliver_prefix = \"da\"\n}\n}", "source {\nname = \"ONE\"\nexternal {\napi_prefix = \"A\"\ndeliver_prefix = \"db\"\n}\n}", "sources.0.external.deliver", `"da"`, `"db"`, Safe, `"dc"`},
	{"stream", "", "source {\nname = \"ONE\"\nsubject_transform {\nsource = \"x.*\"\ndestination = \"a.$1\"\n}\n}", "source {\nname = \"ONE\"\nsubject_transform {\nsource = \"x.*\"\ndestination = \"b.$1\"\n}\n}", "sources.0.subject_transforms.0.dest", `"a.$1"`, `"b.$1"`, Safe, `"c.$1"`},
	{"stream", "", "source {\nname = \"ONE\"\nconsumer {\nname = \"a\"\ndeliver_subject = \"from.a\"\n}\n}", "source {\nname = \"ONE\"\nconsumer {\nname = \"b\"\ndeliver_subject = \"from.b\"\n}\n}", "sources.0.consumer.name", `"a"`, `"b"`, Safe, `"c"`},

	{"stream", "", "republish {\nsource = \"a.>\"\ndestination = \"rp.>\"\n}", "republish {\nsource = \"b.>\"\ndestination = \"rp.>\"\n}", "republish.src", `"a.\u003e"`, `"b.\u003e"`, Safe, `"c.>"`},
	{"stream", "", "republish {\ndestination = \"rp.>\"\nheaders_only = true\n}", "republish {\ndestination = \"rp.>\"\nheaders_only = false\n}", "republish.headers_only", `true`, `null`, Safe, `true`},
	{"stream", "subjects = [\"f.>\"]", "subject_transform {\nsource = \"f.a.*\"\ndestination = \"f.c.$1\"\n}", "subject_transform {\nsource = \"f.b.*\"\ndestination = \"f.c.$1\"\n}", "subject_transform.src", `"f.a.*"`, `"f.b.*"`, Safe, `"f.d.*"`},
	{"stream", "", "source {\nname = \"ONE\"\nexternal { api_prefix = \"A\" }\n}", "source {\nname = \"ONE\"\nexternal { api_prefix = \"B\" }\n}", "sources.0.external.api", `"A"`, `"B"`, Safe, `"C"`},
	{"stream", "", "source {\nname = \"ONE\"\nsubject_transform {\nsource = \"x.a\"\ndestination = \"y\"\n}\n}", "source {\nname = \"ONE\"\nsubject_transform {\nsource = \"x.b\"\ndestination = \"y\"\n}\n}", "sources.0.subject_transforms.0.src", `"x.a"`, `"x.b"`, Safe, `"x.c"`},
	{"stream", "", "source {\nname = \"ONE\"\nconsumer {\nname = \"c\"\ndeliver_subject = \"from.a\"\n}\n}", "source {\nname = \"ONE\"\nconsumer {\nname = \"c\"\ndeliver_subject = \"from.b\"\n}\n}", "sources.0.consumer.deliver_subject", `"from.a"`, `"from.b"`, Safe, `"from.c"`},

	{"bucket", "", `description = "a"`, `description = "b"`, "description", `"a"`, `"b"`, Safe, `"c"`},
	{"bucket", "", `history = 10`, `history = 5`, "max_msgs_per_subject", `10`, `5`, LosesData, `3`},
	{"bucket", "", `ttl = "2h"`, `ttl = "100ms"`, "max_age", `7200000000000`, `100000000`, LosesData, `1800000000000`},
	{"bucket", "", `max_bytes = "2KiB"`, `max_bytes = "1KiB"`, "max_bytes", `2048`, `1024`, Safe, `700`},
	{"bucket", "", `max_value_size = "2KiB"`, `max_value_size = 0`, "max_msg_size", `2048`, `-1`, Safe, `700`},
	{"bucket", "", `storage = "memory"`, `storage = "file"`, "storage", `"memory"`, ``, Immutable, ``},
	{"bucket", "", `compression = true`, `compression = false`, "compression", `"s2"`, `"none"`, Safe, `"s2"`},
	{"bucket", "", `limit_marker_ttl = "1m"`, `limit_marker_ttl = "1h"`, "subject_delete_marker_ttl", minute, hour, Safe, `5000000000`},
	{"bucket", "", `metadata = { k = "a" }`, `metadata = { k = "b" }`, "metadata.k", `"a"`, `"b"`, Safe, `"c"`},
	{"bucket", "", `allow_direct = true`, `allow_direct = false`, "allow_direct", `true`, `null`, Safe, `true`},
	{"bucket", "", `republish { destination = "rp.a.>" }`, `republish { destination = "rp.b.>" }`, "republish.dest", `"rp.a.\u003e"`, `"rp.b.\u003e"`, Safe, `"rp.c.>"`},
	{"bucket", "", `mirror { name = "one" }`, `mirror { name = "two" }`, "mirror.name", `"KV_one"`, ``, Immutable, ``},
	{"bucket", "", `source { name = "one" }`, `source { name = "two" }`, "sources.0.name", `"KV_one"`, `"KV_two"`, Safe, `"KV_three"`},
	{"bucket", "", "source {\nname = \"ONE\"\nsubject_transform {\nsource = \"x.*\"\ndestination = \"$KV.a.$1\"\n}\n}", "source {\nname = \"ONE\"\nsubject_transform {\nsource = \"x.*\"\ndestination = \"$KV.b.$1\"\n}\n}", "sources.0.name", `"ONE"`, `"ONE"`, Safe, `"TWO"`},

	{"object_store", "", `description = "a"`, `description = "b"`, "description", `"a"`, `"b"`, Safe, `"c"`},
	{"object_store", "", `ttl = "2h"`, `ttl = "100ms"`, "max_age", `7200000000000`, `100000000`, LosesData, `1800000000000`},
	{"object_store", "", `max_bytes = "2KiB"`, `max_bytes = "1KiB"`, "max_bytes", `2048`, `1024`, Safe, `700`},
	{"object_store", "", `storage = "memory"`, `storage = "file"`, "storage", `"memory"`, ``, Immutable, ``},
	{"object_store", "", `compression = true`, `compression = false`, "compression", `"s2"`, `"none"`, Safe, `"s2"`},
	{"object_store", "", `metadata = { k = "a" }`, `metadata = { k = "b" }`, "metadata.k", `"a"`, `"b"`, Safe, `"c"`},
	{"object_store", "", `allow_direct = true`, `allow_direct = false`, "allow_direct", `true`, `null`, Safe, `true`},

	{"consumer", "", `description = "a"`, `description = "b"`, "description", `"a"`, `"b"`, Safe, `"c"`},
	{"consumer", "", `deliver_policy = "new"`, `deliver_policy = "all"`, "deliver_policy", `"new"`, ``, Immutable, ``},
	{"consumer", `deliver_policy = "by_start_sequence"`, `start_seq = 5`, `start_seq = 6`, "opt_start_seq", `5`, ``, Immutable, ``},
	{"consumer", `deliver_policy = "by_start_time"`, `start_time = "2026-01-31T01:00:00+01:00"`, `start_time = "2026-02-28T00:00:00Z"`, "opt_start_time", `"2026-01-31T00:00:00Z"`, ``, Immutable, ``},
	{"consumer", "", `ack_policy = "all"`, `ack_policy = "explicit"`, "ack_policy", `"all"`, ``, Immutable, ``},
	{"consumer", "", `ack_wait = "1m"`, `ack_wait = "1h"`, "ack_wait", minute, hour, Safe, `5000000000`},
	{"consumer", "", `max_deliver = 5`, `max_deliver = 0`, "max_deliver", `5`, `-1`, Safe, `7`},
	{"consumer", `max_deliver = 5`, `backoff = ["1s", "1m"]`, `backoff = ["1m"]`, "backoff", `[1000000000,60000000000]`, `[60000000000]`, Safe, `[5000000000]`},
	{"consumer", "", `max_ack_pending = 20`, `max_ack_pending = 0`, "max_ack_pending", `20`, `-1`, Safe, `7`},
	{"consumer", "", `filter_subject = "c.a"`, `filter_subject = ""`, "filter_subject", `"c.a"`, `null`, Safe, `"c.c"`},
	{"consumer", "", `filter_subjects = ["c.a", "c.aa"]`, `filter_subjects = ["c.b", "c.bb"]`, "filter_subjects", `["c.a","c.aa"]`, `["c.b","c.bb"]`, Safe, `["c.c","c.cc"]`},
	{"consumer", "", `replay_policy = "original"`, `replay_policy = "instant"`, "replay_policy", `"original"`, ``, Immutable, ``},
	{"consumer", "", `headers_only = true`, `headers_only = false`, "headers_only", `true`, `null`, Safe, `true`},
	{"consumer", "", `sample_frequency = "20"`, `sample_frequency = "10"`, "sample_freq", `"20"`, `"10"`, Safe, `"7"`},
	{"consumer", "", `memory_storage = true`, `memory_storage = false`, "mem_storage", `true`, ``, Immutable, ``},
	{"consumer", "", `inactive_threshold = "1h"`, `inactive_threshold = "0s"`, "inactive_threshold", hour, `null`, Safe, minute},
	{"consumer", "", `pause_until = "2126-01-31T01:00:00+01:00"`, `pause_until = "2026-02-28T00:00:00Z"`, "pause_until", `"2126-01-31T00:00:00Z"`, `"2026-02-28T00:00:00Z"`, Safe, ``},
	{"consumer", "", `max_waiting = 20`, `max_waiting = 10`, "max_waiting", `20`, ``, Immutable, ``},
	{"consumer", "", `max_request_batch = 20`, `max_request_batch = 0`, "max_batch", `20`, `null`, Safe, `7`},
	{"consumer", "", `max_request_expires = "1m"`, `max_request_expires = "0s"`, "max_expires", minute, `null`, Safe, hour},
	{"consumer", "", `max_request_max_bytes = "2KiB"`, `max_request_max_bytes = 0`, "max_bytes", `2048`, `null`, Safe, `700`},
	{"consumer", `priority_groups = ["g"]`, `priority_policy = "overflow"`, `priority_policy = "prioritized"`, "priority_policy", `"overflow"`, `"prioritized"`, Safe, `"overflow"`},
	{"consumer", `priority_policy = "overflow"`, `priority_groups = ["a"]`, `priority_groups = ["b"]`, "priority_groups", `["a"]`, `["b"]`, Safe, `["a"]`},
	{"consumer", "priority_policy = \"pinned_client\"\npriority_groups = [\"g\"]", `pinned_ttl = "1m"`, `pinned_ttl = "1h"`, "priority_timeout", minute, hour, Safe, `5000000000`},
	{"consumer", "", `deliver_subject = "d.a"`, `deliver_subject = "d.b"`, "deliver_subject", `"d.a"`, `"d.b"`, Safe, `"d.c"`},
	{"consumer", "", `max_deliver = 5`, `deliver_subject = "d.x"`, "deliver_subject", `null`, ``, Immutable, ``},
	{"consumer", `deliver_subject = "d.g"`, `deliver_group = "a"`, `deliver_group = "b"`, "deliver_group", `"a"`, `"b"`, Safe, `"c"`},
	{"consumer", `deliver_subject = "d.r"`, `rate_limit = 20000`, `rate_limit = 10000`, "rate_limit_bps", `20000`, `10000`, Safe, `7000`},
	{"consumer", "deliver_subject = \"d.f\"\nidle_heartbeat = \"5s\"", `flow_control = true`, `flow_control = false`, "flow_control", `true`, ``, Immutable, ``},
	{"consumer", `deliver_subject = "d.i"`, `idle_heartbeat = "1m"`, `idle_heartbeat = "1h"`, "idle_heartbeat", minute, ``, Immutable, ``},
	{"consumer", "", `metadata = { k = "a" }`, `metadata = { k = "b" }`, "metadata.k", `"a"`, `"b"`, Safe, `"c"`},
}

// elsewhere are the words that other tests are about, because they need a cluster or are no setting.
var elsewhere = []string{"replicas", "placement", "allow_data_loss", "consumer"}

// name is that of the asset, block how the file declares it.
func (f field) name(i int) string { return fmt.Sprintf("%s_%d", f.word(), i) }

func (f field) word() string {
	word, _, _ := strings.Cut(f.a, " ")
	return word
}

func (f field) block(i int, version string) string {
	return fmt.Sprintf("%s %q {\n%s\n%s\n}\n", f.kind, f.name(i), f.with, version)
}

// declareAll is a topology that declares every field in one version. The consumers are those of one stream.
func declareAll(t testing.TB, version func(field) string, more string) *schema.Topology {
	var assets, consumers strings.Builder
	for i, f := range fields {
		into := &assets
		if f.kind == "consumer" {
			into = &consumers
		}
		block := f
		block.with += "\n" + more
		into.WriteString(block.block(i, version(f)))
	}
	text := fmt.Sprintf("cluster \"test\" {\nnode \"n1\" { address = \"127.0.0.1\" }\n%s\nstream \"CONS\" {\nsubjects = [\"c.>\"]\n%s\n}\n}\n", &assets, &consumers)
	c := hclconf.Load("test.hcl", []byte(text), hclconf.Host{})
	if c.Topology == nil {
		t.Fatalf("%v\n%s", c.Diagnostics, text)
	}
	return c.Topology
}

// TestEveryFieldIsTested makes sure that the table has every word of every asset, and changes every word of the blocks
// inside.
func TestEveryFieldIsTested(t *testing.T) {
	changes := func(block, word string) bool {
		line := regexp.MustCompile(`\b` + word + ` = [^\n}]*`)
		return slices.ContainsFunc(fields, func(f field) bool {
			return f.word() == block && line.MatchString(f.a) && line.FindString(f.a) != line.FindString(f.b)
		})
	}
	for block, types := range map[string][]reflect.Type{
		"source": {
			reflect.TypeFor[schema.StreamSource](), reflect.TypeFor[schema.External](), reflect.TypeFor[schema.SourceConsumer](),
			reflect.TypeFor[schema.SubjectTransform](),
		},
		"republish":         {reflect.TypeFor[schema.Republish]()},
		"subject_transform": {reflect.TypeFor[schema.SubjectTransform]()},
		"consumer_limits":   {reflect.TypeFor[schema.ConsumerLimits]()},
	} {
		for _, typ := range types {
			for i := range typ.NumField() {
				word, kind, _ := strings.Cut(typ.Field(i).Tag.Get("hcl"), ",")
				if kind != "block" && !changes(block, word) {
					t.Errorf("%s of %s is never changed", word, block)
				}
			}
		}
	}
	for kind, typ := range map[string]reflect.Type{
		"stream": reflect.TypeFor[schema.Stream](), "bucket": reflect.TypeFor[schema.Bucket](),
		"object_store": reflect.TypeFor[schema.ObjectStore](), "consumer": reflect.TypeFor[schema.Consumer](),
	} {
		for i := range typ.NumField() {
			word, label, _ := strings.Cut(typ.Field(i).Tag.Get("hcl"), ",")
			if label == "label" || slices.Contains(elsewhere, word) {
				continue
			}
			if !slices.ContainsFunc(fields, func(f field) bool { return f.kind == kind && f.word() == word }) {
				t.Errorf("%s of %s is not tested", word, kind)
			}
		}
	}
}

// answer is the configuration of an asset as the JetStream API tells it.
func (f field) answer(t testing.TB, nc *nats.Conn, i int) map[string]any {
	t.Helper()
	return request(t, nc, f.subject("INFO", i), nil)["config"].(map[string]any)
}

func (f field) subject(verb string, i int) string {
	prefix := map[string]string{"bucket": "KV_", "object_store": "OBJ_"}[f.kind]
	if f.kind == "consumer" {
		return "$JS.API.CONSUMER." + verb + ".CONS." + f.name(i)
	}
	return "$JS.API.STREAM." + verb + "." + prefix + f.name(i)
}

// change does what another client would do.
func (f field) change(t testing.TB, nc *nats.Conn, i int) {
	t.Helper()
	config := f.answer(t, nc, i)
	var v any
	if err := json.Unmarshal([]byte(f.theirs), &v); err != nil {
		t.Fatal(err)
	}
	put := at(config, f.key)
	put(v)
	if f.kind == "consumer" {
		request(t, nc, f.subject("CREATE", i), map[string]any{"stream_name": "CONS", "config": config, "action": "update"})
		return
	}
	request(t, nc, f.subject("UPDATE", i), config)
}

// fill stores messages where a change would delete some.
func (f field) fill(t testing.TB, js jetstream.JetStream, i int) {
	t.Helper()
	subject := map[string]string{"stream": "", "bucket": "$KV.", "object_store": "$O."}[f.kind] + f.name(i)
	switch {
	case f.class != LosesData && f.word() != "max_msgs":
		return
	case f.kind == "bucket":
		subject += ".key"
	case f.kind == "object_store":
		subject += ".M.key"
	}
	n := 15
	if strings.Contains(f.with, "max_msgs_per_subject") {
		n = 5
	}
	for range n {
		if _, err := js.Publish(t.Context(), subject, make([]byte, 100)); err != nil {
			t.Fatalf("%s: %v", subject, err)
		}
	}
	eventually(t, longest, func() error {
		first, err := time.Parse(time.RFC3339Nano, strings.Trim(shown(request(t, js.Conn(), f.subject("INFO", i), nil), "state.first_ts"), `"`))
		if age := time.Since(first); err != nil || age < 150*time.Millisecond {
			return fmt.Errorf("the first message is %v old, %w", age, err)
		}
		return nil
	})
}

// request is a request of the JetStream API without any client library in between.
func request(t testing.TB, nc *nats.Conn, subject string, body any) map[string]any {
	t.Helper()
	var payload []byte
	if body != nil {
		var err error
		if payload, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	m, err := nc.Request(subject, payload, 5*time.Second)
	if err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
	var answer map[string]any
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		t.Fatal(err)
	}
	if answer["error"] != nil {
		t.Fatalf("%s %s: %v", subject, payload, answer["error"])
	}
	return answer
}

// at finds a value of a JSON object, and can put another one there.
func at(object any, key string) (put func(any)) {
	head, rest, more := strings.Cut(key, ".")
	if list, ok := object.([]any); ok {
		n, _ := strconv.Atoi(head)
		if !more {
			return func(v any) { list[n] = v }
		}
		return at(list[n], rest)
	}
	m := object.(map[string]any)
	if !more {
		return func(v any) { m[head] = v }
	}
	if m[head] == nil {
		m[head] = map[string]any{}
	}
	return at(m[head], rest)
}

// shown is a value of a JSON object as text. What is false or empty is "null", as if it were not there.
func shown(object any, key string) string {
	for _, word := range strings.Split(key, ".") {
		switch o := object.(type) {
		case []any:
			n, _ := strconv.Atoi(word)
			if object = nil; n < len(o) {
				object = o[n]
			}
		case map[string]any:
			object = o[word]
		}
	}
	text, err := json.Marshal(object)
	if err != nil {
		return err.Error()
	}
	if slices.Contains([]string{"false", "0", `""`}, string(text)) {
		return "null"
	}
	return string(text)
}

// wantAll waits until nats-server has what is wanted of every field.
func wantAll(t testing.TB, nc *nats.Conn, r *run, want func(field) string) {
	t.Helper()
	for i, f := range fields {
		w := want(f)
		if w == "" {
			continue
		}
		eventually(t, longest, func() error {
			if got := shown(f.answer(t, nc, i), f.key); got != w {
				return fmt.Errorf("%s %s: %s is %s, want %s: %s", f.kind, f.name(i), f.key, got, w, r.now().Reason)
			}
			return nil
		})
	}
}

// TestFields declares every field there is, one asset for each, and changes it in every way, on a real server.
func TestFields(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 1)
	c.start(0)
	nc := c.connect(0)
	first := func(f field) string { return f.a }
	second := func(f field) string { return f.b }

	// Declared, and live.
	r := c.bootstrap(0, declareAll(t, first, ""))
	wantPhase(t, Ready, r)
	wantAll(t, nc, r, func(f field) string { return f.va })
	_ = r.stop()

	// A second pass changes nothing.
	seen := changesSeen(t, nc)
	r = c.bootstrap(0, declareAll(t, first, ""))
	wantPhase(t, Ready, r)
	_ = r.stop()
	js := c.js(0)
	for i, f := range fields {
		f.fill(t, js, i)
	}
	if got := ours(seen()); len(got) > 0 {
		t.Errorf("a second pass changed %v", got)
	}

	// Changed in the file: what is safe is made, what is not is reported and left.
	topology := declareAll(t, second, "")
	r = c.bootstrap(0, topology)
	wantPhase(t, Degraded, r)
	wantAll(t, nc, r, func(f field) string {
		if f.class == Safe {
			return f.vb
		}
		return f.va
	})
	assets := map[string]Asset{}
	for _, a := range r.now().Assets {
		assets[a.Name] = a
	}
	for i, f := range fields {
		a := assets[f.name(i)]
		if f.class == Safe {
			if len(a.Problems) > 0 || a.Err != "" {
				t.Errorf("%s: %v %s", f.name(i), a.Problems, a.Err)
			}
			continue
		}
		if len(a.Problems) != 1 || a.Problems[0].Class != f.class || a.Problems[0].Hint == "" || !within(a.At, a.Problems[0].At) || !a.Blocked {
			t.Errorf("%s: %+v, want one that is %s and where it is declared", f.name(i), a.Problems, f.class)
		}
	}
	_ = r.stop()

	// Asked for, a loss is made, too.
	r = c.bootstrap(0, declareAll(t, second, "allow_data_loss = true"))
	wantAll(t, nc, r, func(f field) string { return f.vb })
	_ = r.stop()

	// Not declared, it is left to others.
	for i, f := range fields {
		if f.theirs != "" {
			f.change(t, nc, i)
		}
	}
	theirs := make([]string, len(fields))
	for i, f := range fields {
		theirs[i] = shown(f.answer(t, nc, i), f.key)
		if f.theirs != "" && theirs[i] == f.vb {
			t.Errorf("%s: another client has not changed %s", f.name(i), f.key)
		}
	}
	seen = changesSeen(t, nc)
	bare := declareAll(t, func(f field) string {
		if f.kind == "consumer" { // whose settings need each other, and are taken out below
			return f.a
		}
		return ""
	}, "")
	for i, s := range bare.Accounts[0].Streams { // what belongs to the field that is declared would be a difference, too
		*s = schema.Stream{Name: s.Name, Replicas: 1, Consumers: s.Consumers}
		for j, c := range s.Consumers {
			s.Consumers[j] = &schema.Consumer{Name: c.Name}
		}
		bare.Accounts[0].Streams[i] = s
	}
	r = c.bootstrap(0, bare)
	wantPhase(t, Ready, r)
	_ = r.stop()
	for i, f := range fields {
		if got := shown(f.answer(t, nc, i), f.key); got != theirs[i] {
			t.Errorf("%s: %s is %s, not %s any more", f.name(i), f.key, got, theirs[i])
		}
	}
	if got := ours(seen()); len(got) > 0 {
		t.Errorf("what is not declared was changed: %v", got)
	}

	// Declared, it is put right, under the eyes of a running node, too.
	r = c.bootstrap(0, declareAll(t, second, "allow_data_loss = true"))
	back := func(f field) string {
		if f.theirs == "" || f.class == Immutable {
			return ""
		}
		return f.vb
	}
	wantAll(t, nc, r, back)
	for i, f := range fields {
		if f.theirs != "" && f.class != Immutable {
			f.change(t, nc, i)
		}
	}
	wantAll(t, nc, r, back)
}

// ours leaves out the requests that nats-server makes to copy from other streams.
func ours(requests []string) []string {
	return slices.DeleteFunc(requests, func(r string) bool { return !strings.HasPrefix(r, "STREAM.") && !strings.Contains(r, ".CONS.") })
}

// within tells that a pointer points into the struct that another one points to.
func within(block, field any) bool {
	b, f := reflect.ValueOf(block), reflect.ValueOf(field)
	return f.Pointer() >= b.Pointer() && f.Pointer() < b.Pointer()+b.Elem().Type().Size()
}
