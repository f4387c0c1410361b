package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Error is one mistake in a configuration.
type Error struct {
	File string // as given by the user
	Line int    // from 1; 0 only if the file cannot be read
	Path string // such as "checks[2].http.url"; empty for the file as a whole
	Err  error  // what is wrong, without any secret
}

// Error returns "file:line: path: text".
func (e *Error) Error() string {
	b := []byte(e.File)
	if e.Line > 0 {
		b = strconv.AppendInt(append(b, ':'), int64(e.Line), 10)
	}
	b = append(b, ": "...)
	if e.Path != "" {
		b = append(append(b, e.Path...), ": "...)
	}
	return string(append(b, e.Err.Error()...))
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// maxErrors bounds how many mistakes are told one by one: a file of another kind can have millions.
const maxErrors = 1000

// errorList collects mistakes in the order in which they are found.
type errorList struct {
	errs    []*Error
	dropped int // beyond maxErrors
}

func (l *errorList) add(e *Error) {
	if len(l.errs) == maxErrors {
		l.dropped++
		return
	}
	l.errs = append(l.errs, e)
}

// count returns how many mistakes were found, told or not.
func (l *errorList) count() int { return len(l.errs) + l.dropped }

// join returns the mistakes sorted by line as one error, or nil.
func (l *errorList) join(sources Sources) error {
	if len(l.errs) == 0 {
		return nil
	}
	slices.SortStableFunc(l.errs, func(a, b *Error) int { return cmp.Compare(a.Line, b.Line) })
	m := &mistakes{sources: sources}
	for _, e := range l.errs {
		m.errs = append(m.errs, e)
	}
	if l.dropped > 0 {
		last := l.errs[len(l.errs)-1]
		m.errs = append(m.errs, &Error{File: last.File, Line: last.Line, Err: fmt.Errorf("and %d more mistakes", l.dropped)})
	}
	return m
}

// mistakes is what [errors.Join] would make, and the files to watch for the repair.
type mistakes struct {
	errs    []error
	sources Sources
}

func (m *mistakes) Error() string {
	lines := make([]string, len(m.errs))
	for i, err := range m.errs {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

func (m *mistakes) Unwrap() []error { return m.errs }

// SourcesOf returns the files that a failed [Load] or [Parse] has read or tried to read. Loading again is of use when
// they have changed.
func SourcesOf(err error) (Sources, bool) {
	m, ok := errors.AsType[*mistakes](err)
	if !ok {
		return Sources{}, false
	}
	return m.sources, true
}
