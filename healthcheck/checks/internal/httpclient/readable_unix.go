//go:build unix

package httpclient

import (
	"errors"
	"net"
	"syscall"
)

// watch tells whether a connection that nobody reads from has anything to read. It is made once for a connection that is
// kept: making it costs as much as asking.
type watch struct {
	raw   syscall.RawConn // nil if the connection is of no system's making
	peek  func(fd uintptr) bool
	ready bool // of the last look
}

func newWatch(conn net.Conn) *watch {
	w := new(watch)
	if c, ok := conn.(syscall.Conn); ok {
		w.raw, _ = c.SyscallConn()
	}
	w.peek = func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		w.ready = !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR)
		return true
	}
	return w
}

// readable reports whether a read would return at once: there are bytes, the end, or an error.
func (w *watch) readable() bool {
	return w.raw != nil && (w.raw.Read(w.peek) != nil || w.ready)
}
