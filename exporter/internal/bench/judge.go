package main

import (
	"fmt"
	"slices"
	"time"
)

// tolerance is how late a run may come to the target at the ends of a promise without being missed, or taken for another.
const tolerance = 5 * time.Second

// judgement is what the runs that the target has seen are against what was promised and against what the program counted.
type judgement struct {
	due      int // after the first run of each definition, which is due at once
	seen     int // of these
	first    int // first runs
	never    int // definitions that never ran
	doubled  int // more than was due
	stray    int // with a definition that the program did not have yet, or no longer
	late     []time.Duration
	latest   time.Duration       // first run of a check that does not hang, after the program had answered to its definition
	counted  float64             // by the program, as runs
	skipped  float64             // by the program
	lost     int                 // missing and not counted as skipped
	needless int                 // counted as skipped, though nothing is missing
	unseen   int                 // counted as run, but not seen
	unheard  int                 // the same, of those that failed: the time was over before the target was reached
	untold   int                 // seen, but not counted as run
	examples map[string][]string // of what is wrong, by what
}

// counted is what the program says of a check.
type counted struct{ runs, failed, skipped float64 }

// verdictOf judges one check, from its arrivals in the order of time until end. The target had seen it so often before and
// after the program was asked what it says; nil is that it says nothing.
func (j *judgement) verdictOf(c *planned, arrivals []arrival, end time.Time, says *counted, before, after int) {
	missing, loose := 0, 0
	for i := range c.promises {
		p := &c.promises[i]
		stop, looseStop := end, end
		if !p.until.IsZero() {
			stop = p.until
		}
		if !p.over.IsZero() {
			looseStop = p.over
		}
		var own []int64
		for _, a := range arrivals {
			switch {
			case int(a.promise) != i:
			case a.at < p.from.UnixNano() || a.at > looseStop.Add(tolerance).UnixNano():
				j.tell(&j.stray, 1, c, "a run came with a definition that was not in force")
			default:
				own = append(own, a.at)
			}
		}
		m, l := j.promise(c, p, own, stop, looseStop)
		missing, loose = missing+m, loose+l
	}
	if c.visitor || says == nil { // a visitor's counters began anew in between
		return
	}
	j.counted += says.runs
	j.skipped += says.skipped
	unheard := max(0, min(int(says.failed), int(says.runs)-after))
	j.unheard += unheard
	j.tell(&j.lost, missing-int(says.skipped)-unheard, c, "runs due were not seen and not counted as skipped")
	j.tell(&j.needless, int(says.skipped)-loose, c, "skipped runs were counted, but nothing is missing")
	j.tell(&j.unseen, int(says.runs)-after-unheard, c, "runs were counted that the target has not seen")
	j.tell(&j.untold, before-1-int(says.runs), c, "runs that the target has seen were not counted") // one may be under way
}

// promise looks at the runs with one definition. It returns how many are missing, and how many may have been skipped:
// those that were due shortly before the end may yet come.
func (j *judgement) promise(c *planned, p *promise, own []int64, stop, looseStop time.Time) (missing, loose int) {
	if len(own) == 0 {
		// A first run of many is spread over some seconds, and waits for one that is under way.
		if !p.applied.IsZero() && stop.Sub(p.applied) > spreadMost+p.interval+tolerance {
			j.tell(&j.never, 1, c, "definitions were in force for longer than the interval and never ran")
		}
		return 0, 0
	}
	j.first++
	if !p.applied.IsZero() && c.manner != never { // the run of the last definition may go on for long
		j.latest = max(j.latest, time.Duration(own[0]-p.applied.UnixNano()))
	}
	// Runs are due on a grid of the interval, whose phase is a hash of the endpoint: each point after the first run.
	interval := int64(p.interval)
	phase := int64(hash(c.endpoint())>>1) % interval
	point := func(t int64) int { return int((t - phase) / interval) }
	begun := point(own[0])
	got := len(own) - 1
	last := point(own[len(own)-1])
	due := max(got, last-begun, point(stop.Add(-tolerance).UnixNano())-begun)
	// A point at which the first run, which is off the grid, still goes on may be skipped, and that be counted or not.
	if next := phase + int64(begun+1)*interval; due > got && time.Duration(next-own[0]) < c.takes(p.interval) {
		due--
	}
	j.due += due
	j.seen += got
	allowed := last - begun
	if (own[0]-phase)%interval < int64(tolerance) { // the first run may have begun before the point, and come after it
		allowed++
	}
	j.tell(&j.doubled, got-allowed, c, "runs were more than was due")
	for _, at := range own[1:] {
		j.late = append(j.late, time.Duration((at-phase)%interval))
	}
	// When the first run was due is not known: it may have waited since the program was told.
	return due - got, max(0, point(looseStop.UnixNano())-point(p.from.UnixNano())-got)
}

// tell adds n to a count, if it is positive, and keeps an example.
func (j *judgement) tell(count *int, n int, c *planned, what string) {
	if n <= 0 {
		return
	}
	*count += n
	if j.examples == nil {
		j.examples = make(map[string][]string)
	}
	if len(j.examples[what]) < 5 {
		j.examples[what] = append(j.examples[what], fmt.Sprintf("%d of %s (%s, every %s, %d definitions)", n, c.endpoint(), c.manner, c.now().interval, len(c.promises)))
	}
}

// lateness returns a quantile of how late runs came to the target, in milliseconds.
func (j *judgement) lateness(q float64) float64 {
	if len(j.late) == 0 {
		return 0
	}
	slices.Sort(j.late)
	return j.late[int(q*float64(len(j.late)-1))].Seconds() * 1e3
}

// spreadMost is the time over which first runs of many checks are spread.
const spreadMost = 3 * time.Second

// hash is the one that gives the schedule its phase: 64-bit FNV-1a with a finalizer. It is written anew, since a restart,
// also one into another version, must keep the phase.
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
