package httpcheck

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// wire carries requests to servers. It is used by one run at a time.
type wire interface {
	http.RoundTripper
	// begin has the following round trips write to r, until end is called. It returns the context for them.
	begin(ctx context.Context, r *record) context.Context
	end()
	// Close drops kept connections and keeps no more of them. It may be called at any time.
	Close() error
}

type checker struct {
	template   template
	expect     expectation
	follow     bool
	maxBody    int64
	secrets    secretList
	wire       wire
	authorized http.RoundTripper // wire with credentials added
	tokens     *tokenDialer      // nil without OAuth2

	record *record // of the run under way, else nil
}

// template is what the requests of all runs have in common.
type template struct {
	method string
	url    *url.URL // without user information and fragment
	header http.Header
	host   string // empty for that of the URL
	body   string
	keep   bool
}

// authorize sets the header Authorization. The header as it was, which other checks may share, stays.
func (t *template) authorize(value string) {
	t.header = maps.Clone(t.header)
	t.header["Authorization"] = []string{value}
}

// request returns the request of a run. URL and header are shared by all of them: who wants to change them, makes a
// copy.
func (t *template) request(ctx context.Context) *http.Request {
	req := (&http.Request{
		Method: t.method, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		URL: t.url, Header: t.header, Host: t.host, Close: !t.keep,
	}).WithContext(ctx)
	if body := t.body; body != "" {
		req.ContentLength = int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
		req.Body, _ = req.GetBody()
	}
	return req
}

// Close drops a kept connection. A run under way is not disturbed.
func (c *checker) Close() error { return c.wire.Close() }

// answer is what a run got.
type answer struct {
	response  *http.Response // of the last request, its body closed; nil if there was none
	redirects int
	body      []byte // up to the limit if it matters, else the beginning
	size      int64  // of the body, as far as it was read
	cut       bool   // the limit was reached
	latency   time.Duration
	secrets   secretList
}

// excerpt returns the beginning of the body, to be appended to a text, or nothing.
func (a *answer) excerpt() string {
	text := a.secrets.excerpt(a.body[:min(len(a.body), 16*maxExcerpt)])
	if text == "" {
		return ""
	}
	return ": " + text
}

// note tells of a body that was cut, to be appended to a text.
func (a *answer) note() string {
	if !a.cut {
		return ""
	}
	return fmt.Sprintf(" (body cut at %d bytes)", a.size)
}

// Check implements [healthcheck.Checker].
func (c *checker) Check(ctx context.Context) healthcheck.Result {
	start := time.Now()
	s := scratches.Get().(*scratch)
	a := answer{body: s.body[:0], secrets: c.secrets}
	c.record = &s.record
	c.record.reset()
	err := c.fetch(c.wire.begin(ctx, c.record), &a)
	c.wire.end()
	end := time.Now()
	c.record.finish(end)
	a.latency = end.Sub(start)

	result := c.result(ctx, &a, err)
	result.Values = c.values(&a)
	c.record = nil
	s.body = a.body
	s.put() // not deferred: a run that panics may leave somebody behind who still writes to it
	return result
}

// result is what the run found. A wrong status is told even if the body did not arrive.
func (c *checker) result(ctx context.Context, a *answer, err error) healthcheck.Result {
	judged, isJudged := errors.AsType[*refusal](err)
	switch {
	case isJudged:
		err = judged.err
	case err != nil && a.response != nil && !c.expect.status.has(a.response.StatusCode):
		err = c.expect.judgeStatus(a)
	case err != nil:
		f := c.explain(ctx, err, a.latency)
		return healthcheck.Result{Level: healthcheck.FAIL, Reason: f.reason, Details: f.text}
	default:
		err = c.expect.judge(a)
	}
	if err == nil {
		return healthcheck.Result{Details: strings.Trim(a.note(), " ()")}
	}
	return healthcheck.Fail(err)
}

func (c *checker) values(a *answer) []healthcheck.Value {
	values := c.record.values(make([]healthcheck.Value, 0, int(numPhases)+6))
	if a.response == nil {
		return values
	}
	return append(values,
		healthcheck.Value{Measure: statusCode, Value: float64(a.response.StatusCode)},
		healthcheck.Value{Measure: bodyBytes, Value: float64(a.size)},
		healthcheck.Value{Measure: redirects, Value: float64(a.redirects)})
}

// refusal is an answer that the run does not go on from, though the wire did its part.
type refusal struct{ err error }

func (r *refusal) Error() string { return r.err.Error() }

func refuse(reason healthcheck.Reason, format string, args ...any) error {
	return &refusal{err: healthcheck.Errorf(reason, format, args...)}
}

// fetch sends the request, follows redirects, and reads the last answer into a.
func (c *checker) fetch(ctx context.Context, a *answer) error {
	if c.tokens != nil {
		c.tokens.begin(ctx)
		defer c.tokens.end()
	}
	req := c.template.request(ctx)
	transport, left := c.authorized, false
	for {
		resp, err := transport.RoundTrip(req)
		if err != nil {
			return err
		}
		a.response = resp
		if !c.redirected(resp) {
			err = a.read(resp.Body, c.maxBody, c.expect.wantsBody())
			_ = resp.Body.Close()
			return err
		}
		_ = resp.Body.Close()
		if a.redirects == maxRedirects {
			return refuse(healthcheck.ReasonStatus, "status %d: redirected again after %d redirects", resp.StatusCode, maxRedirects)
		}
		a.redirects++
		if req, err = redirect(req, resp); err != nil {
			return err
		}
		// Once a redirect has left, it does not matter where the next one goes.
		if left = left || !sameOrigin(c.template.url, req.URL); left {
			transport = c.wire
			if err := strip(req); err != nil {
				return err
			}
		}
	}
}
