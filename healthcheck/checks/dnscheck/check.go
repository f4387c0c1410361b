package dnscheck

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/miekg/dns"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
)

// What a run measures, as far as it got.
var (
	answers = healthcheck.NewMeasure("dns_answers", "Number of records of the asked type in the answer of the last run.")

	rcode = healthcheck.NewMeasure("dns_rcode", "Response code (RFC 1035, RFC 6895) of the DNS server in the last run: 0 is NOERROR, 3 is NXDOMAIN.")

	soaSerial = healthcheck.NewMeasure("dns_soa_serial", "Serial number of the zone in the SOA record of the last run.")
)

type checker struct {
	target   string
	server   target.Address // none for the system's resolver
	protocol string
	dialer   peer.Dialer
	lookups  []lookup // one, or two for any address
	expect   expectation
}

func (c *checker) hasServer() bool { return c.server != target.Address{} }

// Check resolves the name and compares the answer.
func (c *checker) Check(ctx context.Context) healthcheck.Result {
	ask := c.askSystem
	if c.hasServer() {
		ask = c.askServer
	}
	a, values, err := ask(ctx)
	if err == nil {
		values = c.measure(values, a)
		err = c.expect.verify(a)
	}
	result := healthcheck.Fail(err)
	if err != nil {
		result.Details = c.target + ": " + result.Details
	}
	result.Values = values
	return result
}

func (c *checker) measure(values []healthcheck.Value, a *answer) []healthcheck.Value {
	values = append(values, healthcheck.Value{Measure: answers, Value: float64(len(a.records))})
	if c.hasServer() {
		values = append(values, healthcheck.Value{Measure: rcode, Value: float64(a.rcode)})
	}
	if a.hasSOA {
		values = append(values, healthcheck.Value{Measure: soaSerial, Value: float64(a.serial)})
	}
	return values
}

// askServer sends all lookups to the server, one after the other over one connection.
func (c *checker) askServer(ctx context.Context) (*answer, []healthcheck.Value, error) {
	conn, values, err := c.dial(ctx, c.protocol)
	if err != nil {
		return nil, values, err
	}
	s := session{checker: c, conn: conn}
	defer func() { _ = s.conn.Close() }()
	all := new(answer)
	for i := range c.lookups {
		m, err := s.query(ctx, &c.lookups[i])
		if err != nil {
			return nil, values, err
		}
		all.add(answerOf(m, c.lookups[i].question.Qtype))
	}
	return all, values, nil
}

// session is one run of a check with its server.
type session struct {
	*checker
	conn *connection
}

// query asks l, and once more over TCP where the answer does not fit into a datagram.
func (s *session) query(ctx context.Context, l *lookup) (*dns.Msg, error) {
	if s.protocol != protocolUDP {
		return s.queryStream(ctx, l)
	}
	m, err := s.conn.exchange(ctx, l)
	if err != nil || !m.Truncated {
		return m, err
	}
	stream, _, err := s.dial(ctx, protocolTCP)
	if err != nil {
		return nil, fmt.Errorf("the answer over udp is truncated: %w", err)
	}
	stream.plain = s.conn.plain
	over := session{checker: s.checker, conn: stream}
	defer func() { _ = over.conn.Close() }()
	return over.queryStream(ctx, l)
}

// queryStream asks l, and once more without EDNS where the server does not know that, or closes the connection
// instead of an answer. That is over another connection: a server that refuses a message may be done with the first.
func (s *session) queryStream(ctx context.Context, l *lookup) (*dns.Msg, error) {
	m, err := s.conn.exchange(ctx, l)
	if s.conn.plain || !maybeWithoutEDNS(m, err) {
		return m, err
	}
	conn, _, dialErr := s.dial(ctx, s.conn.protocol)
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

// askSystem asks the resolver of the system.
func (c *checker) askSystem(ctx context.Context) (*answer, []healthcheck.Value, error) {
	all := new(answer)
	for i := range c.lookups {
		l := &c.lookups[i]
		records, err := l.resolve(ctx, c.dialer.Resolver)
		a := &answer{recordType: l.question.Qtype, records: records}
		e, isDNS := errors.AsType[*net.DNSError](err)
		switch {
		case err == nil:
		case isDNS && e.IsNotFound:
			a.rcode = dns.RcodeNameError
		case ctx.Err() != nil:
			// Not only while DNS is slow: whatever the system asks (see nsswitch.conf) may be.
			return nil, nil, healthcheck.Errorf(healthcheck.ReasonTimeout, "the system's resolver gave no answer in time")
		default:
			a.rcode, a.err = dns.RcodeServerFailure, healthcheck.WithReason(healthcheck.ReasonDNS, err)
		}
		all.add(a)
	}
	if len(all.records) == 0 && all.err != nil {
		return nil, nil, all.err
	}
	return all, nil, nil
}

func (l *lookup) resolve(ctx context.Context, r *net.Resolver) ([]string, error) {
	switch l.question.Qtype {
	case dns.TypeA:
		return addresses(ctx, r, "ip4", l.name)
	case dns.TypeAAAA:
		return addresses(ctx, r, "ip6", l.name)
	case dns.TypeCNAME:
		return alias(ctx, r, l.name)
	case dns.TypePTR:
		return texts(strings.ToLower)(r.LookupAddr(ctx, l.name))
	case dns.TypeTXT:
		return r.LookupTXT(ctx, l.name)
	case dns.TypeMX:
		return texts(func(mx *net.MX) string {
			return strings.ToLower(fmt.Sprintf("%d %s", mx.Pref, mx.Host))
		})(r.LookupMX(ctx, l.name))
	case dns.TypeNS:
		return texts(func(ns *net.NS) string { return strings.ToLower(ns.Host) })(r.LookupNS(ctx, l.name))
	default: // New lets nothing else but SRV through
		_, srv, err := r.LookupSRV(ctx, "", "", l.name)
		return texts(func(s *net.SRV) string {
			return strings.ToLower(fmt.Sprintf("%d %d %d %s", s.Priority, s.Weight, s.Port, s.Target))
		})(srv, err)
	}
}

func addresses(ctx context.Context, r *net.Resolver, network, name string) ([]string, error) {
	addrs, err := r.LookupNetIP(ctx, network, name)
	if _, ok := errors.AsType[*net.AddrError](err); ok {
		return nil, nil // there are addresses, in a file of the system, but of the other family
	}
	out := make([]string, len(addrs))
	for i, a := range addrs {
		out[i] = a.Unmap().String()
	}
	return out, err
}

// texts returns a function that turns what a lookup returns into record data.
func texts[T any](text func(T) string) func([]T, error) ([]string, error) {
	return func(list []T, err error) ([]string, error) {
		out := make([]string, len(list))
		for i, v := range list {
			out[i] = text(v)
		}
		return out, err
	}
}
