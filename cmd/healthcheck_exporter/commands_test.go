package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHelpAndVersion(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"-h"}, {"help"}, {"serve", "--help"}, {"check", "--help"}} {
		got := call(t.Context(), args...)
		assert.Equal(t, exitOK, got.code, args)
		assert.Contains(t, got.stdout, "usage: healthcheck_exporter", args)
		assert.Contains(t, got.stdout, "$HEALTHCHECK_EXPORTER_CONFIG_FILE", args)
		assert.Empty(t, got.stderr, args)
	}
	got := call(t.Context(), "--version")
	assert.Equal(t, exitOK, got.code)
	assert.True(t, strings.HasPrefix(got.stdout, "healthcheck_exporter, version "), got.stdout)
	assert.NotContains(t, got.stdout, "version  (", "there always is one")
	assert.Empty(t, got.stderr)
}

// TestHelpNamesEverything keeps the flags that the documentation promises.
func TestHelpNamesEverything(t *testing.T) {
	help := call(t.Context(), "--help").stdout
	for _, flag := range []string{
		"config.file", "config.watch-interval", "web.listen-address", "web.health-listen-address", "web.telemetry-path", "web.config.file", "web.systemd-socket",
		"web.enable-lifecycle", "web.enable-pprof", "runner.concurrency", "metrics.duration-histogram", "log.level", "log.format",
	} {
		assert.Contains(t, help, flag)
		assert.Contains(t, help, "$HEALTHCHECK_EXPORTER_"+strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(flag)))
	}
	for _, command := range []string{"serve", "check", "wait [<flags>]", "status [<flags>]", "healthy [<flags>]", "validate"} {
		assert.Contains(t, help, "\n"+command+"\n")
	}
	assert.Contains(t, help, "--web.listen-address=:8989")
	assert.Contains(t, call(t.Context(), "status", "--help").stdout, "http://localhost:8989/status")
	assert.Contains(t, call(t.Context(), "wait", "--help").stdout, "--timeout=3m")
}

func TestWrongUsage(t *testing.T) {
	for _, args := range [][]string{
		{"--unknown"}, {"frobnicate"}, {"check", "extra"}, {"--log.level=loud"}, {"--log.format=xml"}, {"--metrics.duration-histogram=maybe"},
		{"--config.watch-interval=soon"}, {"--runner.concurrency=many"}, {"wait", "--timeout=soon"}, {"check", "--timeout=1s"},
		{"--config.file"}, {"--web.config.file"}, {"--config.file", "--log.level=debug"}, {"--web.config.file", "--web.enable-lifecycle"}, {"check", "--config.file"},
	} {
		got := call(t.Context(), args...)
		assert.Equal(t, exitCannot, got.code, args)
		assert.Empty(t, got.stdout, args)
		assert.Equal(t, 1, strings.Count(got.stderr, "\n"), "one line: %s", got.stderr)
		assert.True(t, strings.HasPrefix(got.stderr, "healthcheck_exporter: error: "), got.stderr)
		assert.Contains(t, got.stderr, "try --help")
	}
}

func TestBadOptionsAreToldBeforeAnythingStarts(t *testing.T) {
	config := writeConfig(t, "checks: []\n")
	for want, args := range map[string][]string{
		`--web.telemetry-path: telemetry path "metrics"`:                             {"--web.telemetry-path=metrics"},
		"--runner.concurrency: concurrency 0":                                        {"--runner.concurrency=0"},
		"--config.watch-interval: watch interval -1s":                                {"--config.watch-interval=-1s"},
		"web configuration":                                                          {"--web.config.file=/nonexistent.yml"},
		`--web.listen-address: listen on "nonsense": missing port`:                   {"--web.listen-address=nonsense"},
		`--web.listen-address: listen on ":": missing port`:                          {"--web.listen-address=:"},
		`--web.listen-address: listen on "": missing port`:                           {"--web.listen-address="},
		`--web.listen-address: listen on "localhost:65536": no port is "65536"`:      {"--web.listen-address=localhost:65536"},
		`--web.listen-address: listen on "[::1:80": missing ']'`:                     {"--web.listen-address=[::1:80"},
		`--web.listen-address: listen on "vsock://:x": port ":x"`:                    {"--web.listen-address=vsock://:x"},
		`--web.listen-address: listen on "localhost:wtf": no port is "wtf"`:          {"--web.listen-address=localhost:wtf"},
		`--web.listen-address: listen on "host:http:80": too many colons in address`: {"--web.listen-address=host:http:80"},
	} {
		for _, command := range []string{"serve", "validate"} {
			got := call(t.Context(), append(args, command, "--config.file="+config, "--web.listen-address="+freeAddress(t))...)
			if command == "validate" && want == "web configuration" { // which is a mistake in a file, as validate looks for
				assert.Equal(t, exitFail, got.code)
			} else {
				assert.Equal(t, exitCannot, got.code, args)
			}
			assert.Contains(t, got.stderr, want)
			assert.NotContains(t, got.stderr, "Listening")
			assert.Empty(t, got.stdout)
		}
	}
}

