package healthcheck_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// slowOK takes d.
func slowOK(d time.Duration) healthcheck.CheckFunc {
	return func(context.Context) error { time.Sleep(d); return nil }
}

// TestNoSkipIsCountedThatWasNone has runs beside the grid, into which a point of the grid falls.
func TestNoSkipIsCountedThatWasNone(t *testing.T) {
	skipped := func(t *testing.T, reg *healthcheck.Registry) (sum uint64) {
		t.Helper()
		for _, s := range reg.Snapshot().States {
			sum += s.Skipped()
		}
		return sum
	}
	names := func(f healthcheck.CheckFunc) []healthcheck.Check {
		return many(30, "c", func(ctx context.Context, _ int) error { return f(ctx) }) // with grids of any phase
	}
	t.Run("the first run", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			reg := newRegistry(t, names(slowOK(6*time.Second))...)
			startRegistry(t, reg)
			pass(5 * time.Minute)
			assert.Zero(t, skipped(t, reg))
		})
	})
	t.Run("registration while checks run", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			reg := newRegistry(t)
			startRegistry(t, reg)
			pass(7777 * time.Millisecond)
			require.NoError(t, reg.Apply(healthcheck.Changes{Register: names(slowOK(6 * time.Second))}))
			_, err := reg.Run(t.Context())
			require.NoError(t, err)
			pass(5 * time.Minute)
			assert.Zero(t, skipped(t, reg))
		})
	})
	t.Run("an update during a run", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			reg := newRegistry(t, names(slowOK(4*time.Second))...)
			startRegistry(t, reg)
			pass(time.Minute)
			for range 20 {
				pass(7777 * time.Millisecond)
				require.NoError(t, reg.Apply(healthcheck.Changes{Update: names(slowOK(4 * time.Second))}))
			}
			pass(5 * time.Minute)
			assert.Zero(t, skipped(t, reg))
		})
	})
	t.Run("an interval for bad times", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			checks := names(func(context.Context) error { time.Sleep(4 * time.Second); return errBroken })
			for i := range checks {
				checks[i].FailingInterval = 7 * time.Second
			}
			for i := range checks {
				checks[i].Interval = 10 * time.Second
			}
			reg := newRegistry(t, checks...)
			startRegistry(t, reg)
			pass(5 * time.Minute)
			assert.Zero(t, skipped(t, reg))
		})
	})
	t.Run("but what a slow check loses", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			reg := newRegistry(t, names(slowOK(14*time.Second))...)
			startRegistry(t, reg)
			pass(5 * time.Minute)
			for _, s := range reg.Snapshot().States {
				assert.InDelta(t, 30, int(runs(&s)+s.Skipped()), 1, "every point of the grid is a run or is counted")
				assert.Greater(t, s.Skipped(), uint64(10))
			}
		})
	})
}

func TestReloadsOfAStuckCheckAreNoFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang, release := hanging(t)
		calls := 0
		c := healthcheck.Check{Endpoint: "a", Interval: time.Hour, Timeout: time.Second, FailureThreshold: 4, Func: func(ctx context.Context) error {
			if calls++; calls == 1 {
				return nil
			}
			return hang(ctx)
		}}
		reg := newRegistry(t, c)
		_, err := reg.Run(t.Context())
		require.NoError(t, err)
		startRegistry(t, reg)
		pass(2 * time.Second)
		require.True(t, lookup(t, reg, "a").Stuck())
		for range 10 {
			require.NoError(t, reg.Update(c))
			pass(time.Second)
		}
		s := lookup(t, reg, "a")
		assert.False(t, s.Failing(), "it has failed once")
		assert.Zero(t, s.Skipped())
		release()
		synctest.Wait()
		assert.Equal(t, 3, calls, "and runs as soon as it can")
	})
}

func TestUpdateDuringAnAdHocRunRunsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr trace
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Interval: time.Hour, Func: slowOK(5 * time.Second)})
		startRegistry(t, reg)
		pass(time.Minute)
		go func() { _, _ = reg.RunCheck(context.Background(), "a") }()
		pass(time.Second)
		require.NoError(t, reg.Update(healthcheck.Check{Endpoint: "a", Interval: time.Hour, Func: traced(&tr)}))
		updated := time.Now()
		pass(10 * time.Second)
		assert.Equal(t, []time.Duration{4 * time.Second}, tr.since(updated), "when the run under way ends")
	})
}

func TestAdHocFailureBringsTheNextRunForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr trace
		var broken atomic.Bool
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Interval: time.Hour, FailingInterval: 5 * time.Second, Func: func(context.Context) error {
			tr.mark()
			if broken.Load() {
				return errBroken
			}
			return nil
		}})
		startRegistry(t, reg)
		pass(10 * time.Minute)
		broken.Store(true)
		n, began := tr.count(), time.Now()
		_, err := reg.RunCheck(t.Context(), "a")
		require.NoError(t, err)
		pass(5*time.Second + healthcheck.MinInterval)
		assert.Equal(t, []time.Duration{0, 5 * time.Second}, tr.since(began)[n:])
	})
}

