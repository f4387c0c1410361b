package dnscheck_test

import (
	"context"
	"fmt"
	"math"
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

// measured returns the values of a measure by server.
func measured(r healthcheck.Result, name string) map[string]float64 {
	m := make(map[string]float64)
	for _, v := range r.Values {
		if v.Measure.Name() == name {
			m[v.Label] = v.Value
		}
	}
	return m
}

// serveSerial starts a server of a zone with the serial number, after a while.
func serveSerial(t *testing.T, serial uint32, after time.Duration) string {
	t.Helper()
	return serve(t, replying(func(m *dns.Msg) {
		<-time.After(after)
		m.Answer = parse(t, fmt.Sprintf("example.org. 60 IN SOA ns1.example.org. hostmaster.example.org. %d 7200 3600 1209600 300", serial))
	}))
}

func TestServers(t *testing.T) {
	a, b, c := serveSerial(t, 7, 0), serveSerial(t, 7, 0), serveSerial(t, 9, 0)
	failing := serve(t, rcodeOnly(dns.RcodeServerFailure))
	closed := checktest.Closed(t)
	soa := func(expect dnscheck.Expect, servers ...string) dnscheck.Config {
		return dnscheck.Config{Name: "example.org", Type: "SOA", Servers: servers, Expect: expect}
	}
	t.Run("all right", func(t *testing.T) {
		r := run(t, soa(dnscheck.Expect{}, a, b, c))
		checktest.RequireOK(t, r)
		assert.Equal(t, map[string]float64{a: 7, b: 7, c: 9}, measured(r, "dns_server_soa_serial"))
		assert.Equal(t, map[string]float64{a: 1, b: 1, c: 1}, measured(r, "dns_server_success"))
		assert.Equal(t, map[string]float64{a: 0, b: 0, c: 0}, measured(r, "dns_server_rcode"))
		assert.Equal(t, map[string]float64{a: 1, b: 1, c: 1}, measured(r, "dns_server_answers"))
		for _, took := range measured(r, "dns_server_duration_seconds") {
			assert.Positive(t, took)
		}
		assert.Len(t, measured(r, "dns_server_duration_seconds"), 3)
		assert.Empty(t, measured(r, "dns_soa_serial"), "whose would it be?")
		assert.Empty(t, measured(r, "dns_soa_serial_difference"), "not asked for")
	})
	t.Run("one fails", func(t *testing.T) {
		config := soa(dnscheck.Expect{SameSerial: true}, a, failing, b)
		r := run(t, config)
		assertFails(t, r, healthcheck.ReasonDNS, "example.org SOA at "+a+", "+failing+", "+b+": server "+failing+": rcode SERVFAIL, want NOERROR")
		assert.NotContains(t, r.Details, "server "+a)
		assert.Equal(t, map[string]float64{a: 1, failing: 0, b: 1}, measured(r, "dns_server_success"))
		assert.Equal(t, map[string]float64{a: 0, failing: 2, b: 0}, measured(r, "dns_server_rcode"))
		assert.Equal(t, map[string]float64{"": 0}, measured(r, "dns_soa_serial_difference"), "of those that have one")
	})
	t.Run("two fail", func(t *testing.T) {
		r := run(t, dnscheck.Config{Name: "example.org", Type: "SOA", Protocol: "tcp", Servers: []string{closed, a, failing}})
		assertFails(t, r, healthcheck.ReasonConnect, "server "+closed+": connect to "+closed+": connection refused; server "+failing+": rcode SERVFAIL")
		assert.Equal(t, map[string]float64{a: 0, failing: 2}, measured(r, "dns_server_rcode"), "no answer, no code")
		assert.Len(t, measured(r, "dns_server_duration_seconds"), 3)
	})
	t.Run("many fail", func(t *testing.T) {
		var servers []string
		for range 6 {
			servers = append(servers, serve(t, rcodeOnly(dns.RcodeRefused)))
		}
		r := run(t, soa(dnscheck.Expect{}, servers...))
		assertFails(t, r, healthcheck.ReasonDNS, "; 3 servers more fail")
		assert.Contains(t, r.Details, " and 3 more: server "+servers[0])
	})
	t.Run("same serial", func(t *testing.T) {
		r := run(t, soa(dnscheck.Expect{SameSerial: true}, a, b))
		checktest.RequireOK(t, r)
		assert.Equal(t, map[string]float64{"": 0}, measured(r, "dns_soa_serial_difference"))
		r = run(t, soa(dnscheck.Expect{SameSerial: true}, a, b, c))
		assertFails(t, r, healthcheck.ReasonThreshold, "the serial numbers differ by 2, want at most 0: 7 at "+a+" and "+b+", 9 at "+c)
		assert.Equal(t, map[string]float64{"": 2}, measured(r, "dns_soa_serial_difference"))
		checktest.RequireOK(t, run(t, soa(dnscheck.Expect{SameSerial: true, MaxSerialDifference: 2}, a, b, c)))
		assertFails(t, run(t, soa(dnscheck.Expect{SameSerial: true, MaxSerialDifference: 1}, a, b, c)), healthcheck.ReasonThreshold, "differ by 2, want at most 1")
	})
	t.Run("no serial", func(t *testing.T) {
		none := serve(t, replying(func(*dns.Msg) {}))
		r := run(t, soa(dnscheck.Expect{SameSerial: true, MinAnswers: new(0)}, a, none))
		assertFails(t, r, healthcheck.ReasonBody, "server "+none+": the answer has no serial number")
	})
	t.Run("the label is the text of the configuration", func(t *testing.T) {
		named := strings.Replace(a, "127.0.0.1", "localhost", 1)
		r := run(t, dnscheck.Config{Name: "example.org", Type: "SOA", Servers: []string{named, b}, IPProtocol: "ip4"})
		checktest.RequireOK(t, r)
		assert.Equal(t, map[string]float64{named: 7, b: 7}, measured(r, "dns_server_soa_serial"))
	})
	t.Run("a list of one", func(t *testing.T) {
		r := run(t, soa(dnscheck.Expect{}, a))
		checktest.RequireOK(t, r)
		assert.Equal(t, map[string]float64{"": 7}, measured(r, "dns_soa_serial"))
	})
}

// TestServersAreAskedAtTheSameTime: each answers only once all are asked.
func TestServersAreAskedAtTheSameTime(t *testing.T) {
	const n = 16
	asked, all := make(chan struct{}, 10*n), make(chan struct{})
	go func() {
		for range n {
			<-asked
		}
		close(all)
	}()
	var servers []string
	for range n {
		first := true
		servers = append(servers, serveUDP(t, func(w dns.ResponseWriter, req *dns.Msg) {
			if first {
				first = false
				asked <- struct{}{}
			}
			<-all
			_ = w.WriteMsg(new(dns.Msg).SetReply(req))
		}))
	}
	checktest.RequireOK(t, run(t, dnscheck.Config{Name: "example.org", Type: "SOA", Servers: servers, Expect: dnscheck.Expect{MinAnswers: new(0)}}))
}

// TestOneServerIsSilent: what the others say is known all the same.
func TestOneServerIsSilent(t *testing.T) {
	a := serveSerial(t, 7, 0)
	_, silent := listen(t)
	start := time.Now()
	r := runFor(t, dnscheck.Config{Name: "example.org", Type: "SOA", Servers: []string{silent.LocalAddr().String(), a}}, checktest.Timeout)
	assertFails(t, r, healthcheck.ReasonTimeout, "server "+silent.LocalAddr().String()+": query over udp: no answer in time")
	assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
	assert.Equal(t, map[string]float64{a: 7}, measured(r, "dns_server_soa_serial"))
}

type panicking struct{ context.Context }

func (panicking) Deadline() (time.Time, bool) { panic("here") }

// TestPanicOfAServer: it comes where the run is, which can be recovered from.
func TestPanicOfAServer(t *testing.T) {
	chk, err := dnscheck.New(dnscheck.Config{Name: "example.org", Servers: []string{"127.0.0.1:1", "127.0.0.1:2"}})
	require.NoError(t, err)
	assert.PanicsWithValue(t, "here", func() { chk.Check(panicking{t.Context()}) })
}

// TestDifference: serial numbers are compared on a circle (RFC 1982).
func TestDifference(t *testing.T) {
	for _, tc := range []struct {
		serials []uint32
		want    int64
	}{
		{nil, 0},
		{[]uint32{5}, 0},
		{[]uint32{5, 5, 5}, 0},
		{[]uint32{5, 3, 9}, 6},
		{[]uint32{9, 5, 3}, 6},
		{[]uint32{math.MaxUint32, 1}, 2},
		{[]uint32{1, math.MaxUint32}, 2},
		{[]uint32{0, math.MaxInt32}, math.MaxInt32},
		{[]uint32{0, math.MaxInt32 + 1}, math.MaxInt32 + 1},
		{[]uint32{math.MaxInt32 + 1, 0}, math.MaxInt32 + 1},
	} {
		assert.Equal(t, tc.want, dnscheck.Difference(tc.serials), "%d", tc.serials)
	}
	assert.Greater(t, dnscheck.Difference([]uint32{0, 1 << 30, 3 << 30}), int64(math.MaxInt32), "no half of the circle")
}

func TestNSID(t *testing.T) {
	var g guard
	var told string // in hexadecimal; empty for none
	answer := g.of(func(w dns.ResponseWriter, req *dns.Msg) {
		m := new(dns.Msg).SetReply(req)
		m.Answer = parse(t, "www.example.org. 60 IN A 192.0.2.1")
		if opt := req.IsEdns0(); opt != nil && told != "" && len(opt.Option) == 1 && opt.Option[0].Option() == dns.EDNS0NSID {
			m.SetEdns0(1232, false)
			m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_NSID{Code: dns.EDNS0NSID, Nsid: told}}
		}
		_ = w.WriteMsg(m)
	})
	server := serve(t, answer)
	for _, tc := range []struct {
		told    string
		config  dnscheck.Config
		reason  healthcheck.Reason
		details string
	}{
		{"66726131", dnscheck.Config{NSID: true}, 0, "nsid fra1"},
		{"66726131", dnscheck.Config{}, 0, ""},
		{"", dnscheck.Config{NSID: true}, 0, "no nsid"},
		{"00ff", dnscheck.Config{NSID: true}, 0, "nsid 0x00ff"},
		{"66726131", dnscheck.Config{Expect: dnscheck.Expect{NSID: "^fra[0-9]$"}}, 0, "nsid fra1"},
		{"66726131", dnscheck.Config{Expect: dnscheck.Expect{NSID: "^ams"}}, healthcheck.ReasonBody, `the nsid does not match "^ams": fra1`},
		{"", dnscheck.Config{Expect: dnscheck.Expect{NSID: "^ams"}}, healthcheck.ReasonBody, `the server tells no nsid, want one that matches "^ams"`},
		{"66726131", dnscheck.Config{NSID: true, Expect: dnscheck.Expect{MinAnswers: new(2)}}, healthcheck.ReasonThreshold, "; nsid fra1"},
		{strings.Repeat("61", 1000), dnscheck.Config{Protocol: "tcp", NSID: true}, 0, "nsid aaaa"},
	} {
		t.Run(tc.details, func(t *testing.T) {
			g.do(func() { told = tc.told })
			c := tc.config
			c.Name, c.Type, c.Server = "www.example.org", "A", server
			r := run(t, c)
			assert.Equal(t, tc.reason != 0, r.Failed())
			assert.Equal(t, tc.reason.String(), r.Reason.String())
			assert.Contains(t, r.Details, tc.details)
			assert.Less(t, len(r.Details), 300)
			for _, v := range r.Values {
				assert.Empty(t, v.Label)
			}
		})
	}
	g.do(func() { told = "66726131" })
	other := serve(t, answer)
	r := run(t, dnscheck.Config{Name: "www.example.org", Type: "A", Servers: []string{server, other}, NSID: true})
	require.False(t, r.Failed())
	assert.Equal(t, server+": nsid fra1, "+other+": nsid fra1", r.Details)
}

// TestLostDatagramWithNSID: what is asked with the question is asked again too.
func TestLostDatagramWithNSID(t *testing.T) {
	var asked atomic.Int32
	server := serveDatagrams(t, func(query []byte) [][]byte {
		assert.True(t, hasEDNS(t, query))
		if asked.Add(1) == 1 {
			return nil
		}
		return [][]byte{pack(t, zone(t, records...), query)}
	})
	c := www(server, "")
	c.NSID = true
	assert.False(t, run(t, c).Failed())
	assert.EqualValues(t, 2, asked.Load())
	c.Server = serve(t, rcodeOnly(dns.RcodeFormatError))
	assertFails(t, run(t, c), healthcheck.ReasonDNS, "rcode FORMERR, want NOERROR")
}
