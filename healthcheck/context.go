package healthcheck

import (
	"context"
	"errors"
	"sync"
	"time"
)

// runContext is the context that one run of a check is called with. It does what context.WithTimeout does without the
// timer and three of the four allocations: whoever started the run watches the deadline, and calls cancel. A check may
// keep it for as long as it likes, and derive from it, so it is never used for another run. There is one for each run, so
// it is small: 48 bytes.
type runContext struct {
	base     *runBase
	deadline int64  // on the clock of base
	entry    *entry // whose run it is; see within

	mu      sync.Mutex
	waiters *waiters // made when somebody first waits
	ended   ending
}

// runBase is what runs that are started by the same runner, or call of Registry.Run, have in common.
type runBase struct {
	parent context.Context // of their contexts
	epoch  time.Time       // where their clock, in nanoseconds, is zero
}

func newRunBase(parent context.Context) *runBase { return &runBase{parent, time.Now()} }

// at returns t on the clock.
func (b *runBase) at(t time.Time) int64 { return int64(t.Sub(b.epoch)) }

// unix returns t on the clock of the schedule: Unix nanoseconds at the epoch, monotonic since.
func (b *runBase) unix(t time.Time) int64 { return b.epoch.UnixNano() + b.at(t) }

// ago is the inverse of unix for what is not long ago: by the clock that people have now, which may have been set since.
func (b *runBase) ago(at int64, now time.Time) time.Time {
	return now.Add(time.Duration(at - b.unix(now)))
}

// ending is why a context is done. It takes a byte, an error two words.
type ending uint8

const (
	notEnded ending = iota
	endedByCancel
	endedByDeadline
)

func endingOf(err error) ending {
	if errors.Is(err, context.DeadlineExceeded) {
		return endedByDeadline
	}
	return endedByCancel
}

// waiters is what is told of the end of a context.
type waiters struct {
	done  chan struct{}
	after *afterFunc // a list
}

// afterFunc is linked both ways: who has registered thousands of functions takes each of them off by itself, and a context
// derived from this one is such a function.
type afterFunc struct {
	call       func() // nil once it is off the list
	prev, next *afterFunc
}

// waiting returns c.waiters, with c.mu held.
func (c *runContext) waiting() *waiters {
	if c.waiters == nil {
		c.waiters = &waiters{done: make(chan struct{})}
		if c.ended != notEnded {
			close(c.waiters.done)
		}
	}
	return c.waiters
}

var _ context.Context = (*runContext)(nil)

// Deadline implements context.Context.
func (c *runContext) Deadline() (time.Time, bool) {
	deadline := c.base.epoch.Add(time.Duration(c.deadline))
	if d, ok := c.base.parent.Deadline(); ok && d.Before(deadline) {
		return d, true
	}
	return deadline, true
}

// runKey is the key under which a runContext gives itself.
type runKey struct{}

// Value implements context.Context.
func (c *runContext) Value(key any) any {
	if key == (runKey{}) {
		return c
	}
	return c.base.parent.Value(key)
}

// Err implements context.Context.
func (c *runContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.ended {
	case endedByCancel:
		return context.Canceled
	case endedByDeadline:
		return context.DeadlineExceeded
	}
	return nil
}

// Done implements context.Context.
func (c *runContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting().done
}

// AfterFunc is found by the context package, which would otherwise start a goroutine for every context derived from
// this one, as net/http does for each request.
func (c *runContext) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != notEnded {
		go f()
		return func() bool { return false }
	}
	w := c.waiting()
	added := &afterFunc{call: f, next: w.after}
	if added.next != nil {
		added.next.prev = added
	}
	w.after = added
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return w.remove(added)
	}
}

// remove takes a off the list, with the lock of the context held. It is false if it was not on it any more.
func (w *waiters) remove(a *afterFunc) bool {
	if a.call == nil {
		return false
	}
	if a.prev != nil {
		a.prev.next = a.next
	} else {
		w.after = a.next
	}
	if a.next != nil {
		a.next.prev = a.prev
	}
	*a = afterFunc{}
	return true
}

// cancel makes the context done, unless it is. On nil it does nothing: a check that takes no context has none.
func (c *runContext) cancel(why ending) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != notEnded {
		return
	}
	c.ended = why
	if w := c.waiters; w != nil {
		close(w.done)
		for w.after != nil {
			go w.after.call()
			w.remove(w.after)
		}
	}
}

// within reports whether ctx is that of a run of e, or of a run that such a run has led to: who waits for e then, waits
// for itself.
func within(ctx context.Context, e *entry) bool {
	for {
		c, ok := ctx.Value(runKey{}).(*runContext)
		if !ok {
			return false
		}
		if c.entry == e {
			return true
		}
		ctx = c.base.parent
	}
}
