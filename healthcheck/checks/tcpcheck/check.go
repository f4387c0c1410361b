package tcpcheck

import (
	"context"
	"fmt"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/dialog"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

var phaseDuration = healthcheck.NewMeasure("tcp_phase_duration_seconds", "Duration of the phases resolve, connect, tls and dialog of the last run, as far as it had them.", "phase")

const phaseDialog = "dialog" // beside those of package peer

type checker struct {
	address     target.Address
	dialer      peer.Dialer
	later       *certs.Source // of TLS that a step of the dialog begins; nil for none
	dialog      *dialog.Script
	secrets     *secret.Set
	minValidity time.Duration
	maxLatency  time.Duration
}

// Check connects, shakes hands, and has the dialog.
func (c *checker) Check(ctx context.Context) healthcheck.Result {
	defer c.secrets.HidePanic()
	start := time.Now()
	r := run{checker: c}
	err := r.do(ctx)
	if err == nil {
		err = certs.Outlives(r.values, c.minValidity, "the certificate chain of "+c.address.Label())
	}
	if slow := peer.InTime(time.Since(start)-r.waited, c.maxLatency); err == nil && slow != nil {
		err = fmt.Errorf("%s %w", c.address.Label(), slow)
	}
	result := healthcheck.Fail(err)
	result.Values = r.values
	return result
}

// run is one run of a check and what it has measured so far.
type run struct {
	*checker

	values  []healthcheck.Value
	waited  time.Duration // for what a server that is well does not send
	secured time.Duration // how long TLS took that the dialog has begun
}

func (r *run) do(ctx context.Context) error {
	trace := peer.Trace{Phase: r.measure}
	conn, err := r.dialer.Dial(ctx, r.address, &trace)
	r.values = append(r.values, trace.Values...)
	if err != nil {
		return err
	}
	err = r.talk(ctx, conn)
	if err == nil && !r.dialog.Hears() {
		r.waited, err = conn.Confirm(ctx)
	}
	if err != nil {
		_ = conn.Close()
		return err
	}
	conn.Finish()
	return nil
}

// talk has the dialog over conn.
func (r *run) talk(ctx context.Context, conn *peer.Conn) error {
	if r.dialog.Empty() {
		return nil
	}
	start := time.Now()
	defer func() { r.measure(phaseDialog, time.Since(start)-r.secured) }()
	talk := dialog.Conversation{Conn: conn, Peer: r.address.Label(), Secrets: r.secrets}
	if r.later != nil {
		talk.Secure = func() error { return r.secure(ctx, conn) }
	}
	return r.dialog.Talk(ctx, talk)
}

// secure puts TLS over conn amid the dialog.
func (r *run) secure(ctx context.Context, conn *peer.Conn) error {
	trace := peer.Trace{Phase: func(name string, took time.Duration) {
		r.secured = took
		r.measure(name, took)
	}}
	err := conn.Secure(ctx, r.later, r.address, &trace)
	r.values = append(r.values, trace.Values...)
	return err
}

func (r *run) measure(phase string, d time.Duration) {
	r.values = append(r.values, phaseDuration.Value(d.Seconds(), phase))
}
