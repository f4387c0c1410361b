package httpsd_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/httpsd"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/internal/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const interval = 10 * time.Millisecond

// serve answers with what the handler does that was stored last.
func serve(t *testing.T, first http.HandlerFunc) (string, *atomic.Pointer[http.HandlerFunc]) {
	t.Helper()
	var handler atomic.Pointer[http.HandlerFunc]
	handler.Store(&first)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*handler.Load())(w, r) }))
	t.Cleanup(s.Close)
	return s.URL, &handler
}

func answer(contentType, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, text)
	}
}

const good = `[{"targets":["b:1","a:1"],"labels":{"zone":"x","__meta_rack":"7"}}]`

func TestAnswers(t *testing.T) {
	url, handler := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		assert.Equal(t, "u:p", user+":"+password)
		assert.Equal(t, "0.01", r.Header.Get("X-Prometheus-Refresh-Interval-Seconds"))
		assert.Equal(t, "application/json", r.Header.Get("Accept"))
		answer("application/json; charset=utf-8", good)(w, r)
	})
	c := httpsd.Config{URL: url, RefreshInterval: interval, HTTPClientConfig: config.DefaultHTTPClientConfig}
	c.HTTPClientConfig.BasicAuth = &config.BasicAuth{Username: "u", Password: "p"}
	r := sourcetest.Run(t, httpsd.New(c))
	r.UntilAddresses("a:1", "b:1")
	assert.Equal(t, map[string]string{"__address__": "a:1", "zone": "x", "__meta_rack": "7", "__meta_url": url}, r.Targets()[0].Map())
	r.UntilAnswers(3)
	assert.Equal(t, 1, r.Sets(), "an answer as before")
	empty := answer("application/json", "[]")
	handler.Store(&empty)
	r.UntilAddresses()
	assert.Empty(t, r.Failures())
}

// TestBrokenAnswersKeepTargets: none of them has the URL's secrets in its error.
func TestBrokenAnswersKeepTargets(t *testing.T) {
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"500":         {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, "the server answered 500"},
		"no content":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, "the server answered 204"},
		"page":        {answer("text/html", good), `the answer is "text/html"`},
		"charset":     {answer("application/json; charset=latin1", good), "latin1"},
		"no JSON":     {answer("application/json", "<html>"), "invalid character"},
		"half":        {answer("application/json", good[:20]), "unexpected EOF"},
		"nothing":     {answer("application/json", ""), "holds no list"},
		"null":        {answer("application/json", "null"), "holds no list"},
		"object":      {answer("application/json", "{}"), "cannot unmarshal"},
		"unknown key": {answer("application/json", `[{"targets":[],"x":1}]`), "unknown field"},
		"too large":   {answer("application/json", `["`+strings.Repeat("x", 33<<20)), "more than 32 MiB"},
		"cut":         {cut, "unexpected EOF"},
		"loop":        {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/?token=s3cret", http.StatusFound) }, "10 redirects"},
		"aborted":     {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/?token=s3cret", http.StatusFound)
		}, "connect"},
		"unauthorized": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, "the server answered 401"},
	} {
		t.Run(name, func(t *testing.T) {
			url, handler := serve(t, answer("application/json", good))
			r := sourcetest.Run(t, httpsd.New(httpsd.Config{URL: url + "/?token=s3cret", RefreshInterval: interval, HTTPClientConfig: config.DefaultHTTPClientConfig}))
			r.UntilAddresses("a:1", "b:1")
			handler.Store(&tc.handler)
			r.UntilFailure(tc.want)
			assert.NotContains(t, r.Failures()[0], "token=s3cret")
			assert.Len(t, r.Addresses(), 2)
			empty := answer("application/json", "[]")
			handler.Store(&empty)
			r.UntilAddresses()
		})
	}
}

// cut promises more than it sends.
func cut(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, "[]")
}

func TestNobodyThere(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	r := sourcetest.Run(t, httpsd.New(httpsd.Config{URL: s.URL, RefreshInterval: interval}))
	r.UntilFailure("connection refused")
	assert.Zero(t, r.Answers())
}

// TestEndsWithContext: though the server does not answer.
func TestEndsWithContext(t *testing.T) {
	asked, release := make(chan struct{}, 10), make(chan struct{})
	url, _ := serve(t, func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-release
	})
	r, stop := sourcetest.RunUntil(t, httpsd.New(httpsd.Config{URL: url, RefreshInterval: time.Hour}))
	<-asked
	stop()
	close(release)
	assert.Empty(t, r.Failures())
}

func TestValidate(t *testing.T) {
	for url, want := range map[string]string{
		"": "is missing", "ftp://x": "does not begin with", "http://": "has no host", "http://u:s3cret@%zz": "is no URL", "https://x/y": "",
	} {
		err := (&httpsd.Config{URL: url}).Validate()
		if want == "" {
			assert.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, "url: "+want)
		assert.NotContains(t, err.Error(), "s3cret")
	}
}
