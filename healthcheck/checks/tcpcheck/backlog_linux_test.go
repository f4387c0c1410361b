package tcpcheck_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tcpcheck"
)

func TestFullBacklog(t *testing.T) {
	address := checktest.BlackHole(t)
	start := time.Now()
	r := runFor(t, tcpcheck.Config{Address: address}, checktest.Timeout)
	assertFails(t, r, healthcheck.ReasonTimeout, "connect to "+address+": no answer in time")
	assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
	assert.Positive(t, values(r)["connect"])
}
