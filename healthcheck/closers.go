package healthcheck

import (
	"io"
	"log/slog"
	"time"
)

// A checker that holds something, such as connections, is an [io.Closer]. The registry counts for each how many entries
// hold it, by their definition or by a run that has not returned, and closes it when nobody does. So one checker may
// stand under several endpoints, and move from one to another.

// closerList gathers checkers that an entry has let go of.
type closerList []formerChecker

type formerChecker struct {
	io.Closer
	endpoint string // that it stood under, for people
}

func (l *closerList) add(endpoint string, c io.Closer) {
	if c != nil {
		*l = append(*l, formerChecker{c, endpoint})
	}
}

// closerOf returns c if it is to be closed, else nil.
func closerOf(c Checker) io.Closer {
	closer, _ := c.(io.Closer)
	return closer
}

// hold counts one more entry that holds c. It is called with r.mu held.
func (r *Registry) hold(c Checker) {
	closer := closerOf(c)
	if closer == nil {
		return
	}
	if r.holders == nil {
		r.holders = make(map[any]int)
	}
	r.holders[identityOf(closer)]++
}

// letGo returns those of list that nobody holds any more. It is called with r.mu held.
func (r *Registry) letGo(list closerList) (unheld closerList) {
	for _, c := range list {
		id := identityOf(c.Closer)
		if r.holders[id]--; r.holders[id] > 0 {
			continue
		}
		delete(r.holders, id)
		unheld = append(unheld, c)
	}
	return unheld
}

// release lets go of list, and closes what nobody holds any more. No lock is held.
func (r *Registry) release(list closerList) {
	if len(list) == 0 {
		return
	}
	r.mu.Lock()
	unheld := r.letGo(list)
	r.mu.Unlock()
	r.closeAll(unheld)
}

// closePatience is how long a change, or a run that has ended, waits for the Close of what is not needed any more.
const closePatience = 5 * time.Second

// closeAll lets the checkers give back what they hold, one after the other, so that of a thousand that talk to a peer in
// their Close not all do at once. After closePatience it leaves the rest behind, each with a goroutine of its own: who
// reloads a configuration must not wait for a peer that does not answer. There is nobody to tell of an error, and nothing
// to do.
func (r *Registry) closeAll(list closerList) {
	if len(list) == 0 {
		return
	}
	timer := time.NewTimer(closePatience)
	defer timer.Stop()
	for i, c := range list {
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.closeOne(c)
		}()
		select {
		case <-done:
		case <-timer.C:
			r.logLine(slog.LevelWarn, "closing a check takes long, and is left behind", "check", c.endpoint, "waited", closePatience)
			for _, c := range list[i+1:] {
				go r.closeOne(c)
			}
			return
		}
	}
}

func (r *Registry) closeOne(c formerChecker) {
	defer func() {
		if p := recover(); p != nil {
			r.panics.Add(1)
			r.logPanic("closing a check panicked", c.endpoint, p)
		}
	}()
	_ = c.Close()
}
