package collector

import (
	"encoding/binary"
	"io"
	"math"
	"sync"

	"github.com/prometheus/common/expfmt"
)

// This file writes the families of checks in the formats that Prometheus asks for, straight from a view. It is checked
// against expfmt, byte for byte.

// flushAt is when the buffer is passed on: one large write costs a seventh of many small ones.
const flushAt = 64 << 10

// buffer gathers bytes for w.
type buffer struct {
	w   io.Writer
	b   []byte
	err error // the first of w; nothing is written after it
}

var buffers = sync.Pool{New: func() any { return &buffer{b: make([]byte, 0, flushAt+flushAt/4)} }}

func newBuffer(w io.Writer) *buffer {
	b := buffers.Get().(*buffer)
	b.w, b.b, b.err = w, b.b[:0], nil
	return b
}

func (b *buffer) free() {
	b.w = nil
	buffers.Put(b)
}

// Write implements io.Writer, for what others render.
func (b *buffer) Write(p []byte) (int, error) {
	b.b = append(b.b, p...)
	b.flushIfFull()
	return len(p), b.err
}

func (b *buffer) flushIfFull() {
	if len(b.b) >= flushAt {
		b.flush()
	}
}

func (b *buffer) flush() {
	if b.err == nil && len(b.b) > 0 {
		_, b.err = b.w.Write(b.b)
	}
	b.b = b.b[:0]
}

// writeFamilies writes the families of all checks that wanted accepts in the given format. Formats that no Prometheus
// asks for are not known; the result is false then, and nothing was written.
func writeFamilies(to *buffer, v *view, format expfmt.Format, wanted func(name string) bool) bool {
	var write func(*buffer, *view, *family)
	switch format.FormatType() {
	case expfmt.TypeTextPlain:
		write = writeText
	case expfmt.TypeOpenMetrics:
		write = writeOpenMetrics
	case expfmt.TypeProtoDelim:
		write = writeProto
	default:
		return false
	}
	for _, f := range v.families() {
		if wanted(f.name) && to.err == nil {
			write(to, v, f)
		}
	}
	return true
}

// textSink writes lines.
type textSink struct {
	*buffer
	head        []byte // "# HELP ... # TYPE ...", until the first sample is written
	name        string
	check       *prepared
	openMetrics bool
}

func writeText(to *buffer, v *view, f *family)        { writeLines(to, v, f, false) }
func writeOpenMetrics(to *buffer, v *view, f *family) { writeLines(to, v, f, true) }

func writeLines(to *buffer, v *view, f *family, openMetrics bool) {
	s := &textSink{buffer: to, head: textHead(f, openMetrics), name: f.name, openMetrics: openMetrics}
	states := v.snapshot.States
	if f.value == nil {
		for i := range states {
			s.check = &v.prepared[i]
			f.samples(s, &states[i])
			if to.flushIfFull(); to.err != nil {
				return
			}
		}
		return
	}
	// The same for one series a check, which most families have: without a call for each.
	for i := range states {
		n, ok := f.value(&states[i])
		if !ok {
			continue
		}
		s.begin()
		b := append(to.b, v.prepared[i].text...)
		b = append(b, ' ')
		if openMetrics {
			b = n.appendOpenMetrics(b)
		} else {
			b = n.appendText(b)
		}
		to.b = append(b, '\n')
		if to.flushIfFull(); to.err != nil {
			return
		}
	}
}

func textHead(f *family, openMetrics bool) []byte {
	name, kind := f.name, "gauge"
	help := []byte(f.help)
	if f.counter {
		kind = "counter"
	}
	if openMetrics {
		if f.counter {
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

func (s *textSink) sample(n number) {
	s.begin()
	s.b = append(s.b, s.check.text...)
	s.end(n)
}

func (s *textSink) sampleWith(n number, e extra) {
	s.begin()
	s.b = s.check.appendWith(s.b, e.labels())
	s.end(n)
}

func (s *textSink) begin() {
	if s.head != nil {
		s.b = append(s.b, s.head...)
		s.head = nil
	}
	s.b = append(s.b, s.name...)
}

func (s *textSink) end(n number) {
	s.b = append(s.b, ' ')
	if s.openMetrics {
		s.b = n.appendOpenMetrics(s.b)
	} else {
		s.b = n.appendText(s.b)
	}
	s.b = append(s.b, '\n')
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

	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2

	typeCounter = 0
	typeGauge   = 1

	valueSize = 1 + 8 // tag and double
)

// writeProto writes a family as a length-delimited message. The length stands before the message, so the samples are
// gone through twice.
func writeProto(to *buffer, v *view, f *family) {
	size := &protoSize{}
	for i := range v.snapshot.States {
		size.start(&v.prepared[i])
		f.each(size, &v.snapshot.States[i])
	}
	if size.total == 0 {
		return
	}
	head := bytesSize(len(f.name)) + bytesSize(len(f.help)) + 2
	to.b = binary.AppendUvarint(to.b, uint64(head+size.total))
	to.b = appendProtoString(to.b, tagFamilyName, f.name)
	to.b = appendProtoString(to.b, tagFamilyHelp, f.help)
	kind := byte(typeGauge)
	if f.counter {
		kind = typeCounter
	}
	to.b = append(to.b, tagFamilyType, kind)
	s := &protoSink{buffer: to, valueTag: tagMetricGauge}
	if f.counter {
		s.valueTag = tagMetricCount
	}
	for i := range v.snapshot.States {
		s.start(&v.prepared[i])
		f.each(s, &v.snapshot.States[i])
		if to.flushIfFull(); to.err != nil {
			return
		}
	}
}

// protoSize adds up the sizes of samples.
type protoSize struct {
	total  int
	labels int // of the check
}

func (s *protoSize) start(p *prepared) { s.labels = p.protoSize() }

func (s *protoSize) sample(number) { s.total += bytesSize(s.labels + 2 + valueSize) }

func (s *protoSize) sampleWith(_ number, e extra) {
	s.total += bytesSize(s.labels + labelsSize(e.labels()) + 2 + valueSize)
}

// protoSink writes samples.
type protoSink struct {
	*buffer
	check    *prepared
	labels   int
	valueTag byte
}

func (s *protoSink) start(p *prepared) { s.check, s.labels = p, p.protoSize() }

func (s *protoSink) sample(n number) { s.write(n, nil) }

func (s *protoSink) sampleWith(n number, e extra) { s.write(n, e.labels()) }

func (s *protoSink) write(n number, extra []label) {
	b := s.b
	b = append(b, tagFamilyMetric)
	b = binary.AppendUvarint(b, uint64(s.labels+labelsSize(extra)+2+valueSize))
	for _, name := range s.check.shape.names {
		for len(extra) > 0 && extra[0].name < name {
			b, extra = appendProtoLabel(b, extra[0]), extra[1:]
		}
		b = appendProtoLabel(b, label{name, s.check.value(name)})
	}
	for _, l := range extra {
		b = appendProtoLabel(b, l)
	}
	b = append(b, s.valueTag, valueSize, tagValue)
	s.b = binary.LittleEndian.AppendUint64(b, math.Float64bits(n.float()))
}

func (p *prepared) protoSize() int {
	n := 0
	for _, name := range p.shape.names {
		n += labelSize(label{name, p.value(name)})
	}
	return n
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
