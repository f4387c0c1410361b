package collector

import (
	"math"
	"slices"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// view is what one scrape sees: a snapshot, and for each of its checks the labels as bytes. The bytes are made once
// per definition, and carried over from scrape to scrape.
type view struct {
	snapshot healthcheck.Snapshot
	prepared []prepared // one for each of snapshot.States
	measured measured
}

// prepared is the part of a check's lines that does not change: {check="central",team="payments"}
type prepared struct {
	def   *healthcheck.Check
	text  string
	shape *shape
	ends  [maxEnds]uint16 // where in text the first labels end, so that another can be put behind one; 0 if unknown
}

const maxEnds = 4

// shape is a set of label names. Few shapes serve many checks.
type shape struct {
	names []string // sorted, with "check"
}

// label is a label of a single series.
type label struct {
	name, value string
}

const checkLabel = "check"

// value returns the value of one of the check's own labels.
func (p *prepared) value(name string) string {
	if name == checkLabel {
		return p.def.Endpoint
	}
	return p.def.Labels[name]
}

// matches reports whether all was prepared for just these states.
func matches(all []prepared, states []healthcheck.State) bool {
	if len(all) != len(states) {
		return false
	}
	for i := range states {
		if all[i].def != states[i].Check {
			return false
		}
	}
	return true
}

// prepare returns what belongs to states, which are sorted by endpoint as old was, taking over from old what it can.
func prepare(states []healthcheck.State, old []prepared) []prepared {
	all := make([]prepared, len(states))
	pr := preparer{shapes: make(map[string]*shape)}
	for i := range states {
		def := states[i].Check
		for len(old) > 0 && old[0].def.Endpoint < def.Endpoint {
			old = old[1:]
		}
		if len(old) > 0 && old[0].def == def {
			all[i] = old[0]
			continue
		}
		all[i] = pr.prepare(def)
	}
	return all
}

// preparer makes prepared checks, with memory of its own so that each costs one allocation.
type preparer struct {
	shapes map[string]*shape // by names
	names  []string
	text   []byte
}

func (pr *preparer) prepare(def *healthcheck.Check) prepared {
	p := prepared{def: def, shape: pr.shape(def)}
	b := pr.text[:0]
	for i, name := range p.shape.names {
		b = appendLabel(b, "{,"[min(i, 1)], label{name, p.value(name)})
		if i < maxEnds && len(b) <= math.MaxUint16 {
			p.ends[i] = uint16(len(b))
		}
	}
	pr.text = append(b, '}')
	p.text = string(pr.text)
	return p
}

func (pr *preparer) shape(def *healthcheck.Check) *shape {
	pr.names = append(pr.names[:0], checkLabel)
	for name := range def.Labels {
		pr.names = append(pr.names, name)
	}
	slices.Sort(pr.names)
	key := pr.text[:0]
	for _, name := range pr.names {
		key = append(key, name...)
		key = append(key, ',')
	}
	pr.text = key
	s := pr.shapes[string(key)]
	if s == nil {
		s = &shape{names: slices.Clone(pr.names)}
		pr.shapes[string(key)] = s
	}
	return s
}

func appendLabel(b []byte, separator byte, l label) []byte {
	b = append(b, separator)
	b = append(b, l.name...)
	b = append(b, `="`...)
	b = appendEscaped(b, l.value)
	return append(b, '"')
}

// appendWith appends the labels of the check and extra ones, in sorted order.
func (p *prepared) appendWith(b []byte, extra []label) []byte {
	names, start := p.shape.names, len(b)
	from, before := 0, 0 // what of text is written, and how many names sort before l
	for _, l := range extra {
		if names[len(names)-1] < l.name { // mostly
			before = len(names)
		}
		for before < len(names) && names[before] < l.name {
			before++
		}
		end := len(p.text) - 1
		if before < len(names) {
			if before == 0 || before > maxEnds || p.ends[before-1] == 0 {
				return p.appendLabels(b[:start], extra)
			}
			end = int(p.ends[before-1])
		}
		b = append(b, p.text[from:end]...)
		b = appendLabel(b, ',', l)
		from = end
	}
	return append(b, p.text[from:]...)
}

// appendLabels is appendWith for any labels, without the help of text.
func (p *prepared) appendLabels(b []byte, extra []label) []byte {
	separator := byte('{')
	add := func(l label) {
		b = appendLabel(b, separator, l)
		separator = ','
	}
	names := p.shape.names
	for _, l := range extra {
		for len(names) > 0 && names[0] < l.name {
			add(label{names[0], p.value(names[0])})
			names = names[1:]
		}
		add(l)
	}
	for _, name := range names {
		add(label{name, p.value(name)})
	}
	return append(b, '}')
}

// appendEscaped appends a label's value as the text formats escape it.
func appendEscaped(b []byte, s string) []byte {
	from := 0
	for i := range len(s) {
		var esc byte
		switch s[i] {
		case '\\':
			esc = '\\'
		case '"':
			esc = '"'
		case '\n':
			esc = 'n'
		default:
			continue
		}
		b = append(b, s[from:i]...)
		b = append(b, '\\', esc)
		from = i + 1
	}
	return append(b, s[from:]...)
}

// measured is the set of measures in a snapshot.
type measured struct {
	measures []*healthcheck.Measure // one for each name
	shown    []family
	order    []*family
}

// find looks through the values of all checks. Checks of a kind have the same measures in the same places, so mostly
// one comparison a value is enough.
func (m *measured) find(states []healthcheck.State) {
	m.measures = m.measures[:0]
	var before []healthcheck.Value
	for i := range states {
		values := states[i].Values()
		for j := range values {
			if j < len(before) && before[j].Measure == values[j].Measure {
				continue
			}
			m.note(values[j].Measure)
		}
		if values != nil {
			before = values
		}
	}
}

func (m *measured) note(measure *healthcheck.Measure) {
	for _, known := range m.measures {
		if known == measure || known.Name() == measure.Name() {
			return
		}
	}
	m.measures = append(m.measures, measure)
}

// has reports whether a metric has the name of a measure.
func (m *measured) has(name string) bool {
	for _, known := range m.measures {
		if name == prefix+known.Name() {
			return true
		}
	}
	return false
}

// families returns the families of all checks: the fixed ones, and one for each measure. A measure with the name of a
// fixed family is left out: it must not spoil the scrape.
func (v *view) families() []*family {
	m := &v.measured
	m.order = m.order[:0]
	for i := range checkFamilies {
		m.order = append(m.order, &checkFamilies[i])
	}
	m.shown = slices.Grow(m.shown[:0], len(m.measures)) // no growth below: order points into it
	for _, measure := range m.measures {
		if !fixedNames[prefix+measure.Name()] {
			m.shown = append(m.shown, measureFamily(measure))
			m.order = append(m.order, &m.shown[len(m.shown)-1])
		}
	}
	return m.order
}
