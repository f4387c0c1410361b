package exporter_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
)

const (
	textPlain = "text/plain; charset=utf-8"
	jsonType  = "application/json; charset=utf-8"
)

func TestRoutes(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	s.answer("shaky", http.StatusInternalServerError)
	f := newConfigFile(t, "name: payments\nversion: 1.4.2\nchecks:\n"+s.check("central", "name: Central <main>")+s.check("shaky", "optional: true"))
	r := start(t, f.path)
	eventually(t, r.ready)
	const shaky = `{"result":"FAIL","details":"status 500, want 2xx"}`
	for _, c := range []struct {
		path        string
		code        int
		contentType string
		body        string // exactly, or a part of it after "…"
	}{
		{"/metrics", 200, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores", "…healthcheck_overall_status 1\n"},
		{"/metrics?name[]=healthcheck_overall_status", 200, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores", "…healthcheck_overall_status 1\n"},
		{"/status", 200, jsonType, `{"name":"payments","version":"1.4.2","status":"OK","statusChecks":{` +
			`"central":{"name":"Central \u003cmain\u003e","endpoint":"central","status":{"result":"OK"}},` +
			`"shaky":{"name":"shaky","endpoint":"shaky","status":` + shaky + `}}}`},
		{"/status/central", 200, jsonType, `{"result":"OK"}`},
		{"/status/shaky", 503, jsonType, shaky},
		{"/", 200, "text/html; charset=utf-8", "…Central &lt;main&gt;"},
		{"/?state=fail", 200, "text/html; charset=utf-8", "…shaky"},
		{"/-/healthy", 200, textPlain, "healthcheck_exporter is healthy.\n"},
		{"/-/ready", 200, textPlain, "healthcheck_exporter is ready.\n"},

		{"/status/unknown", 404, textPlain, "404 page not found\n"},
		{"/status/", 404, textPlain, "404 page not found\n"},
		{"/status/central/", 404, textPlain, "404 page not found\n"},
		{"/status/central/more", 404, textPlain, "404 page not found\n"},
		{"/status/..", 404, textPlain, "404 page not found\n"},
		{"//status", 404, textPlain, "404 page not found\n"},
		{"/metrics/", 404, textPlain, "404 page not found\n"},
		{"/Metrics", 404, textPlain, "404 page not found\n"},
		{"/-/healthy/", 404, textPlain, "404 page not found\n"},
		{"/-/reload", 404, textPlain, "404 page not found\n"},
		{"/debug/pprof/", 404, textPlain, "404 page not found\n"},
		{"/debug/pprof/heap", 404, textPlain, "404 page not found\n"},
		{"/favicon.ico", 404, textPlain, "404 page not found\n"},
		{"/index.html", 404, textPlain, "404 page not found\n"},
		{"/status/" + strings.Repeat("x", 8000), 404, textPlain, "404 page not found\n"},
	} {
		t.Run(c.path[:min(len(c.path), 60)], func(t *testing.T) {
			got := r.get(t, c.path)
			assert.Equal(t, c.code, got.Code)
			assert.Equal(t, c.contentType, got.Header.Get("Content-Type"))
			if part, ok := strings.CutPrefix(c.body, "…"); ok {
				assert.Contains(t, got.Body, part)
			} else {
				assert.Equal(t, c.body, got.Body)
			}
			head := r.do(t, http.MethodHead, r.URL+c.path)
			assert.Equal(t, c.code, head.Code, "HEAD")
			assert.Equal(t, c.contentType, head.Header.Get("Content-Type"), "HEAD")
			assert.Empty(t, head.Body, "HEAD")
		})
	}
}

func TestWrongMethods(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	r := start(t, newConfigFile(t, "checks:\n"+s.check("central")).path, enableLifecycle)
	for path, allowed := range map[string][]string{
		"/":               {"GET", "HEAD"},
		"/metrics":        {"GET", "HEAD"},
		"/status":         {"GET", "HEAD"},
		"/status/central": {"GET", "HEAD"},
		"/-/healthy":      {"GET", "HEAD"},
		"/-/ready":        {"GET", "HEAD"},
		"/-/reload":       {"POST", "PUT"},
	} {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			got := r.do(t, method, r.URL+path)
			if strings.Contains(strings.Join(allowed, " "), method) {
				assert.NotEqual(t, http.StatusMethodNotAllowed, got.Code, "%s %s", method, path)
				continue
			}
			assert.Equal(t, http.StatusMethodNotAllowed, got.Code, "%s %s", method, path)
			assert.ElementsMatch(t, allowed, got.Header.Values("Allow"), "%s %s", method, path)
		}
	}
	assert.Equal(t, http.StatusNotFound, r.do(t, http.MethodPost, r.URL+"/nowhere").Code)
}

func TestReadyWhenEveryCheckHasRun(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	s.hang("slow")
	r := start(t, newConfigFile(t, "name: x\nchecks:\n"+s.check("fast")+s.check("slow")).path)
	eventually(t, func() bool { return r.has(`healthcheck_status{check="fast"}`, 1) && s.count("slow") == 1 })

	got := r.get(t, "/-/ready")
	assert.Equal(t, http.StatusServiceUnavailable, got.Code)
	assert.Contains(t, got.Body, "not ready")
	assert.Equal(t, http.StatusOK, r.get(t, "/-/healthy").Code, "healthy before it is ready")
	got = r.get(t, "/status")
	assert.Equal(t, http.StatusServiceUnavailable, got.Code)
	assert.Contains(t, got.Body, `"slow":{"name":"slow","endpoint":"slow","status":{"result":"FAIL","details":"not run yet"}}`)
	assert.Equal(t, http.StatusServiceUnavailable, r.get(t, "/status/slow").Code)
	assert.Equal(t, http.StatusOK, r.get(t, "/status/fast").Code)
	_, there := r.metric(t, `healthcheck_status{check="slow"}`)
	assert.False(t, there, "no state before the first run")
	v, _ := r.metric(t, `healthcheck_checks{status="unknown"}`)
	assert.EqualValues(t, 1, v)

	s.release("slow")
	eventually(t, r.ready)
	assert.Equal(t, http.StatusOK, r.get(t, "/status").Code)
}

func TestWithoutChecks(t *testing.T) {
	t.Parallel()
	r := start(t, newConfigFile(t, "name: none\nchecks: []\n").path)
	eventually(t, r.ready, "there is nothing to wait for")
	got := r.get(t, "/status")
	assert.Equal(t, http.StatusOK, got.Code)
	assert.Equal(t, `{"name":"none","status":"OK","statusChecks":{}}`, got.Body)
	assert.Equal(t, http.StatusOK, r.get(t, "/").Code)
}

func TestTelemetryPath(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	r := start(t, newConfigFile(t, "checks:\n"+s.check("central")).path, func(o *exporter.Options) { o.TelemetryPath = "/probe/metrics.txt" })
	assert.Equal(t, http.StatusOK, r.get(t, "/probe/metrics.txt").Code)
	assert.Equal(t, http.StatusNotFound, r.get(t, "/metrics").Code)
	assert.Contains(t, r.get(t, "/").Body, "probe/metrics.txt", "the page links to it")
}

func TestOptionsAreValidated(t *testing.T) {
	t.Parallel()
	path := newConfigFile(t, "checks: []\n").path
	for _, p := range []string{
		"", "metrics", "/", "/status", "/status/x", "/status/", "/-/healthy", "/-/ready", "/-/reload", "/debug/pprof", "/debug/pprof/heap",
		"/{x}", "/metrics/*", "/me trics", "/metrics?x=1", "/metrics#x", "/m%20", "/../metrics", "//metrics", "/a//b", "/métriques", "/a\nb",
	} {
		o := options(path, &logBuffer{})
		o.TelemetryPath = p
		_, err := exporter.New(t.Context(), o)
		assert.ErrorContains(t, err, "telemetry path", "%q", p)
	}
	for _, p := range []string{"/m", "/metrics/", "/a/b-c_d.e~f", "/statusmetrics", "/-/metrics"} {
		o := options(path, &logBuffer{})
		o.TelemetryPath = p
		e, err := exporter.New(t.Context(), o)
		require.NoError(t, err, p)
		runAndStop(t, e)
	}

	o := options(path, &logBuffer{})
	o.TelemetryPath, o.Concurrency, o.WatchInterval, o.ListenAddresses = "x", 0, -1, nil
	_, err := exporter.New(t.Context(), o)
	for _, part := range []string{"telemetry path", "concurrency 0", "watch interval -1ns", "no address"} {
		assert.ErrorContains(t, err, part, "every mistake is told")
	}
}

func TestPprof(t *testing.T) {
	t.Parallel()
	r := start(t, newConfigFile(t, "checks: []\n").path, func(o *exporter.Options) { o.EnablePprof = true })
	for path, part := range map[string]string{
		"/debug/pprof/":                  "goroutine",
		"/debug/pprof/goroutine?debug=1": "goroutine profile",
		"/debug/pprof/heap?debug=1":      "heap profile",
		"/debug/pprof/cmdline":           "",
		"/debug/pprof/symbol":            "num_symbols",
	} {
		got := r.get(t, path)
		assert.Equal(t, http.StatusOK, got.Code, path)
		assert.Contains(t, got.Body, part, path)
	}
	got := r.get(t, "/debug/pprof")
	assert.Equal(t, http.StatusMovedPermanently, got.Code)
	assert.Equal(t, "/debug/pprof/", got.Header.Get("Location"))
	assert.Equal(t, http.StatusNotFound, r.get(t, "/debug/pprof/nonsense").Code)
	assert.Contains(t, r.get(t, "/").Body, "debug/pprof", "the page links to it")
}

func TestReloadRouteOnlyWithLifecycle(t *testing.T) {
	t.Parallel()
	f := newConfigFile(t, "checks: []\n")
	off := start(t, f.path)
	assert.Equal(t, http.StatusNotFound, off.do(t, http.MethodPost, off.URL+"/-/reload").Code)
	on := start(t, f.path, enableLifecycle)
	got := on.do(t, http.MethodPost, on.URL+"/-/reload")
	assert.Equal(t, http.StatusOK, got.Code)
	assert.Equal(t, "The configuration was read again.\n", got.Body)
}
