package collector

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/prometheus/common/expfmt"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// This file writes the families of checks in the formats that Prometheus asks for, straight from a view. It is checked
// against expfmt, byte for byte.

// familyWriter appends families to b in one format. It is told the number of the check to begin with, and returns that
// of the check to go on with when b has a page full.
type familyWriter interface {
	write(b []byte, v *view, f *family, from int) (more []byte, next int)
}

// writerFor returns the writer of a format, nil for one that no Prometheus asks for.
func writerFor(format expfmt.Format) familyWriter {
	switch format.FormatType() {
	case expfmt.TypeTextPlain:
		return &lineWriter{}
	case expfmt.TypeOpenMetrics:
		return &lineWriter{openMetrics: true}
	case expfmt.TypeProtoDelim:
		return &protoWriter{}
	}
	return nil
}

// lineWriter writes the text formats.
type lineWriter struct {
	openMetrics bool

	b      []byte
	head   []byte // "# HELP ... # TYPE ...", until the first sample of the family is written
	name   string
	check  *prepared
	places places
	last   numberText
}

func (w *lineWriter) write(b []byte, v *view, f *family, from int) ([]byte, int) {
	if from == 0 {
		w.head, w.name, w.places = textHead(f, w.openMetrics), f.name, places{}
	}
	w.b = b
	states := v.snapshot.States
	for i := from; i < len(states); i++ {
		if !v.shows(f, i) {
			continue
		}
		w.check = &v.prepared[i]
		if f.value == nil {
			f.samples(w, &states[i])
		} else if n, ok := f.value(&states[i]); ok {
			w.begin()
			w.b = append(w.b, w.check.text...)
			w.b = w.last.append(w.b, n, w.openMetrics)
		}
		if len(w.b) >= pageSize {
			return w.b, i + 1
		}
	}
	return w.b, len(states)
}

func textHead(f *family, openMetrics bool) []byte {
	name, kind := f.name, "gauge"
	help := []byte(f.help)
	if f.start != nil {
		kind = "counter"
	}
	if openMetrics {
		if f.start != nil {
			name = name[:len(name)-len("_total")]
		}
		help = appendEscaped(nil, f.help)
	} else {
		help = escapeHelp(help)
	}
	var b []byte
	b = append(b, "# HELP "+name+" "...)
	b = append(b, help...)
	return append(b, "\n# TYPE "+name+" "+kind+"\n"...)
}

// escapeHelp is appendEscaped without the quotes, as the text format wants it in HELP lines.
func escapeHelp(help []byte) []byte {
	b := make([]byte, 0, len(help))
	for _, c := range help {
		switch c {
		case '\\':
			b = append(b, '\\', '\\')
		case '\n':
			b = append(b, '\\', 'n')
		default:
			b = append(b, c)
		}
	}
	return b
}

// since implements sink. The text formats would need a line for it, and Prometheus reads none by default.
func (w *lineWriter) since(time.Time) {}

// sample implements sink.
func (w *lineWriter) sample(n number) {
	w.begin()
	w.b = append(w.b, w.check.text...)
	w.end(n)
}

// sampleWith implements sink.
func (w *lineWriter) sampleWith(n number, l label) {
	w.begin()
	w.b = w.check.appendWith(w.b, []label{l}, &w.places)
	w.end(n)
}

// sampleWithAll implements sink.
func (w *lineWriter) sampleWithAll(n number, l []label) {
	w.begin()
	w.b = w.check.appendWith(w.b, l, &w.places)
	w.end(n)
}

// sampleInfo implements sink.
func (w *lineWriter) sampleInfo(n number, c *healthcheck.Check) {
	l := infoLabels(c, w.check.plain)
	w.begin()
	w.b = w.check.appendWith(w.b, l[:], &w.places)
	w.end(n)
}

func (w *lineWriter) begin() {
	if w.head != nil {
		w.b = append(w.b, w.head...)
		w.head = nil
	}
	w.b = append(w.b, w.name...)
}

func (w *lineWriter) end(n number) {
	w.b = n.appendEnd(w.b, w.openMetrics)
}

// Field tags of io.prometheus.client (client_model's metrics.proto), as they stand on the wire: number<<3 | type.
const (
	tagFamilyName   = 1<<3 | wireBytes
	tagFamilyHelp   = 2<<3 | wireBytes
	tagFamilyType   = 3<<3 | wireVarint
	tagFamilyMetric = 4<<3 | wireBytes
	tagMetricLabel  = 1<<3 | wireBytes
	tagMetricGauge  = 2<<3 | wireBytes
	tagMetricCount  = 3<<3 | wireBytes
	tagLabelName    = 1<<3 | wireBytes
	tagLabelValue   = 2<<3 | wireBytes
	tagValue        = 1<<3 | wireFixed64 // of Gauge and of Counter
	tagCountStart   = 3<<3 | wireBytes   // created_timestamp of Counter
	tagSeconds      = 1<<3 | wireVarint  // of Timestamp (google/protobuf/timestamp.proto)
	tagNanos        = 2<<3 | wireVarint

	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2

	typeCounter = 0
	typeGauge   = 1

	valueSize = 1 + 8 // tag and double
)

// protoWriter writes length-delimited messages, one a family. The length stands before the message, so the samples are
// gone through twice.
type protoWriter struct {
	start    protoStart
	b        []byte
	check    *prepared
	labels   int // size of those of check
	valueTag byte
}

