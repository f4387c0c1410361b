package healthcheck

import (
	"context"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// scheduler decides when checks run, and runs them on goroutines that end when there is nothing to do.
//
// Time is cut into slots of MinInterval. One goroutine sleeps until the next slot in which something is due, moves what
// is due from a timing wheel to a queue, and starts a few workers to empty it. Waking once a slot costs less than waking
// once a check: a wake-up of an idle machine takes more CPU than a probe.
//
// When workers block and the queue does not get shorter, their number doubles every growDelay up to the limit, so
// slow checks cannot hold up others. Deadlines are watched by the same goroutine.
//
// Lock order: Registry.mu, scheduler.mu, worker.mu, entry.mu, run.mu.
type scheduler struct {
	reg     *Registry
	ctx     context.Context // of the Runner; parent of all runs
	limit   int             // of workers that are not stuck
	base    int             // workers to start for a slot
	epoch   time.Time       // Unix time, in nanoseconds, is taken from epochNS and the monotonic clock since here
	epochNS int64
	wakeCh  chan struct{} // asks loop to look again

	// A worker stores its run, then reads these two; loop and stop write them, then read the runs. So either sees the
	// other, and no deadline is missed though no lock is shared.
	wakeAt   atomic.Int64 // when loop looks again at the latest
	stopping atomic.Bool

	mu     sync.Mutex
	wheel  wheel
	queue  dueQueue
	popped int // from the queue since the last look
	timer  *time.Timer
	// doubt is whether the queue may need more workers than it has; secondLook, whether the timer is set for a look at
	// it, to see whether it gets shorter.
	doubt, secondLook bool
	workers           []*worker
	stuck             int // of the workers
	stopped           bool
	drained           chan struct{} // closed when stopped and the last worker that is not stuck ends
}

// quickWorkers is how many workers run quick checks. They cost less than the other processors that more would wake. With
// two, one check that is not quick this time holds up no other, and no timer need watch over them: see doubt.
const quickWorkers = 2

// growDelay is how long the queue may stand still before there are more workers.
const growDelay = 5 * time.Millisecond

// spread bounds the time over which first runs are spread: spreadEach for each check beyond the first few.
const (
	spreadMost = 3 * time.Second
	spreadEach = 2 * time.Millisecond
	spreadFree = 50
)

func newScheduler(ctx context.Context, r *Runner) *scheduler {
	now := time.Now()
	s := &scheduler{
		reg:     r.Registry,
		ctx:     ctx,
		limit:   r.Concurrency,
		epoch:   now,
		epochNS: now.UnixNano(),
		queue:   newDueQueue(),
		timer:   time.NewTimer(math.MaxInt64),
		wakeCh:  make(chan struct{}, 1),
		drained: make(chan struct{}),
	}
	if s.limit <= 0 {
		s.limit = DefaultConcurrency
	}
	s.base = min(4*runtime.GOMAXPROCS(0), s.limit)
	s.wheel.cursor = s.epochNS/slotWidth + 1
	return s
}

// at returns t on the clock of the schedule: Unix nanoseconds at the start, monotonic since.
func (s *scheduler) at(t time.Time) int64 { return s.epochNS + int64(t.Sub(s.epoch)) }

// run runs checks until the context ends, as the registry's runner.
func (s *scheduler) run() {
	defer s.reg.detach(s)
	s.loop()
}

// loop runs until the context ends.
func (s *scheduler) loop() {
	defer s.timer.Stop()
	s.tick(time.Now())
	for {
		select {
		case <-s.ctx.Done():
			s.stop()
			return
		case <-s.timer.C:
		case <-s.wakeCh:
		}
		s.tick(time.Now())
	}
}

// tick does what is due now.
func (s *scheduler) tick(now time.Time) {
	s.mu.Lock()
	s.reclaim(now)
	waited := s.queue.len()
	news := s.release(now)
	overdue := s.overdue(now)
	// A timer that is needless costs as much as hundreds of quick runs, so those that empty their queue get none.
	s.doubt = waited > 0 || s.queue.slow > 0
	s.staff(s.queue.len() > waited)
	s.sleep(now)
	s.mu.Unlock()
	for _, ev := range news {
		s.reg.tell(ev)
	}
	for _, r := range overdue {
		r.expire(now)
	}
}

// release queues what is due and plans it anew.
func (s *scheduler) release(now time.Time) (news []*event) {
	at := s.at(now)
	started := at - at%slotWidth // of this slot: a point of the grid may be past, and its slot yet to come
	s.wheel.release(at, func(e *entry) {
		p := &e.plan
		dueAt := p.slot * slotWidth
		skipped := uint64(0)
		if late := at - dueAt; late >= p.interval { // time was lost: the machine slept, or had none for us
			skipped = uint64(late / p.interval)
		}
		if s.queue.has(e) || e.run.Load() != nil {
			skipped++
		} else {
			s.queue.add(e, dueAt)
		}
		if skipped > 0 {
			news = append(news, e.skip(skipped, now))
		}
		s.wheel.add(e, p.next(started))
	})
	return news
}

// overdue returns the runs whose deadline has passed, and counts their workers as stuck.
func (s *scheduler) overdue(now time.Time) []*run {
	return s.giveUp(func(r *run) bool { return !now.Before(r.deadline()) })
}

// giveUp counts the workers of some of the runs under way as stuck, and returns these runs. It is called with s.mu held.
func (s *scheduler) giveUp(which func(*run) bool) (runs []*run) {
	for _, w := range s.workers {
		if w.stuck {
			continue
		}
		w.mu.Lock()
		if w.run != nil && which(w.run) {
			w.stuck = true
			s.stuck++
			runs = append(runs, w.run)
		}
		w.mu.Unlock()
	}
	return runs
}

// reclaim queues again what waits behind runs that take longer than was thought.
func (s *scheduler) reclaim(now time.Time) {
	for _, w := range s.workers {
		if w.startedBefore(now.Add(-quickRun)) {
			s.putBack(w)
		}
	}
}

// putBack queues again what waits behind the run of w, and reports whether there was anything.
func (s *scheduler) putBack(w *worker) bool {
	items := w.giveBack()
	s.popped -= len(items)
	for _, item := range items {
		if item.entry.plan.inWheel && !s.queue.has(item.entry) {
			s.queue.add(item.entry, item.due)
		}
	}
	return len(items) > 0
}

// staff starts workers where the queue needs them: for what is fresh, or because those there are do not get it shorter.
func (s *scheduler) staff(fresh bool) {
	waiting := s.queue.len()
	active := len(s.workers) - s.stuck
	popped := s.popped
	s.popped = 0
	if waiting == 0 || s.stopped {
		return
	}
	idle := 0 // workers between two runs, about to take from the queue
	for _, w := range s.workers {
		if _, _, ok := w.look(); !ok {
			idle++
		}
	}
	want := min(s.base, s.queue.slow+min(waiting-s.queue.slow, quickWorkers)) - idle
	if !fresh && popped < waiting/2 { // they are blocked
		want = max(s.base-idle, active)
	}
	for range min(want, waiting, s.limit-active) {
		w := &worker{index: len(s.workers)}
		s.workers = append(s.workers, w)
		go s.work(w)
	}
}

// sleep sets the timer for the next look: a slot, a deadline, or a second look at a queue that is not empty.
func (s *scheduler) sleep(now time.Time) {
	s.wakeAt.Store(math.MaxInt64) // a run that begins while we look at the others asks for another look
	next := int64(math.MaxInt64 / 2)
	if slot, ok := s.wheel.nextSlot(); ok {
		next = slot * slotWidth
	}
	waits := s.queue.len() > 0
	for _, w := range s.workers {
		if w.stuck {
			continue
		}
		deadline, ahead, ok := w.look()
		if ok {
			next = min(next, s.at(deadline))
		}
		waits = waits || ahead
	}
	s.secondLook = s.doubt && waits
	if s.secondLook {
		next = min(next, s.at(now)+int64(growDelay))
	}
	s.wakeAt.Store(next)
	s.timer.Reset(time.Duration(next - s.at(now)))
}

// work runs what is in the queue, until it is empty.
func (s *scheduler) work(w *worker) {
	defer s.leave(w) // also when a check calls runtime.Goexit
	now := time.Now()
	r := &run{parent: s.ctx}
	for {
		item, begun := w.begin(r, now)
		if item.entry == nil {
			if !s.fill(w) {
				return
			}
			continue
		}
		if !begun {
			s.reg.tell(item.entry.skip(1, now))
			continue
		}
		w.late.observe(time.Duration(s.at(now) - item.due))
		if item.slow || w.late.n == delayBatch {
			s.reg.startDelay.add(&w.late)
		}
		if s.stopping.Load() {
			r.cancel(context.Canceled)
		}
		if s.at(r.start)+int64(r.timeout) < s.wakeAt.Load() {
			s.wake()
		}
		now = r.call()
		if quick := now.Sub(r.start) < quickRun; quick == item.slow {
			s.setQuick(item.entry, quick)
		}
		if r.updated || r.hurry {
			s.afterRun(r)
		}
		if !r.reusable {
			r = &run{parent: s.ctx}
		}
	}
}

// fill takes from the queue what w runs next. It is false when there is nothing, and w has to end.
func (s *scheduler) fill(w *worker) bool {
	s.mu.Lock()
	if w.stuck { // another has taken its place
		s.mu.Unlock()
		return false
	}
	n := w.take(&s.queue)
	s.popped += n
	for i := 0; n == 0 && i < len(s.workers); i++ {
		n = w.steal(s.workers[i])
	}
	if n == 0 && s.secondLook && !s.stopped {
		s.sleep(time.Now()) // without the second look
	}
	s.mu.Unlock()
	w.fetch(n)
	return n > 0
}

// setQuick notes whether the last run of e was quick.
func (s *scheduler) setQuick(e *entry, quick bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped { // stopped, the plan may be another scheduler's
		e.plan.quick = quick
	}
}

// afterRun brings the next run forward where the check has an interval for bad times, or was updated meanwhile.
func (s *scheduler) afterRun(r *run) {
	e := r.entry
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.updated {
		if !s.stopped && e.plan.inWheel && !s.queue.has(e) { // stopped, the plan may be another scheduler's
			s.queue.add(e, s.at(time.Now()))
			s.wake()
		}
		return
	}
	at := s.at(r.start) + int64(r.check.FailingInterval)
	if s.stopped || !e.plan.inWheel || e.plan.slot*slotWidth <= at {
		return
	}
	s.wheel.add(e, at)
	if e.plan.slot*slotWidth < s.wakeAt.Load() {
		s.wake()
	}
}

// leave takes a worker off the list.
func (s *scheduler) leave(w *worker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reg.startDelay.add(&w.late)
	if !s.stopped && s.putBack(w) { // the run ended the goroutine
		s.wake()
	}
	if w.stuck {
		s.stuck--
	}
	last := s.workers[len(s.workers)-1]
	s.workers[w.index], last.index = last, w.index
	s.workers[len(s.workers)-1] = nil
	s.workers = s.workers[:len(s.workers)-1]
	if s.stopped && !w.stuck && len(s.workers) == s.stuck {
		close(s.drained)
	}
}

func (s *scheduler) wake() {
	select {
	case s.wakeCh <- struct{}{}:
	default: // it is about to look
	}
}

// running returns the number of runs under way within their deadline, with s.mu held.
func (s *scheduler) running() int {
	n := 0
	for _, w := range s.workers {
		if _, _, ok := w.look(); ok && !w.stuck {
			n++
		}
	}
	return n
}

// add plans the first run of each entry, or, after a change of its definition, the next.
func (s *scheduler) add(entries []*entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	now := s.at(time.Now())
	spread := int64(0)
	if len(entries) > spreadFree {
		spread = int64(min(time.Duration(len(entries))*spreadEach, spreadMost))
	}
	for _, e := range entries {
		e.mu.Lock()
		c, interval, ran := e.state.Check, int64(e.state.interval), e.state.Ran()
		e.mu.Unlock()
		h := int64(hash(c.Endpoint) >> 1)
		p := &e.plan
		p.interval, p.grid = interval, h%interval
		at := now
		if !ran {
			at += int64(c.InitialDelay)
		}
		if window := min(spread, interval); window > 0 {
			at += (h >> 20) % window
		}
		if at > now {
			s.wheel.add(e, at)
			continue
		}
		if !s.queue.has(e) {
			s.queue.add(e, now)
		}
		s.wheel.add(e, p.next(now))
	}
	s.wake()
}

// drop forgets e.
func (s *scheduler) drop(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wheel.remove(e)
	s.queue.drop(e)
}

// stop ends the runs under way and waits for them, but not for those that are stuck.
func (s *scheduler) stop() {
	s.mu.Lock()
	s.stopped = true
	s.stopping.Store(true)
	s.queue.clear()
	patience := time.Duration(0)
	now := time.Now()
	for _, w := range s.workers {
		if !w.stuck {
			patience = max(patience, w.cancel(now))
		}
	}
	empty := len(s.workers) == s.stuck
	s.mu.Unlock()
	if empty {
		return
	}
	timer := time.NewTimer(min(patience, shutdownGrace))
	defer timer.Stop()
	select {
	case <-s.drained:
	case <-timer.C:
		s.mu.Lock()
		left := s.giveUp(func(*run) bool { return true })
		s.mu.Unlock()
		for _, r := range left {
			if r.expire(time.Now()) {
				s.reg.log().Warn("check does not stop", "check", r.check.Endpoint, "running_for", time.Since(r.start))
			}
		}
	}
}

// hash is 64-bit FNV-1a with a finalizer, written out since hash/fnv allocates. It is part of the behaviour: the
// phase of a check must be the same after a restart.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	return h
}
