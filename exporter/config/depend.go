package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// checkDependencies reports dependencies on checks that do not exist, on the check itself, and in circles.
func (l *loader) checkDependencies() {
	for i := range l.checks {
		c, dependsOn := l.places[i], l.checks[i].DependsOn
		for j, name := range dependsOn {
			field := fmt.Sprintf("depends_on[%d]", j)
			_, exists := l.endpoints[name]
			switch {
			case name == l.checks[i].Endpoint:
				l.reportField(c, field, errors.New("a check cannot depend on itself"))
			case slices.Contains(dependsOn[:j], name):
				l.reportField(c, field, fmt.Errorf("%s is already in the list", c.raw(field)))
			case !exists:
				l.reportField(c, field, l.noSuchCheck(c.raw(field)))
			}
		}
	}
	l.checkCircles()
}

// noSuchCheck suggests an endpoint, as long as comparing with all of them is cheap.
func (l *loader) noSuchCheck(name string) error {
	const affordable = 1_000_000 // comparisons for one configuration
	if l.compared += len(l.endpoints); l.compared <= affordable {
		if s := suggestion(name, sortedKeys(l.endpoints)); s != "" {
			return fmt.Errorf("no check has the endpoint %q; did you mean %q?", shorten(name), s)
		}
	}
	return fmt.Errorf("no check has the endpoint %q", shorten(name))
}

// checkCircles reports each circle once, at the check of it that comes first in the file.
func (l *loader) checkCircles() {
	const (
		unseen = iota
		active
		finished
	)
	state := make([]uint8, len(l.checks))
	var trail []int
	var visit func(i int)
	visit = func(i int) {
		state[i] = active
		trail = append(trail, i)
		for _, name := range l.checks[i].DependsOn {
			next, ok := l.endpoints[name]
			switch {
			case !ok || next == i:
			case state[next] == active:
				l.reportCircle(trail[slices.Index(trail, next):])
			case state[next] == unseen:
				visit(next)
			}
		}
		trail = trail[:len(trail)-1]
		state[i] = finished
	}
	for i := range l.checks {
		if state[i] == unseen && len(l.checks[i].DependsOn) > 0 {
			visit(i)
		}
	}
}

func (l *loader) reportCircle(circle []int) {
	const most = 10
	start := slices.Index(circle, slices.Min(circle))
	var names []string
	for i := range min(len(circle), most) {
		names = append(names, l.places[circle[(start+i)%len(circle)]].raw("endpoint"))
	}
	if len(circle) > most {
		names = append(names, "…")
	}
	names = append(names, names[0])
	l.reportField(l.places[circle[start]], "depends_on", fmt.Errorf("checks wait for each other in a circle: %s", strings.Join(names, " → ")))
}
