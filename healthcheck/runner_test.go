package healthcheck_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

func TestRunnerFirstRunIsImmediate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr trace
		reg := newRegistry(t, many(50, "c", func(context.Context, int) error { tr.mark(); return nil })...)
		began := time.Now()
		start(t, &healthcheck.Runner{Registry: reg})
		assert.Equal(t, make([]time.Duration, 50), tr.since(began))
		assert.Equal(t, healthcheck.OK, reg.Level())
	})
}

func TestRunnerFixedRate(t *testing.T) {
	for _, interval := range []time.Duration{50 * time.Millisecond, 73 * time.Millisecond, time.Second, 7 * time.Second, 5 * time.Minute} {
		t.Run(interval.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var tr trace
				reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Interval: interval, Func: func(context.Context) error {
					tr.mark()
					time.Sleep(interval / 10)
					return nil
				}})
				start(t, &healthcheck.Runner{Registry: reg})
				pass(10 * interval)
				before, began, skipped := tr.count(), time.Now(), lookup(t, reg, "a").Skipped()
				pass(1000 * interval)
				starts := tr.since(began)[before:]
				assert.InDelta(t, 1000, len(starts), 1, "no run is lost or doubled")
				for i, at := range starts {
					want := starts[0] + time.Duration(i)*interval
					require.InDelta(t, want, at, float64(healthcheck.MinInterval), "run %d is off the grid", i)
				}
				assert.Equal(t, skipped, lookup(t, reg, "a").Skipped())
			})
		})
	}
}

// TestSlowLogCostsNoRun has a log that takes longer for a line than there is between two.
func TestSlowLogCostsNoRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := newRegistry(t,
			append(many(20, "c", func(context.Context, int) error { return nil }),
				healthcheck.Check{Endpoint: "late", Func: func(context.Context) error {
					time.Sleep(60 * time.Millisecond) // past its deadline, so that there is something to log
					return nil
				}})...)
		reg.Logger = slog.New(slowLog{level: slog.LevelDebug, delay: 70 * time.Millisecond})
		start(t, &healthcheck.Runner{Registry: reg, Interval: 50 * time.Millisecond})
		pass(time.Minute)
		for i := range 20 {
			s := lookup(t, reg, fmt.Sprintf("c%d", i))
			assert.InDelta(t, 1200, runs(s), 2)
			assert.Zero(t, s.Skipped())
		}
	})
}

// slowLog delays whoever logs.
type slowLog struct {
	level slog.Level
	delay time.Duration
}

func (l slowLog) Enabled(_ context.Context, level slog.Level) bool { return level >= l.level }
func (l slowLog) Handle(context.Context, slog.Record) error        { time.Sleep(l.delay); return nil }
func (l slowLog) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l slowLog) WithGroup(string) slog.Handler                    { return l }

func TestRunnerPhaseSurvivesRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const interval = 30 * time.Second
		phases := make(map[string][]time.Duration)
		for restart := range 3 {
			traces := make([]trace, 20)
			reg := newRegistry(t, many(20, "c", func(_ context.Context, i int) error { traces[i].mark(); return nil })...)
			stop := start(t, &healthcheck.Runner{Registry: reg, Interval: interval})
			pass(2 * interval)
			stop()
			for i := range traces {
				last := traces[i].times[len(traces[i].times)-1]
				name := fmt.Sprintf("c%d", i)
				phases[name] = append(phases[name], time.Duration(last.UnixNano())%interval)
			}
			pass(time.Duration(restart+1) * 12345 * time.Millisecond)
		}
		for name, list := range phases {
			assert.Len(t, slices.Compact(list), 1, name)
		}
	})
}

func TestRunnerSpreadsChecks(t *testing.T) {
	const n = 10_000
	for format, intervals := range map[string][]time.Duration{
		"check-%d":      {time.Second, 30 * time.Second},
		"svc.%05d.prod": {30 * time.Second},
		"%x":            {30 * time.Second},
	} {
		for _, interval := range intervals {
			t.Run(fmt.Sprintf("%s every %s", format, interval), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					began := time.Now()
					first := make([]time.Duration, n)
					second := make([]time.Duration, n)
					checks := make([]healthcheck.Check, n)
					for i := range checks {
						calls := 0
						checks[i] = healthcheck.Check{Endpoint: fmt.Sprintf(format, i), Func: func(context.Context) error {
							switch at := time.Since(began); {
							case calls == 0:
								first[i] = at
							case at > 4*time.Second && at <= 4*time.Second+interval:
								second[i] = at
							}
							calls++
							return nil
						}}
					}
					reg := newRegistry(t, checks...)
					stop := start(t, &healthcheck.Runner{Registry: reg, Interval: interval})
					pass(4*time.Second + interval)
					stop()
					spread := min(3*time.Second, interval)
					assert.LessOrEqual(t, slices.Max(first), spread+healthcheck.MinInterval)
					assertSpread(t, first, spread)
					assertSpread(t, second, interval)
				})
			})
		}
	}
}

