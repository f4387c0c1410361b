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

// WithHistogram adds the histogram of run durations, which counts runs from now on. It costs a few hundred bytes a
// check and, in its classic form, a series for each bucket.
func WithHistogram(h Histogram) Option {
	return func(c *Collector) {
		if h == HistogramOff || h == "" {
			return
		}
		c.durations = &durations{form: h, registry: c.registry, checks: make(map[string]*checkDurations)}
		c.registry.Observe(c.durations.observe)
	}
}

// durations holds a histogram for each check.
type durations struct {
	form     Histogram
	registry *healthcheck.Registry

	mu     sync.RWMutex
	checks map[string]*checkDurations // by endpoint
}

type checkDurations struct {
	def       *healthcheck.Check
	histogram prometheus.Histogram
}

func (d *durations) observe(c *healthcheck.Check, o healthcheck.Outcome) {
	d.mu.RLock()
	h := d.checks[c.Endpoint]
	d.mu.RUnlock()
	if h == nil || h.def != c {
		h = d.add(c)
	}
	h.histogram.Observe(o.Duration.Seconds())
}

// add makes a histogram for c, or hands it that of its older definition: a reload loses no counts, unless the labels
// and with them the series have changed.
func (d *durations) add(c *healthcheck.Check) *checkDurations {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.checks[c.Endpoint]
	if old != nil && old.def == c {
		return old
	}
	h := &checkDurations{def: c}
	if old != nil && maps.Equal(old.def.Labels, c.Labels) {
		h.histogram = old.histogram
	} else {
		h.histogram = d.newHistogram(c)
	}
	d.checks[c.Endpoint] = h
	return h
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

// current returns the histograms of the checks in s, and forgets those of checks that are gone.
func (d *durations) current(s *healthcheck.Snapshot) []prometheus.Histogram {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]prometheus.Histogram, 0, len(d.checks))
	for i := range s.States {
		if h := d.checks[s.States[i].Check.Endpoint]; h != nil {
			list = append(list, h.histogram)
		}
	}
	if len(list) < len(d.checks) {
		known := make(map[string]bool, len(s.States))
		for i := range s.States {
			known[s.States[i].Check.Endpoint] = true
		}
		maps.DeleteFunc(d.checks, func(endpoint string, _ *checkDurations) bool {
			if known[endpoint] {
				return false
			}
			_, added := d.registry.Lookup(endpoint) // since the snapshot was made
			return !added
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
