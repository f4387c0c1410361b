package document

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Error is one mistake in a configuration.
type Error struct {
	File   string // as given by the user
	Line   int    // from 1; 0 only if the file cannot be read
	Column int    // from 1; 0 if the whole line is meant
	Path   string // such as "checks[2].http.url"; empty for the file as a whole
	Err    error  // what is wrong, without any secret
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

// MaxErrors bounds how many mistakes are looked for in a file: one of another kind can have millions.
const MaxErrors = 1000

// List collects the mistakes of one file in the order in which they are found. The zero List is empty.
type List struct{ errs []*Error }

// Add adds a mistake, unless the list is full.
func (l *List) Add(e *Error) {
	if !l.Full() {
		l.errs = append(l.errs, e)
	}
}

// Full reports whether there are so many mistakes that whoever looks for more should stop.
func (l *List) Full() bool { return len(l.errs) == MaxErrors }

// Count returns how many mistakes were found so far.
func (l *List) Count() int { return len(l.errs) }

// Since returns the mistakes that were found after the first n. They are the list's.
func (l *List) Since(n int) []*Error { return l.errs[n:] }

// Take takes the mistakes after the first n out of the list.
func (l *List) Take(n int) []*Error {
	taken := slices.Clone(l.errs[n:])
	l.errs = l.errs[:n]
	return taken
}

// Cursor is where a reader of a file stands, and the list of what it finds wrong there.
type Cursor struct {
	File string
	List
	path []Segment // of the node being read
	pos  Pos       // of its key or list item
}

// NewCursor returns a cursor at the root of a document.
func NewCursor(d *Document) *Cursor { return &Cursor{File: d.File, pos: d.Root.Pos} }

// Push goes down to a key, or to a list item if the key is empty. Pop goes back with what Push returned.
func (c *Cursor) Push(key string, index int, at Pos) (from Pos) {
	c.path = append(c.path, Segment{key, index})
	from, c.pos = c.pos, at
	return from
}

// Pop goes back up.
func (c *Cursor) Pop(from Pos) {
	c.path = c.path[:len(c.path)-1]
	c.pos = from
}

// Depth returns how far down the cursor is.
func (c *Cursor) Depth() int { return len(c.path) }

// Truncate goes back up to a depth, after a panic; the position stays.
func (c *Cursor) Truncate(depth int) { c.path = c.path[:depth] }

// Path returns the path of the node as it is shown.
func (c *Cursor) Path() string { return FormatPath(c.path) }

// Report adds a mistake at the current node.
func (c *Cursor) Report(err error) { c.ReportAt(c.pos, "", err) }

// Errorf is Report with a text.
func (c *Cursor) Errorf(format string, args ...any) { c.Report(fmt.Errorf(format, args...)) }

// ReportAt adds a mistake at a position, at the current path and the path below it.
func (c *Cursor) ReportAt(at Pos, below string, err error) {
	if c.Full() { // save the work
		return
	}
	c.Add(&Error{File: c.File, Line: max(at.Line, 1), Column: at.Column, Path: JoinPath(c.Path(), below), Err: err})
}

// ReportAbove adds a mistake at the current position that is one in the mapping around the current key.
func (c *Cursor) ReportAbove(err error) {
	path := c.path
	c.path = path[:len(path)-1]
	c.Report(err)
	c.path = path
}

// Failed reports whether, after the first n mistakes, one was found at the path below the current one, or near it.
func (c *Cursor) Failed(n int, below string) bool {
	if c.Count() == n || c.Full() {
		return c.Full()
	}
	path := JoinPath(c.Path(), below)
	for _, e := range c.errs[n:] {
		if within(e.Path, path) || within(path, e.Path) && len(e.Path) > len(c.Path()) && !IsUnknownKey(e) {
			return true
		}
	}
	return false
}

// within reports whether path is the same as, or below, top.
func within(path, top string) bool {
	rest, ok := strings.CutPrefix(path, top)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// HasUnknownKey reports whether the current mapping was found to have an unknown key after the first n mistakes.
func (c *Cursor) HasUnknownKey(n int) bool { return c.has(n, IsUnknownKey) }

// Unreadable reports whether, after the first n mistakes, the current node was found to be no mapping that can be read.
func (c *Cursor) Unreadable(n int) bool {
	return c.has(n, func(e *Error) bool { return !IsUnknownKey(e) })
}

// has reports whether a mistake of some sort was found at the current path after the first n.
func (c *Cursor) has(n int, sort func(*Error) bool) bool {
	if c.Count() == n {
		return false
	}
	path := c.Path()
	return slices.ContainsFunc(c.errs[n:], func(e *Error) bool { return e.Path == path && sort(e) })
}

// Meant reports whether an unknown key after the first n mistakes was probably meant to be the field.
func (c *Cursor) Meant(n int, field string) bool {
	dot := strings.LastIndexByte(field, '.')
	name, mapping := field[dot+1:], JoinPath(c.Path(), field[:max(dot, 0)])
	for _, e := range c.errs[n:] {
		if IsUnknownKey(e) && e.Path == mapping && strings.HasSuffix(e.Err.Error(), fmt.Sprintf("did you mean %q?", name)) {
			return true
		}
	}
	return false
}

// Flatten returns the errors that were joined, also those joined within.
func Flatten(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var errs []error
	for _, e := range joined.Unwrap() {
		errs = append(errs, Flatten(e)...)
	}
	return errs
}
