package config_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fault is what happens to a connection on its way: client is that of the check, and dial opens one to the healthy peer.
// Both end with ctx.
type fault func(ctx context.Context, client net.Conn, dial func() net.Conn)

// faultProxy stands before a healthy peer and does to each connection what it is told.
type faultProxy struct {
	target, address string

	mu       sync.Mutex
	fault    fault
	security *tls.Config // nil: none
	stop     func()
}

// newFaultProxy returns a proxy at a free port of the host that passes everything on.
func newFaultProxy(t *testing.T, host, target string) *faultProxy {
	t.Helper()
	p := &faultProxy{target: target, address: net.JoinHostPort(host, "0"), fault: passing}
	p.start(t)
	t.Cleanup(func() { p.stop() })
	return p
}

// set changes what happens to the connections to come.
func (p *faultProxy) set(f fault, security *tls.Config) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.security = f, security
}

// start listens, where it did before.
func (p *faultProxy) start(t *testing.T) {
	t.Helper()
	var l net.Listener
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		var err error
		l, err = new(net.ListenConfig).Listen(context.Background(), "tcp", p.address)
		require.NoError(t, err)
	}, 10*time.Second, 10*time.Millisecond)
	p.address = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { p.serve(ctx, conn) })
		}
	})
	p.stop = sync.OnceFunc(func() {
		_ = l.Close()
		cancel()
		all.Wait()
	})
}

func (p *faultProxy) serve(ctx context.Context, client net.Conn) {
	ends := func(conn net.Conn) func() bool { return context.AfterFunc(ctx, func() { _ = conn.Close() }) }
	defer client.Close()
	defer ends(client)()
	p.mu.Lock()
	f, security := p.fault, p.security
	p.mu.Unlock()
	if security != nil {
		secured := tls.Server(client, security)
		if secured.HandshakeContext(ctx) != nil {
			return
		}
		defer secured.Close()
		client = secured
	}
	f(ctx, client, func() net.Conn {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", p.target)
		if err != nil {
			conn, _ = net.Pipe()
			_ = conn.Close()
			return conn
		}
		ends(conn)
		return conn
	})
}

// passOn carries both ways until the answer, written to answers, has ended.
func passOn(client net.Conn, answers io.Writer, dial func() net.Conn) {
	server := dial()
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		if half, ok := server.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	}()
	_, _ = io.Copy(answers, server)
}

func passing(_ context.Context, client net.Conn, dial func() net.Conn) { passOn(client, client, dial) }

// silence takes what it gets.
func silence(_ context.Context, client net.Conn, _ func() net.Conn) {
	_, _ = io.Copy(io.Discard, client)
}

// closing takes the connection and closes it.
func closing(context.Context, net.Conn, func() net.Conn) {}

// resetting takes what comes first, if the client speaks first, and breaks the connection.
func resetting(_ context.Context, client net.Conn, _ func() net.Conn) {
	_ = client.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	_, _ = client.Read(make([]byte, 1))
	if conn, ok := client.(*net.TCPConn); ok {
		_ = conn.SetLinger(0)
	}
}

// cutting closes the connection after so many bytes of the answer.
func cutting(bytes int) fault {
	return func(_ context.Context, client net.Conn, dial func() net.Conn) {
		passOn(client, &cutter{client, bytes}, dial)
	}
}

type cutter struct {
	to   net.Conn
	left int
}

func (c *cutter) Write(b []byte) (int, error) {
	n, err := c.to.Write(b[:min(len(b), c.left)])
	if c.left -= n; c.left == 0 {
		err = io.ErrClosedPipe
	}
	return n, err
}

// counting passes everything on and tells how long the answer was.
func counting(length *counter) fault {
	return func(_ context.Context, client net.Conn, dial func() net.Conn) {
		passOn(client, io.MultiWriter(length, client), dial)
	}
}

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += len(b)
	return len(b), nil
}

func (c *counter) value() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// answering answers what comes with the same bytes, times over, and closes the connection; times below 0 never end.
func answering(b []byte, times int) fault {
	return func(_ context.Context, client net.Conn, _ func() net.Conn) {
		go func() { _, _ = io.Copy(io.Discard, client) }()
		for ; times != 0; times-- {
			if _, err := client.Write(b); err != nil {
				return
			}
		}
	}
}

// garbage is in no protocol.
var garbage = bytes.Repeat([]byte("\x00\xff\xfe garbage \x80\x81 \r\n\x16\x03"), 20)

// slow holds the answer back.
func slow(by time.Duration) fault {
	return func(ctx context.Context, client net.Conn, dial func() net.Conn) {
		passOn(client, delayed{ctx, client, by}, dial)
	}
}

type delayed struct {
	ctx context.Context
	to  net.Conn
	by  time.Duration
}

func (d delayed) Write(b []byte) (int, error) {
	select {
	case <-d.ctx.Done():
	case <-time.After(d.by):
	}
	return d.to.Write(b)
}
