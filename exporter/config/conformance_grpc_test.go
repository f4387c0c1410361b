package config_test

import (
	"context"
	"net"
	"testing"

	promconfig "github.com/prometheus/common/config"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/grpccheck"
)

var conformGRPC = conformer{
	echo: func(t *testing.T) []func() any {
		address := serveGRPC(t, func(ctx context.Context, service string) error {
			got := []string{service}
			md, _ := metadata.FromIncomingContext(ctx)
			for _, values := range md {
				got = append(got, values...)
			}
			return status.Error(codes.FailedPrecondition, echoes.answer(got))
		})
		return []func() any{
			func() any {
				return &grpccheck.Config{Address: address, Metadata: map[string]string{"x-key": plantHere}}
			},
			func() any {
				return &grpccheck.Config{Address: address, Services: []string{"a", "b"}, Authorization: &promconfig.Authorization{Credentials: plantHere}}
			},
			func() any { return &grpccheck.Config{Address: address, Authorization: &promconfig.Authorization{}} },
		}
	},
	open: []string{"address", "service", "services", "expect", "authority", "authorization.type", "tls_config.server_name"},
	dials: func(address string) []any {
		return []any{&grpccheck.Config{Address: address}, &grpccheck.Config{Address: address, TLS: true, Services: []string{"a", "b"}}}
	},
	named: func(host string) any { return &grpccheck.Config{Address: host + ":50051"} },
	fine: func(t testing.TB) []any {
		address := serveGRPC(t, func(context.Context, string) error { return nil })
		return []any{&grpccheck.Config{Address: address}, &grpccheck.Config{Address: address, Services: []string{"", "a", "b"}}}
	},
	runs: 10_000,
	servers: func(t *testing.T) []served {
		address := serveGRPC(t, func(_ context.Context, service string) error {
			switch service {
			case "denied":
				return status.Error(codes.Unauthenticated, "no token")
			case "nobody":
				return status.Error(codes.NotFound, "unknown service")
			}
			return nil
		})
		return []served{{
			name: "grpc", address: address, reason: healthcheck.ReasonStatus,
			config: func(address string) any { return &grpccheck.Config{Address: address} },
			wrong:  func(address string) any { return &grpccheck.Config{Address: address, Service: "nobody"} },
			secure: func(address, caFile string) any {
				return &grpccheck.Config{Address: address, TLSConfig: &promconfig.TLSConfig{CAFile: caFile}}
			},
			denied: func(*testing.T) any { return &grpccheck.Config{Address: address, Service: "denied"} },
		}}
	},
}

// healthService answers that a service is serving, or with an error.
type healthService struct {
	grpc_health_v1.UnimplementedHealthServer
	judge func(ctx context.Context, service string) error
}

// Check implements [grpc_health_v1.HealthServer].
func (s healthService) Check(ctx context.Context, r *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}, s.judge(ctx, r.GetService())
}

func serveGRPC(t testing.TB, judge func(ctx context.Context, service string) error) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(server, healthService{judge: judge})
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
