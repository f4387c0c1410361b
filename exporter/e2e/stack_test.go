//go:build tools

package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	// patience is how long anything may take on a machine that is busy with other work.
	patience = 150 * time.Second
	// poll is the time between two looks at something that is waited for.
	poll = 300 * time.Millisecond
)

// stack is a Prometheus with the rules, an Alertmanager, a webhook and what checks look at. Scenarios share it; each has
// exporters and a job of its own.
type stack struct {
	t            *testing.T // of the stack, which lives longer than those of the scenarios
	by           divisor    // what times are divided by
	dir          string
	binary       string // the exporter
	client       *http.Client
	targets      *targets
	webhook      *webhook
	alertmanager *server
	prometheus   *server

	mu       sync.Mutex
	expected map[string][]string // what was told, by job
	times    []string
	files    int
}

func newStack(t *testing.T, binary, prometheus string, by divisor) *stack {
	s := &stack{
		t: t, by: by, dir: t.TempDir(), binary: binary, client: &http.Client{Timeout: 30 * time.Second},
		expected: make(map[string][]string),
	}
	t.Cleanup(s.client.CloseIdleConnections)
	s.client.Transport = &http.Transport{}
	s.targets, s.webhook = newTargets(t), newWebhook(t)
	s.startAlertmanager(t)
	s.startPrometheus(t, prometheus)
	t.Cleanup(func() {
		if t.Failed() {
			// What was told comes last: the end of a log is what one is shown of it.
			t.Logf("Prometheus: %s\n\nAlertmanager: %s\n\ntold:\n%s", s.prometheus.output, s.alertmanager.output, s.webhook.log())
		}
	})
	return s
}

func (s *stack) startAlertmanager(t *testing.T) {
	config, err := os.ReadFile("../../alerts/alertmanager.yml")
	require.NoError(t, err)
	config, err = s.by.alertmanager(config, s.webhook.URL)
	require.NoError(t, err)
	file := s.write(t, "alertmanager.yml", config)
	texts, err := os.ReadFile("../../alerts/healthcheck.tmpl")
	require.NoError(t, err)
	s.write(t, "healthcheck.tmpl", texts)
	run(t, tool(t, "amtool"), "check-config", file)
	s.alertmanager = s.serve(t, tool(t, "alertmanager"), "--config.file="+file, "--storage.path="+t.TempDir(), "--cluster.listen-address=")
}

// server is a program that is started again at the same address, with the same data.
type server struct {
	*process
	s    *stack
	path string
	args []string
}

func (s *stack) serve(t *testing.T, path string, args ...string) *server {
	t.Helper()
	return &server{process: s.launch(t, path, append(args, "--web.listen-address=127.0.0.1:0")...), s: s, path: path, args: args}
}

// again starts a server that has ended.
func (p *server) again(t *testing.T) {
	t.Helper()
	p.process = p.s.launch(t, p.path, append(p.args, "--web.listen-address="+p.address)...)
}

func (s *stack) startPrometheus(t *testing.T, prometheus string) {
	rules, err := os.ReadFile("../../alerts/healthcheck.rules.yml")
	require.NoError(t, err)
	rules, err = s.by.rules(rules)
	require.NoError(t, err)
	ruleFile := s.write(t, "healthcheck.rules.yml", rules)
	run(t, filepath.Join(filepath.Dir(prometheus), "promtool"), "check", "rules", ruleFile)
	file := s.write(t, "prometheus.yml", fmt.Appendf(nil, `
global: {scrape_interval: %[1]s, scrape_timeout: %[1]s}
rule_files: [%[2]s]
scrape_configs:
  - job_name: a job comes with each target
    file_sd_configs: [{files: ['%[3]s/*.targets.json'], refresh_interval: 1s}]
alerting:
  alertmanagers: [{static_configs: [{targets: ['%[4]s']}]}]
`, s.tick(), ruleFile, s.dir, s.alertmanager.address))
	s.prometheus = s.serve(t, prometheus, "--config.file="+file, "--storage.tsdb.path="+t.TempDir(),
		// Divided as well: the defaults are 5m, 1m, 10m and 1h.
		"--query.lookback-delta="+s.by.duration(5*time.Minute).String(), "--rules.alert.resend-delay="+s.by.duration(time.Minute).String(),
		"--rules.alert.for-grace-period="+s.by.duration(10*time.Minute).String(), "--rules.alert.for-outage-tolerance="+s.by.duration(time.Hour).String())
}

