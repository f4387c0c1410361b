package httpcheck

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/httpclient"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
)

// builder makes an expectation.
type builder struct {
	Config
	*field.Mistakes
}

// texts returns what is expected, which details show.
func (e *Expect) texts() []string {
	list := slices.Concat(e.BodyMatches, e.BodyNotMatches, e.JSON)
	for _, headers := range []map[string]string{e.Headers, e.HeadersNotMatch} {
		for name, expr := range headers {
			list = append(list, name, expr)
		}
	}
	if e.FinalURL != "" {
		list = append(list, e.FinalURL)
	}
	return list
}

// follow returns which redirects are followed; nil: none.
func (b *builder) follow(e *expectation) func(status int) bool {
	if b.FollowRedirects != nil && !*b.FollowRedirects {
		return nil
	}
	if len(b.Expect.Status) == 0 {
		return followAll
	}
	status := e.status
	return func(code int) bool { return !status.has(code) }
}

// followAll is shared by all checks that want 2xx.
func followAll(int) bool { return true }

// expectation is an Expect made ready to run.
type expectation struct {
	status     statusSet
	match      []*regexp.Regexp
	notMatch   []*regexp.Regexp
	headers    []headerMatch
	maxLatency time.Duration
	rare       *rare // nil where there is nothing of it
}

type headerMatch struct {
	name  string // canonical
	match *regexp.Regexp
}

func (b *builder) newExpectation() expectation {
	e := expectation{
		status:     b.statusSet(),
		match:      b.Patterns("expect.body_matches", b.Expect.BodyMatches),
		notMatch:   b.Patterns("expect.body_not_matches", b.Expect.BodyNotMatches),
		maxLatency: b.Expect.MaxLatency,
	}
	e.headers = b.headers("expect.headers", b.Expect.Headers)
	b.NotNegative("expect.max_latency", e.maxLatency)
	e.rare = b.rare()
	if noBody(b.Method) {
		b.Unused("the answer to HEAD has no body",
			field.Given{Field: "expect.body_matches", Set: len(b.Expect.BodyMatches) > 0},
			field.Given{Field: "expect.body_not_matches", Set: len(b.Expect.BodyNotMatches) > 0},
			field.Given{Field: "expect.body_sha256", Set: b.Expect.BodySHA256 != ""},
			field.Given{Field: "expect.body_size", Set: b.Expect.BodySize != BodySize{}},
			field.Given{Field: "expect.json", Set: len(b.Expect.JSON) > 0},
			field.Given{Field: "values", Set: len(b.Values) > 0})
	}
	return e
}

func (b *builder) headers(path string, exprs map[string]string) (list []headerMatch) {
	for _, name := range slices.Sorted(maps.Keys(exprs)) {
		if !httpguts.ValidHeaderFieldName(name) {
			b.Add(path, "%q is not the name of a header", name)
		}
		re, err := regexp.Compile(exprs[name])
		b.Check(path+"."+name, err)
		list = append(list, headerMatch{name: http.CanonicalHeaderKey(name), match: re})
	}
	return list
}

// wantsBody reports whether the content of the body matters.
func (e *expectation) wantsBody() bool {
	return len(e.match)+len(e.notMatch) > 0 || e.rare != nil && e.rare.wantsBody()
}

// judge returns nil for a good answer, else an error with a reason. A wrong status is told even if the body did not
// arrive.
func (e *expectation) judge(ctx context.Context, a *httpclient.Answer, doc *document) error {
	if err := e.judgeStatus(a); err != nil {
		return err
	}
	if a.BodyErr != nil {
		return a.BodyErr
	}
	for i := range e.headers {
		if err := e.headers[i].judge(a); err != nil {
			return err
		}
	}
	if e.rare != nil {
		if err := e.rare.judgeHead(a); err != nil {
			return err
		}
	}
	if err := e.judgeBody(ctx, a); err != nil {
		return err
	}
	if e.rare != nil {
		if err := e.rare.judgeBody(ctx, a, doc); err != nil {
			return err
		}
	}
	return peer.InTime(a.Latency, e.maxLatency)
}

func (e *expectation) judgeStatus(a *httpclient.Answer) error {
	code := a.Response.StatusCode
	if e.status.has(code) {
		return nil
	}
	return healthcheck.Errorf(a.StatusReason(), "status %d, want %s%s", code, e.status, a.BodyExcerpt())
}

func (e *expectation) judgeBody(ctx context.Context, a *httpclient.Answer) error {
	for _, re := range e.match {
		switch ok, err := match(ctx, re, a.Body); {
		case err != nil:
			return err
		case !ok:
			return healthcheck.Errorf(healthcheck.ReasonBody, "body does not match `%s`%s%s%s", re, ending(re, a.Body), a.Note(), a.BodyExcerpt())
		}
	}
	for _, re := range e.notMatch {
		switch ok, err := match(ctx, re, a.Body); {
		case err != nil:
			return err
		case ok:
			return healthcheck.Errorf(healthcheck.ReasonBody, "body matches `%s`, which it should not%s%s", re, a.Note(), a.BodyExcerpt())
		}
	}
	return nil
}

// ending tells of white space at the end of the body where that alone keeps it from matching, since it is not seen in
// an excerpt.
func ending(re *regexp.Regexp, body []byte) string {
	trimmed := bytes.TrimRight(body, " \t\r\n")
	rest := body[len(trimmed):]
	if len(body) > slowBody || len(rest) == 0 || !re.Match(trimmed) {
		return ""
	}
	return fmt.Sprintf(", because it ends in %q", rest[:min(len(rest), 8)])
}

// judge returns nil where one of the values of the header matches.
func (h *headerMatch) judge(a *httpclient.Answer) error {
	values := a.Response.Header[h.name]
	if len(values) == 0 {
		return healthcheck.Errorf(healthcheck.ReasonBody, "header %s is missing", h.name)
	}
	if slices.ContainsFunc(values, h.match.MatchString) {
		return nil
	}
	return healthcheck.Errorf(healthcheck.ReasonBody, "header %s is %q, which does not match `%s`",
		h.name, a.Excerpt(values[0]), h.match)
}
