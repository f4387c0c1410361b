package httpclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
)

// dialer opens all connections, with no time limit but that of the context.
var dialer = net.Dialer{KeepAlive: -1} // deadlines find dead peers sooner

// largeBody is the size of a request body that may not fit into the buffers on its way, so that a peer can answer while
// it is being sent.
const largeBody = 16 << 10

// maxSendWait is how long the end of an answer may come before the end of the request, if the connection is to be kept;
// net/http has the same.
const maxSendWait = 50 * time.Millisecond

// conn is a connection and what is known of it.
type conn struct {
	net.Conn     // speaks TLS if that is wanted
	raw          net.Conn
	address      target.Address
	secure       *tls.Config // nil for plain HTTP
	born         time.Time
	reused       bool
	watch        *watch              // once it is kept
	certificates []healthcheck.Value // certs.Values of the handshake

	remaining int64 // bytes of header that may still be read; negative once the header is complete
	ended     error // why the reading of the header ended before the header did
	lineEnded bool  // the last byte read ended a line

	interrupt func() // made once
	stop      func() bool
	sent      chan error // gets the result of the sending that goes on while the answer is read; nil where there is none
}

func newConn(raw net.Conn, address target.Address, secure *tls.Config) *conn {
	c := &conn{Conn: raw, raw: raw, address: address, secure: secure, born: time.Now()}
	c.interrupt = func() { _ = c.raw.SetDeadline(time.Unix(1, 0)) }
	return c
}

// guard ties the connection to ctx: all that is done with it ends when ctx does. A deadline on the connection beside
// that would cost more than all the rest of the guard.
func (c *conn) guard(ctx context.Context) { c.stop = context.AfterFunc(ctx, c.interrupt) }

// unguard undoes guard. It reports whether the connection is still good.
func (c *conn) unguard() bool {
	if !c.stop() {
		return false
	}
	if c.sent == nil {
		return true
	}
	// What the peer has read was sent, even if the sender does not know it yet.
	select {
	case err := <-c.sent:
		c.sent = nil
		return err == nil
	case <-time.After(maxSendWait):
		return false
	}
}

// release closes a connection in any state, without a farewell that the peer might not take, and waits for what is
// still being sent.
func (c *conn) release() {
	c.stop()
	_ = c.raw.Close()
	_ = c.waitSent()
}

func (c *conn) waitSent() (err error) {
	if c.sent != nil {
		err = <-c.sent
		c.sent = nil
	}
	return err
}

func (c *conn) handshake(ctx context.Context) error {
	// The guard ends the handshake in time; with a context that can be canceled, a goroutine would be started for it.
	client, values, err := certs.Handshake(context.WithoutCancel(ctx), c.raw, c.secure)
	c.Conn, c.certificates = client, values
	return err
}

// send writes the request of h: at once, or meanwhile if it has a large body.
func (c *conn) send(h *hop) error {
	if h.form != nil {
		_, err := c.Write(h.form)
		return err
	}
	if h.request.ContentLength > largeBody {
		c.sent = make(chan error, 1)
		go func(req *http.Request, w io.Writer, sent chan<- error) { sent <- req.Write(w) }(h.request, c.Conn, c.sent)
		return nil
	}
	buf := requests.Get().(*bytes.Buffer)
	defer putRequest(buf)
	if err := h.request.Write(buf); err != nil {
		return err
	}
	_, err := c.Write(buf.Bytes())
	return err
}

func putRequest(buf *bytes.Buffer) {
	if buf.Cap() <= maxKeptBuffer {
		buf.Reset()
		requests.Put(buf)
	}
}

// Read reads within the limit of a header while there is one.
func (c *conn) Read(p []byte) (int, error) {
	if c.remaining < 0 {
		return c.Conn.Read(p)
	}
	if c.remaining == 0 {
		c.ended = errHeaderTooLarge
		return 0, c.ended
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.remaining)])
	c.remaining -= int64(n)
	c.ended = err
	if n > 0 {
		c.lineEnded = p[n-1] == '\n'
	}
	return n, err
}
