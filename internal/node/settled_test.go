package node

import (
	"errors"
	"fmt"
	"testing"

	"unibus/internal/api"
)

// TestSettled looks at the state of an asset: settled once every node agrees, not while one of them is away, and settled
// again when it is back.
func TestSettled(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1", "n2", "n3")
	l.ship(l.text())
	l.startAll()
	state := func(h *host) (string, error) {
		s, err := h.status()
		if err != nil {
			return "", err
		}
		if len(s.Buckets) != 1 {
			return "", errors.New("the bucket is not there")
		}
		return s.Buckets[0].State, nil
	}
	settled := func() {
		t.Helper()
		for _, h := range l.nodes {
			eventually(t, func() error {
				is, err := state(h)
				if err == nil && is != api.AssetSettled {
					err = fmt.Errorf("%s: %s", h.name, is)
				}
				return err
			})
		}
	}
	settled()
	l.nodes["n3"].end()
	for _, name := range []string{"n1", "n2"} {
		eventually(t, func() error {
			is, err := state(l.nodes[name])
			if err == nil && is != "degraded" {
				err = fmt.Errorf("%s: %s", name, is)
			}
			return err
		})
	}
	l.nodes["n3"].start()
	settled()
}
