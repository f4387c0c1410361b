//go:build unix

package execcheck_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/execcheck"
)

func TestResults(t *testing.T) {
	const want, critical = "exit code 3, want 0", "DISK CRITICAL - full | /=99%;80;90"
	for name, tc := range map[string]struct {
		program  []string // name and arguments
		format   string
		expect   execcheck.Expect
		reason   healthcheck.Reason // none: OK
		details  string
		exitCode float64
	}{
		"ok":                     {program: []string{"say", "hello"}},
		"ok with errors printed": {program: []string{"exit", "0", "", "warning"}},
		"exit code":              {program: []string{"exit", "3", "", ""}, reason: healthcheck.ReasonExitCode, details: want, exitCode: 3},
		"exit code, output":      {program: []string{"exit", "3", "\n  one \ntwo", ""}, reason: healthcheck.ReasonExitCode, details: want + ": one", exitCode: 3},
		"exit code, errors first": {
			program: []string{"exit", "3", "out", "no such table"}, reason: healthcheck.ReasonExitCode,
			details: want + ": no such table", exitCode: 3,
		},
		"exit code, garbage": {
			program: []string{"garbage"}, reason: healthcheck.ReasonExitCode,
			details: want + ": ??[31m??? red ?", exitCode: 3,
		},
		"wanted exit code": {
			program: []string{"exit", "3", "", ""}, expect: execcheck.Expect{ExitCodes: []int{1, 3}}, exitCode: 3,
		},
		"unwanted zero": {
			program: []string{"say"}, expect: execcheck.Expect{ExitCodes: []int{1, 3}},
			reason: healthcheck.ReasonExitCode, details: "exit code 0, want 1 or 3",
		},
		"output matches": {
			program: []string{"exit", "0", "a\nUP 17\n", ""}, expect: execcheck.Expect{OutputMatches: []string{`(?m)^UP \d+$`, "a"}},
		},
		"errors match too": {
			program: []string{"exit", "0", "", "version 17"}, expect: execcheck.Expect{OutputMatches: []string{`^version 17$`}},
		},
		"output does not match": {
			program: []string{"exit", "0", "DOWN\n", ""}, expect: execcheck.Expect{OutputMatches: []string{"DOWN", "^UP"}},
			reason: healthcheck.ReasonBody, details: `output does not match "^UP": DOWN`,
		},
		"no output does not match": {
			program: []string{"say"}, expect: execcheck.Expect{OutputMatches: []string{"UP"}},
			reason: healthcheck.ReasonBody, details: `output does not match "UP"`,
		},
		"unwanted output": {
			program: []string{"exit", "0", "", "Error: x"}, expect: execcheck.Expect{OutputNotMatches: []string{"zzz", "(?i)error"}},
			reason: healthcheck.ReasonBody, details: `output matches "(?i)error": Error: x`,
		},
		"exit code before output": {
			program: []string{"exit", "3", "x", ""}, expect: execcheck.Expect{OutputNotMatches: []string{"x"}},
			reason: healthcheck.ReasonExitCode, details: want + ": x", exitCode: 3,
		},

		"plugin ok":             {program: []string{"exit", "0", "DISK OK - free | /=10%", ""}, format: "nagios", details: "DISK OK - free"},
		"plugin silent":         {program: []string{"say"}, format: "nagios"},
		"plugin warning":        {program: []string{"exit", "1", "DISK WARNING", ""}, format: "nagios", details: "warning: DISK WARNING", exitCode: 1},
		"plugin warning silent": {program: []string{"exit", "1", "", ""}, format: "nagios", details: "warning", exitCode: 1},
		"plugin critical": {
			program: []string{"exit", "2", critical, "deprecated"}, format: "nagios",
			reason: healthcheck.ReasonExitCode, details: "critical: DISK CRITICAL - full", exitCode: 2,
		},
		"plugin unknown": {
			program: []string{"exit", "3", "", "usage: check_x -H host"}, format: "nagios",
			reason: healthcheck.ReasonExitCode, details: "unknown: usage: check_x -H host", exitCode: 3,
		},
		"plugin crashed": {
			program: []string{"exit", "77", "", ""}, format: "nagios",
			reason: healthcheck.ReasonExitCode, details: "exit code 77", exitCode: 77,
		},
		"plugin warning unwanted": {
			program: []string{"exit", "1", "slow", ""}, format: "nagios", expect: execcheck.Expect{ExitCodes: []int{0}},
			reason: healthcheck.ReasonExitCode, details: "warning: slow", exitCode: 1,
		},
		"plugin ok unwanted": {
			program: []string{"say", "fine"}, format: "nagios", expect: execcheck.Expect{ExitCodes: []int{2}},
			reason: healthcheck.ReasonExitCode, details: "exit code 0: fine",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := program(tc.program[0], tc.program[1:]...)
			c.Format, c.Expect = tc.format, tc.expect
			res := check(t, c)
			assert.Equal(t, tc.reason, res.Reason)
			assert.Equal(t, tc.reason != healthcheck.ReasonNone, res.Failed())
			assert.Equal(t, tc.details, res.Details)
			got := values(res)
			assert.Contains(t, got, "exec_exit_code")
			assert.InDelta(t, tc.exitCode, got["exec_exit_code"], 0)
			assert.Positive(t, got["exec_cpu_seconds"])
		})
	}
}

