package httpclient

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/textproto"
	"os"
	"sync"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
)

const (
	maxHeaderBytes = 64 << 10        // of an answer, informational ones before it included
	maxAge         = 5 * time.Minute // of a kept connection
)

// direct is the wire for HTTP/1.1 without a proxy. It works in the goroutine of the run, and starts another only for a
// large request body.
type direct struct {
	network string // tcp, tcp4 or tcp6
	source  *certs.Source
	keep    bool

	mu     sync.Mutex
	secure *hostTLS // what was connected with last
	idle   *conn
	closed bool
}

// Close implements wire.
func (w *direct) Close() error {
	w.mu.Lock()
	idle := w.idle
	w.idle, w.closed = nil, true
	w.mu.Unlock()
	if idle != nil {
		return idle.Close()
	}
	return nil
}

// takeIdle returns the kept connection if it is good for the address, else nil.
func (w *direct) takeIdle(address target.Address, secure *tls.Config) *conn {
	w.mu.Lock()
	idle := w.idle
	w.idle = nil
	w.mu.Unlock()
	if idle == nil {
		return nil
	}
	// What has come since the last answer answers nothing that was asked: an end, or the rest of something broken.
	if idle.address != address || idle.secure != secure || time.Since(idle.born) > maxAge || idle.watch.readable() {
		_ = idle.Close()
		return nil
	}
	idle.reused = true
	return idle
}

func (w *direct) putIdle(c *conn) {
	if c.watch == nil {
		c.watch = newWatch(c.raw)
	}
	w.mu.Lock()
	old := w.idle
	if w.closed {
		old = c
	} else {
		w.idle = c
	}
	w.mu.Unlock()
	if old != nil {
		_ = old.Close()
	}
}

func (w *direct) roundTrip(ctx context.Context, h *hop) (*http.Response, error) {
	secure, err := w.secureFor(h)
	if err != nil {
		return nil, err
	}
	if c := w.takeIdle(h.address, secure); c != nil {
		h.record.certify(c.certificates)
		c.guard(ctx)
		// A server may close a kept connection at any time, also just as the request is on its way. One that does not
		// answer in time is no reason to begin anew.
		resp, lost, err := w.exchange(c, h)
		if !lost || ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) {
			return resp, err
		}
		if h.request.GetBody != nil {
			if h.request.Body, err = h.request.GetBody(); err != nil {
				return nil, err
			}
		}
	}
	c, err := w.dial(ctx, h, secure)
	if err != nil {
		return nil, err
	}
	resp, _, err := w.exchange(c, h)
	return resp, err
}

