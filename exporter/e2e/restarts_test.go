//go:build tools

package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Everything that fires for long is told. Then Prometheus is killed and starts at once, is away for a minute and a half, and
// Alertmanager restarts: nothing is resolved, and nothing is told again. HEALTHCHECK_SHORTER=1 runs it at full length, in three
// quarters of an hour; else all times are divided by five, and not by more, since programs start no faster.
func TestRestarts(t *testing.T) {
	by := 5
	if full := os.Getenv("HEALTHCHECK_SHORTER"); full != "" {
		var err error
		by, err = strconv.Atoi(full)
		require.NoError(t, err)
	}
	s := newStack(t, build(t), tool(t, "prometheus"), divisor(by))
	expected := map[string][]string{
		"app": {
			"HealthcheckFailing api firing to pager", "HealthcheckFailing web firing to chat",
			"HealthcheckCertificateExpired expired firing to pager", "HealthcheckCertificateUntrusted untrusted firing to pager",
		},
		"never": {"HealthcheckNeverRan never firing to pager", "HealthcheckOverallFailing firing to chat"},
		"gone":  {"HealthcheckFailing api firing to pager", "HealthcheckExporterDown firing to pager"},
		"pair":  {"HealthcheckExporterDown firing to chat"},
		"bad":   {"HealthcheckExporterConfigReloadFailed firing to chat"},
		"empty": {"HealthcheckNoChecks firing to pager"},
	}

	expiredAt, _ := s.targets.expiring(t, time.Now().Add(-time.Hour))
	untrustedAt, _ := s.targets.expiring(t, time.Now().AddDate(1, 0, 0))
	tls := func(endpoint, address string) string {
		return s.check("app", endpoint, fmt.Sprintf("tcp: {address: '%s', tls_config: {insecure_skip_verify: true}}, %s", address, critical))
	}
	s.targets.turn("/app/api", down)
	s.targets.turn("/app/web", down)
	s.targets.turn("/gone/api", down)
	app := s.start(t, s.check("app", "api", critical), s.check("app", "web", ""), s.check("app", "good", critical),
		tls("expired", expiredAt), tls("untrusted", untrustedAt))
	never := s.start(t, s.check("never", "never", "initial_delay: 24h, "+critical))
	gone := s.start(t, s.check("gone", "api", critical))
	pair := []*exporter{s.start(t, s.check("pair", "api", critical)), s.start(t, s.check("pair", "api", critical))}
	bad := s.start(t, s.check("bad", "api", critical))
	empty := s.start(t, s.check("empty", "api", critical))
	s.scrape(t, "app", s.tick(), app)
	s.scrape(t, "never", s.tick(), never)
	s.scrape(t, "gone", s.tick(), gone)
	s.scrape(t, "pair", s.tick(), pair...)
	s.scrape(t, "bad", s.tick(), bad)
	s.scrape(t, "empty", s.tick(), empty)

	s.see(t, 1, `sum(healthcheck_checks{job="empty"})`)
	s.see(t, 1, `max_over_time(job:healthcheck_checks:max{job="empty"}[1h])`)
	bad.configure(t, s.check("bad", "api", critical), s.check("bad", "api", critical))
	require.Equal(t, http.StatusInternalServerError, bad.reload(t))
	empty.configure(t)
	require.Equal(t, http.StatusOK, empty.reload(t))
	s.see(t, 1, `count(ALERTS{job="gone",alertname="HealthcheckFailing",alertstate="firing"})`)
	gone.stop(syscall.SIGKILL)
	pair[0].stop(syscall.SIGKILL)
	for job, want := range expected {
		s.tells(t, job, want...)
	}

	unchanged := func(what string) {
		t.Helper()
		s.pass(t, 7*time.Minute) // longer than an alert lives that is not sent, and the longest group_interval
		if !s.assertNothingElse(t) {
			t.Fatalf("after this: %s", what)
		}
		t.Logf("nothing was told after this: %s", what)
	}
	unchanged("everything was told")

	s.prometheus.stop(syscall.SIGKILL)
	s.prometheus.again(t)
	unchanged("Prometheus was killed and started at once")

	// The rules look back two minutes, so no more may lie between two scrapes, of which 15 s each go by before the stop and
	// after the start. A start takes some seconds, as many in shortened time: Prometheus has its first targets after five.
	const start = 6 * time.Second
	stopped := time.Now()
	s.prometheus.stop(syscall.SIGTERM)
	time.Sleep(time.Until(stopped.Add(s.by.duration(90*time.Second) - start))) //nolint:forbidigo // it is to be away for that long
	s.prometheus.again(t)
	unchanged("Prometheus was away for a minute and a half")

	s.alertmanager.stop(syscall.SIGTERM)
	s.alertmanager.again(t)
	unchanged("Alertmanager has restarted")

	s.targets.turn("/app/api", up)
	s.targets.turn("/app/web", up)
	s.tells(t, "app", append(expected["app"], "HealthcheckFailing api resolved to pager", "HealthcheckFailing web resolved to chat")...)
	assert.True(t, s.assertNothingElse(t))
}
