package dnscheck_test

import (
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/dnscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

// parse returns records in the form of a zone file.
func parse(t testing.TB, records ...string) (rrs []dns.RR) {
	t.Helper()
	for _, r := range records {
		rr, err := dns.NewRR(r)
		require.NoError(t, err, r)
		rrs = append(rrs, rr)
	}
	return rrs
}

// replying answers each question with what fill makes of the reply to it.
func replying(fill func(m *dns.Msg)) dns.HandlerFunc {
	return func(w dns.ResponseWriter, req *dns.Msg) {
		m := new(dns.Msg).SetReply(req)
		fill(m)
		_ = w.WriteMsg(m)
	}
}

// TestAnyType: each type by its name and by its number, known to the library or not.
func TestAnyType(t *testing.T) {
	for _, tc := range []struct {
		recordType, record string
		expect             dnscheck.Expect
	}{
		{"HTTPS", `example.org. 60 IN HTTPS 1 Svc.Example.ORG. alpn="h2"`, dnscheck.Expect{Answers: []string{`1 svc.example.org alpn=h2`}, Matches: []string{`^1 svc\.example\.org\. alpn="h2"$`}}},
		{"TYPE65", `example.org. 60 IN HTTPS 1 . alpn="h2"`, dnscheck.Expect{Answers: []string{`1 . alpn="h2"`}}},
		{"TYPE65280", `example.org. 60 IN TYPE65280 \# 4 0a000001`, dnscheck.Expect{Answers: []string{`\# 4 0A000001`}}},
		{"type1", "example.org. 60 IN A 192.0.2.1", dnscheck.Expect{Answers: []string{"192.0.2.1"}}},
		{"DS", "example.org. 60 IN DS 12345 13 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D", dnscheck.Expect{Answers: []string{"12345 13 2 e06d44b80b8f1d39a95c0b0d7c65d08458e880409bbc683457104237c7f8ec8d"}}},
		{"TLSA", "example.org. 60 IN TLSA 3 1 1 AbCd", dnscheck.Expect{Answers: []string{"3 1 1 abcd"}}},
		{"NAPTR", `example.org. 60 IN NAPTR 100 10 "U" "E2U+sip" "!^.*$!sip:Info@example.org!" .`, dnscheck.Expect{Matches: []string{`^100 10 "U" "E2U\+sip" "!\^\.\*\$!sip:Info@example\.org!" \.$`}}},
		{"DNAME", "example.org. 60 IN DNAME Other.Example.", dnscheck.Expect{Answers: []string{"other.example"}}},
		{"URI", `example.org. 60 IN URI 10 1 "https://example.org/Path"`, dnscheck.Expect{Answers: []string{`10 1 "https://example.org/Path"`}}},
		{"ANY", "example.org. 60 IN MX 10 Mail.Example.org.", dnscheck.Expect{Answers: []string{"Example.org MX 10 mail.example.org"}}},
	} {
		t.Run(tc.recordType, func(t *testing.T) {
			server := serve(t, replying(func(m *dns.Msg) { m.Answer = parse(t, tc.record) }))
			c := dnscheck.Config{Name: "example.org", Type: tc.recordType, Server: server, Expect: tc.expect}
			r := run(t, c)
			checktest.RequireOK(t, r)
			assert.InDelta(t, 60, values(r)["dns_answer_ttl_seconds"], 0)
			c.Expect = dnscheck.Expect{Matches: []string{"^never$"}}
			assertFails(t, run(t, c), healthcheck.ReasonBody, `no answer matches "^never$"`)
		})
	}
	t.Run("keys keep their case", func(t *testing.T) {
		server := serve(t, replying(func(m *dns.Msg) { m.Answer = parse(t, "example.org. 60 IN DNSKEY 257 3 13 AbCd") }))
		c := dnscheck.Config{Name: "example.org", Type: "DNSKEY", Server: server, Expect: dnscheck.Expect{Answers: []string{"257 3 13 AbCd"}}}
		checktest.RequireOK(t, run(t, c))
		c.Expect.Answers[0] = "257 3 13 aBcD"
		assertFails(t, run(t, c), healthcheck.ReasonBody, "no answer is 257 3 13 aBcD")
	})
}

func TestClass(t *testing.T) {
	server := serve(t, replying(func(m *dns.Msg) {
		m.Answer = parse(t, `id.server. 0 CH TXT "ns1"`, `id.server. 0 IN TXT "wrong class"`)
	}))
	c := dnscheck.Config{Name: "id.server", Type: "TXT", Class: "ch", Server: server, Expect: dnscheck.Expect{Answers: []string{"ns1"}}}
	checktest.RequireOK(t, run(t, c))
	c.Class = ""
	assertFails(t, run(t, c), healthcheck.ReasonBody, "no answer is ns1: wrong class")
	c.Class = "CH"
	assert.Equal(t, "id.server CH TXT at "+server, c.Target())
}

// TestSections: each expectation where it holds, and where it does not.
func TestSections(t *testing.T) {
	server := serve(t, replying(func(m *dns.Msg) {
		m.Authoritative, m.RecursionAvailable = true, true
		m.Answer = parse(t, "www.example.org. 60 IN A 192.0.2.1", "www.example.org. 300 IN A 192.0.2.2")
		m.Ns = parse(t, "Example.org. 3600 IN NS NS1.example.org.", "example.org. 3600 IN NS ns2.example.org.")
		m.Extra = append(m.Extra, parse(t, "ns1.example.org. 120 IN A 192.0.2.53", `ns1.example.org. 120 IN TXT "Some text"`)...)
		m.SetEdns0(1232, false)
	}))
	const threshold, body, status = healthcheck.ReasonThreshold, healthcheck.ReasonBody, healthcheck.ReasonStatus
	authority := func(s dnscheck.Section) dnscheck.Expect { return dnscheck.Expect{Authority: s} }
	additional := func(s dnscheck.Section) dnscheck.Expect { return dnscheck.Expect{Additional: s} }
	for _, tc := range []struct {
		good, bad dnscheck.Expect
		reason    healthcheck.Reason
		details   string
	}{
		{dnscheck.Expect{MaxAnswers: new(2)}, dnscheck.Expect{MaxAnswers: new(1)}, threshold, "2 answers, want at most 1: 192.0.2.1, 192.0.2.2"},
		{dnscheck.Expect{MaxAnswers: new(2), MinAnswers: new(2)}, dnscheck.Expect{MinAnswers: new(0), MaxAnswers: new(0)}, threshold, "2 answers, want at most 0"},
		{dnscheck.Expect{NotContains: []string{"192.0.2.3"}}, dnscheck.Expect{NotContains: []string{"192.0.2.2"}}, body, "answer 192.0.2.2 is not expected"},
		{dnscheck.Expect{MinTTL: time.Minute}, dnscheck.Expect{MinTTL: 61 * time.Second}, threshold, "the ttl of the answer 192.0.2.1 is 1m0s, want at least 1m1s"},
		{dnscheck.Expect{MaxTTL: 5 * time.Minute}, dnscheck.Expect{MaxTTL: 4 * time.Minute}, threshold, "the ttl of the answer 192.0.2.2 is 5m0s, want at most 4m0s"},
		{dnscheck.Expect{Rcodes: []string{"nxdomain", "NOERROR"}}, dnscheck.Expect{Rcodes: []string{"NXDOMAIN", "REFUSED"}}, status, "rcode NOERROR, want NXDOMAIN or REFUSED"},
		{dnscheck.Expect{Rcode: "0"}, dnscheck.Expect{Rcode: "23"}, status, "rcode NOERROR, want BADCOOKIE"},
		{dnscheck.Expect{Flags: []string{"aa", "ra"}}, dnscheck.Expect{Flags: []string{"aa", "ad"}}, status, "the answer has not the flag ad"},
		{dnscheck.Expect{Flags: []string{"AA"}}, dnscheck.Expect{Flags: []string{"tc"}}, status, "the answer has not the flag tc"},
		{dnscheck.Expect{NoFlags: []string{"tc", "ad"}}, dnscheck.Expect{NoFlags: []string{"ra"}}, status, "the answer has the flag ra"},
		{dnscheck.Expect{NoFlags: []string{"tc"}}, dnscheck.Expect{NoFlags: []string{"aa"}}, status, "the answer has the flag aa"},
		{
			authority(dnscheck.Section{Records: []string{"example.org NS ns2.example.org", "EXAMPLE.org.  ns  ns1.example.org."}}),
			authority(dnscheck.Section{Records: []string{"example.org. NS ns1.example.org."}}), body, "authority record example.org. NS ns2.example.org. is not expected",
		},
		{
			authority(dnscheck.Section{Contains: []string{"example.org. NS ns1.example.org."}}),
			authority(dnscheck.Section{Contains: []string{"example.org. NS ns3.example.org."}}), body, "no authority record is example.org. NS ns3.example.org.: example.org. NS ns1.example.org.",
		},
		{
			authority(dnscheck.Section{NotContains: []string{"example.org. NS ns3.example.org."}}),
			authority(dnscheck.Section{NotContains: []string{"example.org. NS ns1.example.org."}}), body, "authority record example.org. NS ns1.example.org. is not expected",
		},
		{authority(dnscheck.Section{Matches: []string{" NS ns1"}}), authority(dnscheck.Section{Matches: []string{" MX "}}), body, `no authority record matches " MX "`},
		{authority(dnscheck.Section{NotMatches: []string{" MX "}}), authority(dnscheck.Section{NotMatches: []string{" NS ns2"}}), body, `authority record example.org. NS ns2.example.org. matches " NS ns2"`},
		{authority(dnscheck.Section{Min: new(2)}), authority(dnscheck.Section{Min: new(3)}), threshold, "2 authority records, want at least 3"},
		{authority(dnscheck.Section{Max: new(2)}), authority(dnscheck.Section{Max: new(0)}), threshold, "2 authority records, want at most 0"},
		{authority(dnscheck.Section{MinTTL: time.Hour}), authority(dnscheck.Section{MinTTL: 2 * time.Hour}), threshold, "the ttl of the authority record example.org. NS ns1.example.org. is 1h0m0s"},
		{authority(dnscheck.Section{MaxTTL: time.Hour}), authority(dnscheck.Section{MaxTTL: time.Minute}), threshold, "is 1h0m0s, want at most 1m0s"},
		{
			additional(dnscheck.Section{Records: []string{"ns1.example.org A 192.0.2.53", "ns1.example.org TXT Some text"}}),
			additional(dnscheck.Section{Records: []string{"ns1.example.org A 192.0.2.53"}}), body, "additional record ns1.example.org. TXT Some text is not expected",
		},
		{additional(dnscheck.Section{Max: new(2)}), additional(dnscheck.Section{Min: new(3)}), threshold, "2 additional records, want at least 3"},
	} {
		t.Run(tc.details, func(t *testing.T) {
			c := dnscheck.Config{Name: "www.example.org", Type: "A", Server: server, Expect: tc.good}
			checktest.RequireOK(t, run(t, c))
			c.Expect = tc.bad
			assertFails(t, run(t, c), tc.reason, tc.details)
		})
	}
}

// TestNoRecordIsAcceptedWhereAnotherCodeIs: what is listed beside NOERROR has no records either.
func TestNoRecordIsAcceptedWhereAnotherCodeIs(t *testing.T) {
	for _, code := range []int{dns.RcodeSuccess, dns.RcodeNameError} {
		server := serve(t, rcodeOnly(code))
		c := dnscheck.Config{Name: "example.org", Type: "A", Server: server, Expect: dnscheck.Expect{Rcodes: []string{"NOERROR", "NXDOMAIN"}}}
		checktest.RequireOK(t, run(t, c))
		c.Expect.MinAnswers = new(1)
		assertFails(t, run(t, c), healthcheck.ReasonDNS, "no such record, want at least 1")
		c.Expect = dnscheck.Expect{Rcodes: []string{"NOERROR"}}
		assertFails(t, run(t, c), healthcheck.ReasonDNS, "want")
	}
}

// TestFlagTC: the flag is that of the datagram; the records are those that came over TCP.
func TestFlagTC(t *testing.T) {
	answer := zone(t, records...)
	server := serve(t, func(w dns.ResponseWriter, req *dns.Msg) {
		if w.RemoteAddr().Network() == "udp" {
			m := new(dns.Msg).SetReply(req)
			m.Truncated = true
			_ = w.WriteMsg(m)
			return
		}
		answer(w, req)
	})
	c := dnscheck.Config{Name: "www.example.org", Type: "A", Server: server, Expect: dnscheck.Expect{Flags: []string{"tc"}, Answers: []string{"192.0.2.1", "192.0.2.2"}}}
	checktest.RequireOK(t, run(t, c))
	c.Expect = dnscheck.Expect{NoFlags: []string{"tc"}}
	assertFails(t, run(t, c), healthcheck.ReasonStatus, "the answer has the flag tc")
	c.Protocol = "tcp"
	checktest.RequireOK(t, run(t, c))
}

// TestOneFamilyFails: what is said beside a failure that does not matter does not matter either.
func TestOneFamilyFails(t *testing.T) {
	known := families(t, dns.RcodeSuccess, dns.RcodeServerFailure, "www.example.org. 60 IN A 192.0.2.1")
	server := serve(t, known)
	c := dnscheck.Config{Name: "www.example.org", Server: server, Expect: dnscheck.Expect{NoFlags: []string{"ra"}}}
	checktest.RequireOK(t, run(t, c))
	c.Expect = dnscheck.Expect{MaxAnswers: new(5)}
	assertFails(t, run(t, c), healthcheck.ReasonDNS, "there may be answers that are not expected; AAAA is SERVFAIL")
}

func TestMaxLatency(t *testing.T) {
	answer := zone(t, records...)
	server := serve(t, func(w dns.ResponseWriter, req *dns.Msg) {
		<-time.After(20 * time.Millisecond)
		answer(w, req)
	})
	c := www(server, "")
	c.MaxLatency = 30 * time.Second
	checktest.RequireOK(t, run(t, c))
	c.MaxLatency = 10 * time.Millisecond
	r := run(t, c)
	assertFails(t, r, healthcheck.ReasonLatency, "want at most 10ms")
	assert.InDelta(t, 2, values(r)["dns_answers"], 0)
}

func TestBufferSize(t *testing.T) {
	sizes := make(chan uint16, 1)
	answer := zone(t, records...)
	server := serve(t, func(w dns.ResponseWriter, req *dns.Msg) {
		sizes <- req.IsEdns0().UDPSize()
		answer(w, req)
	})
	c := www(server, "")
	checktest.RequireOK(t, run(t, c))
	assert.EqualValues(t, 1232, <-sizes)
	c.EDNSBufferSize = 4096
	checktest.RequireOK(t, run(t, c))
	assert.EqualValues(t, 4096, <-sizes)
}

func TestIPProtocol(t *testing.T) {
	server := serve(t, zone(t, records...))
	for _, protocol := range []string{"udp", "tcp"} {
		c := www(server, protocol)
		c.IPProtocol = "ip4"
		checktest.RequireOK(t, run(t, c))
		c.IPProtocol = "ip6"
		r := run(t, c)
		assert.True(t, r.Failed())
		assert.Contains(t, r.Details, "connect to "+server)
	}
}
