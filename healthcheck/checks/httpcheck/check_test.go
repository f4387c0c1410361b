package httpcheck_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/httpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

func TestExpectations(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("X-Version", "1.2.3")
		switch req.URL.Path {
		case "/down":
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, "no\n\tdatabase \x00\x1b[31m")
		case "/login":
			w.WriteHeader(http.StatusUnauthorized)
		case "/empty":
			w.WriteHeader(http.StatusNoContent)
		default:
			_, _ = io.WriteString(w, `{"status":"UP"}`)
		}
	})
	no := false
	tests := []struct {
		name    string
		path    string
		config  httpcheck.Config
		reason  healthcheck.Reason
		details string
	}{
		{name: "defaults"},
		{name: "no content", path: "/empty"},
		{name: "status", path: "/down", reason: healthcheck.ReasonStatus, details: "status 503, want 2xx: no database ??[31m"},
		{name: "status given", path: "/down", config: expect(httpcheck.Expect{Status: []string{"200", "500-599"}})},
		{name: "status not given", config: expect(httpcheck.Expect{Status: []string{"204", "3xx"}}), reason: healthcheck.ReasonStatus, details: `status 200, want 204 or 3xx: {"status":"UP"}`},
		{name: "credentials wanted", path: "/login", reason: healthcheck.ReasonAuth, details: "status 401, want 2xx"},
		{name: "401 is good", path: "/login", config: expect(httpcheck.Expect{Status: []string{"401"}})},
		{name: "body", config: expect(httpcheck.Expect{BodyMatches: []string{"UP", "^{"}})},
		{name: "body differs", config: expect(httpcheck.Expect{BodyMatches: []string{"UP", "DOWN"}}), reason: healthcheck.ReasonBody, details: "body does not match `DOWN`: {\"status\":\"UP\"}"},
		{name: "body not", config: expect(httpcheck.Expect{BodyNotMatches: []string{"DOWN"}})},
		{name: "body unwanted", config: expect(httpcheck.Expect{BodyNotMatches: []string{"UP"}}), reason: healthcheck.ReasonBody, details: "body matches `UP`, which it should not: {\"status\":\"UP\"}"},
		{name: "header", config: expect(httpcheck.Expect{Headers: map[string]string{"x-version": `^1\.`}})},
		{name: "header differs", config: expect(httpcheck.Expect{Headers: map[string]string{"X-Version": `^2\.`}}), reason: healthcheck.ReasonBody, details: "header X-Version is \"1.2.3\", which does not match `^2\\.`"},
		{name: "header missing", config: expect(httpcheck.Expect{Headers: map[string]string{"X-Other": ""}}), reason: healthcheck.ReasonBody, details: `header X-Other is missing`},
		{name: "fast enough", config: expect(httpcheck.Expect{MaxLatency: time.Minute})},
		{name: "HEAD", config: httpcheck.Config{Method: "head"}},
		{name: "no redirects", config: httpcheck.Config{FollowRedirects: &no}},
		{name: "ip4", config: httpcheck.Config{IPProtocol: "ip4"}},
		{name: "HTTP/2 is no use", config: httpcheck.Config{EnableHTTP2: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.URL = server.URL + tt.path
			res := check(t, tt.config)
			assert.Equal(t, tt.reason, res.Reason)
			assert.Equal(t, tt.details, res.Details)
			assert.Equal(t, tt.reason != healthcheck.ReasonNone, res.Failed())
		})
	}
}

func expect(e httpcheck.Expect) httpcheck.Config { return httpcheck.Config{Expect: e} }

func TestTooSlow(t *testing.T) {
	server := serve(t, func(http.ResponseWriter, *http.Request) {})
	res := check(t, httpcheck.Config{URL: server.URL, Expect: httpcheck.Expect{MaxLatency: 1}})
	assert.Equal(t, healthcheck.ReasonLatency, res.Reason)
	assert.Regexp(t, `^took .*s, want at most 1ns$`, res.Details)
}

func TestValues(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "short and stout")
	})
	for name, config := range map[string]httpcheck.Config{
		"direct": {URL: server.URL},
		"pooled": {URL: server.URL, EnableHTTP2: true},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			res := check(t, config)
			took := time.Since(start).Seconds()
			require.Equal(t, healthcheck.ReasonStatus, res.Reason)
			assert.EqualValues(t, 418, value(t, res, "http_status_code", ""))
			assert.EqualValues(t, 15, value(t, res, "http_response_body_bytes", ""))
			assert.EqualValues(t, 0, value(t, res, "http_redirects", ""))
			sum := 0.0
			for _, phase := range []string{"resolve", "connect", "processing", "transfer"} {
				sum += value(t, res, "http_phase_duration_seconds", phase)
			}
			assert.Positive(t, value(t, res, "http_phase_duration_seconds", "connect"))
			assert.Positive(t, value(t, res, "http_phase_duration_seconds", "processing"))
			assert.LessOrEqual(t, sum, took)
			_, ok := find(res, "http_phase_duration_seconds", "tls")
			assert.False(t, ok, "there was no TLS")
		})
	}
}

