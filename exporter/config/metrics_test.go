package config_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
)

// The profile of a check goes before that of its file, and that before the main file's.
func TestMetricsProfile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"main.yml":    "include: [teams/*.yml]\nmetrics: {profile: lean}\nchecks: [{endpoint: main, noop: {}}]",
		"teams/a.yml": "checks: [{endpoint: a, noop: {}}, {endpoint: own, metrics: {profile: default}, noop: {}}]",
		"teams/b.yml": "metrics: {profile: full}\nchecks: [{endpoint: b, noop: {}}]",
	})
	cfg, err := config.LoadFiles([]string{filepath.Join(dir, "main.yml")}, testOptions())
	require.NoError(t, err)
	profiles := make(map[string]string)
	for i := range cfg.Checks {
		profiles[cfg.Checks[i].Endpoint] = cfg.Checks[i].Metrics
	}
	assert.Equal(t, map[string]string{"main": "lean", "a": "lean", "own": "default", "b": "full"}, profiles)

	one := parse(t, "checks: [{endpoint: a, noop: {}}]")
	other := parse(t, "metrics: {profile: lean}\nchecks: [{endpoint: a, noop: {}}]")
	assert.Empty(t, one.Checks[0].Metrics)
	assert.NotEqual(t, one.Checks[0].Fingerprint, other.Checks[0].Fingerprint, "a reload must see it")

	_, err = config.Parse("c.yml", []byte("metrics: {profile: tiny}\nchecks: []"), testOptions())
	require.EqualError(t, err, `c.yml:1: metrics.profile: metrics profile "tiny": want one of ["lean" "default" "full"]`)
}