func TestPerformanceData(t *testing.T) {
	c := program("exit", "2", "LOAD CRITICAL | load1=4.7;5;10;0 'time to live'=250ms\nmore\n| /=97%", "")
	c.Format = execcheck.FormatNagios
	res := check(t, c)
	assert.True(t, res.Failed())
	got := values(res)
	assert.InDelta(t, 4.7, got["value/load1"], 0)
	assert.InDelta(t, 0.25, got["value/time to live"], 0)
	assert.InDelta(t, 0.97, got["value//"], 0)
	assert.Len(t, got, 5)

	for output, n := range map[string]int{
		"paging OK | a/s=0, b/s=5, c/s=13":                   3,
		"OK | 'CPU Utilization' = 11.11%;10.0;20.0":          1,
		`OK | c:\ Used Space=9.4GB;90;95 d:\ Used Space=1GB`: 2,
		"OK | 'open=1 b=2":                                   2,
		"OK | 'a\nb'=1 b=2":                                  2,
		"CRITICAL - a | b: job id=4711 failed | errors=1":    1,
		"CRITICAL - a | b: job id=4711 failed":               0,
	} {
		c := program("exit", "0", output, "")
		c.Format = execcheck.FormatNagios
		assert.Len(t, values(check(t, c)), 2+n, output)
	}

	c.Format = execcheck.FormatText
	assert.Len(t, values(check(t, c)), 2, "only what the format says is performance data")
}

// TestLabelsAreBoundedInRuns: the bound is that of a check, not of a run.
func TestLabelsAreBoundedInRuns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "output")
	checker, err := execcheck.New(execcheck.Config{Command: []string{"cat", file}, Format: execcheck.FormatNagios})
	require.NoError(t, err)
	labels := make(map[string]bool)
	var details string
	for run := range 5 {
		var b strings.Builder
		b.WriteString("OK |")
		for i := range execcheck.MaxPerformanceValues {
			fmt.Fprintf(&b, " run%d_%d=1", run, i)
		}
		require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o600))
		res := checker.Check(t.Context())
		require.False(t, res.Failed(), res.Details)
		for _, v := range res.Values {
			labels[v.Label] = true
		}
		details = res.Details
	}
	assert.Len(t, labels, execcheck.MaxLabels+1, "and one for the values without a label")
	assert.Equal(t, "OK (dropped of the performance data: too many labels: run4_0, too many labels: run4_1, "+
		"too many labels: run4_2 and 497 more)", details)
}

func TestCPU(t *testing.T) {
	assert.GreaterOrEqual(t, values(check(t, program("burn")))["exec_cpu_seconds"], burnt.Seconds())
}

