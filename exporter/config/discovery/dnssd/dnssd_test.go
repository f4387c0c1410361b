package dnssd_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/dnssd"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/internal/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const interval = 10 * time.Millisecond

// server is a DNS server on loopback, over UDP and TCP, for one zone.
type server struct {
	address string

	mu      sync.Mutex
	records map[string][]dns.RR // by name and type
	rcode   int                 // of all answers, if not zero
}

func serve(t *testing.T, records ...string) *server {
	t.Helper()
	s := &server{}
	s.set(t, records...)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p, err := net.ListenPacket("udp", l.Addr().String())
	require.NoError(t, err)
	s.address = l.Addr().String()
	for _, d := range []*dns.Server{{Listener: l, Handler: s}, {PacketConn: p, Handler: s}} {
		started := make(chan struct{})
		d.NotifyStartedFunc = func() { close(started) }
		var done sync.WaitGroup
		done.Go(func() { assert.NoError(t, d.ActivateAndServe()) })
		<-started
		t.Cleanup(func() {
			assert.NoError(t, d.Shutdown())
			done.Wait()
		})
	}
	return s
}

func (s *server) set(t *testing.T, records ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = make(map[string][]dns.RR)
	for _, text := range records {
		rr, err := dns.NewRR(text)
		require.NoError(t, err)
		key := rr.Header().Name
		s.records[key] = append(s.records[key], rr)
	}
}

func (s *server) fail(rcode int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rcode = rcode
}

func (s *server) ServeDNS(w dns.ResponseWriter, req *dns.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := new(dns.Msg).SetReply(req)
	records, ok := s.records[req.Question[0].Name]
	switch {
	case s.rcode != 0:
		m.Rcode = s.rcode
	case !ok:
		m.Rcode = dns.RcodeNameError
	}
	for _, rr := range records {
		if t := rr.Header().Rrtype; m.Rcode == 0 && (t == req.Question[0].Qtype || t == dns.TypeCNAME) {
			m.Answer = append(m.Answer, rr)
		}
	}
	if w.LocalAddr().Network() == "udp" {
		m.Truncate(1200)
	}
	_ = w.WriteMsg(m)
}

func run(t *testing.T, s *server, recordType string, names ...string) *sourcetest.Recorder {
	t.Helper()
	c := dnssd.Config{Names: names, Type: recordType, Port: 443, RefreshInterval: interval, Server: s.address}
	return sourcetest.Run(t, dnssd.New(c))
}

func TestTypes(t *testing.T) {
	s := serve(t,
		"_web._tcp.example.org. 5 IN SRV 0 5 8080 b.example.org.", "_web._tcp.example.org. 5 IN SRV 0 5 8081 a.example.org.",
		"web.example.org. 5 IN A 192.0.2.2", "web.example.org. 5 IN A 192.0.2.1", "web.example.org. 5 IN AAAA 2001:db8::1",
		"alias.example.org. 5 IN CNAME web.example.org.",
		"example.org. 5 IN MX 10 mail.example.org.", "example.org. 5 IN NS ns.example.org.",
		"none.example.org. 5 IN SRV 0 0 0 .")
	for _, tc := range []struct {
		recordType, name string
		addresses        []string
		labels           map[string]string
	}{
		{"", "_web._tcp.example.org", []string{"a.example.org:8081", "b.example.org:8080"}, map[string]string{"srv_record_target": "a.example.org.", "srv_record_port": "8081"}},
		{"A", "web.example.org", []string{"192.0.2.1:443", "192.0.2.2:443"}, nil},
		{"aaaa", "web.example.org", []string{"[2001:db8::1]:443"}, nil},
		{"MX", "example.org.", []string{"mail.example.org:443"}, map[string]string{"mx_record_target": "mail.example.org."}},
		{"NS", "example.org.", []string{"ns.example.org:443"}, map[string]string{"ns_record_target": "ns.example.org."}},
		{"A", "alias.example.org", nil, nil},
		{"SRV", "none.example.org", nil, nil},
		{"SRV", "web.example.org", nil, nil},
		{"A", "nosuch.example.org", nil, nil},
	} {
		t.Run(tc.recordType+" "+tc.name, func(t *testing.T) {
			r := run(t, s, tc.recordType, tc.name)
			r.UntilAnswers(1)
			assert.Equal(t, append([]string{}, tc.addresses...), r.Addresses())
			assert.Empty(t, r.Failures())
			if tc.addresses == nil {
				return
			}
			want := map[string]string{"__address__": tc.addresses[0], "__meta_dns_name": tc.name}
			for name, value := range tc.labels {
				want["__meta_dns_"+name] = value
			}
			assert.Equal(t, want, r.Targets()[0].Map())
		})
	}
}

