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

// script is a Checker that returns one result after the other.
type script struct{ results []healthcheck.Result }

func (s *script) Check(context.Context) healthcheck.Result {
	res := s.results[0]
	s.results = s.results[1:]
	return res
}

func (s *script) then(res ...healthcheck.Result) { s.results = append(s.results, res...) }

var (
	good = healthcheck.Result{Level: healthcheck.OK}
	bad  = healthcheck.Fail(errBroken)
)

func TestThresholds(t *testing.T) {
	for _, tc := range []struct {
		name             string
		failure, success int
		runs, states     string // O is OK and F is FAIL, one for each run
		changes          uint64
	}{
		{"each run decides by default", 0, 0, "OFOFF", "OFOFF", 3},
		{"one is the default", 1, 1, "OFOFF", "OFOFF", 3},
		{"the first run decides: OK", 3, 3, "OFFF", "OOOF", 1},
		{"the first run decides: FAIL", 3, 3, "FOOO", "FFFO", 1},
		{"a good run ends the streak of bad ones", 3, 1, "OFFOFFOFFF", "OOOOOOOOOF", 1},
		{"a bad run ends the streak of good ones", 1, 3, "FOOFOOFOOO", "FFFFFFFFFO", 1},
		{"only failures have to last", 2, 1, "OFFOFOFF", "OOFOOOOF", 3},
		{"only successes have to last", 1, 2, "OFOFOOF", "OFFFFOF", 3},
		{"each change needs its own streak", 2, 2, "OFFOOFFOO", "OOFFOOFFO", 4},
		{"FAIL at first, and for long", 2, 2, "FFFFOFO", "FFFFFFF", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				steps := &script{}
				reg := newRegistry(t, healthcheck.Check{
					Endpoint: "a", Checker: steps, FailureThreshold: tc.failure, SuccessThreshold: tc.success,
				})
				var since time.Time
				states := ""
				ok, failed := 0, 0
				for i, c := range tc.runs {
					steps.then(map[rune]healthcheck.Result{'O': good, 'F': bad}[c])
					time.Sleep(time.Second)
					level := levelOf(reg.Run(t.Context()))
					s := lookup(t, reg, "a")
					letter := map[bool]string{false: "O", true: "F"}[s.Failing()]
					if i == 0 || letter != states[len(states)-1:] {
						since = time.Now()
					}
					states += letter
					if c == 'F' {
						failed++
					} else {
						ok++
					}
					gotOK, gotFailed := s.Runs()
					assert.Equal(t, [2]uint64{uint64(ok), uint64(failed)}, [2]uint64{gotOK, gotFailed})
					assert.Equal(t, c == 'F', s.LastRunFailed())
					assert.Equal(t, letter == "F", level == healthcheck.FAIL)
					assert.True(t, since.Equal(s.Since()), "run %d", i)
					end, _ := s.LastRun()
					assert.True(t, end.Equal(time.Now()))
					if c == 'O' {
						assert.True(t, s.LastSuccess().Equal(end))
					}
				}
				assert.Equal(t, tc.states, states)
				assert.Equal(t, tc.changes, lookup(t, reg, "a").Changes())
			})
		})
	}
}

func TestStateBeforeTheFirstRun(t *testing.T) {
	reg := newRegistry(t, healthcheck.Check{Endpoint: "a"})
	s := lookup(t, reg, "a")
	assert.False(t, s.Ran())
	assert.False(t, s.Decided())
	assert.False(t, s.Failing())
	assert.False(t, s.LastRunFailed())
	assert.False(t, s.Stuck())
	assert.Equal(t, healthcheck.Status{Result: healthcheck.FAIL, Details: "not run yet"}, s.Status())
	end, duration := s.LastRun()
	assert.True(t, end.IsZero())
	assert.Zero(t, duration)
	assert.True(t, s.LastSuccess().IsZero())
	assert.True(t, s.Since().IsZero())
	assert.Zero(t, runs(s))
	assert.Empty(t, s.Failures())
	assert.Nil(t, s.Values())
	assert.Equal(t, healthcheck.ReasonNone, reasonOf(s))
	assert.Empty(t, detailsOf(s))
	assert.Empty(t, s.BlockedBy())
	assert.False(t, s.InMaintenance())
	assert.Equal(t, healthcheck.DefaultInterval, s.Interval())
	assert.Equal(t, healthcheck.DefaultInterval, s.Timeout())
	assert.Empty(t, reg.History("a"))
}

func TestStatusKeepsTheWordsThatExplainIt(t *testing.T) {
	steps := &script{}
	reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Checker: steps, FailureThreshold: 2, SuccessThreshold: 2})
	expect := func(res healthcheck.Result, want healthcheck.Status) {
		t.Helper()
		steps.then(res)
		s, err := reg.RunCheck(t.Context(), "a")
		require.NoError(t, err)
		assert.Equal(t, want, s.Status())
	}
	warm := healthcheck.Result{Level: "WARN", Details: "warm"}
	hot := healthcheck.Result{Level: healthcheck.FAIL, Details: "hot"}
	expect(warm, healthcheck.Status{Result: "WARN", Details: "warm"})
	expect(hot, healthcheck.Status{Result: "WARN", Details: "warm"})
	expect(healthcheck.Result{Details: "cool"}, healthcheck.Status{Result: healthcheck.OK, Details: "cool"})
	expect(hot, healthcheck.Status{Result: healthcheck.OK, Details: "cool"})
	expect(healthcheck.Result{Level: healthcheck.FAIL, Details: "hotter"}, healthcheck.Status{Result: healthcheck.FAIL, Details: "hotter"})
	expect(warm, healthcheck.Status{Result: healthcheck.FAIL, Details: "hotter"})
	expect(warm, healthcheck.Status{Result: "WARN", Details: "warm"})
	expect(good, healthcheck.Status{Result: healthcheck.OK})
	expect(warm, healthcheck.Status{Result: "WARN", Details: "warm"})
	expect(healthcheck.Result{}, healthcheck.Status{Result: healthcheck.OK})
}

