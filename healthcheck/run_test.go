package healthcheck_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

type key struct{}

// TestContextOfRun looks at the context of a run at its end, for each way that it may end.
func TestContextOfRun(t *testing.T) {
	const timeout = 2 * time.Second
	// During runs as the check. It must return once ctx is done.
	type during func(t *testing.T, ctx context.Context, want error)
	ends := map[string]struct {
		want error
		end  func(reg *healthcheck.Registry, stop func())
	}{
		"deadline":   {context.DeadlineExceeded, func(*healthcheck.Registry, func()) { time.Sleep(timeout) }},
		"shutdown":   {context.Canceled, func(_ *healthcheck.Registry, stop func()) { stop() }},
		"unregister": {context.Canceled, func(reg *healthcheck.Registry, _ func()) { _ = reg.Unregister("a") }},
	}
	for name, check := range map[string]during{
		"itself": func(t *testing.T, ctx context.Context, want error) {
			assert.NoError(t, ctx.Err())
			assert.NoError(t, context.Cause(ctx))
			<-ctx.Done()
			assert.Equal(t, want, ctx.Err())
			assert.Equal(t, want, context.Cause(ctx))
			<-ctx.Done()
		},
		"Done asked for late": func(t *testing.T, ctx context.Context, want error) {
			for ctx.Err() == nil {
				time.Sleep(10 * time.Millisecond)
			}
			<-ctx.Done()
			assert.Equal(t, want, ctx.Err())
		},
		"WithCancel": func(t *testing.T, ctx context.Context, want error) {
			child, cancel := context.WithCancel(ctx)
			defer cancel()
			deadline, ok := child.Deadline()
			assert.True(t, ok)
			assert.Equal(t, timeout, time.Until(deadline))
			<-child.Done()
			assert.Equal(t, want, child.Err())
			assert.Equal(t, want, context.Cause(child))
		},
		"WithTimeout longer": func(t *testing.T, ctx context.Context, want error) {
			child, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			<-child.Done()
			assert.Equal(t, want, child.Err())
		},
		"WithTimeout shorter": func(t *testing.T, ctx context.Context, _ error) {
			child, cancel := context.WithTimeout(ctx, timeout/4)
			defer cancel()
			began := time.Now()
			<-child.Done()
			if time.Since(began) == timeout/4 {
				assert.Equal(t, context.DeadlineExceeded, child.Err())
				assert.NoError(t, ctx.Err())
			}
			<-ctx.Done()
		},
		"WithCancelCause": func(t *testing.T, ctx context.Context, _ error) {
			child, cancel := context.WithCancelCause(ctx)
			cancel(errBroken)
			assert.Equal(t, errBroken, context.Cause(child))
			assert.NoError(t, ctx.Err())
			<-ctx.Done()
		},
		"WithoutCancel": func(t *testing.T, ctx context.Context, _ error) {
			<-ctx.Done()
			assert.NoError(t, context.WithoutCancel(ctx).Err())
		},
		"grandchild through a value": func(t *testing.T, ctx context.Context, want error) {
			child, cancel := context.WithCancel(context.WithValue(ctx, key{}, "own"))
			defer cancel()
			assert.Equal(t, "own", child.Value(key{}))
			<-child.Done()
			assert.Equal(t, want, child.Err())
		},
		"value of the runner's context": func(t *testing.T, ctx context.Context, _ error) {
			assert.Equal(t, "runner's", ctx.Value(key{}))
			<-ctx.Done()
		},
		"AfterFunc": func(t *testing.T, ctx context.Context, want error) {
			called := make(chan error, 1)
			stop := context.AfterFunc(ctx, func() { called <- ctx.Err() })
			assert.Equal(t, want, <-called)
			assert.False(t, stop())
		},
		"AfterFunc stopped": func(t *testing.T, ctx context.Context, _ error) {
			other := make(chan struct{})
			stop := context.AfterFunc(ctx, func() { t.Error("called though it was stopped") })
			keep := context.AfterFunc(ctx, func() { close(other) })
			assert.True(t, stop())
			assert.False(t, stop())
			<-other
			assert.False(t, keep())
		},
		"AfterFunc when done": func(t *testing.T, ctx context.Context, _ error) {
			<-ctx.Done()
			called := make(chan struct{})
			stop := context.AfterFunc(ctx, func() { close(called) })
			<-called
			assert.False(t, stop())
		},
	} {
		for how, end := range ends {
			t.Run(name+" at "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ended := false
					reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Timeout: timeout, Func: func(ctx context.Context) error {
						check(t, ctx, end.want)
						ended = true
						return ctx.Err()
					}})
					ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "runner's"))
					done := make(chan error)
					go func() { done <- (&healthcheck.Runner{Registry: reg, Interval: time.Hour}).Run(ctx) }()
					synctest.Wait()
					end.end(reg, cancel)
					pass(20 * time.Millisecond)
					assert.True(t, ended)
					cancel()
					assert.NoError(t, <-done)
				})
			})
		}
	}
}

