package grpccheck_test

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/grpccheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func run(t *testing.T, c grpccheck.Config) healthcheck.Result {
	t.Helper()
	return runFor(t, c, time.Minute)
}

func runFor(t *testing.T, c grpccheck.Config, timeout time.Duration) healthcheck.Result {
	t.Helper()
	return checktest.Run(t, grpccheck.New, c, timeout)
}

func assertFails(t *testing.T, r healthcheck.Result, reason healthcheck.Reason, details string) {
	t.Helper()
	checktest.AssertFails(t, r, reason, details, 600)
}

// measured returns the values of one measure by the service.
func measured(r healthcheck.Result, name string) map[string]float64 {
	m := make(map[string]float64)
	for _, v := range r.Values {
		if v.Measure.Name() == name {
			m[v.Label] = v.Value
		}
	}
	return m
}

// start serves what register registers, and returns where.
func start(t testing.TB, register func(*grpc.Server), options ...grpc.ServerOption) string {
	t.Helper()
	l := checktest.Listen(t, "127.0.0.1")
	server := grpc.NewServer(options...)
	register(server)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
	return l.Addr().String()
}

// startHealth starts the library's own health server.
func startHealth(t testing.TB, options ...grpc.ServerOption) string {
	t.Helper()
	h := health.NewServer()
	h.SetServingStatus("up", grpc_health_v1.HealthCheckResponse_SERVING)
	h.SetServingStatus("down", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	h.SetServingStatus("unsure", grpc_health_v1.HealthCheckResponse_UNKNOWN)
	return start(t, func(s *grpc.Server) { grpc_health_v1.RegisterHealthServer(s, h) }, options...)
}

// answering is a health server that answers with what it returns.
type answering func(ctx context.Context, service string) (*grpc_health_v1.HealthCheckResponse, error)

type answeringServer struct {
	grpc_health_v1.UnimplementedHealthServer
	answer answering
}

func (s answeringServer) Check(ctx context.Context, r *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	return s.answer(ctx, r.GetService())
}

func startAnswering(t testing.TB, answer answering) string {
	t.Helper()
	return start(t, func(s *grpc.Server) { grpc_health_v1.RegisterHealthServer(s, answeringServer{answer: answer}) })
}

func withTLS(cert tls.Certificate, change func(*tls.Config)) grpc.ServerOption {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}
	if change != nil {
		change(cfg)
	}
	return grpc.Creds(credentials.NewTLS(cfg))
}

// serveFrames gives each connection to handle after what a connection of HTTP/2 begins with.
func serveFrames(t testing.TB, handle func(conn net.Conn, f *http2.Framer)) string {
	t.Helper()
	l := checktest.Listen(t, "127.0.0.1")
	checktest.Serve(t, l, func(conn net.Conn) {
		if _, err := conn.Read(make([]byte, len(http2.ClientPreface))); err != nil {
			return
		}
		f := http2.NewFramer(conn, conn)
		if f.WriteSettings() == nil {
			handle(conn, f)
		}
	})
	return l.Addr().String()
}

// request reads until a request has come, and returns its stream.
func request(f *http2.Framer) (uint32, bool) {
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return 0, false
		}
		if s, ok := frame.(*http2.SettingsFrame); ok && !s.IsAck() {
			_ = f.WriteSettingsAck()
		}
		if d, ok := frame.(*http2.DataFrame); ok && d.StreamEnded() {
			return d.StreamID, true
		}
	}
}

func drain(f *http2.Framer) {
	for {
		if _, err := f.ReadFrame(); err != nil {
			return
		}
	}
}

func requireMeasured(t *testing.T, r healthcheck.Result, names ...string) {
	t.Helper()
	got := checktest.Values(r, "phase")
	for _, name := range names {
		require.Contains(t, got, name)
	}
}
