package unixcheck_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/unixcheck"
)

func TestAbstract(t *testing.T) {
	name := fmt.Sprintf("@healthcheck-test-%d", os.Getpid())
	c := unixcheck.Config{Path: name, Dialog: steps{{Send: "a\n", Expect: "^a$"}}}
	assertFails(t, run(t, c), healthcheck.ReasonConnect, "connect to "+name+": connection refused")
	checktest.Serve(t, listen(t, name), echo)
	checktest.RequireOK(t, run(t, c))
	assert.Equal(t, name, c.Target())
}

// TestLongestPath: what is taken can be connected to.
func TestLongestPath(t *testing.T) {
	dir := shortDir(t)
	path := filepath.Join(dir, strings.Repeat("x", 107-len(dir)-1))
	checktest.Serve(t, listen(t, path), drain)
	checktest.RequireOK(t, run(t, unixcheck.Config{Path: path}))
	path = "@" + strings.Repeat("y", 106)
	checktest.Serve(t, listen(t, path), drain)
	checktest.RequireOK(t, run(t, unixcheck.Config{Path: path}))
}

// TestFullQueue: a listener that does not accept is not there in time; one that is only busy is.
func TestFullQueue(t *testing.T) {
	path := filepath.Join(shortDir(t), "s")
	l := listen(t, path).(*net.UnixListener)
	control, err := l.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, control.Control(func(fd uintptr) { err = syscall.Listen(int(fd), 0) }))
	require.NoError(t, err)
	for range 100 {
		conn, err := new(net.Dialer).DialContext(t.Context(), "unix", path)
		if err != nil {
			require.ErrorIs(t, err, syscall.EAGAIN)
			break
		}
		defer conn.Close()
	}
	start := time.Now()
	r := runFor(t, unixcheck.Config{Path: path}, checktest.Timeout)
	assertFails(t, r, healthcheck.ReasonTimeout, "connect to "+path+": no answer in time: the queue of connections is full")
	assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)

	chk, err := unixcheck.New(unixcheck.Config{Path: path})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	time.AfterFunc(50*time.Millisecond, func() { checktest.Serve(t, l, drain) })
	checktest.RequireOK(t, chk.Check(ctx))
}

// TestNoRight: a socket that the user of the exporter may not connect to. Root is somebody else for this time.
func TestNoRight(t *testing.T) {
	path := serve(t, drain)
	require.NoError(t, os.Chmod(filepath.Dir(path), 0o755))
	require.NoError(t, os.Chmod(path, 0))
	if os.Geteuid() == 0 {
		const nobody = 65534
		require.NoError(t, syscall.Setresuid(-1, nobody, -1))
		defer func() { assert.NoError(t, syscall.Setresuid(-1, 0, -1)) }()
	}
	assertFails(t, run(t, unixcheck.Config{Path: path}), healthcheck.ReasonAuth, "connect to "+path+": permission denied")
}
