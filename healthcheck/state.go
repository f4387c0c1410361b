package healthcheck

import (
	"slices"
	"time"
)

// State is what is known of one check at one moment: a copy, all of one run. It is a value of about a hundred bytes;
// what it points to is immutable.
type State struct {
	// Check is the definition, which must not be changed.
	Check *Check

	// What a good run touches comes first; see entry.
	text                 *text
	timeout              time.Duration // in force: the check's own, or the runner's
	lastEnd, lastSuccess int64         // Unix time in nanoseconds, 0 for never
	duration             int64         // of the last run, in nanoseconds
	ok, fail             uint64
	level, raw           level
	reason               Reason // of the last failure
	stuck, inMaintenance bool
	depends, windows     bool   // the definition has dependencies, maintenance windows
	plain                bool   // endpoint and name of the definition need no escaping in JSON
	seq                  uint64 // order of registration; never changes

	since            int64         // as lastEnd
	interval         time.Duration // as timeout
	changes, skipped uint64
	skippedSince     int64     // as lastEnd; nothing was skipped by then
	failures         *failures // nil for none; immutable
	blockedBy        *[]string // set in snapshots only; a pointer, as there is rarely something to point to
	_                uint64    // so that in an entry the history keeps its place
}

type level uint8

const (
	levelUnknown level = iota
	levelOK
	levelFail
)

// text is what a run said. Most runs say nothing, so a state has only a pointer to it. It is immutable.
type text struct {
	level       StatusLevel // of the last good run, if not OK
	blank       bool        // that level is "", said by a CheckStatus
	details     string      // of the last good run
	failDetails string      // of the last failure, while it matters
	values      []Value
}

// setText takes in the words and values of a run, after raw was set.
func (s *State) setText(res *Result) {
	plain := res.Details == "" && len(res.Values) == 0 && (res.Level == "" || res.Level == OK) && !res.blank()
	if s.text == nil && plain {
		return
	}
	var old text
	if s.text != nil {
		old = *s.text
	}
	t := old
	t.values = res.Values
	if res.Failed() {
		t.failDetails = res.Details
	} else {
		t.details, t.level, t.blank = res.Details, "", res.blank()
		if res.Level != OK {
			t.level = res.Level
		}
	}
	if t.level == old.level && t.blank == old.blank && t.details == old.details && t.failDetails == old.failDetails && sameValues(t.values, old.values) {
		return
	}
	s.text = &text{t.level, t.blank, t.details, t.failDetails, t.values} // here, since only here is an allocation due
}

// setInterval sets interval and timeout in force, given the runner's.
func (s *State) setInterval(def time.Duration) {
	s.interval = s.Check.Interval
	if s.interval == 0 {
		s.interval = def
	}
	s.timeout = s.interval
	if t := s.Check.Timeout; t > 0 && t < s.interval {
		s.timeout = t
	}
}

// Ran reports whether the check has completed a run; without one, most of the state is zero.
func (s *State) Ran() bool { return s.lastEnd != 0 }

// Decided reports whether the check is known to be OK or FAIL.
func (s *State) Decided() bool { return s.level != levelUnknown }

// Failing reports whether the check is FAIL after thresholds. A check without a run is not failing yet.
func (s *State) Failing() bool { return s.level == levelFail }

// failsWhole reports whether the check makes the whole FAIL.
func (s *State) failsWhole() bool { return s.Failing() && !s.Check.Optional }

// Status returns what /status shows: the state after thresholds with the details of the run that explains it. A check
// that has not run is FAIL.
func (s *State) Status() Status {
	switch s.level {
	case levelUnknown:
		return Status{Result: FAIL, Details: "not run yet"}
	case levelFail:
		if s.text == nil {
			return Status{Result: FAIL}
		}
		return Status{Result: FAIL, Details: s.text.failDetails}
	}
	st := Status{Result: OK}
	if s.text != nil {
		st.Details = s.text.details
		if s.text.level != "" || s.text.blank {
			st.Result = s.text.level
		}
	}
	return st
}

