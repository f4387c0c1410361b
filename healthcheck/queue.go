package healthcheck

import "slices"

// dueQueue holds the entries whose runs are due, first in, first out. An entry remembers its position, counted from the
// first that ever was queued, so that taking it out need not touch it: the next time it is touched is by its run.
//
// It is guarded by scheduler.mu.
type dueQueue struct {
	items []dueItem
	head  int   // of items, the next to take
	first int64 // the position of items[0]
	slow  int   // of the entries waiting, those that are not known to be quick
}

type dueItem struct {
	entry *entry // nil once taken or dropped
	due   int64  // nanoseconds
	slow  bool   // not known to be quick
	why   occasion
}

func newDueQueue() dueQueue { return dueQueue{first: 1} } // 0 is the position of what never was in it

func (q *dueQueue) len() int { return len(q.items) - q.head }

func (q *dueQueue) has(e *entry) bool { return e.plan.position >= q.first+int64(q.head) }

// add puts in e, which must not be in it.
func (q *dueQueue) add(e *entry, due int64, why occasion) {
	if q.head > len(q.items)/2 { // a queue that is never empty must not grow for ever
		q.first += int64(q.head)
		q.items, q.head = slices.Delete(q.items, 0, q.head), 0
	}
	e.plan.position = q.first + int64(len(q.items))
	q.items = append(q.items, dueItem{e, due, !e.plan.quick, why})
	if !e.plan.quick {
		q.slow++
	}
}

// of returns the item of e, which must be in it.
func (q *dueQueue) of(e *entry) *dueItem { return &q.items[e.plan.position-q.first] }

// take moves the next item to the beginning of to, or the next items up to the first that is slow. It returns how many.
func (q *dueQueue) take(to []dueItem) (n int) {
	for q.head < len(q.items) && n < len(to) {
		item := q.items[q.head]
		if item.slow && n > 0 {
			break
		}
		q.items[q.head].entry = nil
		q.head++
		if item.entry == nil {
			continue // dropped
		}
		to[n] = item
		n++
		if item.slow {
			q.slow--
			break
		}
	}
	return n
}

// drop takes e out, if it is in.
func (q *dueQueue) drop(e *entry) {
	if q.has(e) {
		item := q.of(e)
		item.entry, e.plan.position = nil, 0
		if item.slow {
			q.slow--
		}
	}
}

// clear empties the queue.
func (q *dueQueue) clear() {
	q.first += int64(len(q.items))
	q.items, q.head, q.slow = nil, 0, 0
}
