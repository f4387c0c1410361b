package healthcheck

import "slices"

// wheel is a timing wheel: it has a list of entries for each slot of time, by the slot's number modulo the size. Planning
// and releasing cost the same for 10 entries as for 100,000.
//
// A list is a slice, not links through the entries: going through it, the processor fetches the next entries while it
// waits for this one, which at 100,000 entries is most of the time. An entry that is planned anew leaves its item behind;
// what it says no longer agrees with the entry's plan, and it is dropped when its slot comes.
//
// It is guarded by scheduler.mu.
type wheel struct {
	slots   [wheelSlots][]wheelItem
	spare   [][]wheelItem // empty lists, to be used again: occupied slots move round the wheel, and memory with them
	planned int           // entries in the wheel
	cursor  int64         // the next slot to release
}

type wheelItem struct {
	entry *entry
	slot  int64
}

const (
	slotWidth  = int64(MinInterval)
	wheelSlots = 1024 // 51 s; what is further ahead stays in its list for another turn of the wheel
)

// plan is the schedule of an entry. It is guarded by scheduler.mu.
type plan struct {
	slot     int64 // when it is due next, in slots of Unix time
	position int64 // in the dueQueue
	interval int64 // nanoseconds
	grid     int64 // a point of the schedule's grid, in nanoseconds: they are this far apart
	inWheel  bool
	quick    bool // the last run took less than quickRun
	afresh   bool // the last run asked for was not on the grid: the next point of the grid may find it under way
	why      occasion
}

// occasion is why a run is due.
type occasion uint8

const (
	onGrid occasion = iota // a point of the grid: a run that is lost is counted
	beside                 // sooner than the next point, after a failure or since somebody wants it now
	asked                  // for a new definition: any run that has begun since is what was asked for
)

// passed returns since when runs have been due, and how many points of the grid after that have passed: none, as long as the
// runs are released in time. Slot is the one at which the clock stands, in nanoseconds: a point of the grid may be past, and
// its slot yet to come.
func (p *plan) passed(slot int64) (from int64, n uint64) {
	from = p.grid // the point that is due
	if p.why != onGrid {
		from = p.slot * slotWidth
	}
	if late := slot - from; late >= p.interval {
		n = uint64(late / p.interval)
	}
	return from, n
}

// next returns the first point of the grid after t.
func (p *plan) next(t int64) int64 {
	if at := p.grid + p.interval; at > t && p.grid <= t { // as always when runs are on time
		p.grid = at
		return at
	}
	if p.grid > t { // brought forward, the last run was off the grid
		p.grid -= (p.grid - t - 1) / p.interval * p.interval
		return p.grid
	}
	p.grid += (t-p.grid)/p.interval*p.interval + p.interval
	return p.grid
}

// add plans e for the first slot at or after the given time.
func (w *wheel) add(e *entry, at int64, why occasion) {
	p := &e.plan
	if !p.inWheel {
		p.inWheel = true
		w.planned++
	}
	p.slot = max((at+slotWidth-1)/slotWidth, w.cursor)
	p.why = why
	list := &w.slots[p.slot%wheelSlots]
	if *list == nil && len(w.spare) > 0 {
		*list = w.spare[len(w.spare)-1]
		w.spare = w.spare[:len(w.spare)-1]
	}
	*list = append(*list, wheelItem{e, p.slot})
}

// remove takes e out of the plan.
func (w *wheel) remove(e *entry) {
	if e.plan.inWheel {
		e.plan.inWheel = false
		w.planned--
	}
}

// release calls due for each entry whose slot has come, which is to plan it anew.
func (w *wheel) release(now int64, due func(*entry)) {
	last := now / slotWidth
	from := max(w.cursor, last-wheelSlots+1)
	w.cursor = max(w.cursor, last+1)
	for slot := from; slot <= last; slot++ {
		at := slot % wheelSlots
		list := w.slots[at]
		w.slots[at] = nil // due may add to this slot, for the next turn
		kept := list[:0]
		for i, item := range list {
			if i%fetchAhead == 0 {
				fetch(list[i:min(i+fetchAhead, len(list))])
			}
			switch p := &item.entry.plan; {
			case !p.inWheel || p.slot != item.slot: // planned anew since
			case item.slot > last:
				kept = append(kept, item)
			default:
				due(item.entry)
			}
		}
		w.giveBack(at, list, kept)
	}
}

// giveBack takes in a list whose slot has passed, and what is kept of it for another turn, which lies at its beginning.
func (w *wheel) giveBack(at int64, list, kept []wheelItem) {
	added := w.slots[at] // planned meanwhile
	switch {
	case len(kept) == 0:
		w.free(list)
		return
	case len(kept) < cap(list)/4: // the list is let go: as a spare one it would be one more at each turn
		w.slots[at] = slices.Concat(kept, added)
	default:
		clear(list[len(kept):])
		w.slots[at] = append(kept, added...)
	}
	w.free(added)
}

// free keeps the memory of a list for another slot. If little of it was used, it is let go: else each list would grow to
// the size of the fullest slot that there ever was.
func (w *wheel) free(list []wheelItem) {
	if cap(list) == 0 || len(list) < cap(list)/4 {
		return
	}
	clear(list)
	w.spare = append(w.spare, list[:0])
}

// nextSlot returns a slot before which nothing is due; mostly something is due in it. It is false for an empty wheel.
func (w *wheel) nextSlot() (int64, bool) {
	if w.planned == 0 {
		return 0, false
	}
	for slot := w.cursor; slot < w.cursor+wheelSlots; slot++ {
		for _, item := range w.slots[slot%wheelSlots] {
			if item.slot == slot {
				return slot, true
			}
		}
	}
	return w.cursor + wheelSlots, true
}

// fetch is fetchEntries for the line that has the plan.
//
//go:noinline
func fetch(items []wheelItem) (sum int64) {
	for i := range items {
		sum += items[i].entry.plan.slot
	}
	return sum
}
