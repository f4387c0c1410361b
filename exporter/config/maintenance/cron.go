package maintenance

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/robfig/cron/v3"
)

// recurring is a window that begins whenever the clocks of a zone show certain times.
type recurring struct {
	clock    cron.Schedule // on a clock that is never put forward or back: that of UTC
	zone     *time.Location
	duration time.Duration
}

func (r *recurring) at(t time.Time) span {
	const farOff = 365 * 24 * time.Hour
	start, ok := r.next(t.Add(-r.duration)) // of all that could be open, the first
	switch {
	case !ok:
		return span{from: t, until: t.Add(farOff)}
	case start.After(t):
		return span{from: t, until: start}
	default:
		return span{from: start, until: start.Add(r.duration), open: true}
	}
}

// next returns the first beginning after t, or false if there is none for years. It goes from one change of the
// clocks to the next: in between, the zone's clock is that of UTC with a constant offset.
func (r *recurring) next(t time.Time) (time.Time, bool) {
	t = t.Truncate(time.Second).Add(time.Second)
	for {
		local := t.In(r.zone)
		changed, end := bounds(local)
		start, ok := r.from(t, offset(local))
		if !ok {
			return time.Time{}, false
		}
		found := end.IsZero() || start.Before(end)
		// As long after a change as clocks were put forward by, what is due by the old clock is what was left out.
		if old := offset(changed.Add(-time.Second)); !changed.IsZero() && old < offset(local) {
			made := changed.Add(offset(local) - old)
			late, ok := r.from(t, old)
			if ok && late.Before(made) && (!found || late.Before(start)) {
				start, found = late, true
			}
		}
		if found {
			return start, true
		}
		t = end
	}
}

// bounds is [time.Time.ZoneBounds] with an end that is later than t. On the last day of a leap year that of package time
// is not, where it follows a rule because the zone's table of changes is over: it gives every year 365 days.
func bounds(t time.Time) (start, end time.Time) {
	start, end = t.ZoneBounds()
	if !end.IsZero() && !end.After(t) {
		end = t.Add(24 * time.Hour)
	}
	return start, end
}

// from returns the first beginning that is not before t, with clocks at a constant offset.
func (r *recurring) from(t time.Time, offset time.Duration) (time.Time, bool) {
	wall := r.clock.Next(t.UTC().Add(offset - time.Second))
	return wall.Add(-offset), !wall.IsZero()
}

// offset returns how far the clocks of t's zone are ahead of UTC at t.
func offset(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}

// fields are those of a crontab expression, and what is said to those who get one wrong.
var fields = [...]struct {
	name, want string
	option     cron.ParseOption
	bits       func(*cron.SpecSchedule) uint64
}{
	{"minute", "0 to 59", cron.Minute, func(s *cron.SpecSchedule) uint64 { return s.Minute }},
	{"hour", "0 to 23", cron.Hour, func(s *cron.SpecSchedule) uint64 { return s.Hour }},
	{"day of the month", "1 to 31 or L (the last)", cron.Dom, func(s *cron.SpecSchedule) uint64 { return s.Dom }},
	{"month", "1 to 12 or jan to dec", cron.Month, func(s *cron.SpecSchedule) uint64 { return s.Month }},
	{"day of the week", "0 to 7 (0 and 7 are Sunday), sun to sat, 1#2 (second Monday) or 5L (last Friday)", cron.Dow, func(s *cron.SpecSchedule) uint64 { return s.Dow }},
}

// Indexes into fields.
const (
	dom = 2
	dow = 4
)

// parseCron returns the schedule of a crontab expression, which at some time begins a window.
func parseCron(spec string) (cron.Schedule, error) {
	s, err := parseFields(spec)
	if err != nil {
		return nil, err
	}
	leapYear := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	if s.Next(leapYear).IsZero() {
		return nil, fmt.Errorf("%q never comes: no such month has such a day", shorten(spec))
	}
	return s, nil
}

// parseFields finds mistakes before the parser does, which words them for programmers, takes more than is promised
// here, and crashes on half a time zone.
func parseFields(spec string) (cron.Schedule, error) {
	if strings.HasPrefix(spec, "@") {
		switch spec {
		case "@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually":
			return cron.ParseStandard(spec)
		}
		return nil, fmt.Errorf("%q is not one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually", shorten(spec))
	}
	if strings.Contains(spec, "=") {
		return nil, errors.New("has a = in it; give the time zone as timezone")
	}
	texts := strings.Fields(spec)
	if len(texts) != len(fields) {
		return nil, fmt.Errorf("want five fields (minute, hour, day of the month, month, day of the week), not %d", len(texts))
	}
	var d days
	var bits [len(fields)]uint64
	plain := [len(fields)]string(texts)
	plain[dom], plain[dow] = d.takeLast(texts[dom]), sundayLast(d.takeNth(texts[dow]))
	for i, f := range fields {
		if plain[i] == "" && texts[i] != "" {
			continue // nothing but days that the library does not know
		}
		s, err := cron.NewParser(f.option).Parse(plain[i])
		field, ok := s.(*cron.SpecSchedule)
		if err == nil && ok {
			bits[i] = f.bits(field)
		}
		if bits[i] == 0 {
			return nil, fmt.Errorf("%q is no %s; want %s, as *, lists (1,3), rising ranges (1-4) or steps (*/2)", shorten(texts[i]), f.name, f.want)
		}
	}
	if d.none() {
		return cron.ParseStandard(strings.Join(plain[:], " "))
	}
	d.dom, d.dow = bits[dom], bits[dow]
	plain[dom], plain[dow] = "*", "*"
	clock, err := cron.ParseStandard(strings.Join(plain[:], " "))
	d.clock = clock
	return &d, err
}

// shorten cuts a text to what fits into a message.
func shorten(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	n := limit
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