// tick is the interval of scrapes and of runs, 15 s at full length.
func (s *stack) tick() time.Duration { return s.by.duration(15 * time.Second) }

// patience is how long anything may take that takes up to a quarter of an hour at full length.
func (s *stack) patience() time.Duration { return patience + s.by.duration(15*time.Minute) }

// launch starts a program that lives as long as the stack.
func (s *stack) launch(t *testing.T, path string, args ...string) *process {
	t.Helper()
	p, err := launch(s.t.Context(), path, args...)
	require.NoError(t, err)
	s.t.Cleanup(func() { <-p.ended })
	return p
}

// write writes a file that lives as long as the stack, and returns its path.
func (s *stack) write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(s.dir, name)
	require.NoError(t, os.WriteFile(path+".new", content, 0o600))
	require.NoError(t, os.Rename(path+".new", path)) // whole or not at all
	return path
}

// exporter is one that is started again at the same address.
type exporter struct {
	*process
	s    *stack
	name string // of its configuration
}

// start starts an exporter with these checks, each as [stack.check] returns it.
func (s *stack) start(t *testing.T, checks ...string) *exporter {
	t.Helper()
	s.mu.Lock()
	s.files++
	e := &exporter{s: s, name: fmt.Sprintf("checks%d.yml", s.files)}
	s.mu.Unlock()
	e.configure(t, checks...)
	e.process = e.launch(t, "127.0.0.1:0")
	return e
}

func (e *exporter) launch(t *testing.T, address string) *process {
	return e.s.launch(t, e.s.binary, "--config.file="+filepath.Join(e.s.dir, e.name), "--config.watch-interval=0", "--web.enable-lifecycle",
		"--web.listen-address="+address)
}

func (e *exporter) configure(t *testing.T, checks ...string) {
	e.s.write(t, e.name, fmt.Appendf(nil, "defaults: {interval: %s}\nchecks: [%s]\n", e.s.tick(), strings.Join(checks, ",")))
}

// again starts an exporter that has ended.
func (e *exporter) again(t *testing.T) { e.process = e.launch(t, e.address) }

// reload returns the status code.
func (e *exporter) reload(t *testing.T) int {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.url("/-/reload"), nil)
	require.NoError(t, err)
	res, err := e.s.client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	return res.StatusCode
}

// check returns the configuration of a check. More is what it has beside its endpoint, or a kind other than http with the
// URL of a target of its own.
func (s *stack) check(job, endpoint, more string) string {
	if !strings.Contains(more, "tcp:") && !strings.Contains(more, "filesystem:") {
		more = fmt.Sprintf("http: {url: '%s/%s/%s'}, %s", s.targets.URL, job, endpoint, more)
	}
	return fmt.Sprintf("\n  {endpoint: %s, %s}", endpoint, more)
}

// scrape makes Prometheus scrape exporters as one job, and waits until it has done so.
func (s *stack) scrape(t *testing.T, job string, interval time.Duration, exporters ...*exporter) {
	t.Helper()
	type group struct {
		Targets []string          `json:"targets"`
		Labels  map[string]string `json:"labels"`
	}
	g := group{Labels: map[string]string{"job": job, "__scrape_interval__": interval.String()}}
	for _, e := range exporters {
		g.Targets = append(g.Targets, e.address)
	}
	content, err := json.Marshal([]group{g})
	require.NoError(t, err)
	s.write(t, job+".targets.json", content)
	s.see(t, float64(len(exporters)), `count(healthcheck_overall_status{job=%q})`, job)
}