func TestOutputIsBounded(t *testing.T) {
	c := program("flood")
	c.Expect.OutputMatches = []string{"flooded"}
	assert.False(t, check(t, c).Failed(), "standard error has a bound of its own")

	c.Expect.OutputMatches = []string{"^z{1000}"}
	assert.False(t, check(t, c).Failed(), "the beginning is kept")

	c.MaxOutputBytes = 10
	c.Expect.OutputMatches = []string{"^z{10}$"}
	assert.False(t, check(t, c).Failed(), "no more is kept than asked for")

	c.Expect.OutputMatches = []string{"y"}
	res := check(t, c)
	assert.Equal(t, healthcheck.ReasonBody, res.Reason)
	assert.Equal(t, `output does not match "y" in the first 10 bytes: flooded`, res.Details)
}

func TestDeadline(t *testing.T) {
	for _, name := range []string{"endless", "hang", "hang-ignoring-signals"} {
		t.Run(name, func(t *testing.T) {
			checker, err := execcheck.New(program(name))
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			began := time.Now()
			res := checker.Check(ctx)
			assert.Less(t, time.Since(began), 10*time.Second)
			assert.True(t, res.Failed())
			assert.Equal(t, healthcheck.ReasonTimeout, res.Reason)
			assert.True(t, strings.HasPrefix(res.Details, os.Args[0]+" had not ended: context deadline exceeded: "), res.Details)
			got := values(res)
			assert.NotContains(t, got, "exec_exit_code", "it has none of its own")
			assert.Contains(t, got, "exec_cpu_seconds")
		})
	}
}

func TestDeadlinePassed(t *testing.T) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	checker, err := execcheck.New(program("say"))
	require.NoError(t, err)
	res := checker.Check(ctx)
	assert.Equal(t, healthcheck.ReasonTimeout, res.Reason)
	assert.Equal(t, os.Args[0]+" not started: context deadline exceeded", res.Details)
	assert.Empty(t, res.Values)
}

func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	pidFile := filepath.Join(t.TempDir(), "pid")
	checker, err := execcheck.New(program("hang", pidFile))
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer cancel()
		awaitPID(t, pidFile)
	})
	res := checker.Check(ctx)
	wg.Wait()
	assert.Equal(t, healthcheck.ReasonError, res.Reason)
	assert.Contains(t, res.Details, "had not ended: context canceled")
}

// awaitPID returns the process id in a file that a program is about to write.
func awaitPID(t *testing.T, file string) int {
	t.Helper()
	var pid int
	assert.Eventually(t, func() bool {
		text, err := os.ReadFile(file)
		pid = atoi(string(text))
		return err == nil && pid > 0
	}, 20*time.Second, 5*time.Millisecond)
	return pid
}

func atoi(s string) int {
	n := 0
	for _, c := range s {
		n = n*10 + int(c-'0')
	}
	return n
}

func TestEnvironment(t *testing.T) {
	t.Setenv("TOP_SECRET", "hunter2")
	t.Setenv("WANTED", "w")
	t.Setenv("LC_ALL", "C.UTF-8")
	t.Setenv("HOME", "/home/test")

	env := func(c execcheck.Config) []string {
		file := filepath.Join(t.TempDir(), "env")
		c.Command = []string{os.Args[0], file}
		c.Env = variables("env")
		c.Env["ADDED"], c.Env["TZ"] = "a=b", "UTC"
		res := check(t, c)
		require.False(t, res.Failed(), res.Details)
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		return strings.Split(string(text), "\n")
	}

	got := env(execcheck.Config{})
	assert.Contains(t, got, "HOME=/home/test")
	assert.Contains(t, got, "PATH="+os.Getenv("PATH"))
	assert.Contains(t, got, "LC_ALL=C.UTF-8")
	assert.Contains(t, got, "ADDED=a=b")
	assert.Contains(t, got, "TZ=UTC")
	assert.NotContains(t, strings.Join(got, "\n"), "hunter2", "secrets of the exporter stay with it")
	assert.NotContains(t, got, "WANTED=w")

	got = env(execcheck.Config{InheritEnv: []string{"WANTED", "MISSING"}})
	assert.Contains(t, got, "WANTED=w")
	assert.NotContains(t, strings.Join(got, "\n"), "hunter2")

	assert.Contains(t, env(execcheck.Config{InheritEnv: []string{"*"}}), "TOP_SECRET=hunter2")

	got = env(execcheck.Config{Format: execcheck.FormatNagios})
	assert.Contains(t, got, "LC_NUMERIC=C")
	assert.NotContains(t, got, "LC_ALL=C.UTF-8", "it would override LC_NUMERIC")
}

