package dnscheck_test

import (
	"encoding/binary"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/dnscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run builds the check and runs it once with a deadline that none of the servers here needs.
func run(t *testing.T, c dnscheck.Config) healthcheck.Result {
	t.Helper()
	return runFor(t, c, time.Minute)
}

func runFor(t *testing.T, c dnscheck.Config, timeout time.Duration) healthcheck.Result {
	t.Helper()
	return checktest.Run(t, dnscheck.New, c, timeout)
}

// values returns what was measured, by name.
func values(r healthcheck.Result) map[string]float64 { return checktest.Values(r, "") }

func assertFails(t *testing.T, r healthcheck.Result, reason healthcheck.Reason, details string) {
	t.Helper()
	checktest.AssertFails(t, r, reason, details, 600)
}

// listen returns a TCP listener and a UDP socket on the same port.
func listen(t testing.TB) (net.Listener, net.PacketConn) {
	t.Helper()
	var config net.ListenConfig
	for range 20 {
		l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		p, err := config.ListenPacket(t.Context(), "udp", l.Addr().String())
		if err == nil {
			t.Cleanup(func() { _, _ = l.Close(), p.Close() })
			return l, p
		}
		require.NoError(t, l.Close())
	}
	require.Fail(t, "no port is free for both TCP and UDP")
	return nil, nil
}

// serve starts a DNS server on loopback, over UDP and TCP, and returns its address.
func serve(t testing.TB, handler dns.HandlerFunc) string {
	t.Helper()
	l, p := listen(t)
	activate(t, &dns.Server{Listener: l, Handler: handler})
	activate(t, &dns.Server{PacketConn: p, Handler: handler})
	return l.Addr().String()
}

func activate(t testing.TB, s *dns.Server) {
	t.Helper()
	started := make(chan struct{})
	s.NotifyStartedFunc = func() { close(started) }
	var done sync.WaitGroup
	done.Go(func() { assert.NoError(t, s.ActivateAndServe()) })
	<-started
	t.Cleanup(func() {
		assert.NoError(t, s.Shutdown())
		done.Wait()
	})
}

// zone answers from records in the form of a zone file: NXDOMAIN for names without any.
func zone(t testing.TB, records ...string) dns.HandlerFunc {
	t.Helper()
	all := make([]dns.RR, len(records))
	for i, r := range records {
		rr, err := dns.NewRR(r)
		require.NoError(t, err)
		all[i] = rr
	}
	return func(w dns.ResponseWriter, req *dns.Msg) {
		m := new(dns.Msg).SetReply(req)
		m.Rcode = dns.RcodeNameError
		m.Compress = true
		for _, rr := range all {
			if !dns.IsSubDomain(rr.Header().Name, req.Question[0].Name) || !dns.IsSubDomain(req.Question[0].Name, rr.Header().Name) {
				continue
			}
			m.Rcode = dns.RcodeSuccess
			if t := rr.Header().Rrtype; t == req.Question[0].Qtype || t == dns.TypeCNAME {
				m.Answer = append(m.Answer, rr)
			}
		}
		_ = w.WriteMsg(m)
	}
}

// rcodeOnly answers with the code and no records.
// guard lets a test change what a handler answers, and read what it was asked, while a server has it.
type guard struct{ sync.Mutex }

func (g *guard) of(handler dns.HandlerFunc) dns.HandlerFunc {
	return func(w dns.ResponseWriter, req *dns.Msg) { g.do(func() { handler(w, req) }) }
}

func (g *guard) do(f func()) {
	g.Lock()
	defer g.Unlock()
	f()
}

func rcodeOnly(code int) dns.HandlerFunc {
	return func(w dns.ResponseWriter, req *dns.Msg) { _ = w.WriteMsg(new(dns.Msg).SetRcode(req, code)) }
}

// serveUDP starts a DNS server that offers no TCP, where its port is closed.
func serveUDP(t testing.TB, handler dns.HandlerFunc) string {
	t.Helper()
	l, p := listen(t)
	require.NoError(t, l.Close())
	activate(t, &dns.Server{PacketConn: p, Handler: handler})
	return p.LocalAddr().String()
}

// serveDatagrams answers each datagram with those that reply returns.
func serveDatagrams(t testing.TB, reply func(query []byte) [][]byte) string {
	t.Helper()
	_, p := listen(t)
	return checktest.ServeDatagrams(t, p, reply)
}

// serveStream answers the first message of each TCP connection with what reply returns and closes the connection.
func serveStream(t testing.TB, reply func(query []byte) []byte) string {
	t.Helper()
	l, _ := listen(t)
	checktest.Serve(t, l, func(conn net.Conn) {
		co := &dns.Conn{Conn: conn}
		if query, err := co.ReadMsgHeader(nil); err == nil {
			_, _ = conn.Write(reply(query))
		}
	})
	return l.Addr().String()
}

// pack returns the response that handler gives to the packed query.
func pack(t testing.TB, handler dns.HandlerFunc, query []byte) []byte {
	t.Helper()
	var req dns.Msg
	assert.NoError(t, req.Unpack(query))
	w := new(recorder)
	handler(w, &req)
	b, err := w.msg.Pack()
	assert.NoError(t, err)
	return b
}

type recorder struct {
	dns.ResponseWriter
	msg *dns.Msg
}

func (r *recorder) WriteMsg(m *dns.Msg) error {
	r.msg = m
	return nil
}

// framed returns message as it goes over TCP.
func framed(message []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
}
