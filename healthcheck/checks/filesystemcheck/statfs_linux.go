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

// isMountPoint reports whether something, be it a part of the same file system, is mounted at the path, or at what it
// is a symbolic link to.
func isMountPoint(path string) (bool, error) {
	here, err := statx(path)
	if err != nil {
		return false, err
	}
	if here.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		return here.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, nil
	}
	// Linux before 5.8, where a part of the same file system cannot be told. The parent is not what the path says:
	// there may be a link in it.
	above, err := statx(path + "/..")
	if err != nil {
		return false, err
	}
	elsewhere := here.Dev_major != above.Dev_major || here.Dev_minor != above.Dev_minor
	return elsewhere || here.Ino == above.Ino, nil
}

func statx(path string) (unix.Statx_t, error) {
	var st unix.Statx_t
	err := ignoringEINTR(func() error { return unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_INO, &st) })
	if err != nil {
		return st, &fs.PathError{Op: "statx", Path: path, Err: err}
	}
	return st, nil
}
