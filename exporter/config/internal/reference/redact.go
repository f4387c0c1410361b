package reference

import (
	"slices"
	"strconv"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// Redactor puts references back where a text, which somebody else wrote, shows what they stand for.
type Redactor struct {
	parts *secret.Set // what references stand for
	files *secret.Set // those to files; nil where there are none
	// Texts with references are looked for as a whole, and in quotes: a set would find their beginnings too, which may be
	// no secret.
	wholes   []Expansion
	replacer *strings.Replacer
}

// NewRedactor returns a redactor that puts back the references of these expansions.
func NewRedactor(expansions []Expansion) *Redactor {
	r := &Redactor{parts: secret.New()}
	var pairs []string
	for _, e := range expansions {
		if !e.Whole {
			r.parts.AddAs(e.Value, document.Shorten(e.Raw))
			if e.File {
				if r.files == nil {
					r.files = secret.New()
				}
				r.files.AddAs(e.Value, document.Shorten(e.Raw))
			}
			continue
		}
		r.wholes = append(r.wholes, e)
		if len(e.Value) >= secret.MinLength {
			quoted := strconv.Quote(e.Value)
			pairs = append(pairs, e.Value, document.Shorten(e.Raw), quoted[1:len(quoted)-1], document.Shorten(e.Raw))
		}
	}
	r.replacer = strings.NewReplacer(pairs...)
	return r
}

// Redact redacts a text. What stands in quotes is hidden also where it is a part of a value of at least so many bytes.
func (r *Redactor) Redact(text string, least int) string {
	text = r.parts.HideQuoted(r.replacer.Replace(text), least)
	if len(r.wholes) == 0 {
		return text
	}
	return secret.ReplaceQuoted(text, func(part string) (string, bool) {
		shows := func(e Expansion) bool { return strings.Contains(e.Value, part) }
		literal := func(e Expansion) bool { return strings.Contains(e.Raw, part) }
		i := slices.IndexFunc(r.wholes, shows)
		if i < 0 || len(part) < least || slices.ContainsFunc(r.wholes, literal) {
			return "", false
		}
		return document.Shorten(r.wholes[i].Raw), true
	})
}

// HidePanic is deferred, and lets a panic go on with a redacted text.
func (r *Redactor) HidePanic() {
	if p := recover(); p != nil {
		secret.Repanic(p, func(text string) string { return r.Redact(text, secret.MinLength) })
	}
}

// HidesFiles reports whether there is anything from files.
func (r *Redactor) HidesFiles() bool { return r.files != nil }

// HideFiles hides what came from files.
func (r *Redactor) HideFiles(text string) string { return r.files.Hide(text) }

// Redact redacts the text of an error, which may quote any part of a value.
func Redact(text string, expansions []Expansion) string {
	if len(expansions) == 0 {
		return text
	}
	return NewRedactor(expansions).Redact(text, 1)
}

// RedactFiles redacts what came from files only: variables often hold what a reader wants to see, such as a host's name,
// files hardly ever.
func RedactFiles(text string, expansions []Expansion) string {
	set := secret.New()
	for _, e := range expansions {
		if e.File {
			set.AddAs(e.Value, document.Shorten(e.Raw))
		}
	}
	return set.Hide(text)
}
