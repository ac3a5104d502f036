package node

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"unibus/internal/api"
	"unibus/internal/hclconf"
)

// watch reloads with every change of the file and of the files it names, until ctx ends.
func (d *daemon) watch(ctx context.Context) error {
	d.changing.Lock()
	d.watcher.Loaded(d.file.Text(), d.read)
	d.changing.Unlock()
	return d.watcher.Watch(ctx, d.changed)
}

// changed is told by the watcher what has changed.
func (d *daemon) changed(c hclconf.Change) {
	d.changing.Lock()
	defer d.changing.Unlock()
	if now, err := readFile(d.File.Path); err == nil && !bytes.Equal(now, c.Text) {
		return // It has changed again while this waited, and will be reported again.
	}
	trigger := byFile
	if !slices.Contains(c.Names, d.File.Path) {
		trigger = byCertificate
	}
	d.look(c.Text, trigger, api.ReloadRequest{})
}

// look loads a text and takes it up. While it is refused, new certificates and secrets still go to the file that counts.
func (d *daemon) look(text []byte, trigger string, req api.ReloadRequest) api.Reload {
	if d.Reloading != nil && !req.DryRun {
		d.Reloading(true)
		defer d.Reloading(false)
	}
	d.reached("read")
	c, read := d.File.Load(text)
	read = d.depends(c, read)
	d.reached("loaded")
	r := d.remember(d.apply(c, read, trigger, req), req.DryRun)
	if req.DryRun {
		return r
	}
	if r.Result == api.ReloadRefused {
		if c.FileHash != d.file.FileHash {
			d.renew()
		}
		all := maps.Clone(read)
		maps.Copy(all, d.read)
		read = all
	}
	d.watcher.Loaded(text, read)
	d.reached("reloaded")
	return r
}

// renew takes up new certificates and secrets without a new file.
func (d *daemon) renew() {
	c, read := d.File.Load(d.file.Text())
	read = d.depends(c, read)
	if c.Topology == nil || maps.EqualFunc(read, d.read, bytes.Equal) {
		return
	}
	d.apply(c, read, byRenewal, api.ReloadRequest{})
}

// depends are the files besides the unibus file itself on which a configuration depends, with their content: secrets, and
// the node's certificate. What cannot be read counts as empty, until it can.
func (d *daemon) depends(c *hclconf.Config, secrets map[string][]byte) map[string][]byte {
	all := maps.Clone(secrets)
	if all == nil {
		all = map[string][]byte{}
	}
	if c.Topology == nil {
		return all
	}
	if _, n := c.Topology.Node(d.Node); n != nil && n.TLS != nil {
		for _, name := range []string{n.TLS.CAFile, n.TLS.CertFile, n.TLS.KeyFile} {
			all[name], _ = readFile(name)
		}
	}
	return all
}
