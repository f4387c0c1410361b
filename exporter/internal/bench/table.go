package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"
)

// row is a line of the table. A bar is on the value of ours, on the ratio to the baseline, or both; zero means none.
type row struct {
	what     string
	ours     float64
	base     float64 // 0: there is none
	unit     string
	bar      float64 // ours is to be at most this
	barRatio float64 // ours/base is to be at most this
}

type table struct{ rows []row }

func (t *table) add(r row) { t.rows = append(t.rows, r) }

// print writes the table as Markdown.
func (t *table) print(w io.Writer) {
	fmt.Fprintln(w, "\n| what | ours | baseline | ratio | bar | met |\n|---|---|---|---|---|---|")
	for _, r := range t.rows {
		base, ratio, bar, met := "—", "—", "—", "—"
		ok := true
		if r.base > 0 {
			base = figure(r.base) + " " + r.unit
			ratio = figure(r.ours / r.base)
			if r.barRatio > 0 {
				bar = "≤ " + figure(r.barRatio) + " ×"
				ok = ok && r.ours <= r.barRatio*r.base
				met = yes(ok)
			}
		}
		if r.bar > 0 {
			if bar == "—" {
				bar = ""
			} else {
				bar += ", "
			}
			bar += "≤ " + figure(r.bar) + " " + r.unit
			ok = ok && r.ours <= r.bar
			met = yes(ok)
		}
		fmt.Fprintf(w, "| %s | %s %s | %s | %s | %s | %s |\n", r.what, figure(r.ours), r.unit, base, ratio, bar, met)
	}
}

func yes(ok bool) string {
	if ok {
		return "yes"
	}
	return "**no**"
}

// figure prints three digits or so.
func figure(f float64) string {
	switch {
	case f >= 100:
		return fmt.Sprintf("%.0f", f)
	case f >= 10:
		return fmt.Sprintf("%.1f", f)
	case f >= 0.1:
		return fmt.Sprintf("%.2f", f)
	}
	return fmt.Sprintf("%.3g", f)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	return s[len(s)/2]
}

// pair measures two works in turn and returns the median cost of each. A work returns its cost.
func (b *bench) pair(ours, base func() float64) (oursMedian, baseMedian float64) {
	var x, y []float64
	ours() // warms up
	base()
	for range b.rounds {
		x = append(x, ours())
		y = append(y, base())
	}
	return median(x), median(y)
}

// costEach returns the CPU nanoseconds of this process for each of n units, while work is repeated for at least a while.
func costEach(n int, work func()) float64 {
	const atLeast = 150 * time.Millisecond
	runtime.GC() // the garbage of what was measured before is not ours
	began := selfCPU()
	for times := 1; ; times++ {
		work()
		if spent := selfCPU() - began; spent >= atLeast {
			return float64(spent.Nanoseconds()) / float64(times*n)
		}
	}
}
