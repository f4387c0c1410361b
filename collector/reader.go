package collector

import (
	"context"
	"time"
)

// reader reads a body. It is not safe for concurrent use.
type reader struct {
	sharer *sharer
	shared *shared
	number int   // of the next page
	page   *page // that was returned last

	own     *rendering // once it has fallen behind
	ownPage *page
	done    bool // with own

	setDeadline func(time.Time) error // of writing to the client; nil once that is over; guarded by sharer.mu
	brokenOff   bool                  // guarded by sharer.mu
	behind      bool                  // as part of sharer.behind; guarded by sharer.mu
}

// next returns the next part of the body, valid until the next call; false behind the last one, or after an error.
func (r *reader) next(ctx context.Context) (b []byte, ok bool, err error) {
	r.giveBack()
	if r.own == nil {
		var kept bool
		if r.page, kept, err = r.shared.page(ctx, r.sharer, r.number); kept {
			if r.page == nil {
				return nil, false, err
			}
			r.number++
			return r.page.b, true, nil
		}
		if err = r.sharer.fallBehind(r); err != nil {
			return nil, false, err
		}
		r.own, r.ownPage = newRendering(r.shared.content), newPage()
		for range r.number {
			r.advance()
		}
	}
	r.shared.touch()
	if !r.done {
		r.advance()
		if r.own.err == nil {
			return r.ownPage.b, true, nil
		}
	}
	return nil, false, r.own.err
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
	r.sharer.leave(r)
}