// TestGoexitKeepsWhatFollows has a check that ends its goroutine: what comes after a run comes after that, too.
func TestGoexitKeepsWhatFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr trace
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Interval: time.Hour, FailingInterval: 5 * time.Second, Func: func(context.Context) error {
			tr.mark()
			runtime.Goexit()
			return nil
		}})
		startRegistry(t, reg)
		pass(time.Minute)
		assert.InDelta(t, 12, tr.count(), 1)
		assert.Zero(t, reg.Snapshot().Runner.Running, "its workers are gone")
	})
}

// TestUnregisteredInBadTimes has a failing check that is removed during its run: nothing is planned for it afterwards.
func TestUnregisteredInBadTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr trace
		c := healthcheck.Check{Endpoint: "a", Interval: time.Minute, FailingInterval: time.Second, Func: func(context.Context) error {
			tr.mark()
			time.Sleep(500 * time.Millisecond)
			return errBroken
		}}
		reg := newRegistry(t, c)
		startRegistry(t, reg)
		pass(10*time.Second + 200*time.Millisecond)
		require.NoError(t, reg.Unregister("a"))
		pass(time.Second)
		before := tr.count()
		pass(10 * time.Minute)
		assert.Equal(t, before, tr.count())
		assert.Zero(t, healthcheck.Planned(reg))
	})
}

func TestOptionalCheckThatHangsSinceAnInterruptedRun(t *testing.T) {
	for name, optional := range map[string]bool{"optional": true, "required": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hang, release := hanging(t)
				reg := newRegistry(t,
					healthcheck.Check{Endpoint: "hangs", Optional: optional, Interval: time.Hour, Func: hang},
					healthcheck.Check{Endpoint: "ok"})
				stop := startRegistry(t, reg)
				pass(time.Second)
				stop()
				require.False(t, lookup(t, reg, "hangs").Decided())
				stop = startRegistry(t, reg)
				pass(time.Minute)
				assert.True(t, reg.Ready(), "there is nothing to wait for")
				assert.Equal(t, optional, reg.Level() == healthcheck.OK)
				s := lookup(t, reg, "hangs")
				assert.True(t, s.Failing())
				assert.Equal(t, healthcheck.ReasonStuck, reasonOf(s))
				release()
				stop()
			})
		})
	}
}

func TestDependencyCircles(t *testing.T) {
	check := func(endpoint string, on ...string) healthcheck.Check {
		return healthcheck.Check{Endpoint: endpoint, DependsOn: on, Func: alwaysOK}
	}
	for name, tc := range map[string]struct {
		there []healthcheck.Check
		ch    healthcheck.Changes
		want  string // of the error
	}{
		"itself":         {nil, healthcheck.Changes{Register: []healthcheck.Check{check("a", "a")}}, "dependencies go round in a circle: a -> a"},
		"two":            {nil, healthcheck.Changes{Register: []healthcheck.Check{check("a", "b"), check("b", "a")}}, "dependencies go round in a circle: a -> b -> a"},
		"with what was":  {[]healthcheck.Check{check("a", "b"), check("b", "c")}, healthcheck.Changes{Register: []healthcheck.Check{check("c", "a")}}, "dependencies go round in a circle: c -> a -> b -> c"},
		"by an update":   {[]healthcheck.Check{check("a", "b"), check("b")}, healthcheck.Changes{Update: []healthcheck.Check{check("b", "a")}}, "dependencies go round in a circle: b -> a -> b"},
		"from outside":   {nil, healthcheck.Changes{Register: []healthcheck.Check{check("x", "a"), check("a", "b"), check("b", "a")}}, "dependencies go round in a circle: a -> b -> a"},
		"another branch": {nil, healthcheck.Changes{Register: []healthcheck.Check{check("a", "b", "c"), check("b"), check("c", "a")}}, "dependencies go round in a circle: a -> c -> a"},
		"turned round":   {[]healthcheck.Check{check("a", "b"), check("b")}, healthcheck.Changes{Update: []healthcheck.Check{check("a"), check("b", "a")}}, ""},
		"removed":        {[]healthcheck.Check{check("a", "b"), check("b")}, healthcheck.Changes{Unregister: []string{"a"}, Update: []healthcheck.Check{check("b", "a")}}, ""},
		"a diamond":      {nil, healthcheck.Changes{Register: []healthcheck.Check{check("a", "b", "c"), check("b", "d"), check("c", "d"), check("d")}}, ""},
		"unknown is all": {nil, healthcheck.Changes{Register: []healthcheck.Check{check("a", "nobody")}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			reg := newRegistry(t, tc.there...)
			err := reg.Apply(tc.ch)
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, healthcheck.ErrDependencyCircle)
			assert.EqualError(t, err, tc.want)
			assert.Len(t, reg.Snapshot().States, len(tc.there), "nothing is changed")
		})
	}
	t.Run("long", func(t *testing.T) {
		const n = 100_000
		chain := many(n, "c", func(context.Context, int) error { return nil })
		for i := range chain {
			chain[i].DependsOn = []string{fmt.Sprintf("c%d", (i+1)%n)}
		}
		reg := &healthcheck.Registry{}
		err := reg.Apply(healthcheck.Changes{Register: chain})
		require.ErrorIs(t, err, healthcheck.ErrDependencyCircle)
		assert.Less(t, len(err.Error()), 300)
		chain[n-1].DependsOn = nil
		require.NoError(t, reg.Apply(healthcheck.Changes{Register: chain}))
	})
}

