package healthcheck_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// TestHammer changes, runs and reads a registry from many goroutines, in virtual time but on all processors. Readers
// must never see half an update.
func TestHammer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const checks = 40
		reg := &healthcheck.Registry{}
		value := healthcheck.NewMeasure("hammer", "The number of the run.")
		release := make(chan struct{})
		var wg sync.WaitGroup
		check := func(i int, rng *rand.Rand) healthcheck.Check {
			calls := 0
			return healthcheck.Check{
				Endpoint:         fmt.Sprintf("c%d", i),
				Interval:         time.Duration(50+rng.IntN(500)) * time.Millisecond,
				Timeout:          50 * time.Millisecond,
				FailureThreshold: rng.IntN(3),
				SuccessThreshold: rng.IntN(3),
				FailingInterval:  time.Duration(rng.IntN(2)) * 60 * time.Millisecond,
				Optional:         rng.IntN(4) == 0,
				Checker: checkerFunc(func(ctx context.Context) healthcheck.Result {
					calls++ // never two at a time: the race detector would tell
					switch (calls + i) % 9 {
					case 0:
						panic("out of cheese")
					case 1:
						runtime.Goexit()
					case 2:
						<-ctx.Done()
						return healthcheck.Fail(ctx.Err())
					case 3:
						time.Sleep(70 * time.Millisecond)
					case 4:
						if i%10 == 0 {
							<-release
						}
					case 5:
						_ = reg.Snapshot()
						_, _ = reg.Lookup("c1")
						return healthcheck.Fail(fmt.Errorf("run %d", calls))
					case 6:
						child, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
						defer cancel()
						<-child.Done()
					}
					return healthcheck.Result{Details: fmt.Sprint(calls), Values: []healthcheck.Value{{Measure: value, Value: float64(calls)}}}
				}),
			}
		}
		var counted sync.Map // *healthcheck.Check to nothing; observers run concurrently
		stopObserving := reg.Observe(func(c *healthcheck.Check, o healthcheck.Outcome) {
			assert.Equal(t, o.Result == healthcheck.FAIL, o.Reason != healthcheck.ReasonNone)
			counted.Store(c, o)
		})
		handler := healthcheck.StatusHandler(reg, nil)

		runner := func(seed uint64) {
			rng := rand.New(rand.NewPCG(seed, 1))
			for range 12 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rng.IntN(3000))*time.Millisecond)
				err := (&healthcheck.Runner{Registry: reg, Concurrency: 1 + rng.IntN(30), Interval: time.Second}).Run(ctx)
				if err != nil {
					assert.ErrorIs(t, err, healthcheck.ErrRunnerActive)
					time.Sleep(100 * time.Millisecond)
				}
				cancel()
			}
		}
		writer := func(seed uint64) {
			rng := rand.New(rand.NewPCG(seed, 2))
			for range 300 {
				c := check(rng.IntN(checks), rng)
				switch rng.IntN(4) {
				case 0, 1:
					_ = reg.Register(c)
				case 2:
					_ = reg.Update(c)
				default:
					_ = reg.Unregister(c.Endpoint)
				}
				time.Sleep(time.Duration(rng.IntN(60)) * time.Millisecond)
			}
		}
		caller := func(seed uint64) {
			rng := rand.New(rand.NewPCG(seed, 3))
			for range 60 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rng.IntN(200))*time.Millisecond)
				if rng.IntN(2) == 0 {
					reg.Run(ctx)
				} else {
					_, _ = reg.RunCheck(ctx, fmt.Sprintf("c%d", rng.IntN(checks)))
				}
				cancel()
				time.Sleep(time.Duration(rng.IntN(200)) * time.Millisecond)
			}
		}
		reader := func(seed uint64) {
			rng := rand.New(rand.NewPCG(seed, 4))
			var snap healthcheck.Snapshot
			last := make(map[*healthcheck.Check]uint64)
			for range 300 {
				reg.SnapshotInto(&snap)
				for i := range snap.States {
					s := &snap.States[i]
					assertConsistent(t, s)
					assert.GreaterOrEqual(t, runs(s), last[s.Check], "counters never go back")
					last[s.Check] = runs(s)
				}
				assert.GreaterOrEqual(t, snap.Runner.Stuck, 0)
				assert.GreaterOrEqual(t, snap.Runner.Running, 0)
				endpoint := fmt.Sprintf("c%d", rng.IntN(checks))
				for _, o := range reg.History(endpoint) {
					assert.Equal(t, o.Result == healthcheck.FAIL, o.Reason != healthcheck.ReasonNone)
				}
				get(handler, "/status")
				reg.Level()
				time.Sleep(time.Duration(rng.IntN(60)) * time.Millisecond)
			}
		}
		for i := range uint64(2) {
			for _, f := range []func(uint64){runner, writer, caller, reader} {
				wg.Go(func() { f(i) })
			}
		}
		wg.Wait()
		close(release)
		pass(time.Hour)
		stopObserving()

		// At rest, the counts agree with the states.
		for _, s := range reg.Snapshot().States {
			assert.False(t, s.Stuck())
			_, err := reg.RunCheck(t.Context(), s.Check.Endpoint)
			assert.NoError(t, err)
		}
		pass(time.Hour)
		snap := reg.Snapshot()
		assert.Zero(t, snap.Runner.Stuck)
		assert.Zero(t, snap.Runner.Running)
		assert.Equal(t, snap.Level, reg.Level())
		assertDocument(t, handler, healthcheck.CheckHandler(reg), reg, healthcheck.Identity{})
	})
}

// assertConsistent asserts what holds for a state at any time.
func assertConsistent(t *testing.T, s *healthcheck.State) {
	t.Helper()
	ok, failed := s.Runs()
	assert.Equal(t, s.Ran(), ok+failed > 0)
	var reasons uint64
	for _, f := range s.Failures() {
		reasons += f.Count
	}
	assert.Equal(t, failed, reasons)
	end, duration := s.LastRun()
	assert.Equal(t, ok > 0, !s.LastSuccess().IsZero())
	assert.False(t, s.LastSuccess().After(end))
	assert.GreaterOrEqual(t, duration, time.Duration(0))
	assert.Equal(t, s.Decided(), !s.Since().IsZero())
	reason, _ := s.LastFailure()
	if !s.Stuck() && reason != healthcheck.ReasonStuck {
		assert.Equal(t, s.Ran(), s.Decided())
		assert.False(t, s.Since().After(end))
		assert.Equal(t, failed > 0, reason != healthcheck.ReasonNone)
		assert.Equal(t, s.LastRunFailed(), s.LastSuccess().IsZero() && s.Ran() || s.LastRunFailed())
	}
	status := s.Status()
	assert.Equal(t, s.Failing() || !s.Decided(), status.Result == healthcheck.FAIL)
	assert.LessOrEqual(t, s.Changes(), ok+failed+s.Skipped())
	if !s.LastRunFailed() && s.Ran() {
		assert.True(t, s.LastSuccess().Equal(end), "the last run was good")
		assert.Len(t, s.Values(), 1)
	}
}
