package bootstrap

import (
	"testing"

	"unibus/config/schema"
)

func TestRoom(t *testing.T) {
	node := func(name string, tags ...string) *schema.Node {
		return &schema.Node{Name: name, Tags: tags, Settings: schema.Settings{
			JetStream: schema.JetStream{Enabled: name != "mute", UniqueTag: "az:"},
		}}
	}
	topology := &schema.Topology{Clusters: []*schema.Cluster{
		{Name: "east", Nodes: []*schema.Node{
			node("e1", "AZ:1", "ssd"), node("e2", "az:2"), node("e3", "az:2", "ssd"), node("mute", "az:4"),
			node("none", "ssd"), node("arbiter", "az:5", "!jetstream"),
		}},
		{Name: "west", Nodes: []*schema.Node{node("w1", "az:1")}},
	}}
	r := &runner{Config: Config{Topology: topology, Node: "e1"}}
	all := []string{"e1", "e2", "e3", "mute", "none", "arbiter", "w1"}
	tests := []struct {
		name      string
		placement *schema.Placement
		live      []string
		drained   []string
		want      int
	}{
		{"one for each zone", nil, all, nil, 2},
		{"one zone is away", nil, []string{"e2", "e3"}, nil, 1},
		{"a tag", &schema.Placement{Tags: []string{"SSD"}}, all, nil, 2},
		{"not a tag", &schema.Placement{Tags: []string{"!ssd"}}, all, nil, 1},
		{"a zone that is named lifts the rule", &schema.Placement{Tags: []string{"az:2"}}, all, nil, 2},
		{"another cluster", &schema.Placement{Cluster: "west"}, all, nil, 1},
		{"a node is drained", &schema.Placement{Tags: []string{"az:2"}}, all, []string{"e2"}, 1},
		{"nowhere", &schema.Placement{Tags: []string{"gpu"}}, all, nil, 0},
	}
	for _, tt := range tests {
		if got := r.room(tt.placement, &view{live: tt.live, drained: tt.drained}); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}
