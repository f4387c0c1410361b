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
// Lock order: Registry.mu, scheduler.mu, entry.mu.
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
	// secondLook is whether the timer is set for a look at the queue, to see whether it gets shorter.
	secondLook bool
	workers    []*worker
	stuck      int // of the workers
	stopped    bool
	drained    chan struct{} // closed when stopped and the last worker that is not stuck ends
}

// quickEach is how many quick checks a worker is started for.
const quickEach = 1000

// growDelay is how long the queue may stand still before there are more workers.
const growDelay = 5 * time.Millisecond

// spread bounds the time over which first runs are spread: spreadEach for each check beyond the first few.
const (
	spreadMost = 3 * time.Second
	spreadEach = 2 * time.Millisecond
	spreadFree = 50
)

// worker is a goroutine that takes entries from the queue.
type worker struct {
	late  delayCounts // of its last runs; its own until they are handed in
	last  *entry      // that it ran
	quick bool        // that took less than quickRun
	index int         // in scheduler.workers; guarded by scheduler.mu
	stuck bool        // its run is past the deadline; guarded by scheduler.mu

	// mu guards run: who looks at it holds mu meanwhile, unless the worker is stuck, as it is used again afterwards.
	// Lock order: scheduler.mu, worker.mu.
	mu  sync.Mutex
	run *run // under way
}

// set makes r, or nothing, the run under way.
func (w *worker) set(r *run) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.run = r
}

// busy returns the deadline of the run under way, and false if there is none.
func (w *worker) busy() (deadline time.Time, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.run == nil {
		return time.Time{}, false
	}
	return w.run.deadline(), true
}

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
	waited := s.queue.len()
	news := s.release(now)
	overdue := s.overdue(now)
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
func (s *scheduler) release(now time.Time) (news []event) {
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
		if _, ok := w.busy(); !ok {
			idle++
		}
	}
	// One worker is enough for hundreds of quick checks: waking another processor would take more time than they do.
	want := min(s.base, s.queue.slow+(waiting-s.queue.slow+quickEach-1)/quickEach) - idle
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
	s.secondLook = s.queue.len() > 0
	if s.secondLook {
		next = min(next, s.at(now)+int64(growDelay))
	}
	for _, w := range s.workers {
		if w.stuck {
			continue
		}
		if deadline, ok := w.busy(); ok {
			next = min(next, s.at(deadline))
		}
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
		e, due := s.take(w)
		if e == nil {
			return
		}
		if !e.begin(r, now) {
			s.reg.tell(e.skip(1, now))
			continue
		}
		w.late.observe(time.Duration(s.at(now) - due))
		if !r.quick || w.late.n == delayBatch {
			s.reg.startDelay.add(&w.late)
		}
		w.set(r)
		if s.stopping.Load() {
			r.cancel(context.Canceled)
		}
		if s.at(r.deadline()) < s.wakeAt.Load() {
			s.wake()
		}
		now = r.call()
		w.last, w.quick = e, now.Sub(r.start) < quickRun
		w.set(nil)
		s.afterRun(r)
		if !r.reset() {
			r = &run{parent: s.ctx}
		}
	}
}

// take returns the next entry of the queue and when it was due, nil when there is none.
func (s *scheduler) take(w *worker) (e *entry, due int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.stuck { // another has taken its place
		return nil, 0
	}
	if w.last != nil && !s.stopped { // stopped, the plan may be another scheduler's
		w.last.plan.quick = w.quick
	}
	item := s.queue.take()
	s.popped++
	if item.entry == nil && s.secondLook && !s.stopped {
		s.sleep(time.Now()) // without the second look: a needless wake-up costs as much as hundreds of quick runs
	}
	return item.entry, item.due
}

// afterRun brings the next run forward where the check has an interval for bad times, or was updated meanwhile.
func (s *scheduler) afterRun(r *run) {
	e := r.entry
	e.mu.Lock()
	failed, updated := e.state.raw == levelFail, e.state.Check != r.check
	e.mu.Unlock()
	if !updated && (!failed || r.check.FailingInterval <= 0) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if updated {
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
		if _, ok := w.busy(); ok && !w.stuck {
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

// cancel tells the run under way to stop and returns how long it may take.
func (w *worker) cancel(now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.run == nil { // between two runs: it may leave, or begin one yet
		return shutdownGrace
	}
	w.run.cancel(context.Canceled)
	return w.run.deadline().Sub(now)
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
