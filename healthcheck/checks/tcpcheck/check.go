package tcpcheck

import (
	"context"
	"fmt"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

var phaseDuration = healthcheck.NewMeasure("tcp_phase_duration_seconds", "Duration of the phases resolve, connect, tls and dialog of the last run, as far as it had them.", "phase")

const phaseDialog = "dialog" // beside those of package peer

type checker struct {
	address    target.Address
	dialer     peer.Dialer
	dialog     []step
	hears      bool // the dialog expects something
	secrets    *secret.Set
	maxLatency time.Duration
}

// Check connects, shakes hands, and has the dialog.
func (c *checker) Check(ctx context.Context) healthcheck.Result {
	defer c.secrets.HidePanic()
	start := time.Now()
	r := run{checker: c}
	err := r.do(ctx)
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
	values []healthcheck.Value
	waited time.Duration // for what a server that is well does not send
}

func (r *run) do(ctx context.Context) error {
	trace := peer.Trace{Phase: r.measure}
	conn, err := r.dialer.Dial(ctx, r.address, &trace)
	r.values = append(r.values, trace.Values...)
	if err != nil {
		return err
	}
	err = r.talk(ctx, conn)
	if err == nil && !r.hears {
		r.waited, err = conn.Confirm(ctx)
	}
	if err != nil {
		_ = conn.Close()
		return err
	}
	conn.Finish()
	return nil
}

func (r *run) measure(phase string, d time.Duration) {
	r.values = append(r.values, healthcheck.Value{Measure: phaseDuration, Label: phase, Value: d.Seconds()})
}
