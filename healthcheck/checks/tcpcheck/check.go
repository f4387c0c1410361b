package tcpcheck

import (
	"context"
	"errors"
	"net"
	"net/http/httptrace"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
)

var phaseDuration = healthcheck.NewMeasure("tcp_phase_duration_seconds", "phase",
	"Duration of the phases resolve, connect, tls and dialog of the last run, as far as it had them.")

const (
	phaseResolve = "resolve"
	phaseConnect = "connect"
	phaseTLS     = "tls"
	phaseDialog  = "dialog"
)

type checker struct {
	address    string
	host       string
	tls        *certs.Source // nil: no TLS
	dialog     []step
	secrets    secrets
	maxLatency time.Duration
	resolver   *net.Resolver
}

// Check connects, shakes hands, and has the dialog.
func (c *checker) Check(ctx context.Context) healthcheck.Result {
	start := time.Now()
	r := run{checker: c}
	err := r.do(ctx)
	if took := time.Since(start); err == nil && c.maxLatency > 0 && took > c.maxLatency {
		err = healthcheck.Errorf(healthcheck.ReasonLatency, "%s took %s, want at most %s",
			c.address, took.Round(time.Microsecond), c.maxLatency)
	}
	result := healthcheck.Fail(err)
	result.Values = r.values
	return result
}

// run is one run of a check and what it has measured so far.
type run struct {
	*checker
	values []healthcheck.Value
}

func (r *run) do(ctx context.Context) error {
	raw, err := r.connect(ctx)
	if err != nil {
		return err
	}
	// Not that of a TLS connection, which would say goodbye, for up to 5 seconds, to a peer that may be hanging.
	defer func() { _ = raw.Close() }()
	defer peer.Interrupt(ctx, raw)()
	conn := raw
	if r.tls != nil {
		secure, err := r.handshake(ctx, raw)
		if err != nil {
			return peer.ExplainHandshake(ctx, "tls handshake with "+r.address, err)
		}
		conn = secure
	}
	if err := r.talk(ctx, conn); err != nil {
		return err
	}
	if conn != raw {
		_ = conn.Close() // all went well: this peer may be told
	}
	return nil
}

// connect opens the connection, trying the addresses of the host as net.Dialer does.
func (r *run) connect(ctx context.Context) (net.Conn, error) {
	start := time.Now()
	var resolved time.Time // zero for an IP address
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSDone: func(httptrace.DNSDoneInfo) { resolved = time.Now() },
	})
	dialer := net.Dialer{Resolver: r.resolver}
	conn, err := dialer.DialContext(ctx, "tcp", r.address)
	if !resolved.IsZero() {
		r.measure(phaseResolve, resolved.Sub(start))
		start = resolved
	}
	if healthcheck.ReasonOf(err) != healthcheck.ReasonDNS {
		r.measure(phaseConnect, time.Since(start))
	}
	if err == nil {
		return conn, nil
	}
	step := "connect to " + r.address
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Addr != nil && e.Addr.String() != r.address {
		step += " (" + e.Addr.String() + ")"
	}
	return nil, peer.ExplainDial(ctx, "resolve "+r.host, step, err)
}

func (r *run) handshake(ctx context.Context, raw net.Conn) (net.Conn, error) {
	cfg, err := r.tls.ConfigFor(r.host)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	conn, values, err := certs.Handshake(ctx, raw, cfg)
	r.measure(phaseTLS, time.Since(start))
	r.values = append(r.values, values...)
	return conn, err
}

func (r *run) measure(phase string, d time.Duration) {
	r.values = append(r.values, healthcheck.Value{Measure: phaseDuration, Label: phase, Value: d.Seconds()})
}
