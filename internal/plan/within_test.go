package plan_test

import (
	"strings"
	"testing"

	"unibus/config/schema"
	"unibus/internal/plan"
)

const grown = `supercluster "super" {
  insecure = true
  cluster "a" {
    node "a1" { address = "10.1.0.1" }
    node "a2" { address = "10.1.0.2" }
  }
  cluster "c" {
    routes {
      user     = "route"
      password = "a"
    }
    node "n1" { address = "10.0.0.1" }
    node "n2" { address = "10.0.0.2" }
    node "n3" { address = "10.0.0.3" }
  }
  jetstream { max_file_store = "10GiB" }
  user "alice" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" {
    history = 10
    ttl     = "1h"
    placement { cluster = "c" }
  }
  bucket "far" {
    replicas = 1
    placement { cluster = "a" }
  }
}
`

// TestGrowth makes a supercluster of a cluster, which comes second in the new file: nobody is renamed, the old nodes
// restart, and until then they run on as they were, without what is placed elsewhere.
func TestGrowth(t *testing.T) {
	old, next := load(t, base), load(t, grown)
	p := plan.Diff(old, next)
	if len(p.Problems) > 0 {
		t.Errorf("problems: %+v", p.Problems)
	}
	if got := strings.Join(p.Restarts, " "); got != "n1 n2 n3" {
		t.Errorf("%s restart", got)
	}
	if !strings.Contains(strings.Join(p.Risks, "\n"), `cluster "a" has to begin with empty stores`) {
		t.Errorf("the risks are %q", p.Risks)
	}
	live := plan.LivePart(old, next, "n1")
	within := plan.Within(next, []string{"c"})
	for what, got := range map[string][]string{"live": names(live.Account("BUS").Buckets), "within": names(within.Account("BUS").Buckets)} {
		if strings.Join(got, " ") != "b" {
			t.Errorf("%s has the buckets %v", what, got)
		}
	}
	if live.Supercluster() || within.Supercluster() || len(within.Clusters) != 1 {
		t.Error("the part that runs before the restart is a supercluster")
	}
	if len(next.Account("BUS").Buckets) != 2 || len(next.Clusters) != 2 {
		t.Error("the new topology was changed")
	}

	renamed := load(t, strings.Replace(base, `cluster "c"`, `cluster "d"`, 1))
	if p := plan.Diff(old, renamed); len(p.Problems) != 1 || !strings.Contains(p.Problems[0].Summary, `was called "c" and is now called "d"`) {
		t.Errorf("of a renamed cluster the problems are %+v", p.Problems)
	}
}

func names(buckets []*schema.Bucket) []string {
	var all []string
	for _, b := range buckets {
		all = append(all, b.Name)
	}
	return all
}
