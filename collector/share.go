package collector

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/common/expfmt"
)

// sharer lets scrapes that overlap, as those of two Prometheus servers, read one rendering instead of making two. Nobody
// waits for a slow reader: few pages are kept, and who falls behind renders the rest alone, from the same source.
type sharer struct {
	mu      sync.Mutex
	current []*shared
}

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
	readers  atomic.Int32 // changed with sharer.mu held
	joinable atomic.Bool  // the first page is kept

	mu        sync.Mutex
	start     func() (source, error)
	source    source
	rendering *rendering // nil until the first page is asked for
	pages     []*page
	first     int // number of pages[0]
	done      bool
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

// join returns a reader of a rendering that is under way, or of a new one of what start returns. It is to be closed.
func (s *sharer) join(key shareKey, start func() (source, error)) *reader {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.current {
		if c.key == key && c.fresh() {
			c.readers.Add(1)
			return &reader{sharer: s, shared: c}
		}
	}
	c := &shared{key: key, began: time.Now(), start: start}
	c.readers.Store(1)
	c.joinable.Store(true)
	s.current = append(s.current, c)
	return &reader{sharer: s, shared: c}
}

// leave is called by each reader at its end.
func (s *sharer) leave(c *shared) {
	s.mu.Lock()
	last := c.readers.Add(-1) == 0
	if last {
		s.current = slices.DeleteFunc(s.current, func(o *shared) bool { return o == c })
	}
	s.mu.Unlock()
	if last && c.rendering != nil {
		c.drop(0)
		c.rendering.close()
		c.source.view.release()
	}
}

// fresh reports whether another scrape may join.
func (c *shared) fresh() bool { return c.joinable.Load() && time.Since(c.began) < joinTime }

// page returns a page, which is to be given back to read; nil behind the last one. It is false for one that is no
// longer kept.
func (c *shared) page(number int) (p *page, kept bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rendering == nil {
		if c.source, err = c.start(); err != nil {
			return nil, true, err
		}
		c.rendering = newRendering(c.source)
	}
	if number < c.first {
		return nil, false, nil
	}
	if number == c.first+len(c.pages) && !c.done {
		keep := pagesKept - 1
		if c.readers.Load() == 1 && !c.fresh() {
			keep = 0 // a page that is used again is still in the processor's cache
		}
		c.drop(keep)
		added := newPage()
		b, more := c.rendering.next(added.b)
		added.b = b
		c.pages, c.done = append(c.pages, added), !more
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

// reader reads a body. It is not safe for concurrent use.
type reader struct {
	sharer *sharer
	shared *shared
	number int   // of the next page
	page   *page // that was returned last

	own     *rendering // once it has fallen behind
	ownPage *page
	done    bool // with own
}

// next returns the next part of the body, valid until the next call; false behind the last one, or after an error.
func (r *reader) next() (b []byte, ok bool, err error) {
	r.giveBack()
	if r.own == nil {
		var kept bool
		if r.page, kept, err = r.shared.page(r.number); kept {
			if r.page == nil {
				return nil, false, err
			}
			r.number++
			return r.page.b, true, nil
		}
		r.own, r.ownPage = newRendering(r.shared.source), newPage()
		for range r.number {
			r.advance()
		}
	}
	if r.done {
		return nil, false, r.own.err
	}
	r.advance()
	return r.ownPage.b, true, nil
}

// advance renders the next page alone.
func (r *reader) advance() {
	b, more := r.own.next(r.ownPage.b[:0])
	r.ownPage.b, r.done = b, !more
}

func (r *reader) giveBack() {
	if r.page != nil {
		r.shared.read(r.page)
		r.page = nil
	}
}

func (r *reader) close() {
	r.giveBack()
	if r.own != nil {
		r.own.close()
		r.ownPage.free()
	}
	r.sharer.leave(r.shared)
}
