//go:build tools

package e2e_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkRules reports how long Prometheus takes for one evaluation of each group of rules that is evaluated each 15 s,
// with so many checks, at full length: intervals of scrapes and evaluations are 15 s. It takes five minutes each.
//
//	HEALTHCHECK_TOOLS=/folder go test -tags tools -run '^$' -bench Rules -benchtime 1x -timeout 30m ./exporter/e2e
func BenchmarkRules(b *testing.B) {
	for _, n := range []int{2000, 20000} {
		for _, state := range []string{"OK", "FAIL"} {
			b.Run(fmt.Sprintf("%d-%s", n, state), func(b *testing.B) {
				for b.Loop() {
					evaluate(b, n, state == "FAIL")
				}
			})
		}
	}
}

func evaluate(b *testing.B, n int, failing bool) {
	metrics := newManyChecks(n, failing)
	target := httptest.NewServer(metrics)
	defer target.Close()
	rules, err := filepath.Abs("../../alerts/healthcheck.rules.yml")
	require.NoError(b, err)
	file := filepath.Join(b.TempDir(), "prometheus.yml")
	require.NoError(b, os.WriteFile(file, fmt.Appendf(nil, `
global: {scrape_interval: 15s}
rule_files: ['%s']
scrape_configs: [{job_name: scale, static_configs: [{targets: ['%s']}]}]
`, rules, target.Listener.Addr()), 0o600))
	prometheus := os.Getenv("HEALTHCHECK_TOOLS")
	p, err := launch(b.Context(), filepath.Join(prometheus, "prometheus"), "--config.file="+file, "--storage.tsdb.path="+b.TempDir(),
		"--web.listen-address=127.0.0.1:0")
	require.NoError(b, err)
	defer p.stop(os.Interrupt)
	time.Sleep(5 * time.Minute)

	s := &stack{client: &http.Client{Timeout: time.Minute}, prometheus: &server{process: p}}
	defer s.client.CloseIdleConnections()
	var data struct {
		Groups []struct {
			Name     string  `json:"name"`
			Interval float64 `json:"interval"`
			Seconds  float64 `json:"evaluationTime"`
			Rules    []struct {
				Alerts []any `json:"alerts"`
			} `json:"rules"`
		} `json:"groups"`
	}
	require.NoError(b, s.get(b.Context(), "/api/v1/rules", &data))
	for _, g := range data.Groups {
		alerts := 0
		for _, r := range g.Rules {
			alerts += len(r.Alerts)
		}
		if g.Interval == 15 {
			b.ReportMetric(g.Seconds, g.Name+"-s")
		}
		b.Logf("%s: %.2f s of %.0f s, %d alerts", g.Name, g.Seconds, g.Interval, alerts)
	}
}

// manyChecks answers a scrape as an exporter with many checks does.
type manyChecks struct {
	n     int
	text  []byte // what stays the same
	state int
}

func newManyChecks(n int, failing bool) *manyChecks {
	m := &manyChecks{n: n, state: 1}
	if failing {
		m.state = 0
	}
	started := time.Now().Unix()
	var b bytes.Buffer
	for i := range n {
		sample := func(name, labels string, value any) {
			fmt.Fprintf(&b, "healthcheck_%s{check=\"check-%05d\",team=\"team-%d\",severity=\"critical\"%s} %v\n", name, i, i%10, labels, value)
		}
		sample("status", "", m.state)
		sample("last_run_success", "", m.state)
		if failing {
			sample("failure", `,reason="timeout"`, 1)
			sample("failures_total", `,reason="timeout"`, 10)
		}
		sample("duration_seconds", "", 0.1)
		sample("runs_total", `,result="ok"`, 10)
		sample("runs_total", `,result="fail"`, 10)
		sample("status_changes_total", "", 1)
		sample("status_since_timestamp_seconds", "", started)
		sample("last_success_timestamp_seconds", "", started)
		sample("interval_seconds", "", 15)
		sample("timeout_seconds", "", 10)
		sample("info", fmt.Sprintf(`,name="Check %d",kind="http",target="https://host-%d.example.com/health"`, i, i), 1)
		sample("http_status_code", "", 200)
		sample("tls_certificate_not_after_timestamp_seconds", "", 4e9)
		sample("tls_certificate_verified", "", 1)
	}
	m.text = b.Bytes()
	return m
}

func (m *manyChecks) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	var b bytes.Buffer
	b.Write(m.text)
	now := float64(time.Now().UnixMilli()) / 1000
	for i := range m.n {
		fmt.Fprintf(&b, "healthcheck_last_run_timestamp_seconds{check=\"check-%05d\",team=\"team-%d\",severity=\"critical\"} %.3f\n", i, i%10, now-float64(i%15))
	}
	fmt.Fprintf(&b, "healthcheck_time_seconds %.3f\nhealthcheck_overall_status %d\nhealthcheck_checks{status=\"ok\"} %d\n", now, m.state, m.n)
	_, _ = w.Write(b.Bytes())
}
