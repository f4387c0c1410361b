package config_test

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

const (
	peerName = "peer.test"
	noAnswer = -1
)

// names is the name server of this process: it knows one name.
type names struct {
	mu    sync.Mutex
	rcode int
}

func (n *names) set(rcode int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rcode = rcode
}

// newNames makes all names of this process its own, until the test ends.
func newNames(t *testing.T) *names {
	t.Helper()
	n := &names{}
	p, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &dns.Server{PacketConn: p, Handler: n}
	var done sync.WaitGroup
	done.Go(func() { _ = server.ActivateAndServe() })
	system := net.DefaultResolver
	// A lookup may go on when the test ends: it must not look at what is put back then.
	dialer := net.Dialer{Resolver: &net.Resolver{}}
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, "udp", p.LocalAddr().String())
		if err == nil {
			context.AfterFunc(ctx, func() { _ = conn.Close() }) // package net reads on for seconds otherwise
		}
		return conn, err
	}}
	t.Cleanup(func() {
		net.DefaultResolver = system
		_ = p.Close()
		done.Wait()
	})
	return n
}

// ServeDNS implements [dns.Handler].
func (n *names) ServeDNS(w dns.ResponseWriter, m *dns.Msg) {
	n.mu.Lock()
	rcode := n.rcode
	n.mu.Unlock()
	q := m.Question[0]
	switch {
	case rcode == noAnswer:
		return
	case rcode == dns.RcodeSuccess && q.Name != peerName+".":
		rcode = dns.RcodeNameError
	}
	answer := new(dns.Msg).SetRcode(m, rcode)
	if rcode == dns.RcodeSuccess && q.Qtype == dns.TypeA {
		answer.Answer = append(answer.Answer, &dns.A{
			Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1),
		})
	}
	_ = w.WriteMsg(answer)
}