func TestEnvironmentIsNotTheExportersWhenEmpty(t *testing.T) {
	for _, v := range os.Environ() {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value) // restores it
		require.NoError(t, os.Unsetenv(name))
	}
	t.Setenv(programVariable, programPrefix+"exit") // would be run with no arguments, and crash

	file := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\n[ -z \"$"+programVariable+"\" ]\n"), 0o700))
	res := check(t, execcheck.Config{Command: []string{file}})
	assert.False(t, res.Failed(), res.Details)
}

func TestDirAndStdin(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	c := program("dir")
	c.Dir = dir
	c.Expect.OutputMatches = []string{"^" + regexp.QuoteMeta(dir) + "$"}
	res := check(t, c)
	assert.False(t, res.Failed(), res.Details)

	c = program("cat")
	c.Expect.OutputMatches = []string{`\A\z`}
	assert.False(t, check(t, c).Failed(), "nothing to read")

	c.Stdin = "hello\nworld"
	c.Expect.OutputMatches = []string{`\Ahello\nworld\z`}
	assert.False(t, check(t, c).Failed())

	c = program("say")
	c.Stdin = strings.Repeat("x", 1<<20)
	res = check(t, c)
	assert.False(t, res.Failed(), "a program need not read: %s", res.Details)
}

func TestCannotStart(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		name = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(name, []byte(text), mode))
		return name
	}
	plain := write("plain", "#!/bin/sh\n", 0o600)
	noInterpreter := write("no-interpreter", "#!/nonexistent/python\n", 0o700)
	noFormat := write("no-format", "exit 0\n", 0o700)
	for name, tc := range map[string]struct {
		command []string
		dir     string
		want    string
	}{
		"missing in PATH":  {[]string{"no-such-program-anywhere"}, "", `start: exec: "no-such-program-anywhere": executable file not found in $PATH`},
		"missing":          {[]string{"/nonexistent/x", "a"}, "", "start: fork/exec /nonexistent/x: no such file or directory"},
		"arguments inside": {[]string{plain + " -v"}, "", "start: fork/exec " + plain + " -v: no such file or directory; in the command, arguments are items of their own"},
		"not executable":   {[]string{plain}, "", "start: fork/exec " + plain + ": permission denied"},
		"a directory":      {[]string{dir}, "", "start: fork/exec " + dir + ": permission denied"},
		"no interpreter": {
			[]string{noInterpreter}, "",
			"start: fork/exec " + noInterpreter + ": no such file or directory; does the interpreter that its first line names exist?",
		},
		"no interpreter, relative": {
			[]string{"./no-interpreter"}, dir,
			"start: fork/exec ./no-interpreter: no such file or directory; does the interpreter that its first line names exist?",
		},
		"no format": {
			[]string{noFormat}, "",
			"start: fork/exec " + noFormat + ": exec format error; a script must begin with a line such as #!/bin/sh, a program must be for this machine",
		},
		"no such directory": {
			[]string{os.Args[0]}, "/nonexistent",
			"start " + os.Args[0] + ": working directory: stat /nonexistent: no such file or directory",
		},
	} {
		t.Run(name, func(t *testing.T) {
			res := check(t, execcheck.Config{Command: tc.command, Dir: tc.dir})
			assert.Equal(t, healthcheck.FAIL, res.Level)
			assert.Equal(t, healthcheck.ReasonError, res.Reason)
			assert.Equal(t, tc.want, res.Details)
			assert.Empty(t, res.Values)
		})
	}
}

