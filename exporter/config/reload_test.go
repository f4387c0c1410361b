package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
)

func fingerprint(t *testing.T, yaml string) config.Fingerprint {
	t.Helper()
	cfg := parse(t, yaml)
	require.NotEmpty(t, cfg.Checks)
	return cfg.Checks[0].Fingerprint
}

const plainCheck = `
checks:
  - endpoint: a
    interval: 60s
    depends_on: [b, c]
    labels: {x: "1", y: "2"}
    web: {url: http://h, headers: {k: v, l: w}, wait: 90s, tls_config: {server_name: s}, proxy: "http://p", pattern: a}
  - {endpoint: b, noop: {}}
  - {endpoint: c, noop: {}}
`

func TestFingerprintIgnoresLayout(t *testing.T) {
	want := fingerprint(t, plainCheck)
	for name, yaml := range map[string]string{
		"comments": strings.ReplaceAll(plainCheck, "\n", " # comment\n"),
		"order of keys": `
checks:
  - web:
      pattern: "a"
      proxy: http://p
      tls_config:
        server_name: s
      wait: 1m30s
      headers:
        l: w
        k: 'v'
      url: http://h
    labels: {y: 2, x: 1}
    endpoint: a
    name: a
    depends_on: [c, b]
    interval: 1m
  - {endpoint: b, noop: {}}
  - {endpoint: c, noop: {}}
`,
		"defaults":   "defaults: {interval: 1m, labels: {x: 1}}\n" + strings.NewReplacer("    interval: 60s\n", "", `x: "1", `, "").Replace(plainCheck),
		"explicit":   strings.Replace(plainCheck, "interval: 60s", "interval: 60s\n    timeout: 10s\n    failure_threshold: 1\n    optional: false\n    initial_delay: 0s", 1),
		"no windows": "maintenance: []\n" + strings.Replace(plainCheck, "interval: 60s", "interval: 60s\n    maintenance: []", 1),
		"variable":   strings.Replace(plainCheck, "http://h", `"${NOT_SET:-http://h}"`, 1),
	} {
		assert.Equal(t, want, fingerprint(t, yaml), name)
	}
	moved := parse(t, "name: n\nchecks:\n  - {endpoint: b, noop: {}}\n"+strings.Replace(strings.Replace(plainCheck, "\nchecks:\n", "", 1), "  - {endpoint: b, noop: {}}\n", "", 1))
	assert.Equal(t, want, moved.Checks[1].Fingerprint, "place in the file")
}

func TestFingerprintSeesEveryChange(t *testing.T) {
	seen := map[config.Fingerprint]string{fingerprint(t, plainCheck): "none"}
	for _, change := range []string{
		"interval: 60s=>interval: 61s",
		"interval: 60s=>interval: 60s\n    timeout: 9s",
		"interval: 60s=>interval: 60s\n    name: A",
		"interval: 60s=>interval: 60s\n    initial_delay: 1s",
		"interval: 60s=>interval: 60s\n    failing_interval: 1s",
		"interval: 60s=>interval: 60s\n    failure_threshold: 2",
		"interval: 60s=>interval: 60s\n    success_threshold: 2",
		"interval: 60s=>interval: 60s\n    optional: true",
		"[b, c]=>[b]",
		`x: "1"=>x: "2"`,
		`x: "1", y: "2"=>x: "12"`,
		"http://h=>http://i",
		"k: v=>k: w",
		"k: v, l: w=>k: w, l: v",
		"k: v, =>",
		"wait: 90s=>wait: 91s",
		"server_name: s=>server_name: t",
		"tls_config: {server_name: s}=>tls_config: {}",
		"tls_config: {server_name: s}, =>",
		"http://p=>http://u:p@p",
		"http://p=>http://u:q@p",
		"pattern: a=>pattern: b",
		"pattern: a=>pattern: a, follow: false",
		"pattern: a=>pattern: a, follow: true",
		"pattern: a=>pattern: a, token: x",
		"interval: 60s=>interval: 60s\n    maintenance: [{cron: '@daily', duration: 1h}]",
		"interval: 60s=>interval: 60s\n    maintenance: [{cron: '@daily', duration: 2h}]",
		"interval: 60s=>interval: 60s\n    maintenance: [{cron: '@hourly', duration: 1h}]",
		"interval: 60s=>interval: 60s\n    maintenance: [{cron: '@daily', duration: 1h, timezone: Europe/Berlin}]",
		"interval: 60s=>interval: 60s\n    maintenance: [{from: 2026-01-01T00:00:00Z, to: 2026-01-02T00:00:00Z}]",
		"interval: 60s=>interval: 60s\n    maintenance: [{from: 2026-01-01T00:00:00Z, to: 2026-01-02T00:00:01Z}]",
		"\nchecks:=>\nmaintenance: [{cron: '@weekly', duration: 1h}]\nchecks:",
	} {
		old, replacement, ok := strings.Cut(change, "=>")
		require.True(t, ok)
		changed := strings.Replace(plainCheck, old, replacement, 1)
		require.NotEqual(t, plainCheck, changed, change)
		sum := fingerprint(t, changed)
		assert.Empty(t, seen[sum], change)
		seen[sum] = change
	}
}

