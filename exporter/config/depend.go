package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
)

// judgeDependencies reports dependencies on checks that do not exist, on the check itself, and in circles.
func (w *whole) judgeDependencies() {
	for i := range w.entries {
		e := &w.entries[i]
		if len(w.found[e.of]) >= document.MaxErrors {
			continue
		}
		for j, name := range e.DependsOn {
			field := fmt.Sprintf("depends_on[%d]", j)
			_, exists := w.endpoints[name]
			_, kept := w.kept[name]
			switch {
			case name == e.Endpoint:
				w.report(i, field, errors.New("a check cannot depend on itself"))
			case slices.Contains(e.DependsOn[:j], name):
				w.report(i, field, fmt.Errorf("%s is already in the list", e.at.Raw(field)))
			case !exists && !kept && !w.unknown: // a file that cannot be read may have it
				w.report(i, field, w.noSuchCheck(e.at.Raw(field)))
			}
		}
	}
	w.judgeCircles()
}

// noSuchCheck suggests an endpoint, as long as comparing with all of them is cheap.
func (w *whole) noSuchCheck(name string) error {
	const affordable = 1_000_000 // comparisons for one configuration
	if w.compared += len(w.endpoints); w.compared <= affordable {
		if s := document.Suggestion(name, slices.Sorted(maps.Keys(w.endpoints))); s != "" {
			return fmt.Errorf("no check has the endpoint %q; did you mean %q?", document.Shorten(name), s)
		}
	}
	return fmt.Errorf("no check has the endpoint %q", document.Shorten(name))
}

// judgeCircles reports each circle once, at the check of it that comes first in the last of its files.
func (w *whole) judgeCircles() {
	const (
		unseen = iota
		active
		finished
	)
	state := make([]uint8, len(w.entries))
	var trail []int
	var visit func(i int)
	visit = func(i int) {
		state[i] = active
		trail = append(trail, i)
		for _, name := range w.entries[i].DependsOn {
			next, ok := w.endpoints[name]
			switch {
			case !ok || next == i:
			case state[next] == active:
				w.reportCircle(trail[slices.Index(trail, next):])
			case state[next] == unseen:
				visit(next)
			}
		}
		trail = trail[:len(trail)-1]
		state[i] = finished
	}
	for i, e := range w.entries {
		if state[i] == unseen && len(e.DependsOn) > 0 {
			visit(i)
		}
	}
}

func (w *whole) reportCircle(circle []int) {
	const most = 10
	last := w.entries[slices.Max(circle)].of
	start := slices.IndexFunc(circle, func(i int) bool { return w.entries[i].of == last })
	for at, i := range circle {
		if w.entries[i].of == last && i < circle[start] {
			start = at
		}
	}
	var names []string
	for i := range min(len(circle), most) {
		names = append(names, w.entries[circle[(start+i)%len(circle)]].at.Raw("endpoint"))
	}
	if len(circle) > most {
		names = append(names, "…")
	}
	names = append(names, names[0])
	w.report(circle[start], "depends_on", fmt.Errorf("checks wait for each other in a circle: %s", strings.Join(names, " → ")))
}

// warnings are about checks that run more often than what they depend on: while they wait for its next run, they page.
func (w *whole) warnings() []*Error {
	var list document.List
	for i := range w.entries {
		e := &w.entries[i]
		for j, name := range e.DependsOn {
			parent, ok := w.endpoints[name]
			if !ok || w.entries[parent].Interval <= e.Interval || list.Full() {
				continue
			}
			field := fmt.Sprintf("depends_on[%d]", j)
			list.Add(e.mistake(field, fmt.Errorf(
				"%s runs every %s, less often than this check (every %s), which may be FAIL and page before it",
				e.at.Raw(field), w.entries[parent].Interval, e.Interval)))
		}
	}
	return list.Since(0)
}