// TestWrongValues: what is wrong with the flags is the same exit code with all commands, whether they need the flag or not.
func TestWrongValues(t *testing.T) {
	config := writeConfig(t, "checks: []\n")
	for _, command := range commands(t) {
		for _, flag := range []string{"--runner.concurrency=0", "--runner.concurrency=x", "--web.listen-address=x", "--web.telemetry-path=x", "--config.watch-interval=-1s", "--log.level=x"} {
			args := append(strings.Fields(command), flag, "--config.file="+config)
			got := call(t.Context(), args...)
			assert.Equal(t, exitCannot, got.code, "%v: %s", args, got)
			assert.Empty(t, got.stdout, args)
			name, _, _ := strings.Cut(flag, "=")
			assert.Equal(t, 1, strings.Count(got.stderr, name+": "), "%v: %s", args, got)
		}
	}
	for _, args := range [][]string{
		{"status", "--http.config.file=/nonexistent.yml"}, {"healthy", "--http.config.file=/nonexistent.yml"}, {"healthy", "--web.config.file=/nonexistent.yml"},
	} {
		got := call(t.Context(), args...)
		assert.Equal(t, exitCannot, got.code, args)
		name, _, _ := strings.Cut(args[1], "=")
		assert.Contains(t, got.stderr, name+": ")
	}
	got := call(t.Context(), "validate", "--config.file="+writeConfig(t, badYAML), "--runner.concurrency=0")
	assert.Equal(t, exitCannot, got.code)
	assert.Contains(t, got.stderr, badMistakes[0], "the rest is told too")
}

// commands returns the program's commands, with what they cannot do without.
func commands(t *testing.T) (list []string) {
	t.Helper()
	for _, c := range newCommandLine(io.Discard, io.Discard).app.Model().Commands {
		for _, a := range c.Args {
			c.Name += " " + a.Name
		}
		if c.Name != "help" && !strings.HasPrefix(c.Name, "help ") {
			list = append(list, c.Name)
		}
	}
	require.Subset(t, list, []string{"serve", "check", "wait", "status", "healthy", "validate"})
	return list
}

// TestEmptyFlags are what a script makes of a variable that is not set.
func TestEmptyFlags(t *testing.T) {
	for flag, variable := range map[string]string{"--config.file": "HEALTHCHECK_EXPORTER_CONFIG_FILE", "--web.config.file": "HEALTHCHECK_EXPORTER_WEB_CONFIG_FILE"} {
		t.Run(flag, func(t *testing.T) {
			for _, command := range []string{"serve", "check", "wait", "validate"} {
				got := call(t.Context(), command, flag+"=")
				assert.Equal(t, outcome{exitCannot, "", "healthcheck_exporter: error: " + flag + " is given without a file, try --help\n"}, got)
			}
			t.Setenv(variable, "")
			got := call(t.Context(), "validate")
			assert.Equal(t, outcome{exitCannot, "", "healthcheck_exporter: error: " + variable + " is set to nothing: give it a file, or unset it, try --help\n"}, got)
			if flag == "--config.file" {
				assert.Equal(t, exitOK, call(t.Context(), "validate", flag+"="+writeConfig(t, "checks: []\n")).code, "the flag is stronger")
			}
		})
	}
}

