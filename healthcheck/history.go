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
type history struct {
	points  [HistorySize]point
	details *[HistorySize]string // made at the first failure
	next    uint8
	full    bool
}

// point is an outcome without its text.
type point struct {
	start    int64  // Unix time in nanoseconds
	duration uint32 // microseconds, at most 71 minutes
	failed   bool
	reason   Reason
}

func (h *history) add(start time.Time, d time.Duration, failed bool, res Result) {
	micros := min(d.Microseconds(), 1<<32-1)
	h.points[h.next] = point{start: start.UnixNano(), duration: uint32(micros), failed: failed, reason: res.Reason}
	if failed && h.details == nil && res.Details != "" {
		h.details = new([HistorySize]string)
	}
	if h.details != nil {
		h.details[h.next] = ""
		if failed {
			h.details[h.next] = res.Details
		}
	}
	h.next++
	if h.next == HistorySize {
		h.next, h.full = 0, true
	}
}

// amend replaces the details of the last outcome.
func (h *history) amend(details string) {
	if h.details != nil {
		h.details[(h.next+HistorySize-1)%HistorySize] = details
	}
}

// list returns the outcomes, the newest first.
func (h *history) list() []Outcome {
	n := int(h.next)
	if h.full {
		n = HistorySize
	}
	list := make([]Outcome, n)
	for i := range list {
		at := (int(h.next) - 1 - i + HistorySize) % HistorySize
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
