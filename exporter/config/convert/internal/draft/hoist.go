package draft

import (
	"slices"
	"time"
)

// hoist returns the defaults: what all checks say with one voice, or most of them where a check that says otherwise can.
// It takes it away from the checks.
func (d *Draft) hoist() *Settings {
	var checks []*Check
	for _, c := range d.items {
		if c.Kind != "" {
			checks = append(checks, c)
		}
	}
	s := &Settings{}
	if len(checks) < 2 {
		return s
	}
	s.Set("interval", hoistTime(checks, func(c *Check) *time.Duration { return &c.Interval }))
	s.Set("timeout", hoistTime(checks, func(c *Check) *time.Duration { return &c.Timeout }))
	s.Set("failing_interval", hoistTime(checks, func(c *Check) *time.Duration { return &c.FailingInterval }))
	if n := checks[0].FailureThreshold; n > 1 && !slices.ContainsFunc(checks, func(c *Check) bool { return c.FailureThreshold != n }) {
		s.Set("failure_threshold", n)
		for _, c := range checks {
			c.FailureThreshold = 0
		}
	}
	labels := &Settings{}
	for _, l := range slices.Clone(checks[0].Labels) {
		if slices.ContainsFunc(checks, func(c *Check) bool { return !slices.Contains(c.Labels, l) }) {
			continue
		}
		labels.Set(l.Name, l.Value)
		for _, c := range checks {
			c.Labels = slices.DeleteFunc(slices.Clone(c.Labels), func(other Label) bool { return other == l })
		}
	}
	return s.Set("labels", labels)
}

// hoistTime returns the most frequent value of a field that all checks set, the first of those that are, and clears it
// where it is the same. It is zero where a check does not set the field: that check would inherit it.
func hoistTime(checks []*Check, field func(*Check) *time.Duration) time.Duration {
	count := make(map[time.Duration]int)
	var most time.Duration
	for _, c := range checks {
		v := *field(c)
		if v == 0 {
			return 0
		}
		count[v]++
	}
	for _, c := range checks {
		if v := *field(c); count[v] > count[most] {
			most = v
		}
	}
	if count[most] < 2 {
		return 0
	}
	for _, c := range checks {
		if *field(c) == most {
			*field(c) = 0
		}
	}
	return most
}
