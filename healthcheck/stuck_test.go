package healthcheck_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

func TestStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang, release := hanging(t)
		var tr trace
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Timeout: 2 * time.Second, Func: func(ctx context.Context) error {
			tr.mark()
			return hang(ctx)
		}})
		startRegistry(t, reg)
		pass(2*time.Second - 1)
		assert.False(t, lookup(t, reg, "a").Stuck())
		assert.Equal(t, 1, reg.Snapshot().Runner.Running)
		pass(1)
		s := lookup(t, reg, "a")
		assert.True(t, s.Stuck())
		assert.True(t, s.Failing(), "FAIL at the deadline though it has not returned")
		assert.Equal(t, healthcheck.ReasonTimeout, reasonOf(s))
		assert.Equal(t, healthcheck.RunnerStats{Stuck: 1, Limit: healthcheck.DefaultConcurrency, StartDelay: reg.Snapshot().Runner.StartDelay},
			reg.Snapshot().Runner)

		pass(time.Minute - 2*time.Second)
		s = lookup(t, reg, "a")
		assert.Equal(t, 1, tr.count(), "not started again")
		assert.EqualValues(t, 1, runs(s))
		assert.InDelta(t, 6, s.Skipped(), 1)
		assert.Equal(t, healthcheck.ReasonStuck, reasonOf(s))
		assert.Regexp(t, `^still running \d+s after its start, timeout is 2s$`, detailsOf(s))
		assert.Equal(t, []healthcheck.ReasonCount{{Reason: healthcheck.ReasonTimeout, Count: 1}}, s.Failures())
		assert.Len(t, reg.History("a"), 1)

		release()
		synctest.Wait()
		s = lookup(t, reg, "a")
		assert.False(t, s.Stuck())
		assert.True(t, s.Failing(), "a result that late says nothing about now")
		assert.Regexp(t, "^still running", detailsOf(s))
		assert.Zero(t, reg.Snapshot().Runner.Stuck)
		skipped := s.Skipped()
		pass(10 * time.Second)
		s = lookup(t, reg, "a")
		assert.Equal(t, 2, tr.count(), "it runs again")
		assert.False(t, s.Failing())
		assert.EqualValues(t, 2, runs(s))
		assert.Equal(t, skipped, s.Skipped())
		pass(time.Minute)
		assert.Equal(t, 8, tr.count())
	})
}

func TestStuckMovesThresholds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang, _ := hanging(t)
		calls := 0
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Timeout: 2 * time.Second, FailureThreshold: 3, Func: func(ctx context.Context) error {
			if calls++; calls < 3 {
				return nil
			}
			return hang(ctx)
		}})
		var changed time.Time
		startRegistry(t, reg)
		for range 100 {
			pass(time.Second)
			if lookup(t, reg, "a").Failing() && changed.IsZero() {
				changed = time.Now()
			}
		}
		s := lookup(t, reg, "a")
		assert.Equal(t, 3, calls)
		require.True(t, s.Failing())
		stuckSince := reg.History("a")[0].Start.Add(2 * time.Second)
		assert.InDelta(t, 18*time.Second, changed.Sub(stuckSince), float64(time.Second),
			"the deadline and two due times, ten seconds apart from the start of the run")
		assert.EqualValues(t, 1, s.Changes())
		assert.Equal(t, healthcheck.FAIL, reg.Level())
	})
}

func TestStuckBelowThresholdKeepsTheDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang, _ := hanging(t)
		calls := 0
		reg := newRegistry(t, healthcheck.Check{
			Endpoint: "a", Timeout: 2 * time.Second, FailureThreshold: 1000,
			Checker: checkerFunc(func(ctx context.Context) healthcheck.Result {
				if calls++; calls < 3 {
					return healthcheck.Result{Level: "WARN", Details: "warm"}
				}
				return healthcheck.Fail(hang(ctx))
			}),
		})
		one, all := oneHandler(reg), healthcheck.StatusHandler(reg, nil)
		startRegistry(t, reg)
		for range 100 {
			pass(time.Second)
			assert.Contains(t, get(all, "/status").Body.String(), get(one, "/status/a").Body.String())
		}
		s := lookup(t, reg, "a")
		assert.True(t, s.Stuck())
		assert.Equal(t, healthcheck.Status{Result: "WARN", Details: "warm"}, s.Status())
		assert.Equal(t, healthcheck.ReasonStuck, reasonOf(s))
	})
}

