package healthcheck_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

func TestZeroRegistry(t *testing.T) {
	var reg healthcheck.Registry
	assert.Equal(t, healthcheck.FAIL, reg.Level())
	snap := reg.Snapshot()
	assert.Equal(t, healthcheck.Snapshot{
		Level:  healthcheck.FAIL,
		Runner: healthcheck.RunnerStats{StartDelay: snap.Runner.StartDelay},
		Time:   snap.Time,
	}, snap)
	assert.False(t, snap.Time.IsZero())
	_, ok := reg.Lookup("a")
	assert.False(t, ok)
	assert.Nil(t, reg.History("a"))
	assert.ErrorIs(t, reg.Unregister("a"), healthcheck.ErrNotFound)
	assert.ErrorIs(t, reg.Update(healthcheck.Check{Endpoint: "a", Func: alwaysOK}), healthcheck.ErrNotFound)
	assert.NoError(t, reg.Apply(healthcheck.Changes{}))
	assert.Equal(t, healthcheck.OK, levelOf(reg.Run(t.Context())))
	assert.NoError(t, reg.Register(healthcheck.Check{Endpoint: "a", Func: alwaysOK}))
	assert.Equal(t, healthcheck.OK, levelOf(reg.Run(t.Context())))
}

func TestRegisterFillsDefaultsAndCopies(t *testing.T) {
	labels := map[string]string{"team": "a"}
	depends := []string{"b"}
	reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Labels: labels, DependsOn: depends})
	labels["team"] = "changed"
	depends[0] = "changed"
	c := lookup(t, reg, "a").Check
	assert.Equal(t, "a", c.Name)
	assert.Equal(t, "func", c.Kind)
	assert.Equal(t, 1, c.FailureThreshold)
	assert.Equal(t, 1, c.SuccessThreshold)
	assert.Equal(t, map[string]string{"team": "a"}, c.Labels)
	assert.Equal(t, []string{"b"}, c.DependsOn)
	assert.Nil(t, c.Func)
	assert.NotNil(t, c.Checker)
}

func TestSnapshotIsSortedAndOwned(t *testing.T) {
	reg := newRegistry(t)
	for _, endpoint := range []string{"m", "z", "a", "B", "ä", "m2", "m-"} {
		require.NoError(t, reg.Register(healthcheck.Check{Endpoint: endpoint, Func: alwaysOK}))
	}
	endpoints := func(s healthcheck.Snapshot) (list []string) {
		for i := range s.States {
			list = append(list, s.States[i].Check.Endpoint)
		}
		return list
	}
	snap := reg.Snapshot()
	assert.Equal(t, []string{"B", "a", "m", "m-", "m2", "z", "ä"}, endpoints(snap))
	for _, endpoint := range endpoints(snap) {
		st, ok := snap.Find(endpoint)
		require.True(t, ok)
		assert.Equal(t, endpoint, st.Check.Endpoint)
	}

	require.NoError(t, reg.Unregister("m"))
	reg.Run(t.Context())
	assert.Len(t, snap.States, 7, "a snapshot does not change")
	assert.False(t, snap.States[0].Ran())

	again := snap
	reg.SnapshotInto(&again)
	assert.Equal(t, []string{"B", "a", "m-", "m2", "z", "ä"}, endpoints(again))
	assert.True(t, again.States[0].Ran())
}

func TestApplyAllOrNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr trace
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a"}, healthcheck.Check{Endpoint: "b"})
		startRegistry(t, reg)
		check := func(endpoint string) healthcheck.Check {
			return healthcheck.Check{Endpoint: endpoint, Func: traced(&tr)}
		}
		err := reg.Apply(healthcheck.Changes{
			Register:   []healthcheck.Check{check("new"), check("a"), check("twice"), check("twice"), {}, {Endpoint: "empty"}},
			Update:     []healthcheck.Check{check("b"), check("nobody"), check("a"), {Endpoint: "a", Func: alwaysOK, Interval: 1}},
			Unregister: []string{"b", "missing", "b"},
		})
		require.ErrorIs(t, err, healthcheck.ErrDuplicate)
		require.ErrorIs(t, err, healthcheck.ErrNotFound)
		for _, want := range []string{
			`unregister "missing": no check has this endpoint`,
			`unregister "b": no check has this endpoint`,
			`update "b": no check has this endpoint`,
			`update "nobody": no check has this endpoint`,
			`update "a": interval 1ns is less than 50ms`,
			`register "a": endpoint is already registered`,
			`register "twice": endpoint is already registered`,
			`register "": endpoint is empty`,
			`exactly one of Func and Checker must be set`,
			`register "empty": exactly one of Func and Checker must be set`,
		} {
			assert.ErrorContains(t, err, want)
		}
		pass(time.Minute)
		assert.Zero(t, tr.count(), "nothing of it happened")
		assert.Len(t, reg.Snapshot().States, 2)
	})
}

func TestApplyReplaces(t *testing.T) {
	reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Func: func(context.Context) error { return errBroken }})
	assert.Equal(t, healthcheck.FAIL, levelOf(reg.Run(t.Context())))
	require.NoError(t, reg.Apply(healthcheck.Changes{
		Unregister: []string{"a"},
		Register:   []healthcheck.Check{{Endpoint: "a", Func: alwaysOK}},
	}))
	assert.False(t, lookup(t, reg, "a").Ran(), "a new check")
	assert.Equal(t, healthcheck.OK, levelOf(reg.Run(t.Context())))
}

func TestApplyKeepsTheScheduleOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		traces := make([]trace, 100)
		reg := newRegistry(t, many(100, "c", func(_ context.Context, i int) error { traces[i].mark(); return nil })...)
		startRegistry(t, reg)
		began := time.Now()
		pass(time.Minute)
		for n := range 20 {
			pass(777 * time.Millisecond)
			require.NoError(t, reg.Apply(healthcheck.Changes{
				Register: many(200, fmt.Sprintf("new%d-", n), func(context.Context, int) error { return nil }),
				Update:   []healthcheck.Check{{Endpoint: "c0", Func: alwaysOK}},
			}))
		}
		pass(time.Minute)
		for i := range traces[1:] {
			starts := traces[i+1].since(began)[2:]
			for j := 1; j < len(starts); j++ {
				assert.Equal(t, 10*time.Second, starts[j]-starts[j-1])
			}
			assert.GreaterOrEqual(t, len(starts), 11)
		}
	})
}

func TestRegisterWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr trace
		reg := newRegistry(t)
		startRegistry(t, reg)
		pass(time.Minute)
		began := time.Now()
		require.NoError(t, reg.Register(healthcheck.Check{Endpoint: "now", Func: traced(&tr)}))
		synctest.Wait()
		assert.Equal(t, []time.Duration{0}, tr.since(began))
		pass(time.Minute)
		assert.Equal(t, 7, tr.count())

		var delayed trace
		began = time.Now()
		require.NoError(t, reg.Register(healthcheck.Check{Endpoint: "later", Func: traced(&delayed), InitialDelay: 30 * time.Second}))
		pass(31 * time.Second)
		assert.Equal(t, 30*time.Second, delayed.since(began)[0])
	})
}