// assertSpread asserts that no slot of the window has more than a few times its share of the times.
func assertSpread(t *testing.T, times []time.Duration, window time.Duration) {
	t.Helper()
	slots := make(map[int64]int)
	for _, at := range times {
		require.Positive(t, at+1)
		slots[int64(at/healthcheck.MinInterval)]++
	}
	share := float64(len(times)) / float64(window/healthcheck.MinInterval)
	for slot, n := range slots {
		assert.LessOrEqual(t, float64(n), 2.5*share+1, "slot %d", slot)
	}
	assert.GreaterOrEqual(t, len(slots), int(window/healthcheck.MinInterval)*9/10, "few slots are empty")
}

func TestRunnerSpreadsALaterApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := newRegistry(t)
		start(t, &healthcheck.Runner{Registry: reg, Interval: time.Minute})
		pass(time.Second)
		var tr trace
		began := time.Now()
		require.NoError(t, reg.Apply(healthcheck.Changes{
			Register: many(1000, "c", func(context.Context, int) error { tr.mark(); return nil }),
		}))
		pass(2*time.Second + healthcheck.MinInterval)
		first := tr.since(began)
		assert.GreaterOrEqual(t, len(first), 1000)
		assert.Greater(t, slices.Max(first), time.Second, "two milliseconds for each")
	})
}

func TestRunnerInitialDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr trace
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", InitialDelay: 95 * time.Second, Func: traced(&tr)})
		began := time.Now()
		stop := startRegistry(t, reg)
		pass(94 * time.Second)
		assert.Zero(t, tr.count())
		assert.Equal(t, healthcheck.FAIL, reg.Level(), "the first full round waits for it")
		assert.Equal(t, "not run yet", statusOf(t, reg, "a").Details)
		pass(time.Second + healthcheck.MinInterval)
		assert.Equal(t, []time.Duration{95 * time.Second}, tr.since(began))
		assert.Equal(t, healthcheck.OK, reg.Level())
		pass(20 * time.Second)
		assert.Equal(t, 3, tr.count(), "then at its interval")

		stop()
		startRegistry(t, reg)
		assert.Equal(t, 4, tr.count(), "a second runner finds it known already")
	})
}

func statusOf(t *testing.T, reg *healthcheck.Registry, endpoint string) healthcheck.Status {
	t.Helper()
	return lookup(t, reg, endpoint).Status()
}

func TestRunnerFailingInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		var tr trace
		reg := newRegistry(t, healthcheck.Check{
			Endpoint: "a", Interval: time.Minute, FailingInterval: 5 * time.Second, FailureThreshold: 3,
			Func: func(context.Context) error {
				tr.mark()
				if broken.Load() {
					return errBroken
				}
				return nil
			},
		})
		start(t, &healthcheck.Runner{Registry: reg})
		pass(10 * time.Minute)
		gridBegan := time.Now()
		broken.Store(true)
		n := tr.count()
		pass(5 * time.Minute)
		failing := tr.since(gridBegan)[n:]
		assert.InDelta(t, 50, len(failing), 10)
		for i := 1; i < len(failing); i++ {
			assert.Equal(t, 5*time.Second, failing[i]-failing[i-1], "also below the threshold")
		}
		broken.Store(false)
		n = tr.count()
		pass(10 * time.Minute)
		good := tr.since(gridBegan)[n:]
		for i := range good[1:] {
			at := good[i+1] - failing[0]
			assert.Zero(t, at%time.Minute, "back on the grid")
		}
		assert.InDelta(t, 11, len(good), 1)
		assert.LessOrEqual(t, good[1]-good[0], time.Minute, "at once")
	})
}

func TestRunnerFailingIntervalLongerThanTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr trace
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", FailingInterval: time.Hour, Func: func(context.Context) error {
			tr.mark()
			return errBroken
		}})
		startRegistry(t, reg)
		pass(time.Minute)
		assert.GreaterOrEqual(t, tr.count(), 6)
	})
}

func TestRunnerDeadlineIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = 1234567 * time.Microsecond
		type seen struct {
			elapsed time.Duration
			left    time.Duration
			err     error
		}
		var last atomic.Pointer[seen]
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Timeout: timeout, Func: func(ctx context.Context) error {
			began := time.Now()
			deadline, ok := ctx.Deadline()
			assert.True(t, ok)
			left := time.Until(deadline)
			<-ctx.Done()
			last.Store(&seen{time.Since(began), left, ctx.Err()})
			return ctx.Err()
		}})
		start(t, &healthcheck.Runner{Registry: reg, Interval: time.Minute})
		pass(timeout - 1)
		assert.Nil(t, last.Load())
		pass(1)
		require.NotNil(t, last.Load())
		assert.Equal(t, seen{timeout, timeout, context.DeadlineExceeded}, *last.Load())
		s := lookup(t, reg, "a")
		_, duration := s.LastRun()
		assert.Equal(t, timeout, duration)
		assert.Equal(t, healthcheck.ReasonTimeout, reasonOf(s))
		assert.Equal(t, "no result within the timeout of 1.234567s", detailsOf(s))
		assert.False(t, s.Stuck(), "it has returned")
		assert.Zero(t, reg.Snapshot().Runner.Stuck)
	})
}

func TestRunnerSaysMoreThanDeadlineExceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := newRegistry(t,
			healthcheck.Check{Endpoint: "own words", Timeout: time.Second, Func: func(ctx context.Context) error {
				<-ctx.Done()
				return fmt.Errorf("read the banner: %w", ctx.Err())
			}},
			healthcheck.Check{Endpoint: "late", Timeout: time.Second, Func: func(context.Context) error {
				time.Sleep(1500 * time.Millisecond)
				return nil
			}},
			healthcheck.Check{Endpoint: "own reason", Timeout: time.Second, Func: func(context.Context) error {
				time.Sleep(1500 * time.Millisecond)
				return healthcheck.Errorf(healthcheck.ReasonStatus, "status 503")
			}},
		)
		start(t, &healthcheck.Runner{Registry: reg, Interval: time.Hour})
		pass(2 * time.Second)
		for endpoint, want := range map[string]string{
			"own words":  "read the banner: context deadline exceeded",
			"late":       "succeeded after 1.5s, timeout is 1s",
			"own reason": "status 503",
		} {
			s := lookup(t, reg, endpoint)
			assert.Equal(t, healthcheck.ReasonTimeout, reasonOf(s), endpoint)
			assert.Equal(t, want, detailsOf(s), endpoint)
			assert.Equal(t, want, reg.History(endpoint)[0].Details, endpoint)
			assert.EqualValues(t, 1, runs(s), endpoint)
			_, duration := s.LastRun()
			assert.Equal(t, time.Second, duration, endpoint)
		}
	})
}

func TestRunnerSkipsWhatItMissed(t *testing.T) {
	t.Run("a slow check", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var tr trace
			reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Func: func(context.Context) error {
				tr.mark()
				time.Sleep(25 * time.Second)
				return nil
			}})
			began := time.Now()
			startRegistry(t, reg)
			pass(10 * time.Minute)
			starts := tr.since(began)
			for i := 1; i < len(starts); i++ {
				assert.GreaterOrEqual(t, starts[i]-starts[i-1], 25*time.Second)
			}
			s := lookup(t, reg, "a")
			assert.InDelta(t, 60, len(starts)+int(s.Skipped()), 1)
			assert.InDelta(t, len(starts), runs(s), 1)
		})
	})
}

func TestRunnerConcurrencyLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 3
		var now, most atomic.Int64
		busy := func(context.Context, int) error {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(100 * time.Millisecond)
			return nil
		}
		reg := newRegistry(t, many(30, "c", busy)...)
		start(t, &healthcheck.Runner{Registry: reg, Interval: time.Hour, Concurrency: limit})
		time.Sleep(50 * time.Millisecond)
		stats := reg.Snapshot().Runner
		assert.Equal(t, limit, stats.Running)
		assert.Equal(t, limit, stats.Limit)
		pass(time.Second)
		assert.EqualValues(t, limit, most.Load())
		assert.Equal(t, healthcheck.OK, reg.Level(), "all have run")
		assert.EqualValues(t, 30, reg.Snapshot().Runner.StartDelay.Count)
		assert.Positive(t, reg.Snapshot().Runner.StartDelay.Sum, "the last ones had to wait")
	})
}

