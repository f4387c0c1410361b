package grpccheck_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/grpccheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

func TestServices(t *testing.T) {
	address := startHealth(t)
	for _, tc := range []struct {
		what    string
		config  grpccheck.Config
		details string // after the address; empty: OK
		serving map[string]float64
		codes   map[string]float64
	}{
		{"the server", grpccheck.Config{}, "", map[string]float64{"(server)": 1}, map[string]float64{"(server)": 0}},
		{"a service", grpccheck.Config{Service: "up"}, "", map[string]float64{"up": 1}, map[string]float64{"up": 0}},
		{"down", grpccheck.Config{Service: "down"}, `service "down": NOT_SERVING, want SERVING`, map[string]float64{"down": 2}, map[string]float64{"down": 0}},
		{"unsure", grpccheck.Config{Service: "unsure"}, `service "unsure": UNKNOWN, want SERVING`, map[string]float64{"unsure": 0}, map[string]float64{"unsure": 0}},
		{"down, as it should be", grpccheck.Config{Service: "down", Expect: "NOT_SERVING"}, "", map[string]float64{"down": 2}, map[string]float64{"down": 0}},
		{"up, as it should not be", grpccheck.Config{Expect: "NOT_SERVING"}, "SERVING, want NOT_SERVING", map[string]float64{"(server)": 1}, map[string]float64{"(server)": 0}},
		{
			"nobody", grpccheck.Config{Service: "nobody"}, `service "nobody": NOT_FOUND (the server knows no such service): unknown service`,
			map[string]float64{}, map[string]float64{"nobody": 5},
		},
		{"several", grpccheck.Config{Services: []string{"", "up"}}, "", map[string]float64{"(server)": 1, "up": 1}, map[string]float64{"(server)": 0, "up": 0}},
		{
			"one of several", grpccheck.Config{Services: []string{"", "down", "nobody"}},
			`service "down": NOT_SERVING, want SERVING; service "nobody": NOT_FOUND (the server knows no such service): unknown service`,
			map[string]float64{"(server)": 1, "down": 2}, map[string]float64{"(server)": 0, "down": 0, "nobody": 5},
		},
	} {
		t.Run(tc.what, func(t *testing.T) {
			tc.config.Address = address
			r := run(t, tc.config)
			if tc.details == "" {
				checktest.RequireOK(t, r)
			} else {
				assertFails(t, r, healthcheck.ReasonStatus, tc.details)
				assert.Equal(t, address+": "+tc.details, r.Details)
			}
			assert.Equal(t, tc.serving, measured(r, "grpc_serving_status"))
			assert.Equal(t, tc.codes, measured(r, "grpc_status_code"))
			requireMeasured(t, r, "connect", "check")
		})
	}
}

func TestNoHealthService(t *testing.T) {
	r := run(t, grpccheck.Config{Address: start(t, func(*grpc.Server) {}), Service: "x"})
	assertFails(t, r, healthcheck.ReasonStatus, `service "x": UNIMPLEMENTED (the server has no grpc.health.v1.Health): unknown service grpc.health.v1.Health`)
	assert.Equal(t, map[string]float64{"x": 12}, measured(r, "grpc_status_code"))
}

// TestCodes: what the server itself ends a call with.
func TestCodes(t *testing.T) {
	long := strings.Repeat("<\x1b[31m\xff\n>", 1000)
	for code, tc := range map[codes.Code]struct {
		reason  healthcheck.Reason
		details string
	}{
		codes.Canceled:         {healthcheck.ReasonStatus, "CANCELLED: "},
		codes.Unknown:          {healthcheck.ReasonStatus, "UNKNOWN: "},
		codes.DeadlineExceeded: {healthcheck.ReasonTimeout, "DEADLINE_EXCEEDED: "},
		codes.PermissionDenied: {healthcheck.ReasonAuth, "PERMISSION_DENIED: "},
		codes.Unauthenticated:  {healthcheck.ReasonAuth, "UNAUTHENTICATED: "},
		codes.Internal:         {healthcheck.ReasonStatus, "INTERNAL: "},
		codes.Unavailable:      {healthcheck.ReasonStatus, "UNAVAILABLE: "},
		codes.Code(4711):       {healthcheck.ReasonStatus, "status code 4711: "},
	} {
		t.Run(code.String(), func(t *testing.T) {
			address := startAnswering(t, func(context.Context, string) (*grpc_health_v1.HealthCheckResponse, error) {
				return nil, status.Error(code, "no: "+long)
			})
			r := run(t, grpccheck.Config{Address: address})
			assertFails(t, r, tc.reason, address+": "+tc.details+"no: <?[31m")
			assert.Equal(t, map[string]float64{"(server)": float64(code)}, measured(r, "grpc_status_code"))
			assert.Empty(t, measured(r, "grpc_serving_status"))
		})
	}
	t.Run("a status that there is not", func(t *testing.T) {
		address := startAnswering(t, func(context.Context, string) (*grpc_health_v1.HealthCheckResponse, error) {
			return &grpc_health_v1.HealthCheckResponse{Status: 99}, nil
		})
		assertFails(t, run(t, grpccheck.Config{Address: address}), healthcheck.ReasonStatus, "status 99, want SERVING")
	})
}

