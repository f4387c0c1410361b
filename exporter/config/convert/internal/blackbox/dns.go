package blackbox

import (
	"regexp"
	"slices"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/draft"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/tree"
)

// recordTypes are those that the kind dns asks for.
var recordTypes = []string{"A", "AAAA", "CNAME", "MX", "TXT", "NS", "SOA", "SRV", "PTR", "CAA"}

// readDNS reads a dns_probe.
func (c *converter) readDNS(m *module, n *tree.Node) {
	s := m.base.Settings
	s.Set("name", n.Text("query_name"))
	kind := n.Text("query_type")
	switch upper := strings.ToUpper(kind); {
	case upper == "" || upper == "ANY":
		at := n.Get("query_type")
		if at == nil {
			at = n.Get("query_name")
		}
		at.Remark("a query for ANY is not known here: A and AAAA are asked for")
	case slices.Contains(recordTypes, upper):
		s.Set("type", upper)
	default:
		m.refuse("records of the type %.20q are not known here", kind)
		return
	}
	if class := n.Text("query_class"); class != "" && class != "IN" {
		m.refuse("the class %.20q is not known here", class)
		return
	}
	if overTLS, _ := n.Bool("dns_over_tls"); overTLS {
		s.Set("protocol", "tls")
		c.tls(m.name, n, s)
		n.IgnoreKeys("DNS over TLS is over TCP", "transport_protocol")
	} else {
		s.Set("protocol", n.Text("transport_protocol"))
		n.IgnoreKeys("it has no effect without dns_over_tls", "tls_config")
	}
	copyBools(n, s, "recursion_desired")
	c.preference(m, n, "")
	n.RefuseKeys("the source address cannot be chosen", "source_ip_address")
	n.RefuseKeys("only the answer is looked at", "validate_authority_rrs", "validate_additional_rrs")
	s.Set("expect", c.answers(n, kind))
}

// answers reads what is expected of an answer.
func (c *converter) answers(n *tree.Node, kind string) *draft.Settings {
	e := &draft.Settings{}
	if codes := n.List("valid_rcodes"); len(codes) > 0 {
		code, _ := codes[0].Scalar()
		e.Set("rcode", code)
		for _, more := range codes[1:] {
			more.Refuse("one response code can be expected; it is the first")
		}
	}
	rrs := n.Map("validate_answer_rrs")
	var matches []string
	if patterns := recordPatterns(rrs, "fail_if_none_matches_regexp", kind); len(patterns) > 0 {
		matches = append(matches, either(patterns))
	}
	for _, item := range rrs.List("fail_if_not_matches_regexp") {
		if pattern, ok := recordPattern(item, kind); ok {
			item.Remark("that all records match cannot be expected: one is enough here")
			matches = append(matches, pattern)
		}
	}
	e.Set("matches", matches)
	e.Set("not_matches", recordPatterns(rrs, "fail_if_matches_regexp", kind))
	rrs.RefuseKeys("that not all records match cannot be expected", "fail_if_all_match_regexp")
	if len(matches) == 0 {
		e.Set("min_answers", 0) // an answer without records is a good one to blackbox_exporter
	}
	return e
}

// either returns a pattern that matches where one of several does.
func either(patterns []string) string {
	if len(patterns) == 1 {
		return patterns[0]
	}
	return "(?:" + strings.Join(patterns, ")|(?:") + ")"
}

func recordPatterns(rrs *tree.Node, key, kind string) []string {
	var patterns []string
	for _, item := range rrs.List(key) {
		if pattern, ok := recordPattern(item, kind); ok {
			patterns = append(patterns, pattern)
		}
	}
	return patterns
}

var (
	leadingAny = regexp.MustCompile(`^\^?\.[*+]`)
	// ofLine matches what in a pattern is for more than the data: an anchor at the beginning, white space, the class.
	ofLine = regexp.MustCompile(`\^|\\t|\\s|\\b|[ \t]|\bIN\b|\\A`)
)

// recordPattern returns a pattern for the data of a record: here patterns see nothing else, in blackbox_exporter the
// whole line of a zone file, as "example.org.\t300\tIN\tA\t192.0.2.1".
func recordPattern(item *tree.Node, kind string) (string, bool) {
	pattern, ok := item.Scalar()
	if !ok {
		return "", false
	}
	data := leadingAny.ReplaceAllString(pattern, "")
	if ofLine.MatchString(data) || strings.EqualFold(kind, "TXT") && strings.Contains(data, `"`) {
		item.Refuse("patterns see only the data of a record here, not its name, time to live and type")
		return "", false
	}
	return data, data != ""
}
