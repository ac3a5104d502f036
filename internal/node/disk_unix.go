//go:build !windows

package node

import (
	"path/filepath"
	"syscall"

	"unibus/internal/api"
)

// disk is how full the file system of a directory is, or of the nearest one above it that is there. What is set aside
// for root does not count as free.
func disk(dir string) api.Disk {
	var s syscall.Statfs_t
	for syscall.Statfs(dir, &s) != nil {
		if dir == filepath.Dir(dir) {
			return api.Disk{}
		}
		dir = filepath.Dir(dir)
	}
	block := uint64(s.Bsize)
	used := (s.Blocks - s.Bfree) * block
	total := used + uint64(s.Bavail)*block
	return api.Disk{UsedBytes: &used, TotalBytes: &total}
}
