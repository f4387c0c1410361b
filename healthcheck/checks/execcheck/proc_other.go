//go:build !unix

package execcheck

import (
	"math"
	"os"
	"syscall"
)

const maxExitCode = math.MaxInt32

var inheritedNames = []string{
	"PATH", "PATHEXT", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "TEMP", "TMP",
	"USERNAME", "USERPROFILE", "HOMEDRIVE", "HOMEPATH", "PROGRAMDATA", "PROGRAMFILES", "PROCESSOR_ARCHITECTURE",
	"HOME", "LANG", "TZ",
}

func sysProcAttr() *syscall.SysProcAttr { return nil }

func (g *group) wait() error {
	err := g.cmd.Wait()
	g.finish()
	return err
}

// terminateGroup kills the program: there is no way to ask it.
func terminateGroup(p *os.Process) error { return p.Kill() }

func groupIsEmpty(*os.Process) bool { return true }

func killGroup(p *os.Process) error { return p.Kill() }

func endedBy(*os.ProcessState) (syscall.Signal, bool) { return 0, false }
