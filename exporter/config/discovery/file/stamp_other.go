//go:build !unix

package file

import "io/fs"

func stampOf(info fs.FileInfo) stamp { return stamp{modified: info.ModTime(), size: info.Size()} }

// device is not known: a volume that is not mounted looks like a folder without files.
func device(fs.FileInfo) uint64 { return 0 }
