package discovery

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Stats are those of one source of a check.
type Stats struct {
	Check string
	// Source is the kind and the index among the check's sources: "dns[1]".
	Source string
	// Static tells that the targets are written out, so that there is nothing that may fail.
	Static bool
	// Targets is how many targets relabelling leaves of those that the source has.
	Targets int
	// Dropped is how many of them are no checks: beyond the most that may be, or refused by the receiver.
	Dropped int
	// Failures counts what could not be read, or not be believed.
	Failures uint64
	// LastSuccess is when the source last had everything. The zero time means never.
	LastSuccess time.Time
}

// Stats returns those of all sources, in the order of the specs.
func (m *Manager) Stats() []Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	var stats []Stats
	for _, name := range m.order {
		c := m.checks[name]
		for _, s := range c.subs {
			stats = append(stats, Stats{
				Check: name, Source: s.name(), Static: s.feed.kind.open == nil,
				Targets: s.kept, Dropped: c.dropped[s.index] + c.refused[s.index],
				Failures: s.feed.failures, LastSuccess: s.feed.lastSuccess,
			})
		}
	}
	return stats
}

var (
	targetsDesc = prometheus.NewDesc("healthcheck_exporter_discovery_targets",
		"Number of targets that a source has, after relabelling.", []string{"check", "source"}, nil)
	droppedDesc = prometheus.NewDesc("healthcheck_exporter_discovery_dropped_targets",
		"Number of targets of a source that are no checks: beyond max_targets, or with an endpoint that is taken.", []string{"check", "source"}, nil)
	failuresDesc = prometheus.NewDesc("healthcheck_exporter_discovery_failures_total",
		"Number of answers of a source that could not be read, or not be believed.", []string{"check", "source"}, nil)
	successDesc = prometheus.NewDesc("healthcheck_exporter_discovery_last_success_timestamp_seconds",
		"When a source last had everything.", []string{"check", "source"}, nil)
)

// Collector returns a collector of the [Stats]. Sources that cannot fail have no failures; one that never had a success
// has no time of it.
func (m *Manager) Collector() prometheus.Collector { return collector{m} }

type collector struct{ manager *Manager }

func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{targetsDesc, droppedDesc, failuresDesc, successDesc} {
		ch <- d
	}
}

func (c collector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.manager.Stats() {
		gauge := func(d *prometheus.Desc, value float64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, s.Check, s.Source)
		}
		gauge(targetsDesc, float64(s.Targets))
		gauge(droppedDesc, float64(s.Dropped))
		if s.Static {
			continue
		}
		ch <- prometheus.MustNewConstMetric(failuresDesc, prometheus.CounterValue, float64(s.Failures), s.Check, s.Source)
		if !s.LastSuccess.IsZero() {
			gauge(successDesc, float64(s.LastSuccess.UnixMilli())/1000)
		}
	}
}
