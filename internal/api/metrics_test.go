package api

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
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

// gathered are the metrics of a status with the labels that they have.
func gathered(t *testing.T) map[string][]string {
	t.Helper()
	families, err := metrics(func(context.Context) Status { return full() }).Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, f := range families {
		if f.GetHelp() == "" {
			t.Errorf("%s has no help", f.GetName())
		}
		for _, l := range f.GetMetric()[0].GetLabel() {
			all[f.GetName()] = append(all[f.GetName()], l.GetName())
		}
		if all[f.GetName()] == nil {
			all[f.GetName()] = []string{}
		}
	}
	return all
}

var (
	metricName = regexp.MustCompile(`\bunibus_[a-z_]+`)
	matcher    = regexp.MustCompile(`(unibus_[a-z_]+)\{([a-z_]+)`)
)

// TestMetricNames makes sure that the alerts and the dashboard ask only for metrics and labels that there are, and that
// each metric of ours is asked for somewhere or only for information.
func TestMetricNames(t *testing.T) {
	all := gathered(t)
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

// TestAlerts makes sure that every alert has what a person needs who gets it at night.
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
	for _, r := range file.Groups[0].Rules {
		if r.Alert == "" || r.Expr == "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%+v lacks something", r)
		}
	}
	if len(file.Groups[0].Rules) < 10 {
		t.Errorf("there are %d alerts", len(file.Groups[0].Rules))
	}
	if prometheus.NewRegistry().Register(scrape(func(context.Context) Status { return full() })) != nil {
		t.Error("the metrics cannot be registered")
	}
}
