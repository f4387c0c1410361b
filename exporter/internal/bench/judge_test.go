package main

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// story is a check from start on, and the runs that a target would see if everything went well.
type story struct {
	check    *planned
	arrivals []arrival
}

var start = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// tell returns a check with the interval whose definition changes after each of the given times.
func tell(interval time.Duration, until ...time.Duration) *story {
	s := &story{check: &planned{index: 8, manner: promptly}}
	from := start
	for i, d := range until {
		p := promise{interval: interval, from: from, applied: from.Add(100 * time.Millisecond)}
		to := start.Add(d)
		phase := int64(hash(s.check.endpoint())>>1) % int64(interval)
		first := from.Add(200 * time.Millisecond).UnixNano()
		s.arrivals = append(s.arrivals, arrival{first, int32(i)})
		for at := (first-phase)/int64(interval)*int64(interval) + phase + int64(interval); at <= to.UnixNano(); at += int64(interval) {
			s.arrivals = append(s.arrivals, arrival{at + int64(30*time.Millisecond), int32(i)})
		}
		if i < len(until)-1 {
			p.until, p.over = to, to.Add(100*time.Millisecond)
		}
		s.check.promises = append(s.check.promises, p)
		from = to
	}
	return s
}

func (s *story) judge(length time.Duration, skipped float64) *judgement {
	j := &judgement{}
	n := len(s.arrivals)
	j.verdictOf(s.check, s.arrivals, start.Add(length), &counted{runs: float64(n), skipped: skipped}, n, n)
	return j
}

// wrong is how many times each law is broken.
func (j *judgement) wrong() map[string]int {
	all := map[string]int{"lost": j.lost, "needless": j.needless, "never": j.never, "doubled": j.doubled, "stray": j.stray, "unseen": j.unseen, "untold": j.untold}
	for name, n := range all {
		if n == 0 {
			delete(all, name)
		}
	}
	return all
}

func TestJudge(t *testing.T) {
	const long = 10 * time.Minute
	for name, tc := range map[string]struct {
		interval time.Duration
		until    []time.Duration
		change   func(s *story)
		skipped  float64
		want     map[string]int
	}{
		"on time":                     {interval: 10 * time.Second},
		"every second":                {interval: time.Second},
		"an interval over the length": {interval: time.Hour},
		"two definitions":             {interval: 10 * time.Second, until: []time.Duration{3 * time.Minute, long}},
		"one run is lost":             {interval: 10 * time.Second, change: func(s *story) { s.arrivals = slices.Delete(s.arrivals, 9, 10) }, want: map[string]int{"lost": 1}},
		"a run of minutes is lost":    {interval: 4 * time.Minute, change: func(s *story) { s.arrivals = slices.Delete(s.arrivals, 1, 2) }, want: map[string]int{"lost": 1}},
		"the last is lost":            {interval: time.Minute, change: func(s *story) { s.arrivals = s.arrivals[:len(s.arrivals)-1] }, want: map[string]int{"lost": 1}},
		"lost, and counted":           {interval: 10 * time.Second, change: func(s *story) { s.arrivals = slices.Delete(s.arrivals, 9, 11) }, skipped: 2},
		"lost before a change": {interval: 10 * time.Second, until: []time.Duration{3 * time.Minute, long},
			change: func(s *story) { s.arrivals = slices.Delete(s.arrivals, 12, 15) }, want: map[string]int{"lost": 3}},
		"skipped for nothing": {interval: 10 * time.Second, skipped: 1, want: map[string]int{"needless": 1}},
		"late by less than an interval": {interval: 10 * time.Second, change: func(s *story) {
			for i := range s.arrivals {
				s.arrivals[i].at += int64(3 * time.Second)
			}
		}},
		"run twice": {interval: time.Minute, change: func(s *story) {
			twice := s.arrivals[4]
			twice.at += int64(time.Second)
			s.arrivals = slices.Insert(s.arrivals, 5, twice)
		}, want: map[string]int{"doubled": 1}},
		"the old definition goes on": {interval: 10 * time.Second, until: []time.Duration{3 * time.Minute, long}, change: func(s *story) {
			for i := range s.arrivals {
				if at := start.Add(4 * time.Minute).UnixNano(); s.arrivals[i].at > at {
					s.arrivals[i].promise = 0
				}
			}
		}, want: map[string]int{"stray": 36, "lost": 35}},
		"the new definition never runs": {interval: 10 * time.Second, until: []time.Duration{3 * time.Minute, long}, change: func(s *story) {
			s.arrivals = slices.DeleteFunc(s.arrivals, func(a arrival) bool { return a.promise == 1 })
		}, want: map[string]int{"never": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.until == nil {
				tc.until = []time.Duration{long}
			}
			s := tell(tc.interval, tc.until...)
			if tc.change != nil {
				tc.change(s)
			}
			if tc.want == nil {
				tc.want = map[string]int{}
			}
			assert.Equal(t, tc.want, s.judge(long, tc.skipped).wrong())
		})
	}
}

