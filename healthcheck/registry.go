package healthcheck

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
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
// A checker that implements [io.Closer] is closed when no check of the registry has it any more, after its last run: when
// the check is unregistered, or updated to another checker. What makes that happen, [Registry.Apply] for example, waits for
// its Close, but for a few seconds at most: then the log is told, and the Close goes on by itself.
type Registry struct {
	// Logger is told when a check changes state (warning, info), when one panics (error) and of every failed run
	// (debug). Nil logs nothing. It must not be changed once checks run. Its handler is called by one goroutine at a
	// time, and may block: then checks run on, and lines that it cannot take in time are dropped and counted.
	Logger *slog.Logger

	mu       sync.Mutex
	entries  map[string]*entry
	roster   roster
	nextSeq  uint64
	interval time.Duration
	began    int64       // Unix time in nanoseconds of the first Apply, 0 for none
	applied  int64       // and of the last one; it only grows
	sched    *scheduler  // of the active runner
	holders  map[any]int // by identityOf; see closers.go

	visible     atomic.Uint64 // counts changes that /status shows
	changes     atomic.Uint64 // see Generation
	failing     atomic.Int64  // required checks in state FAIL
	roundLeft   atomic.Int64  // checks that the first full round waits for
	rounds      atomic.Bool   // a full round is done
	panics      atomic.Uint64
	stuck       atomic.Int64
	adhoc       atomic.Int64 // runs under way that Run began, not the runner
	observers   atomic.Pointer[[]*observer]
	historySize atomic.Int64 // see details.go
	asides      atomic.Int64 // goroutines that tell observers; see tellAside
	lines       logLines

	startDelay delays
}

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
// their schedule. When many checks are registered together, their first runs are spread over up to three seconds. A few
// changes among many checks cost what is changed; a Snapshot after them copies the list of all, and sorts nothing.
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
	r.applied = max(time.Now().UnixNano(), r.applied+1)
	r.began = cmp.Or(r.began, r.applied)
	var letGo closerList
	for _, endpoint := range ch.Unregister {
		e := r.entries[endpoint]
		delete(r.entries, endpoint)
		if r.sched != nil {
			r.sched.drop(e)
		}
		letGo.add(endpoint, e.remove())
		r.roster.drop(e)
	}
	labels := make(labelSets)
	changed := make([]*entry, 0, len(ch.Update)+len(ch.Register))
	for i := range ch.Update {
		e := r.entries[ch.Update[i].Endpoint]
		c := ch.Update[i].normalized(labels, e.state.Check.registered)
		r.hold(c.Checker)
		letGo.add(c.Endpoint, e.redefine(c, r.interval))
		changed = append(changed, e)
	}
	for i := range ch.Register {
		e := &entry{reg: r, state: State{seq: r.nextSeq}}
		e.define(ch.Register[i].normalized(labels, r.applied), r.interval)
		r.hold(e.checker)
		r.nextSeq++
		r.entries[e.state.Check.Endpoint] = e
		r.roster.add(e)
		changed = append(changed, e)
	}
	r.roster.trim()
	r.visible.Add(1)
	r.changes.Add(1)
	if r.sched != nil {
		r.sched.add(changed)
	}
	unheld := r.letGo(letGo)
	r.mu.Unlock()
	r.closeAll(unheld)
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
	if len(errs) == 0 {
		errs = r.circles(ch, removed)
	}
	return errors.Join(errs...)
}

// view returns the entries sorted by endpoint. The slice must not be changed.
func (r *Registry) view() []*entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.roster.view()
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
	now := time.Now()
	for _, e := range entries {
		r.tellAside(e.joinRound(now))
	}
	r.roundDone()
}

func (r *Registry) roundDone() {
	if r.roundLeft.Add(-1) == 0 && !r.rounds.Swap(true) {
		r.visible.Add(1)
		r.changes.Add(1)
	}
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
	for _, e := range r.roster.view() {
		e.mu.Lock()
		before := e.state.interval
		e.state.setInterval(d)
		if e.state.interval != before {
			changed = append(changed, e)
		}
		e.mu.Unlock()
	}
	if len(changed) > 0 {
		r.changes.Add(1)
	}
	if r.sched != nil {
		r.sched.add(changed)
	}
}

// Ready reports whether the first full round is done: every check that was there when checks began to run has run.
func (r *Registry) Ready() bool { return r.rounds.Load() }
