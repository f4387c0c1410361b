package dnscheck_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/dnscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

var records = []string{
	"www.example.org. 60 IN A 192.0.2.1",
	"www.example.org. 60 IN A 192.0.2.2",
	"www.example.org. 60 IN AAAA 2001:db8::1",
	"six.example.org. 60 IN AAAA 2001:db8::6",
	"alias.example.org. 60 IN CNAME www.example.org.",
	"example.org. 60 IN MX 10 Mail.Example.ORG.",
	`example.org. 60 IN TXT "v=spf1 " "-all"`,
	`odd.example.org. 60 IN TXT "a\"b\\c\200d" "9"`,
	"example.org. 60 IN NS ns1.example.org.",
	"example.org. 60 IN SOA ns1.example.org. hostmaster.example.org. 2024051701 7200 3600 1209600 300",
	"_ldap._tcp.example.org. 60 IN SRV 0 5 389 ldap.example.org.",
	"1.2.0.192.in-addr.arpa. 60 IN PTR www.example.org.",
	`example.org. 60 IN CAA 0 issue "ca.example.net"`,
}

func TestTypes(t *testing.T) {
	server := serve(t, zone(t, records...))
	for _, tc := range []struct {
		name, recordType string
		answers          []string
		matches          string
	}{
		{"www.example.org", "", []string{"192.0.2.2", "192.0.2.1", "2001:DB8:0::1"}, `^192\.0\.2\.`},
		{"six.example.org", "", []string{"2001:db8::6"}, "::6$"},
		{"www.example.org.", "A", []string{"192.0.2.1", "192.0.2.2"}, "2$"},
		{"WWW.example.org", "aaaa", []string{"2001:db8::1"}, "^2001:"},
		{"alias.example.org", "CNAME", []string{"WWW.example.org"}, `^www\.example\.org\.$`},
		{"example.org", "MX", []string{"10 mail.example.org"}, `^10 mail\.`},
		{"example.org", "TXT", []string{"v=spf1 -all"}, "^v=spf1 .*-all$"},
		{"odd.example.org", "TXT", []string{"a\"b\\c\xc8d9"}, `^a"b\\c`},
		{"example.org", "NS", []string{"ns1.example.org."}, "^ns1"},
		{"example.org", "SOA", []string{"ns1.example.org. hostmaster.example.org. 2024051701 7200 3600 1209600 300"}, " 2024051701 "},
		{"_ldap._tcp.example.org", "SRV", []string{"0 5 389 ldap.example.org."}, " 389 "},
		{"192.0.2.1", "PTR", []string{"www.example.org."}, "^www"},
		{"1.2.0.192.in-addr.arpa", "PTR", []string{"www.example.org."}, "^www"},
		{"example.org", "CAA", []string{`0 issue "ca.example.net"`}, "^0 issue"},
	} {
		for _, protocol := range []string{"", "tcp"} {
			t.Run(tc.name+" "+tc.recordType+" "+protocol, func(t *testing.T) {
				c := dnscheck.Config{Name: tc.name, Type: tc.recordType, Server: server, Protocol: protocol}
				c.Expect = dnscheck.Expect{Answers: tc.answers, Matches: []string{tc.matches}}
				r := run(t, c)
				checktest.RequireOK(t, r)
				v := values(r)
				assert.InDelta(t, len(tc.answers), v["dns_answers"], 0)
				assert.Contains(t, v, "dns_rcode")
				if tc.recordType == "SOA" {
					assert.InDelta(t, 2024051701, v["dns_soa_serial"], 0)
				} else {
					assert.NotContains(t, v, "dns_soa_serial")
				}
				c.Expect = dnscheck.Expect{Contains: tc.answers[:1]}
				checktest.RequireOK(t, run(t, c))
			})
		}
	}
}

func TestExpectations(t *testing.T) {
	server := serve(t, zone(t, records...))
	for _, tc := range []struct {
		what    string
		name    string
		expect  dnscheck.Expect
		reason  healthcheck.Reason
		details string
	}{
		{"unknown name", "nosuch.example.org", dnscheck.Expect{}, healthcheck.ReasonDNS, "rcode NXDOMAIN, want NOERROR"},
		{"no such record", "six.example.org", dnscheck.Expect{}, healthcheck.ReasonDNS, "no such record, want at least 1"},
		{"no such record, allowed", "six.example.org", dnscheck.Expect{MinAnswers: new(0)}, healthcheck.ReasonNone, ""},
		{"name that must not be there", "www.example.org", dnscheck.Expect{Rcode: "NXDOMAIN"}, healthcheck.ReasonStatus, "rcode NOERROR, want NXDOMAIN"},
		{"name that is not there as wanted", "nosuch.example.org", dnscheck.Expect{Rcode: "nxdomain"}, healthcheck.ReasonNone, ""},
		{"too few", "www.example.org", dnscheck.Expect{MinAnswers: new(3)}, healthcheck.ReasonThreshold, "2 answers, want at least 3: 192.0.2.1, 192.0.2.2"},
		{"one too many", "www.example.org", dnscheck.Expect{Answers: []string{"192.0.2.1"}}, healthcheck.ReasonBody, "answer 192.0.2.2 is not expected"},
		{"missing of all", "www.example.org", dnscheck.Expect{Answers: []string{"192.0.2.1", "192.0.2.9"}}, healthcheck.ReasonBody, "no answer is 192.0.2.9: 192.0.2.1, 192.0.2.2"},
		{"missing", "www.example.org", dnscheck.Expect{Contains: []string{"192.0.2.9"}}, healthcheck.ReasonBody, "no answer is 192.0.2.9: 192.0.2.1, 192.0.2.2"},
		{"no match", "www.example.org", dnscheck.Expect{Matches: []string{`2\.1$`, "^10"}}, healthcheck.ReasonBody, `no answer matches "^10": 192.0.2.1`},
		{"unwanted match", "www.example.org", dnscheck.Expect{NotMatches: []string{"^10", `2\.2$`}}, healthcheck.ReasonBody, `answer 192.0.2.2 matches "2\\.2$"`},
		{"no unwanted match", "www.example.org", dnscheck.Expect{NotMatches: []string{"^10", "^2001"}}, healthcheck.ReasonNone, ""},
		{"no match of nothing", "six.example.org", dnscheck.Expect{MinAnswers: new(0), Matches: []string{"^10"}}, healthcheck.ReasonBody, "there are none"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			r := run(t, dnscheck.Config{Name: tc.name, Type: "A", Server: server, Expect: tc.expect})
			if tc.reason == healthcheck.ReasonNone {
				checktest.RequireOK(t, r)
				return
			}
			assertFails(t, r, tc.reason, tc.details)
			assert.Contains(t, r.Details, tc.name+" A at "+server+": ")
			assert.Contains(t, values(r), "dns_answers")
			assert.Contains(t, values(r), "dns_rcode")
		})
	}
}