// secureFor returns the TLS configuration for h, the same as before if nothing has changed, or nil for plain HTTP.
func (w *direct) secureFor(h *hop) (*tls.Config, error) {
	if h.request.URL.Scheme != "https" {
		return nil, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	next, err := tlsFor(w.source, w.secure, h)
	if err != nil {
		return nil, err
	}
	w.secure = next
	return next.config, nil
}

// dial connects, and shakes hands if secure is not nil. The connection is guarded.
func (w *direct) dial(ctx context.Context, h *hop, secure *tls.Config) (*conn, error) {
	raw, err := dial(ctx, w.network, h.address.String(), h.record.enter)
	if err != nil {
		return nil, err
	}
	c := newConn(raw, h.address, secure)
	c.guard(ctx)
	if secure != nil {
		h.record.enter(phaseTLS)
		err := c.handshake(ctx)
		h.record.certify(c.certificates)
		if err != nil {
			c.release()
			return nil, err
		}
	}
	return c, nil
}

// dial connects and tells which phase it is in.
func dial(ctx context.Context, network, address string, enter func(phase)) (net.Conn, error) {
	if host, _, _ := net.SplitHostPort(address); isIP(host) {
		enter(phaseConnect)
		return dialer.DialContext(ctx, network, address)
	}
	enter(phaseResolve)
	return dialer.DialContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// net calls this before DialContext returns, and in its goroutine.
		DNSDone: func(info httptrace.DNSDoneInfo) {
			if info.Err == nil {
				enter(phaseConnect)
			}
		},
	}), network, address)
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// exchange sends the request and reads the header of the answer. On failure the connection is closed, and lost tells
// whether that was before a first byte of the answer.
func (w *direct) exchange(c *conn, h *hop) (resp *http.Response, lost bool, err error) {
	h.record.enter(phaseProcessing)
	reader := readers.Get().(*bufio.Reader)
	reader.Reset(c)
	c.remaining = maxHeaderBytes
	defer func() {
		if err != nil {
			putReader(reader)
			c.release()
		}
	}()

	writeErr := c.send(h)
	// A server may answer, and close, before it has read all of the request.
	if _, err := reader.Peek(1); err != nil {
		if c.sent != nil {
			_ = c.raw.Close() // else the sending may go on
			writeErr = c.waitSent()
			if errors.Is(writeErr, net.ErrClosed) {
				writeErr = nil
			}
		}
		if writeErr != nil {
			err = writeErr
		}
		return nil, true, err
	}
	h.record.enter(phaseTransfer)
	resp, err = readResponse(reader, h.request)
	if err != nil {
		return nil, false, c.headerError(err)
	}
	if c.reused && resp.StatusCode == http.StatusRequestTimeout {
		return nil, true, errIdleTimeout
	}
	c.remaining = -1
	resp.Body = &body{wire: w, conn: c, reader: reader, source: resp.Body, keep: w.keep && keepable(resp)}
	return resp, false, nil
}

// headerError returns why there is no header, where the parser says err. What cut it says more than the parser does of
// its last line; but what was complete, and no header, is told as it is.
func (c *conn) headerError(err error) error {
	if c.ended == nil {
		return err
	}
	if !errors.Is(c.ended, io.EOF) {
		return c.ended
	}
	if _, ok := errors.AsType[textproto.ProtocolError](err); ok && !c.lineEnded {
		return io.ErrUnexpectedEOF
	}
	return err
}

// keepable reports whether the connection speaks HTTP again after the body.
func keepable(resp *http.Response) bool {
	return !resp.Close && resp.StatusCode != http.StatusSwitchingProtocols
}

// errIdleTimeout is for a 408 that tells of the end of a kept connection, not of the request just sent.
var errIdleTimeout = errors.New("the server closed the idle connection")

// readResponse reads the header of the final answer to req.
func readResponse(reader *bufio.Reader, req *http.Request) (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(reader, req)
		if err != nil || resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, err
		}
	}
}

// body is the body of an answer; closing it ends the use of the connection.
type body struct {
	wire   *direct
	conn   *conn
	reader *bufio.Reader
	source io.ReadCloser
	keep   bool // the connection can be used again once the end of the body was read
	ended  bool
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.conn == nil {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.source.Read(p)
	if errors.Is(err, io.EOF) {
		b.ended = true
	}
	return n, err
}

// Close implements io.Closer.
func (b *body) Close() error {
	c := b.conn
	if c == nil {
		return nil
	}
	if b.keep && !b.ended {
		_, _ = io.CopyN(io.Discard, b, 4<<10) // the body of a redirect
	}
	b.conn = nil
	keep := b.keep && b.ended && b.reader.Buffered() == 0
	putReader(b.reader)
	switch {
	case keep && c.unguard():
		b.wire.putIdle(c)
	case b.ended && c.sent == nil:
		c.stop()
		_ = c.Close()
	default:
		c.release()
	}
	return nil
}

var (
	readers  = sync.Pool{New: func() any { return bufio.NewReader(nil) }}
	requests = sync.Pool{New: func() any { return new(bytes.Buffer) }}
)

func putReader(r *bufio.Reader) {
	r.Reset(nil)
	readers.Put(r)
}
