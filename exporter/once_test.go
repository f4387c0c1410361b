package exporter_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

func TestCheckOnce(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	s.answer("down", http.StatusNotFound)
	f := newConfigFile(t, "checks:\n"+s.check("up", "initial_delay: 1h")+"      keep_alive: true\n"+s.check("down", "optional: true"))
	snapshot, err := exporter.CheckOnce(t.Context(), options(f.path, &logBuffer{}))
	require.NoError(t, err)
	assert.Equal(t, healthcheck.OK, snapshot.Level, "only what is optional fails")
	require.Len(t, snapshot.States, 2)
	assert.True(t, snapshot.States[0].Failing())
	assert.False(t, snapshot.States[1].Failing())
	assert.Equal(t, 1, s.count("up"), "a delay is for schedules")

	f.write("checks:\n" + s.check("up") + s.check("down"))
	snapshot, err = exporter.CheckOnce(t.Context(), options(f.path, &logBuffer{}))
	require.NoError(t, err)
	assert.Equal(t, healthcheck.FAIL, snapshot.Level)

	f.write("checks: [ {} ]")
	_, err = exporter.CheckOnce(t.Context(), options(f.path, &logBuffer{}))
	require.ErrorContains(t, err, "checks.yml:1: checks[0]")
}

func TestCheckOnceIsInterrupted(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	s.hang("slow")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan healthcheck.Snapshot, 1)
	path := newConfigFile(t, "checks:\n"+s.check("slow")).path
	go func() {
		snapshot, err := exporter.CheckOnce(ctx, options(path, &logBuffer{}))
		assert.NoError(t, err)
		done <- snapshot
	}()
	eventually(t, func() bool { return s.count("slow") == 1 })
	cancel()
	snapshot := <-done
	assert.Equal(t, healthcheck.FAIL, snapshot.Level)
	eventually(t, func() bool { return s.givenUp("slow") == 1 })
}

// TestCheckOnceTellsWhatHung: what a program had printed when it was killed, and what else a check knows of its timeout,
// is there as it is in the long run, however late the check returns.
func TestCheckOnceTellsWhatHung(t *testing.T) {
	t.Parallel()
	f := newConfigFile(t, `checks:
- endpoint: hangs
  timeout: 2s
  exec: { command: [/bin/sh, -c, 'echo step 3 of 5; sleep 9'] }
- endpoint: hangs-on
  timeout: 2s
  exec: { command: [/bin/sh, -c, 'trap "" TERM; echo step 4 of 5; while :; do sleep 9; done'] }
- endpoint: ends
  exec: { command: [/bin/sh, -c, 'exit 3'] }
`)
	snapshot, err := exporter.CheckOnce(t.Context(), options(f.path, &logBuffer{}))
	require.NoError(t, err)
	require.Len(t, snapshot.States, 3)
	details := make(map[string]string)
	for i := range snapshot.States {
		s := &snapshot.States[i]
		details[s.Check.Endpoint] = s.Status().Details
	}
	assert.Contains(t, details["hangs"], "step 3 of 5")
	assert.Contains(t, details["hangs-on"], "step 4 of 5")
	assert.Contains(t, details["ends"], "exit code 3")
}

func TestWait(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	s.answer("late", http.StatusServiceUnavailable)
	f := newConfigFile(t, "checks:\n"+s.check("late")+s.check("fine"))
	rounds := 0
	level, err := exporter.Wait(t.Context(), options(f.path, &logBuffer{}), func(snapshot healthcheck.Snapshot) {
		rounds++
		assert.Len(t, snapshot.States, 2)
		s.answer("late", http.StatusOK)
	})
	require.NoError(t, err)
	assert.Equal(t, healthcheck.OK, level)
	assert.Equal(t, 2, rounds)
	assert.Equal(t, 2, s.count("late"))

	s.answer("late", http.StatusServiceUnavailable)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	level, err = exporter.Wait(ctx, options(f.path, &logBuffer{}), nil)
	require.NoError(t, err)
	assert.Equal(t, healthcheck.FAIL, level)

	_, err = exporter.Wait(t.Context(), options(f.path+".none", &logBuffer{}), nil)
	require.ErrorContains(t, err, "no such file")
	<-ctx.Done()
	_, err = exporter.Wait(ctx, options(f.path, &logBuffer{}), nil)
	require.ErrorIs(t, err, context.DeadlineExceeded, "nothing is read without end")
}

func TestValidate(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	c, err := exporter.Validate(options(newConfigFile(t, "checks:\n"+s.check("central")).path, &logBuffer{}))
	require.NoError(t, err)
	assert.Len(t, c.Checks, 1)
	assert.Zero(t, s.count("central"), "nothing is run")
	c, err = exporter.Validate(exporter.DefaultOptions())
	require.NoError(t, err)
	assert.Equal(t, "http://localhost:8989/-/healthy", c.Checks[0].Target)
	_, err = exporter.Validate(options(newConfigFile(t, "x: 1\ny: 2\n").path, &logBuffer{}))
	for _, part := range []string{"checks.yml:1: unknown key", "checks.yml:2: unknown key", "checks: is missing"} {
		assert.ErrorContains(t, err, part)
	}

	o := options(newConfigFile(t, "x: 1\n").path, &logBuffer{})
	o.Concurrency, o.TelemetryPath, o.WebConfigFile = 0, "/status", newConfigFile(t, "tls_server_confg: {}\n").path
	_, err = exporter.Validate(o)
	for _, part := range []string{"concurrency 0", `"/status" is taken`, "web configuration ", "checks.yml:1: unknown key"} {
		assert.ErrorContains(t, err, part)
	}
	o = options(newConfigFile(t, "checks: []\n").path, &logBuffer{})
	o.WatchInterval = -1
	_, err = exporter.Validate(o)
	require.ErrorContains(t, err, "watch interval -1ns is negative")
}
