package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
)

// TestKeysReachTheirKinds: what a kind's documentation calls a key is one, and does what it says.
func TestKeysReachTheirKinds(t *testing.T) {
	for text, want := range map[string]string{
		"filesystem: { path: TEMP, min_free: 0%, min_free_inodes: 0%, mount_point: false }":    "",
		"filesystem: { path: TEMP, min_free: 0%, min_free_inodes: 0%, mount_point: true }":     "TEMP: not a mount point",
		"dns: { name: localhost, expect: { not_matches: ['^10', '^192'] } }":                   "",
		"dns: { name: localhost, type: A, expect: { not_matches: ['^10', '^127'] } }":          `answer 127.0.0.1 matches "^127"`,
		"exec: { command: [printf, 'OK | c used=1, d used = 2%'], format: nagios, dir: TEMP }": "",
		"exec: { command: [printf, 'OK | c=x'], format: nagios, expect: { exit_codes: [1] } }": "(dropped of the performance data: c=x)",
		"memory: { source: system, min_available: 0% }":                                        "",
	} {
		t.Run(text, func(t *testing.T) {
			dir := t.TempDir()
			text, want := strings.ReplaceAll(text, "TEMP", "'"+dir+"'"), strings.ReplaceAll(want, "TEMP", dir)
			cfg, err := config.Parse("checks.yml", []byte("checks:\n- endpoint: a\n  "+text+"\n"), config.Options{})
			require.NoError(t, err)
			result := cfg.Checks[0].Checker.Check(t.Context())
			assert.Equal(t, want != "", result.Failed(), result.Details)
			assert.Contains(t, result.Details, want)
		})
	}
}