func TestUpdateWhileRunning(t *testing.T) {
	t.Run("keeps what is known, and runs at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Func: func(context.Context) error { return errBroken }, Interval: time.Minute})
			startRegistry(t, reg)
			pass(3 * time.Minute)
			before := lookup(t, reg, "a")
			var tr trace
			began := time.Now()
			require.NoError(t, reg.Update(healthcheck.Check{
				Endpoint: "a", Name: "renamed", Interval: 5 * time.Second, Timeout: time.Second, SuccessThreshold: 3,
				Func: traced(&tr), InitialDelay: time.Hour,
			}))
			synctest.Wait()
			after := lookup(t, reg, "a")
			assert.Equal(t, []time.Duration{0}, tr.since(began))
			assert.Equal(t, "renamed", after.Check.Name)
			assert.Equal(t, 5*time.Second, after.Interval())
			assert.Equal(t, time.Second, after.Timeout())
			assert.True(t, after.Failing(), "below its new threshold")
			assert.Equal(t, before.Since(), after.Since())
			assert.Equal(t, runs(before)+1, runs(after))
			assert.Equal(t, before.Failures(), after.Failures())
			assert.Len(t, reg.History("a"), int(runs(after)))
			pass(time.Minute)
			assert.Equal(t, 13, tr.count())
			assert.False(t, lookup(t, reg, "a").Failing())
		})
	})
	t.Run("runs at once after the run under way", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var ended time.Time
			var tr trace
			reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Interval: time.Hour, Func: func(context.Context) error {
				time.Sleep(10*time.Second + 20*time.Millisecond) // not at the end of a slot
				ended = time.Now()
				return errBroken
			}})
			startRegistry(t, reg)
			pass(5 * time.Second)
			require.NoError(t, reg.Update(healthcheck.Check{Endpoint: "a", Interval: time.Hour, Func: traced(&tr)}))
			pass(4 * time.Second)
			assert.Zero(t, tr.count(), "never two runs at a time")
			pass(2 * time.Second)
			require.Equal(t, 1, tr.count())
			assert.Equal(t, []time.Duration{0}, tr.since(ended))
			assert.Equal(t, healthcheck.OK, reg.Level())
			assert.EqualValues(t, 2, runs(lookup(t, reg, "a")))
		})
	})
	t.Run("and after one that was stuck", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			hang, release := hanging(t)
			var tr trace
			reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Interval: time.Hour, Timeout: time.Second, Func: hang})
			startRegistry(t, reg)
			pass(5 * time.Second)
			require.NoError(t, reg.Update(healthcheck.Check{Endpoint: "a", Interval: time.Hour, Func: traced(&tr)}))
			pass(5 * time.Second)
			assert.Zero(t, tr.count())
			release()
			synctest.Wait()
			assert.Equal(t, 1, tr.count())
			assert.False(t, lookup(t, reg, "a").Failing())
		})
	})
	t.Run("during a failing interval", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := healthcheck.Check{Endpoint: "a", Interval: time.Hour, FailingInterval: time.Second,
				Func: func(context.Context) error { return errBroken }}
			reg := newRegistry(t, c)
			startRegistry(t, reg)
			pass(time.Minute)
			var tr trace
			c.Func = traced(&tr)
			require.NoError(t, reg.Update(c))
			pass(10 * time.Minute)
			assert.InDelta(t, 1, tr.count(), 1, "once, and perhaps on its grid")
		})
	})
}

func TestUnregisterWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stopped time.Time
		observed := 0
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Func: func(ctx context.Context) error {
			<-ctx.Done()
			stopped = time.Now()
			assert.Equal(t, context.Canceled, ctx.Err())
			return ctx.Err()
		}}, healthcheck.Check{Endpoint: "b"})
		reg.Observe(func(c *healthcheck.Check, _ healthcheck.Outcome) {
			if c.Endpoint == "a" {
				observed++
			}
		})
		startRegistry(t, reg)
		pass(3 * time.Second)
		require.NoError(t, reg.Unregister("a"))
		synctest.Wait()
		assert.True(t, stopped.Equal(time.Now()), "the run is told to stop")
		pass(time.Minute)
		assert.Zero(t, observed, "and its outcome dropped")
		_, ok := reg.Lookup("a")
		assert.False(t, ok)
		assert.Equal(t, healthcheck.OK, reg.Level())
		assert.Zero(t, reg.Snapshot().Runner.Running)
	})
}

func TestUnregisterHanging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang, release := hanging(t)
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Func: hang, Timeout: time.Second})
		startRegistry(t, reg)
		require.NoError(t, reg.Unregister("a"))
		pass(time.Minute)
		assert.Equal(t, 1, reg.Snapshot().Runner.Stuck, "the goroutine is still there")
		var tr trace
		require.NoError(t, reg.Register(healthcheck.Check{Endpoint: "a", Func: traced(&tr)}))
		synctest.Wait()
		assert.Equal(t, 1, tr.count(), "a new check of that name is another")
		release()
		synctest.Wait()
		assert.Zero(t, reg.Snapshot().Runner.Stuck)
		assert.EqualValues(t, 1, runs(lookup(t, reg, "a")))
		assert.Equal(t, healthcheck.OK, reg.Level())
	})
}

func TestUnregisterQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls [10]int
		reg := newRegistry(t, many(10, "c", func(_ context.Context, i int) error {
			calls[i]++
			time.Sleep(time.Second)
			return nil
		})...)
		start(t, &healthcheck.Runner{Registry: reg, Concurrency: 1, Interval: time.Hour})
		waiting := slices.Index(calls[:], 0)
		require.NoError(t, reg.Unregister(fmt.Sprintf("c%d", waiting)))
		pass(time.Minute)
		assert.Zero(t, calls[waiting])
		assert.Equal(t, healthcheck.OK, reg.Level())
	})
}

func TestChangesFromWithinACheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := &healthcheck.Registry{}
		var second trace
		own := 0
		require.NoError(t, reg.Register(healthcheck.Check{Endpoint: "a", Func: func(ctx context.Context) error {
			own++
			snap := reg.Snapshot()
			assert.Equal(t, 1, snap.Runner.Running)
			require.NoError(t, reg.Register(healthcheck.Check{Endpoint: "b", Func: traced(&second)}))
			_, err := reg.RunCheck(ctx, "b")
			assert.NoError(t, err)
			assert.NoError(t, reg.Update(healthcheck.Check{Endpoint: "a", Func: alwaysOK}))
			assert.NoError(t, reg.Unregister("a"))
			assert.ErrorIs(t, ctx.Err(), context.Canceled, "it has removed itself")
			assert.NoError(t, reg.Register(healthcheck.Check{Endpoint: "a", Func: alwaysOK}))
			return errBroken
		}}))
		startRegistry(t, reg)
		pass(time.Minute)
		assert.Equal(t, 1, own)
		assert.GreaterOrEqual(t, second.count(), 7)
		assert.EqualValues(t, 7, runs(lookup(t, reg, "a")))
		assert.Equal(t, healthcheck.OK, reg.Level())
	})
}

// closable is a Checker that counts how often it is closed.
type closable struct {
	healthcheck.Checker
	running, closed atomic.Int64
	closedRunning   atomic.Bool
}

func newClosable(f healthcheck.CheckFunc) *closable {
	c := &closable{}
	c.Checker = healthcheck.CheckFunc(func(ctx context.Context) error {
		c.running.Add(1)
		defer c.running.Add(-1)
		return f(ctx)
	})
	return c
}

func (c *closable) Close() error {
	c.closed.Add(1)
	if c.running.Load() > 0 {
		c.closedRunning.Store(true)
	}
	return errors.New("nobody listens")
}

func TestCloser(t *testing.T) {
	slow := func(context.Context) error { time.Sleep(5 * time.Second); return nil }
	run := func(name string, f healthcheck.CheckFunc, change func(t *testing.T, reg *healthcheck.Registry, c *closable), wantEarly, wantLate int64) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClosable(f)
				reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Checker: c, Timeout: 2 * time.Second})
				startRegistry(t, reg)
				pass(time.Second)
				change(t, reg, c)
				assert.Equal(t, wantEarly, c.closed.Load())
				pass(10 * time.Minute)
				assert.Equal(t, wantLate, c.closed.Load())
				assert.False(t, c.closedRunning.Load(), "only after its last run")
			})
		})
	}
	unregister := func(t *testing.T, reg *healthcheck.Registry, _ *closable) {
		t.Helper()
		require.NoError(t, reg.Unregister("a"))
	}
	update := func(t *testing.T, reg *healthcheck.Registry, _ *closable) {
		t.Helper()
		require.NoError(t, reg.Update(healthcheck.Check{Endpoint: "a", Func: alwaysOK}))
	}
	same := func(t *testing.T, reg *healthcheck.Registry, c *closable) {
		t.Helper()
		require.NoError(t, reg.Update(healthcheck.Check{Endpoint: "a", Name: "renamed", Checker: c, Timeout: 2 * time.Second}))
	}
	run("unregister", alwaysOK, unregister, 1, 1)
	run("update", alwaysOK, update, 1, 1)
	run("update to the same", alwaysOK, same, 0, 0)
	run("unregister mid-run", slow, unregister, 0, 1)
	run("update mid-run", slow, update, 0, 1)
	run("update and unregister mid-run", slow, func(t *testing.T, reg *healthcheck.Registry, c *closable) {
		t.Helper()
		update(t, reg, c)
		unregister(t, reg, c)
	}, 0, 1)
}

