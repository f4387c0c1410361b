package dnscheck_test

import (
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/dnscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

// resolve runs the check with a system's resolver whose only server is the given one.
func resolve(t *testing.T, c dnscheck.Config, server string, timeout time.Duration) healthcheck.Result {
	t.Helper()
	chk, err := dnscheck.New(c)
	require.NoError(t, err)
	dnscheck.UseResolver(chk, checktest.Resolver(t, server))
	return checktest.RunChecker(t, chk, timeout)
}

func TestLocalhostNeedsNoNetwork(t *testing.T) {
	r := run(t, dnscheck.Config{Name: "localhost"})
	checktest.RequireOK(t, r)
	assert.Positive(t, values(r)["dns_answers"])
	assert.NotContains(t, values(r), "dns_rcode")
	checktest.RequireOK(t, run(t, dnscheck.Config{Name: "localhost", Type: "A", Expect: dnscheck.Expect{Contains: []string{"127.0.0.1"}}}))
}

func TestSystemResolver(t *testing.T) {
	server := serve(t, zone(t, append(records,
		"canonical.example.org. 60 IN CNAME www.example.org.", "canonical.example.org. 60 IN A 192.0.2.1")...))
	for _, tc := range []struct {
		name, recordType string
		answers          []string
	}{
		{"www.example.org.", "", []string{"192.0.2.2", "192.0.2.1", "2001:DB8:0::1"}},
		{"www.example.org.", "A", []string{"192.0.2.1", "192.0.2.2"}},
		{"www.example.org.", "AAAA", []string{"2001:db8::1"}},
		{"example.org.", "MX", []string{"10 mail.example.org"}},
		{"example.org.", "TXT", []string{"v=spf1 -all"}},
		{"example.org.", "NS", []string{"ns1.example.org."}},
		{"_ldap._tcp.example.org.", "SRV", []string{"0 5 389 ldap.example.org."}},
		{"192.0.2.1", "PTR", []string{"www.example.org."}},
	} {
		t.Run(tc.name+" "+tc.recordType, func(t *testing.T) {
			c := dnscheck.Config{Name: tc.name, Type: tc.recordType, Expect: dnscheck.Expect{Answers: tc.answers}}
			r := resolve(t, c, server, 10*time.Second)
			checktest.RequireOK(t, r)
			assert.InDelta(t, len(tc.answers), values(r)["dns_answers"], 0)
		})
	}
	t.Run("no CNAME", func(t *testing.T) {
		r := resolve(t, dnscheck.Config{Name: "www.example.org.", Type: "CNAME"}, server, 10*time.Second)
		assertFails(t, r, healthcheck.ReasonDNS, "no such record")
	})
}

func TestSystemResolverFailures(t *testing.T) {
	known := serve(t, zone(t, records...))
	t.Run("unknown name", func(t *testing.T) {
		r := resolve(t, dnscheck.Config{Name: "nosuch.example.org."}, known, 10*time.Second)
		assertFails(t, r, healthcheck.ReasonDNS, "nosuch.example.org.: rcode NXDOMAIN, want NOERROR")
		assert.InDelta(t, 0, values(r)["dns_answers"], 0)
	})
	t.Run("unknown name as wanted", func(t *testing.T) {
		c := dnscheck.Config{Name: "nosuch.example.org.", Expect: dnscheck.Expect{Rcode: "NXDOMAIN"}}
		checktest.RequireOK(t, resolve(t, c, known, 10*time.Second))
	})
	t.Run("no record of the family", func(t *testing.T) {
		r := resolve(t, dnscheck.Config{Name: "six.example.org.", Type: "A"}, known, 10*time.Second)
		assertFails(t, r, healthcheck.ReasonDNS, "six.example.org. A: ")
	})
	t.Run("SERVFAIL", func(t *testing.T) {
		r := resolve(t, dnscheck.Config{Name: "example.org."}, serve(t, rcodeOnly(dns.RcodeServerFailure)), 10*time.Second)
		assertFails(t, r, healthcheck.ReasonDNS, "server misbehaving")
	})
	t.Run("black hole", func(t *testing.T) {
		_, silent := listen(t)
		start := time.Now()
		r := resolve(t, dnscheck.Config{Name: "example.org."}, silent.LocalAddr().String(), checktest.Timeout)
		assertFails(t, r, healthcheck.ReasonTimeout, "the system's resolver gave no answer in time")
		assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
	})
}

// TestSystemCNAME: the answer is the record's data, not the end of the chain, whatever else the system's resolver asks
// at the same time and whichever answer is the first to come.
func TestSystemCNAME(t *testing.T) {
	rrs := zone(t, "alias.example.org. 60 IN CNAME Second.example.org.")
	chain := []string{
		"alias.example.org. 60 IN CNAME Second.example.org.", "second.example.org. 60 IN CNAME www.example.org.",
		"www.example.org. 60 IN A 192.0.2.1",
	}
	c := dnscheck.Config{Name: "alias.example.org.", Type: "CNAME", Expect: dnscheck.Expect{Answers: []string{"second.example.org"}}}
	for what, isLate := range map[string]func(qtype uint16) bool{
		"comes last":  func(qtype uint16) bool { return qtype == dns.TypeCNAME },
		"comes first": func(qtype uint16) bool { return qtype != dns.TypeCNAME },
	} {
		t.Run(what, func(t *testing.T) {
			var early sync.WaitGroup // answers before those that are late
			early.Add(1)
			if isLate(dns.TypeCNAME) {
				early.Add(1)
			}
			server := serve(t, func(w dns.ResponseWriter, req *dns.Msg) {
				if isLate(req.Question[0].Qtype) {
					early.Wait()
				} else {
					defer early.Done()
				}
				if req.Question[0].Qtype == dns.TypeCNAME {
					rrs(w, req)
					return
				}
				m := new(dns.Msg).SetReply(req)
				for _, s := range chain {
					rr, err := dns.NewRR(s)
					assert.NoError(t, err)
					m.Answer = append(m.Answer, rr)
				}
				_ = w.WriteMsg(m)
			})
			checktest.RequireOK(t, resolve(t, c, server, 10*time.Second))
		})
	}
	t.Run("over tcp", func(t *testing.T) {
		l, p := listen(t)
		activate(t, &dns.Server{Listener: l, Handler: rrs})
		activate(t, &dns.Server{PacketConn: p, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, req *dns.Msg) {
			m := new(dns.Msg).SetReply(req)
			m.Truncated = true
			_ = w.WriteMsg(m)
		})})
		checktest.RequireOK(t, resolve(t, c, l.Addr().String(), 10*time.Second))
	})
	t.Run("from a file", func(t *testing.T) {
		assertFails(t, run(t, dnscheck.Config{Name: "localhost", Type: "CNAME"}), healthcheck.ReasonDNS, "no such record")
	})
}
