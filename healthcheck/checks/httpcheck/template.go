package httpcheck

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// stepReference begins a reference to what a step has extracted.
const stepReference = "${step."

// template is a text with references ${step.NAME}. A "$" before one makes it stand for itself.
type template struct {
	literals []string // one more than there are names
	names    []string
}

var variable = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

func parseTemplate(text string) (t template, err error) {
	var literal strings.Builder
	for {
		before, after, ok := strings.Cut(text, stepReference)
		literal.WriteString(before)
		if !ok {
			break
		}
		if escaped, ok := strings.CutSuffix(literal.String(), "$"); ok {
			literal.Reset()
			literal.WriteString(escaped + stepReference)
			text = after
			continue
		}
		name, rest, ok := strings.Cut(after, "}")
		if !ok {
			return t, errors.New(`has a "${step." without a closing "}"`)
		}
		if !variable.MatchString(name) {
			return t, errors.New("has a reference to a step that is none: want ${step.NAME}, of letters, digits and underscores")
		}
		t.literals = append(t.literals, literal.String())
		t.names = append(t.names, name)
		literal.Reset()
		text = rest
	}
	t.literals = append(t.literals, literal.String())
	return t, nil
}

// isText reports whether there is no reference.
func (t *template) isText() bool { return len(t.names) == 0 }

// fill returns the text with what value returns for each reference.
func (t *template) fill(value func(name string) string) string {
	if t.isText() {
		return strings.Join(t.literals, "")
	}
	var b strings.Builder
	for i, name := range t.names {
		b.WriteString(t.literals[i] + value(name))
	}
	b.WriteString(t.literals[len(t.names)])
	return b.String()
}

// with returns the text with the same in the place of all references.
func (t *template) with(same string) string {
	return t.fill(func(string) string { return same })
}

// placeholder returns a word of letters that neither the text has nor what is beside it.
func (t *template) placeholder(beside string) string {
	word := "reference"
	for strings.Contains(strings.ToLower(beside+t.with(" ")), word) {
		word += "x"
	}
	return word
}

// split returns the template that a part of the text is, where the placeholder stands for each of its references, in
// their order; and the names that are left over.
func split(part, placeholder string, names []string) (template, []string, error) {
	t := template{literals: strings.Split(part, placeholder)}
	n := len(t.literals) - 1
	if n > len(names) {
		return t, nil, fmt.Errorf("has %d references to steps where %d are known", n, len(names))
	}
	t.names = names[:n]
	return t, names[n:], nil
}
