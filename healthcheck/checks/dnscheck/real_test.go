package dnscheck_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/dnscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

var verified = dnscheck.DNSSEC{Verify: true}

func TestBIND(t *testing.T) {
	b := startBIND(t)
	t.Run("dnssec", func(t *testing.T) { testRealDNSSEC(t, b) })
	t.Run("denial", func(t *testing.T) { testRealDenial(t, b) })
	t.Run("protocols", func(t *testing.T) { testRealProtocols(t, b) })
	t.Run("names", func(t *testing.T) { testRealNames(t, b) })
	t.Run("serials", func(t *testing.T) { testRealSerials(t, b) })
	t.Run("unbound", func(t *testing.T) { testRealResolver(t, b) })
}

func testRealDNSSEC(t *testing.T, b *bind) {
	for _, tc := range []struct {
		zone    string
		dnssec  dnscheck.DNSSEC
		reason  healthcheck.Reason
		details string // none: OK
	}{
		{zoneGood, verified, healthcheck.ReasonNone, ""},
		{zoneNSEC3, verified, healthcheck.ReasonNone, ""},
		{zoneExpired, dnscheck.DNSSEC{Signatures: true}, healthcheck.ReasonThreshold, "the signature of www.expired.test. A is good from 2020-01-01T00:00:00Z to 2020-02-01T00:00:00Z only"},
		{zoneExpired, verified, healthcheck.ReasonThreshold, "the signature of www.expired.test. A is good from "},
		{zoneExpired, dnscheck.DNSSEC{}, healthcheck.ReasonNone, ""},
		{zoneForged, dnscheck.DNSSEC{Signatures: true}, healthcheck.ReasonNone, ""},
		{zoneForged, verified, healthcheck.ReasonBody, "no signature of www.forged.test. A is right: it is not by the key"},
		{zoneRekeyed, dnscheck.DNSSEC{Signatures: true}, healthcheck.ReasonNone, ""},
		{zoneRekeyed, verified, healthcheck.ReasonBody, "no signature of www.rekeyed.test. A is right: the zone has no such key"},
		{zoneUnsigned, dnscheck.DNSSEC{Signatures: true}, healthcheck.ReasonBody, "no signature of www.unsigned.test. A"},
		{zoneUnsigned, dnscheck.DNSSEC{}, healthcheck.ReasonNone, ""},
	} {
		t.Run(fmt.Sprint(tc.zone, tc.dnssec), func(t *testing.T) {
			r := run(t, dnscheck.Config{Name: "www." + tc.zone, Type: "A", Server: b.plain, DNSSEC: tc.dnssec})
			if tc.details == "" {
				checktest.RequireOK(t, r)
			} else {
				assertFails(t, r, tc.reason, tc.details)
			}
			if tc.dnssec.Verify && tc.zone != zoneExpired && tc.zone != zoneUnsigned {
				assert.InDelta(t, b.expiry.Unix(), values(r)["dns_signature_expiry_timestamp_seconds"], 0)
			}
		})
	}
	r := run(t, dnscheck.Config{Name: "www." + zoneExpired, Type: "A", Server: b.plain, DNSSEC: verified})
	assert.InDelta(t, 1580515200, values(r)["dns_signature_expiry_timestamp_seconds"], 0, "measured all the same")
	for _, name := range []string{"first.", "a.wild.", "a.below.", ""} {
		for _, zone := range []string{zoneGood, zoneNSEC3} {
			c := dnscheck.Config{Name: name + zone, Type: "A", Server: b.plain, DNSSEC: verified}
			if name == "" {
				c.Type = "DNSKEY"
			}
			r := run(t, c)
			checktest.RequireOK(t, r)
			assert.InDelta(t, b.expiry.Unix(), values(r)["dns_signature_expiry_timestamp_seconds"], 0)
		}
	}
}

