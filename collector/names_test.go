package collector_test

import (
	"context"
	"maps"
	"slices"
	"strings"
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

// TestFamiliesAreReserved holds the names that package healthcheck keeps free against what is exported.
func TestFamiliesAreReserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := sampleRegistry(t)
		c := collector.New(reg, collector.WithHistogram(collector.HistogramBoth))
		_, err := reg.RunCheck(t.Context(), "ok")
		require.NoError(t, err)
		reserved := healthcheck.ReservedLabels()
		families := decodeProto(t, get(t, collector.Handler(c, collector.HandlerOptions{}), acceptProto, ""))
		require.Contains(t, families, "healthcheck_run_duration_seconds")
		for name, f := range families {
			if strings.HasPrefix(name, "healthcheck_test_") {
				continue // a measure
			}
			own := strings.TrimPrefix(name, "healthcheck_")
			for _, ending := range []string{"", "_total", "_bucket", "_sum", "_count", "_created"} {
				assert.Panics(t, func() { healthcheck.NewMeasure(strings.TrimSuffix(own, "_total")+ending, "Help.") }, "%s is free", own)
			}
			for _, m := range f.GetMetric() {
				for _, label := range labelsBeside(m, reg) {
					assert.Contains(t, reserved, label, name)
				}
			}
		}
	})
}

// labelsBeside returns the names of a series' labels that are not labels of its check; none for a series of the whole.
func labelsBeside(m *dto.Metric, reg *healthcheck.Registry) []string {
	names := make(map[string]string)
	for _, l := range m.GetLabel() {
		names[l.GetName()] = l.GetValue()
	}
	st, ok := reg.Lookup(names["check"])
	if !ok {
		return nil
	}
	for name := range st.Check.Labels {
		delete(names, name)
	}
	return slices.Collect(maps.Keys(names))
}

// TestMeasureAfterItsLabelWasTaken is the one case in which a check and a measure have a label in common.
func TestMeasureAfterItsLabelWasTaken(t *testing.T) {
	reg := &healthcheck.Registry{}
	var late *healthcheck.Measure
	require.NoError(t, reg.Register(healthcheck.Check{Endpoint: "a", Labels: map[string]string{"latecomer": "x"}, Checker: checkerFunc(func(context.Context) healthcheck.Result {
		return healthcheck.Result{Values: []healthcheck.Value{{Measure: late, Label: "y", Value: 1}, {Measure: measurePlain, Value: 2}}}
	})}))
	late = healthcheck.NewMeasure("test_late", "Help.", "latecomer")
	reg.Run(t.Context())
	agree(t, reg)
	body := string(get(t, collector.Handler(collector.New(reg), collector.HandlerOptions{}), acceptText, ""))
	assert.NotContains(t, body, "healthcheck_test_late")
	assert.Contains(t, body, `healthcheck_test_ratio{check="a",latecomer="x"} 2`)
}

// TestOthersThatClash has families of others whose series would be doubled.
func TestOthersThatClash(t *testing.T) {
	reg := &healthcheck.Registry{}
	require.NoError(t, reg.Register(healthcheck.Check{Endpoint: "a", Checker: checkerFunc(func(context.Context) healthcheck.Result {
		return healthcheck.Result{Values: []healthcheck.Value{{Measure: measurePlain, Value: 1}}}
	})}))
	reg.Run(t.Context())
	others := prometheus.NewRegistry()
	others.MustRegister(
		prometheus.NewGauge(prometheus.GaugeOpts{Name: "healthcheck_runs", Help: "Foreign."}),
		prometheus.NewGauge(prometheus.GaugeOpts{Name: "healthcheck_runner_start_delay_seconds_sum", Help: "Foreign."}),
		prometheus.NewCounter(prometheus.CounterOpts{Name: "healthcheck_test_ratio", Help: "Foreign."}),
		prometheus.NewCounter(prometheus.CounterOpts{Name: "healthcheck_status_total", Help: "Foreign."}),
		prometheus.NewGauge(prometheus.GaugeOpts{Name: "healthcheck_status_of_others", Help: "Foreign, welcome."}),
	)
	h := collector.Handler(collector.New(reg), collector.HandlerOptions{Others: others})
	for _, accept := range []string{acceptText, acceptOpenMetrics} {
		body := string(get(t, h, accept, ""))
		assert.Equal(t, 1, strings.Count(body, "Foreign"), body)
		seen := make(map[string]bool)
		for line := range strings.Lines(body) {
			if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
				assert.False(t, seen[name], name)
				seen[name] = true
			}
		}
	}
}

// TestTimeSeconds has the clock of each scrape; scrapes that share an answer began within a tenth of a second.
func TestTimeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := collector.Handler(collector.New(ranRegistry(t, 100)), collector.HandlerOptions{})
		at := func(body []byte) time.Time {
			f := decodeProto(t, body)[timeSeries]
			require.Len(t, f.GetMetric(), 1)
			return time.UnixMilli(int64(f.GetMetric()[0].GetGauge().GetValue() * 1e3))
		}
		for range 3 {
			time.Sleep(1234 * time.Millisecond)
			assert.WithinDuration(t, time.Now(), at(get(t, h, acceptProto, "")), time.Millisecond)
		}
		began := time.Now()
		first := scrapeSlowly(h, acceptProto, "")
		for _, later := range []time.Duration{50 * time.Millisecond, 150 * time.Millisecond} {
			time.Sleep(time.Until(began.Add(later)))
			assert.WithinDuration(t, time.Now(), at(scrapeNow(h, acceptProto, "")), 100*time.Millisecond)
		}
		assert.WithinDuration(t, began, at(first()), time.Millisecond)
	})
}

// durationHistograms returns the histograms of durations in a body, by their labels.
func durationHistograms(t *testing.T, body []byte) map[string]*dto.Metric {
	t.Helper()
	found := make(map[string]*dto.Metric)
	for _, m := range decodeProto(t, body)["healthcheck_run_duration_seconds"].GetMetric() {
		var key string
		for _, l := range m.GetLabel() {
			key += l.GetName() + "=" + l.GetValue() + ","
		}
		found[key] = m
	}
	return found
}

// TestHistogramOfAnotherRegistration has checks that take over an endpoint: they take over no labels and no counts.
func TestHistogramOfAnotherRegistration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := &healthcheck.Registry{}
		check := func(team string) healthcheck.Check {
			return healthcheck.Check{Endpoint: "a", Labels: map[string]string{"team": team}, Func: func(context.Context) error { return nil }}
		}
		h := collector.Handler(collector.New(reg, collector.WithHistogram(collector.HistogramClassic)), collector.HandlerOptions{})
		counts := func() map[string]uint64 {
			counts := make(map[string]uint64)
			for key, m := range durationHistograms(t, get(t, h, acceptProto, "")) {
				counts[key] = m.GetHistogram().GetSampleCount()
			}
			return counts
		}
		require.NoError(t, reg.Register(check("x")))
		reg.Run(t.Context())
		reg.Run(t.Context())
		assert.Equal(t, map[string]uint64{"check=a,team=x,": 2}, counts())

		replace := func(by healthcheck.Check) {
			require.NoError(t, reg.Apply(healthcheck.Changes{Unregister: []string{"a"}, Register: []healthcheck.Check{by}}))
		}
		replace(check("y"))
		assert.Empty(t, counts(), "no labels of the old check")
		reg.Run(t.Context())
		assert.Equal(t, map[string]uint64{"check=a,team=y,": 1}, counts())

		replace(check("y"))
		assert.Empty(t, counts(), "no counts of the old check")
		reg.Run(t.Context())
		assert.Equal(t, map[string]uint64{"check=a,team=y,": 1}, counts())

		require.NoError(t, reg.Update(check("z")))
		assert.Empty(t, counts(), "the labels that the other series do not have any more")
		reg.Run(t.Context())
		assert.Equal(t, map[string]uint64{"check=a,team=z,": 1}, counts())

		require.NoError(t, reg.Update(check("z")))
		assert.Equal(t, map[string]uint64{"check=a,team=z,": 1}, counts(), "an update is the same check")
	})
}
