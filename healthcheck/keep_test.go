package healthcheck_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// TestContextsMayBeKept has checks that keep their contexts, derive from them, and use them while later runs are under way.
func TestContextsMayBeKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var late sync.WaitGroup
		var kept atomic.Int64
		// uses looks at a context of a run that is over.
		uses := []func(ctx context.Context){
			func(ctx context.Context) { <-ctx.Done() },
			func(ctx context.Context) { assert.Equal(t, context.Canceled, ctx.Err()) },
			func(ctx context.Context) { assert.Equal(t, context.Canceled, context.Cause(ctx)) },
			func(ctx context.Context) {
				child, cancel := context.WithTimeout(ctx, time.Hour)
				defer cancel()
				<-child.Done()
				assert.Equal(t, context.Canceled, child.Err())
			},
			func(ctx context.Context) {
				called := make(chan struct{})
				stop := context.AfterFunc(ctx, func() { close(called) })
				<-called
				assert.False(t, stop())
			},
			func(ctx context.Context) {
				deadline, ok := ctx.Deadline()
				assert.True(t, ok)
				assert.Less(t, time.Until(deadline), 50*time.Millisecond)
			},
			func(ctx context.Context) { assert.Nil(t, ctx.Value(key{})) },
		}
		reg := newRegistry(t, many(20, "c", func(ctx context.Context, i int) error {
			use := uses[(int(kept.Add(1))+i)%len(uses)]
			switch i % 4 {
			case 0: // waits from the beginning
				late.Go(func() { <-ctx.Done() })
			case 1: // derives during the run, and uses what it derived later
				child, cancel := context.WithCancel(ctx)
				late.Go(func() {
					defer cancel()
					time.Sleep(time.Duration(1+i*7) * time.Millisecond)
					use(ctx)
					<-child.Done()
				})
			default:
				late.Go(func() {
					time.Sleep(time.Duration(1+i*11) * time.Millisecond)
					use(ctx)
				})
			}
			if i%4 == 1 {
				return ctx.Err() // that of this run, never of another
			}
			return nil // without a look at it: it is looked at when the run may be over
		})...)
		stop := start(t, &healthcheck.Runner{Registry: reg, Interval: 50 * time.Millisecond})
		pass(30 * time.Second)
		stop()
		late.Wait()
		for _, s := range reg.Snapshot().States {
			ok, failed := s.Runs()
			assert.InDelta(t, 600, int(ok), 2)
			assert.Zero(t, failed, "a context was done during its run")
		}
	})
}

// TestMemoryIsFlat runs checks for a day, and compares what is kept after some hours with what is kept at the end.
func TestMemoryIsFlat(t *testing.T) {
	for _, intervals := range [][]time.Duration{
		{time.Minute}, {5 * time.Minute}, {time.Hour},
		{10 * time.Second, 51200 * time.Millisecond, time.Minute, 5 * time.Minute, time.Hour},
	} {
		t.Run(fmt.Sprint(intervals), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const n = 40
				checks := many(n, "c", func(context.Context, int) error { return nil })
				for i := range checks {
					checks[i].Interval = intervals[i%len(intervals)]
				}
				reg := newRegistry(t, checks...)
				start(t, &healthcheck.Runner{Registry: reg})
				type kept struct {
					lists, items, goroutines int
					heap                     uint64
				}
				measure := func() (k kept) {
					var m runtime.MemStats
					runtime.GC()
					runtime.ReadMemStats(&m)
					k.lists, k.items = healthcheck.WheelMemory(reg)
					k.goroutines, k.heap = runtime.NumGoroutine(), m.HeapAlloc
					return k
				}
				pass(4 * time.Hour)
				before := measure()
				pass(20 * time.Hour)
				after := measure()
				assert.LessOrEqual(t, after.lists, before.lists+n/4, "lists of the wheel")
				assert.LessOrEqual(t, after.items, 2*before.items, "room in them")
				assert.LessOrEqual(t, after.lists, 2*n+10)
				assert.LessOrEqual(t, after.goroutines, before.goroutines+2)
				assert.Less(t, float64(after.heap), float64(before.heap)+64<<10)
			})
		})
	}
}

