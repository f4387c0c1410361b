package dnscheck

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/miekg/dns"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
)

// What a run measures, as far as it got.
var (
	answers = healthcheck.NewMeasure("dns_answers", "",
		"Number of records of the asked type in the answer of the last run.")
	rcode = healthcheck.NewMeasure("dns_rcode", "",
		"Response code (RFC 1035, RFC 6895) of the DNS server in the last run: 0 is NOERROR, 3 is NXDOMAIN.")
	soaSerial = healthcheck.NewMeasure("dns_soa_serial", "",
		"Serial number of the zone in the SOA record of the last run.")
)

type checker struct {
	target   string
	server   string // host:port; "" for the system's resolver
	protocol string
	tls      *certs.Source // nil unless the protocol is tls
	lookups  []lookup      // one, or two for any address
	resolver *net.Resolver
	expect   expectation
}

// Check resolves the name and compares the answer.
func (c *checker) Check(ctx context.Context) healthcheck.Result {
	ask := c.askServer
	if c.server == "" {
		ask = c.askSystem
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
	if c.server != "" {
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
	defer conn.close()
	var all *answer
	for i := range c.lookups {
		m, err := c.query(ctx, conn, &c.lookups[i])
		if err != nil {
			return nil, values, err
		}
		a := answerOf(m, c.lookups[i].question.Qtype)
		if all == nil {
			all = a
		} else {
			all.merge(a)
		}
	}
	return all, values, nil
}

// query asks l over conn, and once more over TCP where the answer does not fit into a datagram.
func (c *checker) query(ctx context.Context, conn *connection, l *lookup) (*dns.Msg, error) {
	m, err := conn.exchange(ctx, l)
	if err != nil || !m.Truncated || conn.protocol != protocolUDP {
		return m, err
	}
	stream, _, err := c.dial(ctx, protocolTCP)
	if err != nil {
		return nil, fmt.Errorf("the answer over udp is truncated: %w", err)
	}
	defer stream.close()
	return stream.exchange(ctx, l)
}

// askSystem asks the resolver of the system.
func (c *checker) askSystem(ctx context.Context) (*answer, []healthcheck.Value, error) {
	records, err := c.resolve(ctx)
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return &answer{rcode: dns.RcodeNameError}, nil, nil
	}
	switch {
	case err == nil:
		return &answer{records: records}, nil, nil
	case ctx.Err() != nil:
		// Not only while DNS is slow: whatever the system asks (see nsswitch.conf) may be.
		return nil, nil, healthcheck.Errorf(healthcheck.ReasonTimeout, "the system's resolver gave no answer in time")
	default:
		return nil, nil, healthcheck.WithReason(healthcheck.ReasonDNS, err)
	}
}

func (c *checker) resolve(ctx context.Context) ([]string, error) {
	if len(c.lookups) > 1 {
		return addresses(ctx, c.resolver, "ip", c.lookups[0].name)
	}
	return c.lookups[0].resolve(ctx, c.resolver)
}

func (l *lookup) resolve(ctx context.Context, r *net.Resolver) ([]string, error) {
	switch l.question.Qtype {
	case dns.TypeA:
		return addresses(ctx, r, "ip4", l.name)
	case dns.TypeAAAA:
		return addresses(ctx, r, "ip6", l.name)
	case dns.TypeCNAME:
		name, err := r.LookupCNAME(ctx, l.name)
		if err != nil || strings.EqualFold(name, dns.Fqdn(l.name)) {
			return nil, err // its own canonical name: there is no CNAME
		}
		return []string{strings.ToLower(name)}, nil
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
