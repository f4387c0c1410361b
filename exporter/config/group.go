package config

import (
	"errors"
	"fmt"
	"sync"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/settings"
)

// Group is a check that stands for one for each of its targets.
type Group struct {
	Spec discovery.Spec
	File string
	Line int

	settings *settings.Group
	of       *file
	loading  *loading
}

// Dynamic reports whether any targets are found, and not written out.
func (g *Group) Dynamic() bool {
	for i := range g.Spec.Sources {
		if g.found(i) {
			return true
		}
	}
	return false
}

// found reports whether the targets of a source are found, and not written out.
func (g *Group) found(source int) bool {
	return source < len(g.Spec.Sources) && g.Spec.Sources[source].Static == nil
}

// making lets one group make a check at a time: those of a configuration share what they read with.
var making sync.Mutex

// Make makes the check for a target, or takes over the Checker of the same one in use. The error joins an [*Error] for
// each mistake. It is safe for concurrent use.
func (g *Group) Make(t discovery.Target, inUse InUse) (Check, error) {
	making.Lock()
	defer making.Unlock()
	l, f := g.loading, g.of
	l.opts.Previous = inUse
	defer func() { l.opts.Previous = nil }()
	f.checks, f.places = nil, nil
	wrong := l.makeCheck(f, g, t)
	made := f.checks
	f.checks, f.places = nil, nil
	if len(wrong) > 0 {
		return Check{}, join(sorted(wrong), nil, Sources{})
	}
	return made[0], nil
}

// makeCheck adds the check for a target to its file, or returns what is wrong with it.
func (l *loading) makeCheck(f *file, g *Group, t discovery.Target) []*Error {
	before, checks := f.reader.Count(), len(f.checks)
	c := f.reader.OfTarget(g.settings, t)
	l.add(f, g.settings.Index, g.settings.Place, c, Origin{g.Spec.Check, t.ID})
	f.checks[checks].discovered = g.found(t.Source)
	wrong := f.reader.Take(before)
	if len(wrong) > 0 {
		f.checks, f.places = f.checks[:checks], f.places[:checks]
	}
	return wrong
}

// buildGroup makes the checks of a group for the targets that are known: what is wrong with one that was found drops it,
// what is wrong with one that is written out is a mistake in the file.
func (l *loading) buildGroup(f *file, sg *settings.Group) {
	if sg == nil {
		return
	}
	g := &Group{Spec: sg.Spec, File: f.path, Line: sg.Place.Line, settings: sg, of: f, loading: l}
	var targets []discovery.Target
	if l.opts.Targets != nil {
		targets = l.opts.Targets(g.Spec.Check)
	}
	if targets == nil {
		targets = g.Spec.Static()
	}
	if len(targets) == 0 {
		if sample, ok := f.reader.Sample(sg); ok {
			checks := len(f.checks)
			f.report(l.makeCheck(f, g, sample))
			f.checks, f.places = f.checks[:checks], f.places[:checks]
		}
	}
	for _, t := range targets {
		if wrong := l.makeCheck(f, g, t); len(wrong) > 0 && !g.found(t.Source) {
			f.report(ofTarget(wrong, t))
		}
	}
	f.groups = append(f.groups, g)
}

// ofTarget adds the target to what is wrong with its check.
func ofTarget(wrong []*Error, t discovery.Target) []*Error {
	for _, e := range wrong {
		e.Err = fmt.Errorf("%w (for the target %s)", e.Err, document.Shorten(t.Address))
	}
	return wrong
}

func (f *file) report(wrong []*Error) {
	for _, e := range wrong {
		f.reader.Add(e)
	}
}

// sameGroups reports groups that have one name, which would be one to whoever finds their targets.
func (w *whole) sameGroups() {
	first := make(map[string]*Group)
	for _, f := range w.files {
		for _, g := range f.groups {
			other, taken := first[g.Spec.Check]
			switch {
			case w.out[f]:
			case taken:
				w.found[f] = append(w.found[f], &Error{File: g.File, Line: g.Line, Path: fmt.Sprintf("checks[%d].endpoint", g.settings.Index), Err: fmt.Errorf(
					"%w at %s:%d", errSameGroup, other.File, other.Line)})
			default:
				first[g.Spec.Check] = g
			}
		}
	}
}

var errSameGroup = errors.New("is already that of the targets")
