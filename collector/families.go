package collector

import (
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// This file has every metric: its name, its help, and where its value comes from.

const prefix = "healthcheck_"

// sink takes the samples of one check, one family at a time.
type sink interface {
	sample(n number)
	sampleWith(n number, l label)              // a label beside those of the check
	sampleInfo(n number, c *healthcheck.Check) // the labels of infoLabels beside those of the check
}

// infoLabels returns kind, name and target of a check, sorted by name as labels are. Plain tells that no value needs
// escaping.
func infoLabels(c *healthcheck.Check, plain bool) [maxExtra]label {
	return [maxExtra]label{
		{name: "kind", value: c.Kind, plain: plain},
		{name: "name", value: c.Name, plain: plain},
		{name: "target", value: c.Target, plain: plain},
	}
}

// maxExtra is how many labels a series has beside those of its check, at most.
const maxExtra = 3

// plain returns a label whose value needs no escaping.
func plain(name, value string) label { return label{name: name, value: value, plain: true} }

// constant is plain for a label that many series have.
func constant(name, value string) label {
	l := plain(name, value)
	l.text = string(appendLabel(nil, ',', l))
	return l
}

var resultFail, resultOK = constant("result", "fail"), constant("result", "ok")

// family is a metric family with series for each check. It has either value or samples.
type family struct {
	name, help string
	counter    bool
	value      func(s *healthcheck.State) (n number, ok bool) // of the one series without labels of its own, if any
	samples    func(to sink, s *healthcheck.State)            // several series, or with labels of their own
}

// each passes the samples of one check to a sink.
func (f *family) each(to sink, s *healthcheck.State) {
	if f.value == nil {
		f.samples(to, s)
	} else if n, ok := f.value(s); ok {
		to.sample(n)
	}
}

// checkFamilies are the families that every check has.
var checkFamilies = []family{
	{
		name:  prefix + "status",
		help:  "State of the check after its thresholds: 1 for OK, 0 for FAIL. Absent until the first run.",
		value: func(s *healthcheck.State) (number, bool) { return flag(!s.Failing()), s.Decided() },
	},
	{
		name:  prefix + "last_run_success",
		help:  "Raw result of the last run: 1 for success, 0 for failure.",
		value: func(s *healthcheck.State) (number, bool) { return flag(!s.LastRunFailed()), s.Decided() },
	},
	{
		name: prefix + "failure",
		help: "Why the state of the check is FAIL, always 1. Absent while it is OK.",
		samples: func(to sink, s *healthcheck.State) {
			if s.Failing() {
				reason, _ := s.LastFailure()
				to.sampleWith(flag(true), plain("reason", reason.String()))
			}
		},
	},
	{
		name: prefix + "duration_seconds",
		help: "Duration of the last run in seconds.",
		value: func(s *healthcheck.State) (number, bool) {
			_, d := s.LastRun()
			return seconds(d), s.Ran()
		},
	},
	{
		name:    prefix + "runs_total",
		help:    "Completed runs of the check by result.",
		counter: true,
		samples: func(to sink, s *healthcheck.State) {
			ok, failed := s.Runs()
			to.sampleWith(count(failed), resultFail)
			to.sampleWith(count(ok), resultOK)
		},
	},
	{
		name:    prefix + "failures_total",
		help:    "Failed runs of the check by reason, from the first failure of that reason on.",
		counter: true,
		samples: func(to sink, s *healthcheck.State) {
			for _, f := range s.Failures() {
				to.sampleWith(count(f.Count), plain("reason", f.Reason.String()))
			}
		},
	},
	{
		name:    prefix + "status_changes_total",
		help:    "Changes of the state of the check between OK and FAIL.",
		counter: true,
		value:   func(s *healthcheck.State) (number, bool) { return count(s.Changes()), true },
	},
	{
		name:    prefix + "skipped_runs_total",
		help:    "Due runs that were not started because the last one was still running, from the first on.",
		counter: true,
		value: func(s *healthcheck.State) (number, bool) {
			n := s.Skipped()
			return count(n), n > 0
		},
	},
	{
		name: prefix + "last_run_timestamp_seconds",
		help: "Unix time of the end of the last run.",
		value: func(s *healthcheck.State) (number, bool) {
			end, _ := s.LastRun()
			return timestamp(end)
		},
	},
	{
		name:  prefix + "last_success_timestamp_seconds",
		help:  "Unix time of the end of the last run that succeeded.",
		value: func(s *healthcheck.State) (number, bool) { return timestamp(s.LastSuccess()) },
	},
	{
		name:  prefix + "status_since_timestamp_seconds",
		help:  "Unix time of the last change of the state of the check.",
		value: func(s *healthcheck.State) (number, bool) { return timestamp(s.Since()) },
	},
	{
		name:  prefix + "interval_seconds",
		help:  "Time between the starts of two runs in seconds.",
		value: func(s *healthcheck.State) (number, bool) { return seconds(s.Interval()), true },
	},
	{
		name:  prefix + "timeout_seconds",
		help:  "Longest time that a run may take in seconds.",
		value: func(s *healthcheck.State) (number, bool) { return seconds(s.Timeout()), true },
	},
	{
		name: prefix + "blocked",
		help: "A check that this check depends on is FAIL, always 1. Absent otherwise.",
		samples: func(to sink, s *healthcheck.State) {
			for _, by := range s.BlockedBy() {
				to.sampleWith(flag(true), label{name: "by", value: by})
			}
		},
	},
	{
		name:  prefix + "in_maintenance",
		help:  "The check is in a maintenance window, always 1. Absent otherwise.",
		value: func(s *healthcheck.State) (number, bool) { return flag(true), s.InMaintenance() },
	},
	{
		name: prefix + "info",
		help: "What is checked, always 1.",
		samples: func(to sink, s *healthcheck.State) {
			to.sampleInfo(flag(true), s.Check)
		},
	},
}

func timestamp(t time.Time) (n number, ok bool) {
	if t.IsZero() {
		return number{}, false
	}
	return unixTime(t), true
}

// measureFamily is the family of what a kind of check measures.
func measureFamily(m *healthcheck.Measure) family {
	return family{
		name: prefix + m.Name(),
		help: m.Help(),
		samples: func(to sink, s *healthcheck.State) {
			for _, v := range s.Values() {
				if v.Measure != m && v.Measure.Name() != m.Name() {
					continue
				}
				name := v.Measure.Label()
				if name == "" {
					to.sample(float(v.Value))
					continue
				}
				if _, taken := s.Check.Labels[name]; !taken && name != checkLabel {
					to.sampleWith(float(v.Value), label{name: name, value: v.Label})
				}
			}
		},
	}
}

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
		gauges(prefix+"overall_status", "Whether /status answers 200: 1 for yes, 0 for no.", one(overall)),
		gauges(prefix+"checks", "Number of checks by state.",
			labelled("status", "fail", float64(failing)),
			labelled("status", "ok", float64(okay)),
			labelled("status", "unknown", float64(unknown))),
		gauges(prefix+"runner_running_checks", "Runs of checks under way, within their timeout.", one(float64(r.Running))),
		gauges(prefix+"runner_max_running_checks", "How many runs may be under way at once; 0 while no runner is active.", one(float64(r.Limit))),
		gauges(prefix+"runner_stuck_checks", "Runs past their timeout that have not returned.", one(float64(r.Stuck))),
		histogram(prefix+"runner_start_delay_seconds", "How late runs start after they are due, in seconds.", &r.StartDelay),
		counter(prefix+"runner_panics_total", "Panics recovered in checks.", float64(r.Panics)),
	}
}

