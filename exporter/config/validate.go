package config

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

func (l *loader) validateDefaults(root place) {
	d := &l.settings.Defaults
	at, _ := root.locate("defaults")
	c := checkPlace{place: at, index: -1}
	l.validateTimes(c, d.Interval, d.Timeout, d.FailingInterval)
	l.validateThresholds(c, d.FailureThreshold, d.SuccessThreshold)
	l.validateLabels(c, d.Labels)
}

func (l *loader) validateEndpoint(c checkPlace, before int) {
	endpoint := l.current.Endpoint
	holder, taken := l.endpoints[endpoint]
	switch {
	case l.failed(before, "endpoint"):
		return
	case endpoint == "":
		l.reportField(c, "endpoint", errors.New(`is missing; it is the unique name of the check, such as "database"`))
		return
	case !validEndpoint(endpoint):
		l.reportField(c, "endpoint", fmt.Errorf(
			"%q cannot name a check: want 1 to %d letters, digits, dots, underscores and hyphens, not only dots",
			shorten(c.raw("endpoint")), maxEndpoint))
	case taken:
		l.reportField(c, "endpoint", fmt.Errorf("%q is already the endpoint of the check on line %d",
			shorten(c.raw("endpoint")), l.places[holder].line))
		return
	}
	l.endpoints[endpoint] = c.index
}

func validEndpoint(s string) bool {
	for i := range len(s) {
		if s[i] != '.' && !wordByte(s[i]) {
			return false
		}
	}
	return len(s) <= maxEndpoint && strings.Trim(s, ".") != "" // a path segment of dots goes elsewhere
}

// validateTimes checks the durations of a check, or of the defaults. Nil ones are not given.
func (l *loader) validateTimes(c checkPlace, interval, timeout, failing *time.Duration) {
	between := func(field string, low time.Duration, d *time.Duration) {
		if d != nil && (*d < low || *d > maxDuration) {
			l.reportField(c, field, fmt.Errorf("%s is not between %s and %s", c.raw(field), low, days(maxDuration)))
		}
	}
	between("interval", healthcheck.MinInterval, interval)
	if failing != nil && *failing != 0 {
		between("failing_interval", healthcheck.MinInterval, failing)
	}
	between("timeout", time.Millisecond, timeout)
	if c.index < 0 || timeout == nil || *timeout > maxDuration {
		return
	}
	if _, written := c.locate("interval"); written && interval == nil {
		return // it could not be read
	}
	// A default is cut to the interval, but whoever writes both of them means both.
	if effective := first(defaultInterval, interval, l.settings.Defaults.Interval); *timeout > effective && effective > 0 {
		of := effective.String()
		if interval != nil {
			of = c.raw("interval")
		}
		l.reportField(c, "timeout", fmt.Errorf("%s is longer than the interval of %s", c.raw("timeout"), of))
	}
}

func (l *loader) validateThresholds(c checkPlace, failure, success *int) {
	positive := func(field string, n *int) {
		if n != nil && (*n < 1 || *n > maxThreshold) {
			l.reportField(c, field, fmt.Errorf("%s is not between 1 and %d", c.raw(field), maxThreshold))
		}
	}
	positive("failure_threshold", failure)
	positive("success_threshold", success)
}

// validateLabels applies the rules of [healthcheck.Check.Validate] to each label, to know its line.
func (l *loader) validateLabels(c checkPlace, labels map[string]string) {
	if len(labels) == 0 || labelError(labels) == nil {
		return
	}
	for _, name := range sortedKeys(labels) {
		if err := labelError(map[string]string{name: labels[name]}); err != nil {
			l.reportField(c, formatPath([]segment{{"labels", -1}, {name, -1}}), err)
		}
	}
}

func labelError(labels map[string]string) error {
	probe := healthcheck.Check{Endpoint: "x", Checker: healthcheck.CheckFunc(nil), Labels: labels}
	return probe.Validate()
}

func days(d time.Duration) string { return fmt.Sprintf("%dd", d/(24*time.Hour)) }
