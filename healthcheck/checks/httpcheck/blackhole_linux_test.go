package httpcheck_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/httpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

// A listener whose queue is full drops further connections, as a firewall does.
func TestBlackHole(t *testing.T) {
	for name, http2 := range map[string]bool{"direct": false, "pooled": true} {
		t.Run(name, func(t *testing.T) {
			address := checktest.BlackHole(t)
			checker := newChecker(t, httpcheck.Config{URL: "http://" + address, EnableHTTP2: http2})
			start := time.Now()
			res := checktest.RunChecker(t, checker, checktest.Timeout)
			assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
			assert.Equal(t, healthcheck.ReasonTimeout, res.Reason)
			assert.Regexp(t, "^connect to "+address+`: timed out after \d[.\dms]+$`, res.Details)
		})
	}
}
