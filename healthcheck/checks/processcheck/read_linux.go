package processcheck

import (
	"errors"
	"os"
	"syscall"
)

// maxFile is how much is read of a file. The longest are command lines, and the list of interrupts of large machines in
// /proc/stat.
const maxFile = 256 << 10

// reader reads small files one after the other into the same memory. The files of /proc need nothing of what package os
// does for others, which would be most of the cost of a run.
type reader struct{ buffer []byte }

// read returns the content of a file, or its beginning if it is longer than [maxFile]. It is valid until the next call.
func (r *reader) read(name string) ([]byte, error) {
	fd, err := retried(func() (int, error) {
		return syscall.Open(name, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	})
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer syscall.Close(fd)
	if r.buffer == nil {
		r.buffer = make([]byte, 4<<10)
	}
	for n := 0; ; {
		if n == len(r.buffer) {
			if n >= maxFile {
				return r.buffer[:n], nil
			}
			r.buffer = append(r.buffer, make([]byte, n)...)
		}
		got, err := retried(func() (int, error) { return syscall.Read(fd, r.buffer[n:]) })
		switch {
		case err != nil:
			return nil, &os.PathError{Op: "read", Path: name, Err: err}
		case got <= 0:
			return r.buffer[:n], nil
		}
		n += got
	}
}

// retried calls f again where a signal came in between.
func retried(f func() (int, error)) (int, error) {
	for {
		n, err := f()
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}

// isGone reports whether an error means that the process has ended: its files vanish, and those that are open cannot be
// read.
func isGone(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}