// fixedNames are the names of all families but those of measures.
var fixedNames = func() map[string]bool {
	names := map[string]bool{durationsName: true}
	for _, f := range checkFamilies {
		names[f.name] = true
	}
	for _, f := range wholeFamilies(&healthcheck.Snapshot{}) {
		names[f.GetName()] = true
	}
	return names
}()

func one(v float64) *dto.Metric { return &dto.Metric{Gauge: &dto.Gauge{Value: &v}} }

func labelled(name, value string, v float64) *dto.Metric {
	return &dto.Metric{Label: []*dto.LabelPair{{Name: &name, Value: &value}}, Gauge: &dto.Gauge{Value: &v}}
}

func gauges(name, help string, metrics ...*dto.Metric) *dto.MetricFamily {
	return &dto.MetricFamily{Name: &name, Help: &help, Type: dto.MetricType_GAUGE.Enum(), Metric: metrics}
}

func counter(name, help string, v float64) *dto.MetricFamily {
	return &dto.MetricFamily{
		Name: &name, Help: &help, Type: dto.MetricType_COUNTER.Enum(),
		Metric: []*dto.Metric{{Counter: &dto.Counter{Value: &v}}},
	}
}

func histogram(name, help string, h *healthcheck.Histogram) *dto.MetricFamily {
	m := &dto.Histogram{SampleCount: &h.Count, SampleSum: &h.Sum}
	for i := range h.Bounds {
		m.Bucket = append(m.Bucket, &dto.Bucket{UpperBound: &h.Bounds[i], CumulativeCount: &h.Buckets[i]})
	}
	return &dto.MetricFamily{
		Name: &name, Help: &help, Type: dto.MetricType_HISTOGRAM.Enum(),
		Metric: []*dto.Metric{{Histogram: m}},
	}
}
