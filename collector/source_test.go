package collector_test

import (
	"context"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// fixed is a source that shows what it was set to.
type fixed struct {
	mu       sync.Mutex
	snapshot healthcheck.Snapshot
}

func (f *fixed) Snapshot() healthcheck.Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.snapshot
}

func (f *fixed) set(facts ...healthcheck.Facts) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.snapshot = healthcheck.Snapshot{Level: healthcheck.OK, Time: time.Now()}
	for _, fact := range facts {
		f.snapshot.States = append(f.snapshot.States, healthcheck.NewState(fact))
	}
}

// moment is a time with digits in all places.
var moment = time.Date(2026, 11, 25, 12, 30, 45, 123456789, time.UTC)

// facts are of a check that has failed and been skipped, late.
func facts(endpoint string) healthcheck.Facts {
	return healthcheck.Facts{
		Check:      healthcheck.Check{Endpoint: endpoint, Labels: map[string]string{"team": "payments"}},
		Registered: moment,
		Level:      healthcheck.FAIL,
		Last: healthcheck.Outcome{
			Start: moment.Add(time.Hour), Duration: time.Second,
			Result: healthcheck.FAIL, Reason: healthcheck.ReasonTLS, Details: "expired",
		},
		Values: []healthcheck.Value{{Measure: measurePlain, Value: 0.5}},
		OK:     7, Failed: 3, Changes: 1, Skipped: 2, SkippedSince: moment.Add(2 * time.Hour),
		Failures:      []healthcheck.ReasonCount{{Reason: healthcheck.ReasonDNS, Count: 1}, {Reason: healthcheck.ReasonTLS, Count: 2}},
		FailuresSince: []time.Time{moment.Add(time.Minute), moment.Add(time.Hour)},
		BlockedBy:     []string{"gateway"},
	}
}

// TestFixedSource has a source that is no registry. Its memory is its own.
func TestFixedSource(t *testing.T) {
	src := &fixed{}
	src.set(facts("a"), facts("b"))
	before := src.Snapshot()
	c := collector.New(src, collector.WithHistogram(collector.HistogramBoth))
	defer c.Close()
	h := collector.Handler(c, collector.HandlerOptions{})
	for range 5 { // also the memory of a registry's snapshots is used again
		body := string(get(t, h, acceptText, ""))
		assert.Contains(t, body, `healthcheck_status{check="a",team="payments"} 0`)
		assert.Contains(t, body, `healthcheck_failure{check="b",reason="tls",team="payments"} 1`)
		assert.Contains(t, body, `healthcheck_blocked{by="gateway",check="a",team="payments"} 1`)
		assert.Contains(t, body, `healthcheck_skipped_runs_total{check="a",team="payments"} 2`)
		assert.NotContains(t, body, "healthcheck_run_duration_seconds")
		get(t, collector.Handler(collector.New(ranRegistry(t, 10)), collector.HandlerOptions{}), acceptText, "")
	}
	assert.Equal(t, "a", before.States[0].Check.Endpoint)
	agreeOn(t, c)

	synctest.Test(t, func(t *testing.T) {
		first := scrapeSlowly(h, acceptText, "")
		src.set(facts("c"))
		assert.Contains(t, string(scrapeNow(h, acceptText, "")), `check="c"`, "nobody can know that nothing has changed")
		assert.NotContains(t, string(first()), `check="c"`)
	})
}

// starts returns when the counters and histograms of a family began to count, by the value of a label.
func starts(f *dto.MetricFamily, label string) map[string]time.Time {
	found := make(map[string]time.Time)
	for _, m := range f.GetMetric() {
		var value string
		for _, l := range m.GetLabel() {
			if l.GetName() == label {
				value = l.GetValue()
			}
		}
		start := m.GetCounter().GetCreatedTimestamp()
		if m.GetHistogram() != nil {
			start = m.GetHistogram().GetCreatedTimestamp()
		}
		if start != nil {
			found[value] = start.AsTime()
		}
	}
	return found
}

