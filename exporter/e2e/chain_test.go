//go:build tools

package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// critical is a check that somebody is woken for.
const critical = "labels: {severity: critical}"

// build builds the exporter and returns its path.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "healthcheck_exporter")
	run(t, "go", "build", "-o", binary, "../../cmd/healthcheck_exporter")
	return binary
}

func TestChain(t *testing.T) {
	binary := build(t)
	programs := []struct{ name, path string }{{"prometheus", tool(t, "prometheus")}}
	if old := os.Getenv("HEALTHCHECK_PROMETHEUS_OLD"); old != "" {
		programs = append(programs, struct{ name, path string }{"prometheus_old", old})
	}
	var summary strings.Builder
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			s := newStack(t, binary, p.path, shorter)
			t.Run("scenarios", func(t *testing.T) {
				for name, play := range scenarios {
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						play(t, s)
					})
				}
			})
			t.Run("nothing else is told", func(t *testing.T) {
				s.pass(t, 6*time.Minute) // the longest group_interval, and more
				s.assertNothingElse(t)
			})
			fmt.Fprintf(&summary, "\n%s:\n%s", p.name, strings.Join(s.times, "\n"))
		})
	}
	t.Logf("from what happened to the notification, %d times as fast as at full length%s", shorter, &summary)
}

// Each scenario has a job of its own, which is called as the scenario.
var scenarios = map[string]func(*testing.T, *stack){
	"fail":        fail,
	"flap":        flapping,
	"kill":        kill,
	"hang":        hanging,
	"certificate": certificate,
	"reload":      reload,
	"down":        exporterDown,
	"replicas":    replicas,
	"blip":        blip,
	"depend":      depend,
	"maintenance": maintenance,
	"late":        late,
	"clock":       clock,
	"lost":        lost,
	"fewer":       fewer,
}

// A check that fails is told of once, and once when it has recovered, to whom its labels say.
func fail(t *testing.T, s *stack) {
	s.scrape(t, "fail", time.Second, s.start(t,
		s.check("fail", "api", "labels: {severity: critical, team: payments}"),
		s.check("fail", "web", "timeout: 900ms")))
	s.see(t, 1, `min(healthcheck_status{job="fail"})`)

	failed := s.targets.turn("/fail/api", down)
	told := s.tells(t, "fail", "HealthcheckFailing api firing to payments-pager")
	s.took(t, "fail: critical", failed, told)
	assert.Equal(t, map[string]string{
		"alertname": "HealthcheckFailing", "job": "fail", "check": "api", "severity": "critical", "team": "payments",
	}, told[0].Labels)
	assert.Equal(t, "api is failing", told[0].Annotations["summary"])
	description := regexp.MustCompile(`^Check api \(http (\S+)\) is FAIL since (.*), reason status\.$`).FindStringSubmatch(told[0].Annotations["description"])
	require.NotNil(t, description, told[0].Annotations["description"])
	assert.Equal(t, s.targets.URL+"/fail/api", description[1])
	since, err := time.Parse("2006-01-02 15:04:05 -0700 MST", description[2])
	require.NoError(t, err)
	assert.WithinDuration(t, failed, since, 10*time.Second)
	assert.Contains(t, told[0].Annotations["runbook_url"], "#healthcheckfailing")
	assert.Contains(t, told[0].Annotations["dashboard_url"], "var-check=api")

	failed = s.targets.turn("/fail/web", down)
	told = s.tells(t, "fail", "HealthcheckFailing api firing to payments-pager", "HealthcheckFailing web firing to chat")
	s.took(t, "fail: warning", failed, told)
	assert.Equal(t, "warning", told[1].Labels["severity"])

	recovered := s.targets.turn("/fail/api", up)
	told = s.tells(t, "fail", "HealthcheckFailing api firing to payments-pager", "HealthcheckFailing web firing to chat",
		"HealthcheckFailing api resolved to payments-pager")
	s.took(t, "fail: critical, recovered", recovered, told)
	recovered = s.targets.turn("/fail/web", up)
	told = s.tells(t, "fail", "HealthcheckFailing api firing to payments-pager", "HealthcheckFailing web firing to chat",
		"HealthcheckFailing api resolved to payments-pager", "HealthcheckFailing web resolved to chat")
	s.took(t, "fail: warning, recovered", recovered, told)
	s.quiet(t, "fail", 5*time.Minute)
}