func TestPanics(t *testing.T) {
	for name, tc := range map[string]struct {
		check func()
		want  string
	}{
		"string":        {func() { panic("out of cheese") }, "panic: out of cheese"},
		"error":         {func() { panic(io.ErrUnexpectedEOF) }, "panic: unexpected EOF"},
		"nil":           {func() { panic(nil) }, "panic: " + new(runtime.PanicNilError).Error()},
		"runtime error": {func() { var m map[string]int; m["a"] = 1 }, "panic: assignment to entry in nil map"},
		"Goexit":        {runtime.Goexit, "the check ended its goroutine (runtime.Goexit)"},
		"in a defer":    {func() { defer panic("second"); panic("first") }, "panic: second"},
		"rude Error":    {func() { panic(rudeError{}) }, "panic: %!v(PANIC=Error method: rude)"},
		"long":          {func() { panic(strings.Repeat("x", 10_000)) }, "panic: " + strings.Repeat("x", 4096-7)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var buf lockedBuffer
				reg := newRegistry(t,
					healthcheck.Check{Endpoint: "a", Func: func(context.Context) error { tc.check(); return nil }},
					healthcheck.Check{Endpoint: "b"})
				reg.Logger = textLogger(&buf)
				startRegistry(t, reg)
				s := lookup(t, reg, "a")
				assert.True(t, s.Failing())
				assert.Equal(t, healthcheck.ReasonPanic, reasonOf(s))
				assert.Equal(t, tc.want, detailsOf(s))
				assert.EqualValues(t, 1, reg.Snapshot().Runner.Panics)
				assert.Zero(t, reg.Snapshot().Runner.Running)
				assert.Equal(t, name != "Goexit", strings.Contains(buf.String(), "stack="))

				pass(time.Minute)
				assert.EqualValues(t, 7, runs(lookup(t, reg, "a")), "it is run on")
				assert.EqualValues(t, 7, runs(lookup(t, reg, "b")))
				assert.EqualValues(t, 7, reg.Snapshot().Runner.Panics)

				before := runs(lookup(t, reg, "b"))
				assert.Equal(t, healthcheck.FAIL, levelOf(reg.Run(t.Context())), "by Run as well")
				assert.Equal(t, before+1, runs(lookup(t, reg, "b")))
				assert.EqualValues(t, 8, reg.Snapshot().Runner.Panics)
			})
		})
	}
}

type rudeError struct{}

func (rudeError) Error() string { panic("rude") }

func TestManyGoexits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := newRegistry(t, many(100, "c", func(_ context.Context, i int) error {
			if i%2 == 0 {
				runtime.Goexit()
			}
			return nil
		})...)
		start(t, &healthcheck.Runner{Registry: reg, Interval: 10 * time.Second, Concurrency: 3})
		pass(5 * time.Minute)
		for i := range 100 {
			assert.InDelta(t, 31, runs(lookup(t, reg, fmt.Sprintf("c%d", i))), 1)
		}
		assertOnTime(t, reg, 500*time.Millisecond)
	})
}

func TestPanicPastTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Timeout: time.Second, Func: func(context.Context) error {
			time.Sleep(3 * time.Second)
			panic("late")
		}})
		start(t, &healthcheck.Runner{Registry: reg, Interval: time.Hour})
		pass(5 * time.Second)
		s := lookup(t, reg, "a")
		assert.EqualValues(t, 1, runs(s))
		assert.False(t, s.Stuck())
		assert.Equal(t, "panic: late", detailsOf(s))
		assert.EqualValues(t, 1, reg.Snapshot().Runner.Panics)
	})
}

