package dnscheck_test

import (
	"crypto"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/dnscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

// signer signs sets of records as a zone does.
type signer struct {
	key     *dns.DNSKEY
	private crypto.Signer
}

func newSigner(t *testing.T, zone string, algorithm uint8) *signer {
	t.Helper()
	key := &dns.DNSKEY{Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 60}, Flags: 257, Protocol: 3, Algorithm: algorithm}
	bits := map[uint8]int{dns.RSASHA256: 2048, dns.ECDSAP256SHA256: 256, dns.ED25519: 256}[algorithm]
	private, err := key.Generate(bits)
	require.NoError(t, err)
	return &signer{key, private.(crypto.Signer)}
}

// sign returns the records with a signature that is good from one time to another.
func (s *signer) sign(t *testing.T, from, to time.Time, records ...string) []dns.RR {
	t.Helper()
	return s.signSet(t, from, to, parse(t, records...))
}

func (s *signer) signSet(t *testing.T, from, to time.Time, set []dns.RR) []dns.RR {
	t.Helper()
	sig := &dns.RRSIG{
		Hdr:       dns.RR_Header{Ttl: 60},
		Algorithm: s.key.Algorithm, KeyTag: s.key.KeyTag(), SignerName: s.key.Hdr.Name,
		Inception: uint32(from.Unix()), Expiration: uint32(to.Unix()),
	}
	require.NoError(t, sig.Sign(s.private, set))
	return append(append([]dns.RR(nil), set...), sig)
}

// signed is a zone: what is in the sections of the answers, by name and type.
type signed struct {
	answer, authority map[string][]dns.RR
	rcode             int
	without           bool // it sends no signatures
}

func (z *signed) serve(w dns.ResponseWriter, req *dns.Msg) {
	q := req.Question[0]
	key := strings.ToLower(q.Name) + " " + dns.TypeToString[q.Qtype]
	m := new(dns.Msg).SetReply(req)
	opt := req.IsEdns0()
	do := opt != nil && opt.Do()
	add := func(section, rrs []dns.RR) []dns.RR {
		for _, rr := range rrs {
			if rr.Header().Rrtype != dns.TypeRRSIG || do && !z.without {
				section = append(section, rr)
			}
		}
		return section
	}
	m.Answer, m.Ns = add(m.Answer, z.answer[key]), add(m.Ns, z.authority[key])
	if q.Qtype != dns.TypeDNSKEY {
		m.Rcode = z.rcode
	}
	_ = w.WriteMsg(m)
}

const year = 365 * 24 * time.Hour

func hours(n int) time.Time {
	return time.Now().Add(time.Duration(n) * time.Hour).Truncate(time.Second)
}

var wwwA = "www.example.org. 60 IN A 192.0.2.1"

// newZone returns a zone of www.example.org with signatures that are good from one time to another.
func newZone(t *testing.T, s *signer, from, to time.Time) *signed {
	t.Helper()
	return &signed{answer: map[string][]dns.RR{
		"www.example.org. A":  s.sign(t, from, to, wwwA),
		"example.org. DNSKEY": s.signSet(t, hours(-1), hours(100), []dns.RR{s.key}),
	}}
}

func signatures(server string, d dnscheck.DNSSEC) dnscheck.Config {
	return dnscheck.Config{Name: "www.example.org", Type: "A", Server: server, DNSSEC: d}
}

func TestAD(t *testing.T) {
	var authentic, asked bool
	answer := zone(t, records...)
	var g guard
	server := serve(t, g.of(func(w dns.ResponseWriter, req *dns.Msg) {
		asked = req.AuthenticatedData
		r := new(recorder)
		answer(r, req)
		r.msg.AuthenticatedData = authentic
		_ = w.WriteMsg(r.msg)
	}))
	c := signatures(server, dnscheck.DNSSEC{AD: true})
	assertFails(t, run(t, c), healthcheck.ReasonStatus, "the answer has not the flag ad")
	g.do(func() {
		assert.True(t, asked)
		authentic = true
	})
	checktest.RequireOK(t, run(t, c))
	c.DNSSEC = dnscheck.DNSSEC{}
	checktest.RequireOK(t, run(t, c))
	g.do(func() { assert.False(t, asked) })
}

