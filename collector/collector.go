// Package collector exports the last outcomes of a healthcheck.Registry as Prometheus metrics. Collecting runs no
// check and waits for none.
//
// There are two ways out. A [Collector] is a prometheus.Collector for anybody's registry. [Handler] serves the same
// metrics of the same collector many times faster, by writing lines instead of building messages; it is what an
// exporter with many checks wants.
package collector

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Source is what a [Collector] shows: a *healthcheck.Registry, or a test's snapshot that is always the same.
type Source interface {
	// Snapshot returns the states of all checks, sorted by endpoint, without running any. The collector changes nothing
	// in it.
	Snapshot() healthcheck.Snapshot
}

// Registries can do more for a collector than a [Source] must.
type (
	// reusing makes a snapshot in the memory of an older one.
	reusing interface {
		SnapshotInto(s *healthcheck.Snapshot)
	}
	// versioned tells whether there is something new to see, so that scrapes may share what they see.
	versioned interface{ Generation() uint64 }
	// observable tells of each run, as histograms of durations need.
	observable interface {
		Observe(f func(c *healthcheck.Check, o healthcheck.Outcome)) (stop func())
		Lookup(endpoint string) (healthcheck.State, bool)
	}
)

// Collector is a prometheus.Collector over a registry. It is unchecked, which means that Describe sends nothing: checks
// may have different labels, and come and go. It is safe for concurrent use, and several registries and handlers may
// share one.
type Collector struct {
	source    Source
	durations *durations // nil without a histogram
	profile   rank       // of checks that name none
	asked     atomic.Uint64

	mu       sync.Mutex
	prepared []prepared // of the last scrape; never written again
	leanest  rank       // of prepared
	fullest  rank       // of prepared
}

var _ prometheus.Collector = (*Collector)(nil)

// Option is an option of [New].
type Option func(*Collector)

// New returns a collector over a registry, such as healthcheck.Default(), or another source.
func New(source Source, options ...Option) *Collector {
	c := &Collector{source: source, profile: full}
	for _, o := range options {
		o(c)
	}
	return c
}

