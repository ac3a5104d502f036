package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"unibus/config/schema"
)

// metaDir is where the node keeps the log of the meta group.
func (c Conf) metaDir() string {
	return filepath.Join(c.storeDir(), "jetstream", schema.SystemAccount, "_js_", "_meta_")
}

// NeverLed tells whether the node has never heard from a leader of the meta group: its log has no entry and no snapshot.
// Only then can it still be changed how many nodes the first election needs.
func (c Conf) NeverLed() (bool, error) {
	err := filepath.WalkDir(c.metaDir(), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		entries := strings.HasSuffix(path, ".blk") && info.Size() > 0
		if entries || filepath.Base(filepath.Dir(path)) == "snapshots" {
			return errUsed
		}
		return nil
	})
	switch {
	case errors.Is(err, errUsed):
		return false, nil
	case err == nil, errors.Is(err, fs.ErrNotExist):
		return true, nil
	}
	return false, fmt.Errorf("look at the log of the meta group: %w", err)
}

// forgetMeta removes the log of the meta group if it is empty. nats-server v2.15.2 remembers in it how many nodes the
// first election needs, and does not look at the routes again (bootstrapRaftNode).
func (c Conf) forgetMeta() error {
	if !c.node.JetStream.Enabled {
		return nil
	}
	never, err := c.NeverLed()
	if err != nil || !never {
		return err
	}
	return storeError(c, os.RemoveAll(c.metaDir()))
}