// TestWheelOfMixedIntervals has slots of which few entries stay for another turn and many do not.
func TestWheelOfMixedIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		intervals := []time.Duration{5 * time.Second, 30 * time.Second, time.Minute, 10 * time.Minute, time.Hour}
		const n = 3000
		checks := many(n, "c", func(context.Context, int) error { return nil })
		for i := range checks {
			checks[i].Interval = intervals[i%len(intervals)]
		}
		reg := newRegistry(t, checks...)
		start(t, &healthcheck.Runner{Registry: reg})
		pass(10 * time.Minute)
		lists, items := healthcheck.WheelMemory(reg)
		pass(2 * time.Hour)
		laterLists, laterItems := healthcheck.WheelMemory(reg)
		assert.LessOrEqual(t, laterLists, lists+lists/4)
		assert.LessOrEqual(t, laterItems, items+items/4)
		assert.LessOrEqual(t, laterItems, 20*n)
	})
}

// TestWheelForgetsBursts registers many checks at once, again and again: the room that each burst takes in a slot is not
// kept for every slot that ever saw one.
func TestWheelForgetsBursts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 2000
		reg := newRegistry(t)
		start(t, &healthcheck.Runner{Registry: reg, Interval: time.Minute})
		for range 40 {
			checks := many(n, "c", func(context.Context, int) error { return nil })
			require.NoError(t, reg.Apply(healthcheck.Changes{Register: checks}))
			pass(10 * time.Second)
			var ch healthcheck.Changes
			for i := range checks {
				ch.Unregister = append(ch.Unregister, checks[i].Endpoint)
			}
			require.NoError(t, reg.Apply(ch))
			pass(7770 * time.Millisecond)
		}
		pass(3 * time.Minute)
		_, items := healthcheck.WheelMemory(reg)
		assert.LessOrEqual(t, items, 25*n, "what is planned needs 4*n")
	})
}

// blockedLog is a log that takes nothing until it is released.
type blockedLog struct{ release chan struct{} }

func (l blockedLog) Enabled(context.Context, slog.Level) bool { return true }
func (l blockedLog) Handle(context.Context, slog.Record) error {
	<-l.release
	return nil
}
func (l blockedLog) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l blockedLog) WithGroup(string) slog.Handler      { return l }

func TestBlockedLogStopsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		reg := newRegistry(t, append(
			many(100, "fails", func(context.Context, int) error { return errBroken }),
			healthcheck.Check{Endpoint: "ok"},
			healthcheck.Check{Endpoint: "late", Timeout: time.Second, Func: func(context.Context) error { time.Sleep(3 * time.Second); return nil }},
			healthcheck.Check{Endpoint: "panics", Func: func(context.Context) error { panic("out of cheese") }},
		)...)
		reg.Logger = slog.New(blockedLog{release})
		before := runtime.NumGoroutine()
		stop := startRegistry(t, reg)
		pass(30*time.Minute + time.Second)
		for _, s := range reg.Snapshot().States {
			assert.InDelta(t, 180, int(runs(&s)), 2, s.Check.Endpoint)
		}
		assert.Zero(t, reg.Snapshot().Runner.Stuck)
		assert.Less(t, runtime.NumGoroutine(), before+10, "no goroutine for each line")
		began := time.Now()
		stop()
		assert.LessOrEqual(t, time.Since(began), 5*time.Second, "nor does it hold up the end for long")
		close(release)
	})
}

// TestLogTellsWhatItDropped has a log that is released after a time.
func TestLogTellsWhatItDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var buf lockedBuffer
		reg := newRegistry(t, append(many(100, "c", func(context.Context, int) error { return errBroken }),
			healthcheck.Check{Endpoint: "changes"})...)
		reg.Logger = textLogger(writerFunc(func(p []byte) (int, error) {
			<-release
			return buf.Write(p)
		}))
		stop := startRegistry(t, reg)
		pass(time.Hour)
		require.NoError(t, reg.Update(healthcheck.Check{Endpoint: "changes", Func: func(context.Context) error { return errBroken }}))
		pass(time.Second)
		close(release)
		pass(time.Minute)
		stop()
		assert.Regexp(t, `level=WARN msg="the log was too slow" lines_dropped=\d{4,}`, buf.String())
		assert.Contains(t, buf.String(), `level=WARN msg="check is FAIL" check=changes`, "what matters has room longer than the rest")
	})
}

func TestObserversHarmNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		var buf lockedBuffer
		reg := newRegistry(t,
			healthcheck.Check{Endpoint: "ok"},
			healthcheck.Check{Endpoint: "late", Timeout: time.Second, Func: func(ctx context.Context) error { <-ctx.Done(); time.Sleep(time.Second); return nil }})
		reg.Logger = textLogger(&buf)
		reg.Observe(func(c *healthcheck.Check, _ healthcheck.Outcome) {
			if c.Endpoint == "late" {
				<-release
			}
			panic("out of cheese")
		})
		startRegistry(t, reg)
		pass(time.Minute)
		assert.EqualValues(t, 7, runs(lookup(t, reg, "ok")))
		assert.EqualValues(t, 7, runs(lookup(t, reg, "late")), "the deadline is watched on")
		assert.Contains(t, buf.String(), `level=ERROR msg="observer panicked" check=ok panic="out of cheese"`)
	})
}

// rudeCloser panics when it is closed.
type rudeCloser struct{ healthcheck.Checker }

func (rudeCloser) Close() error { panic("rude") }

func TestPanicInClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buf lockedBuffer
		slow := healthcheck.CheckFunc(func(context.Context) error { time.Sleep(time.Second); return nil })
		reg := newRegistry(t,
			healthcheck.Check{Endpoint: "a", Checker: &rudeCloser{slow}},
			healthcheck.Check{Endpoint: "b", Checker: &rudeCloser{slow}})
		reg.Logger = textLogger(&buf)
		startRegistry(t, reg)
		require.NoError(t, reg.Unregister("a"), "during its run")
		pass(5 * time.Second)
		require.NoError(t, reg.Unregister("b"))
		synctest.Wait()
		assert.EqualValues(t, 2, reg.Snapshot().Runner.Panics)
		assert.Contains(t, buf.String(), `level=ERROR msg="closing a check panicked" check=b panic=rude`)
	})
}

func TestOneCheckerUnderTwoEndpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClosable(func(context.Context) error { time.Sleep(5 * time.Second); return nil })
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Checker: c}, healthcheck.Check{Endpoint: "b", Checker: c})
		startRegistry(t, reg)
		pass(time.Second)
		require.NoError(t, reg.Unregister("a"))
		pass(10 * time.Minute)
		assert.Zero(t, c.closed.Load(), "b has it")
		require.NoError(t, reg.Apply(healthcheck.Changes{Unregister: []string{"b"}, Register: []healthcheck.Check{{Endpoint: "moved", Checker: c}}}))
		pass(10 * time.Minute)
		assert.Zero(t, c.closed.Load(), "it has moved")
		require.NoError(t, reg.Update(healthcheck.Check{Endpoint: "moved", Func: alwaysOK}))
		pass(10 * time.Minute)
		assert.EqualValues(t, 1, c.closed.Load())
		assert.False(t, c.closedRunning.Load(), "only after its last run")
	})
}

var _ io.Closer = rudeCloser{}

// TestWhatObserversTakeIsNobodysTime has an observer that takes longer than a deadline: the next run of the same goroutine
// begins when it begins, and the schedule of others goes on.
func TestWhatObserversTakeIsNobodysTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr trace
		reg := newRegistry(t, append(many(40, "c", func(context.Context, int) error { return nil }),
			healthcheck.Check{Endpoint: "slow to tell", Interval: time.Minute},
			healthcheck.Check{Endpoint: "often", Interval: 50 * time.Millisecond, Func: func(context.Context) error {
				tr.mark()
				time.Sleep(200 * time.Microsecond)
				return nil
			}})...)
		reg.Observe(func(c *healthcheck.Check, _ healthcheck.Outcome) {
			if c.Endpoint == "slow to tell" {
				time.Sleep(20*time.Second + 500*time.Nanosecond)
			}
		})
		began := time.Now()
		startRegistry(t, reg)
		pass(10 * time.Minute)
		for _, s := range reg.Snapshot().States {
			_, failed := s.Runs()
			assert.Zero(t, failed, s.Check.Endpoint)
			assert.Zero(t, s.Skipped(), s.Check.Endpoint)
		}
		times := tr.since(began)
		for i := 1; i < len(times); i++ {
			require.LessOrEqual(t, times[i]-times[i-1], 3*healthcheck.MinInterval)
		}
	})
}

