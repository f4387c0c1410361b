package settings

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

const (
	maxDuration     = 365 * 24 * time.Hour // so that no sum of times overflows
	maxThreshold    = 1_000_000
	maxEndpoint     = 128 // bytes
	maxDependencies = 1000
)

// validateDefaults validates the defaults of the file at root.
func (r *Reader) validateDefaults(root document.Place, d *defaults) {
	at, _ := root.Locate("defaults")
	defer r.Pop(r.Push("defaults", -1, at.Pos))
	r.showLabels(at, d.Labels)
	r.validateTimes(at, d.Interval, d.Timeout, d.FailingInterval)
	r.validateThresholds(at, d.FailureThreshold, d.SuccessThreshold)
	r.validateLabels(at, d.Labels)
}

// validate reports mistakes in the settings of a check, but for those that other checks have a part in.
func (r *Reader) validate(c *Check, s *check) {
	r.validateEndpoint(c, s.Endpoint)
	r.validateTimes(c.Place, s.Interval, s.Timeout, s.FailingInterval)
	r.validateWithin(c.Place, s)
	if s.InitialDelay < 0 || s.InitialDelay > maxDuration {
		r.reportField(c.Place, "initial_delay", fmt.Errorf("%s is not between 0s and %s", c.Place.Raw("initial_delay"), days(maxDuration)))
	}
	r.validateThresholds(c.Place, s.FailureThreshold, s.SuccessThreshold)
	r.validateLabels(c.Place, s.Labels)
	r.validateNoGroup(c)
	if len(s.DependsOn) > maxDependencies {
		r.reportField(c.Place, "depends_on", fmt.Errorf("more than %d dependencies", maxDependencies))
		s.DependsOn = nil
	}
}

// validateNoGroup reports what only a check with targets may say.
func (r *Reader) validateNoGroup(c *Check) {
	if r.plain {
		return
	}
	for _, key := range targetKeys {
		if at, ok := document.FindKey(c.Place.Node, key); ok {
			r.ReportAt(at.Pos, key, errNeedsTargets)
		}
	}
}

// reportField reports a mistake in a field of the current node, which is at p.
func (r *Reader) reportField(p document.Place, field string, err error) {
	at, _ := p.Locate(field)
	r.ReportAt(at.Pos, field, err)
}

func (r *Reader) validateEndpoint(c *Check, endpoint string) {
	switch {
	case r.Failed(c.mark[0], "endpoint"):
	case endpoint == "":
		r.reportField(c.Place, "endpoint", errors.New(`is missing; it is the unique name of the check, such as "database"`))
	case !validEndpoint(endpoint):
		r.reportField(c.Place, "endpoint", fmt.Errorf(
			"%q cannot name a check: want 1 to %d letters, digits, dots, underscores and hyphens, not only dots",
			document.Shorten(c.Place.Raw("endpoint")), maxEndpoint))
	default:
		c.Named = true
	}
}

func validEndpoint(s string) bool {
	for i := range len(s) {
		if s[i] != '.' && !document.WordByte(s[i]) {
			return false
		}
	}
	return len(s) <= maxEndpoint && strings.Trim(s, ".") != "" // a path segment of dots goes elsewhere
}

// validateTimes checks the durations of a check, or of the defaults. Nil ones are not given.
func (r *Reader) validateTimes(p document.Place, interval, timeout, failing *time.Duration) {
	between := func(field string, low time.Duration, d *time.Duration) {
		if d != nil && (*d < low || *d > maxDuration) {
			r.reportField(p, field, fmt.Errorf("%s is not between %s and %s", p.Raw(field), low, days(maxDuration)))
		}
	}
	between("interval", healthcheck.MinInterval, interval)
	if failing != nil && *failing != 0 {
		between("failing_interval", healthcheck.MinInterval, failing)
	}
	between("timeout", time.Millisecond, timeout)
}

// validateWithin reports what a check says itself and what is longer than its interval.
func (r *Reader) validateWithin(p document.Place, s *check) {
	if _, written := p.Locate("interval"); written && s.Interval == nil {
		return // it could not be read
	}
	effective := first(defaultInterval, s.Interval, r.file.Defaults.Interval)
	// A default is cut to the interval, but whoever writes both of them means both.
	within := func(field string, d *time.Duration) {
		if d == nil || *d <= effective || *d > maxDuration || effective <= 0 {
			return
		}
		of := effective.String()
		if s.Interval != nil {
			of = p.Raw("interval")
		}
		r.reportField(p, field, fmt.Errorf("%s is longer than the interval of %s", p.Raw(field), of))
	}
	within("timeout", s.Timeout)
	within("failing_interval", s.FailingInterval)
}

func (r *Reader) validateThresholds(p document.Place, failure, success *int) {
	positive := func(field string, n *int) {
		if n != nil && (*n < 1 || *n > maxThreshold) {
			r.reportField(p, field, fmt.Errorf("%s is not between 1 and %d", p.Raw(field), maxThreshold))
		}
	}
	positive("failure_threshold", failure)
	positive("success_threshold", success)
}

// validateLabels applies the rules of [healthcheck.Check.Validate] to each label, to know its line.
func (r *Reader) validateLabels(p document.Place, labels map[string]string) {
	if len(labels) == 0 || labelError(labels) == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if r.Full() {
			return
		}
		if err := labelError(map[string]string{name: labels[name]}); err != nil {
			r.reportField(p, document.FormatPath([]document.Segment{{Key: "labels", Index: -1}, {Key: name, Index: -1}}), err)
		}
	}
}

func labelError(labels map[string]string) error {
	probe := healthcheck.Check{Endpoint: "x", Checker: healthcheck.CheckFunc(nil), Labels: labels}
	return probe.Validate()
}

func days(d time.Duration) string { return fmt.Sprintf("%dd", d/(24*time.Hour)) }
