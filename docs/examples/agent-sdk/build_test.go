package agent_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// repository is where this module is a part of.
var repository = os.Getenv("HEALTHCHECK_REPOSITORY")

const (
	sdkModule = "github.com/Axway/agent-sdk"
	ourModule = "github.com/healthcheck-exporter/healthcheck_exporter"
)

// command runs a program in a folder, and returns what it prints.
func command(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); ok {
		out = append(out, exit.Stderr...)
	}
	require.NoError(t, err, "%s %v: %s", name, args, out)
	return string(out)
}

// build builds a program of the module in a folder. Without paths in it, the modules that this one and its copies have in
// common are compiled once.
func build(t *testing.T, dir, pkg string) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), filepath.Base(pkg))
	command(t, dir, "go", "build", "-trimpath", "-o", program, pkg)
	return program
}

// copyOf copies a folder to one that can be written to.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	target := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, os.CopyFS(target, os.DirFS(dir)))
	return target
}

// sdkDir is the SDK in the module cache.
func sdkDir(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(command(t, ".", "go", "list", "-m", "-f", "{{.Dir}}", sdkModule))
}

// rewrite runs the README's command in a folder.
func rewrite(t *testing.T, dir string) {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(repository, "README.md"))
	require.NoError(t, err)
	_, after, found := strings.Cut(string(readme), "```sh\n   grep -rl ")
	require.True(t, found, "the README has the command")
	script, _, _ := strings.Cut(after, "```")
	command(t, dir, "sh", "-euc", "grep -rl "+script)
}

// imports counts the lines below a folder that import a package, and the files that have one.
func imports(t *testing.T, dir, pkg string) (lines, files int) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		if n := strings.Count(string(text), `"`+pkg+`"`); n > 0 {
			lines, files = lines+n, files+1
		}
		return err
	}))
	return lines, files
}
