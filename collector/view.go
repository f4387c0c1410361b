package collector

import (
	"math"
	"slices"
	"strings"
	"unsafe"

	dto "github.com/prometheus/client_model/go"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// view is what one scrape sees: a snapshot, and for each of its checks the labels as bytes. The bytes are made once
// per definition, and carried over from scrape to scrape.
type view struct {
	snapshot healthcheck.Snapshot
	borrowed bool       // the memory of snapshot is the source's
	prepared []prepared // one for each of snapshot.States
	leanest  rank       // of prepared
	fullest  rank       // of prepared
	measured measured
}

// size returns how many bytes the view holds that no other does.
func (v *view) size() int { return cap(v.snapshot.States) * int(unsafe.Sizeof(healthcheck.State{})) }

// shows reports whether the i-th check has a family.
func (v *view) shows(f *family, i int) bool {
	return f.profile <= v.leanest || f.profile <= v.prepared[i].profile
}

// prepared is the part of a check's lines that does not change: {check="central",team="payments"}
type prepared struct {
	def     *healthcheck.Check
	text    string
	shape   *shape
	ends    [maxEnds]uint16 // where in text the first labels end, so that another can be put behind one; 0 if unknown
	plain   bool            // kind, name and target need no escaping
	profile rank
	proto   uint32 // size of the labels in the protobuf format
}

const maxEnds = 4

// shape is a set of label names. Few shapes serve many checks.
type shape struct {
	names []string // sorted, with "check"
}

// label is a label of a single series.
type label struct {
	name, value string
	plain       bool   // value is known to need no escaping
	text        string // as a line has it behind another label; may be empty
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

// profiles returns the leanest and the fullest profile of checks.
func profiles(all []prepared) (leanest, fullest rank) {
	leanest = full
	for i := range all {
		leanest, fullest = min(leanest, all[i].profile), max(fullest, all[i].profile)
	}
	return leanest, fullest
}

// prepare returns what belongs to states, which are sorted by endpoint as old was, taking over from old what it can. Checks
// that name no profile have the given one.
func prepare(states []healthcheck.State, old []prepared, profile rank) []prepared {
	all := make([]prepared, len(states))
	pr := preparer{shapes: make(map[string]*shape)}
	for i := range states {
		def := states[i].Check
		for len(old) > 0 && old[0].def.Endpoint < def.Endpoint {
			old = old[1:]
		}
		start := len(pr.text)
		if len(old) > 0 && old[0].def == def {
			all[i] = old[0]
			pr.text = append(pr.text, old[0].text...)
		} else {
			all[i] = pr.prepare(def)
			all[i].profile = Profile(def.Metrics).rank(profile)
		}
		pr.sizes = append(pr.sizes, len(pr.text)-start)
		if len(pr.text) >= textBlock || i == len(states)-1 {
			pr.hand(all[:i+1])
		}
	}
	return all
}

// textBlock is how many bytes of texts are allocated together, one behind the other as a scrape reads them: a processor
// fetches ahead what is read in a row.
const textBlock = 64 << 10

// preparer makes prepared checks.
type preparer struct {
	shapes map[string]*shape // by names
	names  []string
	key    []byte
	text   []byte // of the checks that were prepared last
	sizes  []int  // of their texts
}

// prepare leaves the text of the result in pr.text.
func (pr *preparer) prepare(def *healthcheck.Check) prepared {
	p := prepared{def: def, shape: pr.shape(def), plain: isPlain(def.Kind) && isPlain(def.Name) && isPlain(def.Target)}
	start, b := len(pr.text), pr.text
	for i, name := range p.shape.names {
		p.proto += uint32(labelSize(label{name: name, value: p.value(name)}))
		b = appendLabel(b, "{,"[min(i, 1)], label{name: name, value: p.value(name)})
		if size := len(b) - start; i < maxEnds && size <= math.MaxUint16 {
			p.ends[i] = uint16(size)
		}
	}
	pr.text = append(b, '}')
	return p
}

// hand gives the last of all their texts.
func (pr *preparer) hand(all []prepared) {
	last := all[len(all)-len(pr.sizes):]
	text := string(pr.text)
	for i, size := range pr.sizes {
		last[i].text, text = text[:size], text[size:]
	}
	pr.text, pr.sizes = pr.text[:0], pr.sizes[:0]
}

func (pr *preparer) shape(def *healthcheck.Check) *shape {
	pr.names = append(pr.names[:0], checkLabel)
	for name := range def.Labels {
		pr.names = append(pr.names, name)
	}
	slices.Sort(pr.names)
	key := pr.key[:0]
	for _, name := range pr.names {
		key = append(key, name...)
		key = append(key, ',')
	}
	pr.key = key
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
	b = append(b, '=', '"')
	if l.plain {
		b = append(b, l.value...)
	} else {
		b = appendEscaped(b, l.value)
	}
	return append(b, '"')
}

// places tells where labels of a single series go among those of a check. It keeps the last answers: the series of a
// family have the same labels, and few shapes serve many checks.
type places struct {
	shape  *shape
	names  [maxExtra]string
	before [maxExtra]int // how many names sort before
}

// find returns how many names of s sort before that of the i-th label.
func (pl *places) find(s *shape, i int, name string) int {
	if pl.shape != s {
		*pl = places{shape: s}
	}
	if pl.names[i] != name {
		pl.names[i] = name
		pl.before[i], _ = slices.BinarySearch(s.names, name)
	}
	return pl.before[i]
}

// appendWith appends the labels of the check and extra ones, in sorted order.
func (p *prepared) appendWith(b []byte, extra []label, pl *places) []byte {
	start, from := len(b), 0 // from: what of text is written
	for i := range extra {
		end := len(p.text) - 1
		if n := pl.find(p.shape, i, extra[i].name); n < len(p.shape.names) {
			if n == 0 || n > maxEnds || p.ends[n-1] == 0 {
				return p.appendLabels(b[:start], extra)
			}
			end = int(p.ends[n-1])
		}
		b = append(b, p.text[from:end]...)
		if l := &extra[i]; l.text != "" {
			b = append(b, l.text...)
		} else {
			b = appendLabel(b, ',', *l)
		}
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
			add(label{name: names[0], value: p.value(names[0])})
			names = names[1:]
		}
		add(l)
	}
	for _, name := range names {
		add(label{name: name, value: p.value(name)})
	}
	return append(b, '}')
}

// appendEscaped appends a label's value as the text formats escape it.
func appendEscaped(b []byte, s string) []byte {
	if isPlain(s) {
		return append(b, s...)
	}
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

// isPlain reports whether s needs no escaping. Three searches of the processor's cost less than a look at each byte.
func isPlain(s string) bool {
	return strings.IndexByte(s, '"') < 0 && strings.IndexByte(s, '\\') < 0 && strings.IndexByte(s, '\n') < 0
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

// clashes reports whether a family of others has the name of one of the collector's, or of a series in one.
func (m *measured) clashes(f *dto.MetricFamily) bool {
	for _, name := range seriesNames(f.GetName(), f.GetType()) {
		if fixedSeries[name] || m.has(name) {
			return true
		}
	}
	return false
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

// families returns the families that any check has: the fixed ones, and one for each measure.
func (v *view) families() []*family {
	m := &v.measured
	m.order = m.order[:0]
	for i := range checkFamilies {
		m.order = append(m.order, &checkFamilies[i])
	}
	m.shown = slices.Grow(m.shown[:0], len(m.measures)) // no growth below: order points into it
	for _, measure := range m.measures {
		m.shown = append(m.shown, measureFamily(measure))
		m.order = append(m.order, &m.shown[len(m.shown)-1])
	}
	return slices.DeleteFunc(m.order, func(f *family) bool { return f.profile > v.fullest })
}
