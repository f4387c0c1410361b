package config_test

import (
	"go/build"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestImports keeps the arrows: the configuration knows the kinds of checks, what a check is and its windows, and nothing else here.
func TestImports(t *testing.T) {
	const module = "github.com/healthcheck-exporter/healthcheck_exporter/"
	pkg, err := build.ImportDir(".", 0)
	require.NoError(t, err)
	for _, path := range pkg.Imports {
		if own, ok := strings.CutPrefix(path, module); ok {
			assert.True(t, own == "healthcheck" || own == "exporter/config/maintenance" || strings.HasPrefix(own, "healthcheck/checks/"), path)
		}
	}
}
