package unixcheck_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/unixcheck"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type steps = []unixcheck.Step

func run(t *testing.T, c unixcheck.Config) healthcheck.Result {
	t.Helper()
	return runFor(t, c, time.Minute)
}

func runFor(t *testing.T, c unixcheck.Config, timeout time.Duration) healthcheck.Result {
	t.Helper()
	return checktest.Run(t, unixcheck.New, c, timeout)
}

// values returns what was measured, by name, the phases by their label.
func values(r healthcheck.Result) map[string]float64 { return checktest.Values(r, "phase") }

func assertFails(t *testing.T, r healthcheck.Result, reason healthcheck.Reason, details string) {
	t.Helper()
	checktest.AssertFails(t, r, reason, details, 500)
}

// shortDir returns a folder with a short path: there is not much room for that of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s") //nolint:usetesting // that of a test is long
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func listen(t *testing.T, path string) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// serve gives each connection to handle, and returns the path.
func serve(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	path := filepath.Join(shortDir(t), "s")
	checktest.Serve(t, listen(t, path), handle)
	return path
}

func echo(conn net.Conn) { _, _ = io.Copy(conn, conn) }

func drain(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// say returns a handler that sends a text and closes the connection when the peer has.
func say(text string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		drain(conn)
	}
}

// sayAndClose returns a handler that sends text and closes the connection.
func sayAndClose(text string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		_ = conn.(*net.UnixConn).CloseWrite()
		drain(conn)
	}
}
