package httpcheck_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/httpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

// drip writes text again and again, as slowly as it takes to never come to an end in time.
func drip(conn net.Conn, text string) {
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	for range pace.C {
		if _, err := io.WriteString(conn, text); err != nil {
			return
		}
	}
}

// flood writes text as fast as the other side reads, until that closes the connection.
func flood(conn net.Conn, text string) {
	text = strings.Repeat(text, 1000)
	for {
		if _, err := io.WriteString(conn, text); err != nil {
			return
		}
	}
}

// runHostile wants the run to fail for the reason, promptly, with a short deadline where that is to be the timeout.
func runHostile(t *testing.T, checker healthcheck.Checker, reason healthcheck.Reason) healthcheck.Result {
	t.Helper()
	timeout := 5 * time.Second
	if reason == healthcheck.ReasonTimeout {
		timeout = checktest.Timeout
	}
	start := time.Now()
	res := checktest.RunChecker(t, checker, timeout)
	assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
	assert.Equal(t, reason, res.Reason)
	return res
}

func TestHostilePeers(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	tests := []struct {
		name    string
		handle  func(conn net.Conn) // after the request was read
		body    []string
		reason  healthcheck.Reason
		details string // regular expression; PEER is the address
		phase   string // the last one measured
		status  bool   // a status code is measured
	}{
		{
			name: "never answers", handle: hold,
			reason: healthcheck.ReasonTimeout, details: `^wait for the answer of PEER: timed out after \d[.\dms]+$`, phase: "processing",
		},
		{
			name: "headers drip", handle: func(conn net.Conn) { _, _ = io.WriteString(conn, ok); drip(conn, "X-A: b\r\n") },
			reason: healthcheck.ReasonTimeout, details: `^read the answer of PEER: timed out after \d[.\dms]+$`, phase: "transfer",
		},
		{
			name: "body drips", handle: func(conn net.Conn) { _, _ = io.WriteString(conn, ok+"\r\n"); drip(conn, "x") },
			reason: healthcheck.ReasonTimeout, details: `^read the answer of PEER: timed out after \d[.\dms]+$`, phase: "transfer", status: true,
		},
		{
			name: "body stalls", handle: func(conn net.Conn) { _, _ = io.WriteString(conn, ok+"Content-Length: 10\r\n\r\nab"); hold(conn) },
			reason: healthcheck.ReasonTimeout, details: `^read the answer of PEER: timed out`, phase: "transfer", status: true,
		},
		{
			name: "chunks drip", handle: func(conn net.Conn) {
				_, _ = io.WriteString(conn, ok+"Transfer-Encoding: chunked\r\n\r\n")
				drip(conn, "1\r\nx\r\n")
			},
			reason: healthcheck.ReasonTimeout, details: `^read the answer of PEER: timed out`, phase: "transfer", status: true,
		},
		{
			name: "informational answers drip", handle: func(conn net.Conn) { drip(conn, "HTTP/1.1 103 Early Hints\r\n\r\n") },
			reason: healthcheck.ReasonTimeout, details: `^read the answer of PEER: timed out`, phase: "transfer",
		},
		{
			name: "closes at once", handle: func(net.Conn) {},
			reason: healthcheck.ReasonProtocol, details: `^wait for the answer of PEER: the peer closed the connection$`, phase: "processing",
		},
		{
			name: "resets", handle: func(conn net.Conn) { _ = conn.(*net.TCPConn).SetLinger(0) },
			reason: healthcheck.ReasonProtocol, details: `^wait for the answer of PEER: connection reset by peer$`, phase: "processing",
		},
		{
			name: "cut in the header", handle: func(conn net.Conn) { _, _ = io.WriteString(conn, ok+"Content-Le") },
			reason: healthcheck.ReasonProtocol, details: `^read the answer of PEER: the peer closed the connection$`, phase: "transfer",
		},
		{
			name: "cut in the body", handle: func(conn net.Conn) { _, _ = io.WriteString(conn, ok+"Content-Length: 10\r\n\r\nabc") },
			reason: healthcheck.ReasonProtocol, details: `^read the answer of PEER: the peer closed the connection$`, phase: "transfer", status: true,
		},
		{
			name: "wrong status, cut in the body", handle: func(conn net.Conn) {
				_, _ = io.WriteString(conn, "HTTP/1.1 500 Oops\r\nContent-Length: 10\r\n\r\nabc")
			},
			reason: healthcheck.ReasonStatus, details: `^status 500, want 2xx: abc$`, phase: "transfer", status: true,
		},
		{
			name: "garbage", handle: func(conn net.Conn) { _, _ = io.WriteString(conn, "SSH-2.0-\x00\xff\r\n") },
			reason: healthcheck.ReasonProtocol, details: `^read the answer of PEER: malformed HTTP response "SSH-2.0-`, phase: "transfer",
		},
		{
			name: "long garbage", handle: func(conn net.Conn) { _, _ = io.WriteString(conn, strings.Repeat("é", 30<<10)+"\n") },
			reason: healthcheck.ReasonProtocol, details: `^read the answer of PEER: malformed HTTP response "é{50,100}…$`, phase: "transfer",
		},
		{
			name: "garbage header", handle: func(conn net.Conn) { _, _ = io.WriteString(conn, ok+"no colon\r\n\r\n") },
			reason: healthcheck.ReasonProtocol, details: `^read the answer of PEER: malformed MIME header`, phase: "transfer",
		},
		{
			name: "garbage chunks", handle: func(conn net.Conn) {
				_, _ = io.WriteString(conn, ok+"Transfer-Encoding: chunked\r\n\r\nnot hex\r\n")
			},
			reason: healthcheck.ReasonProtocol, details: `^read the answer of PEER: `, phase: "transfer", status: true,
		},
		{
			name: "endless line", handle: func(conn net.Conn) { flood(conn, "x") },
			reason: healthcheck.ReasonProtocol, details: `^read the answer of PEER: header is longer than 65536 bytes$`, phase: "transfer",
		},
		{
			name: "endless headers", handle: func(conn net.Conn) { _, _ = io.WriteString(conn, ok); flood(conn, "X-A: b\r\n") },
			reason: healthcheck.ReasonProtocol, details: `^read the answer of PEER: header is longer than 65536 bytes$`, phase: "transfer",
		},
		{
			name: "endless informational answers", handle: func(conn net.Conn) { flood(conn, "HTTP/1.1 103 Early Hints\r\n\r\n") },
			reason: healthcheck.ReasonProtocol, details: `^read the answer of PEER: header is longer than 65536 bytes$`, phase: "transfer",
		},
		{
			name: "endless body", handle: func(conn net.Conn) { _, _ = io.WriteString(conn, ok+"\r\n"); flood(conn, "x") },
			details: `^body cut at 1048576 bytes$`, phase: "transfer", status: true,
		},
		{
			name: "endless body to match", handle: func(conn net.Conn) { _, _ = io.WriteString(conn, ok+"\r\n"); flood(conn, "x") }, body: []string{"y"},
			reason: healthcheck.ReasonBody, details: `^body does not match .y. \(body cut at 1048576 bytes\): x{200}…$`, phase: "transfer", status: true,
		},
		{
			name: "speaks TLS", handle: func(conn net.Conn) { _, _ = io.WriteString(conn, "\x15\x03\x01\x00\x02\x02\x46\n") },
			reason: healthcheck.ReasonProtocol, details: `^read the answer of PEER: the peer speaks TLS, the URL should begin with https$`, phase: "transfer",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			address := serveRaw(t, func(conn net.Conn) { readRequest(conn); tt.handle(conn) })
			checker := newChecker(t, httpcheck.Config{URL: "http://" + address, Expect: httpcheck.Expect{BodyMatches: tt.body}})
			res := runHostile(t, checker, tt.reason)
			assert.Regexp(t, strings.ReplaceAll(tt.details, "PEER", address), res.Details)
			value(t, res, "http_phase_duration_seconds", tt.phase)
			if tt.phase == "processing" {
				_, ok := find(res, "http_phase_duration_seconds", "transfer")
				assert.False(t, ok, "no answer was transferred")
			}
			_, ok := find(res, "http_status_code", "")
			assert.Equal(t, tt.status, ok)
		})
	}
}

