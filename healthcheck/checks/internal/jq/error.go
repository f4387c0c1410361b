package jq

import (
	"strings"

	"github.com/itchyny/gojq"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Error is what is wrong with the answer of a query. It quotes the document: who has secrets to hide tells it with
// [Error.Told].
type Error struct{ before, quoted, after string }

// Error implements error. Of what it quotes it shows no more than the beginning.
func (e *Error) Error() string { return e.Told(cut) }

// Told returns the text of the error with what it quotes of the document, which may be long, as show returns it.
func (e *Error) Told(show func(quoted string) string) string {
	return e.before + show(e.quoted) + e.after
}

// wrong returns an Error about the query, with the reason body.
func (q *Query) wrong(before, quoted, after string) error {
	return healthcheck.WithReason(healthcheck.ReasonBody, &Error{"`" + q.text + "` " + before, quoted, after})
}

// shown returns an answer as JSON, whole, so that what is secret in it can be found.
func shown(answer any) string {
	text, err := gojq.Marshal(answer)
	if err != nil {
		return "something that is no JSON"
	}
	return string(text)
}

// withoutPreview returns the text of an error of package gojq without what it has cut out of the document.
func withoutPreview(text string) string {
	if !strings.Contains(text, " ...") {
		return text
	}
	return strings.TrimRight(text[:strings.IndexAny(text+"(", "(\"[{")], ": ")
}

// maxShown is how many bytes of an answer are told.
const maxShown = 80

func cut(s string) string {
	if len(s) <= maxShown {
		return s
	}
	return strings.ToValidUTF8(s[:maxShown], "") + "…"
}
