package httpcheck

import (
	"context"
	"errors"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/httpclient"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/jq"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/value"
)

// maxJSON is how much JSON is read. A document becomes a multiple of its size in memory, at the worst one of thirty, and
// the reading does not end with the run.
const maxJSON = 4 << 20

// document is the body of an answer as JSON, read when it is first asked for.
type document struct {
	read  bool
	value any
	err   error
}

// of returns the document of the answer. The error has a reason, and shows the beginning of the body.
func (d *document) of(ctx context.Context, a *httpclient.Answer) (any, error) {
	if d.read {
		return d.value, d.err
	}
	d.read = true
	switch {
	case a.Cut:
		d.err = healthcheck.Errorf(healthcheck.ReasonBody, "the body goes on after %d bytes (max_body_bytes), it is not read as JSON", a.Size)
	case len(a.Body) > maxJSON:
		d.err = healthcheck.Errorf(healthcheck.ReasonBody, "the body has %d bytes, no more than %d are read as JSON", a.Size, maxJSON)
	case ctx.Err() != nil:
		d.err = healthcheck.Errorf(healthcheck.ReasonOf(ctx.Err()), "out of time before the body was read as JSON")
	default:
		if d.value, d.err = jq.Parse(a.Body); d.err != nil {
			d.err = healthcheck.Errorf(healthcheck.ReasonOf(d.err), "the body is %w%s", d.err, a.BodyExcerpt())
		}
	}
	return d.value, d.err
}

// told returns an error with what it quotes of the document told as an excerpt of the answer.
func told(a *httpclient.Answer, err error) error {
	if e, ok := errors.AsType[*jq.Error](err); ok {
		return healthcheck.Errorf(healthcheck.ReasonOf(err), "%s", e.Told(a.Excerpt))
	}
	return err
}

// namedQuery picks out a number.
type namedQuery struct {
	name  string
	query *jq.Query
}

// appendValues appends the numbers that are picked out of the answer. The error is about the first of those that are
// none.
func (e *expectation) appendValues(ctx context.Context, dst []healthcheck.Value, a *httpclient.Answer, doc *document) ([]healthcheck.Value, error) {
	if e.rare == nil || len(e.rare.values) == 0 {
		return dst, nil
	}
	v, err := doc.of(ctx, a)
	if err != nil {
		return dst, healthcheck.Errorf(healthcheck.ReasonOf(err), "value %q: %w", e.rare.values[0].name, err)
	}
	var first error
	for _, q := range e.rare.values {
		n, err := q.query.Number(ctx, v)
		switch {
		case err == nil:
			dst = append(dst, value.Measure.Value(n, q.name))
		case first == nil:
			first = healthcheck.Errorf(healthcheck.ReasonOf(err), "value %q: %w", q.name, told(a, err))
		}
	}
	return dst, first
}
