package healthcheck

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEveryDueRunBeginsOrIsCounted steps through the hand-over of due runs to workers in random orders: each step is one
// critical section of the loop or of a worker, the test is the only goroutine, and what a check does is decided by the
// test. The law is that of pool: every due run begins within two slots, or is counted as skipped.
func TestEveryDueRunBeginsOrIsCounted(t *testing.T) {
	for seed := range uint64(80) {
		synctest.Test(t, func(t *testing.T) {
			m := newModel(t, seed)
			for range 3000 {
				m.step()
			}
			m.judge()
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// model is a scheduler without goroutines.
type model struct {
	t       *testing.T
	rng     *rand.Rand
	reg     *Registry
	s       *scheduler
	started time.Time
	workers []*modelWorker
	tallies map[*entry]*tally
	gone    []Check       // unregistered, and not registered again
	mood    int           // in percent, how many runs are not quick
	lag     time.Duration // of the loop: the machine has no time for it
	late    time.Duration // of the loop and of workers, up to that and now and then: the same, for longer
	lost    time.Duration // once, for the same reason
}

// tally is what the model knows of a check.
type tally struct {
	begun   uint64 // runs that were due on the grid
	points  uint64 // of the grid, until the last update
	updates uint64
	updated int64  // the last time, or registered, on the clock of the schedule
	runs    uint64 // since, of any kind
	waited  uint64 // points that were due at that time and had not begun
}

// passed returns how many points of e's grid have come due since the last update.
func (m *model) passed(e *entry) uint64 {
	interval := int64(e.state.interval)
	phase := int64(hash(e.state.Check.Endpoint)>>1) % interval
	upTo := func(t int64) int64 { return (t - t%slotWidth - phase) / interval }
	return uint64(upTo(m.s.at(time.Now())) - upTo(m.tally(e).updated))
}

func (m *model) tally(e *entry) *tally {
	if m.tallies[e] == nil {
		m.tallies[e] = &tally{updated: m.s.at(time.Now())}
	}
	return m.tallies[e]
}

// modelWorker is a worker between two of its steps.
type modelWorker struct {
	w     *worker
	run   bool      // has begun what ends at the given time
	ends  time.Time // zero: never
	fresh bool      // must fill before it begins anything
}

func newModel(t *testing.T, seed uint64) *model {
	t.Helper()
	m := &model{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), reg: &Registry{}, tallies: make(map[*entry]*tally),
		mood: []int{0, 3, 30, 100}[seed%4],
	}
	if seed%5 == 4 {
		m.lag = 70 * time.Millisecond
	}
	if seed%5 == 3 {
		m.late = 4 * time.Second
	}
	n, intervals := 3+m.rng.IntN(60), []time.Duration{50, 100, 1000, 7000}
	switch {
	case seed%8 == 7: // many that hang at once
		n, intervals = 400, []time.Duration{60_000}
	case seed%2 == 1: // mostly, nothing else is due that would lead to a look
		intervals = []time.Duration{1000, 7000}
	}
	var checks []Check
	for i := range n {
		interval := intervals[m.rng.IntN(len(intervals))] * time.Millisecond
		checks = append(checks, Check{
			Endpoint: fmt.Sprintf("c%d", i), Interval: interval, Timeout: max(interval/time.Duration(1+m.rng.IntN(3)), 10*time.Millisecond),
			Func: func(context.Context) error { return nil },
		})
	}
	require.NoError(t, m.reg.Apply(Changes{Register: checks}))
	m.s = newScheduler(t.Context(), &Runner{Registry: m.reg})
	require.NoError(t, m.reg.attach(m.s, time.Second))
	m.started = time.Now()
	for _, e := range m.reg.view() {
		m.tally(e)
	}
	m.look()
	return m
}

// burst makes some checks due at once, beside their grid, or on another grid, takes away some that are due, and brings back
// some that were taken away.
func (m *model) burst() {
	m.sleepLate()
	var ch Changes
	waiting := m.waiting()
	if len(waiting) > 0 && len(m.reg.view()) > 3 && m.rng.IntN(3) == 0 {
		if e := waiting[m.rng.IntN(len(waiting))].entry; e != nil && !e.removed {
			m.gone = append(m.gone, *e.state.Check)
			ch.Unregister = []string{e.state.Check.Endpoint}
			if m.rng.IntN(2) == 0 { // in one change
				ch.Register, m.gone = m.gone, nil
			}
		}
	}
	points := make(map[*entry]uint64)
	for _, item := range waiting {
		if item.why == onGrid {
			points[item.entry]++
		}
	}
	other := m.rng.IntN(3) == 0
	some := 1 + m.rng.IntN(4)
	for _, e := range m.reg.view() {
		if m.rng.IntN(some) > 0 || slices.Contains(ch.Unregister, e.state.Check.Endpoint) {
			continue
		}
		c := *e.state.Check
		c.Checker = CheckFunc(func(context.Context) error { return nil })
		t := m.tally(e)
		t.points += m.passed(e)
		t.updates++
		t.updated, t.runs, t.waited = m.s.at(time.Now()), 0, 0
		t.waited = points[e]
		if other && m.rng.IntN(2) == 0 {
			c.Interval = []time.Duration{50, 250, 1000, 3000}[m.rng.IntN(4)] * time.Millisecond
			c.Timeout = max(c.Interval/2, 10*time.Millisecond)
		}
		ch.Update = append(ch.Update, c)
	}
	require.NoError(m.t, m.reg.Apply(ch))
	for i := range ch.Register {
		m.tally(m.reg.find(ch.Register[i].Endpoint))
	}
}

// sleepLate is the machine that has no time for us.
func (m *model) sleepLate() {
	if m.late > 0 && m.rng.IntN(40) == 0 {
		time.Sleep(time.Duration(m.rng.Int64N(int64(m.late))))
	}
}

// look is a step of the loop.
func (m *model) look() {
	select {
	case <-m.s.wakeCh:
	default:
	}
	time.Sleep(m.lag)
	m.sleepLate()
	now := time.Now()
	started, overdue := m.s.look(now)
	for _, w := range started {
		m.workers = append(m.workers, &modelWorker{w: w, fresh: true})
	}
	for _, r := range overdue {
		_, _ = r.expire(now)
	}
}

// step makes one step that can be made now, or lets time pass until there is one.
func (m *model) step() {
	var steps []func()
	if len(m.s.wakeCh) > 0 {
		steps = append(steps, m.look)
	}
	wait := m.s.at(time.Now()) // the next thing that happens by itself
	wait = m.s.wakeAt.Load() - wait
	if wait <= 0 {
		steps = append(steps, m.look)
	}
	for _, mw := range m.workers {
		switch left := time.Until(mw.ends); {
		case !mw.run:
			steps = append(steps, func() { m.next(mw) })
		case mw.ends.IsZero():
		case left <= 0:
			steps = append(steps, func() { m.end(mw) })
		default:
			wait = min(wait, int64(left))
		}
	}
	m.assertNothingWaitsLong()
	if m.rng.IntN(300) == 0 {
		m.burst()
		return
	}
	if len(steps) == 0 {
		time.Sleep(time.Duration(max(wait, 1)))
		return
	}
	if m.rng.IntN(2) == 0 {
		time.Sleep(time.Duration(m.rng.IntN(5)) * time.Microsecond)
	}
	steps[m.rng.IntN(len(steps))]()
}

// next is what a worker does between two runs.
func (m *model) next(mw *modelWorker) {
	m.sleepLate()
	if mw.fresh {
		mw.fresh = false
		if !m.s.fill(mw.w, time.Now()) {
			m.workers = slices.DeleteFunc(m.workers, func(other *modelWorker) bool { return other == mw })
		}
		return
	}
	item, due := mw.w.begin(time.Now())
	switch {
	case item.entry == nil:
		mw.fresh = true
		return
	case due != dueStarted:
		if (due == dueSkipped || due == dueStuck) && item.why == onGrid {
			item.entry.miss(1, m.s.base.ago(item.due, time.Now()), time.Now())
		}
		return
	}
	late := time.Duration(m.s.at(time.Now()) - item.due)
	assert.LessOrEqual(m.t, late, m.latest(), "a run begins late")
	t := m.tally(item.entry)
	if item.why == onGrid {
		t.begun++
	}
	t.runs++
	assert.LessOrEqual(m.t, t.runs, m.passed(item.entry)+max(1, t.waited), "more runs than are due and the update has asked for")
	if m.s.epochNS+mw.w.run.deadline < m.s.wakeAt.Load() {
		m.s.wake()
	}
	mw.run, mw.ends = true, time.Now().Add(20*time.Microsecond)
	if m.rng.IntN(100) < m.mood {
		switch m.rng.IntN(4) {
		case 0:
			mw.ends = time.Now().Add(time.Duration(1+m.rng.IntN(30)) * time.Millisecond)
		case 1:
			mw.ends = time.Now().Add(time.Duration(60+m.rng.IntN(3000)) * time.Millisecond)
		case 2:
			mw.ends = time.Now().Add(time.Duration(100+m.rng.IntN(200)) * time.Microsecond)
		default:
			mw.ends = time.Time{} // it hangs for ever
		}
	}
}

// end is the return of a check.
func (m *model) end(mw *modelWorker) {
	r, now := mw.w.run, time.Now()
	item := dueItem{entry: r.entry, slow: !r.entry.plan.quick}
	mw.run = false
	r.finish(&Result{}, now)
	if quick := now.Sub(r.start) < quickRun; quick == item.slow {
		m.s.setQuick(item.entry, quick)
	}
}

// latest is how late a run may begin: two slots, if the loop has its time.
func (m *model) latest() time.Duration {
	if m.lag > 0 || m.late > 0 {
		return time.Hour
	}
	return 2*MinInterval + m.lost
}

// waiting returns what is due and not begun.
func (m *model) waiting() (items []dueItem) {
	items = slices.Clone(m.s.pool.queue.items[m.s.pool.queue.head:])
	for _, w := range m.s.pool.workers {
		items = append(items, w.batch[w.next:w.end]...)
	}
	return items
}

func (m *model) assertNothingWaitsLong() {
	oldest := m.s.at(time.Now()) - int64(m.latest())
	for _, item := range m.waiting() {
		if item.entry != nil && !item.entry.removed && item.due < oldest {
			require.Fail(m.t, "a run is due and does not begin", item.entry.state.Check.Endpoint)
		}
	}
}

// judge compares the points of each check's grid that have passed with the runs that were begun and those that were
// counted as skipped.
func (m *model) judge() {
	m.look() // so that what is due is released
	inFlight := make(map[*entry]uint64)
	for _, item := range m.waiting() {
		if item.entry != nil && item.why == onGrid {
			inFlight[item.entry]++
		}
	}
	for _, e := range m.reg.view() {
		t := m.tally(e)
		points := t.points + m.passed(e)
		counted := t.begun + e.state.skipped + inFlight[e]
		says := fmt.Sprintf("%s every %s: %d begun, %d skipped, %d in flight, %d updates",
			e.state.Check.Endpoint, e.state.interval, t.begun, e.state.skipped, inFlight[e], t.updates)
		assert.LessOrEqual(m.t, counted, points, says)
		// A point of the grid that finds a run beside the grid under way is no run that is lost, nor is one that comes before
		// the run that a registration or an update has asked for, where those are spread: two, if each
		// slot has one. If the loop is late, as many again pass meanwhile.
		beside := 2 * (1 + t.updates)
		if e.state.interval == MinInterval {
			beside = 3 * (1 + t.updates)
		}
		if m.lag > 0 || m.late > 0 {
			beside *= 2
		}
		assert.GreaterOrEqual(m.t, counted+beside, points, says)
	}
}

// TestLostTimeIsCounted has the loop sleep, as a machine does, for more than a turn of the wheel.
func TestLostTimeIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newModel(t, 0)
		for range 1000 {
			m.step()
		}
		m.lost = 100 * time.Second
		before, lost := make(map[*entry]uint64), time.Now()
		for _, e := range m.reg.view() {
			before[e] = e.state.skipped
		}
		time.Sleep(m.lost)
		m.look()
		for _, e := range m.reg.view() {
			if before[e] == 0 && e.state.skipped > 0 {
				assert.Less(t, e.state.SkippedSince(), lost.Add(e.state.interval+MinInterval), "before the first of them was due")
				assert.Less(t, lost.Add(-e.state.interval), e.state.SkippedSince(), "and not long before")
			}
		}
		assert.LessOrEqual(t, len(m.waiting()), 2*len(m.reg.view()), "what was lost is not caught up")
		for range 3000 {
			m.step()
		}
		m.judge()
	})
}

