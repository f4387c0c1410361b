//go:build darwin || freebsd

package filesystemcheck

import (
	"io/fs"

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