// TestHangingChecksOfOneSlot has a few quick checks of one slot hang, with nothing else due for long that would lead to
// another look.
func TestHangingChecksOfOneSlot(t *testing.T) {
	for n := 2; n <= 5; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var hangs atomic.Bool
				var tr trace
				same := sameSlot(t, n, time.Hour)
				reg := &healthcheck.Registry{}
				for i, endpoint := range same {
					require.NoError(t, reg.Register(healthcheck.Check{Endpoint: endpoint, Interval: time.Hour, Timeout: time.Minute, Func: func(ctx context.Context) error {
						if !hangs.Load() {
							return nil
						}
						tr.mark()
						if i < n-1 {
							<-ctx.Done()
						}
						return nil
					}}))
				}
				start(t, &healthcheck.Runner{Registry: reg})
				pass(3 * time.Hour)
				hangs.Store(true)
				before := time.Now()
				pass(time.Hour)
				times := tr.since(before)
				require.Len(t, times, n)
				assert.LessOrEqual(t, slices.Max(times)-slices.Min(times), 2*healthcheck.MinInterval)
			})
		})
	}
}

// sameSlot returns n endpoints whose runs are due in the same slot.
func sameSlot(t *testing.T, n int, interval time.Duration) []string {
	t.Helper()
	slots := make(map[int64][]string)
	for i := 0; ; i++ {
		endpoint := fmt.Sprintf("e%d", i)
		slot := healthcheck.Phase(endpoint, interval)
		slots[slot] = append(slots[slot], endpoint)
		if len(slots[slot]) == n {
			return slots[slot]
		}
	}
}

// TestStuckWorkersComeBack has checks that were stuck return: the limit then holds for as many as before.
func TestStuckWorkersComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang, release := hanging(t)
		var now, most atomic.Int64
		checks := many(40, "busy", func(context.Context, int) error {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(300 * time.Millisecond)
			return nil
		})
		for i := range 10 {
			checks = append(checks, healthcheck.Check{Endpoint: fmt.Sprintf("hang%d", i), Func: hang, Timeout: time.Second})
		}
		reg := newRegistry(t, checks...)
		start(t, &healthcheck.Runner{Registry: reg, Interval: 10 * time.Second, Concurrency: 3})
		pass(time.Minute)
		require.Equal(t, 10, reg.Snapshot().Runner.Stuck)
		release()
		pass(time.Second)
		require.Zero(t, reg.Snapshot().Runner.Stuck)
		most.Store(0)
		pass(5 * time.Minute)
		assert.EqualValues(t, 3, most.Load())
		fewest := uint64(1 << 60)
		for i := range 40 {
			fewest = min(fewest, runs(lookup(t, reg, fmt.Sprintf("busy%d", i))))
		}
		assert.Greater(t, fewest, uint64(20), "all run on")
	})
}

// TestSlowIsNotStuck has a run that is longer than the interval allows the next one to begin, and shorter than its deadline.
func TestSlowIsNotStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Interval: 10 * time.Second, FailingInterval: time.Second, Timeout: 10 * time.Second, Func: func(context.Context) error {
			if calls.Add(1) == 1 {
				return nil
			}
			time.Sleep(9900 * time.Millisecond)
			return nil
		}})
		startRegistry(t, reg)
		for range 300 {
			pass(time.Second)
			s := lookup(t, reg, "a")
			assert.False(t, s.Failing())
			assert.NotEqual(t, healthcheck.ReasonStuck, reasonOf(s))
		}
	})
}

