package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// registry returns a registry with n checks of f. All are the same function, so that what a run costs is not what fetching
// the memory of a check costs.
func registry(n int, f healthcheck.CheckFunc) (*healthcheck.Registry, error) {
	reg := &healthcheck.Registry{}
	checks := make([]healthcheck.Check, n)
	labels := map[string]string{"team": "payments", "severity": "critical"}
	for i := range checks {
		checks[i] = healthcheck.Check{
			Endpoint: fmt.Sprintf("check-%06d", i), Labels: labels, Interval: time.Second,
			Kind: "http", Target: fmt.Sprintf("https://host-%06d.example.org/health", i),
			Func: f,
		}
	}
	return reg, reg.Apply(healthcheck.Changes{Register: checks})
}

// noopCheck never looks at its context.
func noopCheck(context.Context) error { return nil }

// counting is noopCheck, counted.
func counting(runs *atomic.Int64) healthcheck.CheckFunc {
	return func(context.Context) error { runs.Add(1); return nil }
}

// keeping looks at its context and keeps it, as a check does that leaves something running behind, and looks at one that
// was kept some thousand runs ago.
func keeping(runs *atomic.Int64) healthcheck.CheckFunc {
	var kept [4096]atomic.Pointer[context.Context]
	return func(ctx context.Context) error {
		if old := kept[runs.Add(1)%int64(len(kept))].Swap(&ctx); old != nil {
			_ = (*old).Err()
		}
		return ctx.Err()
	}
}

// discard is a response that is thrown away.
type discard struct {
	header http.Header
	size   int
}

func (d *discard) Header() http.Header { return d.header }
func (d *discard) WriteHeader(int)     {}
func (d *discard) Write(p []byte) (int, error) {
	d.size += len(p)
	return len(p), nil
}

func ask(h http.Handler, accept, encoding string) int {
	req := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/metrics", http.NoBody)
	req.Header.Set("Accept", accept)
	req.Header.Set("Accept-Encoding", encoding)
	d := &discard{header: http.Header{}}
	h.ServeHTTP(d, req)
	return d.size
}

// constMetrics is the usual collector: it makes const metrics at each scrape, one for each of our default series.
type constMetrics struct {
	registry *healthcheck.Registry
	descs    [seriesEach]*prometheus.Desc
}

// seriesEach is how many series a healthy check has: 14 families, of which failure, failures_total, skipped_runs_total,
// blocked and in_maintenance are absent, and runs_total has two.
const seriesEach = 12

func newConstMetrics(r *healthcheck.Registry) *constMetrics {
	c := &constMetrics{registry: r}
	for i := range c.descs {
		c.descs[i] = prometheus.NewDesc(fmt.Sprintf("healthcheck_metric_%d_seconds", i), "Some help for this metric.", []string{"check", "severity", "team"}, nil)
	}
	return c
}

func (c *constMetrics) Describe(chan<- *prometheus.Desc) {}

func (c *constMetrics) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.registry.Snapshot().States {
		_, d := s.LastRun()
		l := s.Check.Labels
		for _, desc := range c.descs {
			ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, d.Seconds(), s.Check.Endpoint, l["severity"], l["team"])
		}
	}
}

func promHandler(c prometheus.Collector) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(c)
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

const (
	asText  = "text/plain;version=0.0.4"
	asProto = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
)

