package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
)

// sorted returns mistakes of a file in the order of their lines.
func sorted(list []*Error) []*Error {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b *Error) int { return cmp.Compare(a.Line, b.Line) })
	return list
}

// join returns mistakes as one error, or nil.
func join(list []*Error, files []File, sources Sources) error {
	if len(list) == 0 {
		return nil
	}
	m := &mistakes{files: files, sources: sources}
	for _, e := range list {
		m.errs = append(m.errs, e)
	}
	if len(list) >= document.MaxErrors {
		last := list[len(list)-1]
		m.errs = append(m.errs, &Error{File: last.File, Line: last.Line, Err: errTooMany})
	}
	return m
}

var errTooMany = fmt.Errorf("%d mistakes are enough; more were not looked for", document.MaxErrors)

// mistakes is what [errors.Join] would make, and the files to watch for the repair.
type mistakes struct {
	errs    []error
	files   []File
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

// FilesOf returns the configuration files that a failed [Load] has read or tried to read.
func FilesOf(err error) []File {
	m, ok := errors.AsType[*mistakes](err)
	if !ok {
		return nil
	}
	return m.files
}
