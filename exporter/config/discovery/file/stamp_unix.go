//go:build unix

package file

import (
	"io/fs"
	"syscall"
)

func stampOf(info fs.FileInfo) stamp {
	s := stamp{modified: info.ModTime(), size: info.Size()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.id = uint64(sys.Ino) //nolint:unconvert // its size depends on the system
	}
	return s
}

// device returns the file system that a file is on.
func device(info fs.FileInfo) uint64 {
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(sys.Dev) //nolint:unconvert // its size depends on the system
	}
	return 0
}
