package node

import (
	"slices"

	"unibus/config/schema"
	"unibus/internal/server"
)

// decideWithout settles, before a server starts, whether its first election leaves nodes out.
func (d *daemon) decideWithout(t *schema.Topology) error {
	if len(d.Without) == 0 {
		return nil
	}
	conf, err := server.NewConf(t, d.Node, d.id)
	if err != nil {
		return err
	}
	never, err := conf.NeverLed()
	if err != nil {
		return err
	}
	without := slices.Clone(d.Without)
	if !never {
		d.Log.Info("this node has been in the cluster before, so --without is ignored", "nodes", without)
		without = nil
	} else {
		d.Log.Warn("the first start does not wait for some nodes", "nodes", without)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.without = without
	return nil
}

// waitsNotFor are the nodes that are left out.
func (d *daemon) waitsNotFor() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.without
}
