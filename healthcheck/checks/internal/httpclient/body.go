package httpclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
)

const (
	bufferSize    = 8 << 10
	maxKeptBuffer = 64 << 10
)

// read reads the body of the answer, whatever its status is. What goes wrong is left in the answer: the status is told
// first.
func (r *run) read(ctx context.Context, resp *http.Response) error {
	a := r.answer
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return nil // what follows is not HTTP
	}
	wire := &wireBody{source: resp.Body}
	content, err := decode(resp.Header["Content-Encoding"], wire, r.maxBody)
	if err != nil {
		if r.whole {
			a.BodyErr = err
			return nil
		}
		// It is not looked at, but for its size and its end.
		err = a.readFrom(wire, r.maxBody, false)
		a.Body = a.Body[:0]
	} else {
		err = a.readFrom(content, r.maxBody, r.whole)
		content.release()
	}
	if err == nil {
		return nil
	}
	if wire.err != nil { // whatever a decoder makes of it
		a.failed = true
		err = wire.err
	}
	a.BodyErr = r.explain(ctx, err)
	return nil
}

// wireBody tells errors of the wire from those of decoders.
type wireBody struct {
	source io.Reader
	err    error // of the wire, other than io.EOF
}

func (w *wireBody) Read(p []byte) (int, error) {
	n, err := w.source.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

// readFrom reads up to limit bytes and notes whether there was more. Unless all of it is wanted, a.Body holds the
// beginning only.
func (a *Answer) readFrom(body io.Reader, limit int64, all bool) error {
	for a.Size <= limit {
		if len(a.Body) == cap(a.Body) {
			if all {
				a.Body = slices.Grow(a.Body, len(a.Body))
			} else {
				a.Body = a.Body[:bufferSize/2]
			}
		}
		free := a.Body[len(a.Body):cap(a.Body)]
		n, err := body.Read(free[:min(int64(len(free)), limit+1-a.Size)])
		a.Body = a.Body[:len(a.Body)+n]
		a.Size += int64(n)
		switch {
		case errors.Is(err, io.EOF) && a.Size <= limit:
			return nil
		case err != nil && !errors.Is(err, io.EOF):
			return err
		}
	}
	a.Cut = true
	a.Size = limit
	a.Body = a.Body[:min(int64(len(a.Body)), limit)]
	return nil
}
