package collector

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// sharer lets scrapes that overlap, as those of two Prometheus servers, read one rendering instead of making two. Nobody
// waits for a slow reader: few pages are kept, and who falls behind renders the rest alone, from the same content.
type sharer struct {
	mu      sync.Mutex
	current []*shared // with readers; the oldest first
	budget
}

func newSharer() *sharer { return &sharer{budget: newBudget()} }

// shareKey is what scrapes must agree in to have the same answer.
type shareKey struct {
	format     expfmt.Format
	coding     coding
	names      string // the query parameters name[]
	generation uint64 // of the registry: who has seen a change must see it in a scrape
}

const (
	// joinTime is how old a rendering may be for another scrape to join it: durations and counters may be so much older
	// than the scrape.
	joinTime = 100 * time.Millisecond
	// pagesKept is how many pages of a rendering are kept, for who joins it and who follows.
	pagesKept = 8
)

// shared is a rendering with several readers. Whoever is the first to need a page renders it.
type shared struct {
	key      shareKey
	began    time.Time
	count    atomic.Int32 // of readers
	joinable atomic.Bool  // the first page is kept
	taken    atomic.Int64 // when a reader last asked for a page, in nanoseconds since began

	readers []*reader // guarded by sharer.mu
	held    int       // as part of sharer.held; guarded by sharer.mu
	leaving bool      // all readers are broken off; guarded by sharer.mu

	// starting holds an element while a reader begins the rendering. That may take long, and who waits for it leaves when its
	// client does.
	starting  chan struct{}
	gather    func() []*dto.MetricFamily
	start     func(others []*dto.MetricFamily) (content, error)
	content   content
	rendering *rendering // nil until it has begun; from then on guarded by mu
	refused   error      // there was no room for it, so there is none for who joined

	mu    sync.Mutex
	pages []*page
	first int // number of pages[0]
	done  bool
}

// page is a part of a body.
type page struct {
	b       []byte
	reading int // readers of shared that use it; guarded by shared.mu
}

var freePages = sync.Pool{New: func() any { return &page{b: make([]byte, 0, pageSize+pageSize/4)} }}

// newPage returns an empty page; free gives its memory back.
func newPage() *page { return freePages.Get().(*page) }

func (p *page) free() {
	if cap(p.b) <= 4*pageSize { // a message of somebody else's may have been huge
		p.b = p.b[:0]
		freePages.Put(p)
	}
}

// join returns a reader of a rendering that is under way, or of a new one: of what start returns for what gather does,
// which may take long. It is to be closed.
func (s *sharer) join(key shareKey, gather func() []*dto.MetricFamily, start func([]*dto.MetricFamily) (content, error)) *reader {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &reader{sharer: s}
	for _, c := range s.current {
		if c.key == key && c.fresh() && !c.leaving {
			r.shared = c
			break
		}
	}
	if r.shared == nil {
		r.shared = &shared{key: key, began: time.Now(), gather: gather, start: start, starting: make(chan struct{}, 1)}
		r.shared.joinable.Store(true)
		s.current = append(s.current, r.shared)
	}
	r.shared.readers = append(r.shared.readers, r)
	r.shared.count.Add(1)
	return r
}

// leave is called by each reader at its end.
func (s *sharer) leave(r *reader) {
	c := r.shared
	s.mu.Lock()
	r.setDeadline = nil
	if r.behind {
		s.behind--
		c.held -= renderingSize
		s.giveBack(renderingSize)
	}
	c.readers = slices.DeleteFunc(c.readers, func(o *reader) bool { return o == r })
	last := c.count.Add(-1) == 0
	if last {
		s.current = slices.DeleteFunc(s.current, func(o *shared) bool { return o == c })
	}
	s.mu.Unlock()
	if !last {
		return
	}
	if c.rendering != nil {
		c.drop(0)
		c.rendering.close()
		c.content.view.release()
	}
	s.mu.Lock()
	s.giveBack(c.held)
	s.mu.Unlock()
}

// fresh reports whether another scrape may join.
func (c *shared) fresh() bool { return c.joinable.Load() && time.Since(c.began) < joinTime }

// ready waits until the rendering has begun, or begins it.
func (c *shared) ready(ctx context.Context, s *sharer) error {
	select {
	case c.starting <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-c.starting }()
	if c.rendering != nil || c.refused != nil {
		return c.refused
	}
	err := c.begin(ctx, s)
	if errors.Is(err, errNoRoom) {
		c.refused = err // after refuseTime, when nobody joins any more
	}
	return err
}

// begin makes the rendering, once there is room for it.
func (c *shared) begin(ctx context.Context, s *sharer) error {
	others := c.gather() // whoever is slow there must not hold up other scrapes, so before anybody waits for us
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.entered()
	from, err := c.start(others)
	if err != nil {
		return err
	}
	c.content, c.rendering = from, newRendering(from)
	c.touch()
	s.hold(c, from.size+renderingSize)
	return nil
}

// touch notes that a reader goes on.
func (c *shared) touch() { c.taken.Store(int64(time.Since(c.began))) }

// page returns a page, which is to be given back to read; nil behind the last one. It is false for one that is no
// longer kept.
func (c *shared) page(ctx context.Context, s *sharer, number int) (p *page, kept bool, err error) {
	if number == 0 {
		if err = c.ready(ctx, s); err != nil {
			return nil, true, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.touch()
	if number < c.first {
		return nil, false, nil
	}
	if number == c.first+len(c.pages) && !c.done {
		keep := pagesKept - 1
		if c.count.Load() == 1 && !c.fresh() {
			keep = 0 // a page that is used again is still in the processor's cache
		}
		c.drop(keep)
		added := newPage()
		b, more := c.rendering.next(added.b)
		added.b = b
		if c.done = !more; c.rendering.err != nil {
			added.free() // what is sent should not look like the whole
		} else {
			c.pages = append(c.pages, added)
		}
	}
	if number == c.first+len(c.pages) {
		return nil, true, c.rendering.err
	}
	p = c.pages[number-c.first]
	p.reading++
	return p, true, nil
}

// drop gives up all but the last pages.
func (c *shared) drop(keep int) {
	for len(c.pages) > keep {
		c.joinable.Store(false)
		if c.pages[0].reading == 0 { // else the garbage collector frees it
			c.pages[0].free()
		}
		c.pages = slices.Delete(c.pages, 0, 1)
		c.first++
	}
}

// read ends the use of a page.
func (c *shared) read(p *page) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p.reading--
}
