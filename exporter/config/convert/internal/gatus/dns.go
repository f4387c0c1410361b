package gatus

import (
	"regexp"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/draft"
)

// dns makes a check of the kind dns: the url is the server.
func (e *endpoint) dns(s *draft.Settings) {
	e.check.Kind = "dns"
	d := e.node.Map("dns")
	kind := strings.ToUpper(d.Text("query-type"))
	s.Set("name", text(d, "query-name")).Set("type", kind).Set("server", text(e.node, "url"))
	e.node.IgnoreKeys("it has no effect with DNS", "method", "headers", "graphql", "body")
	e.client.IgnoreKeys("it has no effect with DNS", "insecure", "tls", "ignore-redirect", "oauth2", "proxy-url")
	expect := &draft.Settings{}
	var contains, matches []string
	for i := range e.conditions {
		cond := &e.conditions[i]
		switch {
		case cond.left == "[DNS_RCODE]" && cond.op == "==" && !strings.Contains(cond.right, "(") && expect.Get("rcode") == nil:
			expect.Set("rcode", cond.right)
			cond.done = true
		case cond.left == "[BODY]" && cond.op == "==":
			record, pattern := answer(kind, cond)
			if record != "" {
				contains = append(contains, record)
			}
			if pattern != "" {
				matches = append(matches, pattern)
			}
			cond.done = record+pattern != ""
		}
	}
	expect.Set("contains", contains).Set("matches", matches)
	if len(contains)+len(matches) == 0 {
		expect.Set("min_answers", 0) // an answer without records is a good one to gatus
	}
	latency := &draft.Settings{}
	e.expectTimes(latency)
	if latency.Len() > 0 {
		for i := range e.conditions {
			if cond := &e.conditions[i]; cond.left == "[RESPONSE_TIME]" {
				cond.done = false
			}
		}
	}
	s.Set("expect", expect)
}

// answer returns the record, or else the pattern, that stands for what the body of a DNS answer must be to gatus: the
// address or name in the last record.
func answer(kind string, cond *condition) (record, pattern string) {
	switch kind {
	case "A", "AAAA", "CNAME", "NS", "PTR":
	case "MX": // without the preference that a record has here
		if strings.Contains(cond.right, "(") {
			return "", ""
		}
		return "", `^\d+ ` + regexp.QuoteMeta(strings.ToLower(cond.right)) + `$`
	default:
		return "", ""
	}
	if glob, ok := function(cond.right, "pat"); ok {
		pattern, _ = globPattern(strings.ToLower(glob))
		return "", pattern
	}
	if options := cond.options(); len(options) > 1 {
		return "", "^" + alternatives(options) + "$"
	}
	return cond.right, ""
}
