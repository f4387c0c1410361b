package collector_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// ranRegistry returns a registry with n checks that have run once.
func ranRegistry(tb testing.TB, n int) *healthcheck.Registry {
	tb.Helper()
	reg := &healthcheck.Registry{}
	checks := make([]healthcheck.Check, n)
	for i := range checks {
		checks[i] = healthcheck.Check{
			Endpoint: fmt.Sprintf("check-%06d", i),
			Labels:   map[string]string{"team": "payments", "severity": "critical"},
			Kind:     "http",
			Target:   fmt.Sprintf("https://host-%06d.example.org/health", i),
			Func:     func(context.Context) error { return nil },
		}
	}
	require.NoError(tb, reg.Apply(healthcheck.Changes{Register: checks}))
	reg.Run(context.Background())
	return reg
}

type nullWriter struct {
	h http.Header
	n int64
}

func (w *nullWriter) Header() http.Header { return w.h }
func (w *nullWriter) WriteHeader(int)     {}
func (w *nullWriter) Write(p []byte) (int, error) {
	w.n += int64(len(p))
	return len(p), nil
}

func scrape(h http.Handler, accept, encoding string) int64 {
	req := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
	req.Header.Set("Accept", accept)
	if encoding != "" {
		req.Header.Set("Accept-Encoding", encoding)
	}
	w := &nullWriter{h: http.Header{}}
	h.ServeHTTP(w, req)
	return w.n
}

const (
	acceptText        = "text/plain;version=0.0.4"
	acceptOpenMetrics = "application/openmetrics-text;version=1.0.0"
	acceptProto       = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
)

// constMetrics is the usual way to write such a collector: const metrics made anew at each scrape.
type constMetrics struct {
	reg  *healthcheck.Registry
	desc []*prometheus.Desc
}

// seriesEach is how many series a healthy check has.
const seriesEach = 12

func (c *constMetrics) Describe(chan<- *prometheus.Desc) {}
func (c *constMetrics) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.reg.Snapshot().States {
		l := s.Check.Labels
		for i := range seriesEach {
			ch <- prometheus.MustNewConstMetric(c.desc[i], prometheus.GaugeValue, float64(i)+0.5, s.Check.Endpoint, l["severity"], l["team"])
		}
	}
}

func constHandler(reg *healthcheck.Registry) http.Handler {
	c := &constMetrics{reg: reg}
	for i := range seriesEach {
		c.desc = append(c.desc, prometheus.NewDesc(fmt.Sprintf("healthcheck_metric_%d", i), "Help.", []string{"check", "severity", "team"}, nil))
	}
	r := prometheus.NewRegistry()
	r.MustRegister(c)
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

func collectorHandler(reg *healthcheck.Registry) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(collector.New(reg))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

func BenchmarkScrape(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		reg := ranRegistry(b, n)
		ctx, cancel := context.WithTimeout(b.Context(), 3*time.Second)
		require.NoError(b, (&healthcheck.Runner{Registry: reg, Interval: time.Second}).Run(ctx)) // so that times and durations differ
		cancel()
		handlers := []struct {
			name string
			h    http.Handler
		}{
			{"fast", collector.Handler(collector.New(reg), collector.HandlerOptions{})},
			{"collector", collectorHandler(reg)},
			{"const", constHandler(reg)},
		}
		for _, f := range []struct{ name, accept, encoding string }{
			{"text", acceptText, ""}, {"text-gzip", acceptText, "gzip"}, {"text-zstd", acceptText, "zstd"},
			{"openmetrics", acceptOpenMetrics, ""}, {"proto", acceptProto, ""},
		} {
			for _, h := range handlers {
				if h.name != "fast" && n > 10_000 {
					continue
				}
				b.Run(fmt.Sprintf("checks=%d/format=%s/way=%s", n, f.name, h.name), func(b *testing.B) {
					b.ReportAllocs()
					var size int64
					for b.Loop() {
						size = scrape(h.h, f.accept, f.encoding)
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n*seriesEach), "ns/series")
					b.ReportMetric(float64(size)/float64(n*seriesEach), "B/series")
				})
			}
		}
	}
}

// BenchmarkProfiles scrapes checks that all have one profile, and such that differ.
func BenchmarkProfiles(b *testing.B) {
	const n = 10_000
	reg := ranRegistry(b, n)
	mixed := ranRegistry(b, n)
	changes := healthcheck.Changes{}
	for i, s := range mixed.Snapshot().States {
		c := *s.Check
		c.Metrics = string(collector.Profiles()[i%3])
		changes.Update = append(changes.Update, c)
	}
	require.NoError(b, mixed.Apply(changes))
	for _, p := range append(collector.Profiles(), "mixed") {
		from := reg
		if p == "mixed" {
			from = mixed
		}
		h := collector.Handler(collector.New(from, collector.WithProfile(p)), collector.HandlerOptions{})
		b.Run("profile="+string(p), func(b *testing.B) {
			b.ReportAllocs()
			var size int64
			for b.Loop() {
				size = scrape(h, acceptText, "")
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/check")
			b.ReportMetric(float64(size)/n, "B/check")
		})
	}
}
