//go:build !windows

package node

import (
	"path/filepath"

	"github.com/google/renameio/v2"
)

// newPending is a file that only its owner may read, and that is there whole or not at all.
func newPending(name string) (*renameio.PendingFile, error) {
	return renameio.NewPendingFile(name, renameio.WithTempDir(filepath.Dir(name)), renameio.WithPermissions(0o600))
}
