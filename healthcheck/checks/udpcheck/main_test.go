package udpcheck_test

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/udpcheck"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func run(t *testing.T, c udpcheck.Config) healthcheck.Result {
	t.Helper()
	return runFor(t, c, time.Minute)
}

func runFor(t *testing.T, c udpcheck.Config, timeout time.Duration) healthcheck.Result {
	t.Helper()
	return checktest.Run(t, udpcheck.New, c, timeout)
}

// values returns what was measured, by name, the phases by their label.
func values(r healthcheck.Result) map[string]float64 { return checktest.Values(r, "phase") }

func assertFails(t *testing.T, r healthcheck.Result, reason healthcheck.Reason, details string) {
	t.Helper()
	checktest.AssertFails(t, r, reason, details, 500)
}

func listen(t testing.TB, host string) net.PacketConn {
	t.Helper()
	p, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", net.JoinHostPort(host, "0"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// serve answers each datagram with those that reply returns.
func serve(t testing.TB, reply func(query []byte) [][]byte) string {
	t.Helper()
	return checktest.ServeDatagrams(t, listen(t, "127.0.0.1"), reply)
}

// say answers each datagram with these.
func say(answers ...string) func([]byte) [][]byte {
	return func([]byte) (list [][]byte) {
		for _, a := range answers {
			list = append(list, []byte(a))
		}
		return list
	}
}

func echo(query []byte) [][]byte { return [][]byte{query} }

// closed returns an address where nobody listens: that of a client, so that nobody gets the port before the test ends.
// What comes from anybody else than its peer is refused.
func closed(t testing.TB, host string) string {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "udp", listen(t, host).LocalAddr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn.LocalAddr().String()
}