// TestMetadata: all of it comes with each call, and nothing of it is shown.
func TestMetadata(t *testing.T) {
	got := make(chan metadata.MD, 2)
	address := startAnswering(t, func(ctx context.Context, _ string) (*grpc_health_v1.HealthCheckResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		got <- md
		if md.Get("authorization")[0] != "Bearer hunter2-2026" {
			return nil, status.Errorf(codes.Unauthenticated, "not %q", md.Get("authorization"))
		}
		return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}, nil
	})
	c := grpccheck.Config{
		Address: address, Authority: "payments.internal:1",
		Metadata:      map[string]string{"x-tenant": "health", "x-trace-bin": "AP8="},
		Authorization: &config.Authorization{CredentialsFile: checktest.WriteFile(t, "hunter2-2026\n")},
	}
	checktest.RequireOK(t, run(t, c))
	md := <-got
	assert.Equal(t, []string{"health"}, md.Get("x-tenant"))
	assert.Equal(t, []string{"\x00\xff"}, md.Get("x-trace-bin"))
	assert.Equal(t, []string{"payments.internal:1"}, md.Get(":authority"))
	assert.Contains(t, md.Get("user-agent")[0], "healthcheck_exporter")

	c.Authorization = &config.Authorization{Credentials: "wrong-one-2026"}
	c.Authority = ""
	r := run(t, c)
	assertFails(t, r, healthcheck.ReasonAuth, `UNAUTHENTICATED: not ["Bearer …"]`)
	assert.Equal(t, []string{address}, (<-got).Get(":authority"))

	c.Authorization = &config.Authorization{CredentialsFile: "/nonexistent/token"}
	assertFails(t, run(t, c), healthcheck.ReasonAuth, "authorization: ")
}

// TestHangingService: the other services are told of all the same.
func TestHangingService(t *testing.T) {
	address := startAnswering(t, func(ctx context.Context, service string) (*grpc_health_v1.HealthCheckResponse, error) {
		if service == "hangs" {
			<-ctx.Done()
		}
		return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}, nil
	})
	r := runFor(t, grpccheck.Config{Address: address, Services: []string{"hangs", "up"}}, checktest.Timeout)
	assertFails(t, r, healthcheck.ReasonTimeout, address+": check: no answer in time")
	assert.Equal(t, map[string]float64{"up": 1}, measured(r, "grpc_serving_status"))
}

func TestMaxLatency(t *testing.T) {
	address := startAnswering(t, func(context.Context, string) (*grpc_health_v1.HealthCheckResponse, error) {
		<-time.After(50 * time.Millisecond)
		return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}, nil
	})
	assertFails(t, run(t, grpccheck.Config{Address: address, MaxLatency: 20 * time.Millisecond}), healthcheck.ReasonLatency, ", want at most 20ms")
	checktest.RequireOK(t, run(t, grpccheck.Config{Address: address, MaxLatency: time.Minute}))
}

func TestUnknownHost(t *testing.T) {
	assertFails(t, runFor(t, grpccheck.Config{Address: "nosuch.invalid.:50051"}, 10*time.Second), healthcheck.ReasonDNS, "resolve nosuch.invalid.: ")
}

// TestOtherServers: what speaks HTTP, but not gRPC.
func TestOtherServers(t *testing.T) {
	for _, tc := range []struct {
		status  int
		body    string
		reason  healthcheck.Reason
		details string
	}{
		{200, "hello", healthcheck.ReasonProtocol, "check: the server does not speak gRPC: HTTP status 200 (OK)"},
		{401, "", healthcheck.ReasonAuth, "HTTP status 401 (Unauthorized)"},
		{403, "", healthcheck.ReasonAuth, "HTTP status 403 (Forbidden)"},
		{404, "not found", healthcheck.ReasonStatus, "HTTP status 404 (Not Found)"},
		{503, strings.Repeat("x", 1<<20), healthcheck.ReasonStatus, "HTTP status 503 (Service Unavailable)"},
	} {
		t.Run(http.StatusText(tc.status), func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			}))
			server.Config.Protocols = new(http.Protocols)
			server.Config.Protocols.SetUnencryptedHTTP2(true)
			server.Start()
			defer server.Close()
			assertFails(t, run(t, grpccheck.Config{Address: server.Listener.Addr().String()}), tc.reason, tc.details)
		})
	}
	t.Run("HTTP/1.1", func(t *testing.T) {
		server := httptest.NewServer(http.NotFoundHandler())
		defer server.Close()
		assertFails(t, run(t, grpccheck.Config{Address: server.Listener.Addr().String()}), healthcheck.ReasonProtocol, "check: ")
	})
}