func TestSignatures(t *testing.T) {
	s := newSigner(t, "example.org.", dns.ECDSAP256SHA256)
	end := hours(48)
	for _, tc := range []struct {
		what     string
		from, to time.Time
		dnssec   dnscheck.DNSSEC
		details  string // none: OK
	}{
		{"good", hours(-1), end, dnscheck.DNSSEC{Signatures: true}, ""},
		{"long enough", hours(-1), end, dnscheck.DNSSEC{MinValidity: 47 * time.Hour}, ""},
		{"not long enough", hours(-1), end, dnscheck.DNSSEC{MinValidity: 49 * time.Hour}, "a signature of www.example.org. A expires at " + end.UTC().Format(time.RFC3339) + ", want it to be valid for 49h0m0s"},
		{"expired", hours(-48), hours(-1), dnscheck.DNSSEC{Signatures: true}, "the signature of www.example.org. A is good from "},
		{"not yet good", hours(1), end, dnscheck.DNSSEC{Signatures: true}, "the signature of www.example.org. A is good from "},
		{"expired, not asked for", hours(-48), hours(-1), dnscheck.DNSSEC{}, ""},
		{"beyond 2106", hours(-1), time.Now().Add(60 * year).Truncate(time.Second), dnscheck.DNSSEC{MinValidity: 59 * year}, ""},
	} {
		t.Run(tc.what, func(t *testing.T) {
			c := signatures(serve(t, newZone(t, s, tc.from, tc.to).serve), tc.dnssec)
			r := run(t, c)
			if tc.details == "" {
				checktest.RequireOK(t, r)
			} else {
				assertFails(t, r, healthcheck.ReasonThreshold, tc.details)
			}
			if tc.dnssec == (dnscheck.DNSSEC{}) {
				assert.NotContains(t, values(r), "dns_signature_expiry_timestamp_seconds")
			} else {
				assert.InDelta(t, tc.to.Unix(), values(r)["dns_signature_expiry_timestamp_seconds"], 0)
			}
		})
	}
	t.Run("the first of several counts", func(t *testing.T) {
		z := newZone(t, s, hours(-1), end)
		z.answer["www.example.org. A"] = append(z.answer["www.example.org. A"], s.sign(t, hours(-1), hours(3), wwwA)[1])
		r := run(t, signatures(serve(t, z.serve), dnscheck.DNSSEC{Signatures: true, Verify: true}))
		checktest.RequireOK(t, r)
		assert.InDelta(t, hours(3).Unix(), values(r)["dns_signature_expiry_timestamp_seconds"], 1)
	})
	t.Run("of several servers too", func(t *testing.T) {
		late, soon := newZone(t, s, hours(-1), end), newZone(t, s, hours(-1), hours(3))
		c := signatures("", dnscheck.DNSSEC{MinValidity: time.Hour})
		c.Servers = []string{serve(t, late.serve), serve(t, soon.serve)}
		r := run(t, c)
		checktest.RequireOK(t, r)
		assert.InDelta(t, hours(3).Unix(), values(r)["dns_signature_expiry_timestamp_seconds"], 1)
		c.DNSSEC.MinValidity = 4 * time.Hour
		assertFails(t, run(t, c), healthcheck.ReasonThreshold, "server "+c.Servers[1]+": a signature of www.example.org. A expires at")
	})
	t.Run("missing", func(t *testing.T) {
		z := newZone(t, s, hours(-1), end)
		z.without = true
		r := run(t, signatures(serve(t, z.serve), dnscheck.DNSSEC{Signatures: true}))
		assertFails(t, r, healthcheck.ReasonBody, "no signature of www.example.org. A")
		assert.NotContains(t, values(r), "dns_signature_expiry_timestamp_seconds")
		checktest.RequireOK(t, run(t, signatures(serve(t, z.serve), dnscheck.DNSSEC{})))
	})
	t.Run("of a part only", func(t *testing.T) {
		z := newZone(t, s, hours(-1), end)
		z.answer["www.example.org. A"] = append(parse(t, "www.example.org. 60 IN CNAME web.example.org."), s.sign(t, hours(-1), end, "web.example.org. 60 IN A 192.0.2.1")...)
		assertFails(t, run(t, signatures(serve(t, z.serve), dnscheck.DNSSEC{Signatures: true})), healthcheck.ReasonBody, "no signature of www.example.org. CNAME")
	})
	t.Run("below a DNAME", func(t *testing.T) {
		z := newZone(t, s, hours(-1), end)
		chain := append(s.sign(t, hours(-1), end, "example.org. 60 IN DNAME example.net."), parse(t, "www.example.org. 60 IN CNAME www.example.net.")...)
		z.answer["www.example.org. A"] = append(chain, newSigner(t, "example.net.", dns.ED25519).sign(t, hours(-1), end, "www.example.net. 60 IN A 192.0.2.1")...)
		checktest.RequireOK(t, run(t, signatures(serve(t, z.serve), dnscheck.DNSSEC{Signatures: true})))
	})
}

