package checktest

import (
	"bytes"
	"os/exec"
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
