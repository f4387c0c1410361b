//go:build unix

package execcheck_test

import (
	"bufio"
	"encoding/hex"
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

// burnt is the CPU time that the program burn takes.
const burnt = 50 * time.Millisecond

// The programs that the tests run are this test's own binary, which does what the variable says instead of testing.
const (
	programVariable = "EXECCHECK_TEST_PROGRAM"
	programPrefix   = "run:" // so that the value is in no output, where it would be hidden
)

// What the programs need to end quickly and quietly: one built with the race detector sleeps for a second before it
// ends, one built for coverage complains on standard error if it cannot write its counters.
const quickExit = "atexit_sleep_ms=0"

var coverDir string

var programs = map[string]func(args []string){
	"say": func(args []string) { fmt.Print(strings.Join(decode(args), " ")) },
	"echo": func([]string) { // all that it is given
		in, err := io.ReadAll(os.Stdin)
		exitIf(err)
		fmt.Println(os.Args[1:], os.Environ(), string(in))
		os.Exit(3)
	},
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
	"exit": func(args []string) { // code, standard output, standard error; what follows is for nobody
		var code int
		_, err := fmt.Sscan(args[0], &code)
		exitIf(err)
		texts := decode(args[1:3])
		fmt.Print(texts[0])
		fmt.Fprint(os.Stderr, texts[1])
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
	"burn": func([]string) { // until it has had so much of the processor, however long that takes
		var used syscall.Rusage
		for time.Duration(used.Utime.Nano()+used.Stime.Nano()) < burnt {
			exitIf(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
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
	"polite": func(args []string) { // says goodbye when asked to end
		asked := make(chan os.Signal, 1)
		signal.Notify(asked, syscall.SIGTERM)
		writePID(args[0], os.Getpid())
		<-asked
		fmt.Println("asked to end")
		if len(args) > 1 {
			exitIf(os.WriteFile(args[1], []byte("cleaned up"), 0o600))
		}
	},
	"parent-of-polite": func(args []string) { // which has children that take a while longer than it
		startProgram("polite", false, args[0], args[1])
		hang(nil)
	},
	"parent-of-daemon": func([]string) { // leaves processes behind that end soon, one in a session of its own
		startProgram("daemon", true)
	},
	"daemon":            func([]string) { startProgram("say", false) },
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
	writePID(pidFile, startProgram(program, ownSession))
}

func startProgram(program string, ownSession bool, args ...string) (pid int) {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), programVariable+"="+programPrefix+program)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: ownSession}
	exitIf(cmd.Start())
	return cmd.Process.Pid
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
	name := strings.TrimPrefix(os.Getenv(programVariable), programPrefix)
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
	return map[string]string{programVariable: programPrefix + program, "GORACE": quickExit, "GOCOVERDIR": coverDir}
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

// encode returns texts as arguments of programs that print them, which is not to hide them.
func encode(texts []string) []string {
	args := make([]string, len(texts))
	for i, text := range texts {
		args[i] = hex.EncodeToString([]byte(text))
	}
	return args
}

func decode(args []string) []string {
	texts := make([]string, len(args))
	for i, arg := range args {
		text, err := hex.DecodeString(arg)
		exitIf(err)
		texts[i] = string(text)
	}
	return texts
}

// program returns the configuration that runs one of the programs above.
func program(name string, args ...string) execcheck.Config {
	switch name {
	case "say":
		args = encode(args)
	case "exit":
		args = append([]string{args[0]}, encode(args[1:])...)
	}
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
