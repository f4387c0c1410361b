package udpcheck_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/udpcheck"
)

func TestNewReportsEveryMistake(t *testing.T) {
	const good = "127.0.0.1:1"
	ask := steps{{Send: "x", Expect: "y"}}
	for _, tc := range []struct {
		what   string
		config udpcheck.Config
		fields string
	}{
		{"nothing", udpcheck.Config{}, "address dialog"},
		{"no port", udpcheck.Config{Address: "hunter2@db.example.org", Dialog: ask}, "address"},
		{"sends nothing", udpcheck.Config{Address: good, Dialog: steps{{Expect: "y"}}}, "dialog[0]"},
		{"expects nothing", udpcheck.Config{Address: good, Dialog: steps{{Send: "hunter2"}}}, "dialog"},
		{"expects nothing, but rejects", udpcheck.Config{Address: good, Dialog: steps{{Send: "x", Reject: []string{"y"}}}}, "dialog[0].reject dialog"},
		{"expects nothing, and something", udpcheck.Config{Address: good, Dialog: ask, ExpectNothing: true}, "dialog[0].expect"},
		{"TLS", udpcheck.Config{Address: good, Dialog: steps{{Send: "x", Expect: "y", StartTLS: true}}}, "dialog[0].starttls"},
		{"too long", udpcheck.Config{Address: good, Dialog: steps{{Send: strings.Repeat("x", 65508), Expect: "y"}}}, "dialog[0].send"},
		{"retries", udpcheck.Config{Address: good, Dialog: ask, Retries: new(11)}, "retries"},
		{"fewer retries", udpcheck.Config{Address: good, Dialog: ask, Retries: new(-1)}, "retries"},
		{"interval", udpcheck.Config{Address: good, Dialog: ask, RetryInterval: time.Millisecond}, "retry_interval"},
		{"negative interval", udpcheck.Config{Address: good, Dialog: ask, RetryInterval: -time.Second}, "retry_interval"},
		{"latency", udpcheck.Config{Address: good, Dialog: ask, MaxLatency: -1}, "max_latency"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			_, err := udpcheck.New(tc.config)
			assert.Equal(t, tc.fields, strings.Join(checktest.Mistakes(t, err, "hunter2"), " "), "%v", err)
		})
	}
}
