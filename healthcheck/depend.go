package healthcheck

import (
	"fmt"
	"slices"
	"strings"
)

// circles returns an error for each circle of dependencies that the changes would close: a check in one would be blocked
// by itself, and nobody ever told of it. It is called with r.mu held, for changes that are right otherwise.
func (r *Registry) circles(ch Changes, removed map[string]bool) []error {
	changed := make(map[string][]string)
	for _, list := range [][]Check{ch.Update, ch.Register} {
		for i := range list {
			if len(list[i].DependsOn) > 0 {
				changed[list[i].Endpoint] = list[i].DependsOn
			}
		}
	}
	if len(changed) == 0 {
		return nil // a circle is closed by a check that depends on another
	}
	for i := range ch.Update {
		if len(ch.Update[i].DependsOn) == 0 {
			changed[ch.Update[i].Endpoint] = nil
		}
	}
	w := &dependencyWalk{state: make(map[string]walkState, len(changed)), dependsOn: func(endpoint string) []string {
		if list, ok := changed[endpoint]; ok {
			return list
		}
		if e := r.entries[endpoint]; e != nil && !removed[endpoint] {
			return e.state.Check.DependsOn // with r.mu held nobody changes it
		}
		return nil
	}}
	for _, list := range [][]Check{ch.Update, ch.Register} {
		for i := range list {
			w.from(list[i].Endpoint)
		}
	}
	return w.errs
}

// dependencyWalk is a depth-first walk along dependencies. It keeps its own stack, since a chain may be as long as there
// are checks.
type dependencyWalk struct {
	dependsOn func(endpoint string) []string
	state     map[string]walkState
	errs      []error
}

// maxCircle is how many endpoints of a circle an error names.
const maxCircle = 10

type walkState uint8

const (
	walkNew walkState = iota
	walkOpen
	walkDone
)

func (w *dependencyWalk) from(start string) {
	if w.state[start] != walkNew {
		return
	}
	type step struct {
		endpoint string
		left     []string
	}
	w.state[start] = walkOpen
	path := []step{{start, w.dependsOn(start)}}
	for len(path) > 0 {
		last := &path[len(path)-1]
		if len(last.left) == 0 {
			w.state[last.endpoint] = walkDone
			path = path[:len(path)-1]
			continue
		}
		next := last.left[0]
		last.left = last.left[1:]
		switch w.state[next] {
		case walkNew:
			w.state[next] = walkOpen
			path = append(path, step{next, w.dependsOn(next)})
		case walkOpen:
			at := slices.IndexFunc(path, func(s step) bool { return s.endpoint == next })
			var names []string
			for _, s := range path[at:] {
				names = append(names, s.endpoint)
			}
			if len(names) > maxCircle {
				names = append(names[:maxCircle], "...")
			}
			w.errs = append(w.errs, fmt.Errorf("%w: %s -> %s", ErrDependencyCircle, strings.Join(names, " -> "), next))
		case walkDone:
		}
	}
}
