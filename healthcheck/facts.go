package healthcheck

import (
	"slices"
	"time"
)

// Facts are what a [State] tells. They make states where there is no registry, as in tests of what shows them.
type Facts struct {
	// Check is the definition. What it leaves out has the defaults; it needs no Func and no Checker.
	Check      Check
	Registered time.Time

	// Level is the state after thresholds: OK, FAIL, or empty while it is not known.
	Level StatusLevel
	// Last is the last run; with a zero Start there was none. Its details are those of the state if it has the same result.
	Last Outcome
	// Reason and Details are why the state is FAIL, if the last run does not tell.
	Reason  Reason
	Details string
	// Values are what the last run measured.
	Values []Value

	LastSuccess, Since   time.Time
	OK, Failed           uint64 // runs
	Changes, Skipped     uint64
	SkippedSince         time.Time
	Failures             []ReasonCount
	FailuresSince        []time.Time // for each of Failures
	BlockedBy            []string
	Stuck, InMaintenance bool
}

// NewState returns the state of which f is true. It checks nothing.
func NewState(f Facts) State {
	check := f.Check.normalized(make(labelSets), unixNano(f.Registered))
	s := State{
		Check:         check,
		lastSuccess:   unixNano(f.LastSuccess),
		ok:            f.OK,
		fail:          f.Failed,
		level:         levelOf(f.Level),
		reason:        f.Reason,
		stuck:         f.Stuck,
		inMaintenance: f.InMaintenance,
		since:         unixNano(f.Since),
		changes:       f.Changes,
		skipped:       f.Skipped,
		skippedSince:  unixNano(f.SkippedSince),
	}
	if f.Details != "" {
		s.raw = levelFail
		s.setText(&Result{Level: FAIL, Details: f.Details})
	}
	if !f.Last.Start.IsZero() {
		s.lastEnd, s.duration = f.Last.Start.Add(f.Last.Duration).UnixNano(), int64(f.Last.Duration)
		s.raw = levelOK
		if f.Last.Result == FAIL {
			s.raw, s.reason = levelFail, f.Last.Reason
		}
		values, _ := cleanValues(slices.Clone(f.Values))
		s.setText(&Result{Level: f.Last.Result, Details: f.Last.Details, Values: values})
	}
	if len(f.Failures) > 0 {
		s.failures = &failures{counts: slices.Clone(f.Failures), since: make([]int64, len(f.Failures))}
		for i := range min(len(f.Failures), len(f.FailuresSince)) {
			s.failures.since[i] = unixNano(f.FailuresSince[i])
		}
	}
	if len(f.BlockedBy) > 0 {
		by := slices.Clone(f.BlockedBy)
		s.blockedBy = &by
	}
	s.plain = isPlain(check.Endpoint) && isPlain(check.Name)
	s.depends, s.windows = len(check.DependsOn) > 0, check.Maintenance != nil
	s.setInterval(DefaultInterval)
	return s
}

func levelOf(l StatusLevel) level {
	switch l {
	case "":
		return levelUnknown
	case FAIL:
		return levelFail
	default:
		return levelOK
	}
}

// unixNano is the inverse of unixTime.
func unixNano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
