package healthcheck

import "testing"

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
	return cap(s.queue.items)
}
