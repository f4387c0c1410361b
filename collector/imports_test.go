package collector_test

import (
	"go/build"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestImports keeps the arrows: the collector knows the registry and client_golang.
func TestImports(t *testing.T) {
	const module = "github.com/healthcheck-exporter/healthcheck_exporter/"
	pkg, err := build.ImportDir(".", 0)
	require.NoError(t, err)
	for _, path := range pkg.Imports {
		if own, ok := strings.CutPrefix(path, module); ok {
			assert.Equal(t, "healthcheck", own)
		}
	}
}

// TestWhatAnImporterCompiles keeps a program that imports the collector small: no YAML, router, flags or drivers.
func TestWhatAnImporterCompiles(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	require.NoError(t, err)
	deps := strings.Fields(string(out))
	require.Contains(t, deps, "github.com/prometheus/client_golang/prometheus")
	for _, path := range deps {
		for _, unwanted := range []string{
			"yaml", "/chi", "kingpin", "exporter-toolkit", "miekg/dns", "oauth2", "go-systemd", "vsock", "testify",
			"healthcheck_exporter/exporter", "healthcheck_exporter/cmd", "healthcheck/checks", "client_golang/prometheus/promhttp",
		} {
			assert.NotContains(t, path, unwanted)
		}
	}
}
