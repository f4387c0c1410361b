package healthcheck

import (
	"sync"
	"time"
)

// delayBounds are the upper bounds, in nanoseconds, of the histogram of start delays.
var delayBounds = [...]time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second,
}

var delayBoundSeconds = func() []float64 {
	s := make([]float64, len(delayBounds))
	for i, d := range delayBounds {
		s[i] = d.Seconds()
	}
	return s
}()

// delayCounts are some observed delays.
type delayCounts struct {
	buckets [len(delayBounds) + 1]uint32
	n       uint32
	sum     time.Duration
}

// delayBatch is how many delays a worker gathers before it hands them in, while it runs checks that took less than
// quickRun the last time: workers that share a lock for each run wait for each other. Before another check it hands in
// what it has, as that may take long.
const (
	delayBatch = 64
	quickRun   = 100 * time.Microsecond
)

func (c *delayCounts) observe(late time.Duration) {
	late = max(late, 0)
	i := 0
	for i < len(delayBounds) && late > delayBounds[i] {
		i++
	}
	c.buckets[i]++
	c.n++
	c.sum += late
}

// delays counts how late runs start. It lives as long as the registry, so that its counters never go back.
type delays struct {
	mu      sync.Mutex
	buckets [len(delayBounds) + 1]uint64
	sum     time.Duration
}

// add takes over what is in c, and empties it.
func (d *delays) add(c *delayCounts) {
	if c.n == 0 {
		return
	}
	d.mu.Lock()
	for i, n := range c.buckets {
		d.buckets[i] += uint64(n)
	}
	d.sum += c.sum
	d.mu.Unlock()
	*c = delayCounts{}
}

func (d *delays) read() Histogram {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := Histogram{Bounds: delayBoundSeconds, Buckets: make([]uint64, len(delayBounds)), Sum: d.sum.Seconds()}
	for i, n := range d.buckets {
		h.Count += n
		if i < len(delayBounds) {
			h.Buckets[i] = h.Count
		}
	}
	return h
}