func (w *protoWriter) write(b []byte, v *view, f *family, from int) ([]byte, int) {
	states := v.snapshot.States
	if from == 0 {
		w.start = protoStart{}
		size := &protoSize{}
		for i := range states {
			if v.shows(f, i) {
				size.labels = int(v.prepared[i].proto)
				f.each(size, &states[i])
			}
		}
		if size.total == 0 {
			return b, len(states)
		}
		b = w.begin(b, f, size.total)
	}
	w.b = b
	for i := from; i < len(states); i++ {
		if !v.shows(f, i) {
			continue
		}
		w.check, w.labels = &v.prepared[i], int(v.prepared[i].proto)
		f.each(w, &states[i])
		if len(w.b) >= pageSize {
			return w.b, i + 1
		}
	}
	return w.b, len(states)
}

// begin appends all of a family but its samples, which take the given size.
func (w *protoWriter) begin(b []byte, f *family, size int) []byte {
	kind := byte(typeGauge)
	w.valueTag = tagMetricGauge
	if f.start != nil {
		kind, w.valueTag = typeCounter, tagMetricCount
	}
	head := bytesSize(len(f.name)) + bytesSize(len(f.help)) + 2
	b = binary.AppendUvarint(b, uint64(head+size))
	b = appendProtoString(b, tagFamilyName, f.name)
	b = appendProtoString(b, tagFamilyHelp, f.help)
	return append(b, tagFamilyType, kind)
}

// protoSize adds up the sizes of samples.
type protoSize struct {
	start  protoStart
	total  int
	labels int // of the check
}

// value returns the size of a gauge or counter as a field of a metric.
func (s *protoSize) value() int { return 2 + valueSize + s.start.len }

// since implements sink.
func (s *protoSize) since(t time.Time) { s.start.set(t) }

// sample implements sink.
func (s *protoSize) sample(number) { s.total += bytesSize(s.labels + s.value()) }

// sampleWith implements sink.
func (s *protoSize) sampleWith(_ number, l label) {
	s.total += bytesSize(s.labels + labelSize(l) + s.value())
}

// sampleWithAll implements sink.
func (s *protoSize) sampleWithAll(_ number, l []label) {
	s.total += bytesSize(s.labels + labelsSize(l) + s.value())
}

// sampleInfo implements sink.
func (s *protoSize) sampleInfo(_ number, c *healthcheck.Check) {
	l := infoLabels(c, false)
	s.total += bytesSize(s.labels + labelsSize(l[:]) + s.value())
}

// since implements sink.
func (w *protoWriter) since(t time.Time) { w.start.set(t) }

// sample implements sink.
func (w *protoWriter) sample(n number) { w.line(n, nil) }

// sampleWith implements sink.
func (w *protoWriter) sampleWith(n number, l label) { w.line(n, []label{l}) }

// sampleWithAll implements sink.
func (w *protoWriter) sampleWithAll(n number, l []label) { w.line(n, l) }

// sampleInfo implements sink.
func (w *protoWriter) sampleInfo(n number, c *healthcheck.Check) {
	l := infoLabels(c, false)
	w.line(n, l[:])
}

func (w *protoWriter) line(n number, extra []label) {
	b := w.b
	b = append(b, tagFamilyMetric)
	b = binary.AppendUvarint(b, uint64(w.labels+labelsSize(extra)+2+valueSize+w.start.len))
	for _, name := range w.check.shape.names {
		for len(extra) > 0 && extra[0].name < name {
			b, extra = appendProtoLabel(b, extra[0]), extra[1:]
		}
		b = appendProtoLabel(b, label{name: name, value: w.check.value(name)})
	}
	for _, l := range extra {
		b = appendProtoLabel(b, l)
	}
	b = append(b, w.valueTag, byte(valueSize+w.start.len), tagValue)
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(n.float()))
	w.b = append(b, w.start.b[:w.start.len]...)
}

// protoStart is the start of a counter as a field of its message, empty for the zero time. Many counters began together.
type protoStart struct {
	time time.Time
	b    [2 + 2*(1+binary.MaxVarintLen64)]byte
	len  int
}

func (p *protoStart) set(t time.Time) {
	if t.Equal(p.time) {
		return
	}
	p.time, p.len = t, 0
	if t.IsZero() {
		return
	}
	b := append(p.b[:0], tagCountStart, 0)
	if s := t.Unix(); s != 0 { // the default is left out, as encoders do
		b = binary.AppendUvarint(append(b, tagSeconds), uint64(s))
	}
	if ns := t.Nanosecond(); ns != 0 {
		b = binary.AppendUvarint(append(b, tagNanos), uint64(ns))
	}
	b[1] = byte(len(b) - 2)
	p.len = len(b)
}

func labelsSize(labels []label) int {
	n := 0
	for _, l := range labels {
		n += labelSize(l)
	}
	return n
}

// labelSize is the size of a label as a field of a metric.
func labelSize(l label) int { return bytesSize(bytesSize(len(l.name)) + bytesSize(len(l.value))) }

// bytesSize is the size of a field of n bytes with a one-byte tag.
func bytesSize(n int) int { return 1 + uvarintSize(uint64(n)) + n }

func uvarintSize(x uint64) int {
	n := 1
	for x >= 0x80 {
		x >>= 7
		n++
	}
	return n
}

func appendProtoLabel(b []byte, l label) []byte {
	b = append(b, tagMetricLabel)
	b = binary.AppendUvarint(b, uint64(bytesSize(len(l.name))+bytesSize(len(l.value))))
	b = appendProtoString(b, tagLabelName, l.name)
	return appendProtoString(b, tagLabelValue, l.value)
}

func appendProtoString(b []byte, tag byte, s string) []byte {
	b = append(b, tag)
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
