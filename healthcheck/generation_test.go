package healthcheck_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// TestGenerationGrowsWithEveryChange has, for each change that Generation promises to count, something that makes it.
func TestGenerationGrowsWithEveryChange(t *testing.T) {
	runOnce := func(t *testing.T, reg *healthcheck.Registry) {
		_, err := reg.Run(t.Context())
		require.NoError(t, err)
	}
	for name, tc := range map[string]struct {
		checks []healthcheck.Check
		before func(*testing.T, *healthcheck.Registry)
		change func(*testing.T, *healthcheck.Registry)
	}{
		"the first round, of no checks": {change: runOnce},
		"the first round, by a runner, of no checks": {change: func(t *testing.T, reg *healthcheck.Registry) {
			startRegistry(t, reg)
		}},
		"the first round, whose last check is gone": {
			checks: []healthcheck.Check{{Endpoint: "a", InitialDelay: time.Hour}},
			before: func(t *testing.T, reg *healthcheck.Registry) { startRegistry(t, reg) },
			change: func(t *testing.T, reg *healthcheck.Registry) { require.NoError(t, reg.Unregister("a")) },
		},
		"the interval of a runner": {
			checks: []healthcheck.Check{{Endpoint: "a"}},
			before: runOnce,
			change: func(t *testing.T, reg *healthcheck.Registry) { startRegistry(t, reg) },
		},
		"an update": {
			checks: []healthcheck.Check{{Endpoint: "a"}},
			change: func(t *testing.T, reg *healthcheck.Registry) {
				require.NoError(t, reg.Update(healthcheck.Check{Endpoint: "a", Func: alwaysOK, Optional: true}))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reg := newRegistry(t, tc.checks...)
				if tc.before != nil {
					tc.before(t, reg)
				}
				before := reg.Generation()
				tc.change(t, reg)
				assert.Greater(t, reg.Generation(), before)
			})
		})
	}
}

// TestGenerationTellsOfReadiness ends the first round with a check whose state was known before: only readiness, and with
// it the level of the whole, changes.
func TestGenerationTellsOfReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a"}, healthcheck.Check{Endpoint: "b", Func: slowOK(time.Second)})
		_, err := reg.RunCheck(t.Context(), "b")
		require.NoError(t, err)
		startRegistry(t, reg)
		require.False(t, reg.Ready())
		before := reg.Generation()
		pass(2 * time.Second)
		require.True(t, reg.Ready())
		assert.Greater(t, reg.Generation(), before)
	})
}
