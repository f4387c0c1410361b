package httpcheck

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/httpclient"
)

// flow is a check of several steps.
type flow struct {
	client *httpclient.Client
	steps  []step
}

// Close drops a kept connection.
func (f *flow) Close() error { return f.client.Close() }

// Check implements [healthcheck.Checker].
func (f *flow) Check(ctx context.Context) healthcheck.Result {
	r := flowRun{Session: f.client.Begin(), found: make(map[string]string)}
	defer r.Secrets().HidePanic()
	for i := range f.steps {
		if err := r.do(ctx, &f.steps[i]); err != nil {
			result := r.Secrets().Fail(healthcheck.Errorf(healthcheck.ReasonOf(err), "step %q: %w", f.steps[i].name, err))
			result.Values = r.all()
			return result
		}
	}
	result := r.Secrets().Fail(nil)
	result.Values = r.all()
	return result
}

// flowRun is a run of a flow and what it has come to.
type flowRun struct {
	*httpclient.Session
	found        map[string]string // what was extracted, by name
	values       []healthcheck.Value
	certificates []healthcheck.Value
}

// all returns all that was measured.
func (r *flowRun) all() []healthcheck.Value { return append(r.certificates, r.values...) }

// do makes one step. Its error has a reason.
func (r *flowRun) do(ctx context.Context, s *step) error {
	req := &s.request
	if s.dynamic {
		filled, err := s.fill(r.found)
		if err != nil {
			return err
		}
		req = &filled
		req.AddSecrets(r.Secrets())
	}
	a, err := r.Do(ctx, req)
	defer a.Release()
	r.measure(s, a)
	if err != nil {
		return err
	}
	var doc document
	// Before anything is said about the answer, what is secret in it has to be known.
	missing := extract(ctx, s.extracts, a, &doc, r.found, r.Secrets())
	if r.values, err = s.expect.verdict(ctx, r.values, a, &doc); err != nil {
		return err
	}
	return missing
}

func (r *flowRun) measure(s *step, a *httpclient.Answer) {
	for _, v := range a.AppendPhases(nil, phaseDuration) {
		r.values = append(r.values, stepPhaseDuration.Value(v.Value, v.Label, s.name))
	}
	if a.Response != nil {
		r.values = append(r.values, stepStatusCode.Value(float64(a.Response.StatusCode), s.name))
	}
	r.certificates = httpclient.MergeCertificates(r.certificates, a.AppendCertificates(nil))
}

// fill returns the request with what was found in the place of references.
func (s *step) fill(found map[string]string) (httpclient.Request, error) {
	req := s.request
	value := func(name string) string { return found[name] }
	escaped := func(escape func(string) string) func(string) string {
		return func(name string) string { return escape(found[name]) }
	}
	req.Body = s.body.Fill(escaped(s.escape))
	if s.headers != nil {
		req.Header = maps.Clone(req.Header)
	}
	for _, name := range slices.Sorted(maps.Keys(s.headers)) {
		t := s.headers[name]
		text := t.Fill(value)
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !httpguts.ValidHeaderFieldValue(text):
			return req, healthcheck.Errorf(healthcheck.ReasonBody, "header %s gets characters that a header cannot hold from ${step.%s}", canonical, strings.Join(t.Names, "} or ${step."))
		case canonical != "Host":
			req.Header[canonical] = []string{text}
		case !httpguts.ValidHostHeader(text):
			return req, healthcheck.Errorf(healthcheck.ReasonBody, "header Host is no host with ${step.%s} in it", strings.Join(t.Names, "} and ${step."))
		default:
			req.Host = text
		}
	}
	if len(s.path.Names)+len(s.query.Names) == 0 {
		return req, nil
	}
	u := *req.URL
	if len(s.query.Names) > 0 {
		u.RawQuery = s.query.Fill(escaped(url.QueryEscape))
	}
	if len(s.path.Names) > 0 {
		u.RawPath = s.path.Fill(escaped(url.PathEscape))
		var err error
		if u.Path, err = url.PathUnescape(u.RawPath); err != nil || hasDots(u.RawPath) {
			return req, healthcheck.Errorf(healthcheck.ReasonBody, `the path of the URL would get a part "." or ".." from ${step.%s}`, strings.Join(s.path.Names, "} or ${step."))
		}
	}
	req.URL = &u
	return req, nil
}

// hasDots reports whether one of the parts of a path means another one (RFC 3986, section 3.3).
func hasDots(path string) bool {
	return slices.ContainsFunc(strings.Split(path, "/"), func(part string) bool { return part == "." || part == ".." })
}
