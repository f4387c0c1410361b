package config_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

func TestEveryFieldOfEveryKindCanBeDecoded(t *testing.T) {
	kinds := config.KindConfigs()
	require.NotEmpty(t, kinds)
	for name, typ := range kinds {
		assert.Empty(t, config.Unsupported(typ), name)
	}
	assert.NotEmpty(t, config.Unsupported(reflect.TypeFor[struct{ F func() }]()), "the test can fail")
}

func TestDefaultIsHealthy(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/-/healthy" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	cfg, err := config.Default(config.Options{Lookup: func(name string) (string, bool) {
		return server.URL, name == "HEALTHCHECK_EXPORTER_URL"
	}})
	require.NoError(t, err)
	assert.Equal(t, "localhost", cfg.Name)
	assert.Empty(t, cfg.Sources.Paths)
	var endpoints []string
	for i := range cfg.Checks {
		c := &cfg.Checks[i]
		endpoints = append(endpoints, c.Endpoint)
		assert.Equal(t, c.Endpoint == "exporter", c.Optional, c.Endpoint)
		require.NoError(t, c.Validate())
		result := c.Checker.Check(t.Context())
		// How full this machine is, is not what is tested.
		if result.Reason != healthcheck.ReasonThreshold {
			assert.False(t, result.Failed(), "%s: %s", c.Endpoint, result.Details)
		}
	}
	assert.Equal(t, []string{"exporter", "disk", "memory", "resolver"}, endpoints)
	assert.Equal(t, server.URL+"/-/healthy", cfg.Checks[0].Target)

	cfg, err = config.Default(config.Options{Lookup: func(string) (string, bool) { return "", false }})
	require.NoError(t, err)
	assert.Equal(t, "http://localhost:8989/-/healthy", cfg.Checks[0].Target)
}

var exampleLine = regexp.MustCompile(`(?m)^( *)#(\S| {2,})`)

// TestExamplesInDefault takes the "#" from the examples among the comments.
func TestExamplesInDefault(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "central-token"), []byte("token\n"), 0o600))
	yaml := exampleLine.ReplaceAllString(string(config.DefaultYAML()), "$1$2")
	yaml = strings.ReplaceAll(yaml, "/run/secrets/central-token", filepath.Join(dir, "central-token"))
	cfg, err := config.Parse("default.yml", []byte(yaml), config.Options{})
	require.NoError(t, err)
	assert.Equal(t, "1.4.2", cfg.Version)
	christmas := time.Date(2026, 12, 25, 12, 0, 0, 0, time.UTC)
	used := make(map[string]bool)
	for i := range cfg.Checks {
		used[cfg.Checks[i].Kind] = true
		assert.Equal(t, "home", cfg.Checks[i].Labels["site"])
		require.NotNil(t, cfg.Checks[i].Maintenance)
		assert.True(t, cfg.Checks[i].Maintenance(christmas))
		night := time.Date(2026, 7, 1, 1, 45, 0, 0, time.UTC)
		assert.Equal(t, cfg.Checks[i].Endpoint == "central", cfg.Checks[i].Maintenance(night), cfg.Checks[i].Endpoint)
	}
	for name := range config.KindConfigs() {
		assert.Contains(t, yaml, name, "named in the list of kinds")
		assert.True(t, used[name], "no example of %s", name)
	}
}