// TestMistakesInTheEnvironment name the variable, as nobody sees it among the arguments.
func TestMistakesInTheEnvironment(t *testing.T) {
	for _, tc := range []struct{ variable, value, want string }{
		{"RUNNER_CONCURRENCY", "many", `: want a whole number, not "many", try --help`},
		{"RUNNER_CONCURRENCY", "-1", ": concurrency -1 must be at least 1"},
		{"CONFIG_WATCH_INTERVAL", "soon", `: want a duration, such as 30s, not "soon", try --help`},
		{"CONFIG_WATCH_INTERVAL", "-1s", ": watch interval -1s is negative"},
		{"WEB_TELEMETRY_PATH", "metrics", `: telemetry path "metrics" must begin with /`},
		{"WEB_LISTEN_ADDRESS", ":1\nnowhere", `: listen on "nowhere": missing port in address`},
		{"WEB_HEALTH_LISTEN_ADDRESS", "nowhere", `: listen on "nowhere": missing port in address`},
		{"WEB_ENABLE_PPROF", "maybe", `: want true or false, not "maybe", try --help`},
		{"METRICS_DURATION_HISTOGRAM", "maybe", `: want off, native, classic or both, not "maybe", try --help`},
		{"LOG_LEVEL", "loud", `: want debug, info, warn or error, not "loud", try --help`},
		{"LOG_FORMAT", "xml", `: want logfmt or json, not "xml", try --help`},
	} {
		t.Run(tc.variable+" "+tc.value, func(t *testing.T) {
			variable := "HEALTHCHECK_EXPORTER_" + tc.variable
			t.Setenv(variable, tc.value)
			got := call(t.Context(), "validate")
			assert.NotEqual(t, exitOK, got.code)
			assert.Equal(t, 1, strings.Count(got.stderr, variable+tc.want), got.stderr)
			assert.Equal(t, 1, strings.Count(got.stderr, "\n"), got.stderr)
		})
	}
	t.Setenv("HEALTHCHECK_EXPORTER_RUNNER_CONCURRENCY", "many")
	assert.Equal(t, exitOK, call(t.Context(), "validate", "--runner.concurrency=1").code, "a flag is stronger")
	got := call(t.Context(), "validate", "--runner.concurrency=few")
	assert.Contains(t, got.stderr, `error: --runner.concurrency: want a whole number, not "few", try --help`)
}

// TestValuesOfCommands are those of the flags that only one command has.
func TestValuesOfCommands(t *testing.T) {
	for _, tc := range []struct{ command, flag, variable, value, want string }{
		{"wait", "--timeout", "TIMEOUT", "-1s", `want a duration above 0, such as 30s, not "-1s"`},
		{"wait", "--timeout", "TIMEOUT", "0", `want a duration above 0, such as 30s, not "0"`},
		{"wait", "--timeout", "TIMEOUT", "5", `want a duration above 0, such as 30s, not "5"`},
		{"healthy", "--timeout", "HEALTHY_TIMEOUT", "0s", `want a duration above 0, such as 30s, not "0s"`},
		{"healthy", "--timeout", "HEALTHY_TIMEOUT", "-4s", `want a duration above 0, such as 30s, not "-4s"`},
		{"healthy", "--url", "HEALTHY_URL", "/-/healthy", `want a URL, such as http://localhost:8989/status, not "/-/healthy"`},
		{"status", "--url", "STATUS_URL", "localhost:8989/status", `want a URL, such as http://localhost:8989/status, not "localhost:8989/status"`},
		{"status", "--url", "STATUS_URL", "ftp://localhost/status", `want a URL, such as http://localhost:8989/status, not "ftp://localhost/status"`},
		{"status", "--url", "STATUS_URL", "http://me:hunter2@host:port/", "want a URL, such as http://localhost:8989/status"},
	} {
		t.Run(tc.flag+" "+tc.value, func(t *testing.T) {
			text := func(name string) outcome {
				return outcome{exitCannot, "", "healthcheck_exporter: error: " + name + ": " + tc.want + ", try --help\n"}
			}
			assert.Equal(t, text(tc.flag), call(t.Context(), tc.command, tc.flag+"="+tc.value))
			variable := "HEALTHCHECK_EXPORTER_" + tc.variable
			t.Setenv(variable, tc.value)
			assert.Equal(t, text(variable), call(t.Context(), tc.command))
			assert.Equal(t, text(tc.flag), call(t.Context(), tc.command, tc.flag+"="+tc.value), "a flag is stronger")
		})
	}
}

