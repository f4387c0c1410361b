package config_test

import (
	"bufio"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
)

// TestStepsAreNoReferences: what a step has captured is not known while the configuration is read, with a reference
// beside it or without.
func TestStepsAreNoReferences(t *testing.T) {
	for send, want := range map[string]string{
		"${step.nonce}": "42", "${WHO}-${step.nonce}": "joe-42", "$${WHO}-${step.nonce}": "${WHO}-42",
	} {
		t.Run(send, func(t *testing.T) {
			address := serveTCP(t, func(conn net.Conn) {
				_, _ = io.WriteString(conn, "nonce 42\n")
				if line, err := bufio.NewReader(conn).ReadString('\n'); err == nil && line == want+"\n" {
					_, _ = io.WriteString(conn, "OK\n")
				}
			})
			text := "checks:\n- endpoint: a\n  tcp:\n    address: " + address + "\n    dialog:\n" +
				"    - expect: '^nonce (?P<nonce>.*)'\n    - {send: \"" + send + "\\n\", expect: '^OK$'}\n"
			lookup := func(name string) (string, bool) { return "joe", name == "WHO" }
			cfg, err := config.Parse("checks.yml", []byte(text), config.Options{Lookup: lookup})
			require.NoError(t, err)
			result := cfg.Checks[0].Checker.Check(t.Context())
			assert.False(t, result.Failed(), result.Details)
		})
	}
}