func TestServerFailures(t *testing.T) {
	for code, text := range map[int]string{
		dns.RcodeServerFailure: "SERVFAIL", dns.RcodeRefused: "REFUSED", dns.RcodeFormatError: "FORMERR", 15: "15",
	} {
		t.Run(text, func(t *testing.T) {
			r := run(t, dnscheck.Config{Name: "example.org", Server: serve(t, rcodeOnly(code))})
			assertFails(t, r, healthcheck.ReasonDNS, "rcode "+text+", want NOERROR")
			assert.InDelta(t, code, values(r)["dns_rcode"], 0)
		})
	}
	t.Run("REFUSED without the question", func(t *testing.T) {
		server := serve(t, func(w dns.ResponseWriter, req *dns.Msg) {
			m := new(dns.Msg).SetRcode(req, dns.RcodeRefused)
			m.Question = nil
			_ = w.WriteMsg(m)
		})
		assertFails(t, run(t, dnscheck.Config{Name: "example.org", Server: server}), healthcheck.ReasonDNS, "rcode REFUSED")
	})
}

func TestAnyAddressIsFoundThoughOneFamilyFails(t *testing.T) {
	for _, failing := range []uint16{dns.TypeA, dns.TypeAAAA} {
		answer := zone(t, records...)
		server := serve(t, func(w dns.ResponseWriter, req *dns.Msg) {
			if req.Question[0].Qtype == failing {
				_ = w.WriteMsg(new(dns.Msg).SetRcode(req, dns.RcodeServerFailure))
				return
			}
			answer(w, req)
		})
		checktest.RequireOK(t, run(t, dnscheck.Config{Name: "www.example.org", Server: server}))
	}
}

func TestRecursionDesired(t *testing.T) {
	var desired atomic.Bool
	answer := zone(t, records...)
	server := serve(t, func(w dns.ResponseWriter, req *dns.Msg) {
		desired.Store(req.RecursionDesired)
		answer(w, req)
	})
	c := dnscheck.Config{Name: "www.example.org", Server: server}
	checktest.RequireOK(t, run(t, c))
	assert.True(t, desired.Load(), "by default")
	c.RecursionDesired = new(false)
	checktest.RequireOK(t, run(t, c))
	assert.False(t, desired.Load())
}

func TestHugeAnswers(t *testing.T) {
	var many []string
	for i := range 3000 {
		many = append(many, fmt.Sprintf("www.example.org. 60 IN A 10.1.%d.%d", i/256, i%256))
	}
	server := serve(t, zone(t, many...))
	t.Run("over tcp", func(t *testing.T) {
		r := run(t, dnscheck.Config{Name: "www.example.org", Type: "A", Server: server, Protocol: "tcp"})
		checktest.RequireOK(t, r)
		assert.InDelta(t, 3000, values(r)["dns_answers"], 0)
	})
	t.Run("details stay short", func(t *testing.T) {
		r := run(t, dnscheck.Config{
			Name: "www.example.org", Type: "A", Server: server, Protocol: "tcp",
			Expect: dnscheck.Expect{Contains: []string{"192.0.2.1"}},
		})
		assertFails(t, r, healthcheck.ReasonBody, "no answer is 192.0.2.1: 10.1.0.0, ")
		assert.True(t, strings.HasSuffix(r.Details, "…"), r.Details)
	})
	t.Run("control characters stay out of details", func(t *testing.T) {
		server := serve(t, zone(t, `example.org. 60 IN TXT "\027[31m\000\255`+strings.Repeat("x", 240)+`"`))
		r := run(t, dnscheck.Config{Name: "example.org", Type: "TXT", Server: server, Expect: dnscheck.Expect{Matches: []string{"^v="}}})
		assertFails(t, r, healthcheck.ReasonBody, "?[31m??xxx")
	})
}

func TestCanceledRunReturns(t *testing.T) {
	_, silent := listen(t)
	chk, err := dnscheck.New(dnscheck.Config{Name: "example.org", Server: silent.LocalAddr().String()})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	start := time.Now()
	assertFails(t, chk.Check(ctx), healthcheck.ReasonTimeout, "query over udp")
	assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
}
