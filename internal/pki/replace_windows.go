package pki

import (
	"io/fs"
	"os"
)

// replace writes to another name first. Windows knows no atomic replacement with permissions, which are the directory's.
func replace(name string, text []byte, mode fs.FileMode) error {
	next := name + ".new"
	if err := os.WriteFile(next, text, mode); err != nil {
		return err
	}
	return os.Rename(next, name)
}