func TestJudgeComparesCounts(t *testing.T) {
	s := tell(10*time.Second, 10*time.Minute)
	n := len(s.arrivals)
	for name, tc := range map[string]struct {
		runs, failed, before, after int
		want                        map[string]int
	}{
		"equal":                         {n, 0, n, n, map[string]int{}},
		"one is under way":              {n - 1, 0, n, n, map[string]int{}},
		"one ended since":               {n, 0, n - 1, n, map[string]int{}},
		"two more than were seen":       {n + 2, 0, n, n, map[string]int{"unseen": 2}},
		"of three more, two had failed": {n + 3, 2, n, n, map[string]int{"unseen": 1}},
		"failed ones that were seen":    {n, n, n, n, map[string]int{}},
		"three that were not counted":   {n - 4, 0, n, n, map[string]int{"untold": 3}},
	} {
		t.Run(name, func(t *testing.T) {
			j := &judgement{}
			j.verdictOf(s.check, s.arrivals, start.Add(10*time.Minute), &counted{runs: float64(tc.runs), failed: float64(tc.failed)}, tc.before, tc.after)
			assert.Equal(t, tc.want, j.wrong())
		})
	}
}

// TestJudgeAllowsForTheFirstRun has a check that hangs, so that its first run goes on at the first point of the grid.
func TestJudgeAllowsForTheFirstRun(t *testing.T) {
	s := tell(10*time.Second, 10*time.Minute)
	for shift := s.arrivals[1].at - s.arrivals[0].at; shift > int64(4*time.Second); shift -= int64(time.Second) {
		s.arrivals[0].at += int64(time.Second)
	}
	s.arrivals = slices.Delete(s.arrivals, 1, 2)
	s.check.manner = never
	assert.Empty(t, s.judge(10*time.Minute, 0).wrong())
	s.check.manner = promptly
	assert.Equal(t, map[string]int{"lost": 1}, s.judge(10*time.Minute, 0).wrong())
	assert.Empty(t, s.judge(10*time.Minute, 1).wrong())
}

func TestTrend(t *testing.T) {
	q := quantities[0]
	var level, growing []sample
	for i := range 60 {
		s := sample{at: time.Duration(i) * time.Minute, rss: 100 + float64(i%5)}
		if i%7 == 0 {
			s.rss += 80 // a scrape was under way
		}
		level = append(level, s)
		s.rss += float64(i)
		growing = append(growing, s)
	}
	assert.True(t, q.flat(q.trend(level)))
	assert.InDelta(t, 0, q.trend(level).slope, 1)
	assert.False(t, q.flat(q.trend(growing)))
	assert.InDelta(t, 60, q.trend(growing).slope, 3)
	assert.True(t, q.flat(q.trend(nil)), "no samples")
}

func TestPlan(t *testing.T) {
	one, same, other := plan(1, 0, 2000, start), plan(1, 0, 2000, start), plan(2, 0, 2000, start)
	assert.Equal(t, one, same)
	assert.NotEqual(t, one, other)
	share, rate := 0, 0.0
	for _, m := range mix {
		share += m.share
	}
	assert.Equal(t, 1000, share)
	for _, c := range one {
		rate += 1 / c.now().interval.Seconds()
	}
	assert.InDelta(t, 2000*0.046, rate, 20, "runs a second")
}
