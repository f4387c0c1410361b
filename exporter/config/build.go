package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// kindNode is the part of a check that configures its kind.
type kindNode struct {
	name string
	place
}

// build decodes the kind's configuration and makes the checker, or takes over that of the previous configuration.
func (l *loader) build(c *Check, before int) {
	kind, ok := l.onlyKind(before)
	if !ok {
		return
	}
	line := l.push(kind.name, -1, kind.line)
	defer l.pop(line)
	defer l.recoverPanic(len(l.path))
	b := l.builders[kind.name]
	config := l.configOf(kind.name, b)
	beforeKind, outside := l.errs.count(), len(l.expansions)
	if !isNull(resolveAlias(kind.node)) { // null is a kind without settings, whose constructor says what it needs
		l.decode(kind.node, config.Elem(), l.types.of(b.config))
	}
	if l.unreadable(beforeKind) {
		return
	}
	c.Kind = kind.name
	if l.errs.count() == before {
		c.Fingerprint = l.hash.sum(&c.Check, l.windows.list, config.Elem())
		if p, ok := l.previous[c.Endpoint]; ok && p.Fingerprint == c.Fingerprint {
			c.Target, c.Checker = p.Target, p.Checker
			return
		}
	}
	checker, err := b.checker(config.Interface())
	if err != nil {
		for _, e := range flatten(err) {
			l.reportBelow(kind.place, e, beforeKind)
		}
		return
	}
	if l.errs.count() > before {
		return
	}
	c.Target = redactFiles(b.target(config.Interface()), l.expansions)
	c.Checker = withoutSecrets(checker, l.expansions[outside:], c.Target)
	if err := c.Validate(); err != nil && l.errs.count() == 0 {
		l.reportForeign(err)
	}
}

// configOf returns a pointer to a zero configuration of the kind.
func (l *loader) configOf(name string, b builder) reflect.Value {
	config, ok := l.configs[name]
	if !ok {
		config = reflect.New(b.config)
		l.configs[name] = config
		l.types.of(b.config).hint = l.settingOfCheck
	}
	config.Elem().SetZero()
	return config
}

// onlyKind returns the kind of the current check, and reports none or too many.
func (l *loader) onlyKind(before int) (kindNode, bool) {
	switch len(l.kinds) {
	case 1:
		return l.kinds[0], true
	case 0:
		// An unknown key is most likely the kind, misspelt.
		if !l.hasUnknownKey(before) {
			l.errorf("says not what to check: add one of %s", strings.Join(l.kindNames, ", "))
		}
	default:
		for _, k := range l.kinds[1:] {
			l.reportAt(k.line, "", fmt.Errorf("has two kinds, %s (line %d) and %s; make it two checks", l.kinds[0].name, l.kinds[0].line, k.name))
		}
	}
	return kindNode{}, false
}

// reportBelow reports a mistake that a constructor found in what is configured at the current node, unless it follows
// from one that was found since before.
func (l *loader) reportBelow(current place, err error, before int) {
	field, text := "", err
	if e, ok := errors.AsType[*healthcheck.FieldError](err); ok {
		field, text = e.Field, e.Err
	}
	at, exact := current.locate(field)
	switch {
	case field == "" && l.errs.count() > before,
		field != "" && l.failed(before, field),
		!exact && l.meant(before, field):
		return
	}
	l.reportAt(at.line, field, errors.New(redact(text.Error(), l.expansions)))
}

// failed reports whether a mistake was found since before at the path below the current one, or near it.
func (l *loader) failed(before int, below string) bool {
	if l.errs.count() == before || l.errs.dropped > 0 {
		return l.errs.dropped > 0
	}
	path := joinPath(formatPath(l.path), below)
	for _, e := range l.errs.errs[min(before, len(l.errs.errs)):] {
		if within(e.Path, path) || within(path, e.Path) && len(e.Path) > len(formatPath(l.path)) && !unknownKey(e) {
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

func unknownKey(e *Error) bool { return strings.HasPrefix(e.Err.Error(), "unknown key") }

// meant reports whether an unknown key since before was probably meant to be the field.
func (l *loader) meant(before int, field string) bool {
	dot := strings.LastIndexByte(field, '.')
	name, mapping := field[dot+1:], joinPath(formatPath(l.path), field[:max(dot, 0)])
	for _, e := range l.errs.errs[min(before, len(l.errs.errs)):] {
		if unknownKey(e) && e.Path == mapping && strings.HasSuffix(e.Err.Error(), fmt.Sprintf("did you mean %q?", name)) {
			return true
		}
	}
	return false
}

// hasUnknownKey reports whether the current mapping was found to have an unknown key since before.
func (l *loader) hasUnknownKey(before int) bool { return l.hasError(before, unknownKey) }

// unreadable reports whether, since before, the current node was found to be no mapping that can be decoded.
func (l *loader) unreadable(before int) bool {
	return l.hasError(before, func(e *Error) bool { return !unknownKey(e) })
}

// hasError reports whether a mistake of some sort was found at the current path since before.
func (l *loader) hasError(before int, sort func(*Error) bool) bool {
	if l.errs.count() == before {
		return false
	}
	path := formatPath(l.path)
	return slices.ContainsFunc(l.errs.errs[min(before, len(l.errs.errs)):], func(e *Error) bool {
		return e.Path == path && sort(e)
	})
}

// settingOfKind says to which kind a key belongs that was found beside the kind.
func (l *loader) settingOfKind(mapping *yaml.Node, key string) string {
	for _, name := range l.kindNames {
		if _, ok := findKey(mapping, name); !ok {
			continue
		}
		if _, ok := l.types.of(l.builders[name].config).index[key]; ok {
			return fmt.Sprintf("it belongs below %q: indent it further", name+":")
		}
	}
	return ""
}

// settingOfCheck says that a key belongs beside the kind that it was found below.
func (l *loader) settingOfCheck(_ *yaml.Node, key string) string {
	if i, ok := l.check.index[key]; ok && i < len(l.check.fields) {
		return `it belongs to the check, beside "endpoint:": indent it less`
	}
	return ""
}

// flatten returns the errors that were joined, also those joined within.
func flatten(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var errs []error
	for _, e := range joined.Unwrap() {
		errs = append(errs, flatten(e)...)
	}
	return errs
}
