package config_test

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/manual"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

func newManual(t *testing.T) *manual.Manual {
	t.Helper()
	m, err := manual.New(manual.Options{Dir: "."})
	require.NoError(t, err)
	return m
}

// TestDefaultsAreTrue: who writes a default out gets the check that is there without it.
func TestDefaultsAreTrue(t *testing.T) {
	m := newManual(t)
	compared := 0
	build := func(check map[string]any) *config.Check {
		cfg, err := config.Parse("c.yml", toJSON(t, map[string]any{"checks": []any{check}}), config.Options{})
		require.NoError(t, err)
		return &cfg.Checks[0]
	}
	tcp := map[string]any{"endpoint": "a", "tcp": map[string]any{"address": "localhost:1"}}
	for _, key := range m.Check.Keys {
		if key.Default != "" && key.Name != "max_targets" { // which only a check with targets has
			with := maps.Clone(tcp)
			with[key.Name] = key.Value(key.Default)
			assert.Equal(t, build(tcp).Fingerprint, build(with).Fingerprint, key.Name)
			compared++
		}
	}
	for _, kind := range m.Kinds {
		base := kind.Least(nil)
		switch kind.Name { // what the other keys need
		case "dns":
			base["server"] = "192.0.2.1"
		case "process":
			base["name"] = "a"
		case "systemd":
			base["unit"] = "a.timer"
		case "tls":
			base["address"] = "localhost:1"
		}
		was := build(map[string]any{"endpoint": "a", kind.Name: base})
		for _, key := range kind.Keys {
			for _, d := range defaultsBelow(key) {
				with := maps.Clone(base)
				maps.Copy(with, d)
				is := build(map[string]any{"endpoint": "a", kind.Name: with})
				assert.True(t, same(was.Checker, is.Checker), "%s: %v", kind.Name, d)
				compared++
			}
		}
	}
	assert.Greater(t, compared, 25)
	once := build(map[string]any{"endpoint": "a", "memory": map[string]any{"min_available": "4%"}})
	assert.False(t, same(build(map[string]any{"endpoint": "a", "memory": map[string]any{}}).Checker, once.Checker), "the test can fail")
}

// same compares checkers by what they hold, functions and the mutable parts of clients aside.
func same(a, b healthcheck.Checker) bool { return describe(a) == describe(b) }

// defaultsBelow returns a mapping with each default at a key, or in the mapping there.
func defaultsBelow(key *manual.Node) (list []map[string]any) {
	if key.Default != "" {
		return []map[string]any{{key.Name: key.Value(key.Default)}}
	}
	for _, k := range key.Keys {
		for _, d := range defaultsBelow(k) {
			list = append(list, map[string]any{key.Name: d})
		}
	}
	return list
}

// TestExamplesOfTheManual: the example of each kind can be used as it is.
func TestExamplesOfTheManual(t *testing.T) {
	text := read(t, "docs/configuration.md")
	schema := compile(t, config.Schema())
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "token"), []byte("token"), 0o600))
	kinds := make(map[string]bool)
	for _, m := range regexp.MustCompile("(?s)```yaml\n(checks:\n.*?)```").FindAllStringSubmatch(text, -1) {
		v, ok := asEditor(m[1])
		require.True(t, ok)
		require.NoError(t, schema.Validate(v), m[1])
		cfg, err := config.Parse("c.yml", []byte(strings.ReplaceAll(m[1], "/run/secrets/central-token", filepath.Join(dir, "token"))), config.Options{})
		require.NoError(t, err, m[1])
		require.Len(t, cfg.Checks, 1)
		kinds[cfg.Checks[0].Kind] = true
	}
	for name := range config.KindConfigs() {
		assert.True(t, kinds[name], name)
	}
}

// TestManualHasEveryKey: the tables of the reference have the keys that the schema has, which are those of the decoder.
func TestManualHasEveryKey(t *testing.T) {
	var sections []string
	tables := make(map[string][]string)
	for line := range strings.Lines(read(t, "docs/configuration.md")) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && line[0] == '#' {
			sections = append(sections, strings.TrimSpace(title))
		}
		if m := regexp.MustCompile("^\\| `([^`]+)` \\|").FindStringSubmatch(line); m != nil {
			section := sections[len(sections)-1]
			tables[section] = append(tables[section], m[1])
		}
	}
	want := schemaKeys(t, config.KindConfigs())
	assert.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(tables)))
	for section, keys := range want {
		assert.ElementsMatch(t, keys, tables[section], section)
	}
}

// schemaKeys returns the keys of the schema by section of the reference.
func schemaKeys(t *testing.T, kinds map[string]reflect.Type) map[string][]string {
	t.Helper()
	root := fromJSON(t, config.Schema())
	var walk func(s map[string]any, prefix string) []string
	walk = func(s map[string]any, prefix string) (keys []string) {
		if items, ok := s["items"].(map[string]any); ok {
			return walk(items, strings.TrimSuffix(prefix, ".")+"[].")
		}
		properties, _ := s["properties"].(map[string]any)
		for key, of := range properties {
			if _, isKind := kinds[key]; isKind && prefix == "" && s["properties"].(map[string]any)["endpoint"] != nil {
				continue
			}
			keys = append(keys, prefix+key)
			keys = append(keys, walk(of.(map[string]any), prefix+key+".")...)
		}
		return keys
	}
	sections := map[string][]string{"The file": walk(root, "")}
	for name, def := range root["$defs"].(map[string]any) {
		if keys := walk(def.(map[string]any), ""); len(keys) > 0 && name != "check" {
			sections[strings.ReplaceAll(name, "body", "A check")] = keys
		}
	}
	return sections
}
