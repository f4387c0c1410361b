// Package peer is what the kinds of checks that talk to a peer over a connection share: the end of a run ends what is
// done with a connection, and what failed is told by the step that it failed in.
package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Interrupt makes reads and writes on conn return soon after ctx is done, until stop is called.
func Interrupt(ctx context.Context, conn net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
}

// Explain returns err, which ended a step of a run, with the step in front and the reason kept; what ends with the
// run, or another deadline, has the reason timeout. The text of system errors is kept free of local ports, which would
// make it another one in each run.
func Explain(ctx context.Context, step string, err error) error {
	reason := healthcheck.ReasonOf(err)
	sys, isSys := errors.AsType[*os.SyscallError](err)
	switch {
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		if reason != healthcheck.ReasonDNS {
			reason = healthcheck.ReasonTimeout
		}
		return healthcheck.Errorf(reason, "%s: no answer in time", step)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return healthcheck.Errorf(reason, "%s: the peer closed the connection", step)
	case isSys:
		return healthcheck.Errorf(reason, "%s: %w", step, sys.Err)
	default:
		return fmt.Errorf("%s: %w", step, err)
	}
}

// ExplainDial is [Explain] for an error of a dialer, whose step is resolve where it did not get further than that.
func ExplainDial(ctx context.Context, resolve, connect string, err error) error {
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return Explain(ctx, resolve, e)
	}
	return Explain(ctx, connect, err)
}

// ExplainHandshake is [Explain] for an error of a TLS handshake, which has the reason tls unless there is one that
// says more.
func ExplainHandshake(ctx context.Context, step string, err error) error {
	err = Explain(ctx, step, err)
	if reason := healthcheck.ReasonOf(err); reason == healthcheck.ReasonProtocol || reason == healthcheck.ReasonError {
		return healthcheck.WithReason(healthcheck.ReasonTLS, err)
	}
	return err
}

// InTime returns nil, or what is wrong with a run that took more than it may. A limit of zero is none.
func InTime(took, most time.Duration) error {
	if most <= 0 || took <= most {
		return nil
	}
	return healthcheck.Errorf(healthcheck.ReasonLatency, "took %s, want at most %s", Round(took), most)
}

// Round returns d with three digits, for people.
func Round(d time.Duration) time.Duration {
	for unit := time.Second; unit > time.Microsecond; unit /= 10 {
		if d >= unit {
			return d.Round(unit / 100)
		}
	}
	return d.Round(time.Microsecond)
}
