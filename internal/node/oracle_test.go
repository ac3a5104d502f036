package node

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"unibus/internal/hclconf"
)

// verdicts are settings of streams and consumers as the file has them and as NATS's API has them, and the rule that
// refuses them, or "" where nothing does.
var verdicts = []struct{ name, hcl, stream, consumer, code string }{
	{"plain", `subjects = ["a.>"]`, `"subjects":["a.>"]`, "", ""},
	{"no subjects", ``, ``, "", ""},
	{"empty word", `subjects = ["a..b"]`, `"subjects":["a..b"]`, "", "UB1211"},
	{"space", `subjects = ["a b"]`, `"subjects":["a b"]`, "", "UB1211"},
	{"> in between", `subjects = ["a.>.b"]`, `"subjects":["a.>.b"]`, "", "UB1211"},
	{"everything", `subjects = [">"]`, `"subjects":[">"]`, "", "UB1314"},
	{"everything, unanswered", "subjects = [\">\"]\n no_ack = true", `"subjects":[">"],"no_ack":true`, "", ""},
	{"the API", `subjects = ["$JS.API.>"]`, `"subjects":["$JS.API.>"]`, "", "UB1314"},
	{"events", `subjects = ["$JS.EVENT.>"]`, `"subjects":["$JS.EVENT.>"]`, "", ""},
	{"the system", `subjects = ["$SYS.>"]`, `"subjects":["$SYS.>"]`, "", "UB1314"},
	{"the system's accounts", `subjects = ["$SYS.ACCOUNT.*.CONNECT"]`, `"subjects":["$SYS.ACCOUNT.*.CONNECT"]`, "", ""},
	{"all first words", `subjects = ["*.b"]`, `"subjects":["*.b"]`, "", "UB1314"},
	{"all first words and the rest", `subjects = ["*.>"]`, `"subjects":["*.>"]`, "", "UB1314"},
	{"twice", `subjects = ["a", "a"]`, `"subjects":["a","a"]`, "", "UB1315"},
	{"overlapping", `subjects = ["a.*", "a.b"]`, `"subjects":["a.*","a.b"]`, "", "UB1315"},
	{"overlapping at the end", `subjects = ["a.b.c", "a.>"]`, `"subjects":["a.b.c","a.>"]`, "", "UB1315"},
	{"beside each other", `subjects = ["a.*", "a", "a.b.c"]`, `"subjects":["a.*","a","a.b.c"]`, "", ""},
	{"window beyond age", "max_age = \"1m\"\n duplicate_window = \"2m\"", `"max_age":60000000000,"duplicate_window":120000000000`, "", "UB1314"},
	{"window within age", "max_age = \"2m\"\n duplicate_window = \"2m\"", `"max_age":120000000000,"duplicate_window":120000000000`, "", ""},
	{"short age", `max_age = "10ms"`, `"max_age":10000000`, "", "UB1306"},
	{"discard per subject", `discard_new_per_subject = true`, `"discard_new_per_subject":true`, "", "UB1314"},
	{"discard new per subject", "discard_new_per_subject = true\n discard = \"new\"", `"discard_new_per_subject":true,"discard":"new"`, "", "UB1314"},
	{"discard new of each subject", "discard_new_per_subject = true\n discard = \"new\"\n max_msgs_per_subject = 1", `"discard_new_per_subject":true,"discard":"new","max_msgs_per_subject":1`, "", ""},
	{"rollup without purge", "deny_purge = true\n allow_rollup = true", `"deny_purge":true,"allow_rollup_hdrs":true`, "", "UB1314"},
	{"counter", `allow_msg_counter = true`, `"allow_msg_counter":true`, "", ""},
	{"counter of new", "allow_msg_counter = true\n discard = \"new\"", `"allow_msg_counter":true,"discard":"new"`, "", "UB1314"},
	{"counter that ends", "allow_msg_counter = true\n allow_msg_ttl = true", `"allow_msg_counter":true,"allow_msg_ttl":true`, "", "UB1314"},
	{"counter of interest", "allow_msg_counter = true\n retention = \"interest\"", `"allow_msg_counter":true,"retention":"interest"`, "", "UB1314"},
	{"short markers", `subject_delete_marker_ttl = "10ms"`, `"subject_delete_marker_ttl":10000000`, "", "UB1306"},
	{"schedules of new", "allow_msg_schedules = true\n discard = \"new\"", `"allow_msg_schedules":true,"discard":"new"`, "", "UB1314"},
	{"schedules", `allow_msg_schedules = true`, `"allow_msg_schedules":true`, "", ""},
	{"async in memory", "persist_mode = \"async\"\n storage = \"memory\"", `"persist_mode":"async","storage":"memory"`, "", "UB1314"},
	{"async batches", "persist_mode = \"async\"\n allow_atomic_publish = true", `"persist_mode":"async","allow_atomic":true`, "", "UB1314"},
	{"async", `persist_mode = "async"`, `"persist_mode":"async"`, "", ""},
	{"mirror with subjects", "subjects = [\"a\"]\n mirror { name = \"O\" }", `"subjects":["a"],"mirror":{"name":"O"}`, "", "UB1314"},
	{"mirror from a sequence", "first_seq = 5\n mirror { name = \"O\" }", `"first_seq":5,"mirror":{"name":"O"}`, "", "UB1314"},
	{"mirror and source", "mirror { name = \"O\" }\n source { name = \"P\" }", `"mirror":{"name":"O"},"sources":[{"name":"P"}]`, "", "UB1309"},
	{"mirror of batches", "allow_atomic_publish = true\n mirror { name = \"O\" }", `"allow_atomic":true,"mirror":{"name":"O"}`, "", "UB1314"},
	{"mirror", `mirror { name = "O" }`, `"mirror":{"name":"O"}`, "", ""},
	{"mirror of a bad name", `mirror { name = "a.b" }`, `"mirror":{"name":"a.b"}`, "", "UB1102"},
	{"source twice", "source { name = \"O\" }\n source { name = \"O\" }", `"sources":[{"name":"O"},{"name":"O"}]`, "", "UB1101"},
	{"two sources", "source { name = \"O\" }\n source { name = \"P\" }", `"sources":[{"name":"O"},{"name":"P"}]`, "", ""},
	{"transform", "subjects = [\"a.*\"]\n subject_transform {\n source = \"a.*\"\n destination = \"b.$1\"\n }", `"subjects":["a.*"],"subject_transform":{"src":"a.*","dest":"b.$1"}`, "", ""},
	{"transform of too much", "subjects = [\"a.*\"]\n subject_transform {\n source = \"a.*\"\n destination = \"b.$2\"\n }", `"subjects":["a.*"],"subject_transform":{"src":"a.*","dest":"b.$2"}`, "", "UB1308"},
	{"republish to itself", "subjects = [\"a.*\"]\n republish {\n source = \"a.*\"\n destination = \"a.$1\"\n }", `"subjects":["a.*"],"republish":{"src":"a.*","dest":"a.$1"}`, "", "UB1308"},
	{"republish", "subjects = [\"a.*\"]\n republish {\n source = \"a.*\"\n destination = \"b.$1\"\n }", `"subjects":["a.*"],"republish":{"src":"a.*","dest":"b.$1"}`, "", ""},

	{"consumer", `consumer "C" {}`, ``, ``, ""},
	{"two filters", "consumer \"C\" {\n filter_subject = \"S\"\n filter_subjects = [\"b\"]\n }", ``, `"filter_subject":"S","filter_subjects":["b"]`, "UB1316"},
	{"overlapping filters", `consumer "C" { filter_subjects = ["a.*", "a.b"] }`, ``, `"filter_subjects":["a.*","a.b"]`, "UB1316"},
	{"bad filter", `consumer "C" { filter_subject = "a..b" }`, ``, `"filter_subject":"a..b"`, "UB1211"},
	{"sequence without a policy", `consumer "C" { start_seq = 5 }`, ``, `"opt_start_seq":5`, "UB1316"},
	{"sequence", "consumer \"C\" {\n start_seq = 5\n deliver_policy = \"by_start_sequence\"\n }", ``, `"opt_start_seq":5,"deliver_policy":"by_start_sequence"`, ""},
	{"policy without a sequence", `consumer "C" { deliver_policy = "by_start_sequence" }`, ``, `"deliver_policy":"by_start_sequence"`, "UB1316"},
	{"policy without a time", `consumer "C" { deliver_policy = "by_start_time" }`, ``, `"deliver_policy":"by_start_time"`, "UB1316"},
	{"last of each without a filter", `consumer "C" { deliver_policy = "last_per_subject" }`, ``, `"deliver_policy":"last_per_subject"`, "UB1316"},
	{"last of each", "consumer \"C\" {\n deliver_policy = \"last_per_subject\"\n filter_subject = \"S\"\n }", ``, `"deliver_policy":"last_per_subject","filter_subject":"S"`, ""},
	{"backoff beyond deliveries", "consumer \"C\" {\n backoff = [\"1s\", \"2s\"]\n max_deliver = 1\n }", ``, `"backoff":[1000000000,2000000000],"max_deliver":1`, "UB1316"},
	{"backoff", "consumer \"C\" {\n backoff = [\"1s\", \"2s\"]\n max_deliver = 2\n }", ``, `"backoff":[1000000000,2000000000],"max_deliver":2`, ""},
	{"sampling", `consumer "C" { sample_frequency = "often" }`, ``, `"sample_freq":"often"`, "UB1011"},
	{"rate of a pull", `consumer "C" { rate_limit = 100 }`, ``, `"rate_limit_bps":100`, "UB1316"},
	{"heartbeat of a pull", `consumer "C" { idle_heartbeat = "5s" }`, ``, `"idle_heartbeat":5000000000`, "UB1316"},
	{"flow control of a pull", `consumer "C" { flow_control = true }`, ``, `"flow_control":true`, "UB1316"},
	{"push", `consumer "C" { deliver_subject = "d" }`, ``, `"deliver_subject":"d"`, ""},
	{"push to many", `consumer "C" { deliver_subject = "d.*" }`, ``, `"deliver_subject":"d.*"`, "UB1211"},
	{"push to itself", "subjects = [\"a.*\"]\n consumer \"C\" { deliver_subject = \"a.b\" }", `"subjects":["a.*"]`, `"deliver_subject":"a.b"`, "UB1316"},
	{"push without a heartbeat", "consumer \"C\" {\n deliver_subject = \"d\"\n flow_control = true\n }", ``, `"deliver_subject":"d","flow_control":true`, "UB1316"},
	{"push that waits", "consumer \"C\" {\n deliver_subject = \"d\"\n max_waiting = 5\n }", ``, `"deliver_subject":"d","max_waiting":5`, "UB1316"},
	{"pending without acks", "consumer \"C\" {\n deliver_subject = \"d\"\n ack_policy = \"none\"\n max_ack_pending = 5\n }", ``, `"deliver_subject":"d","ack_policy":"none","max_ack_pending":5`, "UB1316"},
	{"groups without a policy", `consumer "C" { priority_groups = ["g"] }`, ``, `"priority_groups":["g"]`, "UB1316"},
	{"policy without groups", `consumer "C" { priority_policy = "overflow" }`, ``, `"priority_policy":"overflow"`, "UB1316"},
	{"bad group", "consumer \"C\" {\n priority_policy = \"overflow\"\n priority_groups = [\"a b\"]\n }", ``, `"priority_policy":"overflow","priority_groups":["a b"]`, "UB1102"},
	{"groups", "consumer \"C\" {\n priority_policy = \"overflow\"\n priority_groups = [\"g\"]\n }", ``, `"priority_policy":"overflow","priority_groups":["g"]`, ""},
	{"short requests", `consumer "C" { max_request_expires = "1us" }`, ``, `"max_expires":1000`, "UB1306"},
	{"beyond the stream's limit", "consumer_limits { max_ack_pending = 5 }\n consumer \"C\" { max_ack_pending = 6 }", `"consumer_limits":{"max_ack_pending":5}`, `"max_ack_pending":6`, "UB1316"},
	{"work without acks", "retention = \"workqueue\"\n consumer \"C\" { ack_policy = \"all\" }", `"retention":"workqueue"`, `"ack_policy":"all"`, "UB1316"},
	{"new work only", "retention = \"workqueue\"\n consumer \"C\" { deliver_policy = \"new\" }", `"retention":"workqueue"`, `"deliver_policy":"new"`, "UB1316"},
	{"work", "retention = \"workqueue\"\n consumer \"C\" {}", `"retention":"workqueue"`, ``, ""},
	{"more replicas", `consumer "C" { replicas = 3 }`, ``, `"num_replicas":3`, "UB1316"},
}

