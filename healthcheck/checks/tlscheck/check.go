package tlscheck

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/starttls"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
)

var phaseDuration = healthcheck.NewMeasure("tls_phase_duration_seconds", "Duration of the phases resolve, connect, starttls and tls of the last run, as far as it had them.", "phase")

const phaseStartTLS = "starttls" // beside those of package peer

type checker struct {
	address     target.Address
	dialer      peer.Dialer
	protocol    string        // before TLS; empty: none
	later       *certs.Source // of TLS after protocol; nil where there is none
	insecure    bool          // the chain need not be verified
	ocsp        string
	refusal     refusal
	minValidity time.Duration
	maxLatency  time.Duration
}

// Check connects, shakes hands, and looks at what was presented.
func (c *checker) Check(ctx context.Context) healthcheck.Result {
	start := time.Now()
	r := run{checker: c}
	err := r.do(ctx)
	shaken := err == nil
	if slow := peer.InTime(time.Since(start)-r.waited, c.maxLatency); err == nil && slow != nil {
		err = fmt.Errorf("%s %w", c.address.Label(), slow)
	}
	presented := r.presented
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		presented = e.UnverifiedCertificates
	}
	if err == nil {
		err = r.revoked
	}
	if err == nil {
		err = certs.Outlives(r.values, c.minValidity, "the certificate chain of "+c.address.Label())
	}
	if shaken {
		if weak := r.refuses(ctx); err == nil {
			err = weak
		}
	}
	result := healthcheck.Fail(err)
	result.Values = appendChain(r.values, presented)
	if more := len(presented) - maxChain; more > 0 && err == nil {
		result.Details = fmt.Sprintf("the server presents more certificates than the %d that are measured", maxChain)
	}
	return result
}

// run is one run of a check and what it has found so far.
type run struct {
	*checker

	values     []healthcheck.Value
	presented  []*x509.Certificate
	serverName string        // that was sent; empty for an address
	revoked    error         // or without a proof that it is not, where there must be one
	waited     time.Duration // for what a server that is well does not send
}

func (r *run) do(ctx context.Context) error {
	trace := peer.Trace{Phase: r.measure}
	defer func() { r.values = append(r.values, trace.Values...) }()
	conn, err := r.dialer.Dial(ctx, r.address, &trace)
	if err != nil {
		return err
	}
	if r.later != nil {
		err = r.secure(ctx, conn, &trace)
	}
	if err == nil {
		state := conn.TLS().ConnectionState()
		r.presented, r.serverName = state.PeerCertificates, state.ServerName
		r.revoked = r.judgeStaple(&state)
		r.waited, err = conn.Confirm(ctx)
	}
	if err != nil {
		_ = conn.Close()
		return err
	}
	conn.Finish()
	return nil
}

// secure asks the server to begin TLS, and does.
func (r *run) secure(ctx context.Context, conn *peer.Conn, trace *peer.Trace) error {
	start := time.Now()
	err := starttls.Begin(conn.Conn, r.protocol, r.address.ServerName())
	r.measure(phaseStartTLS, time.Since(start))
	if err != nil {
		return peer.Explain(ctx, r.protocol+" with "+r.address.Label(), err)
	}
	return conn.Secure(ctx, r.later, r.address, trace)
}

func (r *run) measure(phase string, d time.Duration) {
	r.values = append(r.values, phaseDuration.Value(d.Seconds(), phase))
}
