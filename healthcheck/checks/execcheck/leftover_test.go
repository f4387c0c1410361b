//go:build unix

package execcheck_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/execcheck"
)

func TestEndedBySignal(t *testing.T) {
	res := check(t, program("kill-itself"))
	assert.Equal(t, healthcheck.ReasonExitCode, res.Reason)
	assert.Equal(t, "ended by signal 9 (killed): goodbye", res.Details)
	assert.InDelta(t, 137, values(res)["exec_exit_code"], 0)
}

// A program that ends and leaves a process behind which holds its output open and ignores signals.
func TestLeftoverIsKilled(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	res := check(t, program("parent", pidFile, "end"))
	assert.False(t, res.Failed(), res.Details)
	assertDead(t, awaitPID(t, pidFile))
}

// The same at the deadline, when both still run.
func TestGroupIsKilledAtDeadline(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	checker, err := execcheck.New(program("parent", pidFile, "hang"))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan healthcheck.Result)
	go func() { done <- checker.Check(ctx) }()
	pid := awaitPID(t, pidFile)
	require.NoError(t, syscall.Kill(pid, 0), "it runs")
	cancel()
	assert.True(t, (<-done).Failed())
	assertDead(t, pid)
}

// At the deadline a program is asked to end first, and may clean up.
func TestProgramIsAskedToEnd(t *testing.T) {
	for name, args := range map[string][]string{"polite": nil, "parent-of-polite": nil} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			pidFile, cleaned := filepath.Join(dir, "pid"), filepath.Join(dir, "cleaned")
			checker, err := execcheck.New(program(name, append(args, pidFile, cleaned)...))
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan healthcheck.Result)
			go func() { done <- checker.Check(ctx) }()
			pid := awaitPID(t, pidFile)
			cancel()
			res := <-done
			assert.True(t, res.Failed())
			assert.Contains(t, res.Details, " had not ended: context canceled: ")
			assert.NotContains(t, values(res), "exec_exit_code", "it was not what the program had in mind")
			text, err := os.ReadFile(cleaned)
			require.NoError(t, err, "the whole group is asked, and has the time")
			assert.Equal(t, "cleaned up", string(text))
			assertDead(t, pid)
		})
	}
}

// A process that has left the group is out of reach, but cannot hold up the run.
func TestRunawayDoesNotHoldUpTheRun(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	began := time.Now()
	res := check(t, program("parent-of-runaway", pidFile))
	assert.Less(t, time.Since(began), 10*time.Second)
	assert.False(t, res.Failed(), res.Details)

	pid := awaitPID(t, pidFile)
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL), "as documented, it still runs")
	assertDead(t, pid)
}

// assertDead waits until no process has the id, or only one that its parent has not reaped.
func assertDead(t *testing.T, pid int) {
	t.Helper()
	assert.Eventually(t, func() bool {
		return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || isZombie(pid)
	}, 10*time.Second, time.Millisecond, "process %d still runs", pid)
}
