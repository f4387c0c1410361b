package execcheck

import "github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"

// The bounds that tests reach for.
const (
	MaxLine              = maxLine
	MaxPerformanceValues = maxPerformanceValues
)

// ParsePlugin returns the text and the performance data of a plugin's output.
func ParsePlugin(output []byte, cut bool) (string, []healthcheck.Value) {
	p := parsePlugin(output, cut)
	return p.text, p.values
}

// FirstLine is what of a program's output goes to the details.
var FirstLine = firstLine
