package exporter

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// MetricsHandler serves the metrics of the checks in registry, and of the Go runtime and the process, for a program
// that has no /metrics yet:
//
//	server.Handle("/metrics", exporter.MetricsHandler(healthcheck.Default()))
//
// A program with a prometheus.Registry of its own registers a collector.Collector there instead.
func MetricsHandler(registry *healthcheck.Registry, options ...collector.Option) http.Handler {
	return metricsHandler(collector.New(registry, options...), newProcessMetrics(), collector.HandlerOptions{})
}

// newProcessMetrics returns a registry with what every Prometheus client shows of itself.
func newProcessMetrics() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return r
}

func metricsHandler(c *collector.Collector, own *prometheus.Registry, o collector.HandlerOptions) http.Handler {
	o.Others = own
	return promhttp.InstrumentMetricHandler(own, collector.Handler(c, o))
}

// reloadMetrics tell how the last reading of the configuration went.
type reloadMetrics struct {
	successful, successTime prometheus.Gauge
	valid                   *prometheus.GaugeVec
}

const metricPrefix = "healthcheck_exporter"

func newReloadMetrics(r prometheus.Registerer) *reloadMetrics {
	m := &reloadMetrics{
		successful: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: metricPrefix + "_config_last_reload_successful",
			Help: "Whether the last attempt to read the configuration succeeded: 1 for yes, 0 for no.",
		}),
		successTime: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: metricPrefix + "_config_last_reload_success_timestamp_seconds",
			Help: "Unix time of the last time that the configuration was read with success.",
		}),
		valid: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: metricPrefix + "_config_file_valid",
			Help: "Whether a configuration file was without mistakes when it was last read: 1 for yes, 0 for no.",
		}, []string{"file"}),
	}
	r.MustRegister(m.successful, m.successTime, m.valid, version.NewCollector(metricPrefix))
	return m
}

// files sets the metric of each file, and removes those of files that are no more.
func (m *reloadMetrics) files(files []config.File) {
	m.valid.Reset()
	for _, f := range files {
		valid := 0.0
		if f.Err == nil {
			valid = 1
		}
		m.valid.WithLabelValues(strings.ToValidUTF8(f.Path, "\uFFFD")).Set(valid)
	}
}
