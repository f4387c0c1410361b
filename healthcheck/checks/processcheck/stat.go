package processcheck

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// ticksPerSecond is USER_HZ, the unit of times in /proc, which is 100 in the interface of the kernel on all architectures
// that Go knows.
const ticksPerSecond = 100

// stat is what /proc/PID/stat says of a process.
type stat struct {
	pid, parent int
	state       byte
	threads     int
	cpu, start  uint64 // ticks; start since the machine's
	resident    uint64 // bytes; Linux 6.2 and later are off by many pages for each CPU here, and exact in the file status
}

// dead reports whether the process has ended and waits for its parent. The state Z alone does not say so: it is also that
// of a process whose first thread has ended while others go on.
func (s *stat) dead() bool {
	return s.state == 'X' || s.state == 'x' || s.state == 'Z' && s.threads <= 1
}

// The places of fields in /proc/PID/stat, counted from that of the state, which is the first behind the name.
const (
	statState, statParent = 0, 1
	statUser, statSystem  = 11, 12
	statThreads           = 17
	statStart             = 19
	statResident          = 21
	statFields            = 22
)

// parseStat reads /proc/PID/stat. The name in it, in parentheses, may hold blanks and parentheses.
func parseStat(text []byte) (stat, error) {
	begin, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if begin < 0 || end < begin {
		return stat{}, errors.New("has no name")
	}
	fields := bytes.Fields(text[end+1:])
	if len(fields) < statFields || len(fields[statState]) != 1 {
		return stat{}, fmt.Errorf("has %d fields behind the name", len(fields))
	}
	var failed error
	number := func(field []byte) uint64 {
		n, err := strconv.ParseUint(string(field), 10, 63)
		if err != nil {
			failed = fmt.Errorf("%.20q is not a number", field)
		}
		return n
	}
	s := stat{
		pid:      int(number(bytes.TrimSpace(text[:begin]))),
		parent:   int(number(fields[statParent])),
		state:    fields[statState][0],
		threads:  int(number(fields[statThreads])),
		cpu:      number(fields[statUser]) + number(fields[statSystem]),
		start:    number(fields[statStart]),
		resident: number(fields[statResident]) * uint64(os.Getpagesize()),
	}
	return s, failed
}

// bootTime reads when the machine was started, by its clock as it is now, from the text of /proc/stat.
func bootTime(text []byte) (time.Time, error) {
	n, ok := numberAfter(text, "btime ")
	if !ok {
		return time.Time{}, errors.New("/proc/stat does not say when the machine was started (btime)")
	}
	return time.Unix(int64(n), 0), nil
}

// numberAfter returns the number behind a prefix at the beginning of a line.
func numberAfter(text []byte, prefix string) (uint64, bool) {
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte(prefix)); ok {
			if fields := bytes.Fields(rest); len(fields) > 0 {
				n, err := strconv.ParseUint(string(fields[0]), 10, 63)
				return n, err == nil
			}
		}
	}
	return 0, false
}
