package discovery

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

// check is what is known of the targets of one check. Its fields are guarded by the manager's lock.
type check struct {
	manager  *Manager
	spec     Spec
	position int                     // among the specs
	subs     []*subscription         // of each source
	targets  map[labels.Labels]*item // by what relabelling has left
	live     int                     // of them, those that are wanted
	shown    map[uint64]*item        // those that the receiver knows, by ID

	changed      []*item // since the last look, each once
	changedSince time.Time
	settled      bool // what all sources have said, or failed to say, has been shown
	told         bool // and the receiver has returned from it
	full         bool // there were more targets than may be
	dropped      map[int]int
	refused      map[int]int // by the receiver
}

// item is a target of a check.
type item struct {
	labels  labels.Labels
	id      uint64 // zero while it is not shown
	source  int
	refs    int  // how many of the sources' targets have become this one
	held    bool // stays though nobody has it: a source that is new has not answered yet
	changed bool // is in check.changed
}

func (i *item) live() bool { return i.refs > 0 || i.held }

// subscription is a source of a check.
type subscription struct {
	check *check
	feed  *feed
	index int
	found map[labels.Labels]*found
	kept  int // of those found, what relabelling leaves
}

// found is a target of a source, and what relabelling makes of it, nil for nothing.
type found struct {
	times int
	item  *item
}

func (s *subscription) name() string { return fmt.Sprintf("%s[%d]", s.feed.kind.name, s.index) }

func (s *subscription) update(added, removed []labels.Labels) {
	for _, l := range added {
		s.add(l)
	}
	for _, l := range removed {
		s.remove(l)
	}
}

func (s *subscription) add(l labels.Labels) {
	f, ok := s.found[l]
	if !ok {
		f = &found{item: s.check.item(l, s.index)}
		s.found[l] = f
		if f.item != nil {
			s.kept++
			s.check.hold(f.item)
		}
	}
	f.times++
}

func (s *subscription) remove(l labels.Labels) {
	f := s.found[l]
	if f.times--; f.times > 0 {
		return
	}
	delete(s.found, l)
	if f.item != nil {
		s.kept--
		s.check.drop(f.item)
	}
}

// item returns what relabelling makes of a target, or nil if that is nothing.
func (c *check) item(l labels.Labels, source int) *item {
	l, ok := c.spec.relabel(l)
	if !ok {
		return nil
	}
	i := c.targets[l]
	if i == nil {
		i = &item{labels: l, source: source}
		c.targets[l] = i
	}
	return i
}

func (c *check) hold(i *item) {
	if !i.live() {
		c.live++
	}
	i.held = false
	if i.refs++; i.refs == 1 {
		c.touch(i)
	}
}

func (c *check) drop(i *item) {
	if i.refs--; i.refs == 0 {
		c.live--
		c.touch(i)
	}
}

// touch notes that a target may have come or gone.
func (c *check) touch(i *item) {
	if i.changed {
		return
	}
	i.changed = true
	if len(c.changed) == 0 {
		c.changedSince = time.Now()
	}
	c.changed = append(c.changed, i)
	c.manager.look(c)
}

// reset gives the check another spec and other feeds. Targets that the new sources have as well stay as they are. The
// others stay, too, until all of the new sources have answered.
func (c *check) reset(spec Spec, feeds []*feed) {
	for _, s := range c.subs {
		s.feed.unsubscribe(s)
		for _, f := range s.found {
			if f.item != nil {
				c.drop(f.item)
			}
		}
	}
	c.spec, c.settled, c.told, c.refused = spec, false, false, nil
	c.subs = make([]*subscription, len(feeds))
	for i, f := range feeds {
		s := &subscription{check: c, feed: f, index: i, found: make(map[labels.Labels]*found)}
		c.subs[i] = s
		f.subs = append(f.subs, s)
		for _, targets := range f.groups {
			s.update(targets, nil)
		}
	}
	if !c.answered() {
		for _, i := range c.shown {
			if !i.live() {
				i.held = true
				c.live++
			}
		}
	}
	c.manager.look(c)
}

// release lets go of what was held for sources that had not answered, when all have.
func (c *check) release() {
	if !c.answered() {
		return
	}
	for _, i := range c.shown {
		if i.held {
			i.held = false
			c.live--
			c.touch(i)
		}
	}
}

func (c *check) answered() bool {
	return !slices.ContainsFunc(c.subs, func(s *subscription) bool { return !s.feed.answered })
}

func (c *check) tried() bool {
	return !slices.ContainsFunc(c.subs, func(s *subscription) bool { return !s.feed.tried })
}

// due returns when the changes are to be shown, and false if there is nothing to show.
func (c *check) due(now time.Time, gather time.Duration) (time.Time, bool) {
	switch {
	case !c.settled && c.tried():
		return now, true
	case len(c.changed) > 0:
		return c.changedSince.Add(gather), true
	}
	return time.Time{}, false
}
