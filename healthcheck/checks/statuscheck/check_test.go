package statuscheck_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/statuscheck"
)

func TestOK(t *testing.T) {
	for _, tc := range []struct {
		file string
		want map[string]float64
	}{
		{"agent-ok.json", map[string]float64{"status_components": 3, "central": 1, "traceability": 1, "watchmanager": 1}},
		{"one.json", map[string]float64{"status_components": 1, "central": 1}},
		{"indented.json", map[string]float64{"status_components": 1, "central": 1}},
	} {
		t.Run(tc.file, func(t *testing.T) {
			r := run(t, statuscheck.Config{URL: answer(t, http.StatusOK, document(t, tc.file))})
			checktest.RequireOK(t, r)
			assert.Equal(t, tc.want, values(r))
		})
	}
}

func TestFAIL(t *testing.T) {
	for _, code := range []int{http.StatusServiceUnavailable, http.StatusOK} {
		url := answer(t, code, document(t, "agent-fail.json"))
		r := run(t, statuscheck.Config{URL: url})
		assertFails(t, r, healthcheck.ReasonStatus, url+": the status is FAIL"+
			"; traceability: dial tcp 10.0.0.7:453: connect: connection refused"+
			"; watchmanager: stream closed retry in 30s – später")
		assert.Equal(t, map[string]float64{"status_components": 3, "central": 1, "traceability": 0, "watchmanager": 0}, values(r))
	}
	t.Run("before the first run", func(t *testing.T) {
		r := run(t, statuscheck.Config{URL: answer(t, http.StatusServiceUnavailable, document(t, "none.json"))})
		assertFails(t, r, healthcheck.ReasonStatus, ": the status is FAIL")
		assert.Equal(t, map[string]float64{"status_components": 0}, values(r))
	})
	t.Run("503 and a document that says OK", func(t *testing.T) {
		r := run(t, statuscheck.Config{URL: answer(t, http.StatusServiceUnavailable, document(t, "agent-ok.json"))})
		assertFails(t, r, healthcheck.ReasonStatus, "status 503, though the document says OK")
	})
}

func TestRealHandler(t *testing.T) {
	var registry healthcheck.Registry
	var fail atomic.Bool
	require.NoError(t, registry.Register(healthcheck.Check{Endpoint: "db", Func: func(context.Context) error {
		if fail.Load() {
			return assert.AnError
		}
		return nil
	}}))
	c := statuscheck.Config{URL: handle(t, healthcheck.StatusHandler(&registry, nil).ServeHTTP)}
	assertFails(t, run(t, c), healthcheck.ReasonStatus, "the status is FAIL; db")
	_, err := registry.Run(t.Context())
	require.NoError(t, err)
	checktest.RequireOK(t, run(t, c))
	fail.Store(true)
	_, err = registry.Run(t.Context())
	require.NoError(t, err)
	assertFails(t, run(t, c), healthcheck.ReasonStatus, "the status is FAIL; db: "+assert.AnError.Error())
}

// An exporter may have many checks, and all of them something to say.
func TestLargeExporter(t *testing.T) {
	var registry healthcheck.Registry
	for i := range 12_000 {
		require.NoError(t, registry.Register(healthcheck.Check{
			Endpoint: fmt.Sprintf("check-%06d", i), Name: "a check of an exporter with many of them",
			Func: func(context.Context) error { return nil },
		}))
	}
	_, err := registry.Run(t.Context())
	require.NoError(t, err)
	url := handle(t, healthcheck.StatusHandler(&registry, nil).ServeHTTP)
	for name, coding := range map[string][]string{"plain": nil, "gzip": {"gzip"}} {
		t.Run(name, func(t *testing.T) {
			r := run(t, statuscheck.Config{URL: url, AcceptEncoding: coding})
			checktest.RequireOK(t, r)
			assert.InDelta(t, 12_000, values(r)["status_components"], 0)
		})
	}
}

