package main

import (
	"go/build"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestImports keeps the arrows: the program knows flags and signals, and leaves checks, routes and YAML to the exporter.
func TestImports(t *testing.T) {
	const module = "github.com/healthcheck-exporter/healthcheck_exporter/"
	pkg, err := build.ImportDir(".", 0)
	require.NoError(t, err)
	for _, path := range pkg.Imports {
		for _, unwanted := range []string{"yaml", "/chi", "client_golang", "exporter/config", "healthcheck/checks"} {
			assert.NotContains(t, path, unwanted)
		}
		if own, ok := strings.CutPrefix(path, module); ok {
			assert.Contains(t, []string{"collector", "exporter", "healthcheck"}, own)
		}
	}
}
