//go:build tools

package alerts_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/alerts"
)

// tool returns the path of a program of Prometheus or Alertmanager: in the folder that HEALTHCHECK_TOOLS names, or
// found by PATH.
func tool(t *testing.T, name string) string {
	t.Helper()
	if dir := os.Getenv("HEALTHCHECK_TOOLS"); dir != "" {
		name = filepath.Join(dir, name)
	}
	path, err := exec.LookPath(name)
	require.NoError(t, err, "set HEALTHCHECK_TOOLS to the folder with promtool, alertmanager and amtool, or put them into PATH")
	return path
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), tool(t, name), args...).CombinedOutput()
	require.NoError(t, err, "%s %s\n%s", name, strings.Join(args, " "), out)
	return string(out)
}

func TestPromtoolCheckRules(t *testing.T) {
	run(t, "promtool", "check", "rules", "--lint=all", "--lint-fatal", rulesName)
}

// Rules of one's own are as good.
func TestPromtoolCheckOtherParameters(t *testing.T) {
	p, err := alerts.Parse([]byte("{failing: {after: 5m}, check: {severity: P1, lookback: 5m}, disabled: [HealthcheckErrorBudgetBurn]}"))
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), rulesName)
	require.NoError(t, os.WriteFile(file, generated(t, p), 0o600))
	run(t, "promtool", "check", "rules", "--lint=all", "--lint-fatal", file)
}

func TestPromtoolTestRules(t *testing.T) {
	for _, name := range testFiles(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, "promtool", "test", "rules", name)
		})
	}
}

func TestAmtoolCheckConfig(t *testing.T) {
	run(t, "amtool", "check-config", "alertmanager.yml")
}

func TestAlertmanagerRoutes(t *testing.T) {
	for _, tt := range []struct {
		receiver string
		labels   []string
	}{
		{"pager", []string{"alertname=HealthcheckFailing", "check=api", "severity=critical"}},
		{"pager", []string{"alertname=HealthcheckExporterDown", "severity=critical"}},
		{"pager", []string{"alertname=HealthcheckFailing", "severity=critical", "team=nobody-knows"}},
		{"payments-pager", []string{"alertname=HealthcheckFailing", "severity=critical", "team=payments"}},
		{"chat", []string{"alertname=HealthcheckFailing", "severity=warning"}},
		{"payments-chat", []string{"alertname=HealthcheckSlow", "severity=warning", "team=payments"}},
		{"tickets", []string{"alertname=HealthcheckReplicasDisagree", "severity=info", "team=payments"}},
		{"nobody", []string{"alertname=HealthcheckBlocked", "severity=none", "team=payments"}},
		{"chat", []string{"alertname=HealthcheckFailing", "severity=P1"}},
	} {
		args := append([]string{"config", "routes", "test", "--config.file=alertmanager.yml", "--verify.receivers=" + tt.receiver}, tt.labels...)
		assert.Equal(t, tt.receiver, strings.TrimSpace(run(t, "amtool", args...)), tt.labels)
	}
}

// told is an alert as templates see it.
type told struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
}

// render returns what a template of healthcheck.tmpl makes of alerts.
func render(t *testing.T, name string, common map[string]string, list []told) string {
	t.Helper()
	data, err := json.Marshal(map[string]any{"status": "firing", "alerts": list, "commonLabels": common})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "data.json")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	return strings.TrimSuffix(run(t, "amtool", "template", "render", "--template.glob=healthcheck.tmpl", "--template.data="+file,
		`--template.text={{ template "`+name+`" . }}`), "\n")
}

func TestAlertmanagerTexts(t *testing.T) {
	failing := func(check, reason string) told {
		return told{
			Status: "firing", Labels: map[string]string{"alertname": "HealthcheckFailing", "check": check}, StartsAt: time.Unix(0, 0),
			Annotations: map[string]string{"summary": check + " is failing", "description": "Check " + check + ".", "reason": reason, "runbook_url": "http://runbook"},
		}
	}
	owner := map[string]string{"job": "hc", "team": "payments", "alertname": "HealthcheckFailing"}
	var many []told
	for i := range 300 {
		many = append(many, failing(fmt.Sprintf("check-%03d", i), []string{"timeout", "timeout", "connect"}[i%3]))
	}
	down := told{Status: "firing", Labels: map[string]string{"alertname": "HealthcheckExporterDown"}, Annotations: map[string]string{"summary": "No exporter of hc answers"}}
	over := failing("web", "dns")
	over.Status = "resolved"

	assert.Equal(t, "300 alerts (payments, job hc): HealthcheckFailing, check-000, check-001, check-002, check-003, check-004, check-005, "+
		"check-006, check-007, check-008, check-009 and 290 more", render(t, "healthcheck.subject", owner, many))
	text := render(t, "healthcheck.text", owner, many)
	assert.Contains(t, text, "300 firing (payments, job hc).\n")
	assert.Contains(t, text, "Reasons: timeout 200, connect 100.\n")
	assert.Contains(t, text, "\nCheck check-009.\nSince 1970-01-01 00:00:00 UTC. What to do: http://runbook\n")
	assert.NotContains(t, text, "Check check-010.")
	assert.Contains(t, text, "\nAnd 290 more.")

	assert.Equal(t, "api is failing", render(t, "healthcheck.subject", owner, []told{failing("api", "dns")}))
	assert.Equal(t, "[resolved] web is failing", render(t, "healthcheck.subject", owner, []told{over}))
	assert.Equal(t, "2 alerts (job hc): api, HealthcheckExporterDown",
		render(t, "healthcheck.subject", map[string]string{"job": "hc"}, []told{failing("api", "dns"), down, over}))
	text = render(t, "healthcheck.text", map[string]string{"job": "hc"}, []told{failing("api", "dns"), down, over})
	assert.Contains(t, text, "2 firing, 1 resolved (job hc).\nFiring: api, HealthcheckExporterDown.\nReasons: dns 1.\nResolved: web.\n")
	assert.NotContains(t, text, "more.")
}

