package config

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
)

// whole puts the files together: those without mistakes, and what is in use of the others.
//
// A mistake that is one only because of another file, such as an endpoint that both have, is told of the later file. It
// puts that file out of force, which may be a mistake of a third, so that it is looked for until no more are found.
func (l *loading) whole(files []*file) (*Config, error) {
	w := &whole{files: files, previous: l.opts.Previous, inUse: l.opts.Groups}
	for {
		w.gather()
		w.judge()
		if !w.quarantine() {
			break
		}
	}
	seen := l.sources.Seen()
	var refused []*Error
	cfg := &Config{Sources: seen}
	for _, f := range files {
		wrong := sorted(f.errors())
		err := join(wrong, nil, seen)
		if f.named {
			refused = append(refused, wrong...)
		}
		cfg.Files = append(cfg.Files, File{f.path, err})
	}
	if len(refused) > 0 {
		return nil, join(refused, cfg.Files, seen)
	}
	if main := files; len(main) > 0 && main[0].settings != nil {
		cfg.Name, cfg.Version = main[0].settings.Name, main[0].settings.Version
	}
	cfg.Checks, cfg.Groups = w.checks(), w.groups()
	cfg.Kept = w.kept
	cfg.Warnings = w.warnings()
	l.release(files)
	return cfg, nil
}

// release lets go of what a group must not keep: the configuration before this one, and the checks.
func (l *loading) release(files []*file) {
	l.opts.Previous, l.opts.Groups, l.opts.Targets = nil, nil, nil
	for _, f := range files {
		f.checks, f.places, f.groups = nil, nil, nil
	}
}

// whole is what the files in force have together.
type whole struct {
	files     []*file
	previous  InUse
	inUse     []*Group
	out       map[*file]bool     // out of force for their mistakes
	entries   []entry            // of the files in force
	endpoints map[string]int     // index of the first check that has it
	kept      InUse              // checks of files that are out of force
	unknown   bool               // some file has checks that are not known
	found     map[*file][]*Error // mistakes that the last look has found
	compared  int                // see noSuchCheck
}

// entry is a check of a file that is in force.
type entry struct {
	*Check
	at *written
	of *file
}

// checks returns the checks of the files in force. Those of a single file are not copied.
func (w *whole) checks() []Check {
	var all []Check
	for _, f := range w.files {
		switch {
		case w.out[f]:
		case all == nil:
			all = slices.Clip(f.checks)
		default:
			all = append(all, f.checks...)
		}
	}
	return slices.DeleteFunc(all, func(c Check) bool { return c.refused })
}

// groups returns the groups of the files in force, and those in use of the others.
func (w *whole) groups() []*Group {
	var all []*Group
	for _, f := range w.files {
		if !w.out[f] {
			all = append(all, f.groups...)
			continue
		}
		for _, g := range w.inUse {
			if f.holds(g.File) {
				all = append(all, g)
			}
		}
	}
	return all
}

// gather takes the checks of the files that are in force, and keeps those of others.
func (w *whole) gather() {
	if w.out == nil {
		w.out = make(map[*file]bool)
		for _, f := range w.files {
			w.out[f] = !f.named && len(f.errors()) > 0
		}
	}
	w.entries, w.unknown = w.entries[:0], false
	w.kept = make(InUse)
	for _, f := range w.files {
		if w.out[f] {
			w.keep(f)
			continue
		}
		for i := range f.checks {
			w.entries = append(w.entries, entry{&f.checks[i], &f.places[i], f})
		}
	}
	w.found = make(map[*file][]*Error)
}

// keep keeps the checks in use of a file that is out of force.
func (w *whole) keep(f *file) {
	w.unknown = true
	for endpoint, c := range w.previous {
		if f.holds(c.File) {
			w.kept[endpoint] = c
		}
	}
}

// holds reports whether what was read from a path is of f, or of the folder or glob f that cannot be looked into.
func (f *file) holds(path string) bool {
	if !f.pattern || path == f.path {
		return path == f.path
	}
	ok, err := filepath.Match(f.path, path)
	return err == nil && ok || filepath.Dir(path) == filepath.Clean(f.path)
}

// report notes a mistake in a field of a check.
func (w *whole) report(i int, field string, err error) {
	e := &w.entries[i]
	w.found[e.of] = append(w.found[e.of], e.mistake(field, err))
}

func (e *entry) mistake(field string, err error) *Error {
	at, _ := e.at.Locate(field)
	return &Error{
		File: e.File, Line: max(at.Line, 1), Column: at.Column,
		Path: document.JoinPath(fmt.Sprintf("checks[%d]", e.at.index), field), Err: err,
	}
}

// judge looks for what is wrong with the checks as a whole.
func (w *whole) judge() {
	w.endpoints = make(map[string]int, len(w.entries))
	for i := range w.entries {
		e := &w.entries[i]
		if !e.at.named || e.discovered {
			continue
		}
		first, taken := w.endpoints[e.Endpoint]
		_, kept := w.kept[e.Endpoint]
		raw := func() string { return document.Shorten(e.at.Raw("endpoint")) }
		switch {
		case taken && w.entries[first].File == e.File:
			w.report(i, "endpoint", fmt.Errorf("%q is already the endpoint of the check on line %d", raw(), w.entries[first].Line))
		case taken:
			w.report(i, "endpoint", fmt.Errorf("%q is already the endpoint of the check at %s:%d", raw(), w.entries[first].File, w.entries[first].Line))
		case kept && e.of.named:
			delete(w.kept, e.Endpoint) // what is named goes before what is kept
			w.endpoints[e.Endpoint] = i
		case kept:
			w.report(i, "endpoint", fmt.Errorf("%q is the endpoint of a check in %s, which is in use until the mistakes there are mended",
				raw(), w.kept[e.Endpoint].File))
		default:
			w.endpoints[e.Endpoint] = i
		}
	}
	w.judgeDiscovered()
	w.sameGroups()
	w.judgeDependencies()
}

// judgeDiscovered leaves out the checks of discovered targets whose endpoint is taken: by what is written, or by a
// target before them.
func (w *whole) judgeDiscovered() {
	for i := range w.entries {
		e := &w.entries[i]
		if !e.discovered {
			continue
		}
		_, taken := w.endpoints[e.Endpoint]
		_, kept := w.kept[e.Endpoint]
		if e.refused = taken || kept; !e.refused {
			w.endpoints[e.Endpoint] = i
		}
	}
}

// quarantine puts files that were found to have mistakes out of force, and reports whether there were any. If not, it
// gives the mistakes that were found to the files that must be right.
func (w *whole) quarantine() (more bool) {
	for _, f := range w.files {
		if !f.named && len(w.found[f]) > 0 {
			w.out[f], more = true, true
			f.report(w.found[f])
		}
	}
	if more {
		return true
	}
	for _, f := range w.files {
		f.report(w.found[f])
	}
	return false
}
