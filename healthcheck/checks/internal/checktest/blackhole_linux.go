package checktest

import (
	"context"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BlackHole returns an address where connections are neither accepted nor refused, as behind a firewall that drops
// them: the queue of its listener is of the shortest length, and full.
func BlackHole(t testing.TB) string {
	t.Helper()
	l := Listen(t, "127.0.0.1").(*net.TCPListener)
	control, err := l.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, control.Control(func(fd uintptr) { err = syscall.Listen(int(fd), 0) }))
	require.NoError(t, err)
	for range 100 {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
		cancel()
		if err != nil {
			return l.Addr().String()
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	require.Fail(t, "the queue of the listener is never full")
	return ""
}
