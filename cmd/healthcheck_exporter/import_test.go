package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const importable = "../../exporter/config/convert/testdata/"

// TestImport holds the exit codes, and what goes where.
func TestImport(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "gatus.yml")
	require.NoError(t, os.WriteFile(plain, []byte(`endpoints: [{ name: web, url: "https://u:s3cret@example.com", conditions: ["[STATUS] == 200"] }]
metrics: true
`), 0o600))

	o := call(t.Context(), "import", plain)
	assert.Equal(t, exitOK, o.code, o.stderr)
	assert.Contains(t, o.stdout, "https://u:${WEB_PASSWORD}@example.com")
	assert.Contains(t, o.stderr, "secret: "+plain+":1: endpoints[0].url: holds a secret: set WEB_PASSWORD to it\n1 checks, 0 notes")
	assert.NotContains(t, o.stdout+o.stderr, "s3cret")
	assert.NotContains(t, o.stderr, "left out")

	o = call(t.Context(), "import", "--explain", "--with-secrets", plain)
	assert.Equal(t, exitOK, o.code)
	assert.Contains(t, o.stdout, "https://u:s3cret@example.com")
	assert.Contains(t, o.stderr, "left out: "+plain+":2: metrics: it is about the program, not about what it checks\n")

	o = call(t.Context(), "import", importable+"blackbox-basic/1-blackbox.yml", importable+"blackbox-basic/2-prometheus.yml")
	assert.Equal(t, exitFail, o.code)
	assert.Contains(t, o.stderr, `1-blackbox.yml:27: modules.icmp: there is no kind of check for the prober "icmp"`)

	for _, args := range [][]string{
		{"import"}, {"import", "no-such-file"}, {"import", "--from=nagios", plain},
		{"import", importable + "body.json"}, {"import", importable + "blackbox-basic/1-blackbox.yml"},
	} {
		o = call(t.Context(), args...)
		assert.Equal(t, exitCannot, o.code, args)
		assert.Empty(t, o.stdout, args)
		assert.NotEmpty(t, o.stderr, args)
	}
}

// TestImportOutput holds that the output is valid to the exporter, and that no file is written over.
func TestImportOutput(t *testing.T) {
	out := filepath.Join(t.TempDir(), "checks.yml")
	o := call(t.Context(), "import", "-o", out, importable+"kuma-list/1-monitors.json")
	assert.Equal(t, exitOK, o.code, o.stderr)
	assert.Empty(t, o.stdout)
	o = call(t.Context(), "validate", "--config.file="+out)
	assert.Equal(t, exitOK, o.code, o.stderr)
	assert.Contains(t, o.stdout, "3 checks")

	o = call(t.Context(), "import", "-o", out, importable+"kuma-list/1-monitors.json")
	assert.Equal(t, exitCannot, o.code)
	assert.Contains(t, o.stderr, "exists")

	secret := filepath.Join(t.TempDir(), "checks.yml")
	require.Equal(t, exitOK, call(t.Context(), "import", "--with-secrets", "-o", secret, importable+"kuma-list/1-monitors.json").code)
	info, err := os.Stat(secret)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}
