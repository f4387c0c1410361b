package healthcheck

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// The life of a run, and where each step is:
//
//	due       the wheel says so at a point of the grid; a registration, an update or a failure say so in between  planning.go
//	queued    its entry waits for a worker, and is not queued twice                                              queue.go
//	taken     a worker has it in its batch; another may steal it, the scheduler may take it back                   pool.go, worker.go
//	begun     the entry has no other run, and this one is its run from now on: entry.begin, which Run uses as well  entry.go
//	returned  by the check, or by a panic                                                                            run.go
//	expired   or else the deadline has passed: the outcome is settled all the same, and the check is stuck           run.go
//	recorded  counters, thresholds, state and history know it                                                        entry.go
//	told      observers know it, then the log; a blocked observer holds up this check, the log nothing               tell.go
//	followed  what comes after it: at once for a new definition, sooner than planned after a failure                 planning.go
//	released  what the check held before an update, or its end, is closed                                           closers.go
//
// A due run that finds another run of its check under way is skipped, and counted: entry.miss.

// run is one run of a check under way. It belongs to who runs it, a worker or a call of Registry.Run, and is used again
// for the next run: no check gets hold of it.
//
// begin writes the first six fields with the lock of the entry held, after which they do not change until the entry
// has forgotten the run. A worker holds its own lock as well, so that who looks at its run may hold either.
type run struct {
	entry   *entry
	check   *Check  // the definition it began with
	checker Checker // of check
	start   time.Time
	// deadline, on the clock of base.
	deadline int64
	ctx      *runContext // nil where the check takes none

	base *runBase // never changes
	// settled is that the outcome is decided: by the check's return or by the deadline; returned, that the check is no more
	// at work. Both are guarded by entry.mu.
	settled, returned bool
}

// follow is what comes after a run.
type follow uint8

const (
	followGrid  follow = iota // the next point of the grid
	followNow                 // a run at once: the definition has changed since this one began
	followHurry               // a run after the interval for bad times
)

// timeout returns how long the check may take.
func (r *run) timeout() time.Duration { return time.Duration(r.deadline - r.base.at(r.start)) }

// cancel tells the check to stop.
func (r *run) cancel(why ending) { r.ctx.cancel(why) }

// call calls the check and settles the run, unless the deadline has done so before. It returns the time at which that is
// done. No lock is held meanwhile: a check may use the registry.
func (r *run) call() (end time.Time) {
	res := Result{Level: FAIL, Reason: ReasonPanic, Details: "the check ended its goroutine (runtime.Goexit)"}
	returned := false
	defer func() {
		if !returned {
			r.entry.reg.panics.Add(1)
			if p := recover(); p != nil {
				res.Details = fmt.Sprintf("panic: %v", p)
				r.entry.reg.logPanic("check panicked", r.check.Endpoint, p)
			}
		}
		end = time.Now()
		if r.finish(&res, end) {
			end = time.Now()
		}
	}()
	if c, ok := r.checker.(*statusChecker); ok {
		res = c.run()
	} else {
		res = r.checker.Check(r.ctx)
	}
	returned = true
	return end
}

// finish records what the check returned, and passes it on. It reports whether that may have taken time.
func (r *run) finish(res *Result, end time.Time) (lasted bool) {
	e := r.entry
	if took := end.Sub(r.start); took > r.timeout() && !res.Failed() {
		res.Level, res.Reason = FAIL, ReasonTimeout
		res.Details = fmt.Sprintf("succeeded after %s, timeout is %s", roundDuration(took), r.timeout())
	}
	if res.Details == context.DeadlineExceeded.Error() { // what a plain func(ctx) error returns: true, but no help
		res.Details = noResult(r)
	}
	interrupted := res.Failed() && r.base.parent.Err() != nil // the runner stops; that says nothing about the target
	if res.Values != nil {
		var more bool
		if res.Values, more = cleanValues(res.Values); more {
			res.Details = noteTooMany(res.Details, e.reg.detailsBound(res))
		}
	}
	if res.Details != "" {
		res.Details = cut(res.Details, e.reg.detailsBound(res))
	}

	e.mu.Lock()
	first := !r.settled
	r.settled, r.returned = true, true
	dropped := interrupted || e.removed
	var news *event
	switch {
	case first && !dropped:
		news = e.record(r, *res, end)
	case !first:
		e.reg.stuck.Add(-1)
		e.state.stuck = false
		if !dropped {
			e.amend(*res)
		}
	}
	if e.aside != nil {
		e.announceSettled()
	}
	if e.reg.observed(news) { // while one of them blocks, no other run of this check can be blocked by it
		e.mu.Unlock()
		e.reg.notify(news)
		e.mu.Lock()
	}
	e.run.Store(nil)
	next := e.followUp(r)
	var closing closerList
	if e.aside != nil {
		closing, e.aside = e.aside.closeLater, nil
	}
	e.mu.Unlock()

	r.cancel(endedByCancel)
	if next != followGrid {
		e.reg.followUp(r, next)
	}
	e.reg.logEvent(news)
	e.reg.release(closing) // last: a Close may block
	return news != nil || closing != nil
}

// expire settles the run at its deadline, unless it has returned, and tells the check to stop. The check is then stuck.
// It returns what there is to tell, and false if the run had returned. It calls nothing that may block.
func (r *run) expire(now time.Time) (news *event, expired bool) {
	e := r.entry
	e.mu.Lock()
	if r.settled {
		e.mu.Unlock()
		return nil, false
	}
	r.settled = true
	if !e.removed && r.base.parent.Err() == nil { // as in finish
		news = e.record(r, Result{Level: FAIL, Reason: ReasonTimeout, Details: noResult(r)}, now)
	}
	e.state.stuck = true
	e.reg.stuck.Add(1)
	e.announceSettled()
	e.mu.Unlock()
	r.cancel(endedByDeadline)
	return news, true
}

func noResult(r *run) string {
	return fmt.Sprintf("no result within the timeout of %s", r.timeout())
}

// roundDuration keeps three significant digits or so, for people.
func roundDuration(d time.Duration) time.Duration {
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond)
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond)
	}
	return d
}

// stack returns the stack of the goroutine, for the log.
func stack() string { return string(debug.Stack()) }
