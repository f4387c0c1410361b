package collector

import (
	"fmt"
	"io"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// pageSize is about how much is rendered, and passed on, at once: one large write costs a seventh of many small ones.
const pageSize = 64 << 10

// content is what a rendering shows. Two renderings of one content are the same, byte for byte.
type content struct {
	view     *view
	families []*family           // for writer
	messages []*dto.MetricFamily // behind them
	format   expfmt.Format
	coding   coding
	size     int // bytes that are held for it, about
}

// rendering is the body of an answer in the making, page by page, so that it takes no more memory for many checks than
// for few. It is not safe for concurrent use.
type rendering struct {
	content
	writer     familyWriter
	check      int // of the first of families, the next to write
	encoder    expfmt.Encoder
	compressor compressor // nil for none
	raw, out   pageBuffer // what goes into compressor, and what comes out
	rawPage    *page      // that raw uses with a compressor
	err        error
}

// pageBuffer is an io.Writer for what others render.
type pageBuffer struct{ b []byte }

// Write implements io.Writer.
func (p *pageBuffer) Write(b []byte) (int, error) {
	p.b = append(p.b, b...)
	return len(b), nil
}

// newRendering begins a rendering, which is to be closed before the view of its content is released.
func newRendering(s content) *rendering {
	r := &rendering{content: s, writer: writerFor(s.format)}
	r.encoder = expfmt.NewEncoder(&r.raw, s.format)
	if s.coding != identity {
		r.compressor = compressors(s.coding).Get().(compressor)
		r.compressor.Reset(&r.out)
		r.rawPage = newPage()
		r.raw.b = r.rawPage.b
	}
	return r
}

func (r *rendering) close() {
	if r.compressor != nil {
		r.compressor.Reset(io.Discard) // so that it holds nothing of r
		compressors(r.coding).Put(r.compressor)
		r.rawPage.b = r.raw.b
		r.rawPage.free()
	}
}

// next appends a page to b, and reports whether there is another.
func (r *rendering) next(b []byte) (page []byte, more bool) {
	if r.compressor == nil {
		return r.render(b)
	}
	r.out.b = b
	for more = true; more && len(r.out.b) < pageSize; {
		var raw []byte
		raw, more = r.render(r.raw.b[:0])
		_, _ = r.compressor.Write(raw) // memory takes everything
	}
	if !more {
		_ = r.compressor.Close()
	}
	return r.out.b, more
}

// render is next without compression.
func (r *rendering) render(b []byte) (page []byte, more bool) {
	for len(r.families) > 0 && len(b) < pageSize {
		b, r.check = r.writer.write(b, r.view, r.families[0], r.check)
		if r.check == len(r.view.snapshot.States) {
			r.families, r.check = r.families[1:], 0
		}
	}
	r.raw.b = b
	for len(r.messages) > 0 && len(r.raw.b) < pageSize && r.err == nil {
		if err := r.encoder.Encode(r.messages[0]); err != nil {
			r.err = fmt.Errorf("encode %s: %w", r.messages[0].GetName(), err)
		}
		r.messages = r.messages[1:]
	}
	if len(r.raw.b) >= pageSize && r.err == nil {
		return r.raw.b, true
	}
	if closer, ok := r.encoder.(expfmt.Closer); ok && r.err == nil {
		if err := closer.Close(); err != nil {
			r.err = fmt.Errorf("encode: %w", err)
		}
	}
	return r.raw.b, false
}
