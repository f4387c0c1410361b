package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Bounds on what references may grow to, in bytes: of one value, and of all values together.
const (
	maxExpanded      = 1 << 20
	maxExpandedTotal = 64 << 20
)

// expander replaces references in the text of scalars, and remembers what it put in so that it can be taken out of
// errors again. It works on values that the YAML parser has already separated, so no content can add structure.
type expander struct {
	dir        string
	lookup     func(string) (string, bool)
	sources    *sourceReader
	total      int         // bytes that references have grown to so far
	expansions []expansion // since the last reset
}

// expansion is a text in the configuration and what it became.
type expansion struct {
	raw, value string
	file       bool // comes from a file, so it is surely a secret
	whole      bool // a text with references, which have expansions of their own
}

var (
	errUnterminated = errors.New(`"${" has no closing "}"; write "$${" for a literal "${"`)
	errTooLong      = fmt.Errorf("expands to more than %d MiB", maxExpanded>>20)
)

// expand returns s with its references replaced, and whether it had any. On error nothing is returned of what was
// read.
func (e *expander) expand(s string) (string, bool, error) {
	if !strings.Contains(s, "${") {
		return s, false, nil
	}
	var out strings.Builder
	var errs []error
	found := false
	for rest := s; ; {
		before, after, ok := strings.Cut(rest, "${")
		if !ok {
			out.WriteString(rest)
			break
		}
		if strings.HasSuffix(before, "$") {
			out.WriteString(before)
			out.WriteByte('{')
			rest = after
			continue
		}
		out.WriteString(before)
		ref, after, ok := strings.Cut(after, "}")
		if !ok {
			return "", true, errors.Join(append(errs, errUnterminated)...)
		}
		value, err := e.resolve(ref)
		if err != nil {
			errs = append(errs, err)
		}
		found = true
		out.WriteString(value)
		if out.Len() > maxExpanded {
			return "", true, errTooLong
		}
		rest = after
	}
	if len(errs) > 0 {
		return "", true, errors.Join(errs...)
	}
	if e.total += out.Len(); e.total > maxExpandedTotal {
		return "", true, fmt.Errorf("all values with references expand to more than %d MiB", maxExpandedTotal>>20)
	}
	if found {
		e.expansions = append(e.expansions, expansion{raw: s, value: out.String(), whole: true})
	}
	return out.String(), found, nil
}

// resolve returns the value of the reference ${ref}.
func (e *expander) resolve(ref string) (string, error) {
	raw := "${" + ref + "}"
	if path, ok := strings.CutPrefix(ref, "file:"); ok {
		if path == "" {
			return "", errors.New("${file:} names no file")
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(e.dir, path)
		}
		value, err := e.sources.readText(path)
		if err != nil {
			return "", fmt.Errorf("%s: %w", shorten(raw), err)
		}
		e.remember(raw, value, true)
		return value, nil
	}
	name, fallback, hasFallback := strings.Cut(ref, ":-")
	if !variableName.MatchString(name) {
		return "", fmt.Errorf(`%s is no reference: want ${NAME}, ${NAME:-default} or ${file:path}; write "$${" for a literal "${"`,
			shorten(raw))
	}
	if strings.Contains(fallback, "${") {
		return "", fmt.Errorf("the default of ${%s} cannot hold a reference", name)
	}
	value, ok := e.lookup(name)
	switch {
	case hasFallback && (!ok || value == ""):
		value = fallback
	case !ok:
		return "", fmt.Errorf("environment variable %s is not set; ${%[1]s:-default} would give it a default", name)
	case !utf8.ValidString(value):
		return "", fmt.Errorf("environment variable %s is not valid UTF-8", name)
	}
	e.remember(raw, value, false)
	return value, nil
}

var variableName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

func (e *expander) remember(raw, value string, file bool) {
	if value != "" {
		e.expansions = append(e.expansions, expansion{raw: raw, value: value, file: file})
	}
}

// shorten cuts a text to what fits into a message.
func shorten(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	n := limit
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