func (b *bench) scrape() error {
	for _, n := range []int{1000, 10_000, 100_000} {
		reg, err := registry(n, noopCheck)
		if err != nil {
			return err
		}
		letRun(b.ctx, reg, 5*time.Second) // so that times and durations differ, as they do where checks run
		fast := collector.Handler(collector.New(reg), collector.HandlerOptions{})
		usual := promHandler(newConstMetrics(reg))
		series := n * seriesEach
		cost := func(h http.Handler, accept, encoding string) func() float64 {
			return func() float64 { return costEach(series, func() { ask(h, accept, encoding) }) }
		}
		bar := 45.0
		if n == 100_000 {
			bar = 50
		}
		x, y := b.pair(cost(fast, asText, ""), cost(usual, asText, ""))
		b.table.add(row{what: fmt.Sprintf("scrape, %d checks, text, a series", n), ours: x, base: y, unit: "ns", bar: bar, barRatio: 1.0 / 60})
		x, y = b.pair(cost(fast, asText, "gzip"), cost(usual, asText, "gzip"))
		b.table.add(row{what: fmt.Sprintf("scrape, %d checks, text with gzip, a series", n), ours: x, base: y, unit: "ns", bar: 130, barRatio: 1.0 / 30})
		if n > 10_000 {
			continue
		}
		x, y = b.pair(cost(fast, asProto, ""), cost(usual, asProto, ""))
		b.table.add(row{what: fmt.Sprintf("scrape, %d checks, protobuf, a series", n), ours: x, base: y, unit: "ns", barRatio: 1.0 / 15})
		x, y = b.pair(cost(promHandler(collector.New(reg)), asText, ""), cost(usual, asText, ""))
		b.table.add(row{what: fmt.Sprintf("scrape, %d checks, our Collector in a prometheus.Registry, a series", n), ours: x, base: y, unit: "ns", barRatio: 0.5})
		gz6 := ask(promHandler(collector.New(reg)), asText, "gzip")
		b.table.add(row{what: fmt.Sprintf("size with gzip, %d checks, against level 6", n), ours: float64(ask(fast, asText, "gzip")) / 1e3, base: float64(gz6) / 1e3, unit: "kB", barRatio: 1.1})
	}
	return nil
}

// letRun runs the checks of reg for a while.
func letRun(ctx context.Context, reg *healthcheck.Registry, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	_ = (&healthcheck.Runner{Registry: reg}).Run(ctx) // it has no other runner
}

// runFor runs the checks of reg for a while after a warm-up, and returns the CPU time of a run in nanoseconds, the share
// of a core, the share of the due runs that were done, and the quantiles of the start delay in milliseconds.
type runnerResult struct {
	each, core, done float64
	p99, max         float64
}

func runFor(ctx context.Context, reg *healthcheck.Registry, runs *atomic.Int64, due float64, warmup, measured time.Duration) runnerResult {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { _ = (&healthcheck.Runner{Registry: reg}).Run(ctx) })
	time.Sleep(warmup)
	before, cpu, count := reg.Snapshot().Runner.StartDelay, selfCPU(), runs.Load()
	time.Sleep(measured)
	cpu, count = selfCPU()-cpu, runs.Load()-count
	after := reg.Snapshot().Runner.StartDelay
	cancel()
	wg.Wait()
	return runnerResult{
		each: float64(cpu.Nanoseconds()) / float64(count),
		core: 100 * cpu.Seconds() / measured.Seconds(),
		done: 100 * float64(count) / (due * measured.Seconds()),
		p99:  1e3 * quantile(before, after, 0.99),
		max:  1e3 * quantile(before, after, 1),
	}
}

// quantile returns the upper bound of the bucket that has the q-quantile of what was observed in between.
func quantile(before, after healthcheck.Histogram, q float64) float64 {
	total := float64(after.Count - before.Count)
	for i, bound := range after.Bounds {
		if float64(after.Buckets[i]-before.Buckets[i]) >= q*total {
			return bound
		}
	}
	return 1e9
}