// TestUnregisteredMeanwhile has checks that are unregistered between what leads to their next run and its planning.
func TestUnregisteredMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := &Registry{}
		for _, endpoint := range []string{"a", "b"} {
			require.NoError(t, reg.Register(Check{Endpoint: endpoint, Func: func(context.Context) error { return nil }}))
		}
		s := newScheduler(t.Context(), &Runner{Registry: reg})
		require.NoError(t, reg.attach(s, time.Second))
		a, b := reg.find("a"), reg.find("b")
		for _, e := range []*entry{a, b} {
			e.plan.quick = true
		}
		s.pool.queue.clear()
		s.pool.queue.add(a, 0, onGrid)
		s.pool.queue.add(b, 0, onGrid)
		w := &worker{index: 0}
		w.own.base = s.base
		s.pool.workers = append(s.pool.workers, w)
		require.True(t, s.fill(w, time.Now()))
		require.Equal(t, 2, w.end-w.next)
		require.NoError(t, reg.Apply(Changes{Unregister: []string{"a", "b"}}))

		s.runNow(a)
		s.runBy(a, s.at(time.Now()))
		s.pool.takeBack(w, time.Now())
		assert.Zero(t, s.wheel.planned)
		assert.Zero(t, s.pool.queue.len())
	})
}
