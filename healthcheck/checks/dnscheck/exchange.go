package dnscheck

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
)

const (
	headerSize = 12   // bytes of a message's header (RFC 1035, section 4.1.1)
	udpSize    = 1232 // bytes of a datagram that pass everywhere unfragmented; what resolvers have agreed on
	udpBuffer  = 4096 // for servers that send more than they are told to

	firstResend = time.Second // a lost datagram is no outage; doubled each time
)

// lookup is one question with the message that asks it.
type lookup struct {
	name     string // as configured
	question dns.Question
	packed   []byte // with id 0; never written to
}

func newLookup(name string, recordType uint16, recursionDesired bool) (lookup, error) {
	var m dns.Msg
	m.SetQuestion(dns.Fqdn(name), recordType)
	m.Id = 0
	m.RecursionDesired = recursionDesired
	m.SetEdns0(udpSize, false)
	packed, err := m.Pack()
	return lookup{name: name, question: m.Question[0], packed: packed}, err
}

// message returns a copy of the packed message with the id, behind room bytes for a prefix.
func (l *lookup) message(id uint16, room int) []byte {
	b := make([]byte, room+len(l.packed))
	copy(b[room:], l.packed)
	binary.BigEndian.PutUint16(b[room:], id)
	return b
}

// answeredBy reports whether m is a response to l, whatever it says.
func (l *lookup) answeredBy(m *dns.Msg) bool {
	if !m.Response || m.Opcode != dns.OpcodeQuery {
		return false
	}
	if len(m.Question) == 0 { // some servers refuse without repeating what
		return m.Rcode != dns.RcodeSuccess
	}
	q := m.Question[0]
	return len(m.Question) == 1 && q.Qtype == l.question.Qtype && q.Qclass == l.question.Qclass &&
		strings.EqualFold(q.Name, l.question.Name)
}

// connection to a server. All its calls return soon after the context it was made with is done.
type connection struct {
	net.Conn          // TLS with protocol tls
	raw      net.Conn // what it runs over
	protocol string
	release  func() bool
	ignored  int // datagrams that were no answer
}

// close does not say goodbye over TLS, which could wait for seconds on a server that hangs.
func (c *connection) close() {
	c.release()
	_ = c.raw.Close()
}

// dial connects to the server. The values are those of a TLS handshake, also of one that failed.
func (c *checker) dial(ctx context.Context, protocol string) (*connection, []healthcheck.Value, error) {
	network := protocol
	if protocol == protocolTLS {
		network = protocolTCP
	}
	dialer := net.Dialer{Resolver: c.resolver}
	raw, err := dialer.DialContext(ctx, network, c.server)
	if err != nil {
		return nil, nil, peer.ExplainDial(ctx, "resolve the server", "connect", err)
	}
	conn := &connection{Conn: raw, raw: raw, protocol: protocol, release: peer.Interrupt(ctx, raw)}
	if protocol != protocolTLS {
		return conn, nil, nil
	}
	values, err := conn.handshake(ctx, c.tls, c.server)
	if err != nil {
		conn.close()
		return nil, values, peer.ExplainHandshake(ctx, "tls handshake", err)
	}
	return conn, values, nil
}

// handshake puts TLS over the connection.
func (c *connection) handshake(ctx context.Context, source *certs.Source, server string) ([]healthcheck.Value, error) {
	host, _, _ := net.SplitHostPort(server)
	cfg, err := source.ConfigFor(host)
	if err != nil {
		return nil, err
	}
	client, values, err := certs.Handshake(ctx, c.raw, cfg)
	c.Conn = client
	return values, err
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
	if c.ignored > 0 {
		err = fmt.Errorf("%w; %d datagrams were no answer to the question", err, c.ignored)
	}
	return nil, err
}

// exchangeDatagrams sends l, again and again until there is a response.
func (c *connection) exchangeDatagrams(ctx context.Context, l *lookup) (*dns.Msg, error) {
	id := dns.Id()
	message := l.message(id, 0)
	buf := make([]byte, udpBuffer)
	for wait := firstResend; ; wait *= 2 {
		if _, err := c.Write(message); err != nil {
			return nil, err
		}
		if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil { // the deadline just set may have replaced the one that ctx set
			return nil, err
		}
		m, err := c.receive(l, id, buf)
		if err == nil || ctx.Err() != nil || !isTimeout(err) {
			return m, err
		}
	}
}

// receive reads datagrams until one is a response to l. What is not may be late or forged (RFC 5452, section 9), so
// it is ignored, not believed.
func (c *connection) receive(l *lookup, id uint16, buf []byte) (*dns.Msg, error) {
	for {
		n, err := c.Read(buf)
		if err != nil {
			return nil, err
		}
		if n < headerSize || binary.BigEndian.Uint16(buf) != id {
			c.ignored++
			continue
		}
		var m dns.Msg
		err = m.Unpack(buf[:n])
		switch answered := l.answeredBy(&m); {
		case answered && (err == nil || m.Truncated): // a truncated message may be cut anywhere
			return &m, nil
		case err != nil:
			return nil, healthcheck.Errorf(healthcheck.ReasonProtocol, "malformed answer: %w", err)
		}
		c.ignored++
	}
}

// exchangeStream sends l over TCP or TLS, where a message follows its length (RFC 1035, section 4.2.2).
func (c *connection) exchangeStream(_ context.Context, l *lookup) (*dns.Msg, error) {
	id := dns.Id()
	message := l.message(id, 2)
	binary.BigEndian.PutUint16(message, uint16(len(l.packed)))
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
	if m.Id != id || !l.answeredBy(&m) {
		return nil, healthcheck.Errorf(healthcheck.ReasonProtocol, "the answer is to another question")
	}
	return &m, nil
}

// explainQuery is [peer.Explain] for an error of an exchange.
func explainQuery(ctx context.Context, step string, err error) error {
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, syscall.ECONNREFUSED): // over UDP it is a read that tells
		err = healthcheck.WithReason(healthcheck.ReasonConnect, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return healthcheck.Errorf(healthcheck.ReasonOf(err), "%s: the server closed the connection before the end of its answer", step)
	}
	return peer.Explain(ctx, step, err)
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout() || errors.Is(err, context.DeadlineExceeded)
}
