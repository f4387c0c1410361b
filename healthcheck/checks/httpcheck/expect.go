package httpcheck

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
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
	list := slices.Concat(e.BodyMatches, e.BodyNotMatches)
	for name, expr := range e.Headers {
		list = append(list, name, expr)
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
	for _, name := range slices.Sorted(maps.Keys(b.Expect.Headers)) {
		if !httpguts.ValidHeaderFieldName(name) {
			b.Add("expect.headers", "%q is not the name of a header", name)
		}
		re, err := regexp.Compile(b.Expect.Headers[name])
		b.Check("expect.headers."+name, err)
		e.headers = append(e.headers, headerMatch{name: http.CanonicalHeaderKey(name), match: re})
	}
	b.NotNegative("expect.max_latency", e.maxLatency)
	if strings.EqualFold(b.Method, http.MethodHead) {
		if len(b.Expect.BodyMatches) > 0 {
			b.Add("expect.body_matches", "the answer to HEAD has no body")
		}
		if len(b.Expect.BodyNotMatches) > 0 {
			b.Add("expect.body_not_matches", "the answer to HEAD has no body")
		}
	}
	return e
}

// wantsBody reports whether the content of the body matters.
func (e *expectation) wantsBody() bool { return len(e.match)+len(e.notMatch) > 0 }

// judge returns nil for a good answer, else an error with a reason. A wrong status is told even if the body did not
// arrive.
func (e *expectation) judge(ctx context.Context, a *httpclient.Answer) error {
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
	if err := e.judgeBody(ctx, a); err != nil {
		return err
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

// statusSet is a set of ranges of status codes.
type statusSet []statusRange

type statusRange struct {
	low, high int
	text      string
}

func (s statusSet) has(code int) bool {
	for _, r := range s {
		if r.low <= code && code <= r.high {
			return true
		}
	}
	return false
}

// String returns the set as it was written.
func (s statusSet) String() string {
	texts := make([]string, len(s))
	for i := range s {
		texts[i] = s[i].text
	}
	return strings.Join(texts, " or ")
}

var defaultStatus = statusSet{{200, 299, "2xx"}}

func (b *builder) statusSet() statusSet {
	if len(b.Expect.Status) == 0 {
		return defaultStatus
	}
	var set statusSet
	for i, text := range b.Expect.Status {
		r, ok := parseStatus(text)
		if !ok {
			b.Add(field.Item("expect.status", i), "%q is not a status, want one like 200, 2xx or 200-299", text)
		}
		set = append(set, r)
	}
	return set
}

func parseStatus(text string) (statusRange, bool) {
	r := statusRange{text: text}
	if len(text) == 3 && strings.EqualFold(text[1:], "xx") {
		r.low = int(text[0]-'0') * 100
		r.high = r.low + 99
		return r, '1' <= text[0] && text[0] <= '9'
	}
	low, high, isRange := strings.Cut(text, "-")
	if !isRange {
		high = low
	}
	var lowOK, highOK bool
	r.low, lowOK = parseCode(low)
	r.high, highOK = parseCode(high)
	return r, lowOK && highOK && r.low <= r.high
}

func parseCode(text string) (code int, ok bool) {
	code, err := strconv.Atoi(strings.TrimSpace(text))
	return code, err == nil && code >= 100 && code <= 999
}
