package page

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

var (
	measureCode = healthcheck.NewMeasure("http_status_code", "Status code of the response.")
	measureFree = healthcheck.NewMeasure("filesystem_free_bytes", "Free space.", "mount")
	measureCert = healthcheck.NewMeasure("tls_certificate_not_after_timestamp_seconds", "When the certificate expires.")
)

// scripted is a checker that gives one result after the other, and the last one for ever. Each run takes 12 ms.
type scripted []healthcheck.Result

func script(results ...healthcheck.Result) healthcheck.Checker {
	s := scripted(results)
	return &s
}

func (s *scripted) Check(context.Context) healthcheck.Result {
	time.Sleep(12 * time.Millisecond)
	res := (*s)[0]
	if len(*s) > 1 {
		*s = (*s)[1:]
	}
	return res
}

func failed(reason healthcheck.Reason, details string) healthcheck.Result {
	return healthcheck.Result{Level: healthcheck.FAIL, Reason: reason, Details: details}
}

func succeed(context.Context) error { return nil }

func refuse(context.Context) error {
	return healthcheck.Errorf(healthcheck.ReasonConnect, "connection refused")
}

func pageRegistry(t testing.TB, checks ...healthcheck.Check) *healthcheck.Registry {
	t.Helper()
	reg := &healthcheck.Registry{}
	require.NoError(t, reg.Apply(healthcheck.Changes{Register: checks}))
	return reg
}

// runFor runs the checks of reg every ten seconds until so much virtual time has passed, and leaves the runner active
// until the test ends.
func runFor(t *testing.T, reg *healthcheck.Registry, r healthcheck.Runner, d time.Duration) {
	t.Helper()
	r.Registry, r.Interval = reg, 10*time.Second
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	time.Sleep(d)
	synctest.Wait()
}

func getPage(t testing.TB, h http.Handler, target string) string {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, target, http.NoBody))
	require.Equal(t, http.StatusOK, rec.Code)
	return rec.Body.String()
}
