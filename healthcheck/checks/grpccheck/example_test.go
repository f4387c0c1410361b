package grpccheck_test

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/grpccheck"
)

func ExampleNew() {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	server, services := grpc.NewServer(), health.NewServer()
	services.SetServingStatus("payments.v1.Payments", grpc_health_v1.HealthCheckResponse_SERVING)
	grpc_health_v1.RegisterHealthServer(server, services)
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()

	check, err := grpccheck.New(grpccheck.Config{Address: listener.Addr().String(), Service: "payments.v1.Payments"})
	if err != nil {
		fmt.Println(err)
		return
	}
	result := check.Check(context.Background())
	fmt.Println("failed:", result.Failed(), result.Details)
	// Output: failed: false
}
