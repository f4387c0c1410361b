package exporter

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
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
	}
	r.MustRegister(m.successful, m.successTime, version.NewCollector(metricPrefix))
	return m
}
