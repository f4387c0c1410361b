package httpcheck_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/httpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

// What alone keeps a body from matching is told, though an excerpt does not show it.
func TestWhiteSpaceAtTheEnd(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, req *http.Request) { _, _ = io.WriteString(w, req.URL.Path[1:]) })
	for path, details := range map[string]string{
		"ok%0A":             "body does not match `^ok$`, because it ends in \"\\n\": ok",
		"ok%0D%0A":          "body does not match `^ok$`, because it ends in \"\\r\\n\": ok",
		"ok%20":             "body does not match `^ok$`, because it ends in \" \": ok",
		"ok%0Amore%0A":      "body does not match `^ok$`: ok more",
		"nothing%20of%20it": "body does not match `^ok$`: nothing of it",
	} {
		res := check(t, httpcheck.Config{URL: server.URL + "/" + path, Expect: httpcheck.Expect{BodyMatches: []string{"^ok$"}}})
		assert.Equal(t, healthcheck.ReasonBody, res.Reason)
		assert.Equal(t, details, res.Details)
	}
}

// A body in a coding that nobody asked for is looked at as what it is.
func TestCodedBody(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Encoding", req.URL.Path[1:])
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, "there is an error in it")
		_ = z.Close()
	})
	for wire, http2 := range map[string]bool{"direct": false, "pooled": true} {
		t.Run(wire, func(t *testing.T) {
			config := httpcheck.Config{URL: server.URL + "/gzip", EnableHTTP2: http2, Expect: httpcheck.Expect{BodyNotMatches: []string{"error"}}}
			res := check(t, config)
			assert.Equal(t, healthcheck.ReasonBody, res.Reason)
			assert.Equal(t, "body matches `error`, which it should not: there is an error in it", res.Details)
			assert.EqualValues(t, 23, value(t, res, "http_response_body_bytes", ""))

			config.URL = server.URL + "/compress"
			res = check(t, config)
			assert.Equal(t, healthcheck.ReasonBody, res.Reason)
			assert.Equal(t, `body has the content coding "compress", which is not decoded`, res.Details)

			config.Expect = httpcheck.Expect{}
			res = check(t, config)
			assert.False(t, res.Failed(), "nobody looks at the body: %s", res.Details)

			config.Expect.Status = []string{"404"}
			res = check(t, config)
			assert.Equal(t, "status 200, want 404", res.Details)
		})
	}
}

// A search that takes long ends with the run.
func TestSlowPattern(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("ab"), 2<<20)) })
	for name, expect := range map[string]httpcheck.Expect{
		"match":             {BodyMatches: []string{"[ab]c"}},
		"not match":         {BodyNotMatches: []string{"[ab]c"}},
		"not match, prefix": {BodyNotMatches: []string{"ab[ab]*?c"}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := &endingContext{Context: t.Context()}
			res := newChecker(t, httpcheck.Config{URL: server.URL, MaxBodyBytes: 64 << 20, Expect: expect}).Check(ctx)
			assert.Equal(t, healthcheck.ReasonTimeout, res.Reason, res.Details)
			assert.Contains(t, res.Details, "out of time while the body was searched for `")
			assert.LessOrEqual(t, ctx.calls.Load(), int32(endsAfter+2))
		})
	}
}

// endingContext is over when it was asked for the end a number of times.
type endingContext struct {
	context.Context
	calls atomic.Int32
}

const endsAfter = 30 // more than all but the search asks

func (c *endingContext) Err() error {
	if c.calls.Add(1) < endsAfter {
		return nil
	}
	return context.DeadlineExceeded
}

// On a large body, patterns mean what they mean on a small one.
func TestPatternsOnLargeBodies(t *testing.T) {
	text := "begin " + strings.Repeat("x", 260<<10) + " mïddle\xff " + strings.Repeat("y", 300) + " end\n"
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
	for pattern, matches := range map[string]bool{
		"^begin": true, "^egin": false, "begin$": false, "end$": false, "end\n$": true, "end\\s*$": true, "(?m)end$": true, "^begin$": false,
		"mïddle": true, "mïddl.\\W": true, "\\bend\\b": true, "\\bnd\\b": false, "middle": false, "x{3} m": true, "": true, "(?i)END": true, "y end$|q": false,
	} {
		res := check(t, httpcheck.Config{URL: server.URL, Expect: httpcheck.Expect{BodyMatches: []string{pattern}}})
		require.Equal(t, matches, !res.Failed(), pattern)
		res = check(t, httpcheck.Config{URL: server.URL, Expect: httpcheck.Expect{BodyNotMatches: []string{pattern}}})
		require.Equal(t, matches, res.Failed(), pattern)
	}
}

// The reason, the values and the text are those of the hop that failed.
func TestRedirectThatFails(t *testing.T) {
	refused := checktest.Closed(t)
	server := serve(t, func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, "http://"+refused, http.StatusMovedPermanently)
	})
	for wire, http2 := range map[string]bool{"direct": false, "pooled": true} {
		t.Run(wire, func(t *testing.T) {
			res := check(t, httpcheck.Config{URL: server.URL, EnableHTTP2: http2})
			assert.Equal(t, healthcheck.ReasonConnect, res.Reason)
			assert.Equal(t, "connect to "+refused+": connection refused", res.Details)
			assert.Equal(t, []string{"http_phase_duration_seconds{resolve}", "http_phase_duration_seconds{connect}", "http_redirects{}"}, names(res))
			assert.EqualValues(t, 1, value(t, res, "http_redirects", ""))
		})
	}
}
