package healthcheck

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Observers and the log are somebody else's: they may block or panic. An observer blocks only the check that it is told
// of. The log is written from a goroutine of its own, and what it cannot take in time is dropped and counted: a pipe that
// nobody reads must not stop checks.

type observer struct{ observe func(*Check, Outcome) }

// event is what there is to tell of a run.
type event struct {
	check   *Check
	kind    eventKind
	reason  Reason
	details string
	outcome Outcome // for observers; with a zero Start there is none
}

type eventKind uint8

const (
	nothing eventKind = iota
	runFailed
	turnedFail
	turnedOK
)

// Observe calls f after every run that is recorded, without a lock held, mostly from the goroutine of the run; f must be
// quick and safe for concurrent use. The returned function ends that.
func (r *Registry) Observe(f func(c *Check, o Outcome)) (stop func()) {
	added := &observer{f}
	r.changeObservers(func(list []*observer) []*observer { return append(list, added) })
	return func() {
		r.changeObservers(func(list []*observer) []*observer {
			return slices.DeleteFunc(list, func(o *observer) bool { return o == added })
		})
	}
}

func (r *Registry) changeObservers(change func([]*observer) []*observer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*observer
	if old := r.observers.Load(); old != nil {
		list = slices.Clone(*old)
	}
	list = change(list)
	if len(list) == 0 {
		r.observers.Store(nil)
		return
	}
	r.observers.Store(&list)
}

// tell passes an event on, with no lock held. Observers may block it.
func (r *Registry) tell(ev *event) {
	if ev == nil {
		return
	}
	r.notify(ev)
	r.logEvent(ev)
}

// tellAside is tell for who must not be blocked. Of observers that block for ever it costs no more goroutines than lines
// may wait for the log.
func (r *Registry) tellAside(ev *event) {
	r.logEvent(ev)
	if !r.observed(ev) {
		return
	}
	if r.asides.Add(1) > maxLogLines {
		r.asides.Add(-1)
		return
	}
	go func() {
		defer r.asides.Add(-1)
		r.notify(ev)
	}()
}

// observed reports whether observers are to be told of ev.
func (r *Registry) observed(ev *event) bool {
	return ev != nil && !ev.outcome.Start.IsZero() && r.observers.Load() != nil
}

// notify tells the observers.
func (r *Registry) notify(ev *event) {
	list := r.observers.Load()
	if list == nil || ev.outcome.Start.IsZero() {
		return
	}
	for _, o := range *list {
		r.notifyOne(o, ev)
	}
}

func (r *Registry) notifyOne(o *observer, ev *event) {
	defer func() {
		if p := recover(); p != nil {
			r.logPanic("observer panicked", ev.check.Endpoint, p)
		}
	}()
	o.observe(ev.check, ev.outcome)
}

func (r *Registry) logEvent(ev *event) {
	if ev == nil {
		return
	}
	switch ev.kind {
	case nothing:
	case runFailed:
		r.logLine(slog.LevelDebug, "run failed", "check", ev.check.Endpoint, "reason", ev.reason, "details", ev.details)
	case turnedFail:
		r.logLine(slog.LevelWarn, "check is FAIL", "check", ev.check.Endpoint, "reason", ev.reason, "details", ev.details)
	case turnedOK:
		r.logLine(slog.LevelInfo, "check is OK again", "check", ev.check.Endpoint)
	}
}

// logPanic is called where p was recovered.
func (r *Registry) logPanic(message, endpoint string, p any) {
	text := fmt.Sprint(p) // whose value p is may go on changing it
	r.logLine(slog.LevelError, message, "check", endpoint, "panic", text, "stack", stack())
}

func (r *Registry) logLine(level slog.Level, message string, args ...any) {
	if r.Logger == nil {
		return
	}
	record := slog.NewRecord(time.Now(), level, message, 0)
	record.Add(args...)
	r.lines.add(r.Logger.Handler(), record)
}

// logLines writes lines in order, from a goroutine that is there only while there is something to write. The zero value
// is ready.
type logLines struct {
	mu      sync.Mutex
	waiting []logLine
	dropped int
	written chan struct{} // closed when all is written; nil while nothing is being written
}

type logLine struct {
	handler slog.Handler
	record  slog.Record
}

// maxLogLines is how many lines wait for the log at the most. With the texts that they hold they take some megabytes.
const maxLogLines = 5000

func (l *logLines) add(h slog.Handler, record slog.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	room := maxLogLines
	if record.Level < slog.LevelInfo { // of which most handlers want none
		room /= 2
	}
	if len(l.waiting) >= room {
		l.dropped++
		return
	}
	l.waiting = append(l.waiting, logLine{h, record})
	if l.written == nil {
		l.written = make(chan struct{})
		go l.write()
	}
}

// write writes what is waiting, and ends.
func (l *logLines) write() {
	ended := false
	defer func() {
		if !ended { // a handler has ended the goroutine
			go l.write()
		}
	}()
	for {
		lines, dropped := l.take()
		if len(lines) == 0 {
			ended = true
			return
		}
		for i := range lines {
			lines[i].write()
		}
		if dropped > 0 {
			last := lines[len(lines)-1]
			record := slog.NewRecord(time.Now(), slog.LevelWarn, "the log was too slow", 0)
			record.Add("lines_dropped", dropped)
			logLine{last.handler, record}.write()
		}
	}
}

// take takes what is waiting. With nothing, it declares the end under the same lock, so that no line is left behind.
func (l *logLines) take() (lines []logLine, dropped int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines, l.waiting = l.waiting, nil
	dropped, l.dropped = l.dropped, 0
	if len(lines) == 0 {
		close(l.written)
		l.written = nil
	}
	return lines, dropped
}

func (l logLine) write() {
	defer func() { _ = recover() }() // of a handler: there is no log to tell it to
	ctx := context.Background()
	if l.handler.Enabled(ctx, l.record.Level) {
		_ = l.handler.Handle(ctx, l.record)
	}
}

// wait waits until all lines are written, but not for longer than patience.
func (l *logLines) wait(patience time.Duration) {
	l.mu.Lock()
	written := l.written
	l.mu.Unlock()
	if written == nil {
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-written:
	case <-timer.C:
	}
}
