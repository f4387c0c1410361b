// Package maintenance tells whether a time lies in a maintenance window: one that is given by its beginning and end,
// or one that a crontab expression begins again and again.
package maintenance

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Bounds on windows.
const (
	MinDuration = time.Minute
	MaxDuration = 7 * 24 * time.Hour
	MaxWindows  = 100 // in one list
)

// Window is a time, or one that comes again and again, in which nobody need be told of a failure. It has either Cron
// and Duration, or From and To.
type Window struct {
	// Cron tells when the window begins: minute, hour, day of the month, month and day of the week (0 and 7 are
	// Sunday) as in crontab(5), or @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually. If both days
	// are restricted, either may match. L is the last day of the month; among the days of the week, 1#1 is the first
	// Monday of the month and 5L the last Friday.
	//
	// When clocks are put forward, a window that would begin in the time left out begins that much later: 02:30 is
	// 03:30. When they are put back, a window that begins in the time that comes twice begins twice.
	Cron string `yaml:"cron" example:"0 2 * * 6"`
	// Duration is how long it lasts then, from 1m to 7d, as elapsed time. It may last longer
	// than until it begins again.
	Duration time.Duration `yaml:"duration" example:"2h"`
	// Timezone is the name, in the IANA database, of the zone that Cron is meant in; "Local" is that of the machine.
	// Empty means UTC.
	Timezone string `yaml:"timezone" default:"UTC" example:"Europe/Berlin"`

	// From is the first moment of the window.
	From time.Time `yaml:"from" example:"2026-12-24T18:00:00+01:00"`
	// To is the first moment after it.
	To time.Time `yaml:"to" example:"2026-12-27T06:00:00+01:00"`
}

// canonical returns w in a form that is equal for windows that are written differently and mean the same.
func (w Window) canonical() Window {
	w.Cron = strings.Join(strings.Fields(w.Cron), " ")
	if w.Cron != "" {
		w.Timezone = cmp.Or(w.Timezone, "UTC")
	}
	w.From, w.To = w.From.Round(0).UTC(), w.To.Round(0).UTC()
	return w
}

func compare(a, b Window) int {
	return cmp.Or(
		cmp.Compare(a.Cron, b.Cron),
		cmp.Compare(a.Timezone, b.Timezone),
		cmp.Compare(a.Duration, b.Duration),
		a.From.Compare(b.From),
		a.To.Compare(b.To),
	)
}

// Canonical returns a sorted copy of windows without repetitions, which is equal for lists that mean the same.
func Canonical(windows []Window) []Window {
	list := make([]Window, len(windows))
	for i, w := range windows {
		list[i] = w.canonical()
	}
	slices.SortFunc(list, compare)
	return slices.Compact(list)
}
