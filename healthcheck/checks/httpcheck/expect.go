package httpcheck

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

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
	e := expectation{status: b.statusSet(), maxLatency: b.Expect.MaxLatency}
	for i, expr := range b.Expect.BodyMatches {
		e.match = append(e.match, b.regexp(fmt.Sprintf("expect.body_matches[%d]", i), expr))
	}
	for i, expr := range b.Expect.BodyNotMatches {
		e.notMatch = append(e.notMatch, b.regexp(fmt.Sprintf("expect.body_not_matches[%d]", i), expr))
	}
	for _, name := range sortedKeys(b.Expect.Headers) {
		e.headers = append(e.headers, headerMatch{
			name:  http.CanonicalHeaderKey(name),
			match: b.regexp("expect.headers."+name, b.Expect.Headers[name]),
		})
	}
	if e.maxLatency < 0 {
		b.bad("expect.max_latency", "%s is negative", e.maxLatency)
	}
	if strings.EqualFold(b.Method, http.MethodHead) && len(e.match) > 0 {
		b.bad("expect.body_matches", "the answer to HEAD has no body")
	}
	return e
}

// wantsBody reports whether the content of the body matters.
func (e *expectation) wantsBody() bool { return len(e.match)+len(e.notMatch) > 0 }

// judge returns nil for a good answer, else an error with a reason.
func (e *expectation) judge(a *answer) error {
	if err := e.judgeStatus(a); err != nil {
		return err
	}
	for i := range e.headers {
		if err := e.headers[i].judge(a); err != nil {
			return err
		}
	}
	if err := e.judgeBody(a); err != nil {
		return err
	}
	if e.maxLatency > 0 && a.latency > e.maxLatency {
		return healthcheck.Errorf(healthcheck.ReasonLatency, "took %s, want at most %s", round(a.latency), e.maxLatency)
	}
	return nil
}

func (e *expectation) judgeStatus(a *answer) error {
	code := a.response.StatusCode
	if e.status.has(code) {
		return nil
	}
	reason := healthcheck.ReasonStatus
	switch code {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		reason = healthcheck.ReasonAuth
	}
	return healthcheck.Errorf(reason, "status %d, want %s%s", code, e.status, a.excerpt())
}

func (e *expectation) judgeBody(a *answer) error {
	for _, re := range e.match {
		if !re.Match(a.body) {
			return healthcheck.Errorf(healthcheck.ReasonBody, "body does not match `%s`%s%s", re, a.note(), a.excerpt())
		}
	}
	for _, re := range e.notMatch {
		if re.Match(a.body) {
			return healthcheck.Errorf(healthcheck.ReasonBody, "body matches `%s`, which it should not%s%s", re, a.note(), a.excerpt())
		}
	}
	return nil
}

func (h *headerMatch) judge(a *answer) error {
	values := a.response.Header[h.name]
	if len(values) == 0 {
		return healthcheck.Errorf(healthcheck.ReasonBody, "header %s is missing", h.name)
	}
	if slices.ContainsFunc(values, h.match.MatchString) {
		return nil
	}
	return healthcheck.Errorf(healthcheck.ReasonBody, "header %s is %q, which does not match `%s`",
		h.name, a.secrets.excerpt([]byte(values[0])), h.match)
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
			b.bad(fmt.Sprintf("expect.status[%d]", i), "%q is not a status, want one like 200, 2xx or 200-299", text)
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