func TestContentCoding(t *testing.T) {
	url := handle(t, func(w http.ResponseWriter, req *http.Request) {
		coding := path.Base(req.URL.Path)
		w.Header().Set("Content-Encoding", coding)
		if coding == "zstd" {
			_, _ = io.WriteString(w, "(\xb5/\xfd")
			return
		}
		assert.Equal(t, "gzip", req.Header.Get("Accept-Encoding"))
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, document(t, "one.json"))
		_ = z.Close()
	})
	checktest.RequireOK(t, run(t, statuscheck.Config{URL: url + "/gzip", AcceptEncoding: []string{"gzip"}}))
	r := run(t, statuscheck.Config{URL: url + "/zstd", AcceptEncoding: []string{"gzip"}})
	assertFails(t, r, healthcheck.ReasonBody, `body has the content coding "zstd", which is not decoded`)
}

func TestComponents(t *testing.T) {
	ok, fail := answer(t, 200, document(t, "agent-ok.json")), answer(t, 503, document(t, "agent-fail.json"))
	for _, tc := range []struct {
		what       string
		url        string
		components statuscheck.Components
		reason     healthcheck.Reason
		details    string
		want       map[string]float64
	}{
		{
			"all that fail are ignored", fail, statuscheck.Components{Ignore: []string{"traceability", "watchmanager"}},
			healthcheck.ReasonNone, "", map[string]float64{"status_components": 1, "central": 1},
		},
		{
			"one that fails is ignored", fail, statuscheck.Components{Ignore: []string{"traceability"}},
			healthcheck.ReasonStatus, "the status is FAIL; watchmanager: ", map[string]float64{"status_components": 2, "central": 1, "watchmanager": 0},
		},
		{
			"one that is fine is ignored", fail, statuscheck.Components{Ignore: []string{"central"}},
			healthcheck.ReasonStatus, "the status is FAIL; traceability: ", map[string]float64{"status_components": 2, "traceability": 0, "watchmanager": 0},
		},
		{
			"ignored and fine", ok, statuscheck.Components{Ignore: []string{"central", "nosuch"}},
			healthcheck.ReasonNone, "", map[string]float64{"status_components": 2, "traceability": 1, "watchmanager": 1},
		},
		{
			"included and fine", fail, statuscheck.Components{Include: []string{"central"}},
			healthcheck.ReasonNone, "", map[string]float64{"status_components": 1, "central": 1},
		},
		{
			"included and failing", fail, statuscheck.Components{Include: []string{"central", "traceability"}},
			healthcheck.ReasonStatus, "a component is FAIL; traceability: dial", map[string]float64{"status_components": 2, "central": 1, "traceability": 0},
		},
		{
			"included and missing", ok, statuscheck.Components{Include: []string{"central", "nosuch"}},
			healthcheck.ReasonBody, "the status document has no component nosuch", map[string]float64{"status_components": 1, "central": 1},
		},
	} {
		t.Run(tc.what, func(t *testing.T) {
			r := run(t, statuscheck.Config{URL: tc.url, Components: tc.components})
			if tc.reason == healthcheck.ReasonNone {
				checktest.RequireOK(t, r)
			} else {
				assertFails(t, r, tc.reason, tc.details)
			}
			assert.Equal(t, tc.want, values(r))
		})
	}
}

