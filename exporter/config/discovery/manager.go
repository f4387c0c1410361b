package discovery

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

// DefaultGather is how long changes of a check's targets are gathered.
const DefaultGather = 5 * time.Second

// Options of a [Manager].
type Options struct {
	// Log takes failures, recoveries, and what was left out. Nil discards.
	Log *slog.Logger
	// Gather is how long changes of a check's targets are gathered; zero means [DefaultGather]. What the sources say when
	// they are first asked is not gathered for longer than it takes to ask all of them.
	Gather time.Duration
	// Changed is called by [Manager.Run] with what has changed, one call at a time, and may use the manager. It may be
	// told of a check that [Manager.Apply] has just taken away. Nil is for those who only ask.
	Changed func([]Change)
}

// Change is what has changed of a check's targets.
type Change struct {
	Check string
	Added []Target
	// Changed have the address and the ID that they had, and other labels.
	Changed []Target
	// Removed are as they were.
	Removed []Target
}

func (c *Change) empty() bool { return len(c.Added)+len(c.Changed)+len(c.Removed) == 0 }

// Manager runs the sources of many checks. Its methods are safe for concurrent use.
type Manager struct {
	log     *slog.Logger
	gather  time.Duration
	changed func([]Change)
	wake    chan struct{}

	mu       sync.Mutex
	checks   map[string]*check
	order    []string           // of the specs
	feeds    map[string][]*feed // by bucket
	opened   []*feed            // to be started
	looks    map[*check]bool    // that may have something to show
	lastID   uint64
	progress chan struct{} // closed when something was shown
	notices  []func()      // to be logged without the lock
}

// NewManager returns a manager without checks.
func NewManager(o Options) *Manager {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Gather == 0 {
		o.Gather = DefaultGather
	}
	if o.Changed == nil {
		o.Changed = func([]Change) {}
	}
	return &Manager{
		log: o.Log, gather: o.Gather, changed: o.Changed,
		wake:     make(chan struct{}, 1),
		checks:   make(map[string]*check),
		feeds:    make(map[string][]*feed),
		looks:    make(map[*check]bool),
		progress: make(chan struct{}),
	}
}

// Apply makes the specs the only ones. A source that is configured as one before goes on without being asked again, and
// its targets stay; so do a check's other targets until its new sources have answered. The targets of a check that is
// gone go without a word. Apply returns what is wrong with the specs, and then has changed nothing. It keeps the specs,
// which are not to be changed any more.
func (m *Manager) Apply(specs []Spec) error {
	seen := make(map[string]bool, len(specs))
	for i := range specs {
		if seen[specs[i].Check] {
			return fmt.Errorf("check %q is there twice", specs[i].Check)
		}
		seen[specs[i].Check] = true
		if err := specs[i].Validate(); err != nil {
			return fmt.Errorf("check %q: %w", specs[i].Check, err)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	used := make(map[*feed]bool)
	m.order = m.order[:0]
	for position, spec := range specs {
		m.order = append(m.order, spec.Check)
		feeds := make([]*feed, len(spec.Sources))
		for i := range spec.Sources {
			feeds[i] = m.feed(&spec.Sources[i])
			used[feeds[i]] = true
		}
		m.apply(spec, feeds).position = position
	}
	for name, c := range m.checks {
		if !seen[name] {
			c.reset(Spec{}, nil)
			delete(m.looks, c)
			delete(m.checks, name)
		}
	}
	for bucket, feeds := range m.feeds {
		m.feeds[bucket] = slices.DeleteFunc(feeds, func(f *feed) bool { return !used[f] && f.close() })
		if len(m.feeds[bucket]) == 0 {
			delete(m.feeds, bucket)
		}
	}
	m.opened = slices.DeleteFunc(m.opened, func(f *feed) bool { return f.closed })
	m.wakeUp()
	return nil
}

func (m *Manager) apply(spec Spec, feeds []*feed) *check {
	c := m.checks[spec.Check]
	switch {
	case c == nil:
		c = &check{manager: m, targets: make(map[labels.Labels]*item), shown: make(map[uint64]*item)}
		m.checks[spec.Check] = c
	case sameRules(c.spec.Relabel, spec.Relabel) && c.spec.maxTargets() == spec.maxTargets() &&
		slices.EqualFunc(c.subs, feeds, func(s *subscription, f *feed) bool { return s.feed == f }):
		c.spec = spec
		return c
	}
	c.reset(spec, feeds)
	return c
}

// feed returns that of a source that is configured alike, or a new one.
func (m *Manager) feed(config *Config) *feed {
	kind := config.kinds()[0]
	bucket := kind.bucket()
	for _, f := range m.feeds[bucket] {
		if reflect.DeepEqual(f.config, *config) {
			return f
		}
	}
	f := &feed{manager: m, config: *config, kind: kind, groups: make(map[string][]labels.Labels)}
	m.feeds[bucket] = append(m.feeds[bucket], f)
	if kind.open == nil { // static
		f.tried, f.answered = true, true
		for _, t := range config.Static {
			f.groups[""] = append(f.groups[""], t.labels())
		}
		return f
	}
	m.opened = append(m.opened, f)
	return f
}

// close ends the source. It always reports true.
func (f *feed) close() bool {
	f.closed = true
	if f.cancel != nil {
		f.cancel()
	}
	return true
}

// look notes that a check may have something to show.
func (m *Manager) look(c *check) {
	m.looks[c] = true
	m.wakeUp()
}

func (m *Manager) wakeUp() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Run runs the sources and tells of changes until ctx ends and everything that it began has stopped. It can be called
// once.
func (m *Manager) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.wake:
		case <-timer.C:
		}
		m.start(ctx, &running)
		changes, settled, next := m.collect(time.Now())
		m.notify()
		if len(changes) > 0 {
			m.changed(changes)
		}
		m.shown(settled, len(changes) > 0)
		timer.Reset(next)
	}
}

func (m *Manager) start(ctx context.Context, running *sync.WaitGroup) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.opened {
		ctx, cancel := context.WithCancel(ctx)
		f.cancel = cancel
		running.Go(func() { f.run(ctx) })
	}
	m.opened = nil
}

// notify logs what was to be logged.
func (m *Manager) notify() {
	m.mu.Lock()
	notices := m.notices
	m.notices = nil
	m.mu.Unlock()
	for _, notice := range notices {
		notice()
	}
}

// never is when a manager looks that has nothing to look for.
const never = 24 * time.Hour

// collect returns what is to be shown now, the checks that have nothing else to show, and when to look again.
func (m *Manager) collect(now time.Time) (changes []Change, settled []*check, next time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	next = never
	for c := range m.looks {
		due, ok := c.due(now, m.gather)
		if ok && due.After(now) {
			next = min(next, due.Sub(now))
			continue
		}
		delete(m.looks, c)
		if !ok {
			continue
		}
		if change := c.flush(); !change.empty() {
			changes = append(changes, change)
		}
		if c.settled {
			settled = append(settled, c)
		}
	}
	slices.SortFunc(changes, func(a, b Change) int { return m.checks[a.Check].position - m.checks[b.Check].position })
	return changes, settled, next
}
