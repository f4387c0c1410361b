package healthcheck

import (
	"context"
	"io"
	"reflect"
	"sync"
	"sync/atomic"
	"time"
)

// entry is a registered check with all that is known of it. Its size counts: there may be 100,000, and a run of a quick
// check costs what it costs to fetch its memory. Fields are in the order of cache lines of 64 bytes: planning touches the
// first, a good run the first three and one of the history's. The second and the third have a field that never changes,
// so that they can be fetched without a lock: see touch.
type entry struct {
	mu      sync.Mutex
	run     atomic.Pointer[run] // under way, or past its deadline and not returned; written with mu held
	plan    plan                // guarded by scheduler.mu
	streak  int32               // runs in a row whose result differs from the state
	removed bool
	inRound bool // the first full round waits for it

	reg     *Registry
	checker Checker // that of the definition
	aside   *aside  // nil while there is none
	state   State
	history history
}

// aside is what few runs need.
type aside struct {
	settled    chan struct{} // closed when the run under way is settled; nil if nobody asked
	closeLater closerList    // replaced or removed checkers that the run may still use
}

// setAside returns where to put what few runs need. It is called with e.mu held.
func (e *entry) setAside() *aside {
	if e.aside == nil {
		e.aside = new(aside)
	}
	return e.aside
}

// fetchAhead is how many entries are brought into the processor's cache at once, before they are worked on one by one: a
// loop that only reads waits for many misses at a time.
const fetchAhead = 16

// touch reads of e's cache lines that a run or a snapshot needs fields that need no lock.
func (e *entry) touch() uint64 {
	if e.run.Load() == nil && e.reg != nil {
		return e.state.seq
	}
	return 0
}

// fetchNext fetches, before entries[i] is worked on, those that follow, if it is time.
func fetchNext(entries []*entry, i int) {
	if i%fetchAhead == 0 {
		fetchEntries(entries[i:min(i+fetchAhead, len(entries))])
	}
}

//go:noinline
func fetchEntries(entries []*entry) (some uint64) {
	for _, e := range entries {
		some += e.touch()
	}
	return some
}

// define sets the definition. It is called with e.mu held, or before anybody knows of e.
func (e *entry) define(c *Check, defaultInterval time.Duration) {
	e.state.Check, e.checker = c, c.Checker
	e.state.depends, e.state.windows = len(c.DependsOn) > 0, c.Maintenance != nil
	e.state.plain = isPlain(c.Endpoint) && isPlain(c.Name)
	e.state.setInterval(defaultInterval)
}

// event is what the log is told of a run.
type event struct {
	check   *Check
	kind    eventKind
	reason  Reason
	details string
	outcome Outcome // for observers; with a zero Start there is none
}

type eventKind uint8

const (
	nothing eventKind = iota
	runFailed
	turnedFail
	turnedOK
)

// begin makes r the entry's run, or reports false where one is under way or the entry is gone.
func (e *entry) begin(r *run, now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.run.Load() != nil || e.removed {
		return false
	}
	r.mu.Lock()
	r.entry, r.check, r.checker = e, e.state.Check, e.checker
	r.start, r.timeout = now, e.state.timeout
	r.err = nil
	r.mu.Unlock()
	r.settled = false
	e.run.Store(r)
	return true
}

// record takes in the outcome of a run, and returns what there is to tell, if anything. It is called with e.mu held, at
// most once a run.
func (e *entry) record(r *run, res Result, end time.Time) *event {
	s := &e.state
	failed := res.Failed()
	before := State{level: s.level, text: s.text}
	runs := s.ok + s.fail
	s.lastEnd = end.UnixNano()
	s.duration = int64(end.Sub(r.start))
	s.raw = levelOK
	if failed {
		s.raw = levelFail
		if res.Reason == ReasonNone || res.Reason >= numReasons {
			res.Reason = ReasonError
		}
		s.reason = res.Reason
		s.fail++
		s.failures = s.failures.plus(res.Reason)
	} else {
		s.ok++
		s.lastSuccess = s.lastEnd
		res.Reason = ReasonNone
	}
	s.setText(&res)
	e.history.add(runs, r.start, time.Duration(s.duration), failed, &res)
	flipped := e.decide(failed, end)
	if e.inRound {
		e.inRound = false
		e.reg.roundDone()
	}
	if s.level != before.level || s.text != before.text && s.Status() != before.Status() {
		e.reg.visible.Add(1)
	}
	observed := e.reg.observers.Load() != nil
	if !failed && !flipped && !observed {
		return nil
	}
	news := &event{check: s.Check, reason: res.Reason, details: res.Details}
	switch {
	case flipped && s.level == levelFail:
		news.kind = turnedFail
	case flipped:
		news.kind = turnedOK
	case failed:
		news.kind = runFailed
	}
	if observed {
		news.outcome = Outcome{Start: r.start, Duration: time.Duration(s.duration), Result: OK, Reason: res.Reason, Details: res.Details}
		if failed {
			news.outcome.Result = FAIL
		}
	}
	return news
}

