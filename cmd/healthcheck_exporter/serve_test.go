package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
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
	for _, mistake := range badMistakes { // which are logged after that
		eventually(t, func() bool { return strings.Contains(p.stderr.String(), mistake) }, mistake)
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

// TestBlockedLogOfAProcess has a log that nobody reads, for longer than it takes to fill the pipe: checks run, a reload is
// answered, and the process ends when it is told to.
func TestBlockedLogOfAProcess(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	var config strings.Builder
	config.WriteString("checks:\n")
	for i := range 30 {
		config.WriteString("  - { endpoint: c" + strconv.Itoa(i) + ", interval: 100ms, exec: { command: [/nonexistent] } }\n")
	}
	p := &process{url: "http://" + freeAddress(t)}
	p.Cmd = exec.Command(binary, "serve", "--log.level=debug", "--web.enable-lifecycle", "--config.file="+writeConfig(t, config.String()),
		"--web.listen-address="+strings.TrimPrefix(p.url, "http://"))
	p.Stderr = w
	p.start(t, nil)
	require.NoError(t, w.Close())
	eventually(t, p.ready)
	runs := func() (n float64) {
		_, body := p.get("/metrics")
		for _, value := range regexp.MustCompile(`(?m)^healthcheck_runs_total\{check="c7",result="fail"\} (\S+)$`).FindAllStringSubmatch(body, -1) {
			n, err = strconv.ParseFloat(value[1], 64)
			assert.NoError(t, err)
		}
		return n
	}
	before := runs()
	eventually(t, func() bool { return runs() >= before+40 }) // more lines than a pipe of 64 KiB takes
	resp, err := http.Post(p.url+"/-/reload", "", http.NoBody)
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	began := time.Now()
	require.NoError(t, p.end(t, syscall.SIGTERM))
	assert.Less(t, time.Since(began), 10*time.Second)
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

// TestHealthcheckOfTheImage runs what the Dockerfile has for it, in the environment of an exporter all of whose checks
// fail, and of one that has gone.
func TestHealthcheckOfTheImage(t *testing.T) {
	t.Parallel()
	dockerfile, err := os.ReadFile("../../Dockerfile")
	require.NoError(t, err)
	match := regexp.MustCompile(`(?m)^HEALTHCHECK .* CMD (\[.*\])$`).FindSubmatch(dockerfile)
	require.NotNil(t, match)
	var command []string
	require.NoError(t, json.Unmarshal(match[1], &command))
	target := newTarget(t)
	p := launch(t, nil, "--config.file="+writeConfig(t, "checks:\n"+httpCheck("shop", target+"/down", "")))
	eventually(t, p.ready)
	code, _ := p.get("/status")
	require.Equal(t, http.StatusServiceUnavailable, code)
	health := func(variable, value string) int {
		cmd := exec.Command(binary, command[1:]...)
		cmd.Env = append(cleanEnvironment(), "HEALTHCHECK_EXPORTER_"+variable+"="+value, "HTTP_PROXY=http://127.0.0.1:1")
		out, _ := cmd.CombinedOutput() // the code says all
		t.Log(string(out))
		return cmd.ProcessState.ExitCode()
	}
	address := strings.TrimPrefix(p.url, "http://")
	assert.Equal(t, exitOK, health("WEB_LISTEN_ADDRESS", address))
	assert.Equal(t, exitOK, health("HEALTHY_URL", p.url+"/-/healthy"))
	assert.Equal(t, exitOK, health("STATUS_URL", p.url+"/status"), "containers that have it keep their health check")
	assert.Equal(t, exitFail, health("HEALTHY_URL", p.url+"/status"))
	require.NoError(t, p.end(t, syscall.SIGTERM))
	assert.Equal(t, exitFail, health("WEB_LISTEN_ADDRESS", address))
}

// TestHealthOfAPrivateExporter is that of a container whose exporter lets nobody in but on its second address.
func TestHealthOfAPrivateExporter(t *testing.T) {
	t.Parallel()
	web := filepath.Join(t.TempDir(), "web.yml")
	require.NoError(t, os.WriteFile(web, []byte("basic_auth_users: { alice: $2a$04$FiPWAX/RXJfveS18pX.YHOnn5Pbb1c5BQV7HGEepEZdJF53oG35pq }\n"), 0o600))
	open := freeAddress(t)
	env := []string{"HEALTHCHECK_EXPORTER_WEB_HEALTH_LISTEN_ADDRESS=" + open, "HEALTHCHECK_EXPORTER_WEB_CONFIG_FILE=" + web,
		"HEALTHCHECK_EXPORTER_STATUS_URL=http://127.0.0.1:1/status"}
	p := launch(t, env, "--config.file="+writeConfig(t, "checks: []\n"))
	eventually(t, func() bool { code, _ := fetch("http://" + open + "/-/ready"); return code == http.StatusOK })
	code, _ := p.get("/-/ready")
	assert.Equal(t, http.StatusUnauthorized, code)
	code, _ = fetch("http://" + open + "/metrics")
	assert.Equal(t, http.StatusNotFound, code)
	healthy := func() (int, string) {
		cmd := exec.Command(binary, "healthy")
		cmd.Env = append(cleanEnvironment(), env...)
		out, _ := cmd.CombinedOutput() // the code says all
		return cmd.ProcessState.ExitCode(), string(out)
	}
	code, out := healthy()
	assert.Equal(t, exitOK, code, out)
	require.NoError(t, p.end(t, syscall.SIGTERM))
	code, out = healthy()
	assert.Equal(t, exitFail, code)
	assert.Contains(t, out, "http://"+open+"/-/healthy: ")
}

func TestHealthyURL(t *testing.T) {
	for _, tc := range []struct{ given, status, want string }{
		{"", "", ""},
		{"http://a/b", "http://localhost:1/status", "http://a/b"},
		{"", "http://localhost:1/status", "http://localhost:1/-/healthy"},
		{"", "https://[::1]:1/status/x", "https://[::1]:1/-/healthy"},
		{"", "http://agent.example.com:8989/status", ""},
		{"", "%", ""},
	} {
		assert.Equal(t, tc.want, healthyURL(tc.given, tc.status), tc.status)
	}
}

// TestValidateIsInterrupted while it reads a file that hangs.
func TestValidateIsInterrupted(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "checks.yml")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	pipe, err := os.OpenFile(fifo, os.O_RDWR, 0)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	assert.Equal(t, outcome{exitCannot, "", "interrupted\n"}, call(ctx, "validate", "--config.file="+fifo))
	require.NoError(t, pipe.Close())
}

// TestStatusOfARunningExporter is how a script asks for the health of all that is checked.
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
