//go:build unix

package config_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
)

// TestShowArgsHidesReferences: what an argument has from a variable or a file is not among what is shown of it.
func TestShowArgsHidesReferences(t *testing.T) {
	for _, value := range append(plants, "hunter2") {
		opts := config.Options{Dir: t.TempDir(), Lookup: func(string) (string, bool) { return value, true }}
		require.NoError(t, os.WriteFile(filepath.Join(opts.Dir, "planted"), []byte(value+"\n"), 0o600))
		for _, reference := range []string{"${file:planted}", "${PLANTED}"} {
			for _, arg := range []string{reference, "--token=" + reference, "a b " + reference} {
				yaml := strings.NewReplacer("ARG", arg).Replace(`checks:
  - endpoint: unit
    exec: { command: [sh, -c, 'echo "$@"; exit 1', sh, nginx.service, 'ARG'], show_args: true }
`)
				loaded, err := config.Parse("c.yml", []byte(yaml), opts)
				require.NoError(t, err)
				target := loaded.Checks[0].Target
				details := loaded.Checks[0].Checker.Check(context.Background()).Details
				for _, shown := range []string{target, details} {
					assert.Contains(t, shown, "nginx.service")
					assert.False(t, leaks(shown, value) || strings.Contains(shown, "hunter2"), "%s: %s", arg, shown)
				}
				assert.Contains(t, target, reference)
			}
		}
	}
	loaded, err := config.Parse("c.yml", []byte("checks: [{ endpoint: unit, exec: { command: [systemctl, is-active, nginx.service] } }]"), config.Options{})
	require.NoError(t, err)
	assert.Equal(t, "systemctl", loaded.Checks[0].Target)
}
