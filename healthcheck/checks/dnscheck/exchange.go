package dnscheck

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
)

const (
	headerSize = 12   // bytes of a message's header (RFC 1035, section 4.1.1)
	udpBuffer  = 4096 // for servers that send more than they are told to

	// Sizes of a datagram in bytes.
	defaultBufferSize = 1232 // passes everywhere unfragmented; what resolvers have agreed on
	minBufferSize     = dns.MinMsgSize
	maxBufferSize     = udpBuffer

	firstResend = time.Second // a lost datagram is no outage; doubled each time
)

// connection to a server.
type connection struct {
	*peer.Conn

	protocol string
	plain    bool // the server has shown that it does not know EDNS
	ignored  bool // there were datagrams that were no answer
}

// dial connects to the server. The values are those of a TLS handshake, also of one that failed.
func (c *checker) dial(ctx context.Context, s *server, protocol string) (*connection, []healthcheck.Value, error) {
	dialer := peer.Dialer{Network: protocol, Resolver: c.resolver}
	if protocol == protocolTLS {
		dialer.Network, dialer.TLS = protocolTCP, c.tls
	}
	dialer.Network += c.network
	var trace peer.Trace
	conn, err := dialer.Dial(ctx, s.address, &trace)
	if err != nil {
		return nil, trace.Values, err
	}
	return &connection{Conn: conn, protocol: protocol}, trace.Values, nil
}

// exchange sends l and returns the response to it.
func (c *connection) exchange(ctx context.Context, l *lookup) (*dns.Msg, error) {
	exchange := c.exchangeStream
	if c.protocol == protocolUDP {
		exchange = c.exchangeDatagrams
	}
	m, err := exchange(ctx, l)
	if err == nil {
		return m, nil
	}
	err = explainQuery(ctx, "query over "+c.protocol, err)
	if c.ignored {
		err = fmt.Errorf("%w; what came was no answer to the question", err)
	}
	return nil, err
}

// errWithoutEDNS is what receive returns where the server does not know EDNS.
var errWithoutEDNS = errors.New("the server does not know EDNS")

// exchangeDatagrams sends l, again and again until there is a response. All tries but the first are without EDNS,
// where the check can do without it: what does not know it may refuse, or be silent.
func (c *connection) exchangeDatagrams(ctx context.Context, l *lookup) (*dns.Msg, error) {
	a := newAttempt(l, c.plain)
	buf := make([]byte, udpBuffer)
	var refusal *dns.Msg
	// failed returns what there is when no better answer comes: the run may end anywhere below.
	failed := func(err error) (*dns.Msg, error) {
		if refusal != nil && ctx.Err() != nil {
			return refusal, nil //nolint:nilerr // it is an answer, if not the best
		}
		return nil, err
	}
	for wait := firstWait(ctx); ; a.plain = l.plain != nil {
		if _, err := c.Write(a.message(0)); err != nil {
			return failed(err)
		}
		if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
			return failed(err)
		}
		if err := ctx.Err(); err != nil { // the deadline just set may have replaced the one that ctx set
			return failed(err)
		}
		m, err := c.receive(a, buf)
		switch {
		case errors.Is(err, errWithoutEDNS):
			refusal = m
			continue
		case err == nil:
			c.plain = m.Id == a.ids[1]
			return m, nil
		case !isTimeout(err) || ctx.Err() != nil:
			return failed(err)
		}
		wait *= 2
	}
}

// firstWait is how long to wait for the first answer: a third of the time at most, so that there is a second try.
func firstWait(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(firstResend, time.Until(deadline)/3)
	}
	return firstResend
}

// receive reads datagrams until one is a response to a. What is not may be late or forged (RFC 5452, section 9), so
// it is ignored, not believed. With errWithoutEDNS there is a response too.
func (c *connection) receive(a *attempt, buf []byte) (*dns.Msg, error) {
	for {
		n, err := c.Read(buf)
		if err != nil {
			return nil, err
		}
		if n < headerSize || !a.asked(binary.BigEndian.Uint16(buf)) {
			c.ignored = true
			continue
		}
		var m dns.Msg
		err = m.Unpack(buf[:n])
		answered := a.answeredBy(&m)
		switch {
		case m.Response && (answered || err != nil) && a.withoutEDNS(m.Id, m.Rcode):
			if !a.plain {
				return &m, errWithoutEDNS
			}
		case answered && (err == nil || m.Truncated): // a truncated message may be cut anywhere
			return &m, nil
		case err != nil:
			return nil, healthcheck.Errorf(healthcheck.ReasonProtocol, "malformed answer: %w", err)
		}
		c.ignored = true
	}
}

// exchangeStream sends l over TCP or TLS, where a message follows its length (RFC 1035, section 4.2.2).
func (c *connection) exchangeStream(_ context.Context, l *lookup) (*dns.Msg, error) {
	a := newAttempt(l, c.plain)
	message := a.message(2)
	binary.BigEndian.PutUint16(message, uint16(len(message)-2))
	if _, err := c.Write(message); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return nil, err
	}
	buf := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(c, buf); err != nil {
		return nil, err
	}
	var m dns.Msg
	if err := m.Unpack(buf); err != nil {
		return nil, healthcheck.Errorf(healthcheck.ReasonProtocol, "malformed answer: %w", err)
	}
	if !a.asked(m.Id) || !l.answeredBy(&m) {
		return nil, healthcheck.Errorf(healthcheck.ReasonProtocol, "the answer is to another question")
	}
	return &m, nil
}

var errClosed = errors.New("the server closed the connection before the end of its answer")

// explainQuery is [peer.Explain] for an error of an exchange.
func explainQuery(ctx context.Context, step string, err error) error {
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, syscall.ECONNREFUSED): // over UDP it is a read that tells
		err = healthcheck.WithReason(healthcheck.ReasonConnect, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return healthcheck.Errorf(healthcheck.ReasonOf(err), "%s: %w", step, errClosed)
	}
	return peer.Explain(ctx, step, err)
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout() || errors.Is(err, context.DeadlineExceeded)
}
