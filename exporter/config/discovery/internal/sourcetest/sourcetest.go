// Package sourcetest runs sources of targets in tests.
package sourcetest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/source"
)

// Recorder is a sink that remembers.
type Recorder struct {
	t        testing.TB
	mu       sync.Mutex
	groups   map[string][]labels.Labels
	answers  int
	failures []string
	sets     int
	news     chan struct{} // closed at the next of them
}

// Run runs the source until the test ends, and waits for it to stop.
func Run(t testing.TB, s source.Source) *Recorder {
	t.Helper()
	r, _ := RunUntil(t, s)
	return r
}

// RunUntil is [Run] with a function that stops the source, and returns when it has.
func RunUntil(t testing.TB, s source.Source) (*Recorder, func()) {
	t.Helper()
	r := &Recorder{t: t, groups: make(map[string][]labels.Labels), news: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx, r)
	}()
	stop := func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return r, stop
}

func (r *Recorder) note(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	close(r.news)
	r.news = make(chan struct{})
}

// Set implements [source.Sink].
func (r *Recorder) Set(group string, targets []labels.Labels) {
	r.note(func() {
		r.sets++
		if len(targets) == 0 {
			delete(r.groups, group)
			return
		}
		r.groups[group] = targets
	})
}

// Answered implements [source.Sink].
func (r *Recorder) Answered() { r.note(func() { r.answers++ }) }

// Failed implements [source.Sink].
func (r *Recorder) Failed(err error) {
	r.note(func() { r.failures = append(r.failures, err.Error()) })
}

// Sets returns how often a group was set.
func (r *Recorder) Sets() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sets
}

// Answers returns how often there was an answer.
func (r *Recorder) Answers() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answers
}

// Failures returns what has failed.
func (r *Recorder) Failures() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.failures)
}

// Targets returns the labels of all targets, sorted.
func (r *Recorder) Targets() []labels.Labels {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []labels.Labels
	for _, targets := range r.groups {
		all = append(all, targets...)
	}
	slices.SortFunc(all, labels.Compare)
	return all
}

// Addresses returns those of the targets, sorted.
func (r *Recorder) Addresses() []string {
	addresses := []string{}
	for _, l := range r.Targets() {
		addresses = append(addresses, l.Get(model.AddressLabel))
	}
	slices.Sort(addresses)
	return addresses
}

// Until waits for a condition.
func (r *Recorder) Until(what string, condition func() bool) {
	r.t.Helper()
	patience := time.After(time.Minute)
	for {
		r.mu.Lock()
		news := r.news
		r.mu.Unlock()
		if condition() {
			return
		}
		select {
		case <-news:
		case <-patience:
			require.FailNow(r.t, "never came: "+what, "%v %v", r.Addresses(), r.Failures())
		}
	}
}

// UntilAddresses waits for the addresses of the targets.
func (r *Recorder) UntilAddresses(want ...string) {
	r.t.Helper()
	if want == nil {
		want = []string{}
	}
	slices.Sort(want)
	r.Until("targets", func() bool { return slices.Equal(want, r.Addresses()) })
}

// UntilFailure waits for a failure, which may have been already, that says so.
func (r *Recorder) UntilFailure(text string) {
	r.t.Helper()
	r.Until("failure: "+text, func() bool {
		return slices.ContainsFunc(r.Failures(), func(failure string) bool { return strings.Contains(failure, text) })
	})
}

// UntilAnswers waits until there were n answers.
func (r *Recorder) UntilAnswers(n int) {
	r.t.Helper()
	r.Until("answer", func() bool { return r.Answers() >= n })
}