// TestNATSAgrees asks a real server to create each stream and consumer: what the file's rules refuse, it refuses, and
// what they let pass, it creates.
func TestNATSAgrees(t *testing.T) {
	nc := jetStream(t)
	for i, v := range verdicts {
		t.Run(v.name, func(t *testing.T) {
			file := "cluster \"c\" {\n  node \"n\" { address = \"127.0.0.1\" }\n  stream \"S\" {\n    " + v.hcl + "\n  }\n}\n"
			c := Load("f.hcl", []byte(file), hclconf.Host{})
			var codes []string
			for _, d := range c.Diagnostics {
				if d.Severity == hclconf.Error {
					codes = append(codes, string(d.Code))
				}
			}
			if got := strings.Join(codes, " "); got != v.code && !(v.code != "" && strings.Contains(got, v.code)) {
				t.Errorf("refused with %q, want %q: %v", got, v.code, c.Diagnostics)
			}
			stream := `{"name":"S","num_replicas":1` + prefixed(v.stream) + `}`
			refusal := ask(t, nc, "STREAM.CREATE.S", stream)
			if strings.Contains(v.hcl, "consumer \"") && refusal == "" {
				ack := `"ack_policy":"explicit"`
				if strings.Contains(v.consumer, "ack_policy") {
					ack = `"name":"C"`
				}
				refusal = ask(t, nc, "CONSUMER.CREATE.S.C", fmt.Sprintf(`{"stream_name":"S","config":{"name":"C","durable_name":"C",%s%s}}`, ack, prefixed(v.consumer)))
			}
			if (refusal != "") != (v.code != "") {
				t.Errorf("case %d: nats-server says %q, the file's rules say %q", i, refusal, v.code)
			}
			_ = ask(t, nc, "STREAM.DELETE.S", "")
		})
	}
}

func prefixed(s string) string {
	if s == "" {
		return ""
	}
	return "," + s
}

// ask sends a request to the JetStream API and returns why it was refused, or "".
func ask(t *testing.T, nc *nats.Conn, subject, body string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, "$JS.API."+subject, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Error *struct {
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Error == nil {
		return ""
	}
	return answer.Error.Description
}

// jetStream is a connection to a server with JetStream.
func jetStream(t *testing.T) *nats.Conn {
	t.Helper()
	s, err := server.NewServer(&server.Options{DontListen: true, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}
