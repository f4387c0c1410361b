package healthcheck

import (
	"runtime"
	"time"
)

// pool hands what is due to workers: goroutines that end when there is nothing to do.
//
// Its law: every due run begins within two slots of its time, or is counted as skipped, unless as many runs as the limit
// allows are under way. It holds because
//
//   - what is due is in one place at any time: in the queue, or in the batch of one worker. All moves are made with
//     scheduler.mu held: put in, take, steal, take back.
//   - a worker on the list takes from the queue before it ends, or is taken off the list under the same lock that showed
//     it an empty queue. So there is no worker that is counted on and does not come.
//   - while anything waits, in the queue or behind a run, the next look is at most a slot away. A look takes back what
//     waits behind runs that turn out slow, and starts workers in place of those that are blocked by them: what blocks
//     can be doubled every growDelay.
//
// The looks are what keeps the law; the rest makes them rarely needed. A look that finds nothing costs as much as hundreds
// of quick runs, since it wakes an idle machine. So quick checks are run by two workers in batches: when a check of a
// batch is not quick this time, the other worker steals what waits behind it.
//
// It is guarded by scheduler.mu.
type pool struct {
	base    *runBase
	queue   dueQueue
	workers []*worker
	stuck   int // of the workers
	limit   int // of workers that are not stuck
	first   int // workers to begin with for checks that are not known to be quick

	// behind is that something was waiting at the last look, and is not known to have gone since: the queue does not get
	// empty by itself.
	behind bool
	// again is that the next look is for what waits, not for what is due. A worker that finds nothing to take or steal
	// calls it off.
	again bool
	news  []*event // to be told once the lock is given back
}

// quickWorkers is how many workers run quick checks. They cost less than the other processors that more would wake.
const quickWorkers = 2

// growDelay is how long checks that are not known to be quick may wait before there are more workers.
const growDelay = 5 * time.Millisecond

func newPool(base *runBase, limit int) pool {
	if limit <= 0 {
		limit = DefaultConcurrency
	}
	return pool{base: base, queue: newDueQueue(), limit: limit, first: min(4*runtime.GOMAXPROCS(0), limit)}
}

// crew is what a look finds of the workers that are not stuck.
type crew struct {
	ready   int // take from the queue soon
	blocked int // by a run that turns out slow
}

// survey looks at the workers, and takes back what waits behind slow runs.
func (p *pool) survey(now time.Time) (c crew) {
	for _, w := range p.workers {
		if w.stuck {
			continue
		}
		if s := w.look(); s.running && now.Sub(s.start) >= quickRun {
			c.blocked++
			p.takeBack(w, now)
			continue
		}
		c.ready++
	}
	return c
}

// staff returns new workers where the queue needs them, to be started. Old is how many were waiting before what has just
// come due.
func (p *pool) staff(c crew, old int) (started []*worker) {
	p.behind = old > 0
	waiting := p.queue.len()
	want := min(p.first, p.queue.slow+min(waiting-p.queue.slow, quickWorkers))
	if p.behind {
		want = max(p.first, c.blocked)
	}
	for range min(want-c.ready, waiting, p.limit-(len(p.workers)-p.stuck)) {
		w := &worker{index: len(p.workers)}
		w.own.base = p.base
		p.workers = append(p.workers, w)
		started = append(started, w)
	}
	return started
}

// nextLook returns when there is to be a look for what waits, on the clock of the schedule.
func (p *pool) nextLook(at int64) int64 {
	if p.queue.slow == 0 && !p.behind {
		return at - at%slotWidth + slotWidth
	}
	return at + int64(growDelay)
}

// takeBack queues again what waits behind the run of w.
func (p *pool) takeBack(w *worker, now time.Time) {
	for _, item := range w.giveBack() {
		switch e := item.entry; {
		case !e.plan.inWheel: // unregistered
		case !p.queue.has(e):
			p.queue.add(e, item.due, item.why)
		case item.why != onGrid:
		case p.queue.of(e).why != onGrid: // one run is enough for both
			p.queue.of(e).why = onGrid
		default: // it waited for so long that it is due again
			p.miss(e, 1, item.due, now)
		}
	}
}

// miss counts n due runs of e that are not started, of which the first was due then.
func (p *pool) miss(e *entry, n uint64, due int64, now time.Time) {
	if ev := e.miss(n, p.base.ago(due, now), now); ev != nil {
		p.news = append(p.news, ev)
	}
}

// fill gives w what it runs next, and returns how much. With nothing, or when w is stuck and another has taken its place,
// w is taken off the list, and must end.
func (p *pool) fill(w *worker, now time.Time) int {
	n := 0
	if !w.stuck {
		n = w.take(&p.queue)
		for i := 0; n == 0 && i < len(p.workers); i++ {
			n = w.steal(p.workers[i])
		}
	}
	if n == 0 {
		p.remove(w, now)
	}
	return n
}

// remove takes w off the list, and queues again what waits behind its run: of a worker that is stuck, or ended by a check
// that ends its goroutine.
func (p *pool) remove(w *worker, now time.Time) {
	p.takeBack(w, now)
	if w.stuck {
		p.stuck--
	}
	last := len(p.workers) - 1
	p.workers[w.index] = p.workers[last]
	p.workers[w.index].index = w.index
	p.workers[last] = nil
	p.workers = p.workers[:last]
	w.index = -1
}

// giveUp counts the workers of some of the runs under way as stuck, takes back what waits behind them, and returns these
// runs.
func (p *pool) giveUp(now time.Time, which func(*run) bool) (runs []*run) {
	for _, w := range p.workers {
		if w.stuck {
			continue
		}
		w.mu.Lock()
		if w.run != nil && which(w.run) {
			w.stuck = true
			p.stuck++
			runs = append(runs, w.run)
		}
		w.mu.Unlock()
		if w.stuck {
			p.takeBack(w, now)
		}
	}
	return runs
}

// idle reports whether there is no worker but stuck ones.
func (p *pool) idle() bool { return len(p.workers) == p.stuck }

// running returns the number of runs under way within their deadline.
func (p *pool) running() int {
	n := 0
	for _, w := range p.workers {
		if !w.stuck && w.look().running {
			n++
		}
	}
	return n
}
