package healthcheck

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// scheduler decides when checks run, and has a pool run them.
//
// Time is cut into slots of MinInterval. One goroutine sleeps until the next slot in which something is due, moves what
// is due from a timing wheel to the pool's queue, and starts a few workers to empty it. Waking once a slot costs less than
// waking once a check: a wake-up of an idle machine takes more CPU than a probe. The same goroutine watches deadlines. It
// calls nothing of anybody else's: no check, observer, log or Close.
//
// Lock order: Registry.mu, scheduler.mu, worker.mu, entry.mu, runContext.mu.
type scheduler struct {
	reg     *Registry
	base    *runBase      // of all runs; its parent is the context of the Runner
	epochNS int64         // Unix time of the base's epoch
	wakeCh  chan struct{} // asks loop to look again

	// A worker stores its run, then reads these two; loop and stop write them, then read the runs. So either sees the
	// other, and no deadline is missed though no lock is shared.
	wakeAt   atomic.Int64 // when loop looks again at the latest
	stopping atomic.Bool

	mu      sync.Mutex
	wheel   wheel
	pool    pool
	timer   *time.Timer
	stopped bool
	drained chan struct{} // closed when stopped and the last worker that is not stuck ends
}

func newScheduler(ctx context.Context, r *Runner) *scheduler {
	base := newRunBase(ctx)
	s := &scheduler{
		reg:     r.Registry,
		base:    base,
		epochNS: base.epoch.UnixNano(),
		pool:    newPool(base, r.Concurrency),
		timer:   time.NewTimer(math.MaxInt64),
		wakeCh:  make(chan struct{}, 1),
		drained: make(chan struct{}),
	}
	s.wheel.cursor = s.epochNS/slotWidth + 1
	return s
}

// at is runBase.unix for who asks often.
func (s *scheduler) at(t time.Time) int64 { return s.epochNS + s.base.at(t) }

// unlock gives the lock back, and passes on what there is to tell.
func (s *scheduler) unlock() {
	news := s.pool.news
	s.pool.news = nil
	s.mu.Unlock()
	for _, ev := range news {
		s.reg.tellAside(ev)
	}
}

// run runs checks until the context ends, as the registry's runner.
func (s *scheduler) run() {
	defer s.reg.detach(s)
	s.loop()
	s.reg.lines.wait(shutdownGrace)
}

