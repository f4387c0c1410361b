package reference

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/source"
)

// Bounds on what references may grow to, in bytes: of one value, and of all values together.
const (
	maxExpanded      = 1 << 20
	maxExpandedTotal = 64 << 20
)

// Environment is what references are replaced from.
type Environment struct {
	Lookup func(name string) (value string, ok bool) // of environment variables
	Files  *source.Reader
	total  int // bytes that references have grown to so far
}

// Expansion is a text in the configuration and what it became.
type Expansion struct {
	Raw, Value string
	File       bool // comes from a file, so it is surely a secret
	Whole      bool // a text with references, which have expansions of their own
}

// Text is a text with references.
type Text struct {
	Err        error       // why there is nothing else; may be joined of several
	Value      string      // with references replaced, but for those to a target
	Shown      string      // Value with references to files left as they are
	Expansions []Expansion // what was replaced
	parts      []part      // nil unless there are references to a target
}

// part is a literal text, or the name of what a target has.
type part struct {
	text, shown, raw string
	target           bool
}

// OfTarget reports whether the text has references to a target that were not replaced.
func (t *Text) OfTarget() bool { return t.parts != nil }

var (
	errUnterminated = errors.New(`"${" has no closing "}"; write "$${" for a literal "${"`)
	errTooLong      = fmt.Errorf("expands to more than %d MiB", maxExpanded>>20)
	errTooMuch      = fmt.Errorf("all values with references expand to more than %d MiB", maxExpandedTotal>>20)
)

const (
	fileReference   = "file:"
	targetReference = "target."
	stepReference   = "step." // to what a step of a run has found out: it is for the kind of check to replace
)

// expand returns what s becomes. With an error it returns nothing of what was read. Relative paths start from dir.
func (e *Environment) expand(s, dir string) *Text {
	text, err := e.build(s, dir)
	if err != nil {
		return &Text{Err: err}
	}
	return text
}

func (e *Environment) build(s, dir string) (*Text, error) {
	b := builder{Text: Text{Expansions: make([]Expansion, 0, 2)}}
	var errs []error
	found := false
	for rest := s; ; {
		before, after, ok := strings.Cut(rest, "${")
		if !ok {
			b.literal(rest, rest)
			break
		}
		if strings.HasSuffix(before, "$") {
			b.literal(before, before)
			b.literal("{", "${")
			rest = after
			continue
		}
		b.literal(before, before)
		ref, after, ok := strings.Cut(after, "}")
		if !ok {
			return nil, errors.Join(append(errs, errUnterminated)...)
		}
		if strings.HasPrefix(ref, stepReference) {
			b.literal("${"+ref+"}", "${"+ref+"}")
			rest = after
			continue
		}
		if err := e.resolve(&b, ref, dir); err != nil {
			errs = append(errs, err)
		}
		found = true
		if b.value.Len() > maxExpanded {
			return nil, errTooLong
		}
		rest = after
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if e.total += b.value.Len(); e.total > maxExpandedTotal {
		return nil, errTooMuch
	}
	return b.done(s, found), nil
}

// resolve adds the value of the reference ${ref}.
func (e *Environment) resolve(b *builder, ref, dir string) error {
	raw := "${" + ref + "}"
	if path, ok := strings.CutPrefix(ref, fileReference); ok {
		if path == "" {
			return errors.New("${file:} names no file")
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		value, err := e.Files.Text(path)
		if err != nil {
			return fmt.Errorf("%s: %w", document.Shorten(raw), err)
		}
		b.replaced(raw, value, true)
		return nil
	}
	if name, ok := strings.CutPrefix(ref, targetReference); ok {
		if !targetField.MatchString(name) {
			return fmt.Errorf("%s is no reference: want ${target.address}, ${target.host}, ${target.port} or ${target.labels.NAME}", document.Shorten(raw))
		}
		b.target(raw, name)
		return nil
	}
	name, fallback, hasFallback := strings.Cut(ref, ":-")
	if !variableName.MatchString(name) {
		return fmt.Errorf(`%s is no reference: want ${NAME}, ${NAME:-default} or ${file:path}; write "$${" for a literal "${"`,
			document.Shorten(raw))
	}
	if strings.Contains(fallback, "${") {
		return fmt.Errorf("the default of ${%s} cannot hold a reference", name)
	}
	value, ok := e.Lookup(name)
	switch {
	case hasFallback && (!ok || value == ""):
		value = fallback
	case !ok:
		return fmt.Errorf("environment variable %s is not set; ${%[1]s:-default} would give it a default", name)
	case !utf8.ValidString(value):
		return fmt.Errorf("environment variable %s is not valid UTF-8", name)
	}
	b.replaced(raw, value, false)
	return nil
}

var (
	variableName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	targetField  = regexp.MustCompile(`^(?:address|host|port|labels\.[a-zA-Z_][a-zA-Z0-9_]*)$`)
)

// builder puts a Text together.
type builder struct {
	Text
	value, shown, raw strings.Builder
	flushed           [3]int // how much of value, shown and raw is in parts already
}

func (b *builder) literal(s, raw string) {
	b.value.WriteString(s)
	b.shown.WriteString(s)
	b.raw.WriteString(raw)
}

func (b *builder) replaced(raw, value string, file bool) {
	b.value.WriteString(value)
	b.raw.WriteString(raw)
	if file {
		b.shown.WriteString(raw)
	} else {
		b.shown.WriteString(value)
	}
	if value != "" {
		b.Expansions = append(b.Expansions, Expansion{Raw: raw, Value: value, File: file})
	}
}

// target adds a part for a reference to a target, and one for what is before it.
func (b *builder) target(raw, name string) {
	b.flush()
	b.literal(raw, raw)
	b.parts = append(b.parts, part{text: name, target: true})
	b.flushed = [3]int{b.value.Len(), b.shown.Len(), b.raw.Len()}
}

func (b *builder) flush() {
	p := part{text: b.value.String()[b.flushed[0]:], shown: b.shown.String()[b.flushed[1]:], raw: b.raw.String()[b.flushed[2]:]}
	if p.raw != "" {
		b.parts = append(b.parts, p)
	}
}

func (b *builder) done(raw string, found bool) *Text {
	b.Value, b.Shown = b.value.String(), b.shown.String()
	if b.parts != nil {
		b.flush()
	}
	if found {
		b.Expansions = append(b.Expansions, Expansion{Raw: raw, Value: b.Value, Whole: true})
	}
	return &b.Text
}
