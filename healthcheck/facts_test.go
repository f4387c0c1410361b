package healthcheck_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// told is all that a state tells.
type told struct {
	ran, decided, failing, lastFailed, stuck, maintenance bool
	status                                                healthcheck.Status
	reason                                                healthcheck.Reason
	details                                               string
	end, success, since, skippedSince, failedSince        time.Time
	duration, interval, timeout                           time.Duration
	ok, failed, changes, skipped                          uint64
	failures                                              []healthcheck.ReasonCount
	values                                                []healthcheck.Value
	by                                                    []string
	endpoint, name, kind                                  string
	registered                                            time.Time
}

func tell(s *healthcheck.State) told {
	t := told{
		ran: s.Ran(), decided: s.Decided(), failing: s.Failing(), lastFailed: s.LastRunFailed(), stuck: s.Stuck(), maintenance: s.InMaintenance(),
		status: s.Status(), success: s.LastSuccess(), since: s.Since(), skippedSince: s.SkippedSince(),
		failedSince: s.FailuresSince(healthcheck.ReasonTLS), interval: s.Interval(), timeout: s.Timeout(),
		changes: s.Changes(), skipped: s.Skipped(), failures: s.Failures(), values: s.Values(), by: s.BlockedBy(),
		endpoint: s.Check.Endpoint, name: s.Check.Name, kind: s.Check.Kind, registered: s.Check.Registered(),
	}
	t.reason, t.details = s.LastFailure()
	t.end, t.duration = s.LastRun()
	t.ok, t.failed = s.Runs()
	return t
}

// TestNewState holds states that are made of facts against those of a registry of which the facts are true.
func TestNewState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		measure := healthcheck.NewMeasure("facts_test", "Help.")
		values := []healthcheck.Value{{Measure: measure, Value: 2}}
		check := healthcheck.Check{
			Endpoint: "a", Interval: 10 * time.Second, Timeout: 4 * time.Second, DependsOn: []string{"b"},
			Maintenance: func(time.Time) bool { return true },
			Checker: checkerFunc(func(context.Context) healthcheck.Result {
				res := healthcheck.Result{Values: values}
				if time.Since(began) >= time.Minute {
					time.Sleep(2 * time.Second)
					res.Level, res.Reason, res.Details = healthcheck.FAIL, healthcheck.ReasonTLS, "expired"
				}
				return res
			}),
		}
		reg := newRegistry(t, check, healthcheck.Check{Endpoint: "b", Func: func(context.Context) error { return errBroken }})
		registered := began
		reg.Run(t.Context())
		synctest.Wait()
		ended := time.Now()
		time.Sleep(time.Minute)
		start := time.Now()
		reg.Run(t.Context())
		snap := reg.Snapshot()
		want, ok := snap.Find("a")
		require.True(t, ok)

		got := healthcheck.NewState(healthcheck.Facts{
			Check: check, Registered: registered, Level: healthcheck.FAIL,
			Last:   healthcheck.Outcome{Start: start, Duration: 2 * time.Second, Result: healthcheck.FAIL, Reason: healthcheck.ReasonTLS, Details: "expired"},
			Values: values, LastSuccess: ended, Since: start.Add(2 * time.Second), OK: 1, Failed: 1, Changes: 1,
			Failures:      []healthcheck.ReasonCount{{Reason: healthcheck.ReasonTLS, Count: 1}},
			FailuresSince: []time.Time{start},
			BlockedBy:     []string{"b"}, InMaintenance: true,
		})
		assert.Equal(t, tell(want), tell(&got))

		unknown := healthcheck.NewState(healthcheck.Facts{Check: check, Registered: registered})
		fresh := newRegistry(t)
		require.NoError(t, fresh.Register(check))
		state, _ := fresh.Lookup("a")
		a, b := tell(&state), tell(&unknown)
		a.registered = b.registered
		assert.Equal(t, a, b)

		late := healthcheck.NewState(healthcheck.Facts{
			Check: healthcheck.Check{Endpoint: "x"}, Level: healthcheck.FAIL, Reason: healthcheck.ReasonDNS, Details: "no such host",
			Last:  healthcheck.Outcome{Start: start, Result: healthcheck.OK},
			Stuck: true, Skipped: 3, SkippedSince: start,
		})
		assert.Equal(t, healthcheck.Status{Result: healthcheck.FAIL, Details: "no such host"}, late.Status())
		assert.False(t, late.LastRunFailed(), "not yet well again")
		assert.True(t, late.Stuck())
		assert.Equal(t, healthcheck.DefaultInterval, late.Interval())
		assert.True(t, late.SkippedSince().Equal(start))
		assert.Equal(t, uint64(3), late.Skipped())
		assert.True(t, late.FailuresSince(healthcheck.ReasonDNS).IsZero())
	})
}
