package node

import "unibus/internal/api"

// disk is how full the file system of a directory is, which is not asked for on Windows.
func disk(string) api.Disk { return api.Disk{} }
