package healthcheck

import (
	"context"
	"time"
)

// Runner runs the checks of a registry, each on its own fixed-rate schedule, until its context ends.
//
// The first run of a check comes soon after the start, the following ones on a grid of the interval whose phase is
// taken from a hash of the endpoint: a restart keeps it, and checks with the same interval do not bunch up. Runs are
// released every [MinInterval], so intervals are kept to that grid. A run that is due while the last one of the same
// check is under way is skipped and counted, and time that was lost is never caught up.
//
// A run past its deadline is FAIL at the deadline even if the check never returns; it then costs a goroutine, is
// reported as stuck, and is not started again until it returns.
type Runner struct {
	Registry *Registry
	// Interval is that of checks without one of their own. Zero means [DefaultInterval].
	Interval time.Duration
	// Concurrency bounds the runs under way, not counting stuck ones. Zero means [DefaultConcurrency].
	Concurrency int
}

// Run runs checks until ctx ends. It then tells the runs under way to stop, waits for them, and returns nil; a check
// that does not return within its deadline, or shutdownGrace, is stuck and left behind. Outcomes of runs that fail
// because they were told to stop are dropped. The error is [ErrRunnerActive] if the registry has a runner.
func (r *Runner) Run(ctx context.Context) error {
	s, err := r.attach(ctx)
	if err != nil {
		return err
	}
	s.run()
	return nil
}

// attach makes r the runner of its registry; the scheduler's run must follow.
func (r *Runner) attach(ctx context.Context) (*scheduler, error) {
	s := newScheduler(ctx, r)
	return s, r.Registry.attach(s, r.interval())
}

// shutdownGrace is how long Run waits for checks that were told to stop.
const shutdownGrace = 5 * time.Second

func (r *Runner) interval() time.Duration {
	if r.Interval <= 0 {
		return DefaultInterval
	}
	return min(max(r.Interval, MinInterval), maxDuration)
}

func (r *Registry) attach(s *scheduler, interval time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sched != nil {
		return ErrRunnerActive
	}
	r.interval = interval
	r.sched = s
	entries := r.roster.view()
	for _, e := range entries {
		e.mu.Lock()
		e.state.setInterval(interval)
		e.mu.Unlock()
		e.plan = plan{} // what an earlier scheduler left
	}
	r.changes.Add(1)                // the intervals in force
	if s.base.parent.Err() != nil { // nothing begins, not even a round over no checks
		return nil
	}
	if !r.rounds.Load() {
		r.startRound(entries)
	}
	s.add(entries)
	return nil
}

func (r *Registry) hasRunner() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sched != nil
}

func (r *Registry) detach(s *scheduler) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sched == s {
		r.sched = nil
	}
}

// RunnerStats tells how the running of checks itself goes.
type RunnerStats struct {
	Running    int    // runs under way, within their deadline
	Limit      int    // how many may be; 0 without an active runner
	Stuck      int    // runs past their deadline that have not returned
	Panics     uint64 // recovered in checks
	StartDelay Histogram
}

// Histogram is a cumulative histogram in seconds.
type Histogram struct {
	Bounds  []float64 // upper bounds; must not be changed
	Buckets []uint64  // cumulative counts, one for each bound
	Count   uint64
	Sum     float64
}

func (r *Registry) runnerStats() RunnerStats {
	r.mu.Lock()
	s := r.sched
	r.mu.Unlock()
	stats := RunnerStats{
		Running: int(r.adhoc.Load()),
		Stuck:   int(r.stuck.Load()),
		Panics:  r.panics.Load(),
	}
	if s != nil {
		s.mu.Lock()
		stats.Running += s.pool.running()
		stats.Limit = s.pool.limit
		s.mu.Unlock()
	}
	stats.StartDelay = r.startDelay.read()
	return stats
}
