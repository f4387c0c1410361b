package processcheck_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/processcheck"
)

func run(t *testing.T, c processcheck.Config) healthcheck.Result {
	t.Helper()
	return checktest.Run(t, processcheck.New, c, time.Minute)
}

// TestRealProcess follows a program from before its start to after its end, by each selector.
func TestRealProcess(t *testing.T) {
	const name = "sleeper of a test of processcheck"
	pidFile := filepath.Join(t.TempDir(), "pid")
	configs := []processcheck.Config{
		{Name: name},
		{CommandLine: "^" + name + " 3601$", Name: "sleep"},
		{CommandLine: "^" + name + " 3601$", User: strconv.Itoa(os.Geteuid()), MinCount: number(1), MaxCount: number(1)},
		{PIDFile: pidFile, Name: "sleep", MaxOpenFiles: "50%", MaxMemory: "1GiB", MaxThreads: 1, MaxAge: time.Hour},
	}
	for _, c := range configs {
		assertFails(t, run(t, c), healthcheck.ReasonThreshold, c.Target()+": ")
	}
	program, err := exec.LookPath("sleep")
	require.NoError(t, err)
	cmd := exec.Command(program, "3601")
	cmd.Args[0] = name
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	require.NoError(t, os.WriteFile(pidFile, []byte(strconv.Itoa(cmd.Process.Pid)+"\n"), 0o600))
	require.Eventually(t, func() bool { // it has begun to use memory, and the kernel to count it
		return values(run(t, configs[0]))["process_resident_memory_bytes"] > 0
	}, time.Minute, time.Millisecond)
	for _, c := range configs {
		r := run(t, c)
		checktest.RequireOK(t, r)
		got := values(r)
		assert.EqualValues(t, 1, got["process_count"])
		assert.EqualValues(t, 1, got["process_threads"])
		assert.Positive(t, got["process_resident_memory_bytes"])
		assert.Positive(t, got["process_open_files"])
		assert.InDelta(t, float64(time.Now().Unix()), got["process_oldest_start_timestamp_seconds"], 60)
	}
	require.NoError(t, cmd.Process.Kill())
	require.Eventually(t, func() bool { // a zombie until it is waited for
		r := run(t, processcheck.Config{Name: "sleep", PIDFile: pidFile})
		return r.Failed() && values(r)["process_zombies"] == 1
	}, time.Minute, 10*time.Millisecond)
	_ = cmd.Wait()
	for _, c := range configs {
		assertFails(t, run(t, c), healthcheck.ReasonThreshold, c.Target()+": ")
	}
	assertFails(t, run(t, configs[3]), healthcheck.ReasonThreshold, "is stale: there is no such process")
}

// TestSelf: a command line never finds the process that asks, a name does.
func TestSelf(t *testing.T) {
	self := filepath.Base(os.Args[0])
	checktest.RequireOK(t, run(t, processcheck.Config{Name: self, MaxCount: number(1)}))
	checktest.RequireOK(t, run(t, processcheck.Config{Name: self, CommandLine: ".", MaxCount: number(0)}))
}

func TestEnds(t *testing.T) {
	checker, err := processcheck.New(processcheck.Config{Name: "x"})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := checker.Check(ctx)
	assert.True(t, r.Failed())
	assert.Contains(t, r.Details, "processes not looked at")
}

// noRight is the environment variable that makes the test run itself as nobody.
const noRight = "PROCESSCHECK_TEST_PID"

// TestNoRight: the open files of processes of other users cannot be seen, which is told where they matter.
func TestNoRight(t *testing.T) {
	if pid := os.Getenv(noRight); pid != "" {
		file := filepath.Join(t.TempDir(), "pid")
		require.NoError(t, os.WriteFile(file, []byte(pid), 0o600))
		r := run(t, processcheck.Config{PIDFile: file})
		checktest.RequireOK(t, r)
		assert.NotContains(t, values(r), "process_open_files")
		assertFails(t, run(t, processcheck.Config{PIDFile: file, MaxOpenFiles: "50%"}), healthcheck.ReasonAuth, "the open files may not be seen")
		assertFails(t, run(t, processcheck.Config{PIDFile: "closed/pid"}), healthcheck.ReasonAuth, "pid file closed/pid: permission denied")
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	binary, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "nobody") //nolint:usetesting // one that nobody may enter
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o777))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "closed"), 0o700))
	program := filepath.Join(dir, "test")
	require.NoError(t, os.WriteFile(program, binary, 0o755))
	cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestNoRight$")
	cmd.Dir = dir
	cmd.Env = []string{noRight + "=" + strconv.Itoa(os.Getpid()), "TMPDIR=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	assert.Contains(t, string(output), "PASS")
}

// BenchmarkName looks for one process among all of the machine.
func BenchmarkName(b *testing.B) {
	checker, err := processcheck.New(processcheck.Config{Name: "no such process", MinCount: number(0)})
	require.NoError(b, err)
	for b.Loop() {
		require.False(b, checker.Check(b.Context()).Failed())
	}
}