func TestCheck(t *testing.T) {
	target := newTarget(t)
	for name, c := range map[string]struct {
		yaml string
		code int
		rows []string // regular expressions for the lines after the first
	}{
		"all OK": {httpCheck("b", target+"/up", "") + httpCheck("a", target+"/up", ""), exitOK, []string{
			`^a  +OK  +[\d.]+[µm]s *$`, `^b  +OK  +[\d.]+[µm]s *$`,
		}},
		"one FAIL": {httpCheck("down", target+"/down", "") + httpCheck("fine", target+"/up", ""), exitFail, []string{
			`^down  +FAIL  +[\d.]+[µm]s  +status  +status 503, want 2xx: tea time is [^\x1b]*over$`, `^fine  +OK  `,
		}},
		"optional": {httpCheck("down", target+"/down", "optional: true,") + httpCheck("fine", target+"/up", ""), exitOK, []string{
			`^down  +FAIL \(optional\)  .* status 503`, `^fine  +OK  `,
		}},
		"timeout": {httpCheck("slow", target+"/hang", "timeout: 50ms,"), exitFail, []string{`^slow  +FAIL  .*  timeout  `}},
		"none":    {"", exitOK, nil},
	} {
		t.Run(name, func(t *testing.T) {
			yaml := "checks:\n" + c.yaml
			if c.yaml == "" {
				yaml = "checks: []\n"
			}
			got := call(t.Context(), "check", "--config.file="+writeConfig(t, yaml))
			assert.Equal(t, c.code, got.code, got.stderr)
			lines := strings.Split(strings.TrimSuffix(got.stdout, "\n"), "\n")
			assert.Regexp(t, `^CHECK +STATUS +DURATION +REASON +DETAILS$`, lines[0])
			require.Len(t, lines, 1+len(c.rows), got.stdout)
			for i, row := range c.rows {
				assert.Regexp(t, row, lines[i+1])
			}
		})
	}
}

const badYAML = `name: bad
checks:
  - endpoint: a
    interval: soon
    tcp: { address: nowhere }
  - endpoint: a
    http: { url: 'ftp://x' }
`

var badMistakes = []string{"checks.yml:4: checks[0].interval: ", "checks.yml:5: checks[0].tcp.address: ", "checks.yml:6: checks[1].endpoint: ", "checks.yml:7: checks[1].http.url: "}

// TestBadConfiguration gives each command a configuration that it cannot use.
func TestBadConfiguration(t *testing.T) {
	config := writeConfig(t, badYAML)
	for command, code := range map[string]int{"serve": exitCannot, "check": exitCannot, "wait": exitCannot, "validate": exitFail} {
		t.Run(command, func(t *testing.T) {
			got := call(t.Context(), command, "--config.file="+config, "--web.listen-address=127.0.0.1:0")
			assert.Equal(t, code, got.code)
			assert.Empty(t, got.stdout)
			for _, mistake := range badMistakes {
				assert.Equal(t, 1, strings.Count(got.stderr, mistake), "once: %s in %s", mistake, got.stderr)
			}
			missing := call(t.Context(), command, "--config.file="+config+".none", "--web.listen-address=127.0.0.1:0")
			assert.Equal(t, code, missing.code)
			assert.Contains(t, missing.stderr, "checks.yml.none: no such file")
		})
	}
}

func TestValidate(t *testing.T) {
	got := call(t.Context(), "validate", "--config.file="+writeConfig(t, "checks:\n"+httpCheck("a", "http://127.0.0.1:1", "")+httpCheck("b", "http://127.0.0.1:1", "")))
	assert.Equal(t, outcome{exitOK, "the configuration is valid: 2 checks\n", ""}, got)
	got = call(t.Context(), "validate")
	assert.Equal(t, outcome{exitOK, "the configuration is valid: 4 checks\n", ""}, got, "the embedded default")
	path := writeConfig(t, "checks:\n"+httpCheck("child", "http://127.0.0.1:1", "interval: 5s, timeout: 1s, depends_on: [parent],")+httpCheck("parent", "http://127.0.0.1:1", "interval: 1m,")+
		httpCheck("late", "http://127.0.0.1:1", "interval: 1m, depends_on: [parent],"))
	got = call(t.Context(), "validate", "--config.file="+path)
	assert.Equal(t, outcome{exitOK, "the configuration is valid: 3 checks\n",
		"warning: " + path + ":2: checks[0].depends_on[0]: parent runs every 1m0s, less often than this check (every 5s), which may be FAIL and page before it\n"}, got)
}

// TestValidateFlags finds what serve would refuse.
func TestValidateFlags(t *testing.T) {
	config := writeConfig(t, badYAML)
	got := call(t.Context(), "validate", "--config.file="+config, "--web.telemetry-path=metrics", "--runner.concurrency=0", "--web.config.file=/nonexistent.yml")
	assert.Equal(t, exitCannot, got.code)
	assert.Empty(t, got.stdout)
	for _, mistake := range append(badMistakes, `telemetry path "metrics"`, "concurrency 0", "web configuration /nonexistent.yml") {
		assert.Equal(t, 1, strings.Count(got.stderr, mistake), "once: %s in %s", mistake, got.stderr)
	}
}