// TestHostile: what no decent server does.
func TestHostile(t *testing.T) {
	headers := func(f *http2.Framer, stream uint32, end bool, fields ...string) {
		var b bytes.Buffer
		e := hpack.NewEncoder(&b)
		for i := 0; i < len(fields); i += 2 {
			_ = e.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
		}
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: b.Bytes(), EndHeaders: true, EndStream: end})
	}
	data := func(f *http2.Framer, stream uint32, message string) {
		_ = f.WriteData(stream, false, append([]byte{0, 0, 0, byte(len(message) >> 8), byte(len(message))}, message...))
	}
	for _, tc := range []struct {
		what    string
		handle  func(f *http2.Framer, stream uint32)
		reason  healthcheck.Reason
		details string
	}{
		{"no message", func(f *http2.Framer, s uint32) {
			headers(f, s, false, ":status", "200", "content-type", "application/grpc")
			headers(f, s, true, "grpc-status", "0")
		}, healthcheck.ReasonStatus, "INTERNAL: "},
		{"no status", func(f *http2.Framer, s uint32) {
			headers(f, s, false, ":status", "200", "content-type", "application/grpc")
			data(f, s, "\x08\x01")
			headers(f, s, true, "x", "y")
		}, healthcheck.ReasonStatus, "UNKNOWN"},
		{"no trailer", func(f *http2.Framer, s uint32) {
			headers(f, s, false, ":status", "200", "content-type", "application/grpc")
			_ = f.WriteData(s, true, []byte("\x00\x00\x00\x00\x02\x08\x01"))
		}, healthcheck.ReasonProtocol, "check: server closed the stream without sending trailers"},
		{"garbage in the message", func(f *http2.Framer, s uint32) {
			headers(f, s, false, ":status", "200", "content-type", "application/grpc")
			data(f, s, "\xff\xff\xff")
			headers(f, s, true, "grpc-status", "0")
		}, healthcheck.ReasonProtocol, "check: grpc: failed to unmarshal"},
		{"a large message", func(f *http2.Framer, s uint32) {
			headers(f, s, false, ":status", "200", "content-type", "application/grpc")
			_ = f.WriteData(s, false, []byte("\x00\x7f\xff\xff\xff"))
			headers(f, s, true, "grpc-status", "0")
		}, healthcheck.ReasonProtocol, "check: grpc: received message larger than max"},
		{"a large header", func(f *http2.Framer, s uint32) {
			var b bytes.Buffer
			e := hpack.NewEncoder(&b)
			e.SetMaxDynamicTableSize(0)
			_ = e.WriteField(hpack.HeaderField{Name: "x", Value: strings.Repeat("y", 100<<10)})
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: s, BlockFragment: b.Next(16000)})
			for b.Len() > 0 {
				part := b.Next(16000)
				_ = f.WriteContinuation(s, b.Len() == 0, part)
			}
		}, healthcheck.ReasonProtocol, "check: "},
		{"a reset", func(f *http2.Framer, s uint32) {
			_ = f.WriteRSTStream(s, http2.ErrCodeInternal)
		}, healthcheck.ReasonProtocol, "check: stream terminated by RST_STREAM with error code: INTERNAL_ERROR"},
		{"no calls", func(f *http2.Framer, _ uint32) {
			_ = f.WriteGoAway(0, http2.ErrCodeNo, nil)
		}, healthcheck.ReasonProtocol, "check: the server takes no calls on a new connection (GOAWAY)"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			address := serveFrames(t, func(_ net.Conn, f *http2.Framer) {
				if stream, ok := request(f); ok {
					tc.handle(f, stream)
					drain(f)
				}
			})
			r := run(t, grpccheck.Config{Address: address, Services: []string{"a"}})
			assertFails(t, r, tc.reason, tc.details)
			assert.Empty(t, measured(r, "grpc_serving_status"))
		})
	}
	t.Run("pings without end", func(t *testing.T) {
		address := serveFrames(t, func(conn net.Conn, f *http2.Framer) {
			go func() { _, _ = conn.Read(make([]byte, 1<<20)) }()
			for f.WritePing(false, [8]byte{}) == nil {
			}
		})
		start := time.Now()
		r := runFor(t, grpccheck.Config{Address: address}, checktest.Timeout)
		assert.True(t, r.Failed())
		assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
	})
}

// TestClosedInTheCall: the words are the same each time.
func TestClosedInTheCall(t *testing.T) {
	address := serveFrames(t, func(conn net.Conn, f *http2.Framer) {
		_, _ = request(f)
		_ = conn.(*net.TCPConn).CloseWrite() // closing before all is read would be a reset
		drain(f)
	})
	for range 3 {
		r := run(t, grpccheck.Config{Address: address, Services: []string{"a", "b"}})
		require.Equal(t, fmt.Sprintf("%s: check: the peer closed the connection", address), r.Details)
		assert.Equal(t, healthcheck.ReasonProtocol, r.Reason)
	}
}
