package dnscheck

import (
	"encoding/hex"
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
	records    []record // those of the asked type
	failed     string   // the type of records of which nothing is known, and why; empty if there is none
	err        error    // why, where it is not only a response code
	hasSOA     bool
	serial     uint32     // of the SOA record
	responses  []*dns.Msg // none of the system's resolver
}

// record is a record in the form in which it is compared.
type record struct {
	text string
	ttl  uint32 // in seconds; 0 from the system's resolver
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
	a.responses = append(a.responses, b.responses...)
	if b.hasSOA {
		a.serial, a.hasSOA = b.serial, true
	}
}

// answerOf returns what m, an answer to the question, says.
func answerOf(m *dns.Msg, question dns.Question) *answer {
	a := &answer{recordType: question.Qtype, rcode: m.Rcode, responses: []*dns.Msg{m}}
	owners := ownersOf(m, question)
	for _, rr := range m.Answer {
		h := rr.Header()
		text := presentation
		if question.Qtype == dns.TypeANY {
			text = lineOf
		} else if h.Rrtype != question.Qtype || !owners[strings.ToLower(h.Name)] {
			continue
		}
		if h.Class != question.Qclass {
			continue
		}
		a.records = append(a.records, record{text: text(rr), ttl: h.Ttl})
		if soa, ok := rr.(*dns.SOA); ok {
			a.serial, a.hasSOA = soa.Serial, true
		}
	}
	return a
}

// ownersOf returns the names, in lower case, whose records answer the question: the one that was asked for, and those that
// CNAMEs lead to from there (RFC 1034, section 4.3.2). Who asks for CNAMEs does not follow them.
func ownersOf(m *dns.Msg, question dns.Question) map[string]bool {
	name := strings.ToLower(question.Name)
	owners := map[string]bool{name: true}
	if question.Qtype == dns.TypeCNAME {
		return owners
	}
	targets := make(map[string]string)
	for _, rr := range m.Answer {
		if cname, ok := rr.(*dns.CNAME); ok && cname.Hdr.Class == question.Qclass {
			targets[strings.ToLower(cname.Hdr.Name)] = strings.ToLower(cname.Target)
		}
	}
	for {
		target, ok := targets[name]
		if !ok || owners[target] {
			return owners
		}
		name = target
		owners[name] = true
	}
}

// expectation is an [Expect] made ready.
type expectation struct {
	rcodes                []int
	answers               section
	authority, additional *section // nil: whatever it is
	flags, noFlags        []flag
	nsid                  *regexp.Regexp
	sameSerial            bool // over all servers; see verifySerials
	maxDifference         int64
	secrets               *secret.Set // nil: there are none
}

// hide makes the set known, which all that is quoted of answers goes through.
func (e *expectation) hide(set *secret.Set) {
	for _, s := range []*section{&e.answers, e.authority, e.additional} {
		if s != nil {
			s.secrets = set
		}
	}
	e.secrets = set
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
	if !slices.Contains(e.rcodes, a.rcode) {
		reason := healthcheck.ReasonDNS
		if a.rcode == dns.RcodeSuccess {
			reason = healthcheck.ReasonStatus // it resolved, and should not have
		}
		return healthcheck.Errorf(reason, "rcode %s, want %s", rcodeText(a.rcode), rcodeTexts(e.rcodes))
	}
	if len(a.records) == 0 && e.answers.least > 0 {
		return healthcheck.Errorf(healthcheck.ReasonDNS, "the name has no such record, want at least %d", e.answers.least)
	}
	if err := e.answers.verify(a.records); err != nil {
		return err
	}
	if a.failed != "" && e.answers.closed() && a.rcode == dns.RcodeSuccess {
		return healthcheck.Errorf(healthcheck.ReasonDNS, "there may be answers that are not expected")
	}
	return e.judgeResponses(a)
}

// judgeResponses looks at what is beside the answer. A response that failed, and does not matter, has nothing to say.
func (e *expectation) judgeResponses(a *answer) error {
	var authority, additional []dns.RR
	for _, m := range a.responses {
		if !slices.Contains(e.rcodes, m.Rcode) {
			continue
		}
		if err := e.judgeFlags(m); err != nil {
			return err
		}
		if err := e.judgeNSID(m); err != nil {
			return err
		}
		authority, additional = append(authority, m.Ns...), append(additional, m.Extra...)
	}
	if e.authority != nil {
		if err := e.authority.verify(lines(authority)); err != nil {
			return err
		}
	}
	if e.additional != nil {
		return e.additional.verify(lines(additional))
	}
	return nil
}

// flag is one of the header of a message (RFC 1035, section 4.1.1; RFC 4035, section 3.2).
type flag string

func (f flag) in(m *dns.Msg) bool {
	switch f {
	case "aa":
		return m.Authoritative
	case "ad":
		return m.AuthenticatedData
	case "ra":
		return m.RecursionAvailable
	default: // New lets nothing else but tc through
		return m.Truncated
	}
}

func (e *expectation) judgeFlags(m *dns.Msg) error {
	for _, f := range e.flags {
		if !f.in(m) {
			return healthcheck.Errorf(healthcheck.ReasonStatus, "the answer has not the flag %s", f)
		}
	}
	for _, f := range e.noFlags {
		if f.in(m) {
			return healthcheck.Errorf(healthcheck.ReasonStatus, "the answer has the flag %s", f)
		}
	}
	return nil
}

func (e *expectation) judgeNSID(m *dns.Msg) error {
	if e.nsid == nil {
		return nil
	}
	id, ok := nsidOf(m)
	switch {
	case !ok:
		return healthcheck.Errorf(healthcheck.ReasonBody, "the server tells no nsid, want one that matches %q", e.nsid)
	case !e.nsid.MatchString(id):
		return healthcheck.Errorf(healthcheck.ReasonBody, "the nsid does not match %q: %s", e.nsid, list(e.secrets, id))
	}
	return nil
}

// nsidOf returns the name that the server gives itself (RFC 5001): text, or, where it is none, in hexadecimal.
func nsidOf(m *dns.Msg) (string, bool) {
	opt := m.IsEdns0()
	if opt == nil {
		return "", false
	}
	for _, o := range opt.Option {
		id, ok := o.(*dns.EDNS0_NSID)
		if !ok {
			continue
		}
		b, err := hex.DecodeString(id.Nsid)
		if err == nil && !slices.ContainsFunc(b, func(c byte) bool { return c < ' ' || c > '~' }) {
			return string(b), true
		}
		return "0x" + id.Nsid, true
	}
	return "", false
}

func rcodeTexts(codes []int) string {
	texts := make([]string, len(codes))
	for i, c := range codes {
		texts[i] = rcodeText(c)
	}
	return strings.Join(texts, " or ")
}

func rcodeText(code int) string {
	if s, ok := dns.RcodeToString[code]; ok {
		return s
	}
	return strconv.Itoa(code)
}

// list joins records for people, in about 200 bytes, with nothing of what is secret: where it was cut, that is not
// found later.
func list(secrets *secret.Set, records ...string) string {
	const limit = 200
	if len(records) == 0 {
		return "there are none"
	}
	return secrets.Excerpt([]byte(strings.Join(records, ", ")), limit)
}