// TestQuietCommands log only when they are asked to: they print the outcome.
func TestQuietCommands(t *testing.T) {
	target := newTarget(t)
	config := "--config.file=" + writeConfig(t, "checks:\n"+httpCheck("down", target+"/down", "optional: true,"))
	for _, command := range []string{"check", "wait", "validate"} {
		got := call(t.Context(), command, config)
		assert.Equal(t, exitOK, got.code, command)
		assert.NotEmpty(t, got.stdout, command)
		assert.Empty(t, got.stderr, command)
	}
	for _, level := range []string{"debug", "info"} {
		assert.Contains(t, call(t.Context(), "check", config, "--log.level="+level).stderr, "configuration read")
	}
	t.Setenv("HEALTHCHECK_EXPORTER_LOG_LEVEL", "info")
	assert.Contains(t, call(t.Context(), "wait", config).stderr, "configuration read")
}

func TestWait(t *testing.T) {
	target := newTarget(t)
	var asked atomic.Int64
	late := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer late.Close()
	config := writeConfig(t, "checks:\n"+httpCheck("late", late.URL, "")+httpCheck("whatever", target+"/down", "optional: true,"))
	got := call(t.Context(), "wait", "--config.file="+config, "--timeout=20s")
	assert.Equal(t, exitOK, got.code, got.stderr)
	assert.Regexp(t, `(?m)^late +OK `, got.stdout)
	assert.EqualValues(t, 3, asked.Load())

	config = writeConfig(t, "checks:\n"+httpCheck("down", target+"/down", "")+httpCheck("up", target+"/up", ""))
	began := time.Now()
	got = call(t.Context(), "wait", "--config.file="+config, "--timeout=700ms")
	assert.Equal(t, exitFail, got.code)
	assert.Less(t, time.Since(began), 10*time.Second)
	assert.Contains(t, got.stderr, "not all checks are OK after 700ms\n")
	assert.Regexp(t, `(?m)^down +FAIL .* status 503`, got.stdout)

	config = writeConfig(t, "checks:\n"+httpCheck("slow", target+"/hang", ""))
	got = call(t.Context(), "wait", "--config.file="+config, "--timeout=100ms")
	assert.Equal(t, exitFail, got.code, "the checks need not return for that")
}

