package healthcheck

import "time"

// What runs are due when: the first ones, those on the grid, and those beside it.

// spread bounds the time over which first runs are spread: spreadEach for each check beyond the first few.
const (
	spreadMost = 3 * time.Second
	spreadEach = 2 * time.Millisecond
	spreadFree = 50
)

// add plans the first run of each entry, or, after a change of its definition, the next: soon, and not after the one that was
// planned. Where a run is under way, the next follows it; see followNow.
func (s *scheduler) add(entries []*entry) {
	s.mu.Lock()
	defer s.unlock()
	if s.stopped {
		return
	}
	now := time.Now()
	spread := time.Duration(0)
	if len(entries) > spreadFree {
		spread = min(time.Duration(len(entries))*spreadEach, spreadMost)
	}
	for _, e := range entries {
		s.addOne(e, now, int64(spread))
	}
	s.wake()
}

func (s *scheduler) addOne(e *entry, now time.Time, spread int64) {
	e.mu.Lock()
	e.request = requestOpen
	c, interval, ran, due := e.state.Check, int64(e.state.interval), e.state.Ran(), e.due()
	e.mu.Unlock()
	p, at := &e.plan, s.at(now)
	h := int64(hash(c.Endpoint) >> 1)
	first := at
	if !ran {
		first += int64(c.InitialDelay)
	}
	if window := min(spread, interval); window > 0 {
		first += (h >> 20) % window
	}
	blocked := due == dueSkipped || due == dueStuck
	if p.inWheel && p.slot*slotWidth <= at { // due, and not released yet
		first = at
		from, skipped := p.passed(at - at%slotWidth)
		if blocked && p.why == onGrid && !p.afresh {
			skipped++
		}
		if skipped > 0 {
			s.pool.miss(e, skipped, from, now)
		}
	}
	same := p.inWheel && p.interval == interval
	if !same {
		p.interval, p.grid = interval, h%interval
	}
	switch {
	case blocked:
		p.afresh = due == dueSkipped
		s.wheel.add(e, p.next(at), onGrid)
	case first <= at:
		s.queueNow(e, at)
		s.wheel.add(e, p.next(at), onGrid)
	case !p.inWheel || p.slot*slotWidth > first:
		s.wheel.add(e, first, asked)
	case !same: // it comes sooner, as a point of the old grid: else updates that come often would put it off for ever
		p.why = asked
	}
}

// drop forgets e.
func (s *scheduler) drop(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wheel.remove(e)
	s.pool.queue.drop(e)
}

// release queues what is due and plans it anew.
func (s *scheduler) release(now time.Time) {
	at := s.at(now)
	slot := at - at%slotWidth
	s.wheel.release(at, func(e *entry) {
		p := &e.plan
		from, skipped := p.passed(slot) // points up to the one that is planned below
		why, afresh := p.why, p.afresh
		p.afresh = why != onGrid
		switch {
		case !s.pool.queue.has(e) && e.run.Load() == nil:
			s.pool.queue.add(e, p.slot*slotWidth, why)
		case why == onGrid && !afresh:
			skipped++
		}
		if skipped > 0 { // time was lost: the machine slept, or had none for us
			s.pool.miss(e, skipped, from, now)
		}
		s.wheel.add(e, p.next(slot), onGrid)
	})
}

// followUp plans what follows a run, whoever made it.
func (r *Registry) followUp(run *run, next follow) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sched == nil {
		return
	}
	switch next {
	case followGrid:
	case followNow:
		r.sched.runNow(run.entry)
	case followHurry:
		r.sched.runBy(run.entry, r.sched.at(run.start)+int64(run.check.FailingInterval))
	}
}

// runNow queues e, beside its grid.
func (s *scheduler) runNow(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || !e.plan.inWheel {
		return
	}
	s.queueNow(e, s.at(time.Now()))
	s.wake()
}

func (s *scheduler) queueNow(e *entry, at int64) {
	e.plan.afresh = true
	if !s.pool.queue.has(e) {
		s.pool.queue.add(e, at, asked)
	}
}

// runBy brings the next run of e forward.
func (s *scheduler) runBy(e *entry, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &e.plan
	if s.stopped || !p.inWheel {
		return
	}
	if p.slot*slotWidth <= at {
		if p.why == asked { // which has been, but this one has not
			p.why = beside
		}
		return
	}
	s.wheel.add(e, at, beside)
	if p.slot*slotWidth < s.wakeAt.Load() {
		s.wake()
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