func TestShutdown(t *testing.T) {
	// stopAfter starts the checks, stops the runner after d, and returns how long it took to stop.
	stopAfter := func(t *testing.T, reg *healthcheck.Registry, d time.Duration) time.Duration {
		t.Helper()
		stop := start(t, &healthcheck.Runner{Registry: reg, Interval: time.Minute})
		pass(d)
		began := time.Now()
		stop()
		return time.Since(began)
	}
	t.Run("a check that heeds its context ends at once and its outcome is dropped", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var cause error
			reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Func: func(ctx context.Context) error {
				<-ctx.Done()
				cause = ctx.Err()
				return fmt.Errorf("connect: %w", ctx.Err())
			}})
			assert.Zero(t, stopAfter(t, reg, time.Second))
			assert.Equal(t, context.Canceled, cause)
			s := lookup(t, reg, "a")
			assert.False(t, s.Ran())
			assert.Empty(t, reg.History("a"))
			assert.False(t, s.Stuck())
		})
	})
	t.Run("a check that succeeds all the same counts", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Func: func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(time.Second)
				return nil
			}})
			assert.Equal(t, time.Second, stopAfter(t, reg, time.Second), "Run waits for it")
			assert.EqualValues(t, 1, runs(lookup(t, reg, "a")))
		})
	})
	t.Run("a check that does not stop is left behind after the grace", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			hang, release := hanging(t)
			var buf lockedBuffer
			reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Func: hang})
			reg.Logger = textLogger(&buf)
			assert.Equal(t, 5*time.Second, stopAfter(t, reg, time.Second))
			assert.Contains(t, buf.String(), "check does not stop")
			assert.Equal(t, 1, reg.Snapshot().Runner.Stuck)
			assert.False(t, lookup(t, reg, "a").Ran(), "that it was told to stop says nothing about the target")
			release()
			synctest.Wait()
			assert.Zero(t, reg.Snapshot().Runner.Stuck)
			assert.False(t, lookup(t, reg, "a").Stuck())
		})
	})
	t.Run("and at its deadline, if that is sooner", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			hang, _ := hanging(t)
			reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Func: hang, Timeout: 3 * time.Second})
			assert.Equal(t, 2*time.Second, stopAfter(t, reg, time.Second))
		})
	})
	t.Run("a check that is stuck already does not hold it up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			hang, release := hanging(t)
			reg := newRegistry(t,
				healthcheck.Check{Endpoint: "a", Func: hang, Timeout: time.Second},
				healthcheck.Check{Endpoint: "b", Func: func(ctx context.Context) error {
					<-ctx.Done()
					time.Sleep(time.Second)
					return ctx.Err()
				}})
			assert.Equal(t, time.Second, stopAfter(t, reg, 2*time.Second), "only the other one is waited for")
			release()
		})
	})
	t.Run("nothing is begun once it stops", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var tr trace
			reg := newRegistry(t,
				healthcheck.Check{Endpoint: "a", Func: func(ctx context.Context) error {
					<-ctx.Done()
					time.Sleep(2 * time.Second)
					return nil
				}},
				healthcheck.Check{Endpoint: "b", Func: traced(&tr)})
			stop := start(t, &healthcheck.Runner{Registry: reg, Interval: time.Minute})
			before := tr.count()
			time.AfterFunc(time.Second, func() {
				assert.NoError(t, reg.Update(healthcheck.Check{Endpoint: "b", Func: traced(&tr)}))
				assert.NoError(t, reg.Register(healthcheck.Check{Endpoint: "c", Func: traced(&tr)}))
			})
			stop()
			assert.Equal(t, before, tr.count())
			startRegistry(t, reg)
			assert.Equal(t, before+2, tr.count(), "but by the next runner")
		})
	})
	t.Run("what a run leads to is waited for", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			hang, _ := hanging(t)
			var began, ended atomic.Int64
			reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Func: hang, Timeout: time.Second})
			reg.Logger = textLogger(writerFunc(func(p []byte) (int, error) {
				began.Add(1)
				time.Sleep(100 * time.Millisecond)
				ended.Add(1)
				return len(p), nil
			}))
			stop := start(t, &healthcheck.Runner{Registry: reg, Interval: 10 * time.Second})
			for range 5 {
				for logged := began.Load(); began.Load() == logged; {
					pass(time.Millisecond)
				}
			}
			stop()
			assert.Equal(t, began.Load(), ended.Load())
			assert.EqualValues(t, 5, ended.Load(), "the deadline, and that it is stuck")
		})
	})
	t.Run("the queue is dropped", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var tr trace
			reg := newRegistry(t, many(10, "c", func(ctx context.Context, _ int) error {
				tr.mark()
				<-ctx.Done()
				return ctx.Err()
			})...)
			stop := start(t, &healthcheck.Runner{Registry: reg, Interval: time.Minute, Concurrency: 2})
			pass(time.Second)
			stop()
			assert.Equal(t, 2, tr.count())
			stop = start(t, &healthcheck.Runner{Registry: reg, Interval: time.Minute})
			pass(50 * time.Millisecond)
			assert.Equal(t, 12, tr.count())
			stop()
		})
	})
}

// TestLeftBehind has a check hang over the end of its runner.
func TestLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang, release := hanging(t)
		calls := 0
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Timeout: 8 * time.Second, Func: func(ctx context.Context) error {
			if calls++; calls == 1 {
				return nil
			}
			return hang(ctx)
		}})
		require.Equal(t, healthcheck.OK, levelOf(reg.Run(t.Context())))
		stop := startRegistry(t, reg)
		pass(time.Second)
		stop()
		require.Equal(t, 2, calls)

		began := time.Now()
		reg.Run(t.Context())
		assert.Zero(t, time.Since(began), "a run that is left behind is not waited for")

		stop = startRegistry(t, reg)
		pass(time.Minute)
		s := lookup(t, reg, "a")
		assert.Equal(t, 2, calls)
		assert.True(t, s.Stuck())
		assert.True(t, s.Failing(), "the next runner reports that it is stuck")
		assert.Equal(t, healthcheck.ReasonStuck, reasonOf(s))

		release()
		pass(time.Minute)
		s = lookup(t, reg, "a")
		assert.False(t, s.Stuck())
		assert.False(t, s.Failing())
		assert.InDelta(t, 8, calls, 1)
		stop()
	})
}

func TestRegistryRunLeavesWhenTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang, release := hanging(t)
		heeded := false
		reg := newRegistry(t,
			healthcheck.Check{Endpoint: "hangs", Func: hang},
			healthcheck.Check{Endpoint: "heeds", Func: func(ctx context.Context) error {
				<-ctx.Done()
				heeded = errors.Is(ctx.Err(), context.DeadlineExceeded)
				return ctx.Err()
			}},
			healthcheck.Check{Endpoint: "quick"},
		)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		assert.Equal(t, healthcheck.FAIL, levelOf(reg.Run(ctx)))
		assert.Equal(t, time.Second, time.Since(began))
		synctest.Wait()
		assert.True(t, heeded)
		assert.False(t, lookup(t, reg, "heeds").Ran())
		assert.False(t, lookup(t, reg, "hangs").Ran())
		assert.True(t, lookup(t, reg, "quick").Ran())
		assert.Equal(t, 1, reg.Snapshot().Runner.Running)

		pass(time.Minute)
		assert.False(t, lookup(t, reg, "hangs").Ran(), "nor at its deadline: nobody waits any more")
		assert.True(t, lookup(t, reg, "hangs").Stuck())
		assert.Zero(t, reg.Snapshot().Runner.Running)
		release()
		synctest.Wait()
		assert.False(t, lookup(t, reg, "hangs").Stuck())
		assert.Zero(t, reg.Snapshot().Runner.Stuck)
	})
}

func TestRegistryRunWaitsForTheRunnersRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr trace
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Func: func(context.Context) error {
			tr.mark()
			time.Sleep(3 * time.Second)
			return nil
		}})
		start(t, &healthcheck.Runner{Registry: reg, Interval: time.Hour})
		pass(time.Second)
		began := time.Now()
		assert.Equal(t, healthcheck.OK, levelOf(reg.Run(t.Context())))
		assert.Equal(t, 2*time.Second, time.Since(began))
		assert.Equal(t, 1, tr.count())

		_, err := reg.RunCheck(t.Context(), "a")
		require.NoError(t, err)
		assert.Equal(t, 2, tr.count(), "with no run under way, one is begun")
	})
}

func TestRegistryRunWaitsForTheDeadlineOfTheRunnersRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang, _ := hanging(t)
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Func: hang, Timeout: 5 * time.Second})
		start(t, &healthcheck.Runner{Registry: reg, Interval: time.Hour})
		began := time.Now()
		assert.Equal(t, healthcheck.FAIL, levelOf(reg.Run(t.Context())))
		assert.Equal(t, 5*time.Second, time.Since(began))
		assert.Equal(t, healthcheck.FAIL, levelOf(reg.Run(t.Context())))
		assert.Equal(t, 5*time.Second, time.Since(began), "one that is stuck is left alone")
	})
}

func TestRegistryRunDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang, release := hanging(t)
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Func: hang, Timeout: 5 * time.Second})
		began := time.Now()
		s, err := reg.RunCheck(t.Context(), "a")
		require.NoError(t, err)
		assert.Equal(t, 5*time.Second, time.Since(began))
		assert.True(t, s.Stuck())
		assert.True(t, s.Failing())
		assert.Equal(t, healthcheck.RunnerStats{Stuck: 1, StartDelay: reg.Snapshot().Runner.StartDelay}, reg.Snapshot().Runner)
		pass(time.Second)
		release()
		synctest.Wait()
		assert.False(t, lookup(t, reg, "a").Stuck())
		assert.Equal(t, "succeeded after 6s, timeout is 5s", detailsOf(lookup(t, reg, "a")))
	})
}

func TestRegistryRunConcurrently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := newRegistry(t, many(healthcheck.DefaultConcurrency+1, "c", func(context.Context, int) error {
			time.Sleep(time.Second)
			return nil
		})...)
		began := time.Now()
		assert.Equal(t, healthcheck.OK, levelOf(reg.Run(t.Context())))
		assert.Equal(t, 2*time.Second, time.Since(began), "all but one at the same time")
	})
}

func TestRunCheckUnknown(t *testing.T) {
	reg := newRegistry(t)
	_, err := reg.RunCheck(t.Context(), "nobody")
	require.ErrorIs(t, err, healthcheck.ErrNotFound)
	assert.EqualError(t, err, `run "nobody": no check has this endpoint`)
}
