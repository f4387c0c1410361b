package collector

import (
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// This file has every metric of checks: its name, its help, the leanest profile that has it, and where its value comes from.

const prefix = "healthcheck_"

// sink takes the samples of one check, one family at a time.
type sink interface {
	// since tells when the counters whose samples follow began to count; the zero time if that is not known.
	since(t time.Time)
	sample(n number)
	sampleWith(n number, l label)              // a label beside those of the check
	sampleWithAll(n number, l []label)         // labels beside those of the check, sorted by name
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
const maxExtra = healthcheck.MaxMeasureLabels

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
	profile    rank
	labels     []string                                       // of its series, beside those of the check
	start      func(s *healthcheck.State) time.Time           // when it began to count; nil for a gauge
	value      func(s *healthcheck.State) (n number, ok bool) // of the one series without labels of its own, if any
	samples    func(to sink, s *healthcheck.State)            // several series, or with labels of their own
}

// each passes the samples of one check to a sink.
func (f *family) each(to sink, s *healthcheck.State) {
	if f.start != nil {
		to.since(f.start(s))
	}
	if f.value == nil {
		f.samples(to, s)
	} else if n, ok := f.value(s); ok {
		to.sample(n)
	}
}

// registered is when counters began to count that are there from the registration on.
func registered(s *healthcheck.State) time.Time { return s.Check.Registered() }

// checkFamilies are the families that every check has.
var checkFamilies = []family{
	{
		name:    prefix + "status",
		help:    "State of the check after its thresholds: 1 for OK, 0 for FAIL. Absent until the first run.",
		profile: lean,
		value:   func(s *healthcheck.State) (number, bool) { return flag(!s.Failing()), s.Decided() },
	},
	{
		name:    prefix + "last_run_success",
		help:    "Raw result of the last run: 1 for success, 0 for failure.",
		profile: full,
		value:   func(s *healthcheck.State) (number, bool) { return flag(!s.LastRunFailed()), s.Decided() },
	},
	{
		name:    prefix + "failure",
		help:    "Why the state of the check is FAIL, always 1. Absent while it is OK.",
		profile: lean,
		labels:  []string{"reason"},
		samples: func(to sink, s *healthcheck.State) {
			if s.Failing() {
				reason, _ := s.LastFailure()
				to.sampleWith(flag(true), plain("reason", reason.String()))
			}
		},
	},
	{
		name:    prefix + "duration_seconds",
		help:    "Duration of the last run in seconds.",
		profile: lean,
		value: func(s *healthcheck.State) (number, bool) {
			_, d := s.LastRun()
			return seconds(d), s.Ran()
		},
	},
	{
		name:    prefix + "runs_total",
		help:    "Completed runs of the check by result.",
		profile: lean,
		labels:  []string{"result"},
		start:   registered,
		samples: func(to sink, s *healthcheck.State) {
			ok, failed := s.Runs()
			to.sampleWith(count(failed), resultFail)
			to.sampleWith(count(ok), resultOK)
		},
	},
	{
		name:    prefix + "failures_total",
		help:    "Failed runs of the check by reason, from the first failure of that reason on.",
		profile: standard,
		labels:  []string{"reason"},
		start:   registered,
		samples: func(to sink, s *healthcheck.State) {
			for _, f := range s.Failures() {
				// Not the registration: Prometheus takes no start that is older than an hour or so, and this series may
				// appear much later.
				to.since(s.FailuresSince(f.Reason))
				to.sampleWith(count(f.Count), plain("reason", f.Reason.String()))
			}
		},
	},
	{
		name:    prefix + "status_changes_total",
		help:    "Changes of the state of the check between OK and FAIL.",
		profile: standard,
		start:   registered,
		value:   func(s *healthcheck.State) (number, bool) { return count(s.Changes()), true },
	},
	{
		name:    prefix + "skipped_runs_total",
		help:    "Due runs that were not started because the last one was still running, from the first on.",
		profile: standard,
		start:   (*healthcheck.State).SkippedSince,
		value: func(s *healthcheck.State) (number, bool) {
			n := s.Skipped()
			return count(n), n > 0
		},
	},
	{
		name:    prefix + "last_run_timestamp_seconds",
		help:    "Unix time of the end of the last run.",
		profile: lean,
		value: func(s *healthcheck.State) (number, bool) {
			end, _ := s.LastRun()
			return timestamp(end)
		},
	},
	{
		name:    prefix + "last_success_timestamp_seconds",
		help:    "Unix time of the end of the last run that succeeded.",
		profile: standard,
		value:   func(s *healthcheck.State) (number, bool) { return timestamp(s.LastSuccess()) },
	},
	{
		name:    prefix + "status_since_timestamp_seconds",
		help:    "Unix time of the last change of the state of the check.",
		profile: standard,
		value:   func(s *healthcheck.State) (number, bool) { return timestamp(s.Since()) },
	},
	{
		name:    prefix + "interval_seconds",
		help:    "Time between the starts of two runs in seconds.",
		profile: lean,
		value:   func(s *healthcheck.State) (number, bool) { return seconds(s.Interval()), true },
	},
	{
		name:    prefix + "timeout_seconds",
		help:    "Longest time that a run may take in seconds.",
		profile: standard,
		value:   func(s *healthcheck.State) (number, bool) { return seconds(s.Timeout()), true },
	},
	{
		name:    prefix + "blocked",
		help:    "A check that this check depends on is FAIL, always 1. Absent otherwise.",
		profile: lean,
		labels:  []string{"by"},
		samples: func(to sink, s *healthcheck.State) {
			for _, by := range s.BlockedBy() {
				to.sampleWith(flag(true), label{name: "by", value: by})
			}
		},
	},
	{
		name:    prefix + "in_maintenance",
		help:    "The check is in a maintenance window, always 1. Absent otherwise.",
		profile: lean,
		value:   func(s *healthcheck.State) (number, bool) { return flag(true), s.InMaintenance() },
	},
	{
		name:    prefix + "info",
		help:    "What is checked, always 1.",
		profile: standard,
		labels:  []string{"kind", "name", "target"},
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
		name:    prefix + m.Name(),
		help:    m.Help(),
		profile: measureProfile(m),
		samples: func(to sink, s *healthcheck.State) {
			for _, v := range s.Values() {
				if v.Measure != m && v.Measure.Name() != m.Name() {
					continue
				}
				sampleValue(to, s.Check, v)
			}
		},
	}
}

// sampleValue passes a value on, unless the check has one of its labels: such a check was there before the measure.
func sampleValue(to sink, c *healthcheck.Check, v healthcheck.Value) {
	taken := func(name string) bool {
		_, taken := c.Labels[name]
		return taken
	}
	switch v.Measure.NumLabels() {
	case 0:
		to.sample(float(v.Value))
	case 1:
		if name := v.Measure.LabelName(0); !taken(name) {
			to.sampleWith(float(v.Value), label{name: name, value: v.Label})
		}
	default:
		labels := make([]label, 0, healthcheck.MaxMeasureLabels)
		for name, value := range v.Labels() {
			if taken(name) {
				return
			}
			labels = append(labels, label{name: name, value: value})
		}
		to.sampleWithAll(float(v.Value), labels)
	}
}

// measureProfiles are the measures that a lean profile has as well, and those that only the full one has. A lean one has no
// label, so that it is one series.
var measureProfiles = map[string]rank{
	"tls_certificate_not_after_timestamp_seconds": lean,

	"filesystem_readonly":      full, // where it matters the check demands it
	"http_redirects":           full, // mostly 0
	"process_cpu_seconds":      full, // process_cpu_cores says it in a way that can be compared
	"process_zombies":          full, // mostly 0
	"http_response_body_bytes": full, // says little of what the body says
	"status_components":        full, // the number of series of component_status
	"tls_version_info":         full, // for an inventory

	"tls_chain_info":                         full, // for an inventory
	"tls_chain_key_bits":                     full, // the same
	"tls_chain_not_before_timestamp_seconds": full, // no alert needs it
	"tls_file_certificates":                  full, // for an inventory
	"tls_file_verified":                      full, // tls_certificate_verified has the worst
	"tls_ocsp_info":                          full, // for an inventory; what is wrong with a staple is a failure
	"tls_version_offered":                    full, // the same
	"tls_weak_cipher_offered":                full, // the same
	"tls_files":                              full, // the number of series of tls_file_not_after_timestamp_seconds
}

func measureProfile(m *healthcheck.Measure) rank {
	if r, ok := measureProfiles[m.Name()]; ok {
		return r
	}
	return standard
}
