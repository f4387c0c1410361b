package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sample is the state of a program at one moment of a soak.
type sample struct {
	at                                       time.Duration
	core, rss, heap, goroutines, descriptors float64
	late                                     float64 // mean start delay since the last sample, ms
	blocked                                  bool    // its log
	delaySum, delayCount                     float64
}

// watched is a program that a soak takes samples of.
type watched struct {
	*process
	name     string
	checks   []*planned
	first    int       // index of checks[0]
	says     []counted // of each check, in the last sample
	wentBack int       // counters
	samples  []sample

	cpuBefore time.Duration
	atBefore  time.Time
}

// take takes a sample.
func (w *watched) take(ctx context.Context, began time.Time, blocked bool) error {
	s := sample{at: time.Since(began), blocked: blocked, descriptors: float64(w.descriptors())}
	cpu, err := w.cpu()
	if err != nil {
		return err
	}
	now := time.Now()
	s.core = 100 * (cpu - w.cpuBefore).Seconds() / now.Sub(w.atBefore).Seconds()
	w.cpuBefore, w.atBefore = cpu, now
	if s.rss, err = w.rss(); err != nil {
		return err
	}
	if err := w.read(ctx, &s); err != nil {
		return err
	}
	if s.heap, err = w.liveHeap(ctx); err != nil {
		return err
	}
	before := sample{}
	if n := len(w.samples); n > 0 {
		before = w.samples[n-1]
	}
	s.late = 1e3 * (s.delaySum - before.delaySum) / max(1, s.delayCount-before.delayCount)
	w.samples = append(w.samples, s)
	return nil
}

// liveHeap is what is left after a collection, in MB. What is allocated meanwhile is not in it: the runtime says what it
// found alive by when it will collect again. It takes two collections to empty a sync.Pool, as those of scrapes.
func (w *watched) liveHeap(ctx context.Context) (float64, error) {
	var b bytes.Buffer
	for range 2 {
		b.Reset()
		if err := get(ctx, "http://"+w.addr+"/debug/pprof/heap?gc=1&debug=1", &b); err != nil {
			return 0, err
		}
	}
	for line := range strings.Lines(b.String()) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "# NextGC = "); ok {
			n, err := strconv.ParseFloat(value, 64)
			return n / (1 + gcPercent/100.0) / 1e6, err
		}
	}
	return 0, fmt.Errorf("%s: no NextGC in the heap profile", w.name)
}

// read scrapes the program: its state, and what it says of each check.
func (w *watched) read(ctx context.Context, s *sample) error {
	r, to := io.Pipe()
	go func() { to.CloseWithError(get(ctx, "http://"+w.addr+"/metrics", to)) }()
	defer r.Close()
	says := make([]counted, len(w.checks))
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		space := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || space < 0 {
			continue
		}
		v, err := strconv.ParseFloat(line[space+1:], 64)
		if err != nil {
			return fmt.Errorf("%s: %q: %w", w.name, line, err)
		}
		name, labels, _ := strings.Cut(line[:space], "{")
		switch name {
		case "go_goroutines":
			s.goroutines = v
		case "healthcheck_runner_start_delay_seconds_sum":
			s.delaySum = v
		case "healthcheck_runner_start_delay_seconds_count":
			s.delayCount = v
		case "healthcheck_runs_total", "healthcheck_skipped_runs_total":
			i, ok := w.indexOf(labels)
			switch {
			case !ok:
			case name == "healthcheck_runs_total":
				says[i].runs += v
				if strings.Contains(labels, `result="fail"`) {
					says[i].failed += v
				}
			default:
				says[i].skipped += v
			}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", w.name, err)
	}
	for i := range w.says {
		if !w.checks[i].visitor && (says[i].runs < w.says[i].runs || says[i].skipped < w.says[i].skipped) {
			w.wentBack++
		}
	}
	w.says = says
	return nil
}

// indexOf returns which of the checks a series is of.
func (w *watched) indexOf(labels string) (int, bool) {
	_, rest, ok := strings.Cut(labels, `check="soak-`)
	if !ok || len(rest) < 6 {
		return 0, false
	}
	n, err := strconv.Atoi(rest[:6])
	n -= w.first
	return n, err == nil && n >= 0 && n < len(w.checks)
}