// The wire through net/http keeps the same bounds.
func TestHostilePeersOfPooledConnections(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	tests := []struct {
		name    string
		handle  func(conn net.Conn)
		reason  healthcheck.Reason
		details string
	}{
		{"never answers", hold, healthcheck.ReasonTimeout, `^wait for the answer of PEER: timed out after \d[.\dms]+$`},
		{"headers drip", func(conn net.Conn) { _, _ = io.WriteString(conn, ok); drip(conn, "X-A: b\r\n") }, healthcheck.ReasonTimeout, `^read the answer of PEER: timed out`},
		{"body drips", func(conn net.Conn) { _, _ = io.WriteString(conn, ok+"\r\n"); drip(conn, "x") }, healthcheck.ReasonTimeout, `^read the answer of PEER: timed out`},
		{"closes at once", func(net.Conn) {}, healthcheck.ReasonProtocol, `^wait for the answer of PEER: the peer closed the connection$`},
		{"garbage", func(conn net.Conn) { _, _ = io.WriteString(conn, "SSH-2.0-\x00\xff\r\n") }, healthcheck.ReasonProtocol, `malformed HTTP response`},
		{"endless headers", func(conn net.Conn) { _, _ = io.WriteString(conn, ok); flood(conn, "X-A: b\r\n") }, healthcheck.ReasonProtocol, `^read the answer of PEER: `},
		{"endless body", func(conn net.Conn) { _, _ = io.WriteString(conn, ok+"\r\n"); flood(conn, "x") }, healthcheck.ReasonNone, `^body cut at 1048576 bytes$`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			address := serveRaw(t, func(conn net.Conn) { readRequest(conn); tt.handle(conn) })
			checker := newChecker(t, httpcheck.Config{URL: "http://" + address, EnableHTTP2: true})
			res := runHostile(t, checker, tt.reason)
			assert.Regexp(t, strings.ReplaceAll(tt.details, "PEER", address), res.Details)
		})
	}
}