// TestSignaturesOfNothing: what says that there is nothing is signed.
func TestSignaturesOfNothing(t *testing.T) {
	var g guard
	s := newSigner(t, "example.org.", dns.ECDSAP256SHA256)
	for _, code := range []int{dns.RcodeSuccess, dns.RcodeNameError} {
		z := newZone(t, s, hours(-1), hours(48))
		z.rcode = code
		delete(z.answer, "www.example.org. A")
		soa := s.sign(t, hours(-1), hours(5), "example.org. 60 IN SOA ns1.example.org. hostmaster.example.org. 1 7200 3600 1209600 300")
		z.authority = map[string][]dns.RR{"www.example.org. A": append(soa, s.sign(t, hours(-1), hours(48), "example.org. 60 IN NSEC z.example.org. NS SOA RRSIG NSEC DNSKEY")...)}
		c := signatures(serve(t, g.of(z.serve)), dnscheck.DNSSEC{Verify: true})
		c.Expect.Rcodes, c.Expect.MinAnswers = []string{"NOERROR", "NXDOMAIN"}, new(0)
		r := run(t, c)
		checktest.RequireOK(t, r)
		assert.InDelta(t, hours(5).Unix(), values(r)["dns_signature_expiry_timestamp_seconds"], 1)
		g.do(func() { z.without = true })
		assertFails(t, run(t, c), healthcheck.ReasonBody, "no signature of example.org. SOA")
		g.do(func() { z.authority = nil })
		assertFails(t, run(t, c), healthcheck.ReasonBody, "the answer has nothing that is signed")
	}
	failing := serve(t, rcodeOnly(dns.RcodeServerFailure))
	assertFails(t, run(t, signatures(failing, dnscheck.DNSSEC{Verify: true})), healthcheck.ReasonDNS, "rcode SERVFAIL")
}

func TestVerify(t *testing.T) {
	for _, algorithm := range []uint8{dns.RSASHA256, dns.ECDSAP256SHA256, dns.ED25519} {
		t.Run(dns.AlgorithmToString[algorithm], func(t *testing.T) {
			z := newZone(t, newSigner(t, "example.org.", algorithm), hours(-1), hours(48))
			for _, protocol := range []string{"udp", "tcp"} {
				c := signatures(serve(t, z.serve), dnscheck.DNSSEC{Verify: true})
				c.Protocol = protocol
				checktest.RequireOK(t, run(t, c))
			}
		})
	}
	s, other := newSigner(t, "example.org.", dns.ECDSAP256SHA256), newSigner(t, "example.org.", dns.ECDSAP256SHA256)
	stranger := newSigner(t, "example.net.", dns.ECDSAP256SHA256)
	const www, keys = "www.example.org. A", "example.org. DNSKEY"
	revoked := newSigner(t, "example.org.", dns.ECDSAP256SHA256)
	revoked.key.Flags |= dns.REVOKE
	for _, tc := range []struct {
		what    string
		change  func(z *signed)
		details string // none: OK
	}{
		{"as it is", func(*signed) {}, ""},
		{"another record", func(z *signed) { z.answer[www][0].(*dns.A).A[3]++ }, "no signature of www.example.org. A is right: it is not by the key"},
		{"one record more", func(z *signed) {
			z.answer[www] = append(z.answer[www], parse(t, "www.example.org. 60 IN A 192.0.2.6")...)
		}, "no signature of www.example.org. A is right: it is not by the key"},
		{"upper case", func(z *signed) { z.answer[www][0].Header().Name = "WWW.Example.org." }, ""},
		{"a key that is gone", func(z *signed) { z.answer[keys] = other.signSet(t, hours(-1), hours(1), []dns.RR{other.key}) }, "no signature of www.example.org. A is right: the zone has no such key"},
		{"two keys", func(z *signed) { z.answer[keys] = other.signSet(t, hours(-1), hours(1), []dns.RR{other.key, s.key}) }, ""},
		{"a second signature, by nobody", func(z *signed) { z.answer[www] = append(other.sign(t, hours(-1), hours(1), wwwA), z.answer[www][1]) }, ""},
		{"no keys", func(z *signed) { delete(z.answer, keys) }, "the server has no keys of example.org.: rcode NOERROR"},
		{"keys without a signature", func(z *signed) { z.answer[keys] = []dns.RR{s.key} }, "no signature of example.org. DNSKEY is right: there is none within its time"},
		{"keys with an old signature", func(z *signed) { z.answer[keys] = s.signSet(t, hours(-2), hours(-1), []dns.RR{s.key}) }, "no signature of example.org. DNSKEY is right: there is none within its time"},
		{"keys signed by another", func(z *signed) { z.answer[keys] = other.signSet(t, hours(-1), hours(1), []dns.RR{s.key}) }, "no signature of example.org. DNSKEY is right: the zone has no such key"},
		{"signed by another zone", func(z *signed) { z.answer[www] = stranger.sign(t, hours(-1), hours(1), wwwA) }, "it is by a zone that the name is not in"},
		{"signed by a revoked key", func(z *signed) {
			z.answer[www] = revoked.sign(t, hours(-1), hours(1), wwwA)
			z.answer[keys] = s.signSet(t, hours(-1), hours(1), []dns.RR{revoked.key, s.key})
		}, "the zone has no such key"},
		{"an unknown algorithm", func(z *signed) {
			z.answer[www][1].(*dns.RRSIG).Algorithm = dns.ED448
			odd := dns.Copy(s.key).(*dns.DNSKEY)
			odd.Algorithm = dns.ED448
			z.answer[www][1].(*dns.RRSIG).KeyTag = odd.KeyTag()
			z.answer[keys] = s.signSet(t, hours(-1), hours(1), []dns.RR{s.key, odd})
		}, "its algorithm is not supported"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			z := newZone(t, s, hours(-1), hours(48))
			tc.change(z)
			server := serve(t, z.serve)
			r := run(t, signatures(server, dnscheck.DNSSEC{Verify: true}))
			if tc.details == "" {
				checktest.RequireOK(t, r)
			} else {
				assertFails(t, r, healthcheck.ReasonBody, tc.details)
			}
			checktest.RequireOK(t, run(t, signatures(server, dnscheck.DNSSEC{Signatures: true})))
		})
	}
	t.Run("over https", func(t *testing.T) {
		address, settings := serveHTTPS(t, "127.0.0.1", answering(t, newZone(t, s, hours(-1), hours(48)).serve, nil))
		for _, method := range []string{"GET", "POST"} {
			c := signatures(address, dnscheck.DNSSEC{Verify: true})
			c.Protocol, c.Method, c.TLSConfig = "https", method, settings
			checktest.RequireOK(t, run(t, c))
		}
	})
	t.Run("a wildcard", func(t *testing.T) {
		z := newZone(t, s, hours(-1), hours(48))
		rrs := s.sign(t, hours(-1), hours(48), "*.example.org. 60 IN A 192.0.2.1")
		for _, rr := range rrs {
			rr.Header().Name = "www.example.org."
		}
		z.answer[www] = rrs
		assertFails(t, run(t, signatures(serve(t, z.serve), dnscheck.DNSSEC{Signatures: true})), healthcheck.ReasonBody,
			"nothing proves that the wildcard is the closest to www.example.org. A: no NSEC or NSEC3")
		proven := &signed{answer: z.answer, authority: map[string][]dns.RR{
			www: s.sign(t, hours(-1), hours(48), "a.example.org. 60 IN NSEC z.example.org. A RRSIG NSEC"),
		}}
		checktest.RequireOK(t, run(t, signatures(serve(t, proven.serve), dnscheck.DNSSEC{Verify: true})))
	})
}