// LastRunFailed reports whether the last run failed, whatever the thresholds make of it.
func (s *State) LastRunFailed() bool { return s.raw == levelFail }

// LastFailure returns reason and details of the last run that failed; the details may be gone once the check is well
// again.
func (s *State) LastFailure() (Reason, string) {
	if s.text == nil {
		return s.reason, ""
	}
	return s.reason, s.text.failDetails
}

// LastRun returns when the last run ended and how long it took.
func (s *State) LastRun() (end time.Time, duration time.Duration) {
	return unixTime(s.lastEnd), time.Duration(s.duration)
}

// LastSuccess returns when the last good run ended, the zero time if there was none.
func (s *State) LastSuccess() time.Time { return unixTime(s.lastSuccess) }

// Since returns when the state last changed between OK and FAIL, or was first known.
func (s *State) Since() time.Time { return unixTime(s.since) }

// Runs returns how many runs were good and how many failed.
func (s *State) Runs() (ok, failed uint64) { return s.ok, s.fail }

// Changes returns how often the state changed between OK and FAIL.
func (s *State) Changes() uint64 { return s.changes }

// Skipped returns how many due runs were not started since the one before was still under way.
func (s *State) Skipped() uint64 { return s.skipped }

// SkippedSince returns a time before the first of the runs that Skipped counts was due, the zero time if there was none.
func (s *State) SkippedSince() time.Time { return unixTime(s.skippedSince) }

// skip counts n runs that were not started, the first of which was due then. They may be told out of order: what waited
// behind a slow run is given up after what came due later.
func (s *State) skip(n uint64, due time.Time) {
	if since := due.UnixNano() - 1; s.skipped == 0 || since < s.skippedSince {
		s.skippedSince = since
	}
	s.skipped += n
}

// Failures returns how many runs failed for each reason there was, in no particular order. The slice is shared and
// must not be changed.
func (s *State) Failures() []ReasonCount {
	if s.failures == nil {
		return nil
	}
	return s.failures.counts
}

// FailuresSince returns the start of the first run that failed for a reason, when none had yet; the zero time if there is
// none.
func (s *State) FailuresSince(r Reason) time.Time {
	if s.failures != nil {
		for i := range s.failures.counts {
			if s.failures.counts[i].Reason == r {
				return unixTime(s.failures.since[i])
			}
		}
	}
	return time.Time{}
}

// Values returns what the last run measured. The slice is shared and must not be changed.
func (s *State) Values() []Value {
	if s.text == nil {
		return nil
	}
	return s.text.values
}

// Stuck reports whether a run is past its deadline and has not returned.
func (s *State) Stuck() bool { return s.stuck }

// BlockedBy returns the endpoints among the check's DependsOn that are FAIL. The slice is shared and must not be
// changed. It is known in snapshots only, and tells nothing of what those depend on.
func (s *State) BlockedBy() []string {
	if s.blockedBy == nil {
		return nil
	}
	return *s.blockedBy
}

// InMaintenance reports whether the check was in a maintenance window when the snapshot was made.
func (s *State) InMaintenance() bool { return s.inMaintenance }

// Interval returns the time between the starts of two runs.
func (s *State) Interval() time.Duration { return s.interval }

// Timeout returns the longest that a run may take: at most the interval.
func (s *State) Timeout() time.Duration { return s.timeout }

// ReasonCount is a number of failures.
type ReasonCount struct {
	Reason Reason
	Count  uint64
}

// failures are copied when they change, since states share them: only failures pay.
type failures struct {
	counts []ReasonCount
	since  []int64 // for each of counts; see FailuresSince
}

// plus returns the failures with one more, of a run that began at start.
func (f *failures) plus(r Reason, start time.Time) *failures {
	var next failures
	if f != nil {
		next = failures{slices.Clone(f.counts), f.since}
		for i := range next.counts {
			if next.counts[i].Reason == r {
				next.counts[i].Count++
				return &next
			}
		}
	}
	next.counts = append(next.counts, ReasonCount{Reason: r, Count: 1})
	next.since = append(slices.Clone(next.since), start.UnixNano())
	return &next
}

func unixTime(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}
