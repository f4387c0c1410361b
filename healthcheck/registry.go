package healthcheck

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults for checks and runners that leave a field zero.
const (
	DefaultInterval    = 30 * time.Second
	DefaultConcurrency = 4096
)

// Registry holds checks and what is known of them. The zero value is an empty registry; a program may have many. All
// methods are safe for concurrent use, also from within a check.
//
// A checker that implements [io.Closer] is closed when its check is unregistered or updated to another checker, after
// its last run.
type Registry struct {
	// Logger is told when a check changes state (warning, info), when one panics (error) and of every failed run
	// (debug). Nil logs nothing. It must not be changed once checks run.
	Logger *slog.Logger

	mu       sync.Mutex
	entries  map[string]*entry
	sorted   []*entry // by endpoint; nil after a change. A slice once published is never written again
	nextSeq  uint64
	interval time.Duration
	sched    *scheduler // of the active runner

	visible   atomic.Uint64 // counts changes that /status shows
	changes   atomic.Uint64 // see Generation
	failing   atomic.Int64  // required checks in state FAIL
	roundLeft atomic.Int64  // checks that the first full round waits for
	rounds    atomic.Bool   // a full round is done
	panics    atomic.Uint64
	stuck     atomic.Int64
	adhoc     atomic.Int64 // runs under way that Run began, not the runner
	observers atomic.Pointer[[]*observer]

	startDelay delays
}

type observer struct{ observe func(*Check, Outcome) }

// Changes is a set of changes to a registry; see [Registry.Apply].
type Changes struct {
	Register   []Check
	Update     []Check
	Unregister []string
}

// Register adds a check. With a runner active it first runs at once, after its initial delay. The error tells every
// mistake in c, or is [ErrDuplicate].
func (r *Registry) Register(c Check) error { return r.Apply(Changes{Register: []Check{c}}) }

// Update gives the check with c's endpoint a new definition. Its state, counters and history stay; with a runner
// active it runs at once. The error is [ErrNotFound], or tells every mistake in c.
func (r *Registry) Update(c Check) error { return r.Apply(Changes{Update: []Check{c}}) }

// Unregister removes a check. A run under way is told to stop, and its outcome is dropped. The error is [ErrNotFound].
func (r *Registry) Unregister(endpoint string) error {
	return r.Apply(Changes{Unregister: []string{endpoint}})
}

// Apply makes all the changes at once, or none of them and returns all that is wrong. Checks that are not named keep
// their schedule. When many checks are registered together, their first runs are spread over up to three seconds.
func (r *Registry) Apply(ch Changes) error {
	r.mu.Lock()
	if err := r.validate(ch); err != nil {
		r.mu.Unlock()
		return err
	}
	if r.entries == nil {
		r.entries = make(map[string]*entry, len(ch.Register))
	}
	if r.interval == 0 {
		r.interval = DefaultInterval
	}
	var closeNow closerList
	for _, endpoint := range ch.Unregister {
		e := r.entries[endpoint]
		delete(r.entries, endpoint)
		if r.sched != nil {
			r.sched.drop(e)
		}
		closeNow.add(e.remove())
	}
	labels := make(labelSets)
	changed := make([]*entry, 0, len(ch.Update)+len(ch.Register))
	for i := range ch.Update {
		e := r.entries[ch.Update[i].Endpoint]
		closeNow.add(e.redefine(ch.Update[i].normalized(labels), r.interval))
		changed = append(changed, e)
	}
	for i := range ch.Register {
		e := &entry{reg: r, state: State{seq: r.nextSeq}}
		e.define(ch.Register[i].normalized(labels), r.interval)
		r.nextSeq++
		r.entries[e.state.Check.Endpoint] = e
		changed = append(changed, e)
	}
	r.sorted = nil
	r.visible.Add(1)
	r.changes.Add(1)
	if r.sched != nil {
		r.sched.add(changed)
	}
	r.mu.Unlock()
	closeNow.close()
	return nil
}

