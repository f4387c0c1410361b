package execcheck

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// waitDelay is how long a run waits for output after the program has ended, in case that a process which escaped from
// its group holds the pipe open.
const waitDelay = 500 * time.Millisecond

// killGrace is how long a program has, after it was asked to end, until it is killed.
const killGrace = time.Second

// run is what one run of the program has shown.
type run struct {
	stdout, stderr capture
	ended          bool // by itself, with an exit code or by a signal
	exitCode       int  // 128 and the signal's number if there was one
	signal         string
	values         []healthcheck.Value
}

func (r *run) matches(re *regexp.Regexp) bool {
	return re.Match(r.stdout.kept) || re.Match(r.stderr.kept)
}

// cutNote tells that a pattern may have failed because not all of the output was kept.
func (r *run) cutNote() string {
	if r.stdout.cut || r.stderr.cut {
		return fmt.Sprintf(" in the first %d bytes", max(len(r.stdout.kept), len(r.stderr.kept)))
	}
	return ""
}

// run runs the program to its end or to that of ctx. It fails if the program cannot be started or had to be killed.
func (c *checker) run(ctx context.Context) (run, error) {
	r := run{stdout: capture{limit: c.maxOutput}, stderr: capture{limit: c.maxOutput}}
	if err := ctx.Err(); err != nil {
		return r, fmt.Errorf("%s not started: %w", c.path, err)
	}
	// Not with ctx: what is to be done at its end takes longer than package exec has patience.
	cmd := exec.Command(c.path, c.args...) //nolint:gosec,noctx // to run the program that is configured is its purpose
	cmd.Dir, cmd.Env = c.dir, c.env
	cmd.Stdout, cmd.Stderr = &r.stdout, &r.stderr
	if c.stdin != "" {
		cmd.Stdin = strings.NewReader(c.stdin)
	}
	cmd.SysProcAttr = sysProcAttr()
	cmd.WaitDelay = waitDelay

	// Linux sends the death signal of the child when the thread that started it ends, so that thread may not be given
	// to other goroutines, which could end it (go.dev/issue/27505).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := ours.start(cmd); err != nil {
		return r, startError(cmd, err)
	}
	g := &group{cmd: cmd}
	release := context.AfterFunc(ctx, g.terminate)
	err := g.wait()
	release()
	ours.ended(cmd)
	state := cmd.ProcessState
	if state == nil { // somebody else reaped it
		return r, fmt.Errorf("wait for %s: %w", c.path, err)
	}
	cpu := healthcheck.Value{Measure: measureCPU, Value: (state.UserTime() + state.SystemTime()).Seconds()}
	r.values = append(r.values, cpu)
	if g.canceled() {
		return r, fmt.Errorf("%s had not ended: %w", c.path, ctx.Err())
	}
	r.ended, r.exitCode = true, state.ExitCode()
	if sig, ok := endedBy(state); ok {
		r.exitCode, r.signal = 128+int(sig), sig.String()
	}
	r.values = append(r.values, healthcheck.Value{Measure: measureExitCode, Value: float64(r.exitCode)})
	return r, nil
}

// startError says why the program could not be started, with the usual mistakes named.
func startError(cmd *exec.Cmd, err error) error {
	file := cmd.Path
	if cmd.Dir != "" {
		if _, err := os.Stat(cmd.Dir); err != nil {
			return fmt.Errorf("start %s: working directory: %w", cmd.Args[0], err)
		}
		if !filepath.IsAbs(file) {
			file = filepath.Join(cmd.Dir, file)
		}
	}
	hint := ""
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		hint = "; a script must begin with a line such as #!/bin/sh, a program must be for this machine"
	case !errors.Is(err, fs.ErrNotExist):
	case fileExists(file):
		hint = "; does the interpreter that its first line names exist?"
	case len(cmd.Args) == 1 && strings.Contains(file, " "):
		hint = "; in the command, arguments are items of their own"
	}
	return fmt.Errorf("start: %w%s", err, hint)
}

func fileExists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// group is the process group of one run. It is signalled while its leader, the program, has not been reaped: until then
// no other group can get its number.
type group struct {
	cmd *exec.Cmd

	mu         sync.Mutex
	over       bool // the program has ended; what is left has been killed
	terminated bool // it was asked to end
	deadline   time.Time
	timer      *time.Timer
}

// terminate asks the group to end, at the end of the context, and kills it a while later.
func (g *group) terminate() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over {
		return
	}
	g.terminated = true
	g.deadline = time.Now().Add(killGrace)
	_ = terminateGroup(g.cmd.Process)
	g.timer = time.AfterFunc(killGrace, g.kill)
}

// kill kills the group, unless it is gone.
func (g *group) kill() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.over {
		_ = killGroup(g.cmd.Process)
	}
}

// finish kills what the program has left behind. If the group was asked to end, others in it than the program have as
// long as that. Terminate and kill do nothing from now on.
func (g *group) finish() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = true
	if g.timer != nil {
		g.timer.Stop()
		for pause := time.Millisecond; time.Now().Before(g.deadline) && !groupIsEmpty(g.cmd.Process); pause *= 2 {
			time.Sleep(min(pause, time.Until(g.deadline)))
		}
	}
	_ = killGroup(g.cmd.Process) // usually there is nothing left
}

func (g *group) canceled() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.terminated
}
