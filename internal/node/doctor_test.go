package node

import (
	"slices"
	"testing"

	"unibus/config/schema"
	"unibus/internal/api"
)

// TestClock is what doctor makes of clocks, on magnus.
func TestClock(t *testing.T) {
	tests := []struct {
		name    string
		offsets []float64 // of magnus, homer, datardos and marge, in seconds
		half    float64
		state   api.CheckState
		nodes   []string
		says    string
	}{
		{"together", []float64{0, 0.2, -0.3}, 0.01, api.CheckOK, nil, "3 clocks are within 1s of each other, as far as can be measured"},
		{"slow answer", []float64{0, 1.4, 1.4}, 0.9, api.CheckOK, nil, "3 clocks are within 1s of each other, as far as can be measured"},
		{"one is off", []float64{0, 0.1, 7200}, 0.01, api.CheckFail, []string{"datardos"}, "the clock of datardos is 2h0m0s ahead of the median of 3"},
		{"this one is off", []float64{0, 30, 30.1}, 0.01, api.CheckFail, []string{"magnus"}, "the clock of magnus is 30s behind the median of 3"},
		{"a little", []float64{0, 0.1, -4}, 0.01, api.CheckWarn, []string{"datardos"}, "the clock of datardos is 4s behind the median of 3"},
		{"two", []float64{0, 60}, 0.01, api.CheckFail, []string{"magnus", "homer"}, "the clocks of magnus and homer are 1m0s apart"},
		{"four", []float64{0, 0, 60, 0}, 0.01, api.CheckFail, []string{"datardos"}, "the clock of datardos is 1m0s ahead of the median of 4"},
		{"alone", []float64{0}, 0, api.CheckSkip, nil, "no other node answers"},
	}
	names := []string{"magnus", "homer", "datardos", "marge"}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cluster := &schema.Cluster{}
			e := &exam{Patient: Patient{Node: "magnus"}, vitals: &api.Vitals{}, status: &api.Status{}}
			for i, off := range tt.offsets {
				cluster.Nodes = append(cluster.Nodes, &schema.Node{Name: names[i]})
				e.vitals.Servers = append(e.vitals.Servers, api.Server{Name: names[i], ClockOffsetSeconds: off, ClockErrorSeconds: tt.half})
			}
			e.topology = &schema.Topology{Clusters: []*schema.Cluster{cluster}}
			e.clock()
			if len(e.checks) != 1 {
				t.Fatalf("%+v", e.checks)
			}
			if c := e.checks[0]; c.State != tt.state || !slices.Equal(c.Nodes, tt.nodes) || c.Summary != tt.says {
				t.Errorf("got %+v", c)
			}
		})
	}
}