// A check that comes and goes is told of as flapping, and that it uses up its error budget; one that is FAIL for longer
// each time is told of as failing, once. Neither is ever resolved in between. The intervals are none of the scrapes', which
// would see the same state again and again.
func flapping(t *testing.T, s *stack) {
	s.targets.turn("/flap/fast", flap(1, 2))
	s.targets.turn("/flap/slow", flap(10, 4))
	began := time.Now()
	s.scrape(t, "flap", time.Second, s.start(t,
		s.check("flap", "fast", "interval: 700ms"),
		s.check("flap", "slow", "interval: 700ms, "+critical)))
	want := []string{
		"HealthcheckFlapping fast firing to chat", "HealthcheckErrorBudgetBurn fast firing to chat", "HealthcheckFailing slow firing to pager",
	}
	told := s.tells(t, "flap", want...)
	for _, n := range told {
		s.took(t, "flap: "+n.String(), began, []notification{n})
	}
	s.quiet(t, "flap", 6*time.Minute)
	s.seeThat(t, func(changes float64) bool { return changes > 6 }, `increase(healthcheck_status_changes_total{job="flap",check="slow"}[2m])`)
}

// An exporter is killed and comes back, while a check is FAIL and another is OK. Nobody is told anything.
func kill(t *testing.T, s *stack) {
	e := s.start(t, s.check("kill", "bad", critical), s.check("kill", "good", critical))
	s.scrape(t, "kill", time.Second, e)
	s.targets.turn("/kill/bad", down)
	want := []string{"HealthcheckFailing bad firing to pager"}
	s.tells(t, "kill", want...)

	e.stop(syscall.SIGKILL)
	s.seeThat(t, func(lost float64) bool { return lost >= 4 }, `count_over_time((up{job="kill"} == 0)[1m:1s])`) // a minute at full length
	e.again(t)
	s.see(t, 1, `up{job="kill"}`)
	s.see(t, 0, `healthcheck_status{job="kill",check="bad"}`)
	// Longer than keep_firing_for and the group_interval together.
	s.quiet(t, "kill", 8*time.Minute)

	recovered := s.targets.turn("/kill/bad", up)
	s.took(t, "kill: recovered", recovered, s.tells(t, "kill", append(want, "HealthcheckFailing bad resolved to pager")...))
}

// A target does not answer any more, and another one never said anything.
func hanging(t *testing.T, s *stack) {
	s.scrape(t, "hang", time.Second, s.start(t,
		s.check("hang", "web", critical),
		s.check("hang", "port", fmt.Sprintf("tcp: {address: '%s', tls: true}, %s", s.targets.silent(t), critical))))
	s.see(t, 1, `healthcheck_status{job="hang",check="web"}`)
	hung := s.targets.turn("/hang/web", hang)
	told := s.tells(t, "hang", "HealthcheckFailing web firing to pager", "HealthcheckFailing port firing to pager")
	for _, n := range told {
		assert.Regexp(t, `reason timeout\.$`, n.Annotations["description"])
		if n.Labels["check"] == "web" {
			s.took(t, "hang: target stopped answering", hung, []notification{n})
		}
	}
	s.quiet(t, "hang", 5*time.Minute)
}