func TestLevel(t *testing.T) {
	broken := func(context.Context) error { return errBroken }
	t.Run("optional checks do not count", func(t *testing.T) {
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a"}, healthcheck.Check{Endpoint: "b", Func: broken, Optional: true})
		assert.Equal(t, healthcheck.OK, levelOf(reg.Run(t.Context())))
		assert.Equal(t, healthcheck.OK, reg.Snapshot().Level)
		assert.Equal(t, healthcheck.FAIL, statusOf(t, reg, "b").Result, "but are shown")
	})
	t.Run("becomes optional and required again", func(t *testing.T) {
		c := healthcheck.Check{Endpoint: "a", Func: broken}
		reg := newRegistry(t, c)
		for range 3 {
			c.Optional = false
			require.NoError(t, reg.Update(c))
			assert.Equal(t, healthcheck.FAIL, levelOf(reg.Run(t.Context())))
			c.Optional = true
			require.NoError(t, reg.Update(c))
			assert.Equal(t, healthcheck.OK, reg.Level())
			assert.Equal(t, healthcheck.OK, reg.Snapshot().Level)
		}
	})
	t.Run("a failing check is removed", func(t *testing.T) {
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a", Func: broken}, healthcheck.Check{Endpoint: "b"})
		assert.Equal(t, healthcheck.FAIL, levelOf(reg.Run(t.Context())))
		require.NoError(t, reg.Unregister("a"))
		assert.Equal(t, healthcheck.OK, reg.Level())
		assert.Equal(t, healthcheck.OK, reg.Snapshot().Level)
	})
	t.Run("the first round waits for all, but not for those removed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			reg := newRegistry(t, healthcheck.Check{Endpoint: "a"}, healthcheck.Check{Endpoint: "b", InitialDelay: time.Hour})
			startRegistry(t, reg)
			assert.False(t, reg.Ready())
			assert.Equal(t, healthcheck.FAIL, reg.Level())
			require.NoError(t, reg.Unregister("b"))
			assert.True(t, reg.Ready())
			assert.Equal(t, healthcheck.OK, reg.Level())
		})
	})
	t.Run("a check that comes later does not take it back", func(t *testing.T) {
		reg := newRegistry(t, healthcheck.Check{Endpoint: "a"})
		assert.Equal(t, healthcheck.OK, levelOf(reg.Run(t.Context())))
		require.NoError(t, reg.Register(healthcheck.Check{Endpoint: "b", Func: broken}))
		assert.Equal(t, healthcheck.OK, reg.Level())
		assert.Equal(t, healthcheck.OK, reg.Snapshot().Level)
		assert.Equal(t, healthcheck.FAIL, levelOf(reg.Run(t.Context())))
	})
	t.Run("a round that was interrupted is none", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var slow bool
			reg := newRegistry(t, healthcheck.Check{Endpoint: "a"}, healthcheck.Check{Endpoint: "b", Func: func(ctx context.Context) error {
				if slow {
					<-ctx.Done()
				}
				return ctx.Err()
			}})
			slow = true
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			assert.Equal(t, healthcheck.FAIL, levelOf(reg.Run(ctx)))
			synctest.Wait()
			assert.False(t, reg.Ready())
			assert.False(t, lookup(t, reg, "b").Ran(), "its outcome is dropped")
			slow = false
			assert.Equal(t, healthcheck.OK, levelOf(reg.Run(t.Context())))
		})
	})
}

func TestBlockedAndMaintenance(t *testing.T) {
	var window bool
	broken := func(context.Context) error { return errBroken }
	reg := newRegistry(t,
		healthcheck.Check{Endpoint: "app", DependsOn: []string{"db", "cache", "nobody", "net"}},
		healthcheck.Check{Endpoint: "db", Func: broken, Maintenance: func(time.Time) bool { return window }},
		healthcheck.Check{Endpoint: "cache"},
		healthcheck.Check{Endpoint: "net", Func: broken, Optional: true},
	)
	snap := reg.Snapshot()
	app, ok := snap.Find("app")
	require.True(t, ok)
	assert.Empty(t, app.BlockedBy(), "nothing is known to be FAIL yet")

	window = true
	reg.Run(t.Context())
	snap = reg.Snapshot()
	app, _ = snap.Find("app")
	assert.Equal(t, []string{"db", "net"}, app.BlockedBy())
	db, _ := snap.Find("db")
	assert.True(t, db.InMaintenance())
	assert.Empty(t, db.BlockedBy())
	assert.Equal(t, healthcheck.FAIL, snap.Level, "a window does not change the level")
	_, ok = snap.Find("nobody")
	assert.False(t, ok)

	window = false
	reg.SnapshotInto(&snap)
	db, _ = snap.Find("db")
	assert.False(t, db.InMaintenance())
}
