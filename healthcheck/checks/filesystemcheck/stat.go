package filesystemcheck

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// stat calls statfs with a deadline. The system call cannot be interrupted, and on a network file system whose server
// is gone it may take forever; so a run waits for it only until its deadline, and later runs wait for that same call
// instead of adding threads that hang. It is safe for concurrent use.
type stat struct {
	path   string
	statfs func(path string) (usage, error)

	mu   sync.Mutex
	last *call
}

// call is one call of statfs. What it found may be read once done is closed.
type call struct {
	began time.Time
	done  chan struct{}
	usage usage
	err   error
}

// get returns the usage of the file system.
func (s *stat) get(ctx context.Context) (usage, error) {
	if err := ctx.Err(); err != nil {
		return usage{}, fmt.Errorf("statfs %s not begun: %w", s.path, err)
	}
	c := s.begin()
	select {
	case <-c.done:
		return c.usage, c.err
	case <-ctx.Done():
		return usage{}, fmt.Errorf("statfs %s: no answer for %s; does its server or disk hang? %w",
			s.path, time.Since(c.began).Round(time.Millisecond), ctx.Err())
	}
}

// begin returns the call under way, or a new one.
func (s *stat) begin() *call {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil {
		select {
		case <-s.last.done:
		default:
			return s.last
		}
	}
	c := &call{began: time.Now(), done: make(chan struct{})}
	s.last = c
	go func() {
		defer close(c.done)
		c.usage, c.err = s.statfs(s.path)
	}()
	return c
}
