package tcpcheck_test

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tcpcheck"
)

// serveDNS starts a DNS server that answers each query with what reply makes of it, and returns its address.
func serveDNS(t *testing.T, reply func(query []byte) []byte) string {
	t.Helper()
	var config net.ListenConfig
	p, err := config.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	return checktest.ServeDatagrams(t, p, func(query []byte) [][]byte {
		if answer := reply(query); answer != nil {
			return [][]byte{answer}
		}
		return nil
	})
}

// runWith runs the check with a resolver whose only server is the given one.
func runWith(t *testing.T, c tcpcheck.Config, server string, timeout time.Duration) healthcheck.Result {
	t.Helper()
	chk, err := tcpcheck.New(c)
	require.NoError(t, err)
	tcpcheck.UseResolver(chk, checktest.Resolver(t, server))
	return checktest.RunChecker(t, chk, timeout)
}
