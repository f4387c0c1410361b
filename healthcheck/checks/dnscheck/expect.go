package dnscheck

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// answer is what was found, from one or more responses.
type answer struct {
	rcode   int
	records []string // data of the records of the asked type, as from presentation
	hasSOA  bool
	serial  uint32 // of the SOA record
}

// merge adds the answer for another type of address. Both together are as good as the better of them: a server that
// fails only for AAAA does not keep clients from the IPv4 addresses.
func (a *answer) merge(b *answer) {
	if b.rcode == dns.RcodeSuccess {
		a.rcode = b.rcode
	}
	a.records = append(a.records, b.records...)
}

// answerOf returns what m, an answer to a question for recordType, says.
func answerOf(m *dns.Msg, recordType uint16) *answer {
	a := &answer{rcode: m.Rcode}
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

// presentation returns the data of rr as documented at [Expect].
func presentation(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.A:
		return addressText(rr.A)
	case *dns.AAAA:
		return addressText(rr.AAAA)
	case *dns.TXT:
		return unescape(strings.Join(rr.Txt, ""))
	case *dns.CAA:
		return strings.TrimPrefix(rr.String(), rr.Hdr.String())
	default:
		return strings.ToLower(strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
}

func addressText(ip []byte) string {
	addr, _ := netip.AddrFromSlice(ip)
	return addr.String()
}

// unescape undoes the \DDD and \X of RFC 1035, section 5.1.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i+3 <= len(s) {
			if n, err := strconv.ParseUint(s[i:i+3], 10, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// expectation is an [Expect] made ready.
type expectation struct {
	rcode      int
	minAnswers int
	answers    []string
	contains   []string
	matches    []*regexp.Regexp
}

// verify returns the first way in which a is not as expected.
func (e *expectation) verify(a *answer) error {
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
	return e.verifyRecords(a.records)
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
	return nil
}

func rcodeText(code int) string {
	if s, ok := dns.RcodeToString[code]; ok {
		return s
	}
	return strconv.Itoa(code)
}

// list joins records for people, in about 200 bytes of printable ASCII.
func list(records []string) string {
	const limit = 200
	var b strings.Builder
	for i, r := range records {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strings.Map(printable, r[:min(len(r), limit+1)]))
		if b.Len() > limit {
			return b.String()[:limit] + "…"
		}
	}
	if b.Len() == 0 {
		return "there are none"
	}
	return b.String()
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}
