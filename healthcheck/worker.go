package healthcheck

import (
	"context"
	"sync"
	"time"
)

// worker is a goroutine that runs what it takes from the queue: one check, or, of those that were quick the last time,
// a batch: half the cost of a quick run was a lock that all workers share, and waiting for memory, which can be fetched
// for a whole batch at once. When a check of a batch is not quick this time, a worker that has nothing else to do steals
// what waits behind it, or the scheduler takes it back.
type worker struct {
	late  delayCounts // of its last runs; its own until they are handed in
	index int         // in scheduler.workers; guarded by scheduler.mu

	// stuck is that its run is past the deadline. It is written with scheduler.mu and mu held.
	stuck bool

	// mu guards the rest: who looks at the run holds mu meanwhile, unless the worker is stuck, as a run is used again
	// afterwards. Lock order: scheduler.mu, worker.mu, entry.mu.
	mu        sync.Mutex
	run       *run // under way
	batch     [workerBatch]dueItem
	next, end int // of batch, what is not begun
}

// workerBatch is how many quick checks a worker takes at once. More saves little; each takes 24 bytes of every worker,
// of which there may be thousands when checks are slow.
const workerBatch = fetchAhead

// begin makes r the run of the next item, if its check can be run now. The item is empty when there is none; then no run
// is under way.
func (w *worker) begin(r *run, now time.Time) (item dueItem, begun bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.run = nil
	if w.next == w.end || w.stuck {
		return dueItem{}, false
	}
	item = w.batch[w.next]
	w.next++
	if !item.entry.begin(r, now) {
		return item, false
	}
	w.run = r
	return item, true
}

// take takes items from q, and returns how many.
func (w *worker) take(q *dueQueue) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next, w.end = 0, q.take(w.batch[:])
	return w.end
}

// fetch brings what the runs of the first n items touch into the processor's cache.
//
//go:noinline
func (w *worker) fetch(n int) (some uint64) {
	for i := range n { // nobody but w writes to batch
		some += w.batch[i].entry.touch()
	}
	return some
}

// steal takes half of what waits behind the run of another worker, which may be blocked. It is called with scheduler.mu
// held, so that no two workers steal from each other.
func (w *worker) steal(from *worker) int {
	if w == from {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	from.mu.Lock()
	defer from.mu.Unlock()
	first := from.end - (from.end-from.next+1)/2
	w.next, w.end = 0, copy(w.batch[:], from.batch[first:from.end])
	from.end = first
	return w.end
}

// startedBefore reports whether the run under way began before t.
func (w *worker) startedBefore(t time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.run != nil && w.run.start.Before(t)
}

// giveBack returns what waits behind the run. It is called with scheduler.mu held, so that w cannot fill its batch anew.
func (w *worker) giveBack() []dueItem {
	w.mu.Lock()
	defer w.mu.Unlock()
	items := w.batch[w.next:w.end]
	w.next = w.end
	return items
}

// look returns the deadline of the run under way, if there is one, and whether anything waits behind it.
func (w *worker) look() (deadline time.Time, ahead, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.run == nil {
		return time.Time{}, w.next < w.end, false
	}
	return w.run.deadline(), w.next < w.end, true
}

// cancel tells the run under way to stop and returns how long it may take. What waits behind it is dropped.
func (w *worker) cancel(now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next = w.end
	if w.run == nil { // between two runs: it may leave, or begin one yet
		return shutdownGrace
	}
	w.run.cancel(context.Canceled)
	return w.run.deadline().Sub(now)
}