func TestRunnerStuckChecksDoNotCountAsRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang, _ := hanging(t)
		var now, most atomic.Int64
		checks := many(10, "good", func(context.Context, int) error {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(10 * time.Millisecond)
			return nil
		})
		for i := range 5 {
			checks = append(checks, healthcheck.Check{Endpoint: fmt.Sprintf("hang%d", i), Func: hang, Timeout: time.Second})
		}
		reg := newRegistry(t, checks...)
		start(t, &healthcheck.Runner{Registry: reg, Interval: 10 * time.Second, Concurrency: 2})
		pass(4 * time.Second)
		assert.Equal(t, 5, reg.Snapshot().Runner.Stuck)
		assert.Zero(t, reg.Snapshot().Runner.Running)
		before := runs(lookup(t, reg, "good3"))
		pass(time.Minute)
		assert.Equal(t, before+6, runs(lookup(t, reg, "good3")))
		assert.EqualValues(t, 2, most.Load())
	})
}

func TestRunnerSlowNeighbours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 5000
		var goodDelays sync.Map
		hang, _ := hanging(t)
		checks := many(n, "c", func(context.Context, int) error { return nil })
		for i := range checks {
			checks[i].Timeout = 5 * time.Second
			if i%100 == 0 {
				checks[i].Func = hang
				continue
			}
			var last time.Time
			calls := 0
			checks[i].Func = func(context.Context) error {
				if calls++; calls > 2 { // the first one is off the grid
					goodDelays.Store([2]int{i, calls}, time.Since(last)-10*time.Second)
				}
				last = time.Now()
				return nil
			}
		}
		reg := newRegistry(t, checks...)
		startRegistry(t, reg)
		pass(time.Minute)
		count := 0
		goodDelays.Range(func(_, value any) bool {
			count++
			assert.LessOrEqual(t, value.(time.Duration).Abs(), 50*time.Millisecond)
			return true
		})
		assert.Greater(t, count, 4*n*99/100)
		assertOnTime(t, reg, 50*time.Millisecond)
		assert.Equal(t, n/100, reg.Snapshot().Runner.Stuck)
	})
}

// assertOnTime asserts that no run started later than the given bound, which must be one of the histogram.
func assertOnTime(t *testing.T, reg *healthcheck.Registry, bound time.Duration) {
	t.Helper()
	h := reg.Snapshot().Runner.StartDelay
	at := slices.Index(h.Bounds, bound.Seconds())
	require.GreaterOrEqual(t, at, 0)
	assert.Equal(t, h.Count, h.Buckets[at], "runs that started later than %s", bound)
}

// TestRunnerQuickTurnsSlow has checks that were quick, and so are run by few workers in batches, block all at once. Others
// of the same slots may wait for another slot, not for them.
func TestRunnerQuickTurnsSlow(t *testing.T) {
	for _, share := range []int{2, 10, 100} {
		t.Run(fmt.Sprintf("one in %d", share), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const n = 1000
				var blocked atomic.Bool
				var mu sync.Mutex
				last, widest := make([]time.Time, n), time.Duration(0)
				reg := newRegistry(t, many(n, "c", func(ctx context.Context, i int) error {
					if i%share == 0 {
						if blocked.Load() {
							<-ctx.Done()
						}
						return ctx.Err()
					}
					mu.Lock()
					defer mu.Unlock()
					if gap := time.Since(last[i]); blocked.Load() && !last[i].IsZero() {
						widest = max(widest, gap)
					}
					last[i] = time.Now()
					return nil
				})...)
				start(t, &healthcheck.Runner{Registry: reg, Interval: time.Second})
				pass(10 * time.Second)
				blocked.Store(true)
				pass(10 * time.Second)
				mu.Lock()
				defer mu.Unlock()
				assert.GreaterOrEqual(t, widest, time.Second, "they ran meanwhile")
				assert.LessOrEqual(t, widest, time.Second+2*healthcheck.MinInterval)
			})
		})
	}
}

// TestRunnerBatchOutlivesGoexit has quick checks of one slot of which one ends its goroutine: the others lose no run.
func TestRunnerBatchOutlivesGoexit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var exits atomic.Bool
		reg := newRegistry(t, many(200, "c", func(_ context.Context, i int) error {
			if i%7 == 0 && exits.Load() {
				runtime.Goexit()
			}
			return nil
		})...)
		start(t, &healthcheck.Runner{Registry: reg, Interval: healthcheck.MinInterval})
		pass(10 * time.Second)
		exits.Store(true)
		pass(10 * time.Second)
		for _, s := range reg.Snapshot().States {
			assert.InDelta(t, 400, int(runs(&s)), 2, s.Check.Endpoint)
			assert.Zero(t, s.Skipped())
		}
		assertOnTime(t, reg, healthcheck.MinInterval)
	})
}

func TestRunnerAllSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := newRegistry(t, many(1000, "c", func(context.Context, int) error {
			time.Sleep(5 * time.Second)
			return nil
		})...)
		startRegistry(t, reg)
		pass(time.Minute)
		assertOnTime(t, reg, 50*time.Millisecond)
		for _, s := range reg.Snapshot().States {
			assert.GreaterOrEqual(t, runs(&s), uint64(5))
		}
	})
}

