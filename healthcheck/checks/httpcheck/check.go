package httpcheck

import (
	"context"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/httpclient"
)

type checker struct {
	*httpclient.Client
	expect expectation
}

// Check implements [healthcheck.Checker].
func (c *checker) Check(ctx context.Context) healthcheck.Result {
	defer c.Secrets().HidePanic()
	a, err := c.Do(ctx)
	defer a.Release()
	var measured []healthcheck.Value
	if err == nil {
		measured, err = c.expect.verdict(ctx, nil, a, new(document))
	}
	result := a.Fail(err)
	if err == nil {
		result.Details = strings.Trim(a.Note(), " ()")
	}
	result.Values = append(values(a), measured...)
	return result
}

// verdict judges an answer, and appends the values that are picked out of it, whether it is good or not.
func (e *expectation) verdict(ctx context.Context, dst []healthcheck.Value, a *httpclient.Answer, doc *document) ([]healthcheck.Value, error) {
	err := e.judge(ctx, a, doc)
	if a.BodyErr != nil {
		return dst, err
	}
	dst, missing := e.appendValues(ctx, dst, a, doc)
	if err == nil {
		err = missing
	}
	return dst, err
}

func values(a *httpclient.Answer) []healthcheck.Value {
	values := a.AppendPhases(make([]healthcheck.Value, 0, 11), phaseDuration)
	values = a.AppendCertificates(values)
	if a.Response != nil {
		values = append(values,
			healthcheck.Value{Measure: statusCode, Value: float64(a.Response.StatusCode)},
			healthcheck.Value{Measure: bodyBytes, Value: float64(a.Size)})
	}
	if a.Response != nil || a.Redirects > 0 {
		values = append(values, healthcheck.Value{Measure: redirects, Value: float64(a.Redirects)})
	}
	return values
}
