//go:build !windows

package hclconf

import (
	"io/fs"
	"syscall"
)

// links is how many names a file has. A file that can be opened by its name and has none is the mount of a single file
// that was since replaced or deleted.
func links(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 1
}
