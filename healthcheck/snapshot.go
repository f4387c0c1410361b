package healthcheck

import (
	"slices"
	"strings"
	"time"
)

// Snapshot is a copy of all that a registry knows, made without running or waiting for anything.
type Snapshot struct {
	States []State // sorted by endpoint
	// Level is the level of the whole; see [Registry.Level]. It agrees with States.
	Level  StatusLevel
	Runner RunnerStats
	// Time is when the snapshot was made, Since when the first check was registered, which is when counters in Runner began
	// to count; the zero time if there was none yet.
	Time, Since time.Time
}

// Snapshot returns the last outcomes, sorted by endpoint, without running anything. A check that has not run yet has
// no level and shows as FAIL. The caller owns the copy.
func (r *Registry) Snapshot() Snapshot {
	var s Snapshot
	r.SnapshotInto(&s)
	return s
}

// SnapshotInto is [Registry.Snapshot] for those that take many: into memory that the caller uses again, all of it.
func (r *Registry) SnapshotInto(s *Snapshot) {
	entries := r.view()
	if cap(s.States) < len(entries) {
		s.States = make([]State, 0, len(entries))
	}
	s.States = s.States[:0]
	s.Level = OK
	if !r.rounds.Load() {
		s.Level = FAIL
	}
	now := time.Now()
	dependent := false
	for i, e := range entries {
		fetchNext(entries, i)
		e.mu.Lock()
		s.States = append(s.States, e.state)
		e.mu.Unlock()
		st := &s.States[len(s.States)-1]
		if st.failsWhole() {
			s.Level = FAIL
		}
		if st.windows {
			st.inMaintenance = r.inMaintenance(st.Check, now)
		}
		dependent = dependent || st.depends
	}
	if dependent {
		s.findBlocked()
	}
	s.Runner = r.runnerStats()
	r.mu.Lock()
	s.Since = unixTime(r.began)
	r.mu.Unlock()
	s.Time = time.Now() // at last, so that nothing in s is later
}

// Generation returns a number that grows with every change of the checks there are, their definitions, the intervals in
// force, and their states between OK and FAIL, and when the first full round is done, at which [Registry.Ready] and
// [Registry.Level] change. Durations, counters and words change without it. While it is the same, nobody who looks at states
// needs a new snapshot; those who make much of one, as the collector does, share what they made.
func (r *Registry) Generation() uint64 { return r.changes.Load() }

// inMaintenance reports whether now lies in a window of c. A panic there is none, as it must not be the end of a scrape.
func (r *Registry) inMaintenance(c *Check, now time.Time) (in bool) {
	defer func() {
		if p := recover(); p != nil {
			r.panics.Add(1)
			r.logPanic("maintenance window panicked", c.Endpoint, p)
		}
	}()
	return c.Maintenance(now)
}

// findBlocked sets which checks are blocked by which.
func (s *Snapshot) findBlocked() {
	for i := range s.States {
		st := &s.States[i]
		var by []string
		for _, endpoint := range st.Check.DependsOn {
			if on, ok := s.Find(endpoint); ok && on.Failing() {
				by = append(by, endpoint)
			}
		}
		if by != nil {
			st.blockedBy = &by
		}
	}
}

// Find returns the state of a check in s. It points into s.
func (s *Snapshot) Find(endpoint string) (*State, bool) {
	i, ok := slices.BinarySearchFunc(s.States, endpoint, func(st State, endpoint string) int {
		return strings.Compare(st.Check.Endpoint, endpoint)
	})
	if !ok {
		return nil, false
	}
	return &s.States[i], true
}

// firstFailing returns the state of the first check, in order of registration, that makes the whole FAIL.
func (r *Registry) firstFailing() (State, bool) {
	var first State
	found := false
	ready := r.Ready() // afterwards a check that has not run counts for nothing
	for _, e := range r.view() {
		e.mu.Lock()
		s := e.state
		e.mu.Unlock()
		fails := s.failsWhole() || !ready && !s.Decided()
		if fails && (!found || s.seq < first.seq) {
			first, found = s, true
		}
	}
	return first, found
}
