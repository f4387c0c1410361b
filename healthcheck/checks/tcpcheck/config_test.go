package tcpcheck_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tcpcheck"
)

func TestNewReportsEveryMistake(t *testing.T) {
	const good = "127.0.0.1:1"
	for _, tc := range []struct {
		what   string
		config tcpcheck.Config
		fields string
	}{
		{"nothing", tcpcheck.Config{}, "address"},
		{"no port", tcpcheck.Config{Address: "db.example.org"}, "address"},
		{"no host", tcpcheck.Config{Address: ":5432"}, "address"},
		{"URL", tcpcheck.Config{Address: "tcp://joe:hunter2@db.example.org:5432"}, "address"},
		{"password", tcpcheck.Config{Address: "hunter2@db.example.org:5432"}, "address"},
		{"bare IPv6 address", tcpcheck.Config{Address: "2001:db8::1"}, "address"},
		{"short IPv4 address", tcpcheck.Config{Address: "127.1:80"}, "address"},
		{"space", tcpcheck.Config{Address: "db example:1"}, "address"},
		{"port 0", tcpcheck.Config{Address: "db.example.org:0"}, "address"},
		{"port too big", tcpcheck.Config{Address: "db.example.org:65536"}, "address"},
		{"port of letters", tcpcheck.Config{Address: "db.example.org:postgres"}, "address"},
		{"latency", tcpcheck.Config{Address: good, MaxLatency: -time.Second}, "max_latency"},
		{"CA file", tcpcheck.Config{Address: good, TLSConfig: &config.TLSConfig{CAFile: "nosuch.pem"}}, "tls_config"},
		{"key", tcpcheck.Config{Address: good, TLSConfig: &config.TLSConfig{Cert: "c", Key: "hunter2"}}, "tls_config"},
		{"empty step", tcpcheck.Config{Address: good, Dialog: []tcpcheck.Step{{Send: "x"}, {}}}, "dialog[1]"},
		{"two expectations", tcpcheck.Config{Address: good, Dialog: []tcpcheck.Step{{Expect: "a", ExpectBytes: "b"}}}, "dialog[0]"},
		{"expression", tcpcheck.Config{Address: good, Dialog: []tcpcheck.Step{{Send: "hunter2", Expect: "("}}}, "dialog[0].expect"},
		{"expression", tcpcheck.Config{Address: good, Dialog: []tcpcheck.Step{{ExpectBytes: `\`}}}, "dialog[0].expect_bytes"},
		{
			"all at once",
			tcpcheck.Config{MaxLatency: -1, TLSConfig: &config.TLSConfig{CA: "hunter2"}, Dialog: []tcpcheck.Step{{Expect: "("}, {}}},
			"address tls_config max_latency dialog[0].expect dialog[1]",
		},
	} {
		t.Run(tc.what, func(t *testing.T) {
			_, err := tcpcheck.New(tc.config)
			assert.Equal(t, tc.fields, strings.Join(checktest.Mistakes(t, err, "hunter2"), " "), "%v", err)
		})
	}
}

func TestTarget(t *testing.T) {
	for want, address := range map[string]string{
		"db.example.org:5432": "db.example.org:5432",
		"[2001:db8::1]:22":    "[2001:DB8:0::1]:22",
		"[fe80::1%eth0]:22":   "[fe80::1%eth0]:22",
		"bücher.example:80":   "BÜCHER.example:80",
		"mail.example.org:25": "joe:hunter2@mail.example.org:25",
	} {
		assert.Equal(t, want, tcpcheck.Config{Address: address}.Target())
	}
}
