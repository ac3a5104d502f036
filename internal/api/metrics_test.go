package api

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// full is a status in which everything is known, so that it has every metric.
func full() Status {
	text, yes, number, signed, now := "x", true, uint64(1), int64(1), time.Unix(1_800_000_000, 0)
	asset := Asset{Name: "a", Account: "BUS", State: "current", Leader: &text, Peers: []Peer{{Node: "x", Lag: 7}}, Values: &number, Bytes: &number}
	return Status{
		Node: "x", Verdict: Healthy, Meta: Meta{Leader: &text},
		Nodes: []Node{{
			Name: "x", Cluster: "c", State: StateUp, ConfigDigest: &text, Versions: Versions{&text, &text}, UptimeSeconds: &signed, CertNotAfter: &now,
			Disk: Disk{&number, &number}, JetStream: &yes, Reload: &Reload{Result: ReloadRefused, Time: now},
		}},
		Gateways: []Gateway{{From: "a", To: "b"}}, Buckets: []Asset{asset}, Streams: []Asset{asset}, ObjectStores: []Asset{asset},
		Problems: []Problem{{Code: "UB2203", Severity: "warning", Subject: "node.x"}},
	}
}

// sample is a line of the text format: a name, labels, and a value.
var (
	sample = regexp.MustCompile(`^([a-z_]+)(?:\{(.+)\})? (?:[0-9.e+]+)$`)
	label  = regexp.MustCompile(`([a-z_]+)="((?:[^"\\\n]|\\[\\n"])*)"(?:,|$)`)
)

// gathered are the metrics of a status with the labels that they have.
func gathered(t *testing.T, s Status) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	family := ""
	for line := range strings.Lines(metrics(s)) {
		line = strings.TrimSuffix(line, "\n")
		if about, ok := strings.CutPrefix(line, "# HELP "); ok {
			name, help, _ := strings.Cut(about, " ")
			if family = name; help == "" || all[family] != nil {
				t.Errorf("%s has no help, or two", family)
			}
			continue
		}
		if strings.HasPrefix(line, "# TYPE ") {
			if line != "# TYPE "+family+" gauge" {
				t.Errorf("%s after the help of %s", line, family)
			}
			continue
		}
		m := sample.FindStringSubmatch(line)
		if m == nil || m[1] != family || label.ReplaceAllString(m[2], "") != "" {
			t.Fatalf("after the help of %s comes %q", family, line)
		}
		names := []string{}
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			names = append(names, l[1])
		}
		all[family] = names
	}
	return all
}

// TestMetricText makes sure that no name in a file can break out of its label.
func TestMetricText(t *testing.T) {
	s := full()
	s.Nodes[0].Name = "a\"} 1\nunibus_healthy 0\\"
	if names := gathered(t, s)["unibus_node_up"]; !slices.Equal(names, ofNode) {
		t.Errorf("the labels are %q", names)
	}
	if want := `unibus_node_up{cluster="c",node="a\"} 1\nunibus_healthy 0\\"} 1`; !strings.Contains(metrics(s), want+"\n") {
		t.Errorf("%s is not in %s", want, metrics(s))
	}
}

var (
	metricName = regexp.MustCompile(`\bunibus_[a-z_]+`)
	matcher    = regexp.MustCompile(`(unibus_[a-z_]+)\{([a-z_]+)`)
)

// TestMetricNames makes sure that the alerts and the dashboard ask only for metrics and labels that there are, and that
// each metric of ours is asked for somewhere or only for information.
func TestMetricNames(t *testing.T) {
	all := gathered(t, full())
	asked := map[string]bool{}
	for _, name := range []string{"../../alerts/unibus.yaml", "../../dashboards/unibus.json"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found := metricName.FindAllString(string(text), -1)
		if len(found) < 10 {
			t.Errorf("%s asks for %v", name, found)
		}
		for _, m := range found {
			asked[m] = true
			if all[m] == nil {
				t.Errorf("%s asks for %s, which there is not", name, m)
			}
		}
		for _, m := range matcher.FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains(all[m[1]], m[2]) {
				t.Errorf("%s asks for the label %s of %s, which has %v", name, m[2], m[1], all[m[1]])
			}
		}
	}
	information := []string{
		"unibus_settled", "unibus_problems", "unibus_node_info", "unibus_node_uptime_seconds", "unibus_node_reload_timestamp_seconds",
		"unibus_meta_current", "unibus_meta_quorum", "unibus_asset_replicas_actual", "unibus_asset_leader", "unibus_asset_messages", "unibus_asset_current",
	}
	for m := range all {
		if strings.HasPrefix(m, "unibus_") && !asked[m] && !slices.Contains(information, m) {
			t.Errorf("nobody asks for %s", m)
		}
	}
}

// TestPromtool lets Prometheus itself read the alerts, what they say in alerts/unibus_test.yaml, and the metrics.
func TestPromtool(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip(err)
	}
	for _, args := range [][]string{
		{"check", "rules", "../../alerts/unibus.yaml"},
		{"test", "rules", "../../alerts/unibus_test.yaml"},
		{"check", "metrics"},
	} {
		cmd := exec.Command("promtool", args...)
		cmd.Stdin = strings.NewReader(metrics(full()))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
}

// TestAlerts makes sure that every alert has what a person needs who gets it at night, and is tested.
func TestAlerts(t *testing.T) {
	text, err := os.ReadFile("../../alerts/unibus.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Labels      map[string]string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile("../../alerts/unibus_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range file.Groups[0].Rules {
		if !strings.Contains(string(tests), "alertname: "+r.Alert+"\n") {
			t.Errorf("alerts/unibus_test.yaml does not say what %s says", r.Alert)
		}
		if r.Alert == "" || r.Expr == "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%+v lacks something", r)
		}
	}
	if len(file.Groups[0].Rules) < 10 {
		t.Errorf("there are %d alerts", len(file.Groups[0].Rules))
	}
}
