// Package value has the measure of values that have a name of their own: what a plugin reports, what a query picks out of
// an answer. The kinds of checks that know such values share it.
package value

import "github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"

// Measure is that of all named values.
var Measure = healthcheck.NewMeasure("value", "A named value that the last run reported, such as a plugin's performance data, in base units.", "value")
