package healthcheck

import "time"

// Outcome is one run of the past.
type Outcome struct {
	Start    time.Time
	Duration time.Duration
	Result   StatusLevel // OK or FAIL
	Reason   Reason
	Details  string // of a failure
}

// HistorySize is how many of its last outcomes a registry keeps for each check.
const HistorySize = 16

// history is a ring of the last outcomes, 16 bytes each, so that it can be a plain array in each of 100,000 entries.
// The number of runs before tells where the next goes.
type history struct {
	details *[HistorySize]string // made at the first failure
	_       uint64               // so that no point of an entry is in two cache lines
	points  [HistorySize]point
}

// point is an outcome without its text.
type point struct {
	start    int64  // Unix time in nanoseconds
	duration uint32 // microseconds, at most 71 minutes
	failed   bool
	reason   Reason
}

// add adds the outcome of the run after the first n.
func (h *history) add(n uint64, start time.Time, d time.Duration, failed bool, res *Result) {
	micros := min(d.Microseconds(), 1<<32-1)
	h.points[n%HistorySize] = point{start: start.UnixNano(), duration: uint32(micros), failed: failed, reason: res.Reason}
	if failed && h.details == nil && res.Details != "" {
		h.details = new([HistorySize]string)
	}
	if h.details != nil {
		h.details[n%HistorySize] = ""
		if failed {
			h.details[n%HistorySize] = res.Details
		}
	}
}

// amend replaces the details of the last of n outcomes.
func (h *history) amend(n uint64, details string) {
	if h.details != nil && n > 0 {
		h.details[(n-1)%HistorySize] = details
	}
}

// list returns the last outcomes of n, the newest first.
func (h *history) list(n uint64) []Outcome {
	list := make([]Outcome, min(n, HistorySize))
	for i := range list {
		at := (n - 1 - uint64(i)) % HistorySize
		p := h.points[at]
		list[i] = Outcome{
			Start:    time.Unix(0, p.start),
			Duration: time.Duration(p.duration) * time.Microsecond,
			Result:   OK,
			Reason:   p.reason,
		}
		if p.failed {
			list[i].Result = FAIL
		}
		if h.details != nil {
			list[i].Details = h.details[at]
		}
	}
	return list
}
