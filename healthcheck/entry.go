package healthcheck

import (
	"io"
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
	request request

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
	e.state.Check, e.checker, e.request = c, c.Checker, requestOpen
	e.state.depends, e.state.windows = len(c.DependsOn) > 0, c.Maintenance != nil
	e.state.plain = isPlain(c.Endpoint) && isPlain(c.Name)
	e.state.setInterval(defaultInterval)
}

// due is what becomes of a run that is due. It is decided in one place, for the runner, for Run and RunCheck, and after
// updates.
type due uint8

const (
	dueStarted due = iota // it begins: nothing is in the way
	dueSkipped            // a run is under way, within its deadline
	dueStuck              // a run is under way, past its deadline
	dueGone               // the check is unregistered
	dueDone               // it has begun since; see served
)

// due decides. It is called with e.mu held.
func (e *entry) due() due {
	switch r := e.run.Load(); {
	case e.removed:
		return dueGone
	case r == nil:
		return dueStarted
	case r.settled && !r.returned:
		return dueStuck
	}
	return dueSkipped
}

// request is what became of the run that was asked for last: one of a new definition.
type request uint8

const (
	requestNone   request = iota
	requestOpen           // no run has begun since
	requestServed         // and the last run that has begun is the one that was asked for
)

// begin makes r the entry's run, if it can begin.
func (e *entry) begin(r *run, now time.Time, item dueItem) due {
	e.mu.Lock()
	defer e.mu.Unlock()
	d := e.due()
	switch {
	case e.served(r.base, item, now):
		return dueDone
	case d == dueStarted:
		e.request = requestNone
		if item.why == asked {
			e.request = requestServed
		}
		r.entry, r.check, r.checker = e, e.state.Check, e.checker
		r.start, r.deadline = now, r.base.at(now)+int64(e.state.timeout)
		r.settled, r.returned = false, false
		r.ctx = nil
		if _, none := e.checker.(*statusChecker); !none {
			r.ctx = &runContext{base: r.base, deadline: r.deadline, entry: e}
		}
		e.run.Store(r)
	}
	return d
}

// served reports whether a run that was due has begun since, so that there need be no other: the one that was asked for, or,
// where that came too late for it, the point of the grid before. It is called with e.mu held.
func (e *entry) served(base *runBase, item dueItem, now time.Time) bool {
	switch {
	case item.why == asked:
		return e.request != requestOpen
	case item.why == beside || e.request != requestServed:
		return false
	}
	began := e.state.lastEnd - e.state.duration
	if r := e.run.Load(); r != nil {
		began = r.start.UnixNano()
	}
	if began < base.ago(item.due, now).UnixNano() {
		return false
	}
	e.request = requestNone // for that point only
	return true
}

// followUp decides what comes after r, which has returned. It is called with e.mu held.
func (e *entry) followUp(r *run) follow {
	switch {
	case e.removed:
		return followGrid // which has no more points
	case e.state.Check != r.check:
		return followNow
	case e.state.raw == levelFail && r.check.FailingInterval > 0:
		return followHurry
	}
	return followGrid
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
		s.failures = s.failures.plus(res.Reason, r.start)
	} else {
		s.ok++
		s.lastSuccess = s.lastEnd
		res.Reason = ReasonNone
	}
	s.setText(&res)
	res.Details = brief(res.Details)
	e.history.add(runs, r.start, time.Duration(s.duration), failed, &res, &e.reg.historySize)
	flipped := e.decide(failed, end)
	e.leaveRound()
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
	e.history.amend(s.ok+s.fail, brief(res.Details), &e.reg.historySize)
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

// miss counts n runs that were due, the first of them then, and are not started, since another is under way or time was
// lost. One under way that is past its deadline is a failure at every due time, else a check that never returns would stay OK
// below its threshold.
func (e *entry) miss(n uint64, due, now time.Time) *event {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.state.skip(n, due)
	if e.due() != dueStuck {
		return nil
	}
	return e.stillRunning(now)
}

// stillRunning takes in one more failure of a check that is stuck. It is called with e.mu held.
func (e *entry) stillRunning(now time.Time) *event {
	s := &e.state
	s.reason, s.raw = ReasonStuck, levelFail
	started := e.run.Load().start
	res := Result{
		Level:   FAIL,
		Reason:  ReasonStuck,
		Details: "still running " + now.Sub(started).Round(time.Second).String() + " after its start, timeout is " + s.Timeout().String(),
	}
	s.setText(&res)
	flipped := e.decide(true, now)
	e.leaveRound()
	if s.level == levelFail {
		e.reg.visible.Add(1)
	}
	news := &event{check: s.Check, reason: ReasonStuck, details: res.Details, kind: runFailed}
	if flipped {
		news.kind = turnedFail
	}
	return news
}

// joinRound makes the first full round wait for a run of e, unless a run is stuck: then e is FAIL, which is all that the
// round could find.
func (e *entry) joinRound(now time.Time) (news *event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.removed:
	case e.due() == dueStuck && !e.state.Decided():
		return e.stillRunning(now)
	case !e.inRound:
		e.inRound = true
		e.reg.roundLeft.Add(1)
	}
	return nil
}

// leaveRound is called with e.mu held once there is an outcome, or none to come.
func (e *entry) leaveRound() {
	if e.inRound {
		e.inRound = false
		e.reg.roundDone()
	}
}

// redefine gives the entry a new definition; state and counters stay. It returns the checker that the entry needs no
// more, if it holds something.
func (e *entry) redefine(c *Check, defaultInterval time.Duration) io.Closer {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := e.checker
	e.countFailing(-1)
	e.define(c, defaultInterval)
	e.countFailing(1)
	e.reg.visible.Add(1)
	return e.retire(old)
}

// remove takes the entry out of service: its run is told to stop and its outcome is dropped.
func (e *entry) remove() io.Closer {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.countFailing(-1)
	e.removed = true
	e.history.drop(&e.reg.historySize)
	e.leaveRound()
	e.reg.visible.Add(1)
	if r := e.run.Load(); r != nil {
		r.cancel(endedByCancel) // with e.mu held: afterwards r may be the run of another entry
	}
	return e.retire(e.checker)
}

// retire returns what is to be released now of a checker; where a run still uses it, it is released when that ends.
func (e *entry) retire(c Checker) io.Closer {
	closer := closerOf(c)
	if closer == nil || e.run.Load() == nil {
		return closer
	}
	e.setAside().closeLater.add(e.state.Check.Endpoint, closer)
	return nil
}
