package healthcheck

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// run is one run of a check under way, and the context that the check is called with. Being its own context saves the
// timer and the four allocations of context.WithTimeout: whoever started the run watches the deadline and calls expire.
//
// Even one allocation a run is too much: at 100,000 quick checks a second, the garbage collector would take more time
// than they do, and make them late. So a run whose check never looked at its context is used again for the next one.
// Should such a check have kept its context, against the rules, it sees that of the next run, without a data race.
type run struct {
	parent context.Context // never changes

	// Set by begin; r.mu guards them against a check that kept an old context.
	entry   *entry
	check   *Check  // the definition it began with
	checker Checker // of check
	start   time.Time
	timeout time.Duration

	settled bool // the outcome is decided: by the check's return or by the deadline; guarded by entry.mu

	// Set by finish.
	reusable bool // it may begin again
	updated  bool // the check has another definition by now
	hurry    bool // it failed, and the check has an interval for bad times

	mu    sync.Mutex
	used  bool          // a method of the context was called
	err   error         // why the context is done, nil while it is not
	done  chan struct{} // made when first asked for
	after []*func()
}

var _ context.Context = (*run)(nil)

func (r *run) deadline() time.Time { return r.start.Add(r.timeout) }

// Deadline implements context.Context.
func (r *run) Deadline() (time.Time, bool) {
	r.mu.Lock()
	r.used = true
	deadline := r.deadline()
	r.mu.Unlock()
	if d, ok := r.parent.Deadline(); ok && d.Before(deadline) {
		return d, true
	}
	return deadline, true
}

// Value implements context.Context.
func (r *run) Value(key any) any {
	r.mu.Lock()
	r.used = true
	r.mu.Unlock()
	return r.parent.Value(key)
}

// Err implements context.Context.
func (r *run) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used = true
	return r.err
}

// Done implements context.Context.
func (r *run) Done() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used = true
	if r.done == nil {
		r.done = make(chan struct{})
		if r.err != nil {
			close(r.done)
		}
	}
	return r.done
}

// AfterFunc is found by the context package, which would otherwise start a goroutine for every context derived from
// this one, as net/http does for each request.
func (r *run) AfterFunc(f func()) (stop func() bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used = true
	if r.err != nil {
		go f()
		return func() bool { return false }
	}
	p := &f
	r.after = append(r.after, p)
	return func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		for i := range r.after {
			if r.after[i] == p {
				r.after = append(r.after[:i], r.after[i+1:]...)
				return true
			}
		}
		return false
	}
}

// cancel makes the context done, and reports whether nobody has seen it yet, so that r may begin again.
func (r *run) cancel(err error) (unused bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return !r.used
	}
	r.err = err
	if r.done != nil {
		close(r.done)
	}
	for _, f := range r.after {
		go (*f)()
	}
	r.after = nil
	return !r.used
}

// call calls the check and settles the run, unless the deadline has done so before. It returns the time of the end.
// No lock is held meanwhile: a check may use the registry.
func (r *run) call() (end time.Time) {
	res := Result{Level: FAIL, Reason: ReasonPanic, Details: "the check ended its goroutine (runtime.Goexit)"}
	returned := false
	defer func() {
		if !returned {
			r.entry.reg.panics.Add(1)
			if p := recover(); p != nil {
				res.Details = fmt.Sprintf("panic: %v", p)
				r.entry.reg.log().Error("check panicked", "check", r.check.Endpoint, "panic", p, "stack", string(debug.Stack()))
			}
		}
		end = time.Now()
		r.finish(&res, end)
	}()
	res = r.checker.Check(r)
	returned = true
	return end
}

// finish records what the check returned.
func (r *run) finish(res *Result, end time.Time) {
	e := r.entry
	if took := end.Sub(r.start); took > r.timeout && !res.Failed() {
		res.Level, res.Reason = FAIL, ReasonTimeout
		res.Details = fmt.Sprintf("succeeded after %s, timeout is %s", roundDuration(took), r.timeout)
	}
	if res.Details == context.DeadlineExceeded.Error() { // what a plain func(ctx) error returns: true, but no help
		res.Details = noResult(r)
	}
	interrupted := res.Failed() && r.parent.Err() != nil // the runner stops; that says nothing about the target
	if res.Values != nil {
		res.Values = cleanValues(res.Values)
	}
	if res.Details != "" {
		res.Details = cut(res.Details, maxDetails)
	}

	e.mu.Lock()
	e.run.Store(nil)
	first := !r.settled
	r.settled = true
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
	r.updated = e.state.Check != r.check
	r.hurry = e.state.raw == levelFail && r.check.FailingInterval > 0
	var closing closerList
	if e.aside != nil {
		e.announceSettled()
		closing, e.aside = e.aside.closeLater, nil
	}
	e.mu.Unlock()

	r.reusable = r.cancel(context.Canceled)
	closing.close()
	e.reg.tell(news)
}

// expire settles the run at its deadline, unless it has returned, and tells the check to stop. It reports whether the
// check is still under way, which is then stuck.
func (r *run) expire(now time.Time) bool {
	e := r.entry
	e.mu.Lock()
	if r.settled {
		e.mu.Unlock()
		return false
	}
	r.settled = true
	var news *event
	if !e.removed && r.parent.Err() == nil { // as in finish
		news = e.record(r, Result{Level: FAIL, Reason: ReasonTimeout, Details: noResult(r)}, now)
	}
	e.state.stuck = true
	e.reg.stuck.Add(1)
	e.announceSettled()
	e.mu.Unlock()
	r.cancel(context.DeadlineExceeded)
	e.reg.tell(news)
	return true
}

func noResult(r *run) string {
	return fmt.Sprintf("no result within the timeout of %s", r.timeout)
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
