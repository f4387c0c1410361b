package filesystemcheck

import (
	"cmp"
	"io/fs"

	"golang.org/x/sys/unix"
)

const supported = true

func statfs(path string) (usage, error) {
	var st unix.Statfs_t
	if err := ignoringEINTR(func() error { return unix.Statfs(path, &st) }); err != nil {
		return usage{}, &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	// Blocks are counted in fragments: on FUSE and NFS the block size is a transfer size, and larger.
	block := float64(cmp.Or(st.Frsize, st.Bsize))
	return usage{
		size:      float64(st.Blocks) * block,
		free:      float64(st.Bfree) * block,
		avail:     float64(st.Bavail) * block,
		files:     float64(st.Files),
		filesFree: float64(st.Ffree),
		readOnly:  st.Flags&unix.ST_RDONLY != 0,
	}, nil
}
