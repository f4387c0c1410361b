package gatus

import (
	"regexp"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/draft"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/tree"
)

// expand returns a text of gatus as one of ours, and whether it refers to variables. In gatus $NAME and ${NAME} stand for
// a variable and $$ for a dollar, before anything else is read.
func expand(text string) (out draft.Raw, refers bool) {
	var b strings.Builder
	literal := func(s string) { b.WriteString(string(draft.Quote(s))) }
	for {
		before, rest, found := strings.Cut(text, "$")
		if !found {
			literal(before)
			break
		}
		if strings.HasPrefix(rest, "$") {
			literal(before + "$")
			if next := rest[1:]; strings.HasPrefix(next, "{") { // "$" and "{" come together only now
				undo := strings.TrimSuffix(b.String(), "$")
				b.Reset()
				b.WriteString(undo + "$${")
				rest = rest[1:]
			}
			text = rest[1:]
			continue
		}
		literal(before)
		name, after := variable(rest)
		if name == "" {
			b.WriteString("$")
			text = rest
			continue
		}
		b.WriteString("${" + name + "}")
		refers = true
		text = after
	}
	return draft.Raw(b.String()), refers
}

// variable returns the name at the beginning of a text, with or without braces, and what comes after it.
func variable(text string) (name, after string) {
	var inner string
	if strings.HasPrefix(text, "{") {
		var closed bool
		if inner, after, closed = strings.Cut(text[1:], "}"); !closed {
			return "", text
		}
	} else {
		n := 0
		for n < len(text) && wordByte(text[n]) {
			n++
		}
		inner, after = text[:n], text[n:]
	}
	if inner == "" || inner[0] >= '0' && inner[0] <= '9' || strings.ContainsFunc(inner, func(r rune) bool { return r >= 0x80 || !wordByte(byte(r)) }) {
		return "", text
	}
	return inner, after
}

var reference = regexp.MustCompile(`\$\{?([a-zA-Z_][a-zA-Z0-9_]*)`)

// variables returns the names that a text may refer to.
func variables(text string) (names []string) {
	if !strings.Contains(text, "$") {
		return nil
	}
	for _, m := range reference.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// text returns the text at a key, with references.
func text(n *tree.Node, key string) draft.Raw {
	v := n.Get(key)
	value, _ := v.Scalar()
	return read(v, value)
}

// dollarBefore matches a dollar before a reference, which cannot be written here.
var dollarBefore = regexp.MustCompile(`(?:^|[^$])(?:\$\$)+\$(?:\{|[a-zA-Z_])`)

// read expands a text that is n's.
func read(n *tree.Node, value string) draft.Raw {
	if dollarBefore.MatchString(value) {
		n.Remark("a dollar right before a variable cannot be written here: the variable is not replaced")
	}
	out, _ := expand(value)
	return out
}
