package healthcheck

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Measure describes what a kind of check measures beside its result, such as a status code or the free space of a
// disk. The collector exports it as the gauge healthcheck_<name>. A Measure is made once, as a package-level
// variable, and shared by all checks of the kind; it is immutable.
type Measure struct {
	name, help string
	labels     []string
}

// MaxMeasureLabels is how many labels of its own a measure has at most.
const MaxMeasureLabels = 3

// NewMeasure returns a measure. The name is that of the metric without the prefix "healthcheck_", in snake case with
// the base unit at its end ("filesystem_free_bytes"). Labels are the names of the labels that tell several values of
// a run apart, sorted, at most [MaxMeasureLabels]; no check may then have one of them among its labels. Measures of one
// name have the same labels, and equal ones are the same.
//
// NewMeasure panics on a name or label that Prometheus would not take, or that means something else already, as
// regexp.MustCompile does: all are constants of a program, never input. It is to be called before checks are
// registered: of a check that has such a label by then, the measure is not exported. It is safe for concurrent use.
func NewMeasure(name, help string, labels ...string) *Measure {
	invalid := func(l string) bool { return !validLabelName(l) }
	ascending := slices.IsSorted(labels) && len(slices.Compact(slices.Clone(labels))) == len(labels)
	if !validLabelName(name) || help == "" || !ascending || len(labels) > MaxMeasureLabels || slices.ContainsFunc(labels, invalid) {
		panic(fmt.Sprintf("healthcheck: invalid measure %q with labels %q and help %q", name, labels, help))
	}
	m, err := know(&Measure{name: name, labels: slices.Clone(labels), help: help})
	if err != nil {
		panic(fmt.Sprintf("healthcheck: measure %q: %s", name, err))
	}
	return m
}

// Name returns the name of the measure, without prefix.
func (m *Measure) Name() string { return m.name }

// Labels returns the names of the labels that tell values apart, sorted; none where a check has only one value. The
// caller owns the result.
func (m *Measure) Labels() []string { return slices.Clone(m.labels) }

// NumLabels returns how many labels tell values apart.
func (m *Measure) NumLabels() int { return len(m.labels) }

// LabelName returns the name of the i-th label, counted from 0.
func (m *Measure) LabelName(i int) string { return m.labels[i] }

// Help returns one sentence on what is measured.
func (m *Measure) Help() string { return m.help }

// Value returns a value of the measure, with the values of its labels in the order of their names.
func (m *Measure) Value(value float64, labels ...string) Value {
	if len(labels) < 2 {
		return Value{Measure: m, Label: strings.Join(labels, ""), Value: value}
	}
	valid := make([]string, len(labels))
	for i, l := range labels {
		valid[i] = validUTF8(l)
	}
	return Value{Measure: m, Label: strings.Join(valid, labelSeparator), Value: value}
}

// Value is a measured value of one run, made by [Measure.Value] where the measure has several labels.
type Value struct {
	Measure *Measure
	// Label is the value of the measure's label; it is left empty where the measure has none. It holds the values of
	// several labels, which [Value.Labels] tells apart.
	Label string
	Value float64
}

// labelSeparator is between the values of several labels: a byte that is in no UTF-8.
const labelSeparator = "\xff"

// Labels yields the names and values of the labels, in order of names.
func (v Value) Labels() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		rest := v.Label
		for i, name := range v.Measure.labels {
			value := rest
			if i < len(v.Measure.labels)-1 {
				value, rest, _ = strings.Cut(rest, labelSeparator)
			}
			if !yield(name, value) {
				return
			}
		}
	}
}

// Bounds on what one run may report, so that a hostile peer cannot fill the memory of Prometheus through us.
const (
	maxValues      = 1000 // values of one run; the rest is dropped
	maxLabelLength = 256  // bytes of a label's value; cut at a rune
)

// cleanValues returns the values that can be exported: with a measure, within the bounds, and each combination of
// measure and label once (the first wins), since a duplicate would spoil the whole scrape. It works in place, and
// reports whether there were more than that.
func cleanValues(values []Value) (kept []Value, more bool) {
	var seen map[valueKey]struct{}
	if len(values) > 16 { // below, comparing each with each is cheaper than a map
		seen = make(map[valueKey]struct{}, min(len(values), maxValues))
	}
	kept = values[:0]
	for _, v := range values {
		if v.Measure == nil || v.Measure.name == "" {
			continue
		}
		v.Label = cleanLabel(v.Label, len(v.Measure.labels))
		if !addKey(seen, kept, v) {
			continue
		}
		if len(kept) == maxValues {
			return kept, true
		}
		kept = append(kept, v)
	}
	return kept, false
}

// tooMany is what the details say where values are missing.
const tooMany = "more than 1000 values, the rest is dropped"

// noteTooMany returns details of at most bound bytes that end with [tooMany].
func noteTooMany(details string, bound int) string {
	if details == "" {
		return tooMany
	}
	return cut(details, bound-len("; "+tooMany)) + "; " + tooMany
}

// cleanLabel returns the values of n labels, each within the bounds.
func cleanLabel(label string, n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return cut(label, maxLabelLength)
	}
	parts := strings.SplitN(label, labelSeparator, n)
	for i := range parts {
		parts[i] = cut(parts[i], maxLabelLength)
	}
	for len(parts) < n {
		parts = append(parts, "")
	}
	return strings.Join(parts, labelSeparator)
}

type valueKey struct {
	name, label string
}

func addKey(seen map[valueKey]struct{}, kept []Value, v Value) bool {
	if seen == nil {
		for i := range kept {
			if kept[i].Measure.name == v.Measure.name && kept[i].Label == v.Label {
				return false
			}
		}
		return true
	}
	k := valueKey{v.Measure.name, v.Label}
	if _, ok := seen[k]; ok {
		return false
	}
	seen[k] = struct{}{}
	return true
}

// cut returns s as valid UTF-8 of at most n bytes, cut at a rune. It shares no memory with a longer s.
func cut(s string, n int) string {
	if len(s) > n {
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = strings.Clone(s[:n])
	}
	if v := validUTF8(s); len(v) <= n {
		return v
	}
	return strings.ToValidUTF8(s, "?") // which is no longer than s
}

func validUTF8(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// sameValues reports whether a and b hold the same values, bit for bit.
func sameValues(a, b []Value) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Measure != b[i].Measure || a[i].Label != b[i].Label ||
			math.Float64bits(a[i].Value) != math.Float64bits(b[i].Value) {
			return false
		}
	}
	return true
}
