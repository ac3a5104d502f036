//go:build !windows

package pki

import (
	"io/fs"

	"github.com/google/renameio/v2"
)

// replace puts a new file in place of an old one, if there is one, whose permissions do not matter.
func replace(name string, text []byte, mode fs.FileMode) error {
	f, err := renameio.NewPendingFile(name, renameio.WithStaticPermissions(mode)) // WriteFile keeps those of the old file
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }() // of what was not put in place
	if _, err := f.Write(text); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}
