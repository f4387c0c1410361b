package dnscheck

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// answer is what was found, from one or more responses.
type answer struct {
	recordType uint16
	rcode      int
	records    []string // data of the records of the asked type, as from presentation
	failed     string   // the type of records of which nothing is known, and why; empty if there is none
	err        error    // why, where it is not only a response code
	hasSOA     bool
	serial     uint32 // of the SOA record
}

// add adds the answer for one type of address. A server that fails only for AAAA does not keep clients from the IPv4
// addresses: if there are records, that is what counts. But if there are none, those that a failure hides may exist.
func (a *answer) add(b *answer) {
	failed := b.rcode != dns.RcodeSuccess && b.rcode != dns.RcodeNameError
	if failed && a.failed == "" {
		a.failed, a.err = dns.TypeToString[b.recordType]+" is "+rcodeText(b.rcode), b.err
	}
	records := slices.Concat(a.records, b.records)
	switch {
	case a.recordType == 0: // the first
		a.rcode = b.rcode
	case len(a.records) > 0: // has its code
	case len(b.records) > 0, failed:
		a.rcode = b.rcode
	case a.failed == "" && b.rcode == dns.RcodeSuccess:
		a.rcode = b.rcode // the name exists
	}
	a.recordType, a.records = b.recordType, records
	if b.hasSOA {
		a.serial, a.hasSOA = b.serial, true
	}
}

// answerOf returns what m, an answer to a question for recordType, says.
func answerOf(m *dns.Msg, recordType uint16) *answer {
	a := &answer{recordType: recordType, rcode: m.Rcode}
	for _, rr := range m.Answer {
		h := rr.Header()
		if h.Rrtype != recordType || h.Class != dns.ClassINET {
			continue
		}
		a.records = append(a.records, presentation(rr))
		if soa, ok := rr.(*dns.SOA); ok {
			a.serial, a.hasSOA = soa.Serial, true
		}
	}
	return a
}

// expectation is an [Expect] made ready.
type expectation struct {
	rcode      int
	minAnswers int
	answers    []string
	contains   []string
	matches    []*regexp.Regexp
	notMatches []*regexp.Regexp
}

// verify returns the first way in which a is not as expected.
func (e *expectation) verify(a *answer) error {
	err := e.judge(a)
	if err != nil && a.failed != "" && a.rcode == dns.RcodeSuccess {
		return fmt.Errorf("%w; %s", err, a.failed)
	}
	return err
}

func (e *expectation) judge(a *answer) error {
	if a.rcode != e.rcode {
		reason := healthcheck.ReasonDNS
		if a.rcode == dns.RcodeSuccess {
			reason = healthcheck.ReasonStatus // it resolved, and should not have
		}
		return healthcheck.Errorf(reason, "rcode %s, want %s", rcodeText(a.rcode), rcodeText(e.rcode))
	}
	if n := len(a.records); n < e.minAnswers {
		if n == 0 {
			return healthcheck.Errorf(healthcheck.ReasonDNS, "the name has no such record, want at least %d", e.minAnswers)
		}
		return healthcheck.Errorf(healthcheck.ReasonThreshold, "%d answers, want at least %d: %s", n, e.minAnswers, list(a.records))
	}
	if err := e.verifyRecords(a.records); err != nil {
		return err
	}
	if a.failed != "" && (len(e.answers) > 0 || len(e.notMatches) > 0) && a.rcode == dns.RcodeSuccess {
		return healthcheck.Errorf(healthcheck.ReasonDNS, "there may be answers that are not expected")
	}
	return nil
}

func (e *expectation) verifyRecords(records []string) error {
	for _, want := range slices.Concat(e.answers, e.contains) {
		if !slices.Contains(records, want) {
			return healthcheck.Errorf(healthcheck.ReasonBody, "no answer is %s: %s", list([]string{want}), list(records))
		}
	}
	if len(e.answers) > 0 {
		for _, r := range records {
			if !slices.Contains(e.answers, r) {
				return healthcheck.Errorf(healthcheck.ReasonBody, "answer %s is not expected", list([]string{r}))
			}
		}
	}
	for _, re := range e.matches {
		if !slices.ContainsFunc(records, re.MatchString) {
			return healthcheck.Errorf(healthcheck.ReasonBody, "no answer matches %q: %s", re, list(records))
		}
	}
	for _, re := range e.notMatches {
		if i := slices.IndexFunc(records, re.MatchString); i >= 0 {
			return healthcheck.Errorf(healthcheck.ReasonBody, "answer %s matches %q", list(records[i:i+1]), re)
		}
	}
	return nil
}

func rcodeText(code int) string {
	if s, ok := dns.RcodeToString[code]; ok {
		return s
	}
	return strconv.Itoa(code)
}

// list joins records for people, in about 200 bytes.
func list(records []string) string {
	const limit = 200
	if len(records) == 0 {
		return "there are none"
	}
	return new(secret.Set).Excerpt([]byte(strings.Join(records, ", ")), limit)
}
