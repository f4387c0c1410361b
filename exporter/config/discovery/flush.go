package discovery

import (
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// flush returns what has changed since the last time.
func (c *check) flush() Change {
	c.settled = c.settled || c.tried()
	candidates := c.changed
	limit := c.spec.maxTargets()
	allowed := func(i *item) bool { return i.live() }
	if c.live > limit || c.full {
		candidates, allowed = c.choose(limit)
	}
	var added, removed []*item
	for _, i := range candidates {
		switch {
		case allowed(i) && i.id == 0:
			added = append(added, i)
		case !allowed(i) && i.id != 0:
			removed = append(removed, i)
		}
	}
	for _, i := range c.changed {
		i.changed = false
		if !i.live() {
			delete(c.targets, i.labels)
		}
	}
	c.changed = c.changed[:0]
	slices.SortFunc(added, compareItems)
	slices.SortFunc(removed, compareItems)
	return c.show(added, removed)
}

// choose returns all targets, and whether one is among the first, by address and labels, of those that are wanted.
func (c *check) choose(limit int) ([]*item, func(*item) bool) {
	all := make([]*item, 0, len(c.targets))
	for _, i := range c.targets {
		all = append(all, i)
	}
	wanted := slices.DeleteFunc(slices.Clone(all), func(i *item) bool { return !i.live() })
	slices.SortFunc(wanted, compareItems)
	first := make(map[*item]bool, limit)
	dropped := make(map[int]int)
	for n, i := range wanted {
		if n < limit {
			first[i] = true
		} else {
			dropped[i.source]++
		}
	}
	c.full = len(wanted) > limit
	if n := sum(dropped); n != sum(c.dropped) {
		c.noteDropped(n, limit)
	}
	c.dropped = dropped
	return all, func(i *item) bool { return first[i] }
}

func (c *check) noteDropped(n, limit int) {
	log, about := c.manager.log, []any{"check", c.spec.Check, "max_targets", limit, "dropped", n}
	c.manager.notices = append(c.manager.notices, func() {
		if n == 0 {
			log.Info("no more targets than max_targets again", about...)
			return
		}
		log.Warn("more targets than max_targets; the last by address are left out", about...)
	})
}

func compareItems(a, b *item) int {
	if order := strings.Compare(a.labels.Get(model.AddressLabel), b.labels.Get(model.AddressLabel)); order != 0 {
		return order
	}
	return labels.Compare(a.labels, b.labels)
}

// show gives IDs to what is new: that of the target with the same address that has gone, if there is one, which then is
// one whose labels have changed.
func (c *check) show(added, removed []*item) Change {
	change := Change{Check: c.spec.Check}
	gone := make(map[string][]*item, len(removed))
	for _, i := range removed {
		address := i.labels.Get(model.AddressLabel)
		gone[address] = append(gone[address], i)
	}
	for _, i := range added {
		list := &change.Added
		if address := i.labels.Get(model.AddressLabel); len(gone[address]) > 0 {
			list = &change.Changed
			i.id, gone[address][0].id = gone[address][0].id, 0
			gone[address] = gone[address][1:]
		} else {
			c.manager.lastID++
			i.id = c.manager.lastID
		}
		c.shown[i.id] = i
		*list = append(*list, i.target())
	}
	for _, i := range removed {
		if i.id == 0 {
			continue // became another
		}
		delete(c.shown, i.id)
		change.Removed = append(change.Removed, i.target())
		i.id = 0
	}
	return change
}

func (i *item) target() Target {
	t := targetOf(i.labels, i.source)
	t.ID = i.id
	return t
}

func sum(counts map[int]int) int {
	total := 0
	for _, n := range counts {
		total += n
	}
	return total
}
