package healthcheck

import (
	"sync/atomic"
	"time"
)

// Outcome is one run of the past.
type Outcome struct {
	Start    time.Time
	Duration time.Duration
	Result   StatusLevel // OK or FAIL
	Reason   Reason
	Details  string // of a failure; of one that is not the last it may be cut short, or be gone, where there are many
}

// HistorySize is how many of its last outcomes a registry keeps for each check.
const HistorySize = 16

// history is a ring of the last outcomes, 16 bytes each, so that it can be a plain array in each of 100,000 entries.
// The number of runs before tells where the next goes.
type history struct {
	details *[HistorySize]string // made at the first failure
	size    int                  // of the details but the last; it also keeps the points of an entry in as few cache lines as can be
	points  [HistorySize]point
}

// point is an outcome without its text.
type point struct {
	start    int64  // Unix time in nanoseconds
	duration uint32 // microseconds, at most 71 minutes
	failed   bool
	reason   Reason
}

// add adds the outcome of the run after the first n. Total is the size of all histories of the registry.
func (h *history) add(n uint64, start time.Time, d time.Duration, failed bool, res *Result, total *atomic.Int64) {
	micros := min(d.Microseconds(), 1<<32-1)
	h.points[n%HistorySize] = point{start: start.UnixNano(), duration: uint32(micros), failed: failed, reason: res.Reason}
	if h.details == nil {
		if !failed || res.Details == "" {
			return
		}
		h.details = new([HistorySize]string)
	}
	last := &h.details[(n+HistorySize-1)%HistorySize]
	h.details[n%HistorySize] = ""
	if failed {
		h.details[n%HistorySize] = res.Details
		if *last == res.Details { // as most are: one text for all
			h.details[n%HistorySize] = *last
		}
	}
	h.bound(n, total)
}

// bound shortens the details of runs before that after the first n, as far as there is no room for them.
func (h *history) bound(n uint64, total *atomic.Int64) {
	size := h.older(n)
	if room := total.Load() + int64(size-h.size); size > h.size && room > plentyOfHistory {
		keep := shortDetails
		if room > 2*plentyOfHistory {
			keep = 0
		}
		newest := &h.details[n%HistorySize]
		for i := range h.details {
			if d := &h.details[i]; d != newest && *d != *newest && len(*d) > keep+len("...") {
				*d = shorten(*d, keep)
			}
		}
		size = h.older(n)
	}
	total.Add(int64(size - h.size))
	h.size = size
}

// shorten returns the beginning of details, and that there was more.
func shorten(details string, n int) string {
	if n == 0 {
		return ""
	}
	return cut(details, n) + "..."
}

// older returns the size of the details of runs before that after the first n. Neighbours that are the same share a text.
func (h *history) older(n uint64) (size int) {
	for i := uint64(1); i < HistorySize; i++ {
		if d := h.details[(n+HistorySize-i)%HistorySize]; d != h.details[(n+HistorySize-i+1)%HistorySize] {
			size += len(d)
		}
	}
	return size
}

// amend replaces the details of the last of n outcomes.
func (h *history) amend(n uint64, details string, total *atomic.Int64) {
	if h.details != nil && n > 0 {
		h.details[(n-1)%HistorySize] = details
		h.bound(n-1, total)
	}
}

// drop takes what h has off the total.
func (h *history) drop(total *atomic.Int64) {
	total.Add(-int64(h.size))
	h.details, h.size = nil, 0
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
