package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
)

// The README's example is valid, and takes an answer that says UP for good, and no other.
func TestReadmeExample(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, yaml, _ := strings.Cut(string(readme), "```yaml\n")
	yaml, _, found := strings.Cut(yaml, "\n```")
	require.True(t, found)
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("token"), 0o600))
	yaml = strings.ReplaceAll(yaml, "/run/secrets/central", token)
	cfg, err := config.Parse("README.md", []byte(yaml), config.Options{})
	require.NoError(t, err)
	assert.NotEmpty(t, cfg.Checks)

	m := regexp.MustCompile(`body_matches: \['(.+?)'\]`).FindStringSubmatch(yaml)
	require.NotNil(t, m)
	up := regexp.MustCompile(m[1])
	assert.Regexp(t, up, `{"status":"UP"}`)
	assert.Regexp(t, up, `{"status": "UP"}`)
	assert.NotRegexp(t, up, "UPSTREAM lost")
	assert.NotRegexp(t, up, `{"status":"UPSTREAM lost"}`)
}

// All configurations in the README are valid.
func TestConfigurationsInTheReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	dir := t.TempDir()
	write(t, dir, map[string]string{"teams/a.yml": "checks: []"})
	parts := strings.Split(string(readme), "```yaml\n")[1:]
	require.GreaterOrEqual(t, len(parts), 2)
	for i, part := range parts {
		yaml, _, ok := strings.Cut(part, "```")
		require.True(t, ok)
		if !strings.Contains(yaml, "checks:") {
			continue // of Prometheus
		}
		name := fmt.Sprintf("readme-%d.yml", i)
		write(t, dir, map[string]string{name: yaml})
		cfg, err := config.Load(filepath.Join(dir, name), config.Options{})
		if err != nil && strings.Contains(err.Error(), "/run/secrets/") {
			continue // what it holds is on another machine
		}
		require.NoError(t, err, yaml)
		assert.Empty(t, mistakesOf(dir, cfg.Files))
	}
}
