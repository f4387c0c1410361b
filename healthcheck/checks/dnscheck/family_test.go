package dnscheck_test

import (
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/dnscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

// families answers each type of address in its own way: with a code, or with a record.
func families(t *testing.T, a, aaaa int, records ...string) dns.HandlerFunc {
	t.Helper()
	known := zone(t, records...)
	return func(w dns.ResponseWriter, req *dns.Msg) {
		r := new(recorder)
		known(r, req)
		if len(r.msg.Answer) > 0 {
			_ = w.WriteMsg(r.msg)
			return
		}
		code := a
		if req.Question[0].Qtype == dns.TypeAAAA {
			code = aaaa
		}
		m := new(dns.Msg).SetRcode(req, code)
		m.RecursionAvailable = true
		_ = w.WriteMsg(m)
	}
}

// TestFamilies: a failure for one type of address is not that there is none.
func TestFamilies(t *testing.T) {
	const (
		ok, fail, none = dns.RcodeSuccess, dns.RcodeServerFailure, dns.RcodeNameError
		v4, v6         = "www.example.org. 60 IN A 192.0.2.1", "www.example.org. 60 IN AAAA 2001:db8::1"
	)
	for _, tc := range []struct {
		what    string
		a, aaaa int
		records []string
		expect  dnscheck.Expect
		details string // none: OK
		system  string // the same of the system's resolver
	}{
		{"A fails, no AAAA", fail, ok, nil, dnscheck.Expect{}, "rcode SERVFAIL, want NOERROR", "server misbehaving"},
		{"no A, AAAA fails", ok, fail, nil, dnscheck.Expect{}, "rcode SERVFAIL, want NOERROR", "server misbehaving"},
		{"A fails, no AAAA, none wanted", fail, ok, nil, dnscheck.Expect{MinAnswers: new(0)}, "rcode SERVFAIL", "server misbehaving"},
		{"no A, AAAA fails, none wanted", ok, fail, nil, dnscheck.Expect{MinAnswers: new(0)}, "rcode SERVFAIL", "server misbehaving"},
		{"no name, AAAA fails, no name wanted", none, fail, nil, dnscheck.Expect{Rcode: "NXDOMAIN"}, "rcode SERVFAIL", "server misbehaving"},
		{"A fails, no name, no name wanted", fail, none, nil, dnscheck.Expect{Rcode: "NXDOMAIN"}, "rcode SERVFAIL", "server misbehaving"},
		{"both fail", fail, fail, nil, dnscheck.Expect{}, "rcode SERVFAIL", "server misbehaving"},
		{"A, AAAA fails", ok, fail, []string{v4}, dnscheck.Expect{Contains: []string{"192.0.2.1"}}, "", ""},
		{"A fails, AAAA", fail, ok, []string{v6}, dnscheck.Expect{}, "", ""},
		{
			"the wanted may be hidden", fail, ok, []string{v6}, dnscheck.Expect{Contains: []string{"192.0.2.1"}},
			"no answer is 192.0.2.1: 2001:db8::1; A is SERVFAIL", "no answer is 192.0.2.1: 2001:db8::1; A is SERVFAIL",
		},
		{
			"more may be hidden", ok, fail, []string{v4}, dnscheck.Expect{Answers: []string{"192.0.2.1"}},
			"there may be answers that are not expected; AAAA is SERVFAIL", "there may be answers that are not expected",
		},
		{
			"the unwanted may be hidden", ok, fail, []string{v4}, dnscheck.Expect{NotMatches: []string{"^2001"}},
			"there may be answers that are not expected; AAAA is SERVFAIL", "there may be answers that are not expected",
		},
		{
			"too few", ok, fail, []string{v4}, dnscheck.Expect{MinAnswers: new(2)},
			"1 answers, want at least 2: 192.0.2.1; AAAA is SERVFAIL", "want at least 2: 192.0.2.1; AAAA is SERVFAIL",
		},
		{"neither", ok, ok, nil, dnscheck.Expect{}, "no such record", "rcode NXDOMAIN, want NOERROR"},
		{"neither, none wanted", ok, ok, nil, dnscheck.Expect{MinAnswers: new(0)}, "", "rcode NXDOMAIN, want NOERROR"},
		{"the name has something", none, ok, nil, dnscheck.Expect{}, "no such record", "rcode NXDOMAIN, want NOERROR"},
		{"no name", none, none, nil, dnscheck.Expect{}, "rcode NXDOMAIN, want NOERROR", "rcode NXDOMAIN, want NOERROR"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			server := serve(t, families(t, tc.a, tc.aaaa, tc.records...))
			c := dnscheck.Config{Name: "www.example.org.", Expect: tc.expect}
			t.Run("system", func(t *testing.T) { judge(t, resolve(t, c, server, 10*time.Second), tc.system) })
			c.Server = server
			t.Run("server", func(t *testing.T) { judge(t, run(t, c), tc.details) })
		})
	}
}

func judge(t *testing.T, r healthcheck.Result, details string) {
	t.Helper()
	if details == "" {
		checktest.RequireOK(t, r)
		return
	}
	assertFails(t, r, r.Reason, details)
}