func TestRequest(t *testing.T) {
	requests := make(chan *http.Request, 1)
	server := serve(t, func(_ http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		req.Body = io.NopCloser(strings.NewReader(string(body)))
		requests <- req
	})
	res := check(t, httpcheck.Config{URL: server.URL + "/a?b=c#d"})
	require.False(t, res.Failed(), res.Details)
	req := <-requests
	assert.Equal(t, http.MethodGet, req.Method)
	assert.Equal(t, "/a?b=c", req.RequestURI)
	assert.Equal(t, http.Header{"User-Agent": {"healthcheck_exporter"}, "Connection": {"close"}}, req.Header)

	res = check(t, httpcheck.Config{
		URL: server.URL, Method: "post", Body: "ping",
		Headers: map[string]string{"host": "example.test", "user-agent": "me", "x-trace": "1", "Content-Type": "text/plain"},
	})
	require.False(t, res.Failed(), res.Details)
	req = <-requests
	body, err := io.ReadAll(req.Body)
	require.NoError(t, err)
	assert.Equal(t, "ping", string(body))
	assert.Equal(t, http.MethodPost, req.Method)
	assert.Equal(t, "example.test", req.Host)
	assert.Equal(t, "me", req.UserAgent())
	assert.Equal(t, "1", req.Header.Get("X-Trace"))
	assert.Equal(t, "text/plain", req.Header.Get("Content-Type"))
	assert.EqualValues(t, 4, req.ContentLength)
}

func TestIPv6(t *testing.T) {
	ln, err := net.Listen("tcp6", "[::1]:0")
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		assert.Equal(t, ln.Addr().String(), req.Host)
	}))
	require.NoError(t, server.Listener.Close())
	server.Listener = ln
	server.Start()
	defer server.Close()
	res := check(t, httpcheck.Config{URL: server.URL})
	assert.False(t, res.Failed(), res.Details)
	res = check(t, httpcheck.Config{URL: server.URL, IPProtocol: "ip4"})
	assert.Equal(t, healthcheck.ReasonConnect, res.Reason, res.Details)
}

func TestNameIsResolved(t *testing.T) {
	server := serve(t, func(http.ResponseWriter, *http.Request) {})
	url := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	for name, config := range map[string]httpcheck.Config{
		"direct": {URL: url},
		"pooled": {URL: url, EnableHTTP2: true},
	} {
		t.Run(name, func(t *testing.T) {
			res := check(t, config)
			require.False(t, res.Failed(), res.Details)
			assert.Positive(t, value(t, res, "http_phase_duration_seconds", "resolve"))
		})
	}
}

func TestNameIsNotResolved(t *testing.T) {
	const url = "http://a-.test/" // refused by the resolver itself, without a question to the network
	for name, config := range map[string]httpcheck.Config{
		"direct": {URL: url},
		"pooled": {URL: url, EnableHTTP2: true},
	} {
		t.Run(name, func(t *testing.T) {
			res := check(t, config)
			assert.Equal(t, healthcheck.ReasonDNS, res.Reason, res.Details)
			assert.Equal(t, "lookup a-.test: no such host", res.Details)
		})
	}
}