// Close ends the counting of [WithHistogram], for a program whose registry goes on without the collector, and forgets what
// was counted. A collector without histogram needs no Close. What is collected afterwards has no histogram.
func (c *Collector) Close() {
	if c.durations != nil {
		c.durations.close()
	}
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
	s := &metricSink{ch: ch, constant: make(map[label]*dto.LabelPair)}
	for i := range v.snapshot.States {
		s.check(&v.prepared[i])
		for j, f := range families {
			if !v.shows(f, i) {
				continue
			}
			s.desc, s.isCounter = descs[j], f.start != nil
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
	if s, ok := c.source.(reusing); ok {
		s.SnapshotInto(&v.snapshot)
	} else {
		v.snapshot, v.borrowed = c.source.Snapshot(), true
	}
	c.mu.Lock()
	if !matches(c.prepared, v.snapshot.States) {
		c.prepared = prepare(v.snapshot.States, c.prepared, c.profile)
		c.leanest, c.fullest = profiles(c.prepared)
	}
	v.prepared, v.leanest, v.fullest = c.prepared, c.leanest, c.fullest
	c.mu.Unlock()
	v.measured.find(v.snapshot.States)
	return v
}

// generation is that of the source; one that has none is new each time.
func (c *Collector) generation() uint64 {
	if s, ok := c.source.(versioned); ok {
		return s.Generation()
	}
	return c.asked.Add(1)
}

func (v *view) release() {
	v.prepared = nil
	if v.borrowed {
		v.snapshot, v.borrowed = healthcheck.Snapshot{}, false
	}
	views.Put(v)
}

// metricSink makes a prometheus.Metric of each sample. What it allocates is what a scrape this way costs beside the
// registry's own work, so metrics and labels are made many at a time, and those that many series have are made once.
type metricSink struct {
	ch        chan<- prometheus.Metric
	desc      *prometheus.Desc
	isCounter bool
	from      time.Time
	start     *timestamppb.Timestamp // of from, nil for the zero time
	labels    []*dto.LabelPair       // of the check
	constant  map[label]*dto.LabelPair
	gauges    []gaugeMetric
	counters  []counterMetric
	pairs     []dto.LabelPair
	lists     []*dto.LabelPair
}

// metricBlock is how many things are allocated together; a block lives as long as any of them.
const metricBlock = 64

func (s *metricSink) check(p *prepared) {
	names := p.shape.names
	values := make([]string, len(names))
	s.labels = s.list(len(names))
	for i := range names {
		values[i] = p.value(names[i])
		s.labels = append(s.labels, s.pair(&names[i], &values[i]))
	}
}

// next returns the next thing of a block, which is made anew when it is used up.
func next[T any](block *[]T) *T {
	if len(*block) == 0 {
		*block = make([]T, metricBlock)
	}
	p := &(*block)[0]
	*block = (*block)[1:]
	return p
}

func (s *metricSink) pair(name, value *string) *dto.LabelPair {
	p := next(&s.pairs)
	p.Name, p.Value = name, value
	return p
}

// list returns an empty list with room for n labels.
func (s *metricSink) list(n int) []*dto.LabelPair {
	if len(s.lists) < n {
		s.lists = make([]*dto.LabelPair, max(4*metricBlock, n))
	}
	list := s.lists[:0:n]
	s.lists = s.lists[n:]
	return list
}

// since implements sink.
func (s *metricSink) since(t time.Time) {
	if t != s.from {
		s.from, s.start = t, startTime(t)
	}
}

// startTime returns t as a message, nil for the zero time.
func startTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// sample implements sink.
func (s *metricSink) sample(n number) { s.send(n, s.labels) }

// sampleWith implements sink.
func (s *metricSink) sampleWith(n number, l label) { s.send(n, s.withLabels([]label{l})) }

// sampleWithAll implements sink.
func (s *metricSink) sampleWithAll(n number, l []label) { s.send(n, s.withLabels(l)) }

// sampleInfo implements sink.
func (s *metricSink) sampleInfo(n number, c *healthcheck.Check) {
	l := infoLabels(c, false)
	s.send(n, s.withLabels(l[:]))
}

func (s *metricSink) send(n number, labels []*dto.LabelPair) {
	common := sampleMetric{s.desc, labels, n.float()}
	if s.isCounter {
		m := next(&s.counters)
		m.sampleMetric = common
		m.counter.Value, m.counter.CreatedTimestamp = &m.value, s.start
		s.ch <- m
		return
	}
	m := next(&s.gauges)
	m.sampleMetric = common
	m.gauge.Value = &m.value
	s.ch <- m
}

// withLabels returns the labels of the check and more: sorted, since registries compare series by sorted labels.
func (s *metricSink) withLabels(more []label) []*dto.LabelPair {
	pairs := s.labels
	all := s.list(len(pairs) + len(more))
	for _, l := range more {
		for len(pairs) > 0 && pairs[0].GetName() < l.name {
			all, pairs = append(all, pairs[0]), pairs[1:]
		}
		all = append(all, s.labelPair(l))
	}
	return append(all, pairs...)
}

// labelPair makes a message of l. Values that need no escaping are the few that are constants.
func (s *metricSink) labelPair(l label) *dto.LabelPair {
	if p := s.constant[l]; p != nil {
		return p
	}
	p := s.pair(&l.name, &l.value)
	if l.plain {
		s.constant[l] = p
	}
	return p
}

// sampleMetric is what a gauge and a counter have in common.
type sampleMetric struct {
	desc   *prometheus.Desc
	labels []*dto.LabelPair
	value  float64
}

// Desc implements prometheus.Metric.
func (m *sampleMetric) Desc() *prometheus.Desc { return m.desc }

// gaugeMetric is a metric with its message in it, so that Write allocates nothing.
type gaugeMetric struct {
	sampleMetric
	gauge dto.Gauge
}

// Write implements prometheus.Metric.
func (m *gaugeMetric) Write(out *dto.Metric) error {
	out.Label, out.Gauge = m.labels, &m.gauge
	return nil
}

// counterMetric is as gaugeMetric, for the message of a counter, which is larger.
type counterMetric struct {
	sampleMetric
	counter dto.Counter
}

// Write implements prometheus.Metric.
func (m *counterMetric) Write(out *dto.Metric) error {
	out.Label, out.Counter = m.labels, &m.counter
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
