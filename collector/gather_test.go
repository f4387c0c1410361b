package collector_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// gatherer returns a registry of client_golang's with one registry of checks in it that differs from those of other
// numbers in everything: names, labels, counts, measures.
func gatherer(t *testing.T, number, runs int) *prometheus.Registry {
	t.Helper()
	reg := &healthcheck.Registry{}
	for i := range 3 + number {
		require.NoError(t, reg.Register(healthcheck.Check{
			Endpoint: fmt.Sprintf("n%d-%d", number, i), Labels: map[string]string{fmt.Sprint("label", number%3): fmt.Sprint("value", number)},
			DependsOn: []string{fmt.Sprintf("n%d-0", number)}[:min(i, 1)], // all but the first
			Checker: checkerFunc(func(context.Context) healthcheck.Result {
				values := []healthcheck.Value{{Measure: measurePlain, Value: float64(number)}, {Measure: measureLabel, Label: fmt.Sprint("of ", number), Value: 1}}
				if i == 0 {
					return healthcheck.Result{Level: healthcheck.FAIL, Reason: healthcheck.Reason(1 + number%10), Values: values}
				}
				return healthcheck.Result{Values: values}
			}),
		}))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(runs)*healthcheck.MinInterval)
	defer cancel()
	require.NoError(t, (&healthcheck.Runner{Registry: reg, Interval: healthcheck.MinInterval}).Run(ctx)) // so that delays are counted
	r := prometheus.NewRegistry()
	r.MustRegister(collector.New(reg, collector.WithHistogram(collector.HistogramBoth)))
	reg.Run(t.Context())
	return r
}

// withoutTime returns the text of families but for the time of the scrape, pausing between them as a slow client would.
func withoutTime(t *testing.T, families []*dto.MetricFamily) string {
	var b bytes.Buffer
	for _, f := range families {
		runtime.Gosched()
		if f.GetName() != timeSeries {
			_, err := expfmt.MetricFamilyToText(&b, f)
			assert.NoError(t, err)
		}
	}
	return b.String()
}

// TestWhatWasGatheredDoesNotChange keeps what was gathered while other registries are gathered, which use the same memory.
func TestWhatWasGatheredDoesNotChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		many := make([]*prometheus.Registry, 6)
		want := make([]string, len(many))
		for i := range many {
			many[i] = gatherer(t, i, 2+i)
			families, err := many[i].Gather()
			require.NoError(t, err)
			want[i] = withoutTime(t, families)
		}
		var wg sync.WaitGroup
		for i, r := range many {
			for range 3 {
				wg.Go(func() {
					for range 20 {
						families, err := r.Gather()
						assert.NoError(t, err)
						runtime.Gosched()
						if got := withoutTime(t, families); !assert.Equal(t, want[i], got) {
							return
						}
					}
				})
			}
		}
		wg.Wait()
	})
}
