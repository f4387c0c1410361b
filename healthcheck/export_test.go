package healthcheck

import (
	"testing"
	"time"
)

// Isolate gives the package-level functions a process of their own until the test ends. What it runs periodically
// ends with t.Context().
func Isolate(t testing.TB) {
	old := std
	std = newProcess(t.Context())
	t.Cleanup(func() { std = old })
}

// QueueCap returns the memory that the active runner holds for due runs, in entries.
func QueueCap(r *Registry) int {
	r.mu.Lock()
	s := r.sched
	r.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	return cap(s.pool.queue.items)
}

// WheelMemory returns what the active runner holds for its schedule: how many lists, and the room in them.
func WheelMemory(r *Registry) (lists, items int) {
	r.mu.Lock()
	s := r.sched
	r.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, list := range append(s.wheel.slots[:], s.wheel.spare...) {
		if cap(list) > 0 {
			lists, items = lists+1, items+cap(list)
		}
	}
	return lists, items
}

// Planned returns how many checks the active runner has in its schedule.
func Planned(r *Registry) int {
	r.mu.Lock()
	s := r.sched
	r.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wheel.planned
}

// Phase returns the slot of its interval in which the check of an endpoint is due.
func Phase(endpoint string, interval time.Duration) int64 {
	at := int64(hash(endpoint)>>1) % int64(interval)
	return (at + slotWidth - 1) / slotWidth
}
