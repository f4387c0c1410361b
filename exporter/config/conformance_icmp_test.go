package config_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/icmpcheck"
)

var conformICMP = conformer{
	// A host sends back nothing but what it got, which is no text of the configuration.
	echo: func(*testing.T) []func() any {
		return []func() any{func() any { return &icmpcheck.Config{Host: "127.0.0.1", Count: 1, MaxLoss: "0"} }}
	},
	open: []string{"host", "ip_protocol", "source_address", "max_loss"},
	named: func(host string) any {
		if inner, ok := strings.CutPrefix(host, "["); ok { // which only addresses with a port need
			if inner, ok := strings.CutSuffix(inner, "]"); ok {
				host = inner
			}
		}
		return &icmpcheck.Config{Host: host}
	},
	fine: func(t testing.TB) []any {
		needICMP(t)
		return []any{&icmpcheck.Config{Host: "127.0.0.1", Count: 1}, &icmpcheck.Config{Host: "::1", Count: 2, PacketInterval: 10 * time.Millisecond}}
	},
	runs: 2_000,
}

// needICMP skips a test where nobody but root may send echo requests.
func needICMP(t testing.TB) {
	t.Helper()
	checker, err := icmpcheck.New(icmpcheck.Config{Host: "127.0.0.1", Count: 1})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if r := checker.Check(ctx); strings.Contains(r.Details, "no right") && os.Getuid() != 0 {
		t.Skip(r.Details)
	}
}