// quantity is something that must not grow.
type quantity struct {
	name, unit string
	of         func(sample) float64
	slack      float64 // beyond 5 %, what is no growth
}

var quantities = []quantity{
	{"RSS", "MB", func(s sample) float64 { return s.rss }, 5},
	{"live heap", "MB", func(s sample) float64 { return s.heap }, 1},
	{"goroutines", "", func(s sample) float64 { return s.goroutines }, 50},
	{"descriptors", "", func(s sample) float64 { return s.descriptors }, 50},
}

// trend is the median of the first and of the last third of the samples after the start, and the growth an hour.
type trend struct{ first, last, slope float64 }

func (q quantity) trend(samples []sample) trend {
	if len(samples) == 0 {
		return trend{}
	}
	samples = samples[len(samples)/10:] // the first runs of all checks
	values := func(s []sample) (v []float64) {
		for _, s := range s {
			v = append(v, q.of(s))
		}
		return v
	}
	third := max(1, len(samples)/3)
	// The median of the slopes between any two samples: a few odd ones do not turn it.
	var slopes []float64
	for i, a := range samples {
		for _, b := range samples[i+1:] {
			slopes = append(slopes, (q.of(b)-q.of(a))/(b.at-a.at).Hours())
		}
	}
	return trend{median(values(samples[:third])), median(values(samples[len(samples)-third:])), median(slopes)}
}

// flat is whether the last third is no more than the first.
func (q quantity) flat(t trend) bool { return t.last <= 1.05*t.first+q.slack }

// printSamples prints a dozen of them.
func (w *watched) printSamples(out io.Writer) {
	fmt.Fprintf(out, "\n| %s, after | CPU, %% of a core | RSS, MB | live heap, MB | goroutines | descriptors | mean start delay, ms | log |\n|---|---|---|---|---|---|---|---|\n", w.name)
	step := max(1, len(w.samples)/12)
	for i, s := range w.samples {
		if i%step == 0 || i == len(w.samples)-1 {
			log := "read"
			if s.blocked {
				log = "blocked"
			}
			fmt.Fprintf(out, "| %s | %.1f | %.0f | %.1f | %.0f | %.0f | %.2f | %s |\n", s.at.Round(time.Second), s.core, s.rss, s.heap, s.goroutines, s.descriptors, s.late, log)
		}
	}
}

// draw writes a plot as SVG: one small chart for each quantity.
func (w *watched) draw(path string) error {
	charts := slices.Clone(quantities)
	charts = append(charts,
		quantity{name: "CPU", unit: "% of a core", of: func(s sample) float64 { return s.core }},
		quantity{name: "mean start delay", unit: "ms", of: func(s sample) float64 { return s.late }})
	const width, height, left = 640, 90, 10
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", width+2*left, len(charts)*(height+30)+20)
	fmt.Fprintln(&b, `<rect width="100%" height="100%" fill="white"/>`)
	end := math.SmallestNonzeroFloat64
	if n := len(w.samples); n > 0 {
		end = w.samples[n-1].at.Seconds()
	}
	for i, c := range charts {
		top, most := 10+i*(height+30), 0.0
		for _, s := range w.samples {
			most = max(most, c.of(s))
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d">%s %s (highest %s)</text>`+"\n", left, top+12, c.name, c.unit, figure(most))
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#bbb"/>`+"\n", left, top+18, width, height)
		var points []string
		for _, s := range w.samples {
			y := c.of(s) / max(most, math.SmallestNonzeroFloat64)
			points = append(points, fmt.Sprintf("%.1f,%.1f", left+width*s.at.Seconds()/end, float64(top+18+height)-y*height))
		}
		fmt.Fprintf(&b, `<polyline fill="none" stroke="#1f77b4" stroke-width="1.5" points="%s"/>`+"\n", strings.Join(points, " "))
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d">0 to %.0f s</text>`+"\n</svg>\n", left, len(charts)*(height+30)+12, end)
	return os.WriteFile(path, b.Bytes(), 0o644)
}
