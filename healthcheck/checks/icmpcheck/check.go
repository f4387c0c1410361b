package icmpcheck

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/amount"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
)

var (
	phaseDuration = healthcheck.NewMeasure("icmp_phase_duration_seconds", "Duration of the phases resolve and echo of the last run, as far as it had them.", "phase")

	packetsSent = healthcheck.NewMeasure("icmp_sent_packets", "Echo requests that the last run sent.")

	packetsReceived = healthcheck.NewMeasure("icmp_received_packets", "Echo requests of the last run that were answered in time.")

	lossRatio = healthcheck.NewMeasure("icmp_loss_ratio", "Share of the echo requests of the last run that were not answered in time, from 0 to 1.")

	roundTrip = healthcheck.NewMeasure("icmp_rtt_seconds", "Round-trip time of the echo requests of the last run that were answered: min, mean and max.", "stat")

	jitter = healthcheck.NewMeasure("icmp_jitter_seconds", "How much a round trip of the last run differed from the one before, in the mean.")

	replyTTL = healthcheck.NewMeasure("icmp_reply_hop_limit", "Time to live, or hop limit, that the last answer of the last run came with: the lower, the longer its way.")
)

// The phases of a run.
const (
	phaseResolve = peer.PhaseResolve
	phaseEcho    = "echo"
)

type checker struct {
	host, label string
	address     netip.Addr // of the host; not valid for a name
	network     string     // for the lookup
	options     options
	open        func(to netip.Addr, o options) (socket, error)

	count, size       int
	interval, timeout time.Duration

	maxLoss                     *amount.Limit // nil: none
	maxRTT, maxWorst, maxJitter time.Duration // zero: none
}

// Check sends echo requests and judges the answers.
func (c *checker) Check(ctx context.Context) healthcheck.Result {
	r := run{checker: c, label: c.label}
	err := r.do(ctx)
	result := healthcheck.Fail(err)
	result.Values = r.values
	return result
}

// run is one run of a check and what it has measured so far.
type run struct {
	*checker

	label  string // the host, with the address of a name
	values []healthcheck.Value
}

func (r *run) do(ctx context.Context) error {
	address, err := r.resolve(ctx)
	if err != nil {
		return err
	}
	s, err := r.open(address, r.options)
	if err != nil {
		return fmt.Errorf("%s: %w", r.label, err)
	}
	defer s.Close()
	defer context.AfterFunc(ctx, s.interrupt)()
	start := time.Now()
	e := newExchange(r.checker, s, address)
	err = e.do(ctx)
	r.values = append(r.values, phaseDuration.Value(time.Since(start).Seconds(), phaseEcho))
	t := e.tally()
	r.measure(&t)
	if err != nil {
		return fmt.Errorf("%s: %w", r.label, err)
	}
	return r.judge(ctx, &t)
}

// resolve returns the address to ask.
func (r *run) resolve(ctx context.Context) (netip.Addr, error) {
	if r.address.IsValid() {
		return r.address, nil
	}
	start := time.Now()
	list, err := net.DefaultResolver.LookupNetIP(ctx, r.network, r.host)
	r.values = append(r.values, phaseDuration.Value(time.Since(start).Seconds(), phaseResolve))
	if err == nil && len(list) == 0 {
		err = &net.DNSError{Err: "no such host", Name: r.host, IsNotFound: true}
	}
	if err != nil {
		return netip.Addr{}, peer.ExplainDial(ctx, "resolve "+r.label, "resolve "+r.label, err)
	}
	address := list[0].Unmap()
	r.label += " (" + address.String() + ")"
	return address, nil
}

func (r *run) measure(t *tally) {
	if t.sent == 0 {
		return
	}
	r.values = append(r.values, packetsSent.Value(float64(t.sent)), packetsReceived.Value(float64(t.received)),
		lossRatio.Value(float64(t.sent-t.received)/float64(t.sent)))
	if t.received > 0 {
		r.values = append(r.values, roundTrip.Value(t.least.Seconds(), "min"), roundTrip.Value(t.mean.Seconds(), "mean"), roundTrip.Value(t.worst.Seconds(), "max"))
	}
	if t.received > 1 {
		r.values = append(r.values, jitter.Value(t.jitter.Seconds()))
	}
	if t.ttl > 0 {
		r.values = append(r.values, replyTTL.Value(float64(t.ttl)))
	}
}

// judge returns what is wrong with the answers, or that there are none.
func (r *run) judge(ctx context.Context, t *tally) error {
	lost := t.sent - t.received
	why := ""
	if t.refused != nil {
		why = ": " + t.refused.Error()
	}
	switch {
	case t.received == 0 && t.refused != nil:
		return healthcheck.Errorf(healthcheck.ReasonConnect, "%s%s", r.label, why)
	case t.received == 0:
		return healthcheck.Errorf(healthcheck.ReasonTimeout, "%s: no answer to %d echo requests", r.label, r.count)
	case ctx.Err() != nil && t.received < r.count:
		return healthcheck.Errorf(healthcheck.ReasonTimeout, "%s: no answer in time to all of %d echo requests", r.label, r.count)
	case r.maxLoss != nil && float64(lost) > r.maxLoss.Of(float64(t.sent)):
		return healthcheck.Errorf(healthcheck.ReasonThreshold, "%s: %d of %d echo requests without an answer, want at most %s%s", r.label, lost, t.sent, r.maxLoss, why)
	case r.maxRTT > 0 && t.mean > r.maxRTT:
		return healthcheck.Errorf(healthcheck.ReasonLatency, "%s: a round trip took %s in the mean, want at most %s", r.label, peer.Round(t.mean), r.maxRTT)
	case r.maxWorst > 0 && t.worst > r.maxWorst:
		return healthcheck.Errorf(healthcheck.ReasonLatency, "%s: a round trip took %s, want at most %s", r.label, peer.Round(t.worst), r.maxWorst)
	case r.maxJitter > 0 && t.jitter > r.maxJitter:
		return healthcheck.Errorf(healthcheck.ReasonThreshold, "%s: round trips differ by %s in the mean, want at most %s", r.label, peer.Round(t.jitter), r.maxJitter)
	}
	return nil
}