func TestStartTimestamps(t *testing.T) {
	src := &fixed{}
	src.set(facts("a"))
	src.snapshot.Since = moment.Add(-time.Minute)
	c := collector.New(src)
	agreeOn(t, c)
	families := decodeProto(t, get(t, collector.Handler(c, collector.HandlerOptions{}), acceptProto, ""))
	for name, want := range map[string]map[string]time.Time{
		"healthcheck_runs_total":                 {"ok": moment, "fail": moment},
		"healthcheck_failures_total":             {"dns": moment.Add(time.Minute), "tls": moment.Add(time.Hour)},
		"healthcheck_status_changes_total":       {"": moment},
		"healthcheck_skipped_runs_total":         {"": moment.Add(2 * time.Hour)},
		"healthcheck_runner_panics_total":        {"": moment.Add(-time.Minute)},
		"healthcheck_runner_start_delay_seconds": {"": moment.Add(-time.Minute)},
	} {
		label := "result"
		if name == "healthcheck_failures_total" {
			label = "reason"
		}
		assert.Equal(t, want, starts(families[name], label), name)
	}
	for _, accept := range []string{acceptText, acceptOpenMetrics} {
		assert.NotContains(t, string(get(t, collector.Handler(c, collector.HandlerOptions{}), accept, "")), "_created")
	}
	src.set(healthcheck.Facts{Check: healthcheck.Check{Endpoint: "unknown start"}})
	agreeOn(t, c)
	for _, start := range []time.Time{time.Unix(5, 0), time.Unix(0, 7), time.Unix(1<<40, 999_999_999)} {
		src.set(healthcheck.Facts{Check: healthcheck.Check{Endpoint: "a"}, Registered: start}, facts("b"))
		agreeOn(t, c)
	}
}

// TestStartsOfARegistry has counters that are there from the registration on, and such that appear late.
func TestStartsOfARegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := &healthcheck.Registry{}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- (&healthcheck.Runner{Registry: reg}).Run(ctx) }()
		began := time.Now()
		check := healthcheck.Check{Endpoint: "a", Interval: 10 * time.Second, Timeout: 5 * time.Second, Func: func(ctx context.Context) error {
			if since := time.Since(began); since > 5*time.Hour && since < 5*time.Hour+15*time.Second {
				time.Sleep(11 * time.Second)
			}
			return nil
		}}
		time.Sleep(time.Minute)
		require.NoError(t, reg.Register(check))
		time.Sleep(time.Hour)
		require.NoError(t, reg.Update(check))
		time.Sleep(5 * time.Hour)
		c := collector.New(reg, collector.WithHistogram(collector.HistogramClassic))
		observing := time.Now()
		time.Sleep(time.Minute)
		families := decodeProto(t, get(t, collector.Handler(c, collector.HandlerOptions{}), acceptProto, ""))
		registered := began.Add(time.Minute)
		assert.Equal(t, map[string]time.Time{"ok": registered.UTC(), "fail": registered.UTC()}, starts(families["healthcheck_runs_total"], "result"))
		assert.Equal(t, map[string]time.Time{"": registered.UTC()}, starts(families["healthcheck_runner_panics_total"], ""))
		failed := starts(families["healthcheck_failures_total"], "reason")["timeout"]
		assert.WithinDuration(t, began.Add(5*time.Hour+10*time.Second), failed, 10*time.Second, "the start of the run that failed")
		skipped := starts(families["healthcheck_skipped_runs_total"], "")[""]
		assert.WithinDuration(t, failed.Add(10*time.Second), skipped, healthcheck.MinInterval, "when the run was due that is lost")
		assert.WithinDuration(t, observing.Add(5*time.Second), starts(families["healthcheck_run_duration_seconds"], "")[""], 10*time.Second)

		time.Sleep(time.Second)
		require.NoError(t, reg.Apply(healthcheck.Changes{Unregister: []string{"a"}, Register: []healthcheck.Check{check}}))
		again := decodeProto(t, get(t, collector.Handler(c, collector.HandlerOptions{}), acceptProto, ""))
		assert.Equal(t, time.Now().UTC(), starts(again["healthcheck_runs_total"], "result")["ok"], "another check")
		synctest.Wait() // its first run is due
		agree(t, reg)
		c.Close()
		cancel()
		require.NoError(t, <-done)
	})
}

// TestClose has a registry that outlives its collector.
func TestClose(t *testing.T) {
	reg := ranRegistry(t, 3)
	c := collector.New(reg, collector.WithHistogram(collector.HistogramBoth))
	count := func() int {
		r := prometheus.NewRegistry()
		r.MustRegister(c)
		families, err := r.Gather()
		require.NoError(t, err)
		for _, f := range families {
			if f.GetName() == "healthcheck_run_duration_seconds" {
				return len(f.GetMetric())
			}
		}
		return 0
	}
	reg.Run(t.Context())
	assert.Equal(t, 3, count())
	var wg sync.WaitGroup
	wg.Go(func() { reg.Run(t.Context()) })
	c.Close()
	wg.Wait()
	c.Close()
	reg.Run(t.Context())
	assert.Zero(t, count())
	w := httptest.NewRecorder()
	collector.Handler(c, collector.HandlerOptions{}).ServeHTTP(w, scrapeRequest(acceptProto, ""))
	assert.NotContains(t, decodeProto(t, w.Body.Bytes()), "healthcheck_run_duration_seconds")
	collector.New(reg).Close()
}
