package execcheck_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/execcheck"
)

// platformPrograms are those that run checks themselves.
var platformPrograms = map[string]func(args []string){
	"exporter": func(args []string) { runCheck(program("hang", args...)) },
	"init":     beInit,

	"init-of-daemons": beInitOfDaemons,
}

func runCheck(c execcheck.Config) {
	c.Env["GOCOVERDIR"] = os.Getenv("GOCOVERDIR")
	checker, err := execcheck.New(c)
	exitIf(err)
	checker.Check(context.Background())
}

// beInit runs checks that leave processes behind as the process that inherits orphans, like the first of a container,
// and prints the zombies it then has.
func beInit(args []string) {
	exitIf(unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	for range 5 {
		runCheck(program("parent", args[0], "end"))
	}
	fmt.Print(zombies(os.Getpid()))
}

// beInitOfDaemons runs checks whose programs leave processes in other sessions behind, and has a child of its own that
// it waits for late. It prints what is left when nothing is left but that.
func beInitOfDaemons([]string) {
	exitIf(unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	child := exec.Command(os.Args[0], "7", "", "")
	child.Env = append(os.Environ(), programVariable+"="+programPrefix+"exit")
	exitIf(child.Start())
	for range 3 {
		runCheck(program("parent-of-daemon"))
	}
	for range 100 {
		runCheck(program("say"))
		if left := zombies(os.Getpid()); len(left) == 1 && left[0] == child.Process.Pid {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	left := zombies(os.Getpid())
	err := child.Wait()
	fmt.Print(len(left), " ", err)
}

func TestOrphansAreReaped(t *testing.T) {
	out, err := runner(t, "init-of-daemons").CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Equal(t, "1 exit status 7", string(out), "only what is somebody's own is left to them")
}

func TestNoZombies(t *testing.T) {
	checker, err := execcheck.New(program("say", "x"))
	require.NoError(t, err)
	for range 100 {
		require.False(t, checker.Check(t.Context()).Failed())
	}
	assert.Empty(t, zombies(os.Getpid()))
}

func TestNoZombiesWhereOrphansAreOurs(t *testing.T) {
	out, err := runner(t, "init", filepath.Join(t.TempDir(), "pid")).CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Equal(t, "[]", string(out))
}

func TestProgramDiesWithExporter(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	exporter := runner(t, "exporter", pidFile)
	require.NoError(t, exporter.Start())
	pid := awaitPID(t, pidFile)
	require.NoError(t, unix.Kill(pid, 0), "it runs")
	require.NoError(t, exporter.Process.Kill())
	assert.Error(t, exporter.Wait())
	assertDead(t, pid)
}

// Threads that end, because a goroutine that is locked to one ends, must not take programs with them.
func TestProgramSurvivesOtherThreads(t *testing.T) {
	checker, err := execcheck.New(program("say"))
	require.NoError(t, err)
	var checks, threads sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	for range 2 {
		threads.Go(func() {
			for ctx.Err() == nil {
				var one sync.WaitGroup
				one.Go(runtime.LockOSThread) // never unlocked: the thread ends with the goroutine
				one.Wait()
			}
		})
	}
	for range 8 {
		checks.Go(func() {
			for range 10 {
				assert.Empty(t, checker.Check(t.Context()).Details)
			}
		})
	}
	checks.Wait()
	cancel()
	threads.Wait()
}

// zombies returns the dead children of a process that it has not reaped.
func zombies(parent int) []int {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	exitIf(err)
	found := []int{}
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		exitIf(err)
		if state, ppid := processState(pid); state == 'Z' && ppid == parent {
			found = append(found, pid)
		}
	}
	return found
}

func isZombie(pid int) bool {
	state, _ := processState(pid)
	return state == 'Z'
}

// processState returns the state letter and the parent of a process, zeros if there is none.
func processState(pid int) (state byte, parent int) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0
	}
	_, err = fmt.Sscanf(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " %c %d", &state, &parent)
	exitIf(err)
	return state, parent
}
