// Package template reads texts with references to what a step of a run has found out: ${step.NAME}, in the words of all
// kinds with steps.
package template

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Reference begins a reference to what a step has found out.
const Reference = "${step."

// Text is a text with references. A "$" before one makes it stand for itself. The zero value has no text to stand for.
type Text struct {
	Literals []string // what is before, between and behind the references: one more than there are names
	Names    []string
}

var name = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// IsName reports whether a reference can name s.
func IsName(s string) bool { return name.MatchString(s) }

// Parse reads a text. Its errors repeat nothing of it.
func Parse(text string) (t Text, err error) {
	var literal strings.Builder
	for {
		before, after, ok := strings.Cut(text, Reference)
		literal.WriteString(before)
		if !ok {
			break
		}
		if escaped, ok := strings.CutSuffix(literal.String(), "$"); ok {
			literal.Reset()
			literal.WriteString(escaped + Reference)
			text = after
			continue
		}
		name, rest, ok := strings.Cut(after, "}")
		if !ok {
			return t, errors.New(`has a "${step." without a closing "}"`)
		}
		if !IsName(name) {
			return t, errors.New("has a reference to a step that is none: want ${step.NAME}, of letters, digits and underscores")
		}
		t.Literals = append(t.Literals, literal.String())
		t.Names = append(t.Names, name)
		literal.Reset()
		text = rest
	}
	t.Literals = append(t.Literals, literal.String())
	return t, nil
}

// IsText reports whether there is no reference.
func (t *Text) IsText() bool { return len(t.Names) == 0 }

// Fill returns the text with what value returns for each reference.
func (t *Text) Fill(value func(name string) string) string {
	if t.IsText() {
		return strings.Join(t.Literals, "")
	}
	var b strings.Builder
	for i, name := range t.Names {
		b.WriteString(t.Literals[i] + value(name))
	}
	b.WriteString(t.Literals[len(t.Names)])
	return b.String()
}

// With returns the text with the same in the place of all references.
func (t *Text) With(same string) string {
	return t.Fill(func(string) string { return same })
}

// Placeholder returns a word of letters that neither the text has nor what is beside it.
func (t *Text) Placeholder(beside string) string {
	word := "reference"
	for strings.Contains(strings.ToLower(beside+t.With(" ")), word) {
		word += "x"
	}
	return word
}

// Split returns the template that a part of the text is, where the placeholder stands for each of its references, in
// their order; and the names that are left over.
func Split(part, placeholder string, names []string) (Text, []string, error) {
	t := Text{Literals: strings.Split(part, placeholder)}
	n := len(t.Literals) - 1
	if n > len(names) {
		return t, nil, fmt.Errorf("has %d references to steps where %d are known", n, len(names))
	}
	t.Names = names[:n]
	return t, names[n:], nil
}
