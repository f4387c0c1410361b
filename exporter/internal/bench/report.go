package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// print prints the tables, and returns how many rows are not met.
func (s *soak) print(out io.Writer, judged map[*watched]*judgement) (broken int) {
	e, l := judged[s.exporter], judged[s.library]
	fmt.Fprintf(out, "\n%d HTTP checks in the exporter and %d checks of the library that keep their contexts, at 1 s to 1 h, for %s; seed %d; %d reloads, log blocked for %s of every %s\n",
		s.o.checks, s.o.library, s.o.length, s.o.seed, s.reloads, s.o.block, s.o.block*3/2)
	fmt.Fprintln(out, "\n| what | exporter | library | wanted | met |\n|---|---|---|---|---|")
	line := func(what string, a, b any, wanted string, ok bool) {
		met := "—"
		if wanted != "" {
			if met = yes(ok); !ok {
				broken++
			}
		} else {
			wanted = "—"
		}
		fmt.Fprintf(out, "| %s | %v | %v | %s | %s |\n", what, a, b, wanted, met)
	}
	none := func(what string, a, b int) { line(what, a, b, "0", a == 0 && b == 0) }
	line("runs that were due after the first", e.due, l.due, "", true)
	line("of these the target has seen", e.seen, l.seen, "", true)
	line("first runs of a definition", e.first, l.first, "", true)
	line("runs counted", figure(e.counted), figure(l.counted), "", true)
	line("runs counted as skipped", figure(e.skipped), figure(l.skipped), "", true)
	none("due, not seen, and not counted as skipped", e.lost, l.lost)
	none("counted as skipped, though nothing is missing", e.needless, l.needless)
	none("definitions that never ran", e.never, l.never)
	none("more runs than were due", e.doubled, l.doubled)
	none("runs with a definition that was not in force", e.stray, l.stray)
	none("runs counted that the target has not seen", e.unseen, l.unseen)
	line("failed before the target was reached", e.unheard, l.unheard, "", true)
	none("runs seen that were not counted", e.untold, l.untold)
	none("counters that went back", s.exporter.wentBack, s.library.wentBack)
	for _, q := range []float64{0.5, 0.99, 0.9999, 1} {
		line(fmt.Sprintf("%g %% of the runs came at most so late, ms", 100*q), figure(e.lateness(q)), figure(l.lateness(q)), "", true)
	}
	line("first run after a change, latest", e.latest.Round(time.Millisecond), l.latest.Round(time.Millisecond), "", true)
	for _, q := range quantities {
		a, b := q.trend(s.exporter.samples), q.trend(s.library.samples)
		show := func(t trend) string {
			return fmt.Sprintf("%s → %s %s (%s an hour)", figure(t.first), figure(t.last), q.unit, signed(t.slope))
		}
		line(q.name+", medians of the first and the last third", show(a), show(b), fmt.Sprintf("at most +5 %% and %g", q.slack), q.flat(a) && q.flat(b))
	}
	state := func(w *watched) string {
		if s.ended[w] == "" {
			return "runs"
		}
		return s.ended[w]
	}
	line("process", state(s.exporter), state(s.library), "runs", len(s.ended) == 0)
	line("what checks found wrong with kept contexts", "—", strings.ReplaceAll(strings.TrimSpace(s.broken), "\n", "; "), "nothing", s.broken == "")
	for i, a := range s.scrapers {
		b := s.others[i]
		show := func(s *scraper) string {
			return fmt.Sprintf("%d, %s MB, median %s s, longest %s s, %d failed", len(s.scrape), figure(median(s.bytes)/1e6), figure(median(s.scrape)), figure(slices.Max(append(s.scrape, 0))), s.failed)
		}
		line(fmt.Sprintf("scrapes, %s, %s", a.format, a.coding), show(a), show(b), "0 failed", a.failed+b.failed == 0 && len(a.scrape) > 0)
		for _, s := range []*scraper{a, b} {
			if s.last != nil {
				fmt.Fprintf(os.Stderr, "scrape, %s, %s: %s\n", s.format, s.coding, s.last)
			}
		}
	}
	line("the slow reader was served whole, was cut off", fmt.Sprintf("%d, %d", s.slow, s.cut), "—", "", true)
	line("reloads without an answer", len(s.refused), "—", "0", len(s.refused) == 0)
	line("lines read from the log", s.log.lines.Load(), "—", "", true)
	line("time to end with a blocked log", s.stopped.Round(time.Millisecond), "—", "≤ 10 s", s.stopped <= 10*time.Second)
	s.exporter.printSamples(out)
	s.library.printSamples(out)
	fmt.Fprintln(out)
	for _, j := range []*judgement{e, l} {
		for _, what := range slices.Sorted(maps.Keys(j.examples)) {
			fmt.Fprintf(out, "- %s: %s\n", what, strings.Join(j.examples[what], ", "))
		}
	}
	for _, r := range s.refused {
		fmt.Fprintln(out, "- reload:", r)
	}
	return broken
}

func signed(f float64) string {
	if f < 0 {
		return "-" + figure(-f)
	}
	return "+" + figure(f)
}
