package httpclient_test

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/httpclient"
)

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // what net/http has to say of odd servers
	goleak.VerifyTestMain(m)
}

// wires are the settings that choose one.
var wires = map[string]bool{"direct": false, "pooled": true}

func follow(int) bool { return true }

func newClient(t testing.TB, s httpclient.Settings) *httpclient.Client {
	t.Helper()
	var m field.Mistakes
	c := httpclient.New(s, &m)
	require.NoError(t, m.Err())
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// do makes a client and runs it once. The answer is released when the test ends.
func do(t testing.TB, s httpclient.Settings) (*httpclient.Answer, error) {
	t.Helper()
	return doFor(t, newClient(t, s), 5*time.Second)
}

func doFor(t testing.TB, c *httpclient.Client, timeout time.Duration) (*httpclient.Answer, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	a, err := c.Do(ctx)
	t.Cleanup(a.Release)
	return a, err
}

// serve starts a server and returns its URL.
func serve(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// serveRaw gives each connection to handle and returns the address.
func serveRaw(t testing.TB, handle func(net.Conn)) string {
	t.Helper()
	l := checktest.Listen(t, "127.0.0.1")
	checktest.Serve(t, l, handle)
	return l.Addr().String()
}

// hold waits for the other side, or the end of the test, to close the connection.
func hold(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
