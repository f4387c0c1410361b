//go:build unix && !linux

package execcheck

import "syscall"

func sysProcAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// wait waits for the program, then kills the rest of its group. In between, where the group is empty, its number could
// in theory be taken by another; there is no portable way to wait without reaping.
func (g *group) wait() error {
	err := g.cmd.Wait()
	g.finish()
	reapOrphans(g.cmd.Process.Pid)
	return err
}
