package exporter_test

import (
	"go/build"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/healthcheck-exporter/healthcheck_exporter"

// TestImports keeps the arrows: the exporter knows nothing of flags, and of this module only what is below it.
func TestImports(t *testing.T) {
	pkg, err := build.ImportDir(".", 0)
	require.NoError(t, err)
	for _, path := range pkg.Imports {
		assert.NotContains(t, path, "kingpin")
		assert.NotEqual(t, "os/signal", path)
		if own, ok := strings.CutPrefix(path, module+"/"); ok {
			assert.Contains(t, []string{"collector", "healthcheck", "exporter/config", "exporter/config/convert", "exporter/config/discovery", "exporter/internal/page"}, own)
		}
	}
}

// TestArrows looks at the packages of the whole module: nothing imports the program, and no check what reads it.
func TestArrows(t *testing.T) {
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	require.NoError(t, err)
	packages := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		for _, path := range fields[1:] {
			own, ok := strings.CutPrefix(path, module+"/")
			if !ok {
				continue
			}
			assert.False(t, strings.HasPrefix(own, "cmd/"), line)
			if strings.HasPrefix(fields[0], module+"/healthcheck") {
				assert.True(t, own == "healthcheck" || strings.HasPrefix(own, "healthcheck/"), line)
			}
		}
		packages++
	}
	assert.Greater(t, packages, 10)
}
