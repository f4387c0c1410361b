package execcheck

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

// wait waits for the program and leaves nothing of its group.
func (g *group) wait() error {
	ended := g.awaitEnd()
	if ended {
		g.finish()
	}
	err := g.cmd.Wait()
	if !ended {
		g.finish()
	}
	reapGroup(g.cmd.Process.Pid)
	return err
}

// awaitEnd waits until the program has ended, but does not reap it, which keeps the number of its group ours. It
// returns false where a sandbox does not let us wait so.
func (g *group) awaitEnd() bool {
	for {
		err := unix.Waitid(unix.P_PID, g.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil
		}
	}
}

// groupIsEmpty reports whether all processes of the group that p leads, or led, have ended.
func groupIsEmpty(p *os.Process) bool {
	empty := true
	err := eachProcess(func(s *processStat) {
		if s.group == p.Pid && s.state != 'Z' && s.state != 'X' {
			empty = false
		}
	})
	return err == nil && empty
}
