package collector

import (
	"context"
	"errors"
	"time"
)

// A client that stops reading has its scrape hold a snapshot, 14 MB of 100,000 checks, for as long as its connection lasts.
// This file bounds what all scrapes hold together.

const (
	// maxHeld is how many bytes all scrapes may hold. One is always let in, whatever it takes.
	maxHeld = 64 << 20
	// renderingSize is about how many bytes a rendering takes beside its content: pages and a compressor.
	renderingSize = 2 << 20
	// idleTime is how long a scrape must have taken nothing to be broken off for another one. One that has waited for
	// urgentTime breaks off the oldest as well, and after refuseTime it gives up.
	idleTime   = time.Second
	urgentTime = 5 * time.Second
	refuseTime = 10 * time.Second
	// maxBehind is how many readers that have fallen behind may render the rest alone, whatever is held.
	maxBehind = 4
)

var errNoRoom = errors.New("other scrapes hold all the memory that scrapes may hold")

// budget is the part of a sharer that knows what is held. Its fields are guarded by sharer.mu, but for turn.
type budget struct {
	held   int           // by all of current, in bytes
	last   int           // what the last one took that began: the next one will take about as much
	behind int           // readers that render alone, which is part of held
	room   chan struct{} // closed when something is given back
	turn   chan struct{} // holds an element while somebody begins: one after the other, so that all are counted
}

func newBudget() budget {
	return budget{room: make(chan struct{}), turn: make(chan struct{}, 1)}
}

// enter waits until a scrape may begin; entered is to follow. It ends others that are in the way.
func (s *sharer) enter(ctx context.Context) error {
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, refuseTime, errNoRoom)
	defer cancel()
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for {
		room, wait := s.makeRoom(time.Since(began) >= urgentTime)
		if room == nil {
			return nil
		}
		select {
		case <-room:
		case <-time.After(wait):
		case <-ctx.Done():
			s.entered()
			return context.Cause(ctx)
		}
	}
}

func (s *sharer) entered() { <-s.turn }

// makeRoom returns nil if there is room. If not it breaks off those that are idle, the oldest first, and if urgent others
// too, until what they give back will be enough. It returns what tells of room, and when to come again at the latest.
func (s *sharer) makeRoom(urgent bool) (room <-chan struct{}, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	missing := s.held + s.last - maxHeld
	if s.held == 0 || missing <= 0 {
		return nil, 0
	}
	wait = idleTime
	for _, c := range s.current {
		if c.held == 0 {
			continue // it waits as well
		}
		age := time.Since(c.began)
		idle := age - time.Duration(c.taken.Load())
		if idle < idleTime && (!urgent || age < idleTime) {
			wait = min(wait, idleTime-min(idle, age))
			continue
		}
		if c.breakOff(); c.leaving {
			if missing -= c.held; missing <= 0 {
				break
			}
		}
	}
	return s.room, wait
}

// hold counts bytes that c, which has begun, holds from now on.
func (s *sharer) hold(c *shared, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = bytes
	c.held += bytes
	s.held += bytes
}

// fallBehind counts what r needs to render alone, until it leaves. It is refused at once where there is no room: its client
// has waited for long.
func (s *sharer) fallBehind(r *reader) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.behind >= maxBehind && s.held+renderingSize > maxHeld {
		return errNoRoom
	}
	r.behind = true
	s.behind++
	r.shared.held += renderingSize
	s.held += renderingSize
	return nil
}

// giveBack is called with s.mu held.
func (s *sharer) giveBack(bytes int) {
	s.held -= bytes
	close(s.room)
	s.room = make(chan struct{})
}

// abortable says how to make a write to the client fail.
func (r *reader) abortable(setDeadline func(time.Time) error) {
	r.sharer.mu.Lock()
	defer r.sharer.mu.Unlock()
	r.setDeadline = setDeadline
}

// breakOff has all writes to the readers fail, where that can be done. It is called with sharer.mu held, so that it does
// not reach the next answer on a connection.
func (c *shared) breakOff() {
	if c.leaving {
		return
	}
	c.leaving = true
	for _, r := range c.readers {
		r.brokenOff = r.setDeadline != nil && r.setDeadline(time.Now()) == nil
		c.leaving = c.leaving && r.brokenOff
	}
}

func (r *reader) aborted() bool {
	r.sharer.mu.Lock()
	defer r.sharer.mu.Unlock()
	return r.brokenOff
}
