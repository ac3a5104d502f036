//go:build !windows

package server

import (
	"strconv"
	"syscall"
)

// inode is the number of a file on its file system, or "".
func inode(path string) string {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return ""
	}
	return strconv.FormatUint(uint64(st.Ino), 10)
}