// TestInterrupt is Ctrl+C during each command that can take long.
func TestInterrupt(t *testing.T) {
	target := newTarget(t)
	config := writeConfig(t, "checks:\n"+httpCheck("slow", target+"/hang", ""))
	for _, args := range [][]string{
		{"check", "--config.file=" + config}, {"wait", "--config.file=" + config}, {"status", "--url=" + target + "/hang"}, {"healthy", "--url=" + target + "/hang"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(200*time.Millisecond, cancel)
		began := time.Now()
		got := call(ctx, args...)
		assert.Less(t, time.Since(began), 8*time.Second, args)
		assert.Equal(t, exitCannot, got.code, args)
		assert.Contains(t, got.stderr, "interrupted\n", args)
		assert.NotContains(t, got.stderr, "not all checks are OK", args)
	}
}

func TestStatus(t *testing.T) {
	answer := func(code int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(s.Close)
		return s.URL + "/status"
	}
	good := answer(http.StatusOK, `{"name":"agent","status":"OK","statusChecks":{}}`)
	got := call(t.Context(), "status", "--url="+good)
	assert.Equal(t, outcome{exitOK, "{\n  \"name\": \"agent\",\n  \"status\": \"OK\",\n  \"statusChecks\": {}\n}\n", ""}, got)

	got = call(t.Context(), "status", "--url="+answer(http.StatusServiceUnavailable, `{"name":"agent","status":"FAIL","statusChecks":{}}`))
	assert.Equal(t, exitFail, got.code)
	assert.Contains(t, got.stdout, `"status": "FAIL"`)
	assert.Equal(t, "the status is FAIL\n", got.stderr)
	got = call(t.Context(), "status", "--url="+answer(http.StatusOK, `{"status":"FAIL","statusChecks":{}}`))
	assert.Equal(t, exitFail, got.code, "the document counts")
	got = call(t.Context(), "status", "--url="+answer(http.StatusServiceUnavailable, `{"result":"FAIL","details":"down"}`))
	assert.Equal(t, exitFail, got.code)
	assert.Contains(t, got.stdout, `"details": "down"`)

	for _, other := range []string{"<html>", "{}", "[]", "null", `"OK"`, `{"status":"UP"}`, `{"status":"OK"}`, `{"statusChecks":{}}`, `{"status":1,"statusChecks":{}}`, ""} {
		got = call(t.Context(), "status", "--url="+answer(http.StatusOK, other))
		assert.Equal(t, exitFail, got.code, other)
		assert.Empty(t, got.stdout)
		assert.Contains(t, got.stderr, "answered 200 OK, but with no status document", other)
	}
	for code, want := range map[int]string{401: "wants other credentials: it answered 401 Unauthorized", 403: "wants other credentials", 404: "answered 404 Not Found", 500: "answered 500"} {
		got = call(t.Context(), "status", "--url="+answer(code, `{"name":"agent","status":"OK","statusChecks":{}}`))
		assert.Equal(t, exitFail, got.code)
		assert.Contains(t, got.stderr, want)
	}
	login := filepath.Join(t.TempDir(), "http.yml")
	require.NoError(t, os.WriteFile(login, []byte("authorization: { credentials: hunter2 }\n"), 0o600))
	private := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Authorization") != "Bearer hunter2" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(`{"result":"OK"}`))
	}))
	defer private.Close()
	assert.Equal(t, exitFail, call(t.Context(), "status", "--url="+private.URL).code)
	assert.Equal(t, exitOK, call(t.Context(), "status", "--url="+private.URL, "--http.config.file="+login).code)

	got = call(t.Context(), "status", "--url=http://user:hunter2@"+freeAddress(t)+"/status")
	assert.Equal(t, exitFail, got.code)
	assert.Contains(t, got.stderr, "could not query for the status")
	assert.NotContains(t, got.stderr, "hunter2")

	t.Setenv("HEALTHCHECK_EXPORTER_STATUS_URL", good)
	assert.Equal(t, exitOK, call(t.Context(), "status").code)
}

func TestEnvironment(t *testing.T) {
	target := newTarget(t)
	t.Setenv("HEALTHCHECK_EXPORTER_CONFIG_FILE", writeConfig(t, "checks:\n"+httpCheck("from-environment", target+"/up", "")))
	t.Setenv("HEALTHCHECK_EXPORTER_LOG_FORMAT", "json")
	t.Setenv("HEALTHCHECK_EXPORTER_LOG_LEVEL", "info")
	t.Setenv("HEALTHCHECK_EXPORTER_VERSION", "1.2.3") // names an image, and starts nothing else
	t.Setenv("HEALTHCHECK_EXPORTER_HELP", "no")
	t.Setenv("HEALTHCHECK_EXPORTER_PORT", "tcp://10.0.0.1:8989") // as Kubernetes sets it for a Service of this name
	got := call(t.Context(), "check")
	assert.Equal(t, exitOK, got.code, got.stderr)
	assert.Contains(t, got.stdout, "from-environment")
	assert.True(t, strings.HasPrefix(got.stderr, `{"time":`), got.stderr)
	other := writeConfig(t, "checks:\n"+httpCheck("from-flag", target+"/up", ""))
	assert.Contains(t, call(t.Context(), "check", "--config.file="+other).stdout, "from-flag", "a flag is stronger")
	t.Setenv("HEALTHCHECK_EXPORTER_TIMEOUT", "1ms")
	t.Setenv("HEALTHCHECK_EXPORTER_CONFIG_FILE", writeConfig(t, "checks:\n"+httpCheck("slow", target+"/hang", "")))
	assert.Contains(t, call(t.Context(), "wait").stderr, "not all checks are OK after 1ms")
	t.Setenv("HEALTHCHECK_EXPORTER_METRICS_DURATION_HISTOGRAM", "maybe")
	assert.Equal(t, exitCannot, call(t.Context(), "check").code)
}

// TestStatusURLIsNotItsOwnAddress keeps the variables of two different things apart.
func TestStatusURLIsNotItsOwnAddress(t *testing.T) {
	target := newTarget(t)
	t.Setenv("HEALTHCHECK_EXPORTER_URL", target+"/nowhere")
	t.Setenv("HEALTHCHECK_EXPORTER_STATUS_URL", target+"/up")
	got := call(t.Context(), "check")
	assert.Regexp(t, `(?m)^exporter +FAIL .*status 503`, got.stdout)
}
