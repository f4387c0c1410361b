package discovery

import (
	"cmp"
	"context"
	"slices"
)

// Targets returns what is known to [Options.Changed], or is about to be, of a check's targets, in the order in which they
// came.
func (m *Manager) Targets(name string) []Target {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.checks[name]
	if c == nil {
		return nil
	}
	found := make([]Target, 0, len(c.shown))
	for _, i := range c.shown {
		found = append(found, i.target())
	}
	slices.SortFunc(found, func(a, b Target) int { return cmp.Compare(a.ID, b.ID) })
	return found
}

// Refused notes how many targets of each of a check's sources the receiver could make no check of, for
// [Stats.Dropped]: because their endpoint is taken, for example.
func (m *Manager) Refused(name string, bySource map[int]int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.checks[name]; c != nil {
		c.refused = bySource
	}
}

// Wait returns when every source has answered or failed, and [Options.Changed] has returned from being told; or with
// ctx's error when ctx ends.
func (m *Manager) Wait(ctx context.Context) error {
	for {
		m.mu.Lock()
		done, progress := m.told(), m.progress
		m.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-progress:
		}
	}
}

// Settled reports whether every source has answered or failed, and [Options.Changed] has returned from being told. It is
// false again when [Manager.Apply] has brought new sources.
func (m *Manager) Settled() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.told()
}

func (m *Manager) told() bool {
	for _, c := range m.checks {
		if !c.told {
			return false
		}
	}
	return true
}

// shown notes that the receiver knows of changes.
func (m *Manager) shown(settled []*check, changes bool) {
	if len(settled) == 0 && !changes {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range settled {
		c.told = c.settled // unless it was reset since
	}
	close(m.progress)
	m.progress = make(chan struct{})
}

// Find asks the sources of the specs once, until all have answered or failed or ctx ends, and returns the targets of each
// check, and what the sources are like then.
func Find(ctx context.Context, specs []Spec, o Options) (map[string][]Target, []Stats, error) {
	m := NewManager(o)
	if err := m.Apply(specs); err != nil {
		return nil, nil, err
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.Run(running)
	}()
	err := m.Wait(ctx)
	found := make(map[string][]Target, len(specs))
	for i := range specs {
		found[specs[i].Check] = m.Targets(specs[i].Check)
	}
	stats := m.Stats()
	stop()
	<-done
	return found, stats, err
}
