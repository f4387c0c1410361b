package processcheck

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/regular"
)

// pidFile is what a file with the number of a process says.
type pidFile struct {
	pid      int
	modified time.Time
}

// errNoPIDFile says that nothing claims to run.
var errNoPIDFile = healthcheck.Errorf(healthcheck.ReasonThreshold, "there is no such file: the program has not been started, or has ended")

// maxPID is PID_MAX_LIMIT of the kernel.
const maxPID = 1 << 22

// readPIDFile reads the number in the first line of a file; some programs, such as PostgreSQL, write more below it.
func readPIDFile(name string) (pidFile, error) {
	text, info, err := regular.Read(name, 4096)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return pidFile{}, errNoPIDFile
	case errors.Is(err, os.ErrPermission):
		return pidFile{}, errUnreadable
	case errors.Is(err, regular.ErrOther):
		return pidFile{}, healthcheck.Errorf(healthcheck.ReasonBody, "is not a file")
	case err != nil:
		return pidFile{}, plain(err)
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	first = bytes.TrimSpace(first)
	if len(first) == 0 {
		return pidFile{}, healthcheck.Errorf(healthcheck.ReasonBody, "is empty")
	}
	pid, err := strconv.ParseUint(string(first), 10, 32)
	if err != nil || pid == 0 || pid > maxPID {
		return pidFile{}, healthcheck.Errorf(healthcheck.ReasonBody, "does not hold the number of a process")
	}
	return pidFile{pid: int(pid), modified: info.ModTime()}, nil
}

var errUnreadable = healthcheck.Errorf(healthcheck.ReasonAuth, "permission denied: the exporter may not read it")

// plain returns err without the name of the file, which is told once.
func plain(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}

// claim is who a pid file stood for in the last run.
type claim struct {
	pidFile
	start uint64
}

// passedOn reports whether the number of an unchanged file has gone to another process since.
func (c *claim) passedOn(f pidFile, p *stat) bool {
	return c.pid == f.pid && c.modified.Equal(f.modified) && c.start != p.start
}