// goexitLog ends the goroutine that writes the first line.
type goexitLog struct {
	blockedLog
	lines *atomic.Int64
}

func (l goexitLog) Handle(context.Context, slog.Record) error {
	if l.lines.Add(1) == 1 {
		runtime.Goexit()
	}
	return nil
}

func TestLogThatEndsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines atomic.Int64
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Func: func(context.Context) error { return errBroken }})
		reg.Logger = slog.New(goexitLog{lines: &lines})
		began := time.Now()
		for range 3 {
			_, err := reg.Run(t.Context())
			require.NoError(t, err)
		}
		assert.EqualValues(t, 3, lines.Load())
		assert.Zero(t, time.Since(began))
	})
}

// TestRunWaitsForNoObserver has an observer that blocks: Run returns at the deadline.
func TestRunWaitsForNoObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Timeout: 5 * time.Second})
		reg.Observe(func(*healthcheck.Check, healthcheck.Outcome) { <-release })
		began := time.Now()
		level, err := reg.Run(t.Context())
		assert.NoError(t, err)
		assert.Equal(t, healthcheck.OK, level)
		assert.Equal(t, 5*time.Second, time.Since(began))
	})
}

// TestBlockedObserverIsBounded has an observer that blocks for ever, for all that it is told.
func TestBlockedObserverIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		reg := newRegistry(t, many(5, "c", func(context.Context, int) error { return nil })...)
		before := runtime.NumGoroutine()
		stop := start(t, &healthcheck.Runner{Registry: reg, Interval: time.Second})
		pass(10 * time.Second)
		ran := runs(lookup(t, reg, "c1"))
		reg.Observe(func(*healthcheck.Check, healthcheck.Outcome) { <-release })
		pass(time.Hour)
		assert.LessOrEqual(t, runtime.NumGoroutine(), before+20)
		s := lookup(t, reg, "c1")
		assert.Equal(t, ran+1, runs(s))
		assert.False(t, s.Failing(), "its runs were good")
		assert.False(t, s.Stuck())
		assert.InDelta(t, 3600, int(s.Skipped()), 2, "and what it loses is counted")
		close(release)
		pass(10 * time.Second)
		assert.Greater(t, runs(lookup(t, reg, "c1")), ran+8, "it runs on")
		stop()
	})
}

// TestBlockedCloseHoldsNothingUp updates a check during its run, whose old checker does not close.
func TestBlockedCloseHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		var tr trace
		var buf lockedBuffer
		old := &stubbornCloser{healthcheck.CheckFunc(func(context.Context) error { time.Sleep(5 * time.Second); return errBroken }), release}
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Interval: time.Hour, Checker: old})
		reg.Logger = textLogger(&buf)
		start(t, &healthcheck.Runner{Registry: reg})
		pass(time.Second)
		require.NoError(t, reg.Update(healthcheck.Check{Endpoint: "a", Interval: time.Hour, Func: traced(&tr)}))
		pass(5 * time.Second)
		assert.Equal(t, 1, tr.count(), "the new definition runs at once")
		assert.Contains(t, buf.String(), "check is FAIL")
	})
}

type stubbornCloser struct {
	healthcheck.Checker
	release chan struct{}
}

func (c *stubbornCloser) Close() error { <-c.release; return nil }

func TestPanicInMaintenance(t *testing.T) {
	var buf lockedBuffer
	reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Maintenance: func(time.Time) bool { panic("out of cheese") }}, healthcheck.Check{Endpoint: "b"})
	reg.Logger = textLogger(&buf)
	_, err := reg.Run(t.Context())
	require.NoError(t, err)
	snap := reg.Snapshot()
	assert.Len(t, snap.States, 2)
	assert.False(t, snap.States[0].InMaintenance())
	assert.EqualValues(t, 1, snap.Runner.Panics)
}
