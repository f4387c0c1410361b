package httpcheck_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/httpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

func TestMain(m *testing.M) {
	if os.Getenv(serverVariable) != "" {
		benchmarkServer()
		return
	}
	goleak.VerifyTestMain(m)
}

// check runs a check of c once.
func check(t *testing.T, c httpcheck.Config) healthcheck.Result {
	t.Helper()
	return checktest.RunChecker(t, newChecker(t, c), 5*time.Second)
}

func newChecker(t *testing.T, c httpcheck.Config) healthcheck.Checker {
	t.Helper()
	checker, err := httpcheck.New(c)
	require.NoError(t, err)
	t.Cleanup(func() { closeCheck(t, checker) })
	return checker
}

func closeCheck(t testing.TB, checker healthcheck.Checker) {
	t.Helper()
	closer, ok := checker.(io.Closer)
	require.True(t, ok)
	require.NoError(t, closer.Close())
}

func serve(t testing.TB, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// serveRaw gives each connection to handle, which may do what no HTTP server does, and returns the address.
func serveRaw(t *testing.T, handle func(conn net.Conn)) string {
	t.Helper()
	l := checktest.Listen(t, "127.0.0.1")
	checktest.Serve(t, l, handle)
	return l.Addr().String()
}

// answerRaw answers each connection's first request with the text as it is.
func answerRaw(t *testing.T, text string) string {
	t.Helper()
	return serveRaw(t, func(conn net.Conn) {
		readRequest(conn)
		_, _ = io.WriteString(conn, text)
	})
}

// readRequest reads a request without a body.
func readRequest(conn net.Conn) {
	buf := make([]byte, 4096)
	_, _ = conn.Read(buf)
}

// hold waits for the other side, or the end of the test, to close the connection.
func hold(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

func value(t *testing.T, res healthcheck.Result, measure, label string) float64 {
	t.Helper()
	v, ok := find(res, measure, label)
	require.True(t, ok, "no value %s{%s} in %v", measure, label, names(res))
	return v
}

func find(res healthcheck.Result, measure, label string) (float64, bool) {
	for _, v := range res.Values {
		if v.Measure.Name() == measure && v.Label == label {
			return v.Value, true
		}
	}
	return 0, false
}

func names(res healthcheck.Result) []string {
	var list []string
	for _, v := range res.Values {
		list = append(list, v.Measure.Name()+"{"+v.Label+"}")
	}
	return list
}
