package processcheck

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"strconv"
)

// files are the open files of the processes.
type files struct {
	most   int  // of one process
	seen   bool // of one process at least
	unseen bool // of one, for want of the right to
	over   bool // one of them has more than it may
}

// countFiles counts the open files of the processes that were found, against the limit if there is one.
func (c *checker) countFiles(s *search) (f files) {
	for i := range s.found {
		dir := strconv.Itoa(s.found[i].pid)
		n, err := countEntries(s.proc(dir, "fd"))
		if err != nil {
			f.unseen = f.unseen || errors.Is(err, os.ErrPermission)
			continue // the others have ended
		}
		f.seen = true
		f.most = max(f.most, n)
		if c.limits.maxFds == nil {
			continue
		}
		most := math.Inf(1)
		if !c.limits.maxFds.IsShare() {
			most = c.limits.maxFds.Of(0)
		} else if text, err := s.reader.read(s.proc(dir, "limits")); err == nil {
			if own, ok := numberAfter(text, "Max open files"); ok { // else "unlimited"
				most = c.limits.maxFds.Of(float64(own))
			}
		} else if errors.Is(err, os.ErrPermission) {
			f.unseen = true
		}
		f.over = f.over || float64(n) > most
	}
	return f
}

// countEntries returns how many entries a folder has, however many.
func countEntries(dir string) (n int, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for {
		names, err := f.Readdirnames(1024)
		n += len(names)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// machineMemory returns the memory of the machine in bytes, for limits that are a share of it.
func (s *search) machineMemory() (float64, error) {
	text, err := s.reader.read(s.proc("meminfo"))
	if err != nil {
		return 0, err
	}
	kibibytes, ok := numberAfter(bytes.TrimSpace(text), "MemTotal:")
	if !ok {
		return 0, errors.New("/proc/meminfo does not say how much memory there is (MemTotal)")
	}
	return float64(kibibytes) * 1024, nil
}
