package execcheck

import "github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"

// The bounds that tests reach for.
const (
	MaxLine              = maxLine
	MaxPerformanceValues = maxPerformanceValues
	MaxLabel             = maxLabel
	MaxLabels            = maxLabels
)

// ParsePlugin returns the text and the performance data of a plugin's output, and what is told of the rest.
func ParsePlugin(output []byte, cut bool) (string, []healthcheck.Value, string) {
	p := parsePlugin(output, cut, nil)
	return p.text, p.values, p.dropped.note()
}

// FirstLine is what of a program's output goes to the details.
func FirstLine(output []byte) string { return new(checker).firstLine(output) }

// Labels is the bound on the labels of one check.
type Labels struct{ set labelSet }

// Admit returns how many of the labels may become series, and what is told of the rest.
func (l *Labels) Admit(labels ...string) (int, string) {
	values := make([]healthcheck.Value, len(labels))
	for i := range labels {
		values[i].Label = labels[i]
	}
	var d dropped
	return len(l.set.admit(values, &d)), d.note()
}
