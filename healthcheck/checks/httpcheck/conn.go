package httpcheck

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
)

// dialer opens all connections, with no time limit but that of the context.
var dialer = net.Dialer{KeepAlive: -1} // deadlines find dead peers sooner

// conn is a connection and what is known of it.
type conn struct {
	net.Conn     // speaks TLS if that is wanted
	raw          net.Conn
	address      string
	secure       *tls.Config // nil for plain HTTP
	born         time.Time
	reused       bool
	certificates []healthcheck.Value // certs.Values of the handshake
	remaining    int64               // bytes of header that may still be read; negative once the header is complete
	ended        error               // why the reading of the header ended before the header did
	stop         func() bool
}

// guard ties the connection to ctx: all that is done with it ends when ctx does.
func (c *conn) guard(ctx context.Context) {
	deadline, _ := ctx.Deadline()
	_ = c.raw.SetDeadline(deadline)
	c.stop = context.AfterFunc(ctx, c.interrupt)
}

// unguard undoes guard. It reports whether the connection is still good.
func (c *conn) unguard() bool {
	return c.stop() && c.raw.SetDeadline(time.Time{}) == nil
}

func (c *conn) interrupt() { _ = c.raw.SetDeadline(time.Unix(1, 0)) }

// release closes a connection in any state, without a farewell that the peer might not take.
func (c *conn) release() {
	c.stop()
	_ = c.raw.Close()
}

func (c *conn) handshake(ctx context.Context) error {
	// The guard ends the handshake in time; with a context that can be canceled, a goroutine would be started for it.
	client, values, err := certs.Handshake(context.WithoutCancel(ctx), c.raw, c.secure)
	c.Conn, c.certificates = client, values
	return err
}

// send writes req at once.
func (c *conn) send(req *http.Request) error {
	buf := requests.Get().(*bytes.Buffer)
	defer putRequest(buf)
	if err := req.Write(buf); err != nil {
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
	return n, err
}