// validate is called with r.mu held.
func (r *Registry) validate(ch Changes) error {
	var errs []error
	removed := make(map[string]bool, len(ch.Unregister))
	for _, endpoint := range ch.Unregister {
		if _, ok := r.entries[endpoint]; !ok || removed[endpoint] {
			errs = append(errs, fmt.Errorf("unregister %q: %w", endpoint, ErrNotFound))
		}
		removed[endpoint] = true
	}
	seen := make(map[string]bool, len(ch.Register)+len(ch.Update))
	check := func(op string, c *Check, wanted bool) {
		if err := c.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("%s %q: %w", op, c.Endpoint, err))
			return
		}
		_, known := r.entries[c.Endpoint]
		known = known && !removed[c.Endpoint]
		switch {
		case seen[c.Endpoint] || known && !wanted:
			errs = append(errs, fmt.Errorf("%s %q: %w", op, c.Endpoint, ErrDuplicate))
		case !known && wanted:
			errs = append(errs, fmt.Errorf("%s %q: %w", op, c.Endpoint, ErrNotFound))
		}
		seen[c.Endpoint] = true
	}
	for i := range ch.Update {
		check("update", &ch.Update[i], true)
	}
	for i := range ch.Register {
		check("register", &ch.Register[i], false)
	}
	return errors.Join(errs...)
}

// Observe calls f after every run that is recorded, without a lock held, from the goroutine of the run; f must be
// quick and safe for concurrent use. The returned function ends that.
func (r *Registry) Observe(f func(c *Check, o Outcome)) (stop func()) {
	added := &observer{f}
	r.changeObservers(func(list []*observer) []*observer { return append(list, added) })
	return func() {
		r.changeObservers(func(list []*observer) []*observer {
			return slices.DeleteFunc(list, func(o *observer) bool { return o == added })
		})
	}
}

func (r *Registry) changeObservers(change func([]*observer) []*observer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*observer
	if old := r.observers.Load(); old != nil {
		list = slices.Clone(*old)
	}
	list = change(list)
	if len(list) == 0 {
		r.observers.Store(nil)
		return
	}
	r.observers.Store(&list)
}

// tell passes an event on, with no lock held.
func (r *Registry) tell(ev *event) {
	if ev == nil {
		return
	}
	if list := r.observers.Load(); list != nil && !ev.outcome.Start.IsZero() {
		for _, o := range *list {
			o.observe(ev.check, ev.outcome)
		}
	}
	if r.Logger == nil {
		return
	}
	switch ev.kind {
	case nothing:
	case runFailed:
		r.Logger.Debug("run failed", "check", ev.check.Endpoint, "reason", ev.reason, "details", ev.details)
	case turnedFail:
		r.Logger.Warn("check is FAIL", "check", ev.check.Endpoint, "reason", ev.reason, "details", ev.details)
	case turnedOK:
		r.Logger.Info("check is OK again", "check", ev.check.Endpoint)
	}
}

func (r *Registry) log() *slog.Logger {
	if r.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return r.Logger
}

// view returns the entries sorted by endpoint. The slice must not be changed.
func (r *Registry) view() []*entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.viewLocked()
}

// viewLocked is view with r.mu held.
func (r *Registry) viewLocked() []*entry {
	if r.sorted == nil && len(r.entries) > 0 {
		r.sorted = make([]*entry, 0, len(r.entries))
		for _, e := range r.entries {
			r.sorted = append(r.sorted, e)
		}
		slices.SortFunc(r.sorted, func(a, b *entry) int {
			return cmp.Compare(a.state.Check.Endpoint, b.state.Check.Endpoint) // an endpoint never changes
		})
	}
	return r.sorted
}

func (r *Registry) find(endpoint string) *entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.entries[endpoint]
}

