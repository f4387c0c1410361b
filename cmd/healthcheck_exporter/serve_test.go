package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestServeInProcess goes through run, with the default command, until its context ends.
func TestServeInProcess(t *testing.T) {
	target := newTarget(t)
	address := freeAddress(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout, stderr lockedBuffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"--config.file=" + writeConfig(t, "checks:\n"+httpCheck("a", target+"/up", "")), "--web.listen-address=" + address}, &stdout, &stderr)
	}()
	eventually(t, func() bool { code, _ := fetch("http://" + address + "/status"); return code == http.StatusOK }, stderr.String())
	cancel()
	assert.Equal(t, exitOK, <-ended)
	assert.Empty(t, stdout.String())
	assert.Contains(t, stderr.String(), "starting healthcheck_exporter")
}

// TestLifeOfAProcess starts, reloads by SIGHUP, breaks and mends the configuration, and stops by SIGTERM.
func TestLifeOfAProcess(t *testing.T) {
	t.Parallel()
	target := newTarget(t)
	config := writeConfig(t, "name: before\nchecks:\n"+httpCheck("a", target+"/up", ""))
	p := launch(t, nil, "serve", "--config.file="+config, "--config.watch-interval=0")
	eventually(t, p.ready)
	write := func(yaml string) { require.NoError(t, os.WriteFile(config, []byte(yaml), 0o600)) }
	has := func(part string) func() bool {
		return func() bool { _, body := p.get("/metrics"); return strings.Contains(body, part) }
	}

	write("name: after\nchecks:\n" + httpCheck("b", target+"/up", ""))
	require.NoError(t, p.Process.Signal(syscall.SIGHUP))
	eventually(t, has("healthcheck_status{check=\"b\"} 1\n"))
	_, body := p.get("/status")
	assert.Contains(t, body, `"name":"after"`)

	write(badYAML)
	require.NoError(t, p.Process.Signal(syscall.SIGHUP))
	eventually(t, has("healthcheck_exporter_config_last_reload_successful 0\n"))
	for _, mistake := range badMistakes {
		assert.Contains(t, p.stderr.String(), mistake)
	}
	code, _ := p.get("/status")
	assert.Equal(t, http.StatusOK, code)

	write("checks:\n" + httpCheck("c", target+"/up", ""))
	for range 20 { // signals may come faster than a reload takes
		require.NoError(t, p.Process.Signal(syscall.SIGHUP))
	}
	eventually(t, has("healthcheck_status{check=\"c\"} 1\n"))
	eventually(t, has("healthcheck_exporter_config_last_reload_successful 1\n"))

	require.NoError(t, p.end(t, syscall.SIGTERM), p.stderr)
	assert.Zero(t, p.ProcessState.ExitCode())
	assert.Empty(t, p.stdout.String())
	assert.Contains(t, p.stderr.String(), "msg=stopping")
}

func TestInterruptedProcessEndsAtOnce(t *testing.T) {
	t.Parallel()
	target := newTarget(t)
	p := launch(t, nil, "--config.file="+writeConfig(t, "checks:\n"+httpCheck("slow", target+"/hang", "")))
	eventually(t, func() bool {
		_, body := p.get("/metrics")
		return strings.Contains(body, "healthcheck_runner_running_checks 1\n")
	})
	began := time.Now()
	require.NoError(t, p.end(t, syscall.SIGINT), p.stderr)
	assert.Less(t, time.Since(began), 5*time.Second)
}

