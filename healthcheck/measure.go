package healthcheck

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// Measure describes what a kind of check measures beside its result, such as a status code or the free space of a
// disk. The collector exports it as the gauge healthcheck_<name>. A Measure is made once, as a package-level
// variable, and shared by all checks of the kind; it is immutable.
type Measure struct {
	name, help, label string
}

// NewMeasure returns a measure. The name is that of the metric without the prefix "healthcheck_", in snake case with
// the base unit at its end ("filesystem_free_bytes"). Label is the name of the one label that tells several values of
// a run apart, or empty; no check may then have it among its labels. Measures of one name have one label, and equal ones
// are the same.
//
// NewMeasure panics on a name or label that Prometheus would not take, or that means something else already, as
// regexp.MustCompile does: both are constants of a program, never input. It is to be called before checks are
// registered: of a check that has the label by then, the measure is not exported. It is safe for concurrent use.
func NewMeasure(name, label, help string) *Measure {
	if !validLabelName(name) || help == "" || (label != "" && !validLabelName(label)) {
		panic(fmt.Sprintf("healthcheck: invalid measure %q with label %q and help %q", name, label, help))
	}
	m, err := know(&Measure{name: name, label: label, help: help})
	if err != nil {
		panic(fmt.Sprintf("healthcheck: measure %q: %s", name, err))
	}
	return m
}

// Name returns the name of the measure, without prefix.
func (m *Measure) Name() string { return m.name }

// Label returns the name of the label that tells values apart, empty where a check has only one.
func (m *Measure) Label() string { return m.label }

// Help returns one sentence on what is measured.
func (m *Measure) Help() string { return m.help }

// Value is a measured value of one run. Label is the value of the measure's label; it is left empty where the
// measure has none.
type Value struct {
	Measure *Measure
	Label   string
	Value   float64
}

// Bounds on what one run may report, so that a hostile peer cannot fill the memory of Prometheus through us.
const (
	maxValues      = 1000 // values of one run; the rest is dropped
	maxLabelLength = 256  // bytes of a label's value; cut at a rune
)

// cleanValues returns the values that can be exported: with a measure, within the bounds, and each combination of
// measure and label once (the first wins), since a duplicate would spoil the whole scrape. It works in place.
func cleanValues(values []Value) []Value {
	var seen map[valueKey]struct{}
	if len(values) > 16 { // below, comparing each with each is cheaper than a map
		seen = make(map[valueKey]struct{}, min(len(values), maxValues))
	}
	kept := values[:0]
	for _, v := range values {
		if v.Measure == nil || v.Measure.name == "" || len(kept) == maxValues {
			continue
		}
		if v.Measure.label == "" {
			v.Label = ""
		}
		v.Label = cut(v.Label, maxLabelLength)
		if !addKey(seen, kept, v) {
			continue
		}
		kept = append(kept, v)
	}
	return kept
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
