package healthcheck

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Run runs every check once, up to [DefaultConcurrency] at a time, and returns the resulting level. A check that is
// under way already is waited for instead; one that is stuck is left alone. When ctx ends first, the runs are told to
// stop, and Run returns the level so far and the cause that ctx gives.
//
// A check may call Run: if it hands on its context, Run does not wait for the run that it is called in. Two checks that
// wait for each other do so until the first deadline.
func (r *Registry) Run(ctx context.Context) (StatusLevel, error) {
	if ctx.Err() != nil { // no round has begun then, not even one over no checks
		return r.Level(), context.Cause(ctx)
	}
	entries := r.view()
	if !r.rounds.Load() {
		r.startRound(entries)
	}
	err := r.runAll(ctx, entries, beside)
	return r.Level(), err
}

// RunCheck runs one check once, as [Registry.Run] does, and returns its state. The error is [ErrNotFound], or the cause
// that ctx gives if it ended first; the state then is that of an earlier run.
func (r *Registry) RunCheck(ctx context.Context, endpoint string) (State, error) {
	return r.runCheck(ctx, endpoint, beside)
}

// runCheck is RunCheck, or, where a run was asked for by the registration, makes sure that there is one, by whomever.
func (r *Registry) runCheck(ctx context.Context, endpoint string, why occasion) (State, error) {
	e := r.find(endpoint)
	if e == nil {
		return State{}, fmt.Errorf("run %q: %w", endpoint, ErrNotFound)
	}
	err := r.runAll(ctx, []*entry{e}, why)
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state, err
}

// logPatience is how long Run waits for the log to take what there is to say. Whoever calls it, reads it next.
const logPatience = time.Second

func (r *Registry) runAll(ctx context.Context, entries []*entry, why occasion) error {
	defer r.lines.wait(logPatience)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	base := newRunBase(ctx)
	slots := make(chan struct{}, min(len(entries), DefaultConcurrency))
	for _, e := range entries {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		go r.runOne(base, e, why, func() { <-slots })
	}
	for range cap(slots) { // until every slot is free again
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if ctx.Err() != nil { // and runs may have been told to stop
		return context.Cause(ctx)
	}
	return nil
}

// runOne runs the check of e, or waits for the run under way, and calls done once the outcome is settled; it returns
// when the check does.
func (r *Registry) runOne(base *runBase, e *entry, why occasion, done func()) {
	once := sync.OnceFunc(done)
	defer once()
	ctx, run := base.parent, &run{base: base}
	for e.begin(run, time.Now(), dueItem{why: why}) != dueStarted {
		settled := e.settled()
		if settled == nil || within(ctx, e) {
			return // done, stuck, gone, or what has called us
		}
		select {
		case <-settled:
			return
		case <-ctx.Done():
			return
		}
	}
	r.adhoc.Add(1)
	counted := sync.OnceFunc(func() { r.adhoc.Add(-1) })
	defer counted()
	stopCancel := context.AfterFunc(ctx, func() { run.cancel(endingOf(ctx.Err())) })
	defer stopCancel()
	expired := make(chan struct{})
	timer := time.AfterFunc(time.Duration(run.deadline-base.at(time.Now())), func() {
		defer close(expired)
		news, stuck := run.expire(time.Now())
		if stuck {
			counted()
		}
		once() // also where the run is settled, and an observer keeps it
		r.tell(news)
	})
	defer func() {
		if !timer.Stop() {
			<-expired // it may be about to tell somebody
		}
	}()
	run.call()
}

// settled returns a channel that is closed when the run under way has an outcome, or nil when there is nothing to
// wait for.
func (e *entry) settled() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.due() != dueSkipped {
		return nil
	}
	a := e.setAside()
	if a.settled == nil {
		a.settled = make(chan struct{})
	}
	return a.settled
}
