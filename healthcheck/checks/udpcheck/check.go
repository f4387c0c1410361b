package udpcheck

import (
	"context"
	"fmt"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/dialog"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

var (
	phaseDuration = healthcheck.NewMeasure("udp_phase_duration_seconds", "Duration of the phases resolve and dialog of the last run, as far as it had them.", "phase")

	resent = healthcheck.NewMeasure("udp_resent_datagrams", "Datagrams that the last run sent again because no answer had come.")
)

const phaseDialog = "dialog" // beside that of package peer

type checker struct {
	address    target.Address
	dialer     peer.Dialer
	dialog     *dialog.Script
	rules      dialog.Datagrams
	secrets    *secret.Set
	maxLatency time.Duration
}

// Check has the dialog, over a socket of its own.
func (c *checker) Check(ctx context.Context) healthcheck.Result {
	defer c.secrets.HidePanic()
	start := time.Now()
	var values []healthcheck.Value
	done, err := c.exchange(ctx, &values)
	if slow := peer.InTime(time.Since(start)-done.Waited, c.maxLatency); err == nil && slow != nil {
		err = fmt.Errorf("%s %w", c.address.Label(), slow)
	}
	result := healthcheck.Fail(err)
	result.Values = values
	return result
}

func (c *checker) exchange(ctx context.Context, values *[]healthcheck.Value) (dialog.Exchanged, error) {
	measure := func(phase string, took time.Duration) {
		*values = append(*values, phaseDuration.Value(took.Seconds(), phase))
	}
	conn, err := c.dialer.Dial(ctx, c.address, &peer.Trace{Phase: func(phase string, took time.Duration) {
		if phase == peer.PhaseResolve { // to connect a socket sends nothing
			measure(phase, took)
		}
	}})
	if err != nil {
		return dialog.Exchanged{}, err
	}
	defer conn.Close()
	start := time.Now()
	done, err := c.dialog.Exchange(ctx, dialog.Conversation{Conn: conn, Peer: c.address.Label(), Secrets: c.secrets}, c.rules)
	measure(phaseDialog, time.Since(start)-done.Waited)
	*values = append(*values, resent.Value(float64(done.Resent)))
	return done, err
}