func TestKeptConnection(t *testing.T) {
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/moved" {
			http.Redirect(w, req, "/", http.StatusFound)
		}
		_, _ = io.WriteString(w, "UP")
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()

	for name, config := range map[string]httpcheck.Config{
		"direct":   {URL: server.URL, KeepAlive: true},
		"pooled":   {URL: server.URL, KeepAlive: true, EnableHTTP2: true},
		"redirect": {URL: server.URL + "/moved", KeepAlive: true},
		"PUT":      {URL: server.URL, KeepAlive: true, Method: "PUT", Body: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			connections.Store(0)
			checker := newChecker(t, config)
			for range 5 {
				res := checktest.RunChecker(t, checker, 5*time.Second)
				require.False(t, res.Failed(), res.Details)
			}
			assert.EqualValues(t, 1, connections.Load())

			server.CloseClientConnections()
			res := checktest.RunChecker(t, checker, 5*time.Second)
			require.False(t, res.Failed(), "a lost connection is replaced: %s", res.Details)
			assert.EqualValues(t, 2, connections.Load())

			closeCheck(t, checker)
			res = checktest.RunChecker(t, checker, 5*time.Second)
			require.False(t, res.Failed(), res.Details)
			assert.Greater(t, connections.Load(), int32(2), "a closed check keeps nothing")
			connections.Store(0)
			require.False(t, checktest.RunChecker(t, checker, 5*time.Second).Failed())
			assert.Positive(t, connections.Load())
		})
	}

	t.Run("off", func(t *testing.T) {
		connections.Store(0)
		checker := newChecker(t, httpcheck.Config{URL: server.URL})
		for range 3 {
			require.False(t, checktest.RunChecker(t, checker, 5*time.Second).Failed())
		}
		assert.EqualValues(t, 3, connections.Load())
	})
}

// Some servers say goodbye to an idle connection with a 408, which answers nothing.
func TestKeptConnectionEndsWith408(t *testing.T) {
	var connections atomic.Int32
	address := serveRaw(t, func(conn net.Conn) {
		connections.Add(1)
		readRequest(conn)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		readRequest(conn)
		_, _ = io.WriteString(conn, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	})
	checker := newChecker(t, httpcheck.Config{URL: "http://" + address, KeepAlive: true})
	for range 2 {
		res := checktest.RunChecker(t, checker, 5*time.Second)
		require.False(t, res.Failed(), res.Details)
	}
	assert.EqualValues(t, 2, connections.Load())
}

func TestBodyLimit(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, req *http.Request) {
		size := 100 << 10
		_, _ = fmt.Sscanf(req.URL.RawQuery, "%d", &size)
		_, _ = io.WriteString(w, strings.Repeat("a", size-3)+"END")
	})
	tests := []struct {
		name    string
		size    int
		config  httpcheck.Config
		bytes   float64
		reason  healthcheck.Reason
		details string
	}{
		{name: "within", size: 100 << 10, config: httpcheck.Config{Expect: httpcheck.Expect{BodyMatches: []string{"END$"}}}, bytes: 100 << 10},
		{name: "exact", size: 1000, config: httpcheck.Config{MaxBodyBytes: 1000, Expect: httpcheck.Expect{BodyMatches: []string{"END$"}}}, bytes: 1000},
		{name: "one over", size: 1001, config: httpcheck.Config{MaxBodyBytes: 1000, Expect: httpcheck.Expect{BodyMatches: []string{"EN$"}}}, bytes: 1000, details: "body cut at 1000 bytes"},
		{name: "beyond default", size: 2 << 20, config: httpcheck.Config{Expect: httpcheck.Expect{BodyMatches: []string{"END"}}}, bytes: 1 << 20,
			reason: healthcheck.ReasonBody, details: "body does not match `END` (body cut at 1048576 bytes): " + strings.Repeat("a", 200) + "…"},
		{name: "not matched", size: 100 << 10, bytes: 100 << 10},
		{name: "not matched, beyond", size: 2 << 20, bytes: 1 << 20, details: "body cut at 1048576 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.URL = fmt.Sprintf("%s/?%d", server.URL, tt.size)
			res := check(t, tt.config)
			assert.Equal(t, tt.reason, res.Reason)
			assert.Equal(t, tt.details, res.Details)
			assert.InDelta(t, tt.bytes, value(t, res, "http_response_body_bytes", ""), 0)
		})
	}
}

func TestCanceled(t *testing.T) {
	arrived := make(chan struct{})
	address := serveRaw(t, func(conn net.Conn) { close(arrived); hold(conn) })
	checker := newChecker(t, httpcheck.Config{URL: "http://" + address})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan healthcheck.Result)
	go func() { done <- checker.Check(ctx) }()
	<-arrived
	cancel()
	res := <-done
	assert.True(t, res.Failed())
	assert.Regexp(t, "canceled after", res.Details)
}

func TestProxyOfTheEnvironmentIsIgnored(t *testing.T) {
	server := serve(t, func(http.ResponseWriter, *http.Request) {})
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	for name, config := range map[string]httpcheck.Config{
		"direct": {URL: server.URL, Headers: map[string]string{"Host": "example.test"}},
		"pooled": {URL: server.URL, EnableHTTP2: true},
	} {
		t.Run(name, func(t *testing.T) {
			res := check(t, config)
			assert.False(t, res.Failed(), res.Details)
		})
	}
}
