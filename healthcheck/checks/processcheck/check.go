package processcheck

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/amount"
)

type checker struct {
	target string
	root   string
	sel    selectors
	limits limits
	usage  usage
}

// Check looks for the processes and compares what they are and use with the limits.
func (c *checker) Check(ctx context.Context) healthcheck.Result {
	if err := ctx.Err(); err != nil {
		return healthcheck.Fail(fmt.Errorf("processes not looked at: %w", err))
	}
	s := &search{selectors: c.sel, root: c.root}
	absence, err := c.find(ctx, s)
	if err != nil {
		return healthcheck.Fail(err)
	}
	f := findings{search: s, absence: absence, files: c.countFiles(s)}
	if err := c.sum(&f); err != nil {
		return healthcheck.Fail(err)
	}
	result := healthcheck.Fail(c.judge(&f))
	result.Values = f.values()
	return result
}

// find looks for the processes. Where none is there, absence says more about it.
func (c *checker) find(ctx context.Context, s *search) (absence string, err error) {
	if err := s.begin(); err != nil {
		return "", err
	}
	if c.sel.pidFile == "" {
		return "", s.all(ctx)
	}
	file, err := readPIDFile(c.sel.pidFile)
	if errors.Is(err, errNoPIDFile) {
		return fmt.Sprintf("pid file %s: %s", c.sel.pidFile, err), nil
	}
	if err != nil {
		return "", fmt.Errorf("pid file %s: %w", c.sel.pidFile, err)
	}
	exists, err := s.look(file.pid)
	if err != nil {
		return "", err
	}
	if !exists {
		s.noteHidden()
	}
	switch {
	case s.hidden:
		return "", nil
	case !exists:
		return fmt.Sprintf("pid file %s is stale: there is no such process", c.sel.pidFile), nil
	case s.zombies > 0:
		return "", nil
	case len(s.found) == 0:
		return fmt.Sprintf("pid file %s is stale: its number belongs to another process", c.sel.pidFile), nil
	case !c.usage.sameClaim(file, &s.found[0]):
		s.found = nil
		return fmt.Sprintf("pid file %s is stale: its number has gone to another process since it was written", c.sel.pidFile), nil
	}
	return "", nil
}

// judge compares what was found with the limits, and returns all that is wrong.
func (c *checker) judge(f *findings) error {
	count := len(f.found)
	if f.hidden && count == 0 {
		return healthcheck.Errorf(healthcheck.ReasonAuth,
			"%s: no process found, and not all can be seen: those of other users are hidden (hidepid, or ProtectProc= of the unit)", c.target)
	}
	problems := c.judgeCount(f)
	if count > 0 {
		problems = append(problems, c.judgeAge(f)...)
		problems = append(problems, c.judgeUse(f)...)
	}
	switch {
	case len(problems) > 0:
		return healthcheck.Errorf(healthcheck.ReasonThreshold, "%s: %s", c.target, strings.Join(problems, "; "))
	case c.limits.maxFds != nil && f.files.unseen:
		return healthcheck.Errorf(healthcheck.ReasonAuth,
			"%s: the open files may not be seen: that needs the same user, or the capability CAP_SYS_PTRACE", c.target)
	}
	return nil
}

func (c *checker) judgeCount(f *findings) (problems []string) {
	l, count := &c.limits, len(f.found)
	switch {
	case count < l.minCount && count == 0:
		text := fmt.Sprintf("no process found, want at least %d", l.minCount)
		if f.absence != "" {
			text = f.absence
		}
		if f.zombies > 0 {
			text += "; there are zombies, which have ended"
		}
		problems = append(problems, text)
	case count < l.minCount:
		problems = append(problems, fmt.Sprintf("%d processes found, want at least %d", count, l.minCount))
	case l.maxCount >= 0 && count > l.maxCount:
		problems = append(problems, fmt.Sprintf("%d processes found, want at most %d", count, l.maxCount))
	}
	return problems
}

func (c *checker) judgeAge(f *findings) (problems []string) {
	l, age := &c.limits, time.Since(f.oldest)
	if l.minAge > 0 && age < l.minAge {
		problems = append(problems, fmt.Sprintf("running for %s, want at least %s", age.Round(time.Second), l.minAge))
	}
	if l.maxAge > 0 && age > l.maxAge {
		problems = append(problems, fmt.Sprintf("running for %s, want at most %s", age.Round(time.Second), l.maxAge))
	}
	return problems
}

func (c *checker) judgeUse(f *findings) (problems []string) {
	l := &c.limits
	over := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if l.maxCPU > 0 && f.coresKnown && f.cores > l.maxCPU {
		over("use %.2f cores, want at most %g", f.cores, l.maxCPU)
	}
	if l.maxMemory != nil && f.memory > l.maxMemory.Of(f.machine) {
		over("%s of memory, want at most %s", amount.Format(f.memory), l.maxMemory)
	}
	if l.maxEach != nil && f.memoryOfOne > l.maxEach.Of(f.machine) {
		over("%s of memory in one process, want at most %s", amount.Format(f.memoryOfOne), l.maxEach)
	}
	if l.maxThreads > 0 && f.threads > l.maxThreads {
		over("%d threads, want at most %d", f.threads, l.maxThreads)
	}
	if f.files.over {
		over("too many open files in one process, want at most %s", l.maxFds)
	}
	return problems
}