// A certificate expires: a check that looks at it is FAIL, and one that does not care is told of all the same. Both were
// told that it would, once.
func certificate(t *testing.T, s *stack) {
	expires := time.Now().Add(25 * time.Second).Truncate(time.Second)
	address, authority := s.targets.expiring(t, expires)
	caFile := s.write(t, "ca.pem", authority)
	s.scrape(t, "certificate", time.Second, s.start(t,
		s.check("certificate", "strict", fmt.Sprintf("tcp: {address: '%s', tls_config: {ca_file: '%s'}}, %s", address, caFile, critical)),
		s.check("certificate", "lax", fmt.Sprintf("tcp: {address: '%s', tls_config: {ca_file: '%s', insecure_skip_verify: true}}, %s", address, caFile, critical))))
	want := []string{"HealthcheckCertificateExpiringSoon strict firing to pager", "HealthcheckCertificateExpiringSoon lax firing to pager"}
	for _, n := range s.tells(t, "certificate", want...) {
		assert.Equal(t, "7d", n.Labels["threshold"])
		assert.Regexp(t, `expires at `+expires.UTC().Format(time.DateOnly+" "+time.TimeOnly)+`.* OK\.$`, n.Annotations["description"])
	}
	require.True(t, time.Now().Before(expires), "it was told of in time")

	want = append(want, "HealthcheckFailing strict firing to pager", "HealthcheckCertificateExpired lax firing to pager")
	for _, n := range s.tells(t, "certificate", want...) {
		switch n.Labels["alertname"] {
		case "HealthcheckFailing":
			assert.Regexp(t, `reason tls\.$`, n.Annotations["description"])
			s.took(t, "certificate: expired, check is FAIL", expires, []notification{n})
		case "HealthcheckCertificateExpired":
			assert.Regexp(t, `expired at `+expires.UTC().Format(time.DateOnly+" "+time.TimeOnly)+`.* OK\.$`, n.Annotations["description"])
			s.took(t, "certificate: expired, check is OK", expires, []notification{n})
		}
	}
	// That the one was to expire ends when it has, which no inhibition hides: Alertmanager tells it with the group's next turn.
	s.tells(t, "certificate", append(want, "HealthcheckCertificateExpiringSoon strict resolved to pager")...)
	s.quiet(t, "certificate", 5*time.Minute)
}

// A configuration with a mistake is told of until it is mended, and changes nothing.
func reload(t *testing.T, s *stack) {
	check := s.check("reload", "api", critical)
	e := s.start(t, check)
	s.scrape(t, "reload", time.Second, e)
	e.configure(t, check, check) // the same endpoint twice
	broken := time.Now()
	require.Equal(t, http.StatusInternalServerError, e.reload(t))
	want := []string{"HealthcheckExporterConfigReloadFailed firing to chat"}
	told := s.tells(t, "reload", want...)
	s.took(t, "reload: configuration broken", broken, told)
	assert.Contains(t, told[0].Annotations["description"], e.address)
	s.see(t, 1, `healthcheck_status{job="reload"}`)

	e.configure(t, check)
	mended := time.Now()
	require.Equal(t, http.StatusOK, e.reload(t))
	told = s.tells(t, "reload", append(want, "HealthcheckExporterConfigReloadFailed resolved to chat")...)
	s.took(t, "reload: configuration mended", mended, told)
}

// An exporter ends and does not come back, while a check is FAIL and another is OK: that is all that is told.
func exporterDown(t *testing.T, s *stack) {
	e := s.start(t, s.check("down", "bad", critical), s.check("down", "good", critical))
	s.scrape(t, "down", time.Second, e)
	s.targets.turn("/down/bad", down)
	want := []string{"HealthcheckFailing bad firing to pager"}
	s.tells(t, "down", want...)

	ended := time.Now()
	e.stop(os.Interrupt)
	told := s.tells(t, "down", append(want, "HealthcheckExporterDown firing to pager")...)
	s.took(t, "down: exporter ended", ended, told)
	assert.Equal(t, map[string]string{"alertname": "HealthcheckExporterDown", "job": "down", "severity": "critical"}, told[1].Labels)
	assert.Contains(t, told[1].Annotations["description"], e.address)
	s.quiet(t, "down", 12*time.Minute) // longer than anything else waits
}

// Two exporters run the same checks: one page for a check that fails. One of them is killed: the check is neither resolved
// nor told of again, and that a replica is missing is told to those who have time.
func replicas(t *testing.T, s *stack) {
	checks := []string{s.check("replicas", "bad", critical), s.check("replicas", "good", critical)}
	a, b := s.start(t, checks...), s.start(t, checks...)
	s.scrape(t, "replicas", time.Second, a, b)
	failed := s.targets.turn("/replicas/bad", down)
	want := []string{"HealthcheckFailing bad firing to pager"}
	told := s.tells(t, "replicas", want...)
	s.took(t, "replicas: both say FAIL", failed, told)
	assert.NotContains(t, told[0].Labels, "instance")

	killed := time.Now()
	a.stop(syscall.SIGKILL)
	want = append(want, "HealthcheckExporterDown firing to chat")
	told = s.tells(t, "replicas", want...)
	s.took(t, "replicas: one of two killed", killed, told)
	assert.Equal(t, map[string]string{"alertname": "HealthcheckExporterDown", "job": "replicas", "severity": "warning", "instance": a.address}, told[1].Labels)
	s.quiet(t, "replicas", 8*time.Minute)

	recovered := s.targets.turn("/replicas/bad", up)
	s.took(t, "replicas: recovered", recovered, s.tells(t, "replicas", append(want, "HealthcheckFailing bad resolved to pager")...))
}