func TestRefused(t *testing.T) {
	address := checktest.Closed(t)
	for name, config := range map[string]httpcheck.Config{
		"direct": {URL: "http://" + address},
		"pooled": {URL: "http://" + address, EnableHTTP2: true},
	} {
		t.Run(name, func(t *testing.T) {
			res := check(t, config)
			assert.Equal(t, healthcheck.ReasonConnect, res.Reason)
			assert.Equal(t, "connect to "+address+": connection refused", res.Details)
			value(t, res, "http_phase_duration_seconds", "connect")
			_, ok := find(res, "http_phase_duration_seconds", "processing")
			assert.False(t, ok)
		})
	}
}

// A server that answers and closes before it has read all of the request has answered all the same.
func TestEarlyAnswer(t *testing.T) {
	address := serveRaw(t, func(conn net.Conn) {
		readRequest(conn)
		_, _ = io.WriteString(conn, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		_ = conn.(*net.TCPConn).CloseWrite()
		hold(conn)
	})
	res := check(t, httpcheck.Config{URL: "http://" + address, Method: "POST", Body: strings.Repeat("x", 1<<20)})
	assert.Equal(t, "status 413, want 2xx", res.Details)
}

// A server that does not read a large request cannot hold the run beyond its deadline.
func TestRequestIsNotRead(t *testing.T) {
	address := serveRaw(t, func(conn net.Conn) { <-t.Context().Done() })
	checker := newChecker(t, httpcheck.Config{URL: "http://" + address, Method: "POST", Body: strings.Repeat("x", 8<<20)})
	start := time.Now()
	res := checktest.RunChecker(t, checker, checktest.Timeout)
	assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
	assert.Equal(t, healthcheck.ReasonTimeout, res.Reason)
}

func TestRedirects(t *testing.T) {
	other := serve(t, func(w http.ResponseWriter, req *http.Request) {
		for name := range req.Header {
			if name != "User-Agent" && name != "Connection" && name != "Accept" {
				w.Header().Add("X-Leaked", name)
			}
		}
		if req.URL.Path == "/host" && req.Host != req.Context().Value(http.LocalAddrContextKey).(net.Addr).String() {
			w.Header().Add("X-Leaked", "Host")
		}
		_, _ = io.WriteString(w, "other "+req.Method)
	})
	server := serve(t, func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/loop":
			http.Redirect(w, req, "/loop", http.StatusFound)
		case "/away":
			http.Redirect(w, req, other.URL+"/host", http.StatusFound)
		case "/away307":
			http.Redirect(w, req, other.URL+"/host", http.StatusTemporaryRedirect)
		case "/userinfo":
			http.Redirect(w, req, strings.Replace(other.URL, "//", "//thief:key@", 1), http.StatusFound)
		case "/here":
			http.Redirect(w, req, "/final?x=1#y", http.StatusMovedPermanently)
		case "/here307":
			http.Redirect(w, req, "/final", http.StatusTemporaryRedirect)
		case "/ftp":
			w.Header().Set("Location", "ftp://example.test/")
			w.WriteHeader(http.StatusFound)
		case "/broken":
			w.Header().Set("Location", "http://[::1/")
			w.WriteHeader(http.StatusFound)
		case "/nowhere":
			w.WriteHeader(http.StatusFound)
		case "/final":
			body, _ := io.ReadAll(req.Body)
			_, _ = io.WriteString(w, strings.Join([]string{req.Method, req.Host, req.Header.Get("X-Api-Key"), string(body)}, " "))
		}
	})
	no := false
	keyed := map[string]string{"X-Api-Key": "sesame", "Cookie": "a=b", "Authorization": "Bearer sesame", "Host": "example.test"}
	tests := []struct {
		path      string
		config    httpcheck.Config
		redirects float64
		reason    healthcheck.Reason
		details   string
	}{
		{path: "/loop", redirects: 10, reason: healthcheck.ReasonStatus, details: "status 302: redirected again after 10 redirects"},
		{path: "/here", redirects: 1, config: httpcheck.Config{Headers: keyed, Expect: httpcheck.Expect{BodyMatches: []string{"^GET example.test sesame $"}}}},
		{path: "/here", redirects: 1, config: httpcheck.Config{Method: "POST", Body: "data", Expect: httpcheck.Expect{BodyMatches: []string{"^GET 127.0.0.1:[0-9]+  $"}}}},
		{path: "/here307", redirects: 1, config: httpcheck.Config{Method: "POST", Body: "data", Expect: httpcheck.Expect{BodyMatches: []string{"^POST .*  data$"}}}},
		{path: "/here", config: httpcheck.Config{FollowRedirects: &no}, reason: healthcheck.ReasonStatus, details: `status 301, want 2xx: <a href="/final?x=1#y">Moved Permanently</a>.`},
		{path: "/here", config: expect(httpcheck.Expect{Status: []string{"301"}})},
		{path: "/away", redirects: 1, config: httpcheck.Config{Headers: keyed, Expect: httpcheck.Expect{BodyMatches: []string{"other GET"}}}},
		{path: "/userinfo", redirects: 1, config: httpcheck.Config{Headers: keyed, Expect: httpcheck.Expect{BodyMatches: []string{"other GET"}}}},
		{path: "/away307", redirects: 1, config: httpcheck.Config{Method: "POST", Body: "data"}, reason: healthcheck.ReasonProtocol,
			details: "redirected to " + strings.TrimPrefix(other.URL, "http://") + ": the body is not sent to another host"},
		{path: "/ftp", redirects: 1, reason: healthcheck.ReasonProtocol, details: "status 302: the location has not the scheme http or https"},
		{path: "/broken", redirects: 1, reason: healthcheck.ReasonProtocol, details: "status 302: the location is not a valid URL"},
		{path: "/nowhere", reason: healthcheck.ReasonStatus, details: "status 302, want 2xx"},
	}
	for _, tt := range tests {
		for wire, http2 := range map[string]bool{"direct": false, "pooled": true} {
			t.Run(wire+tt.path+" "+tt.config.Method, func(t *testing.T) {
				tt.config.URL, tt.config.EnableHTTP2 = server.URL+tt.path, http2
				res := check(t, tt.config)
				assert.Equal(t, tt.reason, res.Reason)
				assert.Equal(t, tt.details, res.Details)
				assert.InDelta(t, tt.redirects, value(t, res, "http_redirects", ""), 0)
			})
		}
	}
	t.Run("nothing leaks", func(t *testing.T) {
		for _, path := range []string{"/away", "/userinfo"} {
			res := check(t, httpcheck.Config{URL: server.URL + path, Headers: keyed, Expect: httpcheck.Expect{Headers: map[string]string{"X-Leaked": ""}}})
			assert.Equal(t, "header X-Leaked is missing", res.Details)
		}
	})
}
