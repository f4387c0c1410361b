package config_test

import (
	"fmt"
	"testing"
	"time"
	_ "time/tzdata" // not every machine has a database of zones
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

const windows = `
maintenance: &all
  - { cron: "0 2 * * 6", duration: 2h, timezone: Europe/Berlin }
  - { from: 2026-12-24T18:00:00+01:00, to: 2026-12-27T06:00:00+01:00 }
checks:
  - { endpoint: plain, noop: {} }
  - endpoint: central
    maintenance: &nightly [ { cron: "30 1 * * *", duration: 30m } ]
    noop: {}
  - { endpoint: none-of-its-own, maintenance: [], noop: {} }
  - { endpoint: same, maintenance: *nightly, noop: {} }
  - endpoint: written-differently
    maintenance: [ { duration: 1800s, timezone: UTC, cron: " 30  1 * * * " } ]
    noop: {}
  - { endpoint: repeats, maintenance: *all, noop: {} }
`

func at(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return parsed
}

func TestMaintenance(t *testing.T) {
	cfg := parse(t, windows)
	plain, central := cfg.Checks[0].Maintenance, cfg.Checks[1].Maintenance
	for _, tc := range []struct {
		time           string
		plain, central bool
	}{
		{"2026-07-04T01:59:59+02:00", false, false},
		{"2026-07-04T02:00:00+02:00", true, true},
		{"2026-07-04T03:59:59+02:00", true, true},
		{"2026-07-04T04:00:00+02:00", false, false},
		{"2026-07-01T01:29:59Z", false, false},
		{"2026-07-01T01:30:00Z", false, true},
		{"2026-07-01T02:00:00Z", false, false},
		{"2026-12-24T16:59:59Z", false, false},
		{"2026-12-24T17:00:00Z", true, true},
		{"2026-12-27T05:00:00Z", false, false},
	} {
		assert.Equal(t, tc.plain, plain(at(t, tc.time)), tc.time)
		assert.Equal(t, tc.central, central(at(t, tc.time)), tc.time)
	}
	assert.Nil(t, parse(t, "maintenance: []\nchecks: [{endpoint: a, noop: {}}]").Checks[0].Maintenance)
}

func TestEqualWindowsShareOneFunction(t *testing.T) {
	cfg := parse(t, windows)
	functions := make(map[string]unsafe.Pointer)
	for i := range cfg.Checks {
		functions[cfg.Checks[i].Endpoint] = *(*unsafe.Pointer)(unsafe.Pointer(&cfg.Checks[i].Maintenance))
	}
	assert.Equal(t, functions["plain"], functions["none-of-its-own"])
	assert.Equal(t, functions["plain"], functions["repeats"])
	assert.NotEqual(t, functions["plain"], functions["central"])
	assert.Equal(t, functions["central"], functions["same"])
	assert.Equal(t, functions["central"], functions["written-differently"])
}

func TestFingerprintOfWindows(t *testing.T) {
	const check = "%schecks:\n  - {endpoint: a, noop: {}, maintenance: [%s]}\n"
	const a, b = "{cron: '0 2 * * *', duration: 1h}", "{from: 2026-12-24T18:00:00+01:00, to: 2026-12-27T06:00:00+01:00}"
	want := fingerprint(t, fmt.Sprintf(check, "", a+", "+b))
	for name, yaml := range map[string]string{
		"order":       fmt.Sprintf(check, "", b+", "+a),
		"twice":       fmt.Sprintf(check, "", a+", "+b+", "+a),
		"for all":     fmt.Sprintf(check, "maintenance: ["+b+"]\n", a),
		"only":        fmt.Sprintf(check, "maintenance: ["+a+", "+b+"]\n", ""),
		"form":        fmt.Sprintf(check, "", "{cron: '0  2 * * *', duration: 60m, timezone: UTC}, {to: 2026-12-27T05:00:00Z, from: 2026-12-24T17:00:00.000Z}"),
		"behind name": fmt.Sprintf(check, "name: x\n", a+", "+b),
	} {
		assert.Equal(t, want, fingerprint(t, yaml), name)
	}
}

// TestChangedWindowResetsNothing applies a changed window as a reload does.
func TestChangedWindowResetsNothing(t *testing.T) {
	const yaml = "checks:\n  - endpoint: a\n    noop: {}\n    maintenance: [{from: 2001-01-01T00:00:00Z, to: %s}]\n"
	opts := testOptions()
	before, err := config.Parse("c.yml", fmt.Appendf(nil, yaml, "2002-01-01T00:00:00Z"), opts)
	require.NoError(t, err)
	opts.Previous = before.InUse()
	after, err := config.Parse("c.yml", fmt.Appendf(nil, yaml, "9999-01-01T00:00:00Z"), opts)
	require.NoError(t, err)
	require.NotEqual(t, before.Checks[0].Fingerprint, after.Checks[0].Fingerprint)

	var registry healthcheck.Registry
	require.NoError(t, registry.Register(before.Checks[0].Check))
	_, err = registry.Run(t.Context())
	require.NoError(t, err)
	old := registry.Snapshot().States[0]
	assert.False(t, old.InMaintenance())

	require.NoError(t, registry.Update(after.Checks[0].Check))
	snapshot := registry.Snapshot()
	updated := snapshot.States[0]
	assert.True(t, updated.InMaintenance())
	assert.Equal(t, healthcheck.OK, snapshot.Level)
	ok, failed := updated.Runs()
	assert.EqualValues(t, 1, ok)
	assert.Zero(t, failed)
	assert.Equal(t, old.Since(), updated.Since())
	assert.Equal(t, old.Changes(), updated.Changes())
}