// decide applies the thresholds to one more result and reports whether the state changed to or from FAIL.
func (e *entry) decide(failed bool, now time.Time) (flipped bool) {
	s := &e.state
	level := levelOK
	if failed {
		level = levelFail
	}
	switch s.level {
	case levelUnknown:
		e.enter(level, now)
		return failed
	case level:
		e.streak = 0
		return false
	}
	threshold := s.Check.SuccessThreshold
	if failed {
		threshold = s.Check.FailureThreshold
	}
	e.streak++
	if int(e.streak) < threshold {
		return false
	}
	s.changes++
	e.enter(level, now)
	return true
}

func (e *entry) enter(level level, now time.Time) {
	e.countFailing(-1)
	e.state.level = level
	e.state.since = now.UnixNano()
	e.streak = 0
	e.countFailing(1)
	e.reg.changes.Add(1)
}

// countFailing adds n to the number of checks that make the whole FAIL, if this is one of them.
func (e *entry) countFailing(n int64) {
	if e.state.failsWhole() {
		e.reg.failing.Add(n)
	}
}

// amend replaces the runner's words about a run that passed its deadline by the check's own, which know more.
func (e *entry) amend(res Result) {
	s := &e.state
	if s.reason != ReasonTimeout || !res.Failed() || res.Details == "" {
		return
	}
	res.Reason = ReasonTimeout
	s.setText(&res)
	e.history.amend(s.ok+s.fail, res.Details)
	if s.level == levelFail {
		e.reg.visible.Add(1)
	}
}

// announceSettled is called with e.mu held when the outcome of the run under way is decided.
func (e *entry) announceSettled() {
	if e.aside != nil && e.aside.settled != nil {
		close(e.aside.settled)
		e.aside.settled = nil
	}
}

// skip counts due runs that are not started. A run that is stuck past its deadline is a failure at every due time,
// else a check that never returns would stay OK below its threshold.
func (e *entry) skip(n uint64, now time.Time) *event {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := &e.state
	s.skipped += n
	r := e.run.Load()
	if r == nil || !r.settled || e.removed {
		return nil
	}
	s.reason, s.raw = ReasonStuck, levelFail
	res := Result{
		Level:   FAIL,
		Reason:  ReasonStuck,
		Details: "still running " + now.Sub(r.start).Round(time.Second).String() + " after its start, timeout is " + s.Timeout().String(),
	}
	s.setText(&res)
	flipped := e.decide(true, now)
	if s.level == levelFail {
		e.reg.visible.Add(1)
	}
	news := &event{check: s.Check, reason: ReasonStuck, details: res.Details, kind: runFailed}
	if flipped {
		news.kind = turnedFail
	}
	return news
}

// redefine gives the entry a new definition; state and counters stay. It returns the checker that nobody needs any
// more, for the caller to close without a lock.
func (e *entry) redefine(c *Check, defaultInterval time.Duration) io.Closer {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := e.state.Check.Checker
	e.countFailing(-1)
	e.define(c, defaultInterval)
	e.countFailing(1)
	e.reg.visible.Add(1)
	if sameChecker(old, c.Checker) {
		return nil
	}
	return e.retire(old)
}

// remove takes the entry out of service: its run is told to stop and its outcome is dropped.
func (e *entry) remove() io.Closer {
	e.mu.Lock()
	r := e.run.Load()
	e.countFailing(-1)
	e.removed = true
	if e.inRound {
		e.inRound = false
		e.reg.roundDone()
	}
	e.reg.visible.Add(1)
	closer := e.retire(e.state.Check.Checker)
	if r != nil {
		r.cancel(context.Canceled) // with e.mu held: afterwards r may be the run of another entry
	}
	e.mu.Unlock()
	return closer
}

// retire returns the checker to close now; where a run still uses it, it is closed when that ends.
func (e *entry) retire(c Checker) io.Closer {
	closer, ok := c.(io.Closer)
	if !ok {
		return nil
	}
	if e.run.Load() == nil {
		return closer
	}
	e.setAside().closeLater.add(closer)
	return nil
}

// closerList gathers checkers to be closed once no lock is held.
type closerList []io.Closer

func (l *closerList) add(c io.Closer) {
	if c != nil {
		*l = append(*l, c)
	}
}

// close lets the checkers give back what they hold. There is nobody to tell of an error, and nothing to do.
func (l closerList) close() {
	for _, c := range l {
		_ = c.Close()
	}
}

// sameChecker is ==, without the panic where the dynamic type cannot be compared, as a CheckFunc.
func sameChecker(a, b Checker) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}
