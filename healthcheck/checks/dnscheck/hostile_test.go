package dnscheck_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/dnscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

// TestOtherNames: what a server has of other names is no answer, unless a chain of CNAMEs leads there.
func TestOtherNames(t *testing.T) {
	for what, tc := range map[string]struct {
		answer  []string
		details string // none: OK
	}{
		"its own":         {[]string{"WWW.example.org. 60 IN A 192.0.2.1"}, ""},
		"another":         {[]string{"example.net. 60 IN A 192.0.2.1"}, "the name has no such record"},
		"one above":       {[]string{"example.org. 60 IN A 192.0.2.1"}, "the name has no such record"},
		"a chain":         {[]string{"b.example.org. 60 IN A 192.0.2.1", "a.example.org. 60 IN CNAME B.example.org.", "www.example.org. 60 IN CNAME a.example.org."}, ""},
		"a broken chain":  {[]string{"www.example.org. 60 IN CNAME a.example.org.", "c.example.org. 60 IN A 192.0.2.1"}, "the name has no such record"},
		"a chain, a ring": {[]string{"www.example.org. 60 IN CNAME a.example.org.", "a.example.org. 60 IN CNAME www.example.org."}, "the name has no such record"},
	} {
		t.Run(what, func(t *testing.T) {
			server := serve(t, replying(func(m *dns.Msg) { m.Answer = parse(t, tc.answer...) }))
			r := run(t, dnscheck.Config{Name: "www.example.org", Type: "A", Server: server})
			if tc.details == "" {
				checktest.RequireOK(t, r)
				return
			}
			assertFails(t, r, healthcheck.ReasonDNS, tc.details)
			assert.InDelta(t, 0, values(r)["dns_answers"], 0)
		})
	}
}

// TestExpectedNames: record data that people write in another way than package dns is the same.
func TestExpectedNames(t *testing.T) {
	for record, expected := range map[string]string{
		`ptr.example.org. 60 IN PTR a\032printer.example.org.`:                  `a\032printer.example.org.`,
		`ptr.example.org. 60 IN PTR user\@at.example.org.`:                      `user@at.example.org.`,
		`ptr.example.org. 60 IN PTR \117ser.example.org.`:                       `User.example.org.`,
		`ptr.example.org. 60 IN SOA ns1.x. jo\.hn.x. 1 2 3 4 5`:                 `ns1.x. jo\046hn.x. 1 2 3 4 5`,
		`ptr.example.org. 60 IN NAPTR 10 20 "u" "sip+E2U" "!^.*$!sip:a@b.c!" .`: `10 20 "u" "sip+E2U" "!^.*$!sip:a@b.c!" .`,
	} {
		rr := parse(t, record)
		server := serve(t, replying(func(m *dns.Msg) { m.Answer, m.Ns = rr, rr }))
		recordType := dns.TypeToString[rr[0].Header().Rrtype]
		c := dnscheck.Config{Name: "ptr.example.org", Type: recordType, Server: server}
		c.Expect.Answers = []string{expected}
		c.Expect.Authority.Records = []string{"ptr.example.org " + recordType + " " + expected}
		checktest.RequireOK(t, run(t, c))
	}
}

// TestUnprovenDenial: that there is nothing has to be proven, and so has it that a wildcard is the nearest there is.
func TestUnprovenDenial(t *testing.T) {
	s := newSigner(t, "example.org.", dns.ECDSAP256SHA256)
	z := newZone(t, s, hours(-1), hours(48))
	soa := s.sign(t, hours(-1), hours(48), "example.org. 60 IN SOA ns1.example.org. hostmaster.example.org. 1 7200 3600 1209600 300")
	z.answer["www.example.org. A"], z.authority = nil, map[string][]dns.RR{"www.example.org. A": soa}
	var g guard
	server := serve(t, g.of(z.serve))
	for _, d := range []dnscheck.DNSSEC{{Signatures: true}, {Verify: true}} {
		c := signatures(server, d)
		c.Expect.Rcodes, c.Expect.MinAnswers = []string{"NOERROR", "NXDOMAIN"}, new(0)
		for _, code := range []int{dns.RcodeSuccess, dns.RcodeNameError} {
			g.do(func() { z.rcode = code })
			assertFails(t, run(t, c), healthcheck.ReasonBody, "nothing proves that there is no www.example.org. A: no NSEC or NSEC3")
		}
	}
}

// TestNoNumbersOfDatagrams: how much of what does not matter came is not told, as it would be another text each time.
func TestNoNumbersOfDatagrams(t *testing.T) {
	server := serveDatagrams(t, func([]byte) [][]byte { return [][]byte{[]byte("x"), make([]byte, 100)} })
	c := dnscheck.Config{Name: "www.example.org", Type: "A", Server: server}
	r := runFor(t, c, checktest.Timeout)
	assertFails(t, r, healthcheck.ReasonTimeout, "query over udp: no answer in time; what came was no answer to the question")
}

// TestTokenCut: a token in the URL that a server puts into a record is not shown in part, wherever an excerpt is cut.
func TestTokenCut(t *testing.T) {
	const token = "k7Jw2Qp9Xz4Lm8Rt6Vb3"
	var before int
	var g guard
	address, settings := serveHTTPS(t, "127.0.0.1", answering(t, g.of(replying(func(m *dns.Msg) {
		m.Answer = []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: m.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{strings.Repeat("-", before) + token + " and more"}}}
	})), nil))
	c := dnscheck.Config{Name: "www.example.org", Type: "TXT", Server: "https://" + address + "/dns-query?key=" + token, Protocol: "https", TLSConfig: settings}
	c.Expect.Matches = []string{"^nothing$"}
	for n := 180; n <= 200; n++ {
		g.do(func() { before = n })
		r := run(t, c)
		assertFails(t, r, healthcheck.ReasonBody, "no answer matches")
		assert.NotContains(t, r.Details, "k7J", n)
	}
}

// TestOddHTTPS is about what is no answer over HTTPS, though its status is 200.
func TestOddHTTPS(t *testing.T) {
	answer := zone(t, records...)
	for what, tc := range map[string]struct {
		handler http.HandlerFunc
		details string
	}{
		"a page": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>welcome") }, "the content type is text/html, want application/dns-message"},
		"garbage": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/dns-message")
			fmt.Fprint(w, "<html>welcome</html>")
		}, "malformed answer"},
		"nothing": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/dns-message")
		}, "malformed answer"},
		"no content": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/dns-message")
			w.WriteHeader(http.StatusNoContent)
		}, "malformed answer"},
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/dns-message")
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		}, "the answer is longer than a message can be"},
		"the question":     {answering(t, answer, func(b []byte) []byte { b[2] &^= 0x80; return b }), "the answer is to another question"},
		"another question": {answering(t, func(w dns.ResponseWriter, m *dns.Msg) { m.Question[0].Name = "example.net."; answer(w, m) }, nil), "the answer is to another question"},
		"another id":       {answering(t, answer, func(b []byte) []byte { b[1] = 1; return b }), "the answer is to another question"},
		"pointers in a ring": {answering(t, answer, func(b []byte) []byte {
			return append(b[:12:12], 0xc0, 12, 0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 1, 2, 3, 4)
		}), "malformed answer"},
	} {
		t.Run(what, func(t *testing.T) {
			address, settings := serveHTTPS(t, "127.0.0.1", tc.handler)
			c := www(address, "https")
			c.TLSConfig = settings
			start := time.Now()
			assertFails(t, run(t, c), healthcheck.ReasonProtocol, tc.details)
			assert.Less(t, time.Since(start), 30*time.Second)
		})
	}
}