// TestKilledProcessComesBack kills the process with connections open and starts it again on the same port.
func TestKilledProcessComesBack(t *testing.T) {
	t.Parallel()
	target := newTarget(t)
	config := writeConfig(t, "checks:\n"+httpCheck("a", target+"/up", ""))
	p := launch(t, nil, "--config.file="+config)
	for range 3 {
		eventually(t, p.ready)
		require.Error(t, p.end(t, syscall.SIGKILL))
		again := &process{Cmd: exec.Command(binary, p.Args[1:]...), url: p.url}
		again.start(t, nil)
		p = again
	}
	eventually(t, p.ready)
	require.NoError(t, p.end(t, syscall.SIGTERM))
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	config := writeConfig(t, "checks: []\n")
	first := launch(t, nil, "--config.file="+config)
	eventually(t, first.ready)
	second := &process{Cmd: exec.Command(binary, first.Args[1:]...)}
	second.start(t, nil)
	require.Error(t, second.wait())
	assert.Equal(t, exitCannot, second.ProcessState.ExitCode())
	assert.Contains(t, second.stderr.String(), "address already in use")
	assert.Contains(t, second.stderr.String(), strings.TrimPrefix(first.url, "http://"))
	assert.True(t, first.ready(), "the first is not disturbed")
}

// TestBadStart has all mistakes on stderr, once, and nothing else happen.
func TestBadStart(t *testing.T) {
	t.Parallel()
	p := launch(t, nil, "--config.file="+writeConfig(t, badYAML))
	require.Error(t, p.wait())
	assert.Equal(t, exitCannot, p.ProcessState.ExitCode())
	for _, mistake := range badMistakes {
		assert.Equal(t, 1, strings.Count(p.stderr.String(), mistake), p.stderr.String())
	}
	assert.Empty(t, p.stdout.String())
}

// TestExitCodes asks the real program, as a script does.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	target := newTarget(t)
	up := writeConfig(t, "checks:\n"+httpCheck("a", target+"/up", ""))
	down := writeConfig(t, "checks:\n"+httpCheck("a", target+"/down", ""))
	for want, list := range map[int][][]string{
		exitOK:     {{"--help"}, {"--version"}, {"check", "--config.file=" + up}, {"wait", "--config.file=" + up}, {"validate", "--config.file=" + down}},
		exitFail:   {{"check", "--config.file=" + down}, {"wait", "--timeout=10ms", "--config.file=" + down}, {"status", "--url=" + target + "/down"}},
		exitCannot: {{"--nonsense"}, {"check", "--config.file=" + up + ".none"}},
	} {
		for _, args := range list {
			cmd := exec.Command(binary, args...)
			cmd.Env = cleanEnvironment()
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			_ = cmd.Run() // the code says all
			assert.Equal(t, want, cmd.ProcessState.ExitCode(), "%v: %s", args, out.String())
		}
	}
}

// TestStatusOfARunningExporter is how a container's own health is asked for.
func TestStatusOfARunningExporter(t *testing.T) {
	t.Parallel()
	target := newTarget(t)
	config := writeConfig(t, "name: x\nchecks:\n"+httpCheck("a", target+"/up", ""))
	p := launch(t, []string{"HEALTHCHECK_EXPORTER_CONFIG_FILE=" + config, "HEALTHCHECK_EXPORTER_WEB_TELEMETRY_PATH=/m"})
	eventually(t, p.ready)
	code, _ := p.get("/m")
	assert.Equal(t, http.StatusOK, code)
	cmd := exec.Command(binary, "status", "--url="+p.url+"/status")
	cmd.Env = cleanEnvironment()
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.Contains(t, string(out), `"result": "OK"`)

	require.NoError(t, os.WriteFile(config, []byte("name: x\nchecks:\n"+httpCheck("a", target+"/down", "")), 0o600))
	require.NoError(t, p.Process.Signal(syscall.SIGHUP))
	eventually(t, func() bool { code, _ := p.get("/status"); return code == http.StatusServiceUnavailable })
	cmd = exec.Command(binary, "status", "--url="+p.url+"/status")
	cmd.Env = cleanEnvironment()
	out, err = cmd.Output()
	require.Error(t, err)
	assert.Equal(t, exitFail, cmd.ProcessState.ExitCode())
	assert.Contains(t, string(out), `"status": "FAIL"`)
}
