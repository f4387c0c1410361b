package statuscheck_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/statuscheck"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run builds the check and runs it once with a deadline that none of the servers here needs.
func run(t *testing.T, c statuscheck.Config) healthcheck.Result {
	t.Helper()
	return runFor(t, c, time.Minute)
}

func runFor(t *testing.T, c statuscheck.Config, timeout time.Duration) healthcheck.Result {
	t.Helper()
	return checktest.Run(t, statuscheck.New, c, timeout)
}

// values returns what was measured: components by their endpoint, the rest by name.
func values(r healthcheck.Result) map[string]float64 { return checktest.Values(r, "component") }

func assertFails(t *testing.T, r healthcheck.Result, reason healthcheck.Reason, details string) {
	t.Helper()
	checktest.AssertFails(t, r, reason, details, 3000)
}

func document(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(b)
}

// answer serves every request with the status code and body.
func answer(t testing.TB, code int, body string) string {
	t.Helper()
	return handle(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	})
}

// handle starts an HTTP server and returns the URL of its document.
func handle(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL + "/status"
}

// listen returns a listener that is closed at the end of the test, and the URL of a document there.
func listen(t testing.TB) (net.Listener, string) {
	t.Helper()
	l := checktest.Listen(t, "127.0.0.1")
	return l, "http://" + l.Addr().String() + "/status"
}

// raw answers each connection with what speak writes, once the request has begun to come, and returns the URL.
func raw(t testing.TB, speak func(net.Conn)) string {
	t.Helper()
	l, url := listen(t)
	checktest.Serve(t, l, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 4096))
		speak(conn)
	})
	return url
}

// say returns what [raw] needs to write text and close the connection.
func say(text string) func(net.Conn) {
	return func(conn net.Conn) { _, _ = conn.Write([]byte(text)) }
}

// repeat returns what [raw] needs to write begin and then text until the peer has gone.
func repeat(begin, text string) func(net.Conn) {
	return func(conn net.Conn) {
		for out := begin; ; out = text {
			if _, err := conn.Write([]byte(out)); err != nil {
				return
			}
		}
	}
}