// loop runs until the context ends.
func (s *scheduler) loop() {
	defer s.timer.Stop()
	if s.base.parent.Err() == nil {
		s.tick(time.Now())
	}
	for {
		select {
		case <-s.base.parent.Done():
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
	started, overdue := s.look(now)
	for _, w := range started {
		go s.work(w)
	}
	for _, r := range overdue {
		news, _ := r.expire(now)
		s.reg.tellAside(news)
	}
}

// look moves what is due to the queue, and sets the time of the next look. It returns the workers to start, and the runs
// past their deadline.
func (s *scheduler) look(now time.Time) (started []*worker, overdue []*run) {
	s.mu.Lock()
	defer s.unlock()
	crew := s.pool.survey(now)
	waiting := s.pool.queue.len()
	s.release(now)
	at := s.base.at(now)
	overdue = s.pool.giveUp(now, func(r *run) bool { return at >= r.deadline })
	started = s.pool.staff(crew, waiting)
	s.sleep(now)
	return started, overdue
}

// sleep sets the timer for the next look: a slot, a deadline, or what waits.
func (s *scheduler) sleep(now time.Time) {
	s.wakeAt.Store(math.MaxInt64) // a run that begins while we look at the others asks for another look
	next := int64(math.MaxInt64 / 2)
	if slot, ok := s.wheel.nextSlot(); ok {
		next = slot * slotWidth
	}
	waits := s.pool.queue.len() > 0
	for _, w := range s.pool.workers {
		if w.stuck {
			continue
		}
		seen := w.look()
		waits = waits || seen.waiting > 0
		if seen.running {
			next = min(next, s.epochNS+seen.deadline)
		}
	}
	s.pool.again = false
	if waits {
		if look := s.pool.nextLook(s.at(now)); look < next {
			next, s.pool.again = look, true
		}
	}
	s.wakeAt.Store(next)
	s.timer.Reset(time.Duration(next - s.at(now)))
}

// work runs what is in the queue, until it is empty.
func (s *scheduler) work(w *worker) {
	defer s.leave(w) // when a check ends the goroutine
	now := time.Now()
	for s.fill(w, now) {
		for {
			item, due := w.begin(now)
			if item.entry == nil {
				break
			}
			if due == dueStarted {
				now = s.runItem(w, item)
			} else if (due == dueSkipped || due == dueStuck) && item.why == onGrid {
				s.reg.tell(item.entry.miss(1, s.base.ago(item.due, now), now))
			}
		}
	}
}

// runItem has w run what it has begun.
func (s *scheduler) runItem(w *worker, item dueItem) (end time.Time) {
	r := w.run
	w.late.observe(time.Duration(s.at(r.start) - item.due))
	if item.slow || w.late.n == delayBatch {
		s.reg.startDelay.add(&w.late)
	}
	if s.stopping.Load() {
		r.cancel(endedByCancel)
	}
	if s.epochNS+r.deadline < s.wakeAt.Load() {
		s.wake()
	}
	end = r.call()
	if quick := end.Sub(r.start) < quickRun; quick == item.slow {
		s.setQuick(item.entry, quick)
	}
	return end
}

// fill gives w what it runs next. It is false when there is nothing, and w has left.
func (s *scheduler) fill(w *worker, now time.Time) bool {
	s.mu.Lock()
	n := s.pool.fill(w, now)
	if n == 0 {
		s.left(w)
		if s.pool.again && !s.stopped {
			s.sleep(time.Now()) // nothing waits; now may be long ago, if the worker had no processor
		}
	}
	s.unlock()
	w.fetch(n)
	return n > 0
}

// leave takes w off the list, if a check has ended its goroutine.
func (s *scheduler) leave(w *worker) {
	s.mu.Lock()
	if w.index >= 0 {
		s.pool.remove(w, time.Now())
		s.left(w)
		s.wake()
	}
	s.unlock()
}

// left is called with s.mu held when w is off the list.
func (s *scheduler) left(w *worker) {
	s.reg.startDelay.add(&w.late)
	if s.stopped && !w.stuck && s.pool.idle() {
		close(s.drained)
	}
}

// setQuick notes whether the last run of e was quick.
func (s *scheduler) setQuick(e *entry, quick bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped { // stopped, the plan may be another scheduler's
		e.plan.quick = quick
	}
}

func (s *scheduler) wake() {
	select {
	case s.wakeCh <- struct{}{}:
	default: // it is about to look
	}
}

// stop ends the runs under way and waits for them, but not for those that are stuck.
func (s *scheduler) stop() {
	s.mu.Lock()
	s.stopped = true
	s.stopping.Store(true)
	s.pool.queue.clear()
	patience := time.Duration(0)
	now := time.Now()
	for _, w := range s.pool.workers {
		if !w.stuck {
			patience = max(patience, w.cancel(now))
		}
	}
	idle := s.pool.idle()
	s.unlock()
	if idle {
		return
	}
	timer := time.NewTimer(min(patience, shutdownGrace))
	defer timer.Stop()
	select {
	case <-s.drained:
	case <-timer.C:
		s.abandon(time.Now())
	}
}

// abandon leaves the runs that do not stop behind.
func (s *scheduler) abandon(now time.Time) {
	s.mu.Lock()
	left := s.pool.giveUp(now, func(*run) bool { return true })
	s.unlock()
	for _, r := range left {
		news, expired := r.expire(now)
		if expired {
			s.reg.logLine(slog.LevelWarn, "check does not stop", "check", r.check.Endpoint, "running_for", now.Sub(r.start))
		}
		s.reg.tellAside(news)
	}
}
