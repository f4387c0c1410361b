package maintenance

import (
	"sync/atomic"
	"time"
)

// schedule tells when one window is open.
type schedule interface {
	// at returns a span around t.
	at(t time.Time) span
}

// span is a stretch of time from the first moment to just before the last, all of it in a window or none of it.
type span struct {
	from, until time.Time
	open        bool
}

func (s *span) holds(t time.Time) bool { return !t.Before(s.from) && t.Before(s.until) }

// endOfTime is later than any time that a clock shows.
var endOfTime = time.Unix(1<<60, 0)

// interval is a window that comes once.
type interval struct{ from, to time.Time }

func (w interval) at(t time.Time) span {
	switch {
	case t.Before(w.from):
		return span{until: w.from}
	case t.Before(w.to):
		return span{from: w.from, until: w.to, open: true}
	default:
		return span{from: w.to, until: endOfTime}
	}
}

// calendar is all windows together.
type calendar struct {
	schedules []schedule
	known     atomic.Pointer[span] // what was last found out
}

func (c *calendar) contains(t time.Time) bool {
	s := c.known.Load()
	if s == nil || !s.holds(t) {
		s = c.at(t.Round(0)) // what is kept must not depend on a monotonic clock
		c.known.Store(s)
	}
	return s.open
}

func (c *calendar) at(t time.Time) *span {
	closed := span{until: endOfTime}
	for _, schedule := range c.schedules {
		s := schedule.at(t)
		if s.open {
			return &s
		}
		if s.from.After(closed.from) {
			closed.from = s.from
		}
		if s.until.Before(closed.until) {
			closed.until = s.until
		}
	}
	return &closed
}
