package execcheck

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ours are the programs that checks have started and not yet waited for.
var ours = children{running: make(map[int]struct{})}

// lookPause is the least time between two looks for orphans.
const lookPause = time.Second

// children tells the children of this process that somebody waits for from orphans. Those come to us if we are the first
// process of a container without an init, or a subreaper: a program that leaves a process behind in a session of its
// own would leave us a zombie in each run.
//
// An orphan is known by its session: every program of a check has a session of its own, and nothing below it can enter
// ours; what other code of this process starts is in ours, as a rule. It could start a leader of another session, but
// would wait for it. So a leader must be found dead in two looks. Nobody's exit status is taken away.
type children struct {
	// A program is started and registered in one, with mu held for reading, since many may start at once. Who has it for
	// writing knows of all.
	mu      sync.RWMutex
	add     sync.Mutex // guards running
	running map[int]struct{}

	look   sync.Mutex
	last   time.Time
	waited map[int]uint64 // leaders found dead in the last look, and when they had started
}

func (c *children) start(cmd *exec.Cmd) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	c.add.Lock()
	c.running[cmd.Process.Pid] = struct{}{}
	c.add.Unlock()
	return nil
}

// ended takes note of a program that has been waited for, and looks for orphans.
func (c *children) ended(cmd *exec.Cmd) {
	c.add.Lock()
	delete(c.running, cmd.Process.Pid)
	c.add.Unlock()
	if !inheritsOrphans() || !c.look.TryLock() {
		return
	}
	defer c.look.Unlock()
	if now := time.Now(); now.Sub(c.last) >= lookPause {
		c.last = now
		c.reap()
	}
}

// reap reaps the orphans that have ended.
func (c *children) reap() {
	self := os.Getpid()
	session, err := unix.Getsid(0)
	if err != nil {
		return
	}
	leaders := make(map[int]uint64)
	var dead []int
	_ = eachProcess(func(s *processStat) {
		switch {
		case s.state != 'Z' || s.parent != self || s.session == session:
		case s.session != s.pid || c.waited[s.pid] == s.start:
			dead = append(dead, s.pid)
		default:
			leaders[s.pid] = s.start
		}
	})
	c.waited = leaders
	c.mu.Lock() // all that have been started are registered
	defer c.mu.Unlock()
	c.add.Lock()
	defer c.add.Unlock()
	for _, pid := range dead {
		if _, ok := c.running[pid]; !ok {
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
		}
	}
}

// inheritsOrphans reports whether processes whose parent ends become children of this one.
func inheritsOrphans() bool {
	var subreaper int32
	_, _, errno := unix.RawSyscall(unix.SYS_PRCTL, unix.PR_GET_CHILD_SUBREAPER,
		uintptr(unsafe.Pointer(&subreaper)), 0) //nolint:gosec // prctl(2) has it that way
	return os.Getpid() == 1 || errno == 0 && subreaper != 0
}

// processStat is what /proc/<pid>/stat tells of a process.
type processStat struct {
	pid, parent, group, session int
	state                       byte
	start                       uint64 // in ticks since boot
}

// eachProcess calls f for every process. It fails if there is no proc file system.
func eachProcess(f func(*processStat)) error {
	dir, err := os.Open("/proc")
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		text, err := os.ReadFile("/proc/" + name + "/stat")
		if err != nil {
			continue // it is gone
		}
		if s, err := parseStat(pid, text); err == nil {
			f(&s)
		}
	}
	return nil
}

// parseStat reads the text of /proc/<pid>/stat, see proc_pid_stat(5). The name of the program, in parentheses, may hold
// anything.
func parseStat(pid int, text []byte) (processStat, error) {
	s := processStat{pid: pid}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 || len(fields[0]) != 1 {
		return s, fmt.Errorf("stat of process %d: %d fields", pid, len(fields))
	}
	s.state = fields[0][0]
	var err error
	for i, to := range []*int{&s.parent, &s.group, &s.session} {
		if *to, err = strconv.Atoi(string(fields[1+i])); err != nil {
			return s, err
		}
	}
	s.start, err = strconv.ParseUint(string(fields[19]), 10, 64)
	return s, err
}