// runner measures no-op checks at 1 s against a goroutine and a ticker for each, in turn.
func (b *bench) runner() error {
	var idle []float64
	for range b.rounds {
		idle = append(idle, emptySlots(b.ctx, 3*time.Second))
	}
	wakeups := row{what: "waking every 50 ms for nothing, of a core (what an idle runner costs on this machine)", ours: median(idle), unit: "%"}
	b.table.add(wakeups)
	for _, w := range []struct {
		n                             int
		name                          string
		check                         func(*atomic.Int64) healthcheck.CheckFunc
		usual                         func(healthcheck.CheckFunc) healthcheck.CheckFunc // what the baseline makes of check
		barBeyond, barCore, barLate99 float64
	}{
		{10_000, "no-op checks at 1 s", counting, asItIs, 600, 0, 5},
		{100_000, "no-op checks at 1 s", counting, asItIs, 0, 5, 5},
		{100_000, "checks at 1 s that keep their contexts", keeping, withTimeout, 0, 5, 5},
	} {
		var each, base, core, late, missed []float64
		for range b.rounds {
			var runs atomic.Int64
			reg, err := registry(w.n, w.check(&runs))
			if err != nil {
				return err
			}
			r := runFor(b.ctx, reg, &runs, float64(w.n), 5*time.Second, 5*time.Second)
			each, core = append(each, r.each), append(core, r.core)
			late, missed = append(late, r.p99), append(missed, max(0, 100-r.done))
			runs.Store(0)
			base = append(base, tickers(b.ctx, w.n, w.usual(w.check(&runs)), &runs, 3*time.Second, 5*time.Second))
		}
		what := fmt.Sprintf("runner, %d %s, ", w.n, w.name)
		b.table.add(row{what: what + "a run; baseline: a ticker a check", ours: median(each), base: median(base), unit: "ns"})
		b.table.add(row{what: what + "a run beyond the idle wake-ups", ours: median(each) - wakeups.ours/100*1e9/float64(w.n), unit: "ns", bar: w.barBeyond})
		b.table.add(row{what: what + "of a core", ours: median(core), unit: "%", bar: w.barCore})
		b.table.add(row{what: what + "p99 of the start delay (upper bound of its bucket)", ours: median(late), unit: "ms", bar: w.barLate99})
		b.table.add(row{what: what + "runs missed", ours: median(missed), unit: "%", bar: 0.5})
	}
	return b.slowNeighbours()
}

// emptySlots returns what it costs to wake for each slot.
func emptySlots(ctx context.Context, d time.Duration) float64 {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	ticker := time.NewTicker(healthcheck.MinInterval)
	defer ticker.Stop()
	cpu := selfCPU()
	for ctx.Err() == nil {
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
	return 100 * (selfCPU() - cpu).Seconds() / d.Seconds()
}

// slowNeighbours has 10,000 checks of which one in a hundred hangs until its timeout.
func (b *bench) slowNeighbours() error {
	var runs atomic.Int64
	reg := &healthcheck.Registry{}
	var checks []healthcheck.Check
	for i := range 10_000 {
		c := healthcheck.Check{Endpoint: fmt.Sprintf("check-%06d", i), Interval: 6 * time.Second, Timeout: 5 * time.Second, Func: func(context.Context) error { runs.Add(1); return nil }}
		if i%100 == 0 {
			c.Func = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		}
		checks = append(checks, c)
	}
	if err := reg.Apply(healthcheck.Changes{Register: checks}); err != nil {
		return err
	}
	r := runFor(b.ctx, reg, &runs, 9900.0/6, 8*time.Second, 12*time.Second)
	b.table.add(row{what: "slow neighbours: 10,000 checks, 1 % hang for 5 s; latest start of any (upper bound of its bucket)", ours: r.max, unit: "ms", bar: 50})
	return nil
}

func asItIs(f healthcheck.CheckFunc) healthcheck.CheckFunc { return f }

// withTimeout is f as somebody calls it who gives each run a context of its own in the usual way.
func withTimeout(f healthcheck.CheckFunc) healthcheck.CheckFunc {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		return f(ctx)
	}
}

// tickers is the baseline of the runner: a goroutine and a ticker for each of n checks.
func tickers(ctx context.Context, n int, check healthcheck.CheckFunc, runs *atomic.Int64, warmup, measured time.Duration) float64 {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Duration(i) * time.Second / time.Duration(n)):
			}
			t := time.NewTicker(time.Second)
			defer t.Stop()
			for {
				_ = check(ctx) // it does not fail
				select {
				case <-ctx.Done():
					return
				case <-t.C:
				}
			}
		})
	}
	time.Sleep(warmup)
	cpu, count := selfCPU(), runs.Load()
	time.Sleep(measured)
	cpu, count = selfCPU()-cpu, runs.Load()-count
	cancel()
	wg.Wait()
	return float64(cpu.Nanoseconds()) / float64(count)
}

func (b *bench) memory() error {
	const n = 100_000
	before := liveHeap()
	reg, err := registry(n, noopCheck)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(b.ctx)
	var wg sync.WaitGroup
	wg.Go(func() { _ = (&healthcheck.Runner{Registry: reg}).Run(ctx) })
	time.Sleep(5 * time.Second)
	h := collector.Handler(collector.New(reg), collector.HandlerOptions{})
	ask(h, asText, "gzip")
	ask(promStatus(reg), "", "")
	after := liveHeap()
	b.table.add(row{what: "live heap of 100,000 no-op checks, running and scraped, a check", ours: float64(after-before) / n, unit: "B", bar: 900})
	cancel()
	wg.Wait()
	b.table.add(row{what: "goroutines with 100,000 checks and an idle runner", ours: idleGoroutines(b.ctx), unit: "", bar: 5})
	runtime.KeepAlive(h)
	runtime.KeepAlive(reg)

	p, err := b.helper("noop", strconv.Itoa(n))
	if err != nil {
		return err
	}
	defer p.stop()
	time.Sleep(10 * time.Second)
	for range 2 {
		if err := get(b.ctx, "http://"+p.addr+"/metrics", io.Discard); err != nil {
			return err
		}
	}
	rss, err := p.rss()
	if err != nil {
		return err
	}
	b.table.add(row{what: "RSS of a program with 100,000 no-op checks, running and scraped", ours: rss, unit: "MB", bar: 200})
	return nil
}

func promStatus(reg *healthcheck.Registry) http.Handler { return healthcheck.StatusHandler(reg, nil) }

// idleGoroutines returns how many goroutines there are beyond those of before, while nothing is due.
func idleGoroutines(ctx context.Context) float64 {
	before := runtime.NumGoroutine()
	reg := &healthcheck.Registry{}
	for i := range 1000 {
		err := reg.Register(healthcheck.Check{Endpoint: fmt.Sprint("c", i), Interval: time.Hour, Func: func(context.Context) error { return nil }})
		if err != nil {
			panic(err) // the checks are constants
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { _ = (&healthcheck.Runner{Registry: reg}).Run(ctx) })
	time.Sleep(4 * time.Second)
	n := runtime.NumGoroutine() - before
	cancel()
	wg.Wait()
	return float64(n)
}

func liveHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

func (b *bench) status() error {
	const n = 10_000
	reg, err := registry(n, noopCheck)
	if err != nil {
		return err
	}
	var fail atomic.Bool
	err = reg.Register(healthcheck.Check{Endpoint: "flips", Func: func(context.Context) error {
		if fail.Load() {
			return fmt.Errorf("it fails")
		}
		return nil
	}})
	if err != nil {
		return err
	}
	if _, err := reg.Run(b.ctx); err != nil {
		return err
	}
	h := healthcheck.StatusHandler(reg, nil)
	changed := func() float64 {
		return costEach(n, func() {
			fail.Store(!fail.Load())
			if _, err := reg.RunCheck(b.ctx, "flips"); err != nil {
				panic(err) // it is registered
			}
			ask(h, "", "")
		})
	}
	x, y := b.pair(changed, func() float64 { return costEach(n, func() { marshal(reg) }) })
	b.table.add(row{what: "/status of 10,000 checks after a change, a check; baseline: encoding/json", ours: x, base: y, unit: "ns", bar: 150})
	x, _ = b.pair(func() float64 { return costEach(1, func() { ask(h, "", "") }) / 1e3 }, func() float64 { return 0 })
	b.table.add(row{what: "/status of 10,000 checks without a change, a request", ours: x, unit: "µs"})
	return nil
}

// marshal is the usual way to make /status.
func marshal(reg *healthcheck.Registry) {
	type check struct {
		Name     string             `json:"name"`
		Endpoint string             `json:"endpoint"`
		Status   healthcheck.Status `json:"status"`
	}
	doc := struct {
		Name   string                  `json:"name"`
		Status healthcheck.StatusLevel `json:"status"`
		Checks map[string]check        `json:"statusChecks"`
	}{Status: healthcheck.OK, Checks: make(map[string]check)}
	for _, s := range reg.Snapshot().States {
		doc.Checks[s.Check.Endpoint] = check{s.Check.Name, s.Check.Endpoint, s.Status()}
	}
	if _, err := json.Marshal(doc); err != nil {
		panic(err) // strings always marshal
	}
}