// testRealDenial is about signed answers that there is nothing.
func testRealDenial(t *testing.T, b *bind) {
	for _, zone := range []string{zoneGood, zoneNSEC3} {
		for name, rcode := range map[string]string{"none": "NXDOMAIN", "www": "NOERROR", "lost": "NXDOMAIN", "a.wild": "NOERROR"} {
			c := dnscheck.Config{Name: name + "." + zone, Type: "MX", Server: b.plain, DNSSEC: verified}
			c.Expect.Rcode, c.Expect.MinAnswers = rcode, new(0)
			r := run(t, c)
			checktest.RequireOK(t, r)
			assert.InDelta(t, b.expiry.Unix(), values(r)["dns_signature_expiry_timestamp_seconds"], 0)
		}
	}
	c := dnscheck.Config{Name: "none." + zoneUnsigned, Server: b.plain, DNSSEC: verified, Expect: dnscheck.Expect{Rcode: "NXDOMAIN"}}
	assertFails(t, run(t, c), healthcheck.ReasonBody, "no signature of unsigned.test. SOA")
}

func testRealProtocols(t *testing.T, b *bind) {
	settings := &config.TLSConfig{CA: b.ca}
	for _, tc := range []dnscheck.Config{
		{Protocol: "udp", Server: b.plain},
		{Protocol: "tcp", Server: b.plain},
		{Protocol: "tls", Server: b.tls, TLSConfig: settings},
		{Protocol: "https", Server: b.https, TLSConfig: settings},
		{Protocol: "https", Method: "GET", Server: "https://" + b.https + "/dns-query{?dns}", TLSConfig: settings},
	} {
		t.Run(tc.Protocol+tc.Method, func(t *testing.T) {
			c := tc
			c.Name, c.Type, c.DNSSEC = "big."+zoneGood, "TXT", verified
			c.Expect = dnscheck.Expect{MinAnswers: new(20), MaxAnswers: new(20), Matches: []string{"^19 x{200}$"}, MinTTL: 60e9, MaxTTL: 60e9, Flags: []string{"aa"}, NoFlags: []string{"ra", "ad"}}
			if c.Protocol == "udp" {
				c.Expect.Flags = append(c.Expect.Flags, "tc")
			} else {
				c.Expect.NoFlags = append(c.Expect.NoFlags, "tc")
			}
			r := run(t, c)
			checktest.RequireOK(t, r)
			assert.InDelta(t, 20, values(r)["dns_answers"], 0)
			if tc.TLSConfig != nil {
				assert.InDelta(t, 1, values(r)["tls_certificate_verified"], 0)
				c.TLSConfig = nil
				assertFails(t, run(t, c), healthcheck.ReasonTLS, "")
			}

			c = tc
			c.Name, c.Type, c.NSID = "www."+zoneGood, "A", true
			r = run(t, c)
			require.False(t, r.Failed(), "%s", r.Details)
			assert.Equal(t, "nsid node-7", r.Details)
			c.Expect.NSID = "^node-8$"
			assertFails(t, run(t, c), healthcheck.ReasonBody, `the nsid does not match "^node-8$": node-7`)

			c = tc
			c.Name, c.Type, c.Class, c.Expect.Answers = "id.server", "TXT", "CH", []string{"node-7"}
			checktest.RequireOK(t, run(t, c))

			c = tc
			c.Name = "www.example.org"
			assertFails(t, run(t, c), healthcheck.ReasonDNS, "rcode REFUSED, want NOERROR")
		})
	}
}

// testRealNames is about names that package dns writes in another way than people may.
func testRealNames(t *testing.T, b *bind) {
	for name, text := range map[string]string{`a\032printer`: "with a blank", `user@at`: "with an at", `user\@at`: "with an at", `\117ser\064at`: "with an at"} {
		for _, protocol := range []string{"udp", "tcp"} {
			c := dnscheck.Config{Name: name + "." + zoneGood, Type: "TXT", Server: b.plain, Protocol: protocol, DNSSEC: verified, Expect: dnscheck.Expect{Answers: []string{text}}}
			checktest.RequireOK(t, runFor(t, c, checktest.Promptly))
		}
	}
}

