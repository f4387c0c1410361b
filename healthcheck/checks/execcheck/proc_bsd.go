//go:build unix && !linux

package execcheck

import (
	"errors"
	"os"
	"syscall"
)

func sysProcAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// wait waits for the program, then kills the rest of its group. In between, where the group is empty, its number could
// in theory be taken by another; there is no portable way to wait without reaping.
func (g *group) wait() error {
	err := g.cmd.Wait()
	g.finish()
	reapGroup(g.cmd.Process.Pid)
	return err
}

// groupIsEmpty reports whether all processes of the group that p led have ended. The leader has been reaped.
func groupIsEmpty(p *os.Process) bool { return errors.Is(syscall.Kill(-p.Pid, 0), syscall.ESRCH) }
