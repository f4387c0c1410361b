package maintenance

import (
	"errors"
	"fmt"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Builder makes functions that tell whether a time lies in a window, as [healthcheck.Check] has one. Equal lists of
// windows share one function. The zero Builder is ready to use. It is for one goroutine at a time; the functions are
// safe for concurrent use.
type Builder struct {
	zones map[string]*time.Location
	built map[string]func(time.Time) bool
}

// Build returns the function for a list of windows, nil for none. It remembers the answer until the next window begins
// or ends, so that hardly any call costs more than comparing two times; times may go back. The error joins a
// [healthcheck.FieldError] for each mistake, with a path such as "[0].cron".
func (b *Builder) Build(windows []Window) (func(time.Time) bool, error) {
	switch {
	case len(windows) == 0:
		return nil, nil
	case len(windows) > MaxWindows:
		return nil, healthcheck.FieldErrorf("", "more than %d windows apply", MaxWindows)
	}
	key := fmt.Sprintf("%q", Canonical(windows))
	if contains, ok := b.built[key]; ok {
		return contains, nil
	}
	c := &calendar{schedules: make([]schedule, len(windows))}
	m := &mistakes{}
	for i, w := range windows {
		m.index = i
		c.schedules[i] = b.schedule(w.canonical(), m)
	}
	if len(m.errs) > 0 {
		return nil, errors.Join(m.errs...)
	}
	if b.built == nil {
		b.built = make(map[string]func(time.Time) bool)
	}
	contains := c.contains
	b.built[key] = contains
	return contains, nil
}

// mistakes collects what is wrong with windows.
type mistakes struct {
	index int // of the window being looked at
	errs  []error
}

func (m *mistakes) add(field, format string, args ...any) {
	path := fmt.Sprintf("[%d]", m.index)
	if field != "" {
		path += "." + field
	}
	m.errs = append(m.errs, healthcheck.FieldErrorf(path, format, args...))
}

// schedule returns when w is open. It is of no use if there are mistakes.
func (b *Builder) schedule(w Window, m *mistakes) schedule {
	fixed := !w.From.IsZero() || !w.To.IsZero()
	switch {
	case w.Cron != "" && fixed:
		m.add("", "has both cron and from or to; make it two windows")
	case w.Cron != "":
		return b.recurring(w, m)
	case fixed:
		return single(w, m)
	default:
		m.add("", "says not when: add cron and duration, or from and to")
	}
	return nil
}

func (b *Builder) recurring(w Window, m *mistakes) schedule {
	if w.Duration < MinDuration || w.Duration > MaxDuration {
		if w.Duration == 0 {
			m.add("duration", "is missing; say how long the window lasts, from 1m to 7d")
		} else {
			m.add("duration", "is not between 1m and 7d")
		}
	}
	clock, err := parseCron(w.Cron)
	if err != nil {
		m.add("cron", "%w", err)
	}
	zone, err := b.zone(w.Timezone)
	if err != nil {
		m.add("timezone", "%w", err)
	}
	return &recurring{clock: clock, zone: zone, duration: w.Duration}
}

func single(w Window, m *mistakes) schedule {
	switch {
	case w.From.IsZero():
		m.add("from", "is missing; say when the window begins")
	case w.To.IsZero():
		m.add("to", "is missing; say when the window ends")
	case !w.From.Before(w.To):
		m.add("to", "is not after from")
	}
	if w.Duration != 0 {
		m.add("duration", "goes with cron; from and to tell how long the window lasts")
	}
	if w.Timezone != "" {
		m.add("timezone", "goes with cron; from and to have their own offsets")
	}
	return interval{w.From, w.To}
}

// zone returns the same location for the same name.
func (b *Builder) zone(name string) (*time.Location, error) {
	if zone, ok := b.zones[name]; ok {
		return zone, nil
	}
	const longest = 64 // those in use have up to 32 bytes
	var zone *time.Location
	err := errors.New("too long")
	if len(name) <= longest {
		zone, err = time.LoadLocation(name)
	}
	if err != nil { // which may name a file
		return nil, fmt.Errorf("no time zone is named %q; want a name such as Europe/Berlin, UTC or Local", shorten(name))
	}
	if b.zones == nil {
		b.zones = make(map[string]*time.Location)
	}
	b.zones[name] = zone
	return zone, nil
}
