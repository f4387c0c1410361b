package httpcheck

import (
	"errors"
	"io"
	"slices"
	"sync"
)

const (
	bufferSize    = 8 << 10
	maxKeptBuffer = 64 << 10
)

// scratch is what a run needs and a check at rest does not.
type scratch struct {
	body   []byte
	record record
}

var scratches = sync.Pool{New: func() any { return &scratch{body: make([]byte, 0, bufferSize)} }}

// put gives s back unless one large body would make it stay large.
func (s *scratch) put() {
	if cap(s.body) <= maxKeptBuffer {
		scratches.Put(s)
	}
}

// read reads up to limit bytes of the body and notes whether there was more. Unless all of it is wanted, a.body holds
// the beginning only.
func (a *answer) read(body io.Reader, limit int64, all bool) error {
	for a.size <= limit {
		if len(a.body) == cap(a.body) {
			if all {
				a.body = slices.Grow(a.body, len(a.body))
			} else {
				a.body = a.body[:bufferSize/2]
			}
		}
		free := a.body[len(a.body):cap(a.body)]
		n, err := body.Read(free[:min(int64(len(free)), limit+1-a.size)])
		a.body = a.body[:len(a.body)+n]
		a.size += int64(n)
		switch {
		case errors.Is(err, io.EOF) && a.size <= limit:
			return nil
		case err != nil && !errors.Is(err, io.EOF):
			return err
		}
	}
	a.cut = true
	a.size = limit
	a.body = a.body[:min(int64(len(a.body)), limit)]
	return nil
}