// Lookup returns the state of one check, without running it.
func (r *Registry) Lookup(endpoint string) (State, bool) {
	e := r.find(endpoint)
	if e == nil {
		return State{}, false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state, true
}

// History returns the last [HistorySize] outcomes of a check, the newest first; nil for an unknown endpoint.
func (r *Registry) History(endpoint string) []Outcome {
	e := r.find(endpoint)
	if e == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.history.list(e.state.ok + e.state.fail)
}

// Level returns the level of the whole: FAIL until every check that was there when checks began to run has run once
// (the first full round), and while any check that is not optional is FAIL.
func (r *Registry) Level() StatusLevel {
	if !r.rounds.Load() || r.failing.Load() > 0 {
		return FAIL
	}
	return OK
}

// startRound begins to wait for a run of every check; without checks there is nothing to wait for.
func (r *Registry) startRound(entries []*entry) {
	r.roundLeft.Add(1) // so that the round cannot end before all are counted
	for _, e := range entries {
		e.mu.Lock()
		if !e.inRound && !e.removed {
			e.inRound = true
			r.roundLeft.Add(1)
		}
		e.mu.Unlock()
	}
	r.roundDone()
}

func (r *Registry) roundDone() {
	if r.roundLeft.Add(-1) == 0 && !r.rounds.Swap(true) {
		r.visible.Add(1)
	}
}

// Run runs every check once, up to [DefaultConcurrency] at a time, and returns the resulting level. A check that is
// under way already is waited for instead; one that is stuck is left alone. When ctx ends first, the runs are told to
// stop and Run returns.
func (r *Registry) Run(ctx context.Context) StatusLevel {
	entries := r.view()
	if !r.rounds.Load() {
		r.startRound(entries)
	}
	r.runAll(ctx, entries)
	return r.Level()
}

// RunCheck runs one check once, as [Registry.Run] does, and returns its state. The error is [ErrNotFound].
func (r *Registry) RunCheck(ctx context.Context, endpoint string) (State, error) {
	e := r.find(endpoint)
	if e == nil {
		return State{}, fmt.Errorf("run %q: %w", endpoint, ErrNotFound)
	}
	r.runAll(ctx, []*entry{e})
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state, nil
}

func (r *Registry) runAll(ctx context.Context, entries []*entry) {
	slots := make(chan struct{}, min(len(entries), DefaultConcurrency))
	for _, e := range entries {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		go r.runOne(ctx, e, func() { <-slots })
	}
	for range cap(slots) { // until every slot is free again
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

// runOne runs the check of e, or waits for the run under way, and calls done once the outcome is settled; it returns
// when the check does.
func (r *Registry) runOne(ctx context.Context, e *entry, done func()) {
	once := sync.OnceFunc(done)
	defer once()
	run := &run{parent: ctx}
	for !e.begin(run, time.Now()) {
		settled := e.settled()
		if settled == nil {
			return // stuck or gone
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
	stopCancel := context.AfterFunc(ctx, func() { run.cancel(ctx.Err()) })
	defer stopCancel()
	expired := make(chan struct{})
	timer := time.AfterFunc(time.Until(run.deadline()), func() {
		defer close(expired)
		if run.expire(time.Now()) {
			counted()
			once()
		}
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
	r := e.run.Load()
	if r == nil || e.removed || r.settled {
		return nil
	}
	a := e.setAside()
	if a.settled == nil {
		a.settled = make(chan struct{})
	}
	return a.settled
}

// setInterval changes the interval of checks without one of their own.
func (r *Registry) setInterval(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.interval == d {
		return
	}
	r.interval = d
	var changed []*entry
	for _, e := range r.viewLocked() {
		e.mu.Lock()
		before := e.state.interval
		e.state.setInterval(d)
		if e.state.interval != before {
			changed = append(changed, e)
		}
		e.mu.Unlock()
	}
	if r.sched != nil {
		r.sched.add(changed)
	}
}

// Generation returns a number that grows with every change of the checks there are, their definitions, and their states
// between OK and FAIL. Durations, counters and words change without it.
func (r *Registry) Generation() uint64 { return r.changes.Load() }

// Ready reports whether the first full round is done: every check that was there when checks began to run has run.
func (r *Registry) Ready() bool { return r.rounds.Load() }
