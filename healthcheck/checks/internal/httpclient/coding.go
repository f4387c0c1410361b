package httpclient

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Bounds on content coding, beside that on the content.
const (
	maxCodings = 2        // one upon another
	freeOutput = 2 << 20  // bytes that a coding may give for nothing
	maxRatio   = 100      // of content to coded bytes, beyond that
	codedSlack = 64 << 10 // by which the coded bytes may exceed the bound on the content
)

// codings are those that [Settings] can ask for. Whether they were asked for or not, they are decoded.
var codings = []string{"gzip", "deflate", "br", "identity"}

// coded is a body, and what is put around it to read its content.
type coded struct {
	io.Reader
	layers []*layer
}

// decode returns the content of a body with the values of Content-Encoding (RFC 9110, section 8.4). Its error, with
// reason body, is for codings that cannot be decoded.
func decode(values []string, body io.Reader, limit int64) (coded, error) {
	c := coded{Reader: body}
	var names []string
	for _, value := range values {
		for name := range strings.SplitSeq(value, ",") {
			name = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(name)), "x-") // as old servers say
			if name != "" && name != "identity" {
				names = append(names, name)
			}
		}
	}
	if len(names) > maxCodings {
		return c, healthcheck.Errorf(healthcheck.ReasonBody, "body has %d content codings, one upon another; at most %d are decoded", len(names), maxCodings)
	}
	for _, name := range slices.Backward(names) {
		if !slices.Contains(codings, name) {
			return c, errUndecoded(name)
		}
		l := &layer{name: name, left: limit + codedSlack, source: c.Reader}
		c.layers = append(c.layers, l)
		c.Reader = l
	}
	return c, nil
}

// otherCodings are those of IANA's registry that are not decoded.
var otherCodings = []string{"aes128gcm", "compress", "dcb", "dcz", "exi", "pack200-gzip", "zstd"}

// errUndecoded names a coding only where that is a name: what else a peer writes there may be a secret of ours, and in lower
// case nobody knows it again.
func errUndecoded(name string) error {
	if !slices.Contains(otherCodings, name) {
		return healthcheck.Errorf(healthcheck.ReasonBody, "body has a content coding that is not known")
	}
	return healthcheck.Errorf(healthcheck.ReasonBody, "body has the content coding %q, which is not decoded", name)
}

// release gives the buffers back. There is nothing to read after it.
func (c *coded) release() {
	for _, l := range c.layers {
		l.release()
	}
}

// layer takes off one coding.
type layer struct {
	name    string
	source  io.Reader
	in, out int64
	left    int64 // bytes that may still be taken from source

	buffer  *bufio.Reader // of the source
	content io.Reader     // nil before the first Read
	gzip    *gzip.Reader  // content, where it is one
}

var gzips = sync.Pool{New: func() any { return new(gzip.Reader) }}

func (l *layer) release() {
	if l.gzip != nil {
		gzips.Put(l.gzip)
	}
	if l.buffer != nil {
		putReader(l.buffer)
	}
	*l = layer{content: eof{}}
}

// Read implements io.Reader.
func (l *layer) Read(p []byte) (n int, err error) {
	if l.content == nil {
		err = l.open()
	}
	if err == nil {
		n, err = l.content.Read(p)
	}
	l.out += int64(n)
	switch {
	case l.out > max(freeOutput, maxRatio*l.in):
		return n, l.fail("expands to more than %d times its size", maxRatio)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return n, l.fail("ends too early")
	case err != nil && !errors.Is(err, io.EOF) && healthcheck.ReasonOf(err) == healthcheck.ReasonError:
		return n, l.fail("%w", err)
	default:
		return n, err
	}
}

func (l *layer) fail(format string, args ...any) error {
	return healthcheck.Errorf(healthcheck.ReasonBody, "content coding "+l.name+": "+format, args...)
}

// open makes the reader of the content. A body that is empty has no coding, as in the answer to HEAD.
func (l *layer) open() (err error) {
	l.buffer = readers.Get().(*bufio.Reader)
	l.buffer.Reset(layerSource{l})
	begin, err := l.buffer.Peek(2)
	if len(begin) == 0 {
		l.content = eof{}
		return err
	}
	switch {
	case l.name == "gzip":
		l.gzip = gzips.Get().(*gzip.Reader)
		l.content = l.gzip
		return l.gzip.Reset(l.buffer)
	case l.name == "br":
		// Not kept: its window is as large as the peer likes, up to 16 MiB.
		l.content = brotli.NewReader(l.buffer)
		return nil
	case isZlib(begin):
		l.content, err = zlib.NewReader(l.buffer)
		return err
	default: // what some servers take deflate for
		l.content = flate.NewReader(l.buffer)
		return nil
	}
}

// isZlib reports whether that is how the zlib format begins (RFC 1950, section 2.2).
func isZlib(begin []byte) bool {
	return len(begin) == 2 && begin[0]&0x0f == 8 && (int(begin[0])<<8|int(begin[1]))%31 == 0
}

// layerSource is where the layer takes coded bytes from.
type layerSource struct{ *layer }

func (s layerSource) Read(p []byte) (int, error) {
	if s.left <= 0 {
		return 0, s.fail("is larger than its content may be")
	}
	n, err := s.source.Read(p[:min(int64(len(p)), s.left)])
	s.in += int64(n)
	s.left -= int64(n)
	return n, err
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }
