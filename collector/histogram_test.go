package collector_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"weak"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

const histogramName = "healthcheck_run_duration_seconds"

// histograms returns the number of runs that the histogram of each series has, by the labels.
func histograms(t *testing.T, c *collector.Collector) map[string]uint64 {
	t.Helper()
	f := decodeProto(t, get(t, collector.Handler(c, collector.HandlerOptions{}), acceptProto, ""))[histogramName]
	counts := make(map[string]uint64)
	for _, m := range f.GetMetric() {
		counts[labelText(m)] = m.GetHistogram().GetSampleCount()
	}
	return counts
}

func labelText(m *dto.Metric) string {
	var parts []string
	for _, l := range m.GetLabel() {
		parts = append(parts, l.GetName()+"="+l.GetValue())
	}
	return strings.Join(parts, ",")
}

func named(endpoint, team string) healthcheck.Check {
	c := healthcheck.Check{Endpoint: endpoint, Func: func(context.Context) error { return nil }}
	if team != "" {
		c.Labels = map[string]string{"team": team}
	}
	return c
}

// TestHistogramOfOtherLabels changes labels: that is another series, which begins anew.
func TestHistogramOfOtherLabels(t *testing.T) {
	reg := &healthcheck.Registry{}
	c := collector.New(reg, collector.WithHistogram(collector.HistogramClassic))
	require.NoError(t, reg.Register(named("a", "red")))
	reg.Run(t.Context())
	reg.Run(t.Context())
	require.Equal(t, map[string]uint64{"check=a,team=red": 2}, histograms(t, c))
	require.NoError(t, reg.Update(named("a", "blue")))
	reg.Run(t.Context())
	require.Equal(t, map[string]uint64{"check=a,team=blue": 1}, histograms(t, c))
	require.NoError(t, reg.Update(named("a", "blue")))
	reg.Run(t.Context())
	require.Equal(t, map[string]uint64{"check=a,team=blue": 2}, histograms(t, c), "the same labels go on")
}

// TestHistogramOfGoneCheck takes a check away: its histogram goes with it, and does not come back with its name.
func TestHistogramOfGoneCheck(t *testing.T) {
	reg := &healthcheck.Registry{}
	c := collector.New(reg, collector.WithHistogram(collector.HistogramNative))
	require.NoError(t, reg.Register(named("stays", "")))
	require.NoError(t, reg.Register(named("goes", "")))
	reg.Run(t.Context())
	require.Equal(t, map[string]uint64{"check=goes": 1, "check=stays": 1}, histograms(t, c))
	require.NoError(t, reg.Unregister("goes"))
	require.Equal(t, map[string]uint64{"check=stays": 1}, histograms(t, c))
	require.NoError(t, reg.Register(named("goes", "")))
	reg.Run(t.Context())
	require.Equal(t, map[string]uint64{"check=goes": 1, "check=stays": 2}, histograms(t, c))
}

// TestHistogramOfCheckAddedDuringAScrape adds a check and runs it after a scrape has taken its snapshot: the scrape, which
// forgets what is not in the snapshot, must not forget this one.
func TestHistogramOfCheckAddedDuringAScrape(t *testing.T) {
	reg := &healthcheck.Registry{}
	c := collector.New(reg, collector.WithHistogram(collector.HistogramClassic))
	require.NoError(t, reg.Register(named("before", "")))
	reg.Run(t.Context())
	metrics := make(chan prometheus.Metric)
	go func() {
		defer close(metrics)
		c.Collect(metrics)
	}()
	<-metrics // the snapshot is made
	require.NoError(t, reg.Register(named("since", "")))
	reg.Run(t.Context())
	for range metrics {
	}
	assert.Equal(t, map[string]uint64{"check=before": 2, "check=since": 1}, histograms(t, c))
}

// TestHistogramHoldsNoGoneCheck takes a check away: after the next scrape nothing may hold it any more.
func TestHistogramHoldsNoGoneCheck(t *testing.T) {
	reg := &healthcheck.Registry{}
	c := collector.New(reg, collector.WithHistogram(collector.HistogramClassic))
	require.NoError(t, reg.Register(named("stays", "")))
	held := func() weak.Pointer[[64]byte] {
		state := new([64]byte)
		require.NoError(t, reg.Register(healthcheck.Check{Endpoint: "goes", Func: func(context.Context) error { state[0]++; return nil }}))
		return weak.Make(state)
	}()
	reg.Run(t.Context())
	require.Len(t, histograms(t, c), 2)
	require.NotNil(t, held.Value())
	require.NoError(t, reg.Unregister("goes"))
	require.Len(t, histograms(t, c), 1)
	for range 3 { // a sync.Pool holds what was given to it for two collections
		runtime.GC()
	}
	assert.Nil(t, held.Value())
	runtime.KeepAlive(c)
}

// TestHistogramsOfUnscrapedCollector has nobody scrape while reloads replace all checks by others.
func TestHistogramsOfUnscrapedCollector(t *testing.T) {
	const checks, reloads = 50, 60
	reg := &healthcheck.Registry{}
	c := collector.New(reg, collector.WithHistogram(collector.HistogramClassic))
	var held []weak.Pointer[[64]byte]
	var endpoints []string
	for reload := range reloads {
		changes := healthcheck.Changes{Unregister: endpoints}
		endpoints = nil
		for i := range checks {
			state := new([64]byte)
			held = append(held, weak.Make(state))
			endpoint := fmt.Sprintf("check-%d-%d", reload, i)
			endpoints = append(endpoints, endpoint)
			changes.Register = append(changes.Register, healthcheck.Check{Endpoint: endpoint, Func: func(context.Context) error { state[0]++; return nil }})
		}
		require.NoError(t, reg.Apply(changes))
		reg.Run(t.Context())
	}
	for range 3 {
		runtime.GC()
	}
	alive := 0
	for _, p := range held {
		if p.Value() != nil {
			alive++
		}
	}
	assert.GreaterOrEqual(t, alive, checks)
	assert.LessOrEqual(t, alive, 3*checks, "twice those that there are, and those of the last reload")
	assert.Len(t, histograms(t, c), checks)
}
