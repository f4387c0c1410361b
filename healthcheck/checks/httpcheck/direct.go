package httpcheck

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
)

const (
	maxHeaderBytes = 64 << 10        // of an answer, informational ones before it included
	maxAge         = 5 * time.Minute // of a kept connection
)

// direct is the wire for HTTP/1.1 without a proxy. It works in the goroutine of the run and starts no other, which
// makes it cost half of what http.Transport does, and bounds every step by the deadline of the connection.
type direct struct {
	network string // tcp, tcp4 or tcp6
	source  *certs.Source
	keep    bool

	record *record // of the run under way

	base   *tls.Config // what secure was made from
	host   string
	secure *tls.Config // for host, which was connected to last

	mu     sync.Mutex
	idle   *conn
	closed bool
}

func (w *direct) begin(ctx context.Context, r *record) context.Context {
	w.record = r
	return ctx
}

func (w *direct) end() { w.record = nil }

// Close implements io.Closer.
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
func (w *direct) takeIdle(address string, secure *tls.Config) *conn {
	w.mu.Lock()
	idle := w.idle
	w.idle = nil
	w.mu.Unlock()
	if idle == nil {
		return nil
	}
	if idle.address != address || idle.secure != secure || time.Since(idle.born) > maxAge {
		_ = idle.Close()
		return nil
	}
	idle.reused = true
	return idle
}

func (w *direct) putIdle(c *conn) {
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

// RoundTrip implements http.RoundTripper. The body of the answer must be closed before the next call.
func (w *direct) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	address, err := addressOf(req.URL)
	if err != nil {
		return nil, err
	}
	w.record.begin(address, req.URL.Scheme == "https")
	secure, err := w.secureFor(req.URL)
	if err != nil {
		return nil, err
	}
	if c := w.takeIdle(address, secure); c != nil {
		w.record.certify(c.certificates)
		c.guard(ctx)
		// A server may close a kept connection at any time, also just as the request is on its way.
		resp, lost, err := w.exchange(c, req)
		if !lost || ctx.Err() != nil {
			return resp, err
		}
		if err := rewind(req); err != nil {
			return nil, err
		}
	}
	c, err := w.dial(ctx, address, secure)
	if err != nil {
		return nil, err
	}
	resp, _, err := w.exchange(c, req)
	return resp, err
}

// addressOf returns the host:port to connect to for u, in ASCII.
func addressOf(u *url.URL) (string, error) {
	host, err := httpguts.PunycodeHostPort(u.Hostname())
	if err != nil {
		return "", healthcheck.Errorf(healthcheck.ReasonDNS, "the host of the URL is not a valid name")
	}
	return net.JoinHostPort(host, port(u)), nil
}

// rewind makes the body of req readable again.
func rewind(req *http.Request) (err error) {
	if req.GetBody != nil {
		req.Body, err = req.GetBody()
	}
	return err
}

// secureFor returns the TLS configuration for u, the same as before if nothing has changed, or nil for plain HTTP.
func (w *direct) secureFor(u *url.URL) (*tls.Config, error) {
	if u.Scheme != "https" {
		return nil, nil
	}
	base, err := w.source.Config()
	if err != nil {
		return nil, err
	}
	if w.secure != nil && w.base == base && w.host == u.Hostname() {
		return w.secure, nil
	}
	w.base, w.host, w.secure = base, u.Hostname(), base.Clone()
	w.secure.NextProtos = []string{"http/1.1"}
	if w.secure.ServerName == "" {
		w.secure.ServerName = w.host
	}
	return w.secure, nil
}

// dial connects, and shakes hands if secure is not nil. The connection is guarded.
func (w *direct) dial(ctx context.Context, address string, secure *tls.Config) (*conn, error) {
	dialCtx := ctx
	if host, _, _ := net.SplitHostPort(address); isIP(host) {
		w.record.enter(phaseConnect)
	} else {
		w.record.enter(phaseResolve)
		dialCtx = w.traceLookup(ctx)
	}
	raw, err := dialer.DialContext(dialCtx, w.network, address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, raw: raw, address: address, secure: secure, born: time.Now()}
	c.guard(ctx)
	if secure != nil {
		w.record.enter(phaseTLS)
		err := c.handshake(ctx)
		w.record.certify(c.certificates)
		if err != nil {
			c.release()
			return nil, err
		}
	}
	return c, nil
}

// traceLookup returns a context to dial with, which tells when the name is resolved. It is made for each lookup: a
// check at rest holds nothing for it.
func (w *direct) traceLookup(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// net calls this before DialContext returns, and in its goroutine.
		DNSDone: func(info httptrace.DNSDoneInfo) {
			if info.Err == nil {
				w.record.enter(phaseConnect)
			}
		},
	})
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// exchange sends req and reads the header of the answer. On failure the connection is closed, and lost tells whether
// that was before a first byte of the answer.
func (w *direct) exchange(c *conn, req *http.Request) (resp *http.Response, lost bool, err error) {
	w.record.enter(phaseProcessing)
	reader := readers.Get().(*bufio.Reader)
	reader.Reset(c)
	c.remaining = maxHeaderBytes
	defer func() {
		if err != nil {
			putReader(reader)
			c.release()
		}
	}()

	writeErr := c.send(req)
	// A server may answer, and close, before it has read all of the request.
	if _, err := reader.Peek(1); err != nil {
		if writeErr != nil {
			err = writeErr
		}
		return nil, true, err
	}
	w.record.enter(phaseTransfer)
	resp, err = readResponse(reader, req)
	if err != nil {
		// What cut the header says more than the parser does of its last line.
		return nil, false, cmp.Or(c.ended, err)
	}
	if c.reused && resp.StatusCode == http.StatusRequestTimeout {
		return nil, true, errIdleTimeout
	}
	c.remaining = -1
	resp.Body = &body{wire: w, conn: c, reader: reader, source: resp.Body, keep: w.keep && keepable(resp)}
	return resp, false, nil
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
	case b.ended:
		c.unguard()
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
