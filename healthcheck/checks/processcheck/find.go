package processcheck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// search looks for processes in one run.
type search struct {
	selectors
	root   string
	user   uint64 // where there is a user to look for
	reader reader
	self   int // this process

	found   []stat
	zombies int
	hidden  bool // files of processes that might have been found may not be read
}

// proc returns the name of a file in /proc.
func (s *search) proc(parts ...string) string {
	return s.root + "/proc/" + strings.Join(parts, "/")
}

// begin finds out who we are, and whom to look for.
func (s *search) begin() error {
	text, err := s.reader.read(s.proc("self", "stat"))
	if err != nil {
		return fmt.Errorf("is /proc mounted? %w", err)
	}
	self, err := parseStat(text)
	if err != nil {
		return fmt.Errorf("/proc/self/stat %w", err)
	}
	s.self = self.pid
	if s.selectors.user == "" {
		return nil
	}
	s.user, err = s.userID(s.selectors.user)
	return err
}

// all looks at all processes.
func (s *search) all(ctx context.Context) error {
	names, err := readNames(s.proc())
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("not all processes were looked at in time: %w", err)
		}
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue // not that of a process
		}
		if _, err := s.look(pid); err != nil {
			return err
		}
	}
	s.noteHidden()
	return nil
}

// noteHidden finds out whether there are processes that may not be seen: the first is there always.
func (s *search) noteHidden() {
	if _, err := s.reader.read(s.proc("1", "stat")); err != nil {
		s.hidden = true
	}
}

// look takes a process if it fits, and reports whether it is there. One that ends meanwhile is not.
func (s *search) look(pid int) (exists bool, err error) {
	dir := strconv.Itoa(pid)
	fits, err := s.fits(dir, pid)
	if err == nil && fits {
		err = s.take(dir)
	}
	switch {
	case err == nil:
		return true, nil
	case isGone(err):
		return false, nil
	case errors.Is(err, os.ErrPermission):
		s.hidden = true
		return true, nil
	}
	return false, err
}

// take adds a process to those that were found.
func (s *search) take(dir string) error {
	text, err := s.reader.read(s.proc(dir, "stat"))
	if err != nil {
		return err
	}
	p, err := parseStat(text)
	if err != nil {
		return fmt.Errorf("/proc/PID/stat %w", err)
	}
	switch {
	case p.dead():
		s.zombies++
	case p.parent == s.self && s.isCopy(dir):
	default:
		if text, err = s.reader.read(s.proc(dir, "status")); err != nil {
			return err
		}
		if kibibytes, ok := numberAfter(text, "VmRSS:"); ok {
			p.resident = kibibytes * 1024
		}
		s.found = append(s.found, p)
	}
	return nil
}

// isCopy reports whether a child of ours is about to start a program: until then it looks like us.
func (s *search) isCopy(dir string) bool {
	ours, err := s.reader.read(s.proc("self", "cmdline"))
	if err != nil {
		return false
	}
	ours = slices.Clone(ours)
	theirs, err := s.reader.read(s.proc(dir, "cmdline"))
	return err == nil && bytes.Equal(ours, theirs)
}

// fits reports whether all selectors fit, the cheapest asked first.
func (s *search) fits(dir string, pid int) (bool, error) {
	if s.commandLine != nil && pid == s.self {
		return false, nil
	}
	if s.name != "" {
		if ok, err := s.hasName(dir); !ok || err != nil {
			return false, err
		}
	}
	if s.cgroup != "" || s.unit != "" {
		if ok, err := s.inGroup(dir); !ok || err != nil {
			return false, err
		}
	}
	if s.selectors.user != "" {
		if ok, err := s.isUsers(dir); !ok || err != nil {
			return false, err
		}
	}
	if s.commandLine != nil {
		return s.hasCommandLine(dir)
	}
	return true, nil
}

func (s *search) hasName(dir string) (bool, error) {
	text, err := s.reader.read(s.proc(dir, "comm"))
	if err != nil {
		return false, err
	}
	if string(bytes.TrimSuffix(text, []byte("\n"))) == s.name {
		return true, nil
	}
	text, err = s.reader.read(s.proc(dir, "cmdline"))
	if err != nil {
		return false, err
	}
	first, _, _ := bytes.Cut(text, []byte{0})
	return string(first[bytes.LastIndexByte(first, '/')+1:]) == s.name, nil
}

func (s *search) hasCommandLine(dir string) (bool, error) {
	text, err := s.reader.read(s.proc(dir, "cmdline"))
	if err != nil || len(text) == 0 { // threads of the kernel, and zombies, have none
		return false, err
	}
	text = bytes.TrimRight(text, "\x00")
	for i, b := range text {
		if b == 0 {
			text[i] = ' '
		}
	}
	return s.commandLine.Match(text), nil
}

func (s *search) isUsers(dir string) (bool, error) {
	text, err := s.reader.read(s.proc(dir, "status"))
	if err != nil {
		return false, err
	}
	for line := range bytes.Lines(text) {
		if fields := bytes.Fields(line); len(fields) >= 3 && string(fields[0]) == "Uid:" { // real, effective, …
			return string(fields[2]) == strconv.FormatUint(s.user, 10), nil
		}
	}
	return false, nil
}

func (s *search) inGroup(dir string) (bool, error) {
	text, err := s.reader.read(s.proc(dir, "cgroup"))
	if err != nil {
		return false, err
	}
	groups := string(text)
	return (s.cgroup == "" || inCgroup(groups, s.cgroup)) && (s.unit == "" || inUnit(groups, s.unit)), nil
}

// userID returns the number of a user.
func (s *search) userID(name string) (uint64, error) {
	if id, err := strconv.ParseUint(name, 10, 32); err == nil {
		return id, nil
	}
	text, err := s.reader.read(filepath.Join(s.root, "etc", "passwd"))
	if err != nil {
		return 0, fmt.Errorf("user %s: %w", name, err)
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(line, ":") // passwd(5): name, password, number, …
		if len(fields) < 3 || fields[0] != name {
			continue
		}
		if id, err := strconv.ParseUint(fields[2], 10, 32); err == nil {
			return id, nil
		}
	}
	return 0, healthcheck.Errorf(healthcheck.ReasonError, "there is no user %s in /etc/passwd; give its number", name)
}

// readNames returns the names of what is in a folder, in no order.
func readNames(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}
