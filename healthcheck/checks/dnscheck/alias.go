package dnscheck

import (
	"context"
	"encoding/binary"
	"net"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// alias returns the target of the name's CNAME record, nothing if it has none. [net.Resolver.LookupCNAME] asks for the
// addresses at the same time, and returns the target, or the end of a chain of them, whichever answer is the first to
// come; so the answer to the one question that matters is taken from below it.
func alias(ctx context.Context, r *net.Resolver, name string) ([]string, error) {
	t := tap{dial: r.Dial}
	if t.dial == nil {
		t.dial = new(net.Dialer).DialContext
	}
	tapped := net.Resolver{PreferGo: true, StrictErrors: r.StrictErrors, Dial: t.Dial}
	canonical, err := tapped.LookupCNAME(ctx, name)
	answered, targets := t.answer()
	switch {
	case len(targets) > 0:
		return targets, nil
	case err != nil || answered || strings.EqualFold(dns.Fqdn(canonical), dns.Fqdn(name)):
		return nil, err // its own canonical name: there is no CNAME
	default: // from a file of the system
		return []string{strings.ToLower(dns.Fqdn(canonical))}, nil
	}
}

// tap keeps what servers answer to a question for a CNAME. It is safe for concurrent use.
type tap struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu       sync.Mutex
	answered bool
	targets  []string
}

// Dial is for a [net.Resolver], which tells datagrams from streams by the type of the connection.
func (t *tap) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := t.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if datagrams, ok := conn.(*net.UDPConn); ok {
		return &tappedDatagrams{datagrams, t}, nil
	}
	return &tappedStream{Conn: conn, tap: t}, nil
}

func (t *tap) answer() (answered bool, targets []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.answered, t.targets
}

// see takes in a message. Whether it is an answer to what was asked is looked at by the resolver above, which has the
// id; a forged one costs an attacker as much there.
func (t *tap) see(message []byte) {
	var m dns.Msg
	if m.Unpack(message) != nil || !m.Response || len(m.Question) != 1 || m.Question[0].Qtype != dns.TypeCNAME ||
		m.Rcode != dns.RcodeSuccess || m.Truncated {
		return
	}
	var targets []string
	for _, rr := range m.Answer {
		if cname, ok := rr.(*dns.CNAME); ok && strings.EqualFold(cname.Hdr.Name, m.Question[0].Name) {
			targets = append(targets, strings.ToLower(cname.Target))
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answered = true
	if len(targets) > 0 {
		t.targets = targets
	}
}

type tappedDatagrams struct {
	*net.UDPConn

	tap *tap
}

func (c *tappedDatagrams) Read(b []byte) (int, error) {
	n, err := c.UDPConn.Read(b)
	if err == nil {
		c.tap.see(b[:n])
	}
	return n, err
}

type tappedStream struct {
	net.Conn

	tap  *tap
	read []byte // of a message that is not complete, with its length
}

func (c *tappedStream) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.read = append(c.read, b[:n]...)
	for len(c.read) >= 2 {
		end := 2 + int(binary.BigEndian.Uint16(c.read))
		if len(c.read) < end {
			break
		}
		c.tap.see(c.read[2:end])
		c.read = c.read[end:]
	}
	return n, err
}