func TestCloserOfAReplacementThatNeverRan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := newClosable(func(context.Context) error { time.Sleep(5 * time.Second); return nil })
		second := newClosable(alwaysOK)
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Checker: first})
		startRegistry(t, reg)
		require.NoError(t, reg.Update(healthcheck.Check{Endpoint: "a", Checker: second}))
		require.NoError(t, reg.Update(healthcheck.Check{Endpoint: "a", Func: alwaysOK}))
		pass(time.Minute)
		assert.EqualValues(t, 1, first.closed.Load())
		assert.EqualValues(t, 1, second.closed.Load())
	})
}

// odd has a comparable type, but comparing two of its values panics.
type odd struct{ what any }

func (odd) Check(context.Context) healthcheck.Result { return healthcheck.Result{} }

func TestUpdateOfCheckersThatCannotBeCompared(t *testing.T) {
	reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Checker: odd{[]int{1}}})
	require.NotPanics(t, func() {
		require.NoError(t, reg.Update(healthcheck.Check{Endpoint: "a", Checker: odd{[]int{1}}}))
	})
	require.NoError(t, reg.Update(healthcheck.Check{Endpoint: "a", Func: alwaysOK}))
	assert.Equal(t, healthcheck.OK, levelOf(reg.Run(t.Context())))
}

func TestObserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type seen struct {
			endpoint string
			outcome  healthcheck.Outcome
		}
		var first, second []seen
		steps := &script{}
		steps.then(good, healthcheck.Result{Level: "WARN", Details: "said when good"}, bad, bad)
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", FailureThreshold: 5, Checker: checkerFunc(func(ctx context.Context) healthcheck.Result {
			time.Sleep(time.Second)
			return steps.Check(ctx)
		})})
		stopFirst := reg.Observe(func(c *healthcheck.Check, o healthcheck.Outcome) {
			_ = reg.Snapshot() // no lock is held
			_, ok := reg.Lookup(c.Endpoint)
			assert.True(t, ok)
			first = append(first, seen{c.Endpoint, o})
		})
		stopSecond := reg.Observe(func(c *healthcheck.Check, o healthcheck.Outcome) { second = append(second, seen{c.Endpoint, o}) })
		began := time.Now()
		for i := range 4 {
			if i == 3 {
				stopFirst()
				stopFirst()
			}
			reg.Run(t.Context())
		}
		at := func(i int) time.Time { return began.Add(time.Duration(i) * time.Second) }
		want := []seen{
			{"a", healthcheck.Outcome{Start: at(0), Duration: time.Second, Result: healthcheck.OK}},
			{"a", healthcheck.Outcome{Start: at(1), Duration: time.Second, Result: healthcheck.OK, Details: "said when good"}},
			{"a", healthcheck.Outcome{Start: at(2), Duration: time.Second, Result: healthcheck.FAIL, Reason: healthcheck.ReasonError, Details: "broken"}},
			{"a", healthcheck.Outcome{Start: at(3), Duration: time.Second, Result: healthcheck.FAIL, Reason: healthcheck.ReasonError, Details: "broken"}},
		}
		assert.Equal(t, want, second)
		assert.Equal(t, want[:3], first)
		stopSecond()
		steps.then(good)
		reg.Run(t.Context())
		assert.Len(t, second, 4)
	})
}

func TestHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := 0
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Func: func(context.Context) error {
			time.Sleep(time.Duration(i) * time.Millisecond)
			if i%3 == 0 {
				return healthcheck.Errorf(healthcheck.ReasonStatus, "run %d", i)
			}
			return nil
		}})
		var want []healthcheck.Outcome
		for i = 1; i <= 3*healthcheck.HistorySize+5; i++ {
			o := healthcheck.Outcome{Start: time.Now(), Duration: time.Duration(i) * time.Millisecond, Result: healthcheck.OK}
			if i%3 == 0 {
				o.Result, o.Reason, o.Details = healthcheck.FAIL, healthcheck.ReasonStatus, fmt.Sprintf("run %d", i)
			}
			want = slices.Insert(want, 0, o)
			want = want[:min(len(want), healthcheck.HistorySize)]
			reg.Run(t.Context())
			got := reg.History("a")
			require.Len(t, got, len(want))
			for j := range got {
				assert.True(t, want[j].Start.Equal(got[j].Start))
				got[j].Start = want[j].Start
			}
			require.Equal(t, want, got)
		}
	})
}

func TestHistoryOfVeryLongRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Interval: 10 * time.Hour, Func: func(context.Context) error {
			time.Sleep(2 * time.Hour)
			return nil
		}})
		reg.Run(t.Context())
		assert.Equal(t, (1<<32-1)*time.Microsecond, reg.History("a")[0].Duration, "71 minutes is the most it can hold")
		_, duration := lookup(t, reg, "a").LastRun()
		assert.Equal(t, 2*time.Hour, duration)
	})
}

func TestLogger(t *testing.T) {
	var buf lockedBuffer
	steps := &script{}
	reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Checker: steps, FailureThreshold: 2})
	reg.Logger = textLogger(&buf)
	logged := func(res healthcheck.Result) string {
		buf.buf.Reset()
		steps.then(res)
		reg.Run(t.Context())
		return buf.String()
	}
	assert.Empty(t, logged(good))
	assert.Contains(t, logged(bad), `level=DEBUG msg="run failed" check=a reason=error details=broken`)
	assert.Contains(t, logged(bad), `level=WARN msg="check is FAIL" check=a reason=error details=broken`)
	assert.Contains(t, logged(bad), `level=DEBUG msg="run failed"`)
	assert.Contains(t, logged(good), `level=INFO msg="check is OK again" check=a`)
	assert.Empty(t, logged(good))
}

// TestLoggerMayRead has a logger that looks at the registry, as one that adds the level of the whole to each line.
func TestLoggerMayRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang, _ := hanging(t)
		reg := newRegistry(t,
			healthcheck.Check{Endpoint: "hangs", Func: hang},
			healthcheck.Check{Endpoint: "late", Func: hang, Timeout: time.Second},
			healthcheck.Check{Endpoint: "panics", Func: func(context.Context) error { panic("out of cheese") }})
		reg.Logger = textLogger(writerFunc(func(p []byte) (int, error) {
			_ = reg.Snapshot()
			return len(p), nil
		}))
		stop := startRegistry(t, reg)
		pass(2 * time.Second)
		stop()
	})
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestStartDelayHistogram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := newRegistry(t, many(10, "c", func(context.Context, int) error {
			time.Sleep(time.Second)
			return nil
		})...)
		start(t, &healthcheck.Runner{Registry: reg, Concurrency: 1, Interval: time.Hour})
		pass(time.Minute)
		h := reg.Snapshot().Runner.StartDelay
		assert.EqualValues(t, 10, h.Count)
		assert.InDelta(t, 45, h.Sum, 0.01)
		require.Len(t, h.Buckets, len(h.Bounds))
		assert.True(t, slices.IsSorted(h.Bounds))
		assert.True(t, slices.IsSorted(h.Buckets), "cumulative")
		for i, bound := range h.Bounds {
			assert.EqualValues(t, min(10, int(bound)+1), h.Buckets[i], "le %v", bound)
		}
	})
}