// TestContextOfRunLeaksNothing derives contexts that nobody cancels.
func TestContextOfRunLeaksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept []context.Context
		during := 0
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Func: func(ctx context.Context) error {
			before := runtime.NumGoroutine()
			for range 50 {
				child, cancel := context.WithCancel(ctx)
				_ = cancel // a check that forgets it
				kept = append(kept, child)
				grandchild, cancelCause := context.WithCancelCause(child)
				_ = cancelCause
				kept = append(kept, grandchild)
			}
			during = runtime.NumGoroutine() - before
			return nil
		}})
		reg.Run(t.Context())
		synctest.Wait()
		assert.LessOrEqual(t, during, 2, "no goroutine for a derived context")
		for _, ctx := range kept {
			require.Equal(t, context.Canceled, ctx.Err(), "the run is over")
		}
	})
}

func TestContextOfRunHasTheEarlierDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var left time.Duration
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Timeout: 10 * time.Second, Func: func(ctx context.Context) error {
			deadline, _ := ctx.Deadline()
			left = time.Until(deadline)
			return nil
		}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		reg.Run(ctx)
		assert.Equal(t, time.Second, left, "that of the caller")
		longer, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		reg.Run(longer)
		assert.Equal(t, 10*time.Second, left, "that of the run")
	})
}

func TestRunWithEndedContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := newRegistry(t, many(100, "c", func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return ctx.Err()
		})...)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		assert.Equal(t, healthcheck.FAIL, levelOf(reg.Run(ctx)))
		synctest.Wait()
		for _, s := range reg.Snapshot().States {
			assert.False(t, s.Ran())
		}
		assert.Zero(t, reg.Snapshot().Runner.Running)
	})
}

func TestRunTakesNoMoreThanItsTimeout(t *testing.T) {
	for _, tc := range []struct {
		interval, timeout, runner, want time.Duration
	}{
		{0, 0, 0, healthcheck.DefaultInterval},
		{0, 0, time.Minute, time.Minute},
		{0, 5 * time.Second, time.Minute, 5 * time.Second},
		{0, 5 * time.Minute, time.Minute, time.Minute},
		{10 * time.Second, 0, time.Minute, 10 * time.Second},
		{10 * time.Second, 10 * time.Second, time.Minute, 10 * time.Second},
		{10 * time.Second, time.Nanosecond, 0, time.Nanosecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			hang, _ := hanging(t)
			reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Interval: tc.interval, Timeout: tc.timeout, Func: hang})
			start(t, &healthcheck.Runner{Registry: reg, Interval: tc.runner})
			pass(tc.want)
			s := lookup(t, reg, "a")
			assert.Equal(t, tc.want, s.Timeout())
			_, duration := s.LastRun()
			assert.Equal(t, tc.want, duration)
			assert.True(t, s.Stuck())
		})
	}
}

// TestEndedContextBeginsNoRound has a registry asked to run with a context that has ended: nothing was looked at, so it is
// not known to be ready.
func TestEndedContextBeginsNoRound(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, run := range map[string]func(*healthcheck.Registry) error{
		"Run": func(reg *healthcheck.Registry) error {
			_, err := reg.Run(ended)
			return err
		},
		"Runner": func(reg *healthcheck.Registry) error {
			assert.NoError(t, (&healthcheck.Runner{Registry: reg}).Run(ended))
			return ended.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			var tr trace
			reg := &healthcheck.Registry{}
			assert.ErrorIs(t, run(reg), context.Canceled)
			assert.False(t, reg.Ready())
			assert.Equal(t, healthcheck.FAIL, reg.Level())
			require.NoError(t, reg.Register(healthcheck.Check{Endpoint: "a", Func: traced(&tr)}))
			assert.ErrorIs(t, run(reg), context.Canceled)
			assert.Zero(t, tr.count(), "nothing is begun")
			_, err := reg.Run(t.Context())
			require.NoError(t, err)
			assert.True(t, reg.Ready())
		})
	}
}