// A check fails for a second between two scrapes. No scrape sees it as FAIL, and it counts.
func blip(t *testing.T, s *stack) {
	const scrapes = 4 * time.Second // a minute at full length, the longest that is supported
	s.scrape(t, "blip", scrapes, s.start(t, s.check("blip", "api", "interval: 500ms, "+critical)))
	s.see(t, 0, `healthcheck_runs_total{job="blip",result="fail"}`)
	scraped := `timestamp(up{job="blip"})`
	last, ok, err := s.query(t.Context(), scraped)
	require.NoError(t, err)
	require.True(t, ok)
	s.seeThat(t, func(at float64) bool { return at > last }, scraped)

	failures := make(chan struct{}, 100)
	s.targets.turn("/blip/api", func(w http.ResponseWriter, r *http.Request) {
		down(w, r)
		failures <- struct{}{}
	})
	<-failures
	<-failures
	s.targets.turn("/blip/api", up)

	s.seeThat(t, func(n float64) bool { return n >= 2 }, `healthcheck_runs_total{job="blip",result="fail"}`)
	s.seeThat(t, func(n float64) bool { return n >= 2 }, `healthcheck_failures_total{job="blip",reason="status"}`)
	s.seeThat(t, func(r float64) bool { return r > 0.5 && r < 1 }, `min_over_time(check:healthcheck_availability:ratio5m{job="blip"}[1m])`)
	s.seeThat(t, func(r float64) bool { return r > 0.5 && r < 1 }, `min_over_time(check:healthcheck_availability:ratio1h{job="blip"}[1m])`)
	s.see(t, 1, `min_over_time(healthcheck_status{job="blip"}[5m])`)
	s.quiet(t, "blip", 5*time.Minute)
}

// A check and another one that depends on it fail: only the first is told of, until it recovers and the other does not.
func depend(t *testing.T, s *stack) {
	s.scrape(t, "depend", time.Second, s.start(t,
		s.check("depend", "gateway", critical),
		s.check("depend", "api", "depends_on: [gateway], "+critical)))
	s.see(t, 1, `min(healthcheck_status{job="depend"})`)
	s.targets.turn("/depend/api", down)
	failed := s.targets.turn("/depend/gateway", down)
	want := []string{"HealthcheckFailing gateway firing to pager"}
	s.took(t, "depend: dependency failed", failed, s.tells(t, "depend", want...))
	s.see(t, 1, `healthcheck_blocked{job="depend",check="api",by="gateway"}`)
	s.see(t, 0, `healthcheck_status{job="depend",check="api"}`)
	s.quiet(t, "depend", 5*time.Minute)

	recovered := s.targets.turn("/depend/gateway", up)
	want = append(want, "HealthcheckFailing gateway resolved to pager", "HealthcheckFailing api firing to pager")
	for _, n := range s.tells(t, "depend", want...) {
		if n.Labels["check"] == "api" {
			s.took(t, "depend: dependency recovered, dependent did not", recovered, []notification{n})
		}
	}
	s.targets.turn("/depend/api", up)
	s.tells(t, "depend", append(want, "HealthcheckFailing api resolved to pager")...)
}

// A check fails in its maintenance window: nobody is told.
func maintenance(t *testing.T, s *stack) {
	now := time.Now().UTC()
	window := fmt.Sprintf("maintenance: [{from: %s, to: %s}], ", now.Add(-time.Minute).Format(time.RFC3339), now.Add(time.Hour).Format(time.RFC3339))
	s.targets.turn("/maintenance/api", down)
	s.scrape(t, "maintenance", time.Second, s.start(t, s.check("maintenance", "api", window+critical)))
	s.see(t, 0, `healthcheck_status{job="maintenance"}`)
	s.see(t, 1, `healthcheck_in_maintenance{job="maintenance"}`)
	s.quiet(t, "maintenance", 8*time.Minute)
	s.see(t, 0, `healthcheck_status{job="maintenance"}`)
}