// TestRunnerBurst has more checks due at once than there are workers at first, all of which block.
func TestRunnerBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := newRegistry(t)
		start(t, &healthcheck.Runner{Registry: reg, Interval: time.Hour})
		for i := range 40 {
			require.NoError(t, reg.Apply(healthcheck.Changes{Register: many(50, fmt.Sprintf("c%d-", i), func(context.Context, int) error {
				time.Sleep(10 * time.Second)
				return nil
			})}))
		}
		pass(time.Second)
		assert.Equal(t, 2000, reg.Snapshot().Runner.Running)
		pass(10 * time.Second)
		assertOnTime(t, reg, 50*time.Millisecond)
	})
}

func TestRunnerIdleHasNoWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := newRegistry(t, many(1000, "c", func(context.Context, int) error { return nil })...)
		before := runtime.NumGoroutine()
		start(t, &healthcheck.Runner{Registry: reg, Interval: time.Hour})
		pass(5 * time.Second)
		assert.LessOrEqual(t, runtime.NumGoroutine()-before, 5)
	})
}

func TestRunnerActiveOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr trace
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Func: traced(&tr)})
		stop := startRegistry(t, reg)
		err := (&healthcheck.Runner{Registry: reg}).Run(t.Context())
		assert.ErrorIs(t, err, healthcheck.ErrRunnerActive)
		assert.Equal(t, 1, tr.count())
		stop()
		assert.Zero(t, reg.Snapshot().Runner.Limit)

		pass(time.Hour)
		assert.Equal(t, 1, tr.count(), "nobody runs it")
		startRegistry(t, reg)
		assert.Equal(t, 2, tr.count(), "one runner after the other is fine")
		pass(time.Minute)
		assert.Equal(t, 8, tr.count())
		assert.EqualValues(t, 8, runs(lookup(t, reg, "a")), "counters go on")
	})
}

func TestRunnerWithEndedContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a"})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		assert.NoError(t, (&healthcheck.Runner{Registry: reg}).Run(ctx))
	})
}

func TestRunnerLongDurations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr trace
		const longest = 10 * 365 * 24 * time.Hour
		reg := newRegistry(t,
			healthcheck.Check{Endpoint: "interval", Interval: longest, Func: traced(&tr)},
			healthcheck.Check{Endpoint: "delay", InitialDelay: longest, Func: traced(&tr)},
			healthcheck.Check{Endpoint: "failing", Interval: longest, FailingInterval: longest, Func: func(context.Context) error {
				tr.mark()
				return errBroken
			}},
			healthcheck.Check{Endpoint: "mine", Func: traced(&tr)},
		)
		start(t, &healthcheck.Runner{Registry: reg, Interval: 1<<63 - 1})
		pass(time.Minute)
		assert.Equal(t, 3, tr.count())
	})
}

func TestRunnerFarAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr trace
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Interval: 24 * time.Hour, Func: traced(&tr)})
		start(t, &healthcheck.Runner{Registry: reg})
		pass(24 * time.Hour)
		before := tr.count()
		pass(5 * 24 * time.Hour) // many turns of the wheel
		assert.Equal(t, before+5, tr.count())
	})
}

func TestRunnerIntervalBelowMinimum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr trace
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Func: traced(&tr)})
		start(t, &healthcheck.Runner{Registry: reg, Interval: time.Nanosecond})
		pass(time.Second)
		assert.InDelta(t, 20, tr.count(), 2)
		s := lookup(t, reg, "a")
		assert.Equal(t, healthcheck.MinInterval, s.Interval())
		assert.Equal(t, healthcheck.MinInterval, s.Timeout())
	})
}

// TestRunnerOverload keeps the queue from ever being empty; the runner must stay fair and bounded.
func TestRunnerOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := newRegistry(t, many(8, "c", func(context.Context, int) error {
			time.Sleep(40 * time.Millisecond)
			return nil
		})...)
		start(t, &healthcheck.Runner{Registry: reg, Interval: 100 * time.Millisecond, Concurrency: 1})
		pass(5 * time.Minute)
		fewest, total := uint64(1<<63), uint64(0)
		for _, s := range reg.Snapshot().States {
			fewest = min(fewest, runs(&s))
			total += runs(&s)
		}
		assert.InDelta(t, 7500, total, 10, "never idle")
		assert.Greater(t, fewest, total/8*8/10, "and fair")
		assert.LessOrEqual(t, healthcheck.QueueCap(reg), 64)
	})
}