// TestStopDropsWhatWaits has quick checks of one slot, of which the first turns slow: when the runner stops, the others are
// not begun any more.
func TestStopDropsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		var tr trace
		reg := &healthcheck.Registry{}
		for _, endpoint := range sameSlot(t, 12, time.Hour) {
			require.NoError(t, reg.Register(healthcheck.Check{Endpoint: endpoint, Interval: time.Hour, Func: func(context.Context) error {
				if slow.Load() {
					tr.mark()
					time.Sleep(time.Second)
				}
				return nil
			}}))
		}
		stop := start(t, &healthcheck.Runner{Registry: reg})
		pass(3 * time.Hour)
		slow.Store(true)
		for tr.count() == 0 {
			pass(healthcheck.MinInterval / 10)
		}
		began := tr.count()
		stop()
		assert.Equal(t, began, tr.count())
		assert.Less(t, began, 12)
	})
}

func TestRunSaysWhenItWasCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errEnough := errors.New("enough")
		reg := newRegistry(t, healthcheck.Check{Endpoint: "slow", Func: slowOK(5 * time.Second)}, healthcheck.Check{Endpoint: "quick"})
		ended, cancel := context.WithCancelCause(t.Context())
		cancel(errEnough)
		_, err := reg.RunCheck(ended, "quick")
		assert.ErrorIs(t, err, errEnough)
		assert.False(t, lookup(t, reg, "quick").Ran(), "nothing is begun")
		_, err = reg.Run(ended)
		assert.ErrorIs(t, err, errEnough)

		short, cancelShort := context.WithTimeout(t.Context(), time.Second)
		defer cancelShort()
		level, err := reg.Run(short)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, healthcheck.FAIL, level)
		assert.True(t, lookup(t, reg, "quick").Ran())
		pass(10 * time.Second)
		short, cancelShort = context.WithTimeout(t.Context(), time.Second)
		defer cancelShort()
		_, err = reg.RunCheck(short, "slow")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		pass(10 * time.Second)

		level, err = reg.Run(t.Context())
		assert.NoError(t, err)
		assert.Equal(t, healthcheck.OK, level)
	})
}

// TestACheckThatRunsTheOthers has a check that is OK if all others are.
func TestACheckThatRunsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := newRegistry(t, healthcheck.Check{Endpoint: "db"})
		require.NoError(t, reg.Register(healthcheck.Check{Endpoint: "all", Timeout: 5 * time.Second, Func: func(ctx context.Context) error {
			child, cancel := context.WithCancel(ctx)
			defer cancel()
			_, err := reg.Run(child)
			return err
		}}))
		began := time.Now()
		level, err := reg.Run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, healthcheck.OK, level)
		require.NoError(t, reg.Register(healthcheck.Check{Endpoint: "outer", Timeout: 5 * time.Second, Func: func(ctx context.Context) error {
			_, err := reg.RunCheck(ctx, "all")
			return err
		}}))
		_, err = reg.RunCheck(t.Context(), "outer")
		require.NoError(t, err)
		assert.Zero(t, time.Since(began), "none waits for itself")
	})
}

func TestFailingIntervalLongerThanTheInterval(t *testing.T) {
	reg := &healthcheck.Registry{}
	err := reg.Register(healthcheck.Check{Endpoint: "a", Interval: time.Minute, FailingInterval: time.Hour, Func: alwaysOK})
	assert.ErrorContains(t, err, "failing interval 1h0m0s is longer than the interval 1m0s")
}

// TestUpdatesThatComeOften has updates that come faster than their spread and an initial delay: the checks run all the same.
func TestUpdatesThatComeOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var counts [201]atomic.Int64
		checks := func() []healthcheck.Check {
			list := many(201, "c", func(_ context.Context, i int) error { counts[i].Add(1); return nil })
			list[200].InitialDelay = 30 * time.Second
			return list
		}
		reg := newRegistry(t, checks()...)
		startRegistry(t, reg)
		for range 1000 {
			pass(100 * time.Millisecond)
			require.NoError(t, reg.Apply(healthcheck.Changes{Update: checks()}))
		}
		for i := range counts {
			assert.GreaterOrEqual(t, counts[i].Load(), int64(7), "check %d", i)
		}
	})
}

// TestNothingIsLostBehindAStuckWorker has quick checks of one batch, of which the first hangs, with a deadline that passes
// before it counts as slow, and no other worker.
func TestNothingIsLostBehindAStuckWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang, release := hanging(t)
		var hangs atomic.Bool
		var tr trace
		same := sameSlot(t, 4, time.Hour)
		reg := &healthcheck.Registry{}
		for i, endpoint := range same {
			require.NoError(t, reg.Register(healthcheck.Check{Endpoint: endpoint, Interval: time.Hour, Timeout: 50 * time.Microsecond, Func: func(ctx context.Context) error {
				if !hangs.Load() {
					return nil
				}
				tr.mark()
				if i == 0 {
					return hang(ctx)
				}
				return nil
			}}))
		}
		start(t, &healthcheck.Runner{Registry: reg, Concurrency: 1})
		pass(3 * time.Hour)
		hangs.Store(true)
		pass(time.Hour)
		assert.Equal(t, 4, tr.count())
		release()
	})
}
