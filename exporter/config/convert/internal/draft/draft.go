// Package draft is a configuration of ours that is being written: checks, what they share, what could not be taken over
// at its place, and the text of it all.
package draft

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/tree"
)

// Draft is a configuration. Make one with [New].
type Draft struct {
	Ledger tree.Ledger
	// Head is what was listed of the input as a whole.
	Head []tree.Note
	// Maintenance are the windows of every check.
	Maintenance []*Settings
	// Variables are those that the output refers to in place of secrets, in the order of the output.
	Variables []Variable

	withSecrets bool
	bases       []*Base
	items       []*Check
	endpoints   map[string]bool
	names       map[string]string // of variables, by what they stand for
	taken       map[string]bool   // names of variables
}

// Variable is an environment variable to set before the output is used.
type Variable struct {
	Name string
	From tree.Note // where the secret stood
}

// New returns an empty draft. WithSecrets leaves secrets where they are.
func New(withSecrets bool) *Draft {
	d := &Draft{
		withSecrets: withSecrets,
		endpoints:   make(map[string]bool),
		names:       make(map[string]string),
		taken:       make(map[string]bool),
	}
	d.Ledger.At(&d.Head)
	return d
}

// Check is a check, or only the place of one that could not be taken over.
type Check struct {
	From  *tree.Node  // what it was made of
	Notes []tree.Note // what could not be taken over
	About []string    // what there is to say of it beside that

	Endpoint         string
	Name             Raw
	Interval         time.Duration // zero: the default of ours; so are all of these
	Timeout          time.Duration // at most the interval
	FailingInterval  time.Duration
	FailureThreshold int
	Labels           []Label
	Maintenance      []*Settings

	Kind     string    // empty: this is no check, just a place with notes
	Base     *Base     // settings that it shares, or nil
	Settings *Settings // those of its own, which stand over those of the base
}

// Label is a label of a check.
type Label struct {
	Name  string
	Value Raw
}

// Base is settings of a kind that several checks may share.
type Base struct {
	Name     string
	Notes    []tree.Note
	Settings *Settings
	anchor   string
	uses     int
	told     bool // the notes are in the output
}

// NewBase returns a base. It is written where two checks or more use it; in one alone it is part of that.
func (d *Draft) NewBase(name string) *Base {
	b := &Base{Name: name, Settings: &Settings{}, anchor: strings.Trim(noLabel.ReplaceAllString(name, "_"), "_")}
	if b.anchor == "" {
		b.anchor = "shared"
	}
	for taken := 2; slices.ContainsFunc(d.bases, func(other *Base) bool { return other.anchor == b.anchor }); taken++ {
		b.anchor = fmt.Sprintf("%s_%d", b.anchor, taken)
	}
	d.bases = append(d.bases, b)
	return b
}

// Add adds a check, or a place with notes, after those that are there.
func (d *Draft) Add(c *Check) {
	if c.Base != nil {
		c.Base.uses++
	}
	if c.Timeout > c.Interval && c.Interval > 0 {
		c.Timeout = c.Interval
	}
	d.items = append(d.items, c)
}

// Len returns the number of checks, without the places that are none.
func (d *Draft) Len() int {
	n := 0
	for _, c := range d.items {
		if c.Kind != "" {
			n++
		}
	}
	return n
}

// whole returns all settings of a check, those of the base included.
func (c *Check) whole() *Settings {
	if c.Base == nil {
		return c.Settings
	}
	whole := &Settings{entries: slices.Clone(c.Settings.entries)}
	whole.Merge(c.Base.Settings)
	return whole
}

// Settings are keys and values in an order. The zero value has none.
type Settings struct{ entries []entry }

type entry struct {
	key     string
	value   any // string, Raw, bool, int, time.Duration, []string, Flow, []Secret, *Settings, []*Settings
	comment string
}

// Raw is a text that may have references, such as ${NAME}. A string has none: in one, ${ stands for itself.
type Raw string

// Flow is a list that is written within brackets.
type Flow []Raw

// Words returns texts as such a list.
func Words(texts []string) Flow {
	var f Flow
	for _, text := range texts {
		f = append(f, Quote(text))
	}
	return f
}

// Secret is a text that is not to be seen, made by [Draft.Secret].
type Secret struct {
	Text    Raw
	comment string
}

// Set sets a key. It leaves out values that say nothing: nil, an empty text, an empty list, and settings without keys.
func (s *Settings) Set(key string, value any) *Settings {
	e := entry{key: key, value: value}
	switch v := value.(type) {
	case Secret:
		e.value, e.comment = v.Text, v.comment
		if v.Text == "" {
			return s
		}
	case string:
		if v == "" {
			return s
		}
	case Raw:
		if v == "" {
			return s
		}
	case time.Duration:
		if v == 0 {
			return s
		}
	case []string:
		if len(v) == 0 {
			return s
		}
	case Flow:
		if len(v) == 0 {
			return s
		}
	case *Settings:
		if v == nil || len(v.entries) == 0 {
			return s
		}
	case []*Settings:
		if len(v) == 0 {
			return s
		}
	case []Secret:
		if len(v) == 0 {
			return s
		}
	}
	for i := range s.entries {
		if s.entries[i].key == key {
			s.entries[i] = e
			return s
		}
	}
	s.entries = append(s.entries, e)
	return s
}

// SetEmpty sets a key to a text, even the empty one.
func (s *Settings) SetEmpty(key, value string) {
	s.entries = append(s.entries, entry{key: key, value: value})
}

// Get returns the value of a key, or nil.
func (s *Settings) Get(key string) any {
	if s == nil {
		return nil
	}
	for _, e := range s.entries {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

// Below returns the settings at a key, which are made where they are not there. They are there once one of them is set.
func (s *Settings) Below(key string) *Settings {
	if below, ok := s.Get(key).(*Settings); ok {
		return below
	}
	below := &Settings{}
	s.entries = append(s.entries, entry{key: key, value: below})
	return below
}

// Len returns the number of keys that have something to say.
func (s *Settings) Len() int {
	n := 0
	for _, e := range s.entries {
		if below, ok := e.value.(*Settings); !ok || below.Len() > 0 {
			n++
		}
	}
	return n
}

// Merge adds the keys of others that are not there yet.
func (s *Settings) Merge(others *Settings) {
	for _, e := range others.entries {
		if s.Get(e.key) == nil {
			s.entries = append(s.entries, e)
		}
	}
}

// Without returns settings without some of the keys.
func (s *Settings) Without(drop func(key string) bool) *Settings {
	left := &Settings{}
	for _, e := range s.entries {
		if !drop(e.key) {
			left.entries = append(left.entries, e)
		}
	}
	return left
}

// Clone returns a copy that can be changed.
func (s *Settings) Clone() *Settings {
	c := &Settings{entries: slices.Clone(s.entries)}
	for i, e := range c.entries {
		if below, ok := e.value.(*Settings); ok {
			c.entries[i].value = below.Clone()
		}
	}
	return c
}

// Quote returns a text as one with references that stands for it.
func Quote(text string) Raw { return Raw(strings.ReplaceAll(text, "${", "$${")) }
