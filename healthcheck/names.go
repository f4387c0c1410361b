package healthcheck

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Names of metrics and labels are one space that the collector's own families, the measures of all kinds, the labels of
// checks, Prometheus and the alert rules share. This file says who may take what. It knows the measures from [NewMeasure]
// itself. The collector's families stand here too, since a clash must be told when a program starts and not when it is
// scraped, and the collector imports this package; a test of the collector holds the list against what it exports.

// ownFamilies are the families that are not measures, without "healthcheck_" before and "_total" behind.
var ownFamilies = []string{
	"blocked", "checks", "degraded", "duration_seconds", "failure", "failures", "flapping", "flapping_ratio", "in_maintenance",
	"info", "interval_seconds", "last_run_success", "last_run_timestamp_seconds", "last_success_timestamp_seconds",
	"overall_status", "run_duration_seconds", "runs", "skipped_runs", "status", "status_changes",
	"status_since_timestamp_seconds", "time_seconds", "timeout_seconds",
}

// ownPrefixes begin the names of families about the exporter itself.
var ownPrefixes = []string{"cluster_", "exporter_", "runner_"}

// seriesEndings are what the text formats put behind the name of a family. Any of them behind a name of ours is refused,
// whatever its type.
var seriesEndings = []string{"_bucket", "_count", "_created", "_sum", "_total"}

var (
	// ownLabels are on families that have the labels of the check too.
	ownLabels = []string{"by", "check", "kind", "name", "reason", "result", "target"}
	// ruleLabels mean something to Prometheus or to the alert rules on any series: with honor_labels a check could move its
	// alerts to another job, and the rules merge replicas over instance and pod.
	ruleLabels = []string{"alertname", "alertstate", "burn", "failing_since", "instance", "job", "le", "pod", "quantile", "threshold"}
	// ownersLabels are those that alerts are routed by. They belong to whoever writes checks, so no measure may reserve one.
	ownersLabels = []string{"cluster", "namespace", "objective", "severity", "team"}
)

// known are the measures that were made.
var known = struct {
	mu       sync.RWMutex
	measures map[string]*Measure // by name
	labels   map[string]string   // the name of the first measure, in order of names, that has the label
}{measures: make(map[string]*Measure), labels: make(map[string]string)}

// ReservedLabels lists, sorted, the label names that a check may not set, since the exporter, a measure, Prometheus or
// the alert rules give them a meaning on the same series. Measures reserve their labels when they are made: those of the
// kinds that a program imports are there from its start.
func ReservedLabels() []string {
	known.mu.RLock()
	defer known.mu.RUnlock()
	list := slices.AppendSeq(slices.Concat(ownLabels, ruleLabels), maps.Keys(known.labels))
	slices.Sort(list)
	return slices.Compact(list)
}

// Measures lists the measures that were made, one of each name, sorted by name. Those of the kinds that a program imports
// are there from its start.
func Measures() []*Measure {
	known.mu.RLock()
	defer known.mu.RUnlock()
	return slices.SortedFunc(maps.Values(known.measures), func(a, b *Measure) int { return strings.Compare(a.name, b.name) })
}

// reservedFor returns what a label name is reserved for, as the end of a sentence, or false.
func reservedFor(label string) (what string, reserved bool) {
	if slices.Contains(ownLabels, label) || slices.Contains(ruleLabels, label) {
		return "", true
	}
	known.mu.RLock()
	defer known.mu.RUnlock()
	measure, reserved := known.labels[label]
	return " for healthcheck_" + measure, reserved
}

// know adds m to the known measures, or returns what is wrong with its names. Of measures that are equal it returns the
// first.
func know(m *Measure) (*Measure, error) {
	if ownFamily(m.name) {
		return nil, fmt.Errorf("name is that of a metric of all checks, or taken for one of its series")
	}
	for _, l := range m.labels {
		if l == "check" || slices.Contains(ruleLabels, l) || slices.Contains(ownersLabels, l) {
			return nil, fmt.Errorf("label %q has a meaning on every series", l)
		}
	}
	known.mu.Lock()
	defer known.mu.Unlock()
	if old := known.measures[m.name]; old != nil {
		switch {
		case !slices.Equal(old.labels, m.labels): // a series without a label and one with an empty one are the same to Prometheus
			return nil, fmt.Errorf("there is a measure of that name with labels %q", old.labels)
		case old.help == m.help:
			return old, nil
		}
		return m, nil
	}
	known.measures[m.name] = m
	for _, l := range m.labels {
		if first, taken := known.labels[l]; !taken || m.name < first {
			known.labels[l] = m.name
		}
	}
	return m, nil
}

// ownFamily reports whether a name, without "healthcheck_", is that of one of our families or of a series in one.
func ownFamily(name string) bool {
	for _, prefix := range ownPrefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	for _, ending := range seriesEndings {
		if base, ok := strings.CutSuffix(name, ending); ok && slices.Contains(ownFamilies, base) {
			return true
		}
	}
	return slices.Contains(ownFamilies, name)
}
