//go:build unix

package execcheck

import (
	"errors"
	"os"
	"syscall"
	"time"
)

const maxExitCode = 255

var inheritedNames = []string{"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR"}

// killGroup kills the process group that p leads.
func killGroup(p *os.Process) error {
	err := syscall.Kill(-p.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// terminateGroup asks the process group that p leads to end.
func terminateGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGTERM) }

// reapGroup reaps the killed rest of a process group whose leader has been reaped. It has something to do only if
// this program is the one that orphans go to: the first process of a container without an init, or a subreaper.
func reapGroup(pgid int) {
	for began := time.Now(); time.Since(began) < waitDelay; {
		pid, err := syscall.Wait4(-pgid, nil, syscall.WNOHANG, nil)
		switch {
		case err != nil && !errors.Is(err, syscall.EINTR):
			return // no children of ours in the group
		case pid == 0:
			time.Sleep(time.Millisecond) // killed, and about to die
		}
	}
}

// endedBy returns the signal that ended a process, if one did.
func endedBy(state *os.ProcessState) (syscall.Signal, bool) {
	ws, ok := state.Sys().(syscall.WaitStatus)
	if !ok || !ws.Signaled() {
		return 0, false
	}
	return ws.Signal(), true
}
