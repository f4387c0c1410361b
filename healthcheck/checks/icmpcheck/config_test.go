package icmpcheck_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/icmpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

func TestNewReportsEveryMistake(t *testing.T) {
	const good = "127.0.0.1"
	for _, tc := range []struct {
		what   string
		config icmpcheck.Config
		fields string
	}{
		{"nothing", icmpcheck.Config{}, "host"},
		{"no host", icmpcheck.Config{Host: "joe:hunter2@example.org"}, "host"},
		{"a port", icmpcheck.Config{Host: "example.org:80"}, "host"},
		{"count", icmpcheck.Config{Host: good, Count: 101}, "count"},
		{"negative", icmpcheck.Config{Host: good, Count: -1}, "count"},
		{"interval", icmpcheck.Config{Host: good, PacketInterval: time.Millisecond}, "packet_interval"},
		{"timeout", icmpcheck.Config{Host: good, PacketTimeout: time.Hour}, "packet_timeout"},
		{"small", icmpcheck.Config{Host: good, Size: 15}, "size"},
		{"large", icmpcheck.Config{Host: good, Size: 65508}, "size"},
		{"protocol", icmpcheck.Config{Host: "example.org", IPProtocol: "4"}, "ip_protocol"},
		{"other family", icmpcheck.Config{Host: good, IPProtocol: "ip6"}, "host"},
		{"source", icmpcheck.Config{Host: good, SourceAddress: "eth0"}, "source_address"},
		{"source of the other family", icmpcheck.Config{Host: good, SourceAddress: "::1"}, "host"},
		{"source of another family", icmpcheck.Config{Host: "example.org", IPProtocol: "ip4", SourceAddress: "::1"}, "source_address"},
		{"loss", icmpcheck.Config{Host: good, MaxLoss: "many"}, "max_loss"},
		{"limits", icmpcheck.Config{Host: good, MaxRTT: -1, MaxWorstRTT: -1, MaxJitter: -1}, "max_rtt max_worst_rtt max_jitter"},
		{"jitter of one", icmpcheck.Config{Host: good, Count: 1, MaxJitter: 1}, "max_jitter"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			_, err := icmpcheck.New(tc.config)
			assert.Equal(t, tc.fields, strings.Join(checktest.Mistakes(t, err, "hunter2"), " "), "%v", err)
		})
	}
}

func TestTarget(t *testing.T) {
	for host, want := range map[string]string{"example.org": "example.org", "2001:DB8:0::1": "2001:db8::1", "joe:hunter2@x y": "x y"} {
		assert.Equal(t, want, icmpcheck.Config{Host: host}.Target())
	}
}
