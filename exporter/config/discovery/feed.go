package discovery

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime/debug"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/source"
)

// feed is a source that runs, and what it has found. Checks whose sources are configured alike share one. Its fields are
// guarded by the manager's lock.
type feed struct {
	manager *Manager
	config  Config
	kind    kind
	groups  map[string][]labels.Labels
	stale   map[string]bool // groups of a source that has ended against its will, not told of since
	subs    []*subscription
	cancel  context.CancelFunc // nil before it runs
	closed  bool

	tried       bool // has answered or failed
	answered    bool
	lastSuccess time.Time
	failures    uint64
	logged      map[string]time.Time // failures, since all went well
}

// bucket is equal for feeds that may be configured alike.
func (k kind) bucket() string { return k.name + " " + k.subject }

// Set takes what is new in a group, and no more: the rest costs a comparison.
func (f *feed) Set(group string, targets []labels.Labels) {
	f.manager.mu.Lock()
	defer f.manager.mu.Unlock()
	if f.closed {
		return
	}
	delete(f.stale, group)
	f.set(group, targets)
}

func (f *feed) set(group string, targets []labels.Labels) {
	added, removed := difference(f.groups[group], targets)
	if len(targets) == 0 {
		delete(f.groups, group)
	} else {
		f.groups[group] = targets
	}
	if len(added)+len(removed) == 0 {
		return
	}
	for _, s := range f.subs {
		s.update(added, removed)
	}
}

// Answered notes the time, and lets checks go on that have waited.
func (f *feed) Answered() {
	if notice := f.noteAnswer(); notice != nil {
		notice()
	}
}

// noteAnswer returns what is to be logged, if anything.
func (f *feed) noteAnswer() (notice func()) {
	f.manager.mu.Lock()
	defer f.manager.mu.Unlock()
	if f.closed {
		return nil
	}
	for group := range f.stale {
		f.set(group, nil)
	}
	f.stale = nil
	f.lastSuccess = time.Now()
	if len(f.logged) > 0 {
		about := f.about()
		notice = func() { f.manager.log.Info("discovery works again", about...) }
		f.logged = nil
	}
	first := !f.answered
	f.answered = true
	f.triedOnce()
	if first {
		for _, s := range f.subs {
			s.check.release()
		}
	}
	return notice
}

// triedOnce lets checks show what is there, once all of their sources have been tried.
func (f *feed) triedOnce() {
	if f.tried {
		return
	}
	f.tried = true
	for _, s := range f.subs {
		f.manager.look(s.check)
	}
}

// Bounds of what is logged of failures: when the same is said again, how many are told apart, and bytes of one.
const (
	reminder       = time.Hour
	maxLogged      = 20
	maxFailureText = 400
)

// Failed counts, and logs what was not logged within the hour.
func (f *feed) Failed(err error) {
	text := err.Error()
	if len(text) > maxFailureText {
		text = text[:maxFailureText] + "…"
	}
	if about := f.noteFailure(text); about != nil {
		f.manager.log.Warn("discovery failed; what was found before stays", append(about, "err", text)...)
	}
}

// noteFailure returns what a line in the log is about, or nil if there is to be none.
func (f *feed) noteFailure(text string) []any {
	f.manager.mu.Lock()
	defer f.manager.mu.Unlock()
	if f.closed {
		return nil
	}
	f.failures++
	f.triedOnce()
	key := longNumbers.ReplaceAllString(text, "#")
	now := time.Now()
	if last, ok := f.logged[key]; ok && now.Sub(last) < reminder || !ok && len(f.logged) >= maxLogged {
		return nil
	}
	if f.logged == nil {
		f.logged = make(map[string]time.Time)
	}
	f.logged[key] = now
	return f.about()
}

// longNumbers are those that make each failure another: the port of a connection's near end.
var longNumbers = regexp.MustCompile(`[0-9]{5,}`)

// about returns what a line in the log is about: the first of the checks, and which of its sources.
func (f *feed) about() []any {
	if len(f.subs) == 0 {
		return []any{"source", f.kind.name}
	}
	return []any{"check", f.subs[0].check.spec.Check, "source", f.subs[0].name()}
}

// run keeps the source running until ctx ends.
func (f *feed) run(ctx context.Context) {
	var pause source.Backoff
	for {
		err := f.runOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		f.Failed(err)
		f.manager.mu.Lock()
		f.stale = make(map[string]bool, len(f.groups))
		for group := range f.groups {
			f.stale[group] = true
		}
		f.manager.mu.Unlock()
		if !source.Sleep(ctx, pause.Next()) {
			return
		}
	}
}

var errEnded = errors.New("the source has ended by itself")

func (f *feed) runOnce(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error: panic of type %T", r) // whose text may hold anything
			f.manager.log.Error("panic in discovery", "source", f.kind.name, "stack", string(debug.Stack()))
		}
	}()
	f.kind.open().Run(ctx, f)
	return errEnded
}

// difference returns what is in after and not in before, and the other way round, as often as it is.
func difference(before, after []labels.Labels) (added, removed []labels.Labels) {
	for len(before) > 0 && len(after) > 0 && before[0] == after[0] {
		before, after = before[1:], after[1:]
	}
	for len(before) > 0 && len(after) > 0 && before[len(before)-1] == after[len(after)-1] {
		before, after = before[:len(before)-1], after[:len(after)-1]
	}
	if len(before) == 0 || len(after) == 0 {
		return after, before
	}
	extra := make(map[labels.Labels]int, len(before))
	for _, l := range before {
		extra[l]++
	}
	for _, l := range after {
		if extra[l] > 0 {
			extra[l]--
		} else {
			added = append(added, l)
		}
	}
	for _, l := range before {
		if extra[l] > 0 {
			extra[l]--
			removed = append(removed, l)
		}
	}
	return added, removed
}

func (f *feed) unsubscribe(s *subscription) {
	f.subs = slices.DeleteFunc(f.subs, func(other *subscription) bool { return other == s })
}