func TestManyComponents(t *testing.T) {
	var b strings.Builder
	for i := range 2000 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"c%04d":{"status":{"result":"FAIL","details":"%s"}}`, i, strings.Repeat("\u00e9", 150))
	}
	r := run(t, statuscheck.Config{URL: answer(t, 503, `{"status":"FAIL","statusChecks":{`+b.String()+`}}`)})
	assertFails(t, r, healthcheck.ReasonStatus, "; and 1995 more")
	v := values(r)
	assert.InDelta(t, 2000, v["status_components"], 0)
	assert.Len(t, v, 901)
}

func TestUnwantedAnswers(t *testing.T) {
	for code, reason := range map[int]healthcheck.Reason{
		204: healthcheck.ReasonStatus, 404: healthcheck.ReasonStatus, 500: healthcheck.ReasonStatus,
		401: healthcheck.ReasonAuth, 403: healthcheck.ReasonAuth,
	} {
		r := run(t, statuscheck.Config{URL: answer(t, code, document(t, "agent-ok.json"))})
		assertFails(t, r, reason, fmt.Sprintf("status %d, want 200 or 503", code))
		assert.Empty(t, values(r))
	}
	for body, details := range map[string]string{
		"":                                "status 200, and the status document is empty",
		"<html>It works!</html>":          "is not JSON: invalid character '<'",
		`{"status":"UP"}`:                 "has no statusChecks",
		strings.Repeat(" ", 16<<20) + "x": "is longer than 16777216 bytes",
	} {
		assertFails(t, run(t, statuscheck.Config{URL: answer(t, 200, body)}), healthcheck.ReasonBody, details)
	}
	r := run(t, statuscheck.Config{URL: answer(t, 503, "no healthy upstream")})
	assertFails(t, r, healthcheck.ReasonBody, "status 503, and the status document is not JSON")
}

func TestRedirectIsNotFollowed(t *testing.T) {
	var followed atomic.Bool
	other := handle(t, func(http.ResponseWriter, *http.Request) { followed.Store(true) })
	url := handle(t, func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, other, http.StatusFound) })
	r := run(t, statuscheck.Config{URL: strings.Replace(url, "http://", "http://joe:hunter2@", 1)})
	assertFails(t, r, healthcheck.ReasonStatus, "status 302, want 200 or 503")
	assert.False(t, followed.Load())
}

func TestRefused(t *testing.T) {
	l, url := listen(t)
	require.NoError(t, l.Close())
	r := run(t, statuscheck.Config{URL: url})
	assertFails(t, r, healthcheck.ReasonConnect, url+": connect to "+strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/status")+": connection refused")
	assert.Equal(t, r.Details, run(t, statuscheck.Config{URL: url}).Details, "the same in each run")
}

func TestUnknownHost(t *testing.T) {
	const url = "http://a-.test/status" // refused by the resolver itself, without a query
	assertFails(t, run(t, statuscheck.Config{URL: url}), healthcheck.ReasonDNS, url+": lookup a-.test: no such host")
}

func TestBlackHole(t *testing.T) {
	_, silent := listen(t) // the system takes connections, nobody accepts them
	wait := func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)) }
	for _, tc := range []struct {
		what, url, details string
	}{
		{"no answer", silent, "wait for the answer of "},
		{"no handshake", strings.Replace(silent, "http", "https", 1), "TLS handshake with "},
		{"half a header", raw(t, func(conn net.Conn) {
			say("HTTP/1.1 200 OK\r\nContent-")(conn)
			wait(conn)
		}), "read the answer of "},
		{"half a body", raw(t, func(conn net.Conn) {
			say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")(conn)
			wait(conn)
		}), "read the answer of "},
	} {
		t.Run(tc.what, func(t *testing.T) {
			start := time.Now()
			r := runFor(t, statuscheck.Config{URL: tc.url}, checktest.Timeout)
			assertFails(t, r, healthcheck.ReasonTimeout, tc.details)
			assert.Regexp(t, `: timed out after \d[.\dms]+$`, r.Details)
			assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
		})
	}
	t.Run("canceled", func(t *testing.T) {
		chk, err := statuscheck.New(statuscheck.Config{URL: silent})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		start := time.Now()
		assertFails(t, chk.Check(ctx), healthcheck.ReasonTimeout, "canceled after")
		assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
	})
}

func TestSlowAnswerIsOK(t *testing.T) {
	body := document(t, "agent-ok.json")
	url := handle(t, func(w http.ResponseWriter, _ *http.Request) {
		for _, c := range []byte(body) {
			_, _ = w.Write([]byte{c})
			_ = http.NewResponseController(w).Flush()
		}
	})
	checktest.RequireOK(t, run(t, statuscheck.Config{URL: url}))
}

func TestBrokenAnswers(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, tc := range []struct {
		what    string
		speak   func(net.Conn)
		reason  healthcheck.Reason
		details string
	}{
		{"nothing", say(""), healthcheck.ReasonProtocol, ": the peer closed the connection"},
		{"cut in the header", say(ok + "Content-Le"), healthcheck.ReasonProtocol, ": the peer closed the connection"},
		{"cut in the body", say(ok + "Content-Length: 100\r\n\r\n{\"status\""), healthcheck.ReasonProtocol, ": the peer closed the connection"},
		{"cut between chunks", say(ok + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"), healthcheck.ReasonProtocol, ": the peer closed the connection"},
		{"bad chunk", say(ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"), healthcheck.ReasonProtocol, ": invalid byte in chunk length"},
		{"cut document", say(ok + "\r\n{\"status\":\"OK\""), healthcheck.ReasonBody, "is not JSON: unexpected end of JSON input"},
		{"not HTTP", say("220 mail.example.org ESMTP \x1b[31m" + strings.Repeat("x", 1000) + "\r\n"), healthcheck.ReasonProtocol, `: malformed HTTP`},
		{"garbage", say("\x00\xff\x00\xff\r\n\r\n"), healthcheck.ReasonProtocol, ": malformed HTTP"},
		{"endless line", repeat("HTTP/1.1 200 ", "xxxxxxxxxxxxxxxx"), healthcheck.ReasonProtocol, ": header is longer than 65536 bytes"},
		{"endless header", repeat(ok, "A: xxxxxxxxxxxx\r\n"), healthcheck.ReasonProtocol, ": header is longer than 65536 bytes"},
		{"endless informational answers", repeat("", "HTTP/1.1 103 Early Hints\r\n\r\n"), healthcheck.ReasonProtocol, ": header is longer than 65536 bytes"},
		{"endless body", repeat(ok+"\r\n", strings.Repeat(" ", 4096)), healthcheck.ReasonBody, "is longer than 16777216 bytes"},
		{"endless chunks", repeat(ok+"Transfer-Encoding: chunked\r\n\r\n", strings.Repeat("100\r\n"+strings.Repeat(" ", 256)+"\r\n", 16)), healthcheck.ReasonBody, "is longer than 16777216 bytes"},
		{"huge length", repeat(ok+"Content-Length: 9223372036854775807\r\n\r\n", strings.Repeat(" ", 4096)), healthcheck.ReasonBody, "is longer than 16777216 bytes"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			r := run(t, statuscheck.Config{URL: raw(t, tc.speak)})
			assertFails(t, r, tc.reason, tc.details)
			assert.NotContains(t, r.Details, "\x1b")
			assert.Less(t, len(r.Details), 400)
		})
	}
	t.Run("informational answers first", func(t *testing.T) {
		url := raw(t, say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"+ok+"\r\n"+document(t, "one.json")))
		checktest.RequireOK(t, run(t, statuscheck.Config{URL: url}))
	})
}

func TestRequest(t *testing.T) {
	requests := make(chan *http.Request, 1)
	url := handle(t, func(w http.ResponseWriter, req *http.Request) {
		requests <- req
		_, _ = w.Write([]byte(document(t, "one.json")))
	})
	checktest.RequireOK(t, run(t, statuscheck.Config{URL: url + "?a=b#c", Headers: map[string]string{"x-tenant": "7", "Host": "agent.example.org"}}))
	req := <-requests
	assert.Equal(t, "/status?a=b", req.RequestURI)
	assert.Equal(t, "agent.example.org", req.Host)
	assert.Equal(t, "7", req.Header.Get("X-Tenant"))
	assert.Equal(t, "application/json", req.Header.Get("Accept"))
	assert.Equal(t, "healthcheck_exporter", req.Header.Get("User-Agent"))
	assert.Empty(t, req.Header.Get("Authorization"))
}

func TestUnusualURLs(t *testing.T) {
	t.Run("IPv6", func(t *testing.T) {
		var config net.ListenConfig
		l, err := config.Listen(t.Context(), "tcp", "[::1]:0")
		require.NoError(t, err)
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(document(t, "one.json")))
		}))
		_ = s.Listener.Close()
		s.Listener = l
		s.Start()
		t.Cleanup(s.Close)
		checktest.RequireOK(t, run(t, statuscheck.Config{URL: s.URL + "/status"}))
	})
}
