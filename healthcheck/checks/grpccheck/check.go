package grpccheck

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/httpclient"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/parallel"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

var (
	phaseDuration = healthcheck.NewMeasure("grpc_phase_duration_seconds", "Duration of the phases resolve, connect, tls and check of the last run, as far as it had them.", "phase")

	servingStatus = healthcheck.NewMeasure("grpc_serving_status", "What the server said of a service in the last run: 0 UNKNOWN, 1 SERVING, 2 NOT_SERVING, 3 SERVICE_UNKNOWN.", "grpc_service")

	statusCode = healthcheck.NewMeasure("grpc_status_code", "Status code of gRPC that the server ended the call for a service with in the last run: 0 is OK.", "grpc_service")
)

const phaseCheck = "check" // beside those of package peer

// wholeServer is the label of the service without a name.
const wholeServer = "(server)"

type checker struct {
	address       target.Address
	dialer        peer.Dialer
	authority     string
	services      []string
	expect        grpc_health_v1.HealthCheckResponse_ServingStatus
	metadata      metadata.MD               // never written to
	authorization *httpclient.Authorization // nil: none
	secrets       *secret.Set
	minValidity   time.Duration
	maxLatency    time.Duration
}

// Check connects and asks for each service.
func (c *checker) Check(ctx context.Context) healthcheck.Result {
	defer c.secrets.HidePanic()
	start := time.Now()
	r := run{checker: c}
	err := r.do(ctx)
	if err == nil {
		err = certs.Outlives(r.values, c.minValidity, "the certificate chain of "+c.address.Label())
	}
	if slow := peer.InTime(time.Since(start), c.maxLatency); err == nil && slow != nil {
		err = fmt.Errorf("%s %w", c.address.Label(), slow)
	}
	result := c.secrets.Fail(err)
	result.Values = r.values
	return result
}

// run is one run of a check and what it has measured so far.
type run struct {
	*checker

	channel *channel
	values  []healthcheck.Value
}

func (r *run) do(ctx context.Context) (err error) {
	calls, err := r.outgoing(ctx)
	if err != nil {
		return err
	}
	conn, err := r.connect(ctx)
	if err != nil {
		return err
	}
	if r.channel, err = newChannel(conn, r.authority); err != nil {
		return fmt.Errorf("%s: %w", r.address.Label(), err)
	}
	well := false
	defer func() { r.channel.finish(well) }()
	start := time.Now()
	answers := r.ask(calls)
	r.measure(phaseCheck, time.Since(start))
	err = r.judge(ctx, answers)
	well = err == nil
	return err
}

// connect returns the connection of the run, over which HTTP/2 can be spoken.
func (r *run) connect(ctx context.Context) (*peer.Conn, error) {
	trace := peer.Trace{Phase: r.measure}
	conn, err := r.dialer.Dial(ctx, r.address, &trace)
	r.values = append(r.values, trace.Values...)
	if err != nil {
		return nil, err
	}
	if secure := conn.TLS(); secure != nil && secure.ConnectionState().NegotiatedProtocol != protocols[0] {
		_ = conn.Close()
		return nil, healthcheck.Errorf(healthcheck.ReasonTLS, "tls handshake with %s: the server did not choose HTTP/2 (ALPN)", r.address.Label())
	}
	return conn, nil
}

func (r *run) measure(phase string, d time.Duration) {
	r.values = append(r.values, phaseDuration.Value(d.Seconds(), phase))
}

// answer is what came of the call for one service.
type answer struct {
	service string
	status  grpc_health_v1.HealthCheckResponse_ServingStatus
	err     error
	ended   ended // the server has answered, be it with an error
}

type ended struct{ atomic.Bool }

// ask calls the server for all services at once. The calls end with the context.
func (r *run) ask(ctx context.Context) []*answer {
	answers := make([]*answer, len(r.services))
	for i, name := range r.services {
		answers[i] = &answer{service: name}
	}
	parallel.Do(len(answers), func(i int) { r.call(ctx, answers[i]) })
	return answers
}

func (r *run) call(ctx context.Context, a *answer) {
	ctx = context.WithValue(ctx, endedKey{}, &a.ended)
	response, err := grpc_health_v1.NewHealthClient(r.channel).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: a.service})
	a.status, a.err = response.GetStatus(), err
}
