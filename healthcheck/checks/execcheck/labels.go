package execcheck

import (
	"sync"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

const (
	maxLabels   = 1000           // different ones that a check may have
	labelMemory = 24 * time.Hour // in this time
)

// labelSet bounds how many series the labels of one check make, whatever a plugin writes: each is a series that
// Prometheus keeps for hours. It is safe for concurrent use.
type labelSet struct {
	mu   sync.Mutex
	last map[string]time.Time // when it was last seen
}

// admit returns the values whose labels are known, or new and within the bound, and tells d of the others. It works in
// place.
func (l *labelSet) admit(values []healthcheck.Value, d *dropped) []healthcheck.Value {
	if len(values) == 0 {
		return values
	}
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil {
		l.last = make(map[string]time.Time, len(values))
	}
	forgotten := false
	kept := values[:0]
	for _, v := range values {
		if _, known := l.last[v.Label]; !known && len(l.last) >= maxLabels {
			if !forgotten {
				l.forget(now)
				forgotten = true
			}
			if len(l.last) >= maxLabels {
				d.add("too many labels: " + v.Label)
				continue
			}
		}
		l.last[v.Label] = now
		kept = append(kept, v)
	}
	return kept
}

func (l *labelSet) forget(now time.Time) {
	for label, seen := range l.last {
		if now.Sub(seen) > labelMemory {
			delete(l.last, label)
		}
	}
}
