//go:build tools

package collector_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// TestOneFailureIsCounted has a real Prometheus scrape a check that was registered hours ago and fails for the first time:
// increase() sees that failure where there are start timestamps, and does not where there are none.
func TestOneFailureIsCounted(t *testing.T) {
	src := &fixed{}
	long := healthcheck.Facts{Check: healthcheck.Check{Endpoint: "long"}, Registered: time.Now().Add(-5 * time.Hour), Level: healthcheck.OK, OK: 600}
	src.set(long)
	s := httptest.NewServer(collector.Handler(collector.New(src), collector.HandlerOptions{}))
	defer s.Close()
	p := startPrometheus(t, strings.TrimPrefix(s.URL, "http://"))
	p.wait(t, `count_over_time(healthcheck_runs_total{job="protobuf",result="ok"}[1m]) > 2 and on () count_over_time(healthcheck_runs_total{job="text",result="ok"}[1m]) > 2`)

	now := time.Now()
	long.Failed, long.Failures = 1, []healthcheck.ReasonCount{{Reason: healthcheck.ReasonTLS, Count: 1}}
	long.FailuresSince = []time.Time{now.Add(-100 * time.Millisecond)}
	long.Skipped, long.SkippedSince = 1, now.Add(-100*time.Millisecond)
	src.set(long, healthcheck.Facts{Check: healthcheck.Check{Endpoint: "new"}, Registered: now.Add(-3 * time.Second), Level: healthcheck.OK, OK: 3})
	for _, job := range []string{"protobuf", "text"} {
		p.wait(t, fmt.Sprintf(`count_over_time(healthcheck_failures_total{job=%q}[1m]) > 4`, job))
	}
	for _, series := range []string{
		`healthcheck_failures_total{job=%q,check="long",reason="tls"}`,
		`healthcheck_skipped_runs_total{job=%q,check="long"}`,
		`healthcheck_runs_total{job=%q,check="new",result="ok"} / 3`,
	} {
		query := func(job string) string {
			name, rest, _ := strings.Cut(fmt.Sprintf(series, job), "}")
			return "increase(" + name + "}[1m])" + rest
		}
		counted, ok := p.query(t, query("protobuf"))
		assert.True(t, ok, series)
		assert.InDelta(t, 1, counted, 0.3, "%s, extrapolated by at most half an interval of scraping", series)
		missed, _ := p.query(t, query("text"))
		assert.Zero(t, missed, "%s: without start timestamps there is nothing to see, so that this test can fail", series)
	}
	total, _ := p.query(t, `increase(healthcheck_runs_total{job="protobuf",check="long",result="ok"}[1m])`)
	assert.Zero(t, total, "what was long before is not counted again")
	_, ok := p.query(t, `{__name__=~".+_created"}`)
	assert.False(t, ok)
}

// server is a Prometheus server.
type server struct{ url string }

// startPrometheus starts a Prometheus that scrapes a target each half second twice, in the protobuf and in the text format.
func startPrometheus(t *testing.T, target string) server {
	t.Helper()
	dir := t.TempDir()
	var config bytes.Buffer
	config.WriteString("global: {scrape_interval: 500ms, scrape_timeout: 500ms}\nscrape_configs:\n")
	for job, protocol := range map[string]string{"protobuf": "PrometheusProto", "text": "PrometheusText0.0.4"} {
		fmt.Fprintf(&config, "  - job_name: %s\n    scrape_protocols: [%s]\n    static_configs: [{targets: ['%s']}]\n", job, protocol, target)
	}
	file := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(file, config.Bytes(), 0o600))
	path := "prometheus"
	if tools := os.Getenv("HEALTHCHECK_TOOLS"); tools != "" {
		path = filepath.Join(tools, path)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	ctx, stop := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, path, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--log.level=warn",
		"--enable-feature=created-timestamp-zero-ingestion") // without it, start timestamps are not looked at
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait() // it is interrupted
		if t.Failed() {
			t.Log(output.String())
		}
	})
	return server{url: "http://" + address}
}

// wait waits until a query has a result.
func (p server) wait(t *testing.T, query string) {
	t.Helper()
	require.Eventually(t, func() bool { _, ok := p.query(t, query); return ok }, time.Minute, 200*time.Millisecond, query)
}

// query returns the first value of a query, false if there is none.
func (p server) query(t *testing.T, query string) (float64, bool) {
	res, err := http.Get(p.url + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		return 0, false // it is not up yet
	}
	defer res.Body.Close()
	var answer struct {
		Error string
		Data  struct{ Result []struct{ Value [2]any } }
	}
	if json.NewDecoder(res.Body).Decode(&answer) != nil {
		return 0, false
	}
	assert.Empty(t, answer.Error, query)
	if len(answer.Data.Result) == 0 {
		return 0, false
	}
	v, err := strconv.ParseFloat(fmt.Sprint(answer.Data.Result[0].Value[1]), 64)
	assert.NoError(t, err, query)
	return v, true
}