// get decodes the data of an answer of Prometheus' API.
func (s *stack) get(ctx context.Context, path string, data any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.prometheus.url(path), nil)
	if err != nil {
		return err
	}
	res, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var answer struct {
		Data  json.RawMessage `json:"data"`
		Error string          `json:"error"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, answer.Error)
	}
	return json.Unmarshal(answer.Data, data)
}

// query returns the only value of a query, or false if there is none or several.
func (s *stack) query(ctx context.Context, expr string) (value float64, ok bool, err error) {
	var data struct {
		Result []struct {
			Value [2]any `json:"value"`
		} `json:"result"`
	}
	if err := s.get(ctx, "/api/v1/query?query="+url.QueryEscape(expr), &data); err != nil || len(data.Result) != 1 {
		return 0, false, err
	}
	text, _ := data.Result[0].Value[1].(string)
	value, err = strconv.ParseFloat(text, 64)
	return value, err == nil, err
}

// see waits until a query has one value, the given one.
func (s *stack) see(t *testing.T, want float64, format string, args ...any) {
	t.Helper()
	s.seeThat(t, func(v float64) bool { return v == want }, fmt.Sprintf(format, args...))
}

// seeThat waits until a query has one value that is as it should be.
func (s *stack) seeThat(t *testing.T, good func(float64) bool, expr string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		value, ok, err := s.query(t.Context(), expr)
		if assert.NoError(c, err) && assert.True(c, ok, "%s has not one value", expr) {
			assert.True(c, good(value), "%s is %g", expr, value)
		}
	}, patience, poll)
}

// pass waits until the rules have been evaluated for a time that is d at full length.
func (s *stack) pass(t *testing.T, d time.Duration) {
	t.Helper()
	until := time.Now().Add(s.by.duration(d))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		var data struct {
			Groups []struct {
				Name           string    `json:"name"`
				Interval       float64   `json:"interval"`
				LastEvaluation time.Time `json:"lastEvaluation"`
			} `json:"groups"`
		}
		if !assert.NoError(c, s.get(t.Context(), "/api/v1/rules", &data)) {
			return
		}
		assert.NotEmpty(c, data.Groups)
		for _, g := range data.Groups {
			if g.Interval <= s.by.duration(time.Minute).Seconds() {
				assert.True(c, g.LastEvaluation.After(until), "%s was evaluated at %s", g.Name, g.LastEvaluation)
			}
		}
	}, s.by.duration(d)+patience, 2*poll)
}

// tells waits until exactly this has been told about a job since the beginning, in any order, and returns it all in the
// order in which it came.
func (s *stack) tells(t *testing.T, job string, want ...string) []notification {
	t.Helper()
	slices.Sort(want)
	s.mu.Lock()
	s.expected[job] = want
	s.mu.Unlock()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		told := s.webhook.told(job)
		missing, unexpected := difference(want, told)
		assert.True(c, missing == 0 || unexpected > 0, "want %q, got only %q", want, told)
	}, s.patience(), poll)
	require.Equal(t, want, s.webhook.told(job))
	return s.webhook.about(job)
}

// difference returns how many strings of want are not in got, and how many are in got only.
func difference(want, got []string) (missing, unexpected int) {
	rest := slices.Clone(want)
	for _, g := range got {
		if i := slices.Index(rest, g); i >= 0 {
			rest = slices.Delete(rest, i, i+1)
		} else {
			unexpected++
		}
	}
	return len(rest), unexpected
}

// quiet holds that nothing more is told about a job while the rules are evaluated for a time that is d at full length.
func (s *stack) quiet(t *testing.T, job string, d time.Duration) {
	t.Helper()
	s.mu.Lock()
	want := s.expected[job]
	s.mu.Unlock()
	s.pass(t, d)
	require.Equal(t, want, s.webhook.told(job))
}

// took notes how long it was from what happened until the last notification.
func (s *stack) took(t *testing.T, what string, happened time.Time, told []notification) {
	d := told[len(told)-1].at.Sub(happened)
	full := model.Duration((d * time.Duration(s.by)).Round(time.Second))
	line := fmt.Sprintf("%6.1fs (%s at full length)  %s", d.Seconds(), full, what)
	t.Log(line)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times = append(s.times, line)
}

// assertNothingElse compares all that was told with all that was expected.
func (s *stack) assertNothingElse(t *testing.T) bool {
	t.Helper()
	got := make(map[string][]string)
	for _, job := range s.webhook.jobs() {
		if told := s.webhook.told(job); told != nil {
			got[job] = told
		}
	}
	return assert.Equal(t, s.expected, got)
}
