package config_test

import (
	"go/build"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The stages of reading a configuration stand in one line: each knows the ones before it, and none knows one after it.
var stages = []string{"internal/source", "internal/document", "internal/reference", "discovery", "internal/settings", "internal/kind", "."}

// TestImports keeps the arrows: a stage knows what is before it, the kinds of checks, what a check is and its windows,
// and nothing else here.
func TestImports(t *testing.T) {
	const module = "github.com/healthcheck-exporter/healthcheck_exporter/"
	for i, stage := range stages {
		pkg, err := build.ImportDir(stage, 0)
		require.NoError(t, err)
		for _, imported := range pkg.Imports {
			own, ok := strings.CutPrefix(imported, module)
			if !ok || own == "healthcheck" || own == "exporter/config/maintenance" || strings.HasPrefix(own, "exporter/config/discovery/") || own == "collector" && stage == "internal/settings" || strings.HasPrefix(own, "healthcheck/checks/") {
				continue
			}
			before := slices.ContainsFunc(stages[:i], func(s string) bool { return own == path.Join("exporter/config", s) })
			assert.True(t, before, "%s imports %s", stage, imported)
		}
	}
}

// A file of a stage can be read at one go.
func TestFilesAreShort(t *testing.T) {
	const most = 300 // lines
	for _, stage := range stages {
		files, err := filepath.Glob(filepath.Join(stage, "*.go"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Less(t, strings.Count(string(text), "\n"), most, file)
		}
	}
}