func testRealSerials(t *testing.T, b *bind) {
	late := &bind{folder: t.TempDir()}
	late.write(t, zoneGood, strings.Replace(zoneFile, " 7 7200", " 5 7200", 1))
	address, port := freePair(t)
	late.start(t, fmt.Sprintf("options { %s listen-on port %s { 127.0.0.1; }; };", late.options(), port), zoneGood)
	awaitDNS(t, address)
	c := dnscheck.Config{Name: zoneGood, Type: "SOA", Servers: []string{b.plain, address}, Expect: dnscheck.Expect{SameSerial: true}}
	r := run(t, c)
	assertFails(t, r, healthcheck.ReasonThreshold, fmt.Sprintf("the serial numbers differ by 2, want at most 0: 5 at %s, 7 at %s", address, b.plain))
	assert.InDelta(t, 2, values(r)["dns_soa_serial_difference"], 0)
	assert.Equal(t, map[string]float64{b.plain: 7, address: 5}, measured(r, "dns_server_soa_serial"))
	c.Expect.MaxSerialDifference = 2
	checktest.RequireOK(t, run(t, c))
}

// testRealResolver asks a resolver that validates, with the trust that the parents of the zones would give.
func testRealResolver(t *testing.T, b *bind) {
	address, port := freePair(t)
	conf := fmt.Sprintf(`server:
	interface: 127.0.0.1
	port: %s
	username: ""
	chroot: ""
	directory: "%s"
	pidfile: ""
	use-syslog: no
	do-daemonize: no
	do-not-query-localhost: no
	num-threads: 1
	msg-cache-size: 1m
	rrset-cache-size: 1m
	module-config: "validator iterator"
	nsid: "ascii_resolver-3"
	local-zone: "test." nodefault
`, port, b.folder)
	var stubs strings.Builder
	for _, zone := range []string{zoneGood, zoneNSEC3, zoneExpired, zoneForged, zoneRekeyed, zoneUnsigned} {
		if zone != zoneUnsigned {
			for line := range strings.Lines(b.read(t, "dsset-"+zone+".")) {
				conf += fmt.Sprintf("\ttrust-anchor: %q\n", strings.Join(strings.Fields(line), " "))
			}
		}
		fmt.Fprintf(&stubs, "stub-zone:\n\tname: %q\n\tstub-addr: %s\n", zone, strings.Replace(b.plain, ":", "@", 1))
	}
	conf += "remote-control:\n\tcontrol-enable: no\n" + stubs.String()
	checktest.Start(t, "unbound", "unbound", "-d", "-c", checktest.WriteFile(t, conf))
	awaitDNS(t, address)
	ad := dnscheck.DNSSEC{AD: true}
	for zone, details := range map[string]string{
		zoneGood: "", zoneNSEC3: "", zoneExpired: "rcode SERVFAIL", zoneForged: "rcode SERVFAIL", zoneRekeyed: "rcode SERVFAIL",
		zoneUnsigned: "the answer has not the flag ad",
	} {
		c := dnscheck.Config{Name: "www." + zone, Type: "A", Server: address, DNSSEC: ad}
		r := run(t, c)
		switch {
		case details == "":
			checktest.RequireOK(t, r)
			c.DNSSEC.Verify = true
			checktest.RequireOK(t, run(t, c))
			c.Name = "a.wild." + zone
			checktest.RequireOK(t, run(t, c))
			c.Name, c.Expect.Rcode = "none."+zone, "NXDOMAIN"
			checktest.RequireOK(t, run(t, c))
		case zone == zoneUnsigned:
			assertFails(t, r, healthcheck.ReasonStatus, details)
		default:
			assertFails(t, r, healthcheck.ReasonDNS, details)
		}
	}
	r := run(t, dnscheck.Config{Name: "www." + zoneGood, Type: "A", Server: address, Expect: dnscheck.Expect{NSID: "^resolver-3$"}})
	require.False(t, r.Failed(), "%s", r.Details)
	assert.Equal(t, "nsid resolver-3", r.Details)
}