func TestProgramMayAppearLater(t *testing.T) {
	file := filepath.Join(t.TempDir(), "later")
	checker, err := execcheck.New(execcheck.Config{Command: []string{file}})
	require.NoError(t, err)
	assert.True(t, checker.Check(t.Context()).Failed())
	require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\n"), 0o700))
	res := checker.Check(t.Context())
	assert.False(t, res.Failed(), res.Details)
}

func TestConcurrentRuns(t *testing.T) {
	checker, err := execcheck.New(program("exit", "3", "out", "err"))
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 4 {
				assert.Equal(t, "exit code 3, want 0: err", checker.Check(t.Context()).Details)
			}
		})
	}
	wg.Wait()
}

func TestBrokenConfigs(t *testing.T) {
	ok := []string{"true"}
	for name, tc := range map[string]struct {
		config execcheck.Config
		fields []string
	}{
		"empty":         {execcheck.Config{}, []string{"command"}},
		"empty program": {execcheck.Config{Command: []string{"", "x"}}, []string{"command"}},
		"NUL":           {execcheck.Config{Command: []string{"a", "b\x00", "\x00"}}, []string{"command[1]", "command[2]"}},
		"env names": {
			execcheck.Config{Command: ok, Env: map[string]string{"": "", "A=B": "", "GOOD": "", "NUL": "\x00"}},
			[]string{"env", "env", "env.NUL"},
		},
		"inherit_env":      {execcheck.Config{Command: ok, InheritEnv: []string{"A", "", "B=C"}}, []string{"inherit_env[1]", "inherit_env[2]"}},
		"dir":              {execcheck.Config{Command: ok, Dir: "\x00"}, []string{"dir"}},
		"format":           {execcheck.Config{Command: ok, Format: "json"}, []string{"format"}},
		"negative output":  {execcheck.Config{Command: ok, MaxOutputBytes: -1}, []string{"max_output_bytes"}},
		"unbounded output": {execcheck.Config{Command: ok, MaxOutputBytes: 1 << 40}, []string{"max_output_bytes"}},
		"exit codes":       {execcheck.Config{Command: ok, Expect: execcheck.Expect{ExitCodes: []int{0, -1, 256}}}, []string{"expect.exit_codes[1]", "expect.exit_codes[2]"}},
		"patterns": {
			execcheck.Config{Command: ok, Expect: execcheck.Expect{OutputMatches: []string{"ok", "("}, OutputNotMatches: []string{"["}}},
			[]string{"expect.output_matches[1]", "expect.output_not_matches[0]"},
		},
		"everything": {
			execcheck.Config{
				Env: map[string]string{"": ""}, InheritEnv: []string{""}, Dir: "\x00", Format: "x", MaxOutputBytes: -1,
				Expect: execcheck.Expect{ExitCodes: []int{-1}, OutputMatches: []string{"("}},
			},
			[]string{"command", "env", "inherit_env[0]", "dir", "format", "max_output_bytes", "expect.exit_codes[0]", "expect.output_matches[0]"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			checker, err := execcheck.New(tc.config)
			assert.Nil(t, checker)
			var joined interface{ Unwrap() []error }
			require.ErrorAs(t, err, &joined)
			var fields []string
			for _, e := range joined.Unwrap() {
				var fe *healthcheck.FieldError
				require.ErrorAs(t, e, &fe)
				fields = append(fields, fe.Field)
			}
			assert.Equal(t, tc.fields, fields)
		})
	}
}

func TestConfigIsCopied(t *testing.T) {
	c := program("exit", "3", "", "")
	c.Expect.ExitCodes = []int{3}
	checker, err := execcheck.New(c)
	require.NoError(t, err)
	c.Command[1], c.Expect.ExitCodes[0] = "4", 4
	res := checker.Check(t.Context())
	assert.False(t, res.Failed(), res.Details)
}

func TestTarget(t *testing.T) {
	c := execcheck.Config{Command: []string{"/usr/bin/mysqladmin", "--password=hunter2", "ping"}}
	assert.Equal(t, "/usr/bin/mysqladmin", c.Target(), "arguments may be secret")
	assert.Empty(t, execcheck.Config{}.Target())
}
