package agent_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// forked returns a copy of the SDK after the README's command.
func forked(t *testing.T) (dir string) {
	t.Helper()
	dir = copyOf(t, sdkDir(t))
	rewrite(t, dir)
	// What go get does, once there is a version to get.
	command(t, dir, "go", "mod", "edit", "-require", ourModule+"@v0.0.0", "-replace", ourModule+"="+repository)
	sum, err := os.ReadFile("go.sum")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o600))
	command(t, dir, "go", "mod", "tidy")
	return dir
}

// TestRewrittenSDK: the SDK's tests pass in the rewritten SDK as they did before.
func TestRewrittenSDK(t *testing.T) {
	before, after := copyOf(t, sdkDir(t)), forked(t)
	lines, files := imports(t, before, sdkModule+"/pkg/util/healthcheck")
	assert.Equal(t, [2]int{18, 18}, [2]int{lines, files}, "as the README says")
	lines, _ = imports(t, after, sdkModule+"/pkg/util/healthcheck")
	assert.Zero(t, lines)
	lines, files = imports(t, after, ourModule+"/healthcheck")
	assert.Equal(t, [2]int{18, 18}, [2]int{lines, files})
	assert.Equal(t, 20, changed(t, before, after), "these, go.mod and go.sum")

	packages := importers(t, before)
	require.Len(t, packages, 8)
	assert.Empty(t, importers(t, after))
	var passedBefore, passedAfter map[string]bool
	var wg sync.WaitGroup
	wg.Go(func() { passedBefore = passed(t, before, packages) })
	wg.Go(func() { passedAfter = passed(t, after, packages) })
	wg.Wait()
	assert.Greater(t, len(passedBefore), 200)
	if len(passedAfter) < len(passedBefore) { // some of the SDK's tests look at the clock
		maps.Copy(passedAfter, passed(t, after, packages))
	}
	for name := range passedBefore {
		assert.True(t, passedAfter[name], "passed before: %s", name)
	}
	t.Logf("%d tests of %d packages passed before, %d after", len(passedBefore), len(packages), len(passedAfter))

	t.Run("an agent on it", func(t *testing.T) {
		dir := copyOf(t, ".")
		command(t, dir, "go", "mod", "edit", "-replace", sdkModule+"="+after)
		command(t, dir, "go", "mod", "tidy")
		showsDatabase(t, build(t, dir, "./forked"))
	})
}

// TestVendoredSDK: the same in the vendor folder of an agent.
func TestVendoredSDK(t *testing.T) {
	dir := copyOf(t, ".")
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "transcript"))) // it is about both
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "bridged")))
	command(t, dir, "go", "mod", "tidy")
	command(t, dir, "go", "mod", "vendor")
	rewrite(t, filepath.Join(dir, "vendor", sdkModule))
	showsDatabase(t, build(t, dir, "./forked"))
}

// TestOneImportIsNotEnough shows why: the agent's own code uses our package, its SDK still another.
func TestOneImportIsNotEnough(t *testing.T) {
	a := start(t, build(t, ".", "./forked"), database(t))
	s := a.until(t, func(s statusDocument) bool { return s.Status == "OK" })
	assert.NotContains(t, s.StatusChecks, "db")
}

// showsDatabase has an agent of the folder forked show its check of the database.
func showsDatabase(t *testing.T, program string) {
	t.Helper()
	db := database(t)
	a := start(t, program, db)
	s := a.until(t, func(s statusDocument) bool { return s.StatusChecks["db"].Status.Result == "FAIL" })
	assert.Equal(t, "FAIL", s.Status)
	assert.Contains(t, s.StatusChecks["db"].Status.Details, "refused")
	db.listen(t)
	a.until(t, func(s statusDocument) bool { return s.Status == "OK" && s.StatusChecks["db"].Status.Result == "OK" })
}

// importers returns the packages of the SDK that import its healthcheck package, or whose tests do.
func importers(t *testing.T, dir string) (packages []string) {
	t.Helper()
	out := command(t, dir, "go", "list", "-f",
		`{{.ImportPath}} {{join .Imports " "}} {{join .TestImports " "}} {{join .XTestImports " "}}`, "./pkg/...")
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if slices.Contains(fields[1:], sdkModule+"/pkg/util/healthcheck") {
			packages = append(packages, fields[0])
		}
	}
	return packages
}

// passed runs the tests of packages and returns the names of those that passed. go vet is left out: with a dependency that
// needs Go 1.24 or later, it finds formats in the SDK that are no constants.
func passed(t *testing.T, dir string, packages []string) map[string]bool {
	names := make(map[string]bool)
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"test", "-json", "-vet=off", "-trimpath", "-timeout=5m"}, packages...)...)
	cmd.Dir = dir
	out, _ := cmd.Output() // an error tells that a test failed
	for line := range strings.Lines(string(out)) {
		var event struct{ Action, Package, Test string }
		if json.Unmarshal([]byte(line), &event) == nil && event.Test != "" && event.Action == "pass" {
			names[event.Package+" "+event.Test] = true
		}
		if event.Action == "fail" {
			t.Logf("failed in %s: %s %s", dir, event.Package, event.Test)
		}
	}
	return names
}

// changed counts the files that differ.
func changed(t *testing.T, a, b string) (n int) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(a, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(a, path)
		require.NoError(t, err)
		old, err := os.ReadFile(path)
		require.NoError(t, err)
		now, err := os.ReadFile(filepath.Join(b, name))
		require.NoError(t, err)
		if string(old) != string(now) {
			n++
		}
		return nil
	}))
	return n
}
