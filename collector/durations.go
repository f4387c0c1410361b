package collector

import (
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Histogram is a form of the histogram healthcheck_run_duration_seconds.
type Histogram string

// The forms. A native histogram is sent only in the protobuf format.
const (
	HistogramOff     Histogram = "off"
	HistogramNative  Histogram = "native"
	HistogramClassic Histogram = "classic"
	HistogramBoth    Histogram = "both"
)

const (
	durationsName = prefix + "run_duration_seconds"
	durationsHelp = "Durations of all runs of the check in seconds."
)

// nativeFactor is the growth from one bucket of a native histogram to the next, and nativeBuckets bounds their number.
const (
	nativeFactor  = 1.1
	nativeBuckets = 100
)

// histogramSize is about how many bytes the message of a histogram takes.
const histogramSize = 4 << 10

// WithHistogram adds the histogram of run durations, which counts runs from now on, until [Collector.Close]. It costs a
// few hundred bytes a check and, in its classic form, a series for each bucket. Of a source that does not tell of runs, as
// registries do, there is none.
func WithHistogram(h Histogram) Option {
	return func(c *Collector) {
		source, ok := c.source.(observable)
		if h == HistogramOff || h == "" || !ok {
			return
		}
		c.durations = &durations{form: h, source: source, checks: make(map[string]*checkDurations)}
		c.durations.stop = source.Observe(c.durations.observe)
	}
}

// durations holds a histogram for each check.
type durations struct {
	form   Histogram
	source observable
	stop   func()

	mu     sync.RWMutex
	checks map[string]*checkDurations // by endpoint
	most   int                        // of checks, before those that are gone are forgotten
	closed bool
}

// fewDurations is a number of histograms of which none need be looked at.
const fewDurations = 64

// close forgets everything.
func (d *durations) close() {
	d.stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.checks)
	d.closed = true // an observer may be at work
}

type checkDurations struct {
	def       *healthcheck.Check
	histogram prometheus.Histogram
}

// sameSeries reports whether checks of one endpoint count in one histogram: definitions of one registration, with the same
// labels. Another registration counts from zero, as all counters of its check do.
func sameSeries(a, b *healthcheck.Check) bool {
	return a == b || a.Registered().Equal(b.Registered()) && maps.Equal(a.Labels, b.Labels)
}

func (d *durations) observe(c *healthcheck.Check, o healthcheck.Outcome) {
	d.mu.RLock()
	h := d.checks[c.Endpoint]
	d.mu.RUnlock()
	if h == nil || h.def != c {
		if h = d.add(c); h == nil {
			return
		}
	}
	h.histogram.Observe(o.Duration.Seconds())
}

// add makes a histogram for c, or hands it that of its older definition: a reload loses no counts, unless the labels
// and with them the series have changed. It returns nil for a check whose series is gone since it ran.
func (d *durations) add(c *healthcheck.Check) *checkDurations {
	d.mu.Lock()
	defer d.mu.Unlock()
	now, ok := d.source.Lookup(c.Endpoint)
	if !ok || d.closed || !sameSeries(now.Check, c) {
		return nil
	}
	h := &checkDurations{def: now.Check}
	if old := d.checks[c.Endpoint]; old != nil && sameSeries(old.def, c) {
		h.histogram = old.histogram
	} else {
		h.histogram = d.newHistogram(c)
	}
	if len(d.checks) >= max(d.most, fewDurations) {
		// Nobody may ever scrape. Each time that half of them are new is often enough, and costs each new one a look or two.
		maps.DeleteFunc(d.checks, func(endpoint string, _ *checkDurations) bool { return d.gone(endpoint) })
		d.most = 2 * len(d.checks)
	}
	d.checks[c.Endpoint] = h
	return h
}

// gone reports whether there is no check of that name now.
func (d *durations) gone(endpoint string) bool {
	_, ok := d.source.Lookup(endpoint)
	return !ok
}

func (d *durations) newHistogram(c *healthcheck.Check) prometheus.Histogram {
	labels := prometheus.Labels{checkLabel: c.Endpoint}
	maps.Copy(labels, c.Labels)
	o := prometheus.HistogramOpts{Name: durationsName, Help: durationsHelp, ConstLabels: labels}
	if d.form != HistogramNative {
		o.Buckets = prometheus.DefBuckets
	}
	if d.form != HistogramClassic {
		o.NativeHistogramBucketFactor = nativeFactor
		o.NativeHistogramMaxBucketNumber = nativeBuckets
		o.NativeHistogramMinResetDuration = time.Hour
	}
	return prometheus.NewHistogram(o)
}

// current returns the histograms of the checks in s as they are defined there, and forgets those of checks that are gone.
func (d *durations) current(s *healthcheck.Snapshot) []prometheus.Histogram {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]prometheus.Histogram, 0, len(d.checks))
	for i := range s.States {
		c := s.States[i].Check
		if h := d.checks[c.Endpoint]; h != nil && sameSeries(h.def, c) {
			list = append(list, h.histogram)
		}
	}
	if len(list) < len(d.checks) {
		known := make(map[string]bool, len(s.States))
		for i := range s.States {
			known[s.States[i].Check.Endpoint] = true
		}
		maps.DeleteFunc(d.checks, func(endpoint string, _ *checkDurations) bool {
			return !known[endpoint] && d.gone(endpoint) // it may have been added since the snapshot was made
		})
	}
	return list
}

func (d *durations) collect(s *healthcheck.Snapshot, ch chan<- prometheus.Metric) {
	for _, h := range d.current(s) {
		ch <- h
	}
}

// family returns the histograms as a message, none if there are none.
func (d *durations) family(s *healthcheck.Snapshot) []*dto.MetricFamily {
	name, help := durationsName, durationsHelp
	f := &dto.MetricFamily{Name: &name, Help: &help, Type: dto.MetricType_HISTOGRAM.Enum()}
	for _, h := range d.current(s) {
		m := &dto.Metric{}
		if h.Write(m) == nil { // a histogram always can
			f.Metric = append(f.Metric, m)
		}
	}
	if len(f.Metric) == 0 {
		return nil
	}
	return []*dto.MetricFamily{f}
}
