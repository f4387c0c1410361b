package config_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/unixcheck"
)

var conformUnix = conformer{
	echo: func(t *testing.T) []func() any {
		path := serveUnix(t, echoOnce)
		return []func() any{
			func() any {
				return &unixcheck.Config{Path: path, Dialog: []unixcheck.Step{{Send: "AUTH " + plantHere + "\r\n", Expect: "^never$"}}}
			},
			func() any {
				return &unixcheck.Config{Path: path, Dialog: []unixcheck.Step{{Send: "AUTH " + plantHere + "\r\n", Expect: "^never$", Reject: []string{"^got"}}}}
			},
		}
	},
	open:  slices.Concat([]string{"path"}, openInDialogs),
	files: []string{"path"},
	silent: func(t *testing.T) any {
		path := serveUnix(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
		return &unixcheck.Config{Path: path, Dialog: []unixcheck.Step{{Send: "x", Expect: "^x"}}}
	},
	fine: func(t testing.TB) []any {
		path := serveUnix(t, func(conn net.Conn) { _, _ = io.Copy(conn, conn) })
		return []any{&unixcheck.Config{Path: path, Dialog: []unixcheck.Step{{Send: "a\n", Expect: "^a$"}}}}
	},
	runs: 10_000,
}

// serveUnix gives each connection to handle and closes it then.
func serveUnix(t testing.TB, handle func(net.Conn)) (path string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "s") //nolint:usetesting // a short path, which is all that a socket can have
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path = filepath.Join(dir, "s")
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	require.NoError(t, err)
	serveListener(t, l, handle)
	return path
}
