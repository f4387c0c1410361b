package httpcheck

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"regexp"
	"slices"

	"golang.org/x/net/http/httpguts"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/httpclient"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/jq"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/template"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// Bounds on what is extracted: by a step, and the bytes of one text.
const (
	maxExtracts  = 50
	maxExtracted = 16 << 10
)

// extraction is an Extract made ready to run.
type extraction struct {
	name   string
	query  *jq.Query      // nil: not by jq
	header string         // canonical; empty: not of a header
	match  *regexp.Regexp // nil: all of it
	secret bool
}

// newExtractions returns those of a step, the secret ones first.
func newExtractions(s *Step, m *field.Mistakes) (list []extraction) {
	if len(s.Extract) > maxExtracts {
		m.Add("extract", "more than %d names", maxExtracts)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Extract)) {
		from, path := s.Extract[name], "extract."+name
		if from.JQ == "" && from.Header == "" && from.Regex == "" { // what was meant as a value may be written as a name
			m.Add("extract", "has a name without one of jq, header and regex")
			continue
		}
		x := extraction{name: name, secret: from.Secret, match: m.Pattern(path+".regex", from.Regex)}
		if !template.IsName(name) {
			m.Add("extract", "%.40q is no name: want letters, digits and underscores", name)
		}
		if from.JQ != "" && from.Header != "" {
			m.Add(path, "has jq and header: leave only one of them")
		}
		if from.Header == "" && noBody(s.Method) {
			m.Add(path, "the answer to HEAD has no body")
		}
		if from.JQ != "" {
			q, err := jq.Compile(from.JQ)
			m.Check(path+".jq", err)
			x.query = q
		}
		if from.Header != "" {
			if !httpguts.ValidHeaderFieldName(from.Header) {
				m.Add(path+".header", "%q is not the name of a header", from.Header)
			}
			x.header = http.CanonicalHeaderKey(from.Header)
		}
		if x.match != nil && x.match.NumSubexp() == 0 {
			m.Add(path+".regex", "has no group: what is in the first pair of parentheses is extracted")
		}
		list = append(list, x)
	}
	slices.SortStableFunc(list, func(a, b extraction) int {
		switch {
		case a.secret == b.secret:
			return 0
		case a.secret:
			return -1
		default:
			return 1
		}
	})
	return list
}

// ofBody reports whether the body is looked at.
func (x *extraction) ofBody() bool { return x.header == "" }

// extract adds what is extracted from the answer to found, which has the name of each, and to the set what is secret.
// Where something secret is not found, all that the peer said is withheld, since it may be there in another form; but
// not where the peer refuses, and that is told. The error is about the first that is not found.
func extract(ctx context.Context, list []extraction, a *httpclient.Answer, doc *document, found map[string]string, set *secret.Set) (first error) {
	refused := a.Response.StatusCode >= http.StatusBadRequest && !a.Cut && a.BodyErr == nil
	for i := range list {
		x := &list[i]
		withheld := a.Withheld
		a.Withheld = withheld || x.secret && !refused
		text, err := x.from(ctx, a, doc)
		if err != nil {
			if first == nil {
				first = healthcheck.Errorf(healthcheck.ReasonOf(err), "extract %q: %w", x.name, err)
			}
			continue
		}
		if x.secret {
			set.Add(text)
		}
		a.Withheld = withheld
		found[x.name] = text
	}
	return first
}

func (x *extraction) from(ctx context.Context, a *httpclient.Answer, doc *document) (string, error) {
	if x.ofBody() && a.BodyErr != nil {
		return "", a.BodyErr
	}
	text, err := x.find(ctx, a, doc)
	switch {
	case err != nil:
		return "", err
	case text == "":
		return "", healthcheck.Errorf(healthcheck.ReasonBody, "it is empty")
	case len(text) > maxExtracted:
		return "", healthcheck.Errorf(healthcheck.ReasonBody, "it is longer than %d bytes", maxExtracted)
	}
	return text, nil
}

// find returns what is there, which may be empty.
func (x *extraction) find(ctx context.Context, a *httpclient.Answer, doc *document) (string, error) {
	switch {
	case x.query != nil:
		v, err := doc.of(ctx, a)
		if err != nil {
			return "", err
		}
		text, err := x.query.Text(ctx, v)
		if err != nil || x.match == nil {
			return text, told(a, err)
		}
		text, _, err = x.group(ctx, []byte(text))
		return text, err
	case x.header != "":
		values := a.Response.Header[x.header]
		if len(values) == 0 {
			return "", healthcheck.Errorf(healthcheck.ReasonBody, "header %s is missing", x.header)
		}
		if x.match == nil {
			return values[0], nil
		}
		for _, value := range values {
			if text, _, err := x.group(ctx, []byte(value)); err == nil {
				return text, nil
			}
		}
		return "", healthcheck.Errorf(healthcheck.ReasonBody, "header %s does not match `%s`", x.header, x.match)
	}
	text, atEnd, err := x.group(ctx, a.Body)
	if atEnd && a.Cut {
		return "", healthcheck.Errorf(healthcheck.ReasonBody, "it may go on after the %d bytes of the body that were read (max_body_bytes)", a.Size)
	}
	return text, err
}

// group returns the first group of the regular expression in a text, and whether that is at its end.
func (x *extraction) group(ctx context.Context, text []byte) (found string, atEnd bool, err error) {
	r := runes{ctx: ctx, Reader: bytes.NewReader(text)}
	at := x.match.FindReaderSubmatchIndex(&r)
	switch {
	case r.cut:
		return "", false, ended(ctx, x.match)
	case at == nil:
		return "", false, healthcheck.Errorf(healthcheck.ReasonBody, "nothing matches `%s`", x.match)
	case at[2] < 0:
		return "", false, nil
	}
	return string(text[at[2]:at[3]]), at[3] == len(text), nil
}
