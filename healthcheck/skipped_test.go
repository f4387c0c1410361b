package healthcheck_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// TestSkippedSinceIsBeforeTheFirst has runs that are lost because the limit of the runner keeps their check waiting, so that
// there is no run under way whose start could tell.
func TestSkippedSinceIsBeforeTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr trace
		const interval = 10 * time.Second
		reg := newRegistry(t,
			healthcheck.Check{Endpoint: "slow", Interval: time.Hour, InitialDelay: time.Minute, Timeout: 50 * time.Minute, Func: slowOK(25 * time.Second)},
			healthcheck.Check{Endpoint: "waits", Interval: interval, Func: traced(&tr)})
		began := time.Now()
		start(t, &healthcheck.Runner{Registry: reg, Concurrency: 1})
		pass(59 * time.Second)
		times := tr.since(began)
		lastInTime := began.Add(times[len(times)-1])
		pass(time.Minute)
		s := lookup(t, reg, "waits")
		require.Positive(t, s.Skipped())
		first := lastInTime.Add(2 * interval) // the one before waits, and runs late
		assert.Less(t, s.SkippedSince(), first)
		assert.Less(t, first.Add(-interval), s.SkippedSince())
	})
}
