package dnscheck

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/miekg/dns"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// askSystem asks the resolver of the system.
func (c *checker) askSystem(ctx context.Context) (*answer, error) {
	all := new(answer)
	for i := range c.lookups {
		l := &c.lookups[i]
		records, err := l.resolve(ctx, c.resolver)
		a := &answer{recordType: l.question.Qtype}
		for _, r := range records {
			a.records = append(a.records, record{text: r})
		}
		e, isDNS := errors.AsType[*net.DNSError](err)
		switch {
		case err == nil:
		case isDNS && e.IsNotFound:
			a.rcode = dns.RcodeNameError
		case ctx.Err() != nil:
			// Not only while DNS is slow: whatever the system asks (see nsswitch.conf) may be.
			return nil, healthcheck.Errorf(healthcheck.ReasonTimeout, "the system's resolver gave no answer in time")
		default:
			a.rcode, a.err = dns.RcodeServerFailure, healthcheck.WithReason(healthcheck.ReasonDNS, err)
		}
		all.add(a)
	}
	if len(all.records) == 0 && all.err != nil {
		return nil, all.err
	}
	return all, nil
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
