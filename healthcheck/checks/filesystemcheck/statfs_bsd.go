//go:build darwin || freebsd

package filesystemcheck

import (
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const supported = true

func statfs(path string) (usage, error) {
	var st unix.Statfs_t
	if err := ignoringEINTR(func() error { return unix.Statfs(path, &st) }); err != nil {
		return usage{}, &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	block := float64(st.Bsize)
	return usage{
		size: float64(st.Blocks) * block,
		free: float64(st.Bfree) * block,
		// FreeBSD counts below zero where root has used its reserve.
		avail:     max(float64(st.Bavail)*block, 0),
		files:     float64(st.Files),
		filesFree: max(float64(st.Ffree), 0),
		readOnly:  st.Flags&unix.MNT_RDONLY != 0,
	}, nil
}

// isMountPoint reports whether a file system is mounted at the path, or at what it is a symbolic link to.
func isMountPoint(path string) (bool, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false, err
	}
	var st unix.Statfs_t
	if err := ignoringEINTR(func() error { return unix.Statfs(path, &st) }); err != nil {
		return false, &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	return unix.ByteSliceToString(st.Mntonname[:]) == path, nil
}
