package hclconf

import "io/fs"

// links is how many names a file has, where that can tell a mount of a single file. Windows has none.
func links(fs.FileInfo) uint64 { return 1 }
