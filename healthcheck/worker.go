package healthcheck

import (
	"sync"
	"time"
)

// worker is a goroutine that runs what it takes from the queue: one check, or, of those that were quick the last time,
// a batch: half the cost of a quick run was a lock that all workers share, and waiting for memory, which can be fetched
// for a whole batch at once.
type worker struct {
	late  delayCounts // of its last runs; its own until they are handed in
	own   run         // the run that it uses again and again
	index int         // in pool.workers; guarded by scheduler.mu

	// stuck is that its run is past the deadline. It is written with scheduler.mu and mu held.
	stuck bool

	// mu guards the rest: who looks at the run holds mu meanwhile, unless the worker is stuck, as a run is used again
	// afterwards. Lock order: scheduler.mu, worker.mu, entry.mu.
	mu        sync.Mutex
	run       *run // under way: own or nil
	batch     [workerBatch]dueItem
	next, end int // of batch, what is not begun
}

// workerBatch is how many quick checks a worker takes at once. More saves little; each takes 24 bytes of every worker,
// of which there may be thousands when checks are slow.
const workerBatch = fetchAhead

// begin begins the run of the next item, if its check can be run now. The item is empty when there is none; then no run
// is under way.
func (w *worker) begin(now time.Time) (item dueItem, d due) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.run = nil
	if w.next == w.end || w.stuck {
		return dueItem{}, dueGone
	}
	item = w.batch[w.next]
	w.next++
	if d = item.entry.begin(&w.own, now, item); d == dueStarted {
		w.run = &w.own
	}
	return item, d
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

// steal takes half of what waits behind the run of another worker. It is called with scheduler.mu held, so that no two
// workers steal from each other.
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

// giveBack returns what waits behind the run. It is called with scheduler.mu held, so that w cannot fill its batch anew.
func (w *worker) giveBack() []dueItem {
	w.mu.Lock()
	defer w.mu.Unlock()
	items := w.batch[w.next:w.end]
	w.next = w.end
	return items
}

// seen is what a look at a worker finds.
type seen struct {
	running  bool      // a run is under way
	start    time.Time // of the run
	deadline int64     // of the run
	waiting  int       // items behind the run
}

func (w *worker) look() seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := seen{waiting: w.end - w.next}
	if w.run != nil {
		s.running, s.start, s.deadline = true, w.run.start, w.run.deadline
	}
	return s
}

// cancel tells the run under way to stop and returns how long it may take. What waits behind it is dropped.
func (w *worker) cancel(now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next = w.end
	if w.run == nil { // between two runs: it may leave, or begin one yet
		return shutdownGrace
	}
	w.run.cancel(endedByCancel)
	return time.Duration(w.run.deadline - w.run.base.at(now))
}
