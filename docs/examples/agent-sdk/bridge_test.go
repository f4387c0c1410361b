package agent_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestBridge: the SDK's /status has our check, and decides by it; our metrics have the SDK's.
func TestBridge(t *testing.T) {
	db := database(t)
	a := start(t, build(t, ".", "./bridged"), db)
	s := a.until(t, func(s statusDocument) bool {
		return s.Status == "FAIL" && s.StatusChecks["db"].Status.Result == "FAIL" && s.StatusChecks["db"].Status.Details != "not run yet"
	})
	assert.Contains(t, s.StatusChecks["db"].Status.Details, "refused")
	assert.Equal(t, "OK", s.StatusChecks["queue"].Status.Result)
	assert.NotContains(t, s.StatusChecks, "disk")
	a.untilMetrics(t, map[string]int{"db": 0, "queue": 1, "disk": 0})

	db.listen(t)
	a.until(t, func(s statusDocument) bool { return s.Status == "OK" && s.StatusChecks["db"].Status.Result == "OK" })
	a.untilMetrics(t, map[string]int{"db": 1, "queue": 1, "disk": 0})
}

// untilMetrics waits for the states of checks.
func (a *agent) untilMetrics(t *testing.T, want map[string]int) {
	t.Helper()
	within(t, func() (string, error) {
		metrics, err := get(a.metrics)
		for check, state := range want {
			if line := fmt.Sprintf("healthcheck_status{check=%q} %d\n", check, state); err == nil && !strings.Contains(metrics, line) {
				err = fmt.Errorf("no %s in %s", line, metrics)
			}
		}
		return metrics, err
	})
}

// TestStatusKind: an exporter reads the /status of an agent on the SDK as it is.
func TestStatusKind(t *testing.T) {
	db := database(t)
	a := start(t, build(t, ".", "./bridged"), db)
	exporter := build(t, repository, "./cmd/healthcheck_exporter")
	text, err := os.ReadFile("checks.yml")
	require.NoError(t, err)
	const documented = "http://localhost:8989/status"
	require.Contains(t, string(text), documented)
	file := filepath.Join(t.TempDir(), "checks.yml")
	require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(string(text), documented, a.status)), 0o600))
	check := func() (code int, out string) {
		cmd := exec.CommandContext(t.Context(), exporter, "check", "--config.file="+file)
		b, _ := cmd.CombinedOutput()
		return cmd.ProcessState.ExitCode(), string(b)
	}

	a.until(t, func(s statusDocument) bool { return s.StatusChecks["db"].Status.Result == "FAIL" })
	code, out := check()
	assert.Equal(t, 1, code, out)
	assert.Contains(t, out, "db", "which of the agent's")
	db.listen(t)
	a.until(t, func(s statusDocument) bool { return s.Status == "OK" })
	code, out = check()
	assert.Zero(t, code, out)
}
