package node

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"unibus/internal/api"
	"unibus/internal/bootstrap"
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

// TestNoRestartBeforeSettled looks at declared assets as a restart in turn does: what its leader calls current only now
// keeps it waiting, and what waits for a person does not.
func TestNoRestartBeforeSettled(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		asset bootstrap.Asset
		want  string
	}{
		{bootstrap.Asset{State: bootstrap.AssetCurrent, Since: now.Add(-time.Minute)}, ""},
		{bootstrap.Asset{State: bootstrap.AssetCurrent, Since: now}, `bucket "b" has not settled yet`},
		{bootstrap.Asset{State: bootstrap.AssetScaling, Since: now.Add(-time.Minute)}, `bucket "b" is scaling`},
		{bootstrap.Asset{State: bootstrap.AssetScaling, Blocked: true}, ""},
	} {
		c.asset.Kind, c.asset.Name = "bucket", "b"
		d := &daemon{assets: bootstrap.Status{Phase: bootstrap.Ready, Assets: []bootstrap.Asset{c.asset}}}
		got := ""
		if err := d.assetsCurrent(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%+v: %q, want %q", c.asset, got, c.want)
		}
	}
}
