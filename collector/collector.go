// Package collector exports the last outcomes of a healthcheck.Registry as Prometheus metrics. Collecting runs no
// check and waits for none.
//
// There are two ways out. A [Collector] is a prometheus.Collector for anybody's registry. [Handler] serves the same
// metrics of the same collector many times faster, by writing lines instead of building messages; it is what an
// exporter with many checks wants.
package collector

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Collector is a prometheus.Collector over a registry. It is unchecked, which means that Describe sends nothing: checks
// may have different labels, and come and go. It is safe for concurrent use, and several registries and handlers may
// share one.
type Collector struct {
	registry  *healthcheck.Registry
	durations *durations // nil without a histogram

	mu       sync.Mutex
	prepared []prepared // of the last scrape; never written again
}

var _ prometheus.Collector = (*Collector)(nil)

// Option is an option of [New].
type Option func(*Collector)

// New returns a collector over a registry, such as healthcheck.Default().
func New(registry *healthcheck.Registry, options ...Option) *Collector {
	c := &Collector{registry: registry}
	for _, o := range options {
		o(c)
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector. All series of one check are of one outcome.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	v := c.acquire()
	defer v.release()
	families := v.families()
	descs := make([]*prometheus.Desc, len(families))
	for i, f := range families {
		descs[i] = prometheus.NewDesc(f.name, f.help, nil, nil)
	}
	s := &metricSink{ch: ch}
	for i := range v.snapshot.States {
		s.check(&v.prepared[i])
		for j, f := range families {
			s.desc, s.isCounter = descs[j], f.counter
			f.each(s, &v.snapshot.States[i])
		}
	}
	for _, f := range wholeFamilies(&v.snapshot) {
		desc := prometheus.NewDesc(f.GetName(), f.GetHelp(), nil, nil)
		for _, m := range f.GetMetric() {
			ch <- &ready{desc: desc, metric: m}
		}
	}
	if c.durations != nil {
		c.durations.collect(&v.snapshot, ch)
	}
}

// views are used again, but kept by nobody: their snapshots are large, and needed for the moment of a scrape only.
var views = sync.Pool{New: func() any { return new(view) }}

// acquire returns a fresh view; release gives its memory back.
func (c *Collector) acquire() *view {
	v := views.Get().(*view)
	c.registry.SnapshotInto(&v.snapshot)
	c.mu.Lock()
	if !matches(c.prepared, v.snapshot.States) {
		c.prepared = prepare(v.snapshot.States, c.prepared)
	}
	v.prepared = c.prepared
	c.mu.Unlock()
	v.measured.find(v.snapshot.States)
	return v
}

func (v *view) release() {
	v.prepared = nil
	views.Put(v)
}

// metricSink makes a prometheus.Metric of each sample.
type metricSink struct {
	ch        chan<- prometheus.Metric
	desc      *prometheus.Desc
	isCounter bool
	labels    []*dto.LabelPair // of the check
	block     []sampleMetric
}

// metricBlock is how many metrics are allocated together; a block lives as long as any of them.
const metricBlock = 64

func (s *metricSink) check(p *prepared) {
	names := p.shape.names
	values, pairs := make([]string, len(names)), make([]dto.LabelPair, len(names))
	s.labels = make([]*dto.LabelPair, len(names))
	for i := range names {
		values[i] = p.value(names[i])
		pairs[i].Name, pairs[i].Value = &names[i], &values[i]
		s.labels[i] = &pairs[i]
	}
}

func (s *metricSink) sample(n number) { s.send(n, s.labels) }

func (s *metricSink) sampleWith(n number, l label) {
	s.sampleWithAll(n, extra{array: [maxExtra]label{l}, len: 1})
}

func (s *metricSink) sampleWithAll(n number, e extra) { s.send(n, withLabels(s.labels, e)) }

func (s *metricSink) send(n number, labels []*dto.LabelPair) {
	if len(s.block) == 0 {
		s.block = make([]sampleMetric, metricBlock)
	}
	m := &s.block[0]
	s.block = s.block[1:]
	m.desc, m.labels, m.value = s.desc, labels, n.float()
	if s.isCounter {
		m.counter.Value = &m.value
	} else {
		m.gauge.Value = &m.value
	}
	m.isCounter = s.isCounter
	s.ch <- m
}

// withLabels returns a sorted copy of pairs with more labels: registries compare series by sorted labels.
func withLabels(pairs []*dto.LabelPair, e extra) []*dto.LabelPair {
	held := &struct {
		extra
		pairs [len(e.array)]dto.LabelPair
	}{extra: e}
	all := make([]*dto.LabelPair, 0, len(pairs)+e.len)
	for i := range e.len {
		l := &held.array[i]
		for len(pairs) > 0 && pairs[0].GetName() < l.name {
			all, pairs = append(all, pairs[0]), pairs[1:]
		}
		held.pairs[i].Name, held.pairs[i].Value = &l.name, &l.value
		all = append(all, &held.pairs[i])
	}
	return append(all, pairs...)
}

// sampleMetric is a metric with its message in it, so that Write allocates nothing.
type sampleMetric struct {
	desc      *prometheus.Desc
	labels    []*dto.LabelPair
	value     float64
	isCounter bool
	gauge     dto.Gauge
	counter   dto.Counter
}

// Desc implements prometheus.Metric.
func (m *sampleMetric) Desc() *prometheus.Desc { return m.desc }

// Write implements prometheus.Metric.
func (m *sampleMetric) Write(out *dto.Metric) error {
	out.Label = m.labels
	if m.isCounter {
		out.Counter = &m.counter
	} else {
		out.Gauge = &m.gauge
	}
	return nil
}

// ready is a metric whose message exists already.
type ready struct {
	desc   *prometheus.Desc
	metric *dto.Metric
}

// Desc implements prometheus.Metric.
func (m *ready) Desc() *prometheus.Desc { return m.desc }

// Write implements prometheus.Metric.
func (m *ready) Write(out *dto.Metric) error {
	out.Label = m.metric.GetLabel()
	out.Gauge = m.metric.GetGauge()
	out.Counter = m.metric.GetCounter()
	out.Histogram = m.metric.GetHistogram()
	return nil
}
