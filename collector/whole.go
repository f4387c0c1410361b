package collector

import (
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// wholeFamilies returns the families that are not of one check.
func wholeFamilies(s *healthcheck.Snapshot) []*dto.MetricFamily {
	var okay, failing, unknown int
	for i := range s.States {
		switch st := &s.States[i]; {
		case !st.Decided():
			unknown++
		case st.Failing():
			failing++
		default:
			okay++
		}
	}
	overall := 0.0
	if s.Level != healthcheck.FAIL {
		overall = 1
	}
	r := &s.Runner
	return []*dto.MetricFamily{
		gauges(prefix+"time_seconds", "Unix time of the scrape by the clock of the exporter.", one(unixTime(s.Time).float())),
		gauges(prefix+"overall_status", "Whether /status answers 200: 1 for yes, 0 for no.", one(overall)),
		gauges(prefix+"checks", "Number of checks by state.",
			labelled("status", "fail", float64(failing)),
			labelled("status", "ok", float64(okay)),
			labelled("status", "unknown", float64(unknown))),
		gauges(prefix+"runner_running_checks", "Runs of checks under way, within their timeout.", one(float64(r.Running))),
		gauges(prefix+"runner_max_running_checks", "How many runs may be under way at once; 0 while no runner is active.", one(float64(r.Limit))),
		gauges(prefix+"runner_stuck_checks", "Runs past their timeout that have not returned.", one(float64(r.Stuck))),
		histogram(prefix+"runner_start_delay_seconds", "How late runs start after they are due, in seconds.", r.StartDelay, s.Since),
		counter(prefix+"runner_panics_total", "Panics recovered in checks.", float64(r.Panics), s.Since),
	}
}

// fixedSeries are the names of the series of all families but those of measures, which may not have one of them.
var fixedSeries = func() map[string]bool {
	names := make(map[string]bool)
	add := func(name string, kind dto.MetricType) {
		for _, name := range seriesNames(name, kind) {
			names[name] = true
		}
	}
	add(durationsName, dto.MetricType_HISTOGRAM)
	for _, f := range checkFamilies {
		kind := dto.MetricType_GAUGE
		if f.start != nil {
			kind = dto.MetricType_COUNTER
		}
		add(f.name, kind)
	}
	for _, f := range wholeFamilies(&healthcheck.Snapshot{}) {
		add(f.GetName(), f.GetType())
	}
	return names
}()

// seriesNames returns the names that a family takes for itself and its series, in any format.
func seriesNames(name string, kind dto.MetricType) []string {
	switch kind {
	case dto.MetricType_COUNTER:
		return []string{name, strings.TrimSuffix(name, "_total")} // the latter is the family in OpenMetrics
	case dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM, dto.MetricType_SUMMARY:
		return []string{name, name + "_bucket", name + "_count", name + "_sum"}
	default:
		return []string{name}
	}
}

func one(v float64) *dto.Metric { return &dto.Metric{Gauge: &dto.Gauge{Value: &v}} }

func labelled(name, value string, v float64) *dto.Metric {
	return &dto.Metric{Label: []*dto.LabelPair{{Name: &name, Value: &value}}, Gauge: &dto.Gauge{Value: &v}}
}

func gauges(name, help string, metrics ...*dto.Metric) *dto.MetricFamily {
	return &dto.MetricFamily{Name: &name, Help: &help, Type: dto.MetricType_GAUGE.Enum(), Metric: metrics}
}

func counter(name, help string, v float64, since time.Time) *dto.MetricFamily {
	return &dto.MetricFamily{
		Name: &name, Help: &help, Type: dto.MetricType_COUNTER.Enum(),
		Metric: []*dto.Metric{{Counter: &dto.Counter{Value: &v, CreatedTimestamp: startTime(since)}}},
	}
}

// histogram takes a copy of h: a registry keeps the message for longer than the snapshot lives that h is in.
func histogram(name, help string, h healthcheck.Histogram, since time.Time) *dto.MetricFamily {
	m := &dto.Histogram{SampleCount: &h.Count, SampleSum: &h.Sum, CreatedTimestamp: startTime(since)}
	h.Buckets = slices.Clone(h.Buckets)
	for i := range h.Bounds {
		m.Bucket = append(m.Bucket, &dto.Bucket{UpperBound: &h.Bounds[i], CumulativeCount: &h.Buckets[i]})
	}
	return &dto.MetricFamily{
		Name: &name, Help: &help, Type: dto.MetricType_HISTOGRAM.Enum(),
		Metric: []*dto.Metric{{Histogram: m}},
	}
}