// A check runs much less often than the one that it depends on. Both fail, and both are well again at once; until its next
// run, the dependent is still FAIL. Nobody is told of it.
func late(t *testing.T, s *stack) {
	s.scrape(t, "late", time.Second, s.start(t,
		s.check("late", "gateway", critical),
		s.check("late", "api", "interval: 30s, timeout: 1s, depends_on: [gateway], "+critical)))
	s.see(t, 1, `min(healthcheck_status{job="late"})`)
	s.targets.turn("/late/gateway", down)
	want := []string{"HealthcheckFailing gateway firing to pager"}
	s.tells(t, "late", want...)
	s.targets.turn("/late/api", down)
	s.see(t, 0, `healthcheck_status{job="late",check="api"}`)
	s.targets.turn("/late/api", up)
	s.targets.turn("/late/gateway", up)
	s.see(t, 1, `healthcheck_status{job="late",check="gateway"}`)
	s.see(t, 0, `healthcheck_status{job="late",check="api"}`)
	s.see(t, 1, `healthcheck_status{job="late",check="api"}`)
	s.tells(t, "late", append(want, "HealthcheckFailing gateway resolved to pager")...)
	s.quiet(t, "late", 5*time.Minute)
}

// The clock of an exporter is five minutes behind, its checks run as they should: that is told, and nothing else.
func clock(t *testing.T, s *stack) {
	const behind = 300
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		now := float64(time.Now().UnixMilli())/1000 - behind
		fmt.Fprintf(w, "healthcheck_time_seconds %.3f\nhealthcheck_overall_status 1\nhealthcheck_checks{status=\"ok\"} 1\n"+
			"healthcheck_status{check=\"api\"} 1\nhealthcheck_interval_seconds{check=\"api\"} 1\nhealthcheck_timeout_seconds{check=\"api\"} 1\n"+
			"healthcheck_last_run_timestamp_seconds{check=\"api\"} %.3f\n", now, now-0.5)
	}))
	s.t.Cleanup(server.Close)
	s.scrape(t, "clock", time.Second, &exporter{process: &process{address: server.Listener.Addr().String()}})
	told := s.tells(t, "clock", "HealthcheckClockSkew firing to chat")
	assert.Regexp(t, `differ by (4m 59|5m 0)`, told[0].Annotations["description"])
	s.quiet(t, "clock", 5*time.Minute)
}

// A reload leaves no check: that is a page, since nothing else would say so.
func lost(t *testing.T, s *stack) {
	e := s.start(t, s.check("lost", "api", critical), s.check("lost", "web", critical))
	s.scrape(t, "lost", time.Second, e)
	s.see(t, 2, `sum(healthcheck_checks{job="lost"})`)
	e.configure(t)
	emptied := time.Now()
	require.Equal(t, http.StatusOK, e.reload(t))
	s.took(t, "lost: no checks any more", emptied, s.tells(t, "lost", "HealthcheckNoChecks firing to pager"))
	s.quiet(t, "lost", 5*time.Minute)
	e.configure(t, s.check("lost", "api", critical))
	require.Equal(t, http.StatusOK, e.reload(t))
	s.tells(t, "lost", "HealthcheckNoChecks firing to pager", "HealthcheckNoChecks resolved to pager")
}

// A reload leaves two checks of five: a ticket, once that has lasted.
func fewer(t *testing.T, s *stack) {
	var checks []string
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		checks = append(checks, s.check("fewer", name, critical))
	}
	e := s.start(t, checks...)
	s.scrape(t, "fewer", time.Second, e)
	s.see(t, 5, `sum(healthcheck_checks{job="fewer"})`)
	e.configure(t, checks[:2]...)
	require.Equal(t, http.StatusOK, e.reload(t))
	told := s.tells(t, "fewer", "HealthcheckFewerChecks firing to tickets")
	assert.Contains(t, told[0].Annotations["description"], "has had 2 checks for 30m, less than 50% of 5 within the last day.")
}
