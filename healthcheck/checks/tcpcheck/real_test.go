package tcpcheck_test

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tcpcheck"
)

// freeAddress returns an address that was free a moment ago.
func freeAddress(t *testing.T) (address, port string) {
	t.Helper()
	port = checktest.Port(t)
	return net.JoinHostPort("127.0.0.1", port), port
}

// awaitOK waits until a server that was started has become ready.
func awaitOK(t *testing.T, c tcpcheck.Config) {
	t.Helper()
	require.Eventually(t, func() bool { return !runFor(t, c, 5*time.Second).Failed() }, 30*time.Second, 20*time.Millisecond, "%s", c.Address)
}

func TestRedis(t *testing.T) {
	address, port := freeAddress(t)
	checktest.Start(t, "redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "", "--requirepass", "sesame-2026")
	reject := []string{"^-"}
	login := tcpcheck.Step{Send: "AUTH sesame-2026\r\n", Expect: `^\+OK$`, Reject: reject}
	awaitOK(t, tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{login}})
	checktest.RequireOK(t, run(t, tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{
		login,
		{Send: "CLIENT ID\r\n", Expect: `^:(?P<id>\d+)$`, Reject: reject},
		{Send: "CLIENT LIST ID ${step.id}\r\n", Expect: `^id=\d+ `, Reject: reject},
		{SendHex: "50494e47 0d0a", ExpectBytes: `\+PONG\r\n$`, Reject: []string{"-ERR"}},
		{SendBase64: "UElORw0K", ExpectHex: "2b 50 4f 4e 47 0d 0a"},
	}}))
	start := time.Now()
	r := run(t, tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Send: "AUTH hunter2\r\n", Expect: `^\+OK$`, Reject: reject}}})
	assertFails(t, r, healthcheck.ReasonBody, `"-WRONGPASS invalid `)
	assert.Less(t, time.Since(start), 30*time.Second, "it does not wait for the end of the run")
	r = run(t, tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Send: "PING\r\n", Expect: `^\+PONG$`, Reject: reject}}})
	assertFails(t, r, healthcheck.ReasonBody, `"-NOAUTH Authentication required." is rejected by "^-"`)
}

func TestMemcached(t *testing.T) {
	address, port := freeAddress(t)
	checktest.Start(t, "memcached", "memcached", "-l", "127.0.0.1", "-p", port, "-U", "0", "-u", "nobody")
	c := tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{
		{Send: "version\r\n", Expect: `^VERSION \d`, Reject: []string{"ERROR"}},
		{Send: "set probe 0 5 2\r\nok\r\n", Expect: "^STORED$", Reject: []string{"ERROR"}},
		{Send: "gets probe\r\n", Expect: `^VALUE probe 0 2 (?P<cas>\d+)$`, Reject: []string{"^END$", "ERROR"}},
		{Expect: "^END$"},
		{Send: "cas probe 0 5 2 ${step.cas}\r\nno\r\n", Expect: "^STORED$", Reject: []string{"^EXISTS$", "ERROR"}},
	}}
	awaitOK(t, c)
	checktest.RequireOK(t, run(t, c))
	r := run(t, tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Send: "nonsense\r\n", Expect: "^OK$", Reject: []string{"^ERROR$"}}}})
	assertFails(t, r, healthcheck.ReasonBody, `"ERROR" is rejected by "^ERROR$"`)
}
