package node

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"unibus/internal/api"
)

// TestBlockRemoved takes a bucket out of the file of a running cluster, and declares it again. It stays as it is, and
// every node says so meanwhile.
func TestBlockRemoved(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1", "n2", "n3")
	without := l.text()
	with := l.text(`user "bob"`, "bucket \"extra\" {}\n  user \"bob\"")
	l.ship(with)
	l.startAll()
	kv, err := l.js(l.dialFirst("n1")).KeyValue(t.Context(), "extra")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.PutString(t.Context(), "key", "value"); err != nil {
		t.Fatal(err)
	}
	reported := func(s api.Status) bool {
		return slices.ContainsFunc(s.Problems, func(p api.Problem) bool {
			return p.Code == "UB2216" && strings.HasPrefix(p.Summary, `bucket "extra" of account BUS is not in the file any more`)
		})
	}
	for _, step := range []struct {
		text string
		gone bool
	}{{without, true}, {with, false}} {
		l.ship(step.text)
		for _, h := range l.nodes {
			h.applied(step.text)
			eventually(t, func() error {
				s, err := h.status()
				if err == nil && reported(s) != step.gone {
					err = fmt.Errorf("%s: gone %v, problems %v", h.name, step.gone, s.Problems)
				}
				return err
			})
		}
		l.healthy()
	}
	said := 0
	for _, h := range l.nodes {
		said += strings.Count(h.log.String(), "not in the file any more")
	}
	if said != 1 {
		t.Errorf("it was logged %d times", said)
	}
	if e, err := kv.Get(t.Context(), "key"); err != nil || string(e.Value()) != "value" {
		t.Error(errors.Join(err, errors.New("the value is not there any more")))
	}
}
