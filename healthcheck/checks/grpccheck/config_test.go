package grpccheck_test

import (
	"strings"
	"testing"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/grpccheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

func TestNewReportsEveryMistake(t *testing.T) {
	const good = "127.0.0.1:1"
	for _, tc := range []struct {
		what   string
		config grpccheck.Config
		fields string
	}{
		{"nothing", grpccheck.Config{}, "address"},
		{"no port", grpccheck.Config{Address: "hunter2@db.example.org"}, "address"},
		{"both", grpccheck.Config{Address: good, Service: "a", Services: []string{"b"}}, ""},
		{"twice", grpccheck.Config{Address: good, Services: []string{"a", "b", "a"}}, "services[2]"},
		{"too many", grpccheck.Config{Address: good, Services: strings.Split(strings.Repeat("a", 51), "")}, "services"},
		{"two lines", grpccheck.Config{Address: good, Service: "a\nb"}, "service"},
		{"too long", grpccheck.Config{Address: good, Service: strings.Repeat("a", 201)}, "service"},
		{"expect", grpccheck.Config{Address: good, Expect: "UP"}, "expect"},
		{"authority", grpccheck.Config{Address: good, Authority: "a b"}, "authority"},
		{"metadata", grpccheck.Config{Address: good, Metadata: map[string]string{"A": "hunter2", "b-bin": "hunter2!", "c": "hunter2\n", "grpc-x": "hunter2"}}, "metadata metadata.b-bin metadata.c metadata.grpc-x"},
		{"authorization", grpccheck.Config{Address: good, Authorization: &config.Authorization{}}, "authorization"},
		{"authorization twice", grpccheck.Config{Address: good, Metadata: map[string]string{"authorization": "hunter2"}, Authorization: &config.Authorization{Credentials: "x"}}, "metadata.authorization"},
		{"no file", grpccheck.Config{Address: good, TLSConfig: &config.TLSConfig{CAFile: "/nonexistent"}}, "tls_config"},
		{"latency", grpccheck.Config{Address: good, MaxLatency: -1}, "max_latency"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			_, err := grpccheck.New(tc.config)
			fields := checktest.Mistakes(t, err, "hunter2")
			got := strings.Join(fields, " ")
			if tc.what == "too many" {
				got = fields[0]
			}
			assert.Equal(t, tc.fields, got, "%v", err)
		})
	}
}

func TestTarget(t *testing.T) {
	assert.Equal(t, "a:1", grpccheck.Config{Address: "a:1"}.Target())
	assert.Equal(t, "a:1/x.v1.X", grpccheck.Config{Address: "a:1", Service: "x.v1.X"}.Target())
}
