package checktest

import (
	"bytes"
	"math/rand/v2"
	"net"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// Program returns the path of a program. Where there is none the test is skipped. It is found by PATH, or where Debian
// has the servers, which not everybody has in the path.
func Program(t testing.TB, debianPackage, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	if err != nil {
		t.Skipf("%s is missing: install the Debian package %s", name, debianPackage)
	}
	return path
}

// The ports for programs: below those that systems give to clients and to whoever asks for any (RFC 6335, section 6, and
// ip(7)), one of which somebody else may have by the time a program has begun.
const (
	firstPort = 20000
	numPorts  = 12000
)

// Port returns a port of 127.0.0.1 that is free, over TCP and UDP, for a program that takes a while to begin.
func Port(t testing.TB) string {
	t.Helper()
	var config net.ListenConfig
	for range 100 {
		port := strconv.Itoa(firstPort + rand.IntN(numPorts))
		address := net.JoinHostPort("127.0.0.1", port)
		l, err := config.Listen(t.Context(), "tcp", address)
		if err != nil {
			continue
		}
		p, err := config.ListenPacket(t.Context(), "udp", address)
		require.NoError(t, l.Close())
		if err != nil {
			continue
		}
		require.NoError(t, p.Close())
		return port
	}
	require.Fail(t, "no port is free")
	return ""
}

// Start starts a program, see [Program], and kills it when the test ends.
func Start(t testing.TB, debianPackage, name string, args ...string) {
	t.Helper()
	path := Program(t, debianPackage, name)
	cmd := exec.Command(path, args...) //nolint:gosec,noctx // of the tests; it lives as long as one
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", name, output.String())
		}
	})
}
