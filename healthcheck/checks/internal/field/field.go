// Package field checks the fields of a kind's configuration, all of them, so that a user sees all mistakes at once:
//
//	func New(c Config) (healthcheck.Checker, error) {
//		var m field.Mistakes
//		address, err := target.ParseAddress(c.Address, "")
//		m.Check("address", err)
//		want := m.Patterns("expect.matches", c.Expect.Matches)
//		m.NotNegative("max_latency", c.MaxLatency)
//		if err := m.Err(); err != nil {
//			return nil, err
//		}
//		return &checker{address, want, c.MaxLatency}, nil
//	}
//
// Fields are named as in YAML, from the kind down: "dialog[2].expect". Texts go on after the name, so that the whole
// reads "max_latency: -1s is negative". They repeat what a user has written where that is a choice or a number, never
// where it may be a secret.
//
// The package imports nothing but the standard library and healthcheck: a kind that uses it stays small.
package field

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Mistakes are those found so far. The zero value is ready for use.
type Mistakes struct{ list []error }

// Add notes a mistake in a field, the empty one for the whole, with a text formatted as by [fmt.Errorf].
func (m *Mistakes) Add(field, format string, args ...any) {
	m.list = append(m.list, healthcheck.FieldErrorf(field, format, args...))
}

// Check notes err as a mistake in the field unless it is nil.
func (m *Mistakes) Check(field string, err error) {
	if err != nil {
		m.Add(field, "%w", err)
	}
}

// Within notes the mistakes of a part, whose fields are below path.
func (m *Mistakes) Within(path string, part *Mistakes) {
	for _, err := range part.list {
		if e, ok := errors.AsType[*healthcheck.FieldError](err); ok {
			m.Check(strings.TrimSuffix(path+"."+e.Field, "."), e.Err)
		}
	}
}

// Err returns all mistakes, each a [healthcheck.FieldError], joined as by [errors.Join], or nil.
func (m *Mistakes) Err() error { return errors.Join(m.list...) }

// Item names an item of a list.
func Item(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }

// Required notes a field that is empty, and what to give, such as "give the name to resolve". It reports whether there
// is something.
func (m *Mistakes) Required(field, value, hint string) bool {
	if value == "" {
		m.Add(field, "is missing: %s", hint)
	}
	return value != ""
}

// NotNegative notes a duration below zero.
func (m *Mistakes) NotNegative(field string, d time.Duration) {
	if d < 0 {
		m.Add(field, "%s is negative", d)
	}
}

// Between notes a number, or a duration, that is not from low to high.
func Between[T cmp.Ordered](m *Mistakes, field string, value, low, high T) {
	if value < low || value > high {
		m.Add(field, "%v is not between %v and %v", value, low, high)
	}
}

// OneOf notes a value that is none of the choices. It returns the value, the first of them, which is the default, where
// there is none or it is wrong.
func (m *Mistakes) OneOf(field, value string, choices ...string) string {
	switch {
	case value == "":
		return choices[0]
	case slices.Contains(choices, value):
		return value
	}
	m.Add(field, "%.40q is not one of %s", value, strings.Join(choices, ", "))
	return choices[0]
}

// Given is a field and whether it is set.
type Given struct {
	Field string
	Set   bool
}

// Exclusive notes fields of which more than one is set, with what they are for: "credentials".
func (m *Mistakes) Exclusive(what string, fields ...Given) {
	var set []string
	for _, f := range fields {
		if f.Set {
			set = append(set, f.Field)
		}
	}
	if len(set) > 1 {
		m.Add("", "has %s in %s: leave only one of them", what, strings.Join(set, " and "))
	}
}

// Unused notes each of the fields that is set, and why it must not be.
func (m *Mistakes) Unused(why string, fields ...Given) {
	for _, f := range fields {
		if f.Set {
			m.Add(f.Field, "%s", why)
		}
	}
}

// Pattern compiles a regular expression (RE2). It returns nil for one that is empty or wrong.
func (m *Mistakes) Pattern(field, expr string) *regexp.Regexp {
	if expr == "" {
		return nil
	}
	re, err := regexp.Compile(expr)
	m.Check(field, err)
	return re
}

// Patterns compiles a list of them.
func (m *Mistakes) Patterns(field string, exprs []string) []*regexp.Regexp {
	if len(exprs) == 0 {
		return nil
	}
	compiled := make([]*regexp.Regexp, 0, len(exprs))
	for i, expr := range exprs {
		re, err := regexp.Compile(expr)
		if err != nil {
			m.Check(Item(field, i), err)
			continue
		}
		compiled = append(compiled, re)
	}
	return compiled
}

// Line notes a text that is not one line of printable characters, as names and commands of protocols are: a line break
// in one would be a second command. It does not repeat it.
func (m *Mistakes) Line(field, text string) {
	switch {
	case !utf8.ValidString(text):
		m.Add(field, "is not valid UTF-8")
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }):
		m.Add(field, "holds a line break or another character that cannot be printed")
	}
}

// NoNUL notes a text with a NUL byte, which no argument, variable or path may have.
func (m *Mistakes) NoNUL(field, text string) {
	if strings.IndexByte(text, 0) >= 0 {
		m.Add(field, "holds a NUL byte")
	}
}
