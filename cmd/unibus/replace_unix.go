//go:build !windows

package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"
)

// replace puts a new text in place of a file, so that nobody ever sees half of it.
func replace(name string, text []byte) error {
	name, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	t, err := renameio.NewPendingFile(name, renameio.WithTempDir(filepath.Dir(name)), renameio.WithExistingPermissions())
	if err != nil {
		return err
	}
	defer func() { _ = t.Cleanup() }()
	if _, err := t.Write(text); err != nil {
		return err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := t.Chown(int(s.Uid), int(s.Gid)); err != nil && !errors.Is(err, os.ErrPermission) {
			return err
		}
	}
	return t.CloseAtomicallyReplace()
}
