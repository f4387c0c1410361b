package statuscheck

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/httpclient"
)

var (
	components = healthcheck.NewMeasure("status_components", "Number of selected components in the status document of the last run.")

	componentStatus = healthcheck.NewMeasure("component_status", "Status of the selected components in the status document of the last run: 0 for FAIL, otherwise 1. At most 900 of them.", "component")
)

// Bounds on what a run tells of a document.
const (
	maxMeasured = 900 // components; the runner takes 1,000 values
	maxShown    = 5   // failing components in the details
)

type checker struct {
	*httpclient.Client
	target  string
	include []string
	ignore  []string
}

// Check fetches the document and looks at the components.
func (c *checker) Check(ctx context.Context) healthcheck.Result {
	defer c.Secrets().HidePanic()
	a, err := c.Do(ctx)
	defer a.Release()
	r := run{checker: c, answer: a}
	if err == nil {
		err = r.judgeAnswer(ctx)
	}
	result := a.Fail(err)
	if err != nil {
		result.Details = c.target + ": " + result.Details
	}
	result.Values = a.AppendCertificates(r.values)
	return result
}

// run is one run of a check and what it has found so far.
type run struct {
	*checker
	answer *httpclient.Answer
	values []healthcheck.Value
}

func (r *run) judgeAnswer(ctx context.Context) error {
	code := r.answer.Response.StatusCode
	switch code {
	case http.StatusOK, http.StatusServiceUnavailable:
	default:
		return healthcheck.Errorf(r.answer.StatusReason(), "status %d, want 200 or 503", code)
	}
	if r.answer.BodyErr != nil {
		return r.answer.BodyErr
	}
	if r.answer.Cut {
		return healthcheck.Errorf(healthcheck.ReasonBody, "status %d, and the status document is longer than %d bytes", code, MaxDocumentBytes)
	}
	doc, err := decode(ctx, r.answer.Body)
	if ctxErr := ctx.Err(); err != nil && ctxErr != nil {
		return healthcheck.Errorf(healthcheck.ReasonOf(ctxErr), "out of time while the status document was read")
	}
	if err != nil {
		// It quotes names of the document.
		return healthcheck.Errorf(healthcheck.ReasonBody, "status %d, and the status document %s", code, r.answer.Excerpt(err.Error()))
	}
	selected, left := r.selectComponents(doc.Components)
	r.measure(selected)
	return r.judge(&doc, code, selected, left)
}

// selectComponents returns those that count and those that do not.
func (c *checker) selectComponents(all []Component) (selected, left []Component) {
	if len(c.include) == 0 && len(c.ignore) == 0 {
		return all, nil
	}
	for _, component := range all {
		if slices.Contains(c.include, component.Endpoint) || len(c.include) == 0 && !slices.Contains(c.ignore, component.Endpoint) {
			selected = append(selected, component)
		} else {
			left = append(left, component)
		}
	}
	return selected, left
}

func (r *run) measure(selected []Component) {
	r.values = append(r.values, healthcheck.Value{Measure: components, Value: float64(len(selected))})
	for _, component := range selected[:min(len(selected), maxMeasured)] {
		v := healthcheck.Value{Measure: componentStatus, Label: r.answer.Hide(component.Endpoint), Value: 1}
		if component.failed() {
			v.Value = 0
		}
		r.values = append(r.values, v)
	}
}

func (c *Component) failed() bool { return c.Status.Result == healthcheck.FAIL }

// judge returns why the document, which came with the status code, means a failure.
func (r *run) judge(doc *Document, code int, selected, left []Component) error {
	if len(r.include) > 0 {
		return r.judgeIncluded(selected)
	}
	excused := slices.ContainsFunc(left, func(c Component) bool { return c.failed() })
	switch {
	case doc.Status == healthcheck.FAIL && (!excused || r.failing(selected) != ""):
		return healthcheck.Errorf(healthcheck.ReasonStatus, "the status is FAIL%s", r.failing(selected))
	case doc.Status != healthcheck.FAIL && code == http.StatusServiceUnavailable:
		return healthcheck.Errorf(healthcheck.ReasonStatus, "status 503, though the document says %s", r.answer.Excerpt(string(doc.Status)))
	default:
		return nil
	}
}

func (r *run) judgeIncluded(selected []Component) error {
	for _, endpoint := range r.include {
		if !slices.ContainsFunc(selected, func(c Component) bool { return c.Endpoint == endpoint }) {
			return healthcheck.Errorf(healthcheck.ReasonBody, "the status document has no component %s", r.answer.Excerpt(endpoint))
		}
	}
	if text := r.failing(selected); text != "" {
		return healthcheck.Errorf(healthcheck.ReasonStatus, "a component is FAIL%s", text)
	}
	return nil
}

// failing lists the components that are FAIL and their details, for the end of details, or returns "".
func (r *run) failing(list []Component) string {
	var b strings.Builder
	n := 0
	for _, c := range list {
		if !c.failed() {
			continue
		}
		if n++; n > maxShown {
			continue
		}
		b.WriteString("; ")
		b.WriteString(r.answer.Excerpt(c.Endpoint))
		if c.Status.Details != "" {
			b.WriteString(": " + r.answer.Excerpt(c.Status.Details))
		}
	}
	if n > maxShown {
		fmt.Fprintf(&b, "; and %d more", n-maxShown)
	}
	return b.String()
}