// TestKeyTrap: who sends many signatures and keys that all fit does not keep us busy (CVE-2023-50387).
func TestKeyTrap(t *testing.T) {
	s := newSigner(t, "example.org.", dns.ECDSAP256SHA256)
	z := newZone(t, s, hours(-1), hours(48))
	sig := z.answer["www.example.org. A"][1].(*dns.RRSIG)
	sig.Signature = strings.Repeat("A", 86) + "=="
	z.answer["www.example.org. A"] = z.answer["www.example.org. A"][:1]
	for i := range 200 {
		wrong := dns.Copy(sig).(*dns.RRSIG)
		wrong.OrigTtl = uint32(i)
		z.answer["www.example.org. A"] = append(z.answer["www.example.org. A"], wrong)
	}
	c := signatures(serve(t, z.serve), dnscheck.DNSSEC{Verify: true})
	c.Protocol = "tcp"
	assertFails(t, run(t, c), healthcheck.ReasonProtocol, "too many signatures and keys to verify")

	z = newZone(t, s, hours(-1), hours(48))
	z.answer["www.example.org. A"] = nil
	for i := range 20 { // a zone for each record
		name := strings.Repeat("a.", i+1) + "example.org."
		sub := newSigner(t, name, dns.ED25519)
		z.answer["www.example.org. A"] = append(z.answer["www.example.org. A"], sub.sign(t, hours(-1), hours(1), name+" 60 IN CNAME a."+name)...)
		z.answer[name+" DNSKEY"] = sub.signSet(t, hours(-1), hours(1), []dns.RR{sub.key})
	}
	c.Server, c.Expect.MinAnswers = serve(t, z.serve), new(0)
	assertFails(t, run(t, c), healthcheck.ReasonProtocol, "too many signatures and keys to verify")
}
