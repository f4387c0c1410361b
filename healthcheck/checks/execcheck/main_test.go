//go:build unix

package execcheck_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/execcheck"
)

// The programs that the tests run are this test's own binary, which does what the variable says instead of testing.
const programVariable = "EXECCHECK_TEST_PROGRAM"

// What the programs need to end quickly and quietly: one built with the race detector sleeps for a second before it
// ends, one built for coverage complains on standard error if it cannot write its counters.
const quickExit = "atexit_sleep_ms=0"

var coverDir string

var programs = map[string]func(args []string){
	"say": func(args []string) { fmt.Print(strings.Join(args, " ")) },
	"env": func(args []string) {
		exitIf(os.WriteFile(args[0], []byte(strings.Join(os.Environ(), "\n")), 0o600))
	},
	"dir": func([]string) {
		dir, err := os.Getwd()
		exitIf(err)
		fmt.Print(dir)
	},
	"cat": func([]string) {
		_, err := io.Copy(os.Stdout, os.Stdin)
		exitIf(err)
	},
	"exit": func(args []string) { // code, standard output, standard error
		var code int
		_, err := fmt.Sscan(args[0], &code)
		exitIf(err)
		fmt.Print(args[1])
		fmt.Fprint(os.Stderr, args[2])
		os.Exit(code)
	},
	"endless": func([]string) {
		for line := strings.Repeat("y", 1023) + "\n"; ; {
			if _, err := io.WriteString(os.Stdout, line); err != nil {
				os.Exit(9)
			}
		}
	},
	"flood": func([]string) { // 8 MiB, then an end
		w := bufio.NewWriter(os.Stdout)
		for range 8 << 10 {
			_, _ = w.WriteString(strings.Repeat("z", 1024))
		}
		exitIf(w.Flush())
		fmt.Fprint(os.Stderr, "flooded")
	},
	"garbage": func([]string) {
		_, _ = os.Stdout.Write([]byte("\x00\x1b[31m\xff\xfe\x80 red \x07\n\x00"))
		os.Exit(3)
	},
	"burn": func([]string) {
		for began := time.Now(); time.Since(began) < 100*time.Millisecond; {
		}
	},
	"kill-itself": func([]string) {
		fmt.Fprintln(os.Stderr, "goodbye")
		exitIf(syscall.Kill(os.Getpid(), syscall.SIGKILL))
		hang(nil)
	},
	"hang": func(args []string) { hang(args) },
	"hang-ignoring-signals": func(args []string) {
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
		hang(args)
	},
	"parent": func(args []string) { // of a process that keeps the output open: ends itself, or hangs
		startChild(args[0], "hang-ignoring-signals", false)
		if args[1] == "hang" {
			hang(nil)
		}
	},
	"parent-of-runaway": func(args []string) { startChild(args[0], "hang", true) },
}

// hang writes its process id to the file named by the first argument, if there is one, and outlasts any test.
func hang(args []string) {
	if len(args) > 0 {
		writePID(args[0], os.Getpid())
	}
	fmt.Println("hanging")
	time.Sleep(time.Minute)
}

// startChild starts a program that inherits the standard output and error of this one, and tells its process id.
func startChild(pidFile, program string, ownSession bool) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), programVariable+"="+program)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: ownSession}
	exitIf(cmd.Start())
	writePID(pidFile, cmd.Process.Pid)
}

func writePID(file string, pid int) {
	temp := fmt.Sprintf("%s.%d", file, pid)
	exitIf(os.WriteFile(temp, fmt.Append(nil, pid), 0o600))
	exitIf(os.Rename(temp, file))
}

func exitIf(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}

func TestMain(m *testing.M) {
	name := os.Getenv(programVariable)
	for _, known := range []map[string]func([]string){programs, platformPrograms} {
		if program, ok := known[name]; ok {
			program(os.Args[1:])
			os.Exit(0)
		}
	}
	var err error
	coverDir, err = os.MkdirTemp("", "execcheck")
	exitIf(err)
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(coverDir)
		os.Exit(code)
	}))
}

// variables returns the environment in which this test's binary runs a program.
func variables(program string) map[string]string {
	return map[string]string{programVariable: program, "GORACE": quickExit, "GOCOVERDIR": coverDir}
}

// runner returns the command that runs a program without the package under test.
func runner(t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = os.Environ()
	for name, value := range variables(program) {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

// program returns the configuration that runs one of the programs above.
func program(name string, args ...string) execcheck.Config {
	return execcheck.Config{
		Command: append([]string{os.Args[0]}, args...),
		Env:     variables(name),
	}
}

func check(t *testing.T, c execcheck.Config) healthcheck.Result {
	t.Helper()
	checker, err := execcheck.New(c)
	require.NoError(t, err)
	return checker.Check(t.Context())
}

func values(res healthcheck.Result) map[string]float64 {
	m := make(map[string]float64)
	for _, v := range res.Values {
		name := v.Measure.Name()
		if v.Label != "" {
			name += "/" + v.Label
		}
		m[name] = v.Value
	}
	return m
}