var listening = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// startAlertmanager runs a real Alertmanager with the example and returns its URL.
func startAlertmanager(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool(t, "alertmanager"), "--config.file=alertmanager.yml", "--storage.path="+t.TempDir(),
		"--web.listen-address=127.0.0.1:0", "--cluster.listen-address=")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is interrupted
		w.Close()
		close(ended)
	}()
	t.Cleanup(func() { <-ended })
	addr := make(chan string, 1)
	var output bytes.Buffer
	go func() {
		defer close(addr)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				select {
				case addr <- m[1]:
				default:
				}
			}
			output.WriteString(lines.Text() + "\n")
		}
	}()
	select {
	case a, ok := <-addr:
		require.True(t, ok, "Alertmanager ended: %s", &output)
		return "http://" + a
	case <-time.After(30 * time.Second):
		require.FailNow(t, "Alertmanager does not listen")
	}
	return ""
}

type alert map[string]string

func request(t *testing.T, method, url string, body any) []byte {
	t.Helper()
	data, err := json.Marshal(body)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(data))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode, "%s", answer)
	return answer
}

// A real Alertmanager with the example says which of the alerts are left. Each case has a job of its own.
func TestAlertmanagerInhibitions(t *testing.T) {
	cases := []struct {
		name   string
		firing []alert
		told   []string
	}{
		{
			name: "exporter down",
			firing: []alert{
				{"alertname": "HealthcheckExporterDown", "severity": "critical"},
				{"alertname": "HealthcheckStale", "check": "api", "severity": "critical"},
				{"alertname": "HealthcheckFailing", "check": "api", "severity": "critical"},
				{"alertname": "HealthcheckNeverRan", "check": "web", "team": "x"},
				{"alertname": "HealthcheckOverallFailing"},
				{"alertname": "HealthcheckRunnerLate", "instance": "a"},
			},
			told: []string{"HealthcheckExporterDown", "HealthcheckFailing api"}, // FAIL as before, of which people know
		},
		{
			name: "one replica down",
			firing: []alert{
				{"alertname": "HealthcheckExporterDown", "severity": "warning", "instance": "a"},
				{"alertname": "HealthcheckFailing", "check": "api"},
				{"alertname": "HealthcheckNeverRan", "check": "web"},
			},
			told: []string{"HealthcheckExporterDown", "HealthcheckFailing api", "HealthcheckNeverRan web"},
		},
		{
			name: "dependency fails",
			firing: []alert{
				{"alertname": "HealthcheckFailing", "check": "gateway"},
				{"alertname": "HealthcheckBlocked", "check": "api", "team": "x", "severity": "none"},
				{"alertname": "HealthcheckFailing", "check": "api", "team": "x", "severity": "critical"},
				{"alertname": "HealthcheckSlow", "check": "api", "team": "x"},
				{"alertname": "HealthcheckFailing", "check": "other"},
				{"alertname": "HealthcheckOverallFailing"},
			},
			told: []string{"HealthcheckBlocked api", "HealthcheckFailing gateway", "HealthcheckFailing other"}, // Blocked goes to nobody
		},
		{
			name: "worse has begun",
			firing: []alert{
				{"alertname": "HealthcheckFailing", "check": "api"},
				{"alertname": "HealthcheckFlapping", "check": "api"},
				{"alertname": "HealthcheckSlow", "check": "api"},
				{"alertname": "HealthcheckErrorBudgetBurn", "check": "api", "burn": "slow", "severity": "info"},
				{"alertname": "HealthcheckCertificateExpired", "check": "web"},
				{"alertname": "HealthcheckCertificateExpiringSoon", "check": "web", "threshold": "7d"},
				{"alertname": "HealthcheckReplicasDisagree", "check": "api", "severity": "info"},
			},
			told: []string{"HealthcheckCertificateExpired web", "HealthcheckFailing api", "HealthcheckReplicasDisagree api"},
		},
	}
	type posted struct {
		Labels alert `json:"labels"`
	}
	var all []posted
	for _, c := range cases {
		for _, a := range c.firing {
			a["job"] = c.name
			if a["severity"] == "" {
				a["severity"] = "warning"
			}
			all = append(all, posted{a})
		}
	}
	url := startAlertmanager(t)
	request(t, http.MethodPost, url+"/api/v2/alerts", all)

	told := func() map[string][]string {
		var list []struct {
			posted
			Status struct {
				State string `json:"state"`
			} `json:"status"`
		}
		require.NoError(t, json.Unmarshal(request(t, http.MethodGet, url+"/api/v2/alerts?inhibited=false", nil), &list))
		byCase := make(map[string][]string)
		for _, a := range list {
			byCase[a.Labels["job"]] = append(byCase[a.Labels["job"]], strings.TrimSpace(a.Labels["alertname"]+" "+a.Labels["check"]))
		}
		for _, names := range byCase {
			slices.Sort(names)
		}
		return byCase
	}
	want := make(map[string][]string)
	for _, c := range cases {
		want[c.name] = c.told
	}
	assert.Eventually(t, func() bool { return assert.ObjectsAreEqual(want, told()) }, 20*time.Second, 200*time.Millisecond)
	assert.Equal(t, want, told())
}