// TestFailureKeepsTargets: SERVFAIL says nothing; NXDOMAIN says that there is nothing.
func TestFailureKeepsTargets(t *testing.T) {
	s := serve(t, "web.example.org. 5 IN A 192.0.2.1")
	r := run(t, s, "A", "web.example.org")
	r.UntilAddresses("192.0.2.1:443")
	for _, rcode := range []int{dns.RcodeServerFailure, dns.RcodeRefused} {
		s.fail(rcode)
		r.UntilFailure("web.example.org. A: the server answered " + dns.RcodeToString[rcode])
		assert.Equal(t, []string{"192.0.2.1:443"}, r.Addresses())
	}
	s.fail(0)
	s.set(t)
	r.UntilAddresses()
}

// TestLongAnswer comes over TCP.
func TestLongAnswer(t *testing.T) {
	var records, want []string
	for i := range 200 {
		records = append(records, fmt.Sprintf("web.example.org. 5 IN A 192.0.2.%d", i))
		want = append(want, fmt.Sprintf("192.0.2.%d:443", i))
	}
	r := run(t, serve(t, records...), "A", "web.example.org")
	r.UntilAddresses(want...)
	assert.Empty(t, r.Failures())
}

// TestSystemResolver uses the search list, and the second server if the first does not answer.
func TestSystemResolver(t *testing.T) {
	s := serve(t, "web.shop.example.org. 5 IN A 192.0.2.1", "other. 5 IN A 192.0.2.2")
	_, port, err := net.SplitHostPort(s.address)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "resolv.conf")
	dnssd.UseResolvConf(t, path)
	r := sourcetest.Run(t, dnssd.New(dnssd.Config{Names: []string{"web"}, Type: "A", Port: 1, RefreshInterval: interval}))
	r.UntilFailure("no such file")
	dnssd.UsePort(t, port)
	require.NoError(t, os.WriteFile(path+"~", []byte("nameserver 127.0.0.2\nnameserver 127.0.0.1\nsearch bank.example.org shop.example.org\n"), 0o600))
	require.NoError(t, os.Rename(path+"~", path))
	r.UntilAddresses("192.0.2.1:1")
}

// TestEndsWithContext: though no server answers.
func TestEndsWithContext(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, silent.Close()) })
	r, stop := sourcetest.RunUntil(t, dnssd.New(dnssd.Config{Names: []string{"web"}, Type: "A", Server: silent.LocalAddr().String()}))
	_, _, err = silent.ReadFrom(make([]byte, 512))
	require.NoError(t, err)
	stop()
	assert.Empty(t, r.Failures())
}

func TestValidate(t *testing.T) {
	require.NoError(t, (&dnssd.Config{Names: []string{"_web._tcp.example.org"}}).Validate())
	for want, c := range map[string]dnssd.Config{
		"names: is missing":                  {},
		"type: \"TXT\" is not one of":        {Names: []string{"a"}, Type: "TXT", Port: 1},
		"port: is missing":                   {Names: []string{"a"}, Type: "A"},
		"port: 65536 is not":                 {Names: []string{"a"}, Type: "A", Port: 65536},
		"refresh_interval: 1ms is less than": {Names: []string{"a"}, RefreshInterval: time.Millisecond},
		"names[0]: \"\" is not a name":       {Names: []string{""}},
	} {
		require.ErrorContains(t, c.Validate(), want)
	}
}
