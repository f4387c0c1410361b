// Package source holds what the sources of targets share: how they hand over what they have found, the labels of a
// target, the list of targets that files and HTTP servers answer with, and an HTTP client with bounds.
package source

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

// Source finds targets.
type Source interface {
	// Run tells sink what it finds until ctx ends, and returns when everything that it began has stopped.
	Run(ctx context.Context, sink Sink)
}

// Sink takes what a source finds. It is safe for concurrent use, and keeps what it is given.
type Sink interface {
	// Set makes targets the only ones of a group. What a group is, the source decides: a file, a name, an object. None
	// removes the group. A group that could not be read is left alone, so that it keeps its targets.
	Set(group string, targets []labels.Labels)
	// Answered says that all that there is to know was told, as of now.
	Answered()
	// Failed says that something could not be read, or not be believed. The error holds no secret.
	Failed(err error)
}

// Poll calls refresh at once and then every interval, a tenth more or less, until ctx ends.
func Poll(ctx context.Context, interval time.Duration, refresh func(context.Context)) {
	for {
		refresh(ctx)
		if !Sleep(ctx, interval+time.Duration((rand.Float64()-0.5)*0.2*float64(interval))) {
			return
		}
	}
}

// Sleep waits, and reports false if ctx has ended.
func Sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Bounds of the pause after a failure.
const (
	firstBackoff = time.Second
	lastBackoff  = time.Minute
)

// Backoff is how long to wait after failures in a row. The zero value has seen none.
type Backoff struct{ failures int }

// Next returns the pause after one more failure: a second at first, then twice the last up to a minute, each half of it
// by chance, so that those who lost the same server do not come back together.
func (b *Backoff) Next() time.Duration {
	d := lastBackoff
	if b.failures < 6 {
		d = firstBackoff << b.failures
		b.failures++
	}
	return d/2 + rand.N(d/2)
}

// Reset forgets the failures.
func (b *Backoff) Reset() { b.failures = 0 }
