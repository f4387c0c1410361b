package dnscheck

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/miekg/dns"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
)

// server is one to ask.
type server struct {
	text    string // as configured, without what a URL may hide
	address target.Address
	https   *httpsServer // for that protocol, in place of the address
}

// parseServer reads what a configuration has for a server.
func parseServer(s, protocol string) (server, error) {
	if protocol == protocolHTTPS {
		return parseHTTPS(s)
	}
	address, err := target.ParseAddress(s, defaultPort(protocol))
	return server{text: s, address: address}, err
}

func defaultPort(protocol string) string {
	switch protocol {
	case protocolTLS:
		return "853"
	case protocolHTTPS:
		return "443"
	default:
		return "53"
	}
}

// serverLabel returns what is shown of a server in a target, also of one that is wrong.
func serverLabel(s, protocol string) string {
	if protocol == protocolHTTPS {
		return httpsLabel(s)
	}
	return target.AddressLabel(s, defaultPort(protocol))
}

// session is what is under way with a server in one run. Its Close frees all that belongs to it.
type session interface {
	// query asks l.
	query(ctx context.Context, l *lookup) (*dns.Msg, error)
	// values returns those of TLS handshakes.
	values() []healthcheck.Value
	Close() error
}

// open begins with a server. With an error there is a session to ask for values.
func (c *checker) open(ctx context.Context, s *server) (session, error) {
	if s.https != nil {
		return &httpsSession{server: s.https}, nil
	}
	conn, values, err := c.dial(ctx, s, c.protocol)
	return &netSession{checker: c, server: s, conn: conn, measured: values}, err
}

// netSession asks over one connection, and others where that is needed.
type netSession struct {
	*checker
	server   *server
	conn     *connection // nil where there is none
	measured []healthcheck.Value
}

func (s *netSession) values() []healthcheck.Value { return s.measured }

func (s *netSession) Close() error {
	if s.conn == nil {
		return nil
	}
	return s.conn.Close()
}

// query asks l, and once more over TCP where the answer does not fit into a datagram. That answer has the flag TC then.
func (s *netSession) query(ctx context.Context, l *lookup) (*dns.Msg, error) {
	if s.protocol != protocolUDP {
		return s.queryStream(ctx, l)
	}
	m, err := s.conn.exchange(ctx, l)
	if err != nil || !m.Truncated {
		return m, err
	}
	stream, _, err := s.dial(ctx, s.server, protocolTCP)
	if err != nil {
		return nil, fmt.Errorf("the answer over udp is truncated: %w", err)
	}
	stream.plain = s.conn.plain
	over := netSession{checker: s.checker, server: s.server, conn: stream}
	defer func() { _ = over.Close() }()
	if m, err = over.queryStream(ctx, l); err == nil {
		m.Truncated = true
	}
	return m, err
}

// queryStream asks l, and once more without EDNS where the server does not know that, or closes the connection
// instead of an answer. That is over another connection: a server that refuses a message may be done with the first.
func (s *netSession) queryStream(ctx context.Context, l *lookup) (*dns.Msg, error) {
	m, err := s.conn.exchange(ctx, l)
	if s.conn.plain || l.plain == nil || !maybeWithoutEDNS(m, err) {
		return m, err
	}
	conn, _, dialErr := s.dial(ctx, s.server, s.conn.protocol)
	if dialErr != nil {
		return m, err
	}
	conn.plain = true
	again, againErr := conn.exchange(ctx, l)
	if againErr != nil {
		_ = conn.Close()
		return m, err
	}
	_ = s.conn.Close()
	s.conn = conn
	return again, nil
}

// maybeWithoutEDNS reports whether the outcome of an exchange over a stream could come from a server that does not know
// EDNS.
func maybeWithoutEDNS(m *dns.Msg, err error) bool {
	if err != nil {
		return errors.Is(err, errClosed) || errors.Is(err, syscall.ECONNRESET)
	}
	return refusesEDNS(m.Rcode)
}