func TestUnchangedChecksKeepTheirChecker(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	require.NoError(t, os.WriteFile(secret, []byte("one"), 0o600))
	const yaml = `
checks:
  - {endpoint: same, web: {url: http://x/a}}
  - {endpoint: url, web: {url: http://x/%s}}
  - {endpoint: secret, web: {url: http://x, token: "${file:secret}"}}
  - {endpoint: label, labels: {a: %[1]s}, web: {url: http://x}}
`
	opts := testOptions()
	opts.Dir = dir
	old, err := config.Parse("c.yml", fmt.Appendf(nil, yaml, "b"), opts)
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(secret, []byte("two"), 0o600))
	opts.Previous = old.InUse()
	cfg, err := config.Parse("c.yml", fmt.Appendf(nil, "name: new\n"+yaml+"  - {endpoint: new, web: {url: http://x/a}}\n", "c"), opts)
	require.NoError(t, err)
	require.Len(t, cfg.Checks, 5)
	assert.Same(t, old.Checks[0].Checker, cfg.Checks[0].Checker)
	assert.Equal(t, "http://x/a", cfg.Checks[0].Target)
	assert.NotSame(t, old.Checks[1].Checker, cfg.Checks[1].Checker, "another URL")
	assert.NotSame(t, old.Checks[2].Checker, cfg.Checks[2].Checker, "another secret")
	assert.NotEqual(t, old.Checks[2].Fingerprint, cfg.Checks[2].Fingerprint)
	assert.NotSame(t, old.Checks[3].Checker, cfg.Checks[3].Checker, "another label")
	assert.NotSame(t, old.Checks[0].Checker, cfg.Checks[4].Checker, "another endpoint")
	assert.EqualValues(t, "two", config.Unredacted(cfg.Checks[2].Checker).(*webChecker).config.Token)
}

func TestSourcesChange(t *testing.T) {
	dir := t.TempDir()
	path, secret := filepath.Join(dir, "c.yml"), filepath.Join(dir, "secret")
	require.NoError(t, os.WriteFile(path, []byte("name: ${file:secret}\nversion: ${file:secret}\nchecks: []\n"), 0o600))
	require.NoError(t, os.WriteFile(secret, []byte("one\n"), 0o600))
	load := func() config.Sources {
		cfg, err := config.Load(path, testOptions())
		require.NoError(t, err)
		return cfg.Sources
	}
	sources := load()
	assert.Equal(t, []string{path, secret}, sources.Paths)
	assert.False(t, sources.Changed())
	hash := config.Hash(sources.Paths...)

	require.NoError(t, os.WriteFile(secret, []byte("two\n"), 0o600))
	assert.True(t, sources.Changed())
	assert.NotEqual(t, hash, config.Hash(sources.Paths...))
	require.NoError(t, os.WriteFile(secret, []byte("one\n"), 0o600))
	assert.False(t, sources.Changed(), "the content counts, not the time")

	require.NoError(t, os.Remove(secret))
	assert.True(t, sources.Changed())
	_, err := config.Load(path, testOptions())
	require.Error(t, err)
	failed, ok := config.SourcesOf(fmt.Errorf("reload: %w", err))
	require.True(t, ok)
	assert.Equal(t, sources.Paths, failed.Paths)
	assert.False(t, failed.Changed())
	require.NoError(t, os.WriteFile(secret, nil, 0o600))
	assert.True(t, failed.Changed(), "even an empty file is the repair of a missing one")

	require.NoError(t, os.Remove(path))
	_, err = config.Load(path, testOptions())
	failed, ok = config.SourcesOf(err)
	require.True(t, ok)
	assert.Equal(t, []string{path}, failed.Paths)
	assert.False(t, failed.Changed())
	_, ok = config.SourcesOf(os.ErrNotExist)
	assert.False(t, ok)
}

// TestSourcesFollowSwappedLinks does what a kubelet does to a mounted ConfigMap.
func TestSourcesFollowSwappedLinks(t *testing.T) {
	dir := t.TempDir()
	for version, name := range map[string]string{"..1": "one", "..2": "two"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, version), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, version, "c.yml"), []byte("name: "+name+"\nchecks: []\n"), 0o600))
	}
	require.NoError(t, os.Symlink("..1", filepath.Join(dir, "..data")))
	require.NoError(t, os.Symlink("..data/c.yml", filepath.Join(dir, "c.yml")))
	cfg, err := config.Load(filepath.Join(dir, "c.yml"), testOptions())
	require.NoError(t, err)
	assert.Equal(t, "one", cfg.Name)
	assert.False(t, cfg.Sources.Changed())

	require.NoError(t, os.Symlink("..2", filepath.Join(dir, "..data_tmp")))
	require.NoError(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	assert.True(t, cfg.Sources.Changed())
	cfg, err = config.Load(filepath.Join(dir, "c.yml"), testOptions())
	require.NoError(t, err)
	assert.Equal(t, "two", cfg.Name)
}
