package peer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
)

func TestExplain(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	local := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 54321}
	op := func(op string, err error) error {
		return &net.OpError{Op: op, Net: "tcp", Source: local, Addr: local, Err: err}
	}
	reset := op("read", os.NewSyscallError("read", syscall.ECONNRESET))
	refused := op("dial", os.NewSyscallError("connect", syscall.ECONNREFUSED))
	unknown := op("dial", &net.DNSError{Err: "no such host", Name: "db.test", IsNotFound: true})
	for name, tt := range map[string]struct {
		ctx         context.Context
		err         error
		want        string
		reason      healthcheck.Reason
		onHandshake healthcheck.Reason
	}{
		"deadline of a read": {
			ctx: t.Context(), err: op("read", os.ErrDeadlineExceeded),
			want: "step: no answer in time", reason: healthcheck.ReasonTimeout, onHandshake: healthcheck.ReasonTimeout,
		},
		"end of the run":  {ctx: ended, err: reset, want: "step: no answer in time", reason: healthcheck.ReasonTimeout, onHandshake: healthcheck.ReasonTimeout},
		"end of a lookup": {ctx: ended, err: unknown, want: "resolve: no answer in time", reason: healthcheck.ReasonDNS, onHandshake: healthcheck.ReasonDNS},
		"unknown name":    {ctx: t.Context(), err: unknown, want: "resolve: lookup db.test: no such host", reason: healthcheck.ReasonDNS, onHandshake: healthcheck.ReasonDNS},
		"refused":         {ctx: t.Context(), err: refused, want: "step: connection refused", reason: healthcheck.ReasonConnect, onHandshake: healthcheck.ReasonConnect},
		"reset":           {ctx: t.Context(), err: reset, want: "step: connection reset by peer", reason: healthcheck.ReasonProtocol, onHandshake: healthcheck.ReasonTLS},
		"end":             {ctx: t.Context(), err: io.EOF, want: "step: the peer closed the connection", reason: healthcheck.ReasonProtocol, onHandshake: healthcheck.ReasonTLS},
		"early end":       {ctx: t.Context(), err: fmt.Errorf("read: %w", io.ErrUnexpectedEOF), want: "step: the peer closed the connection", reason: healthcheck.ReasonProtocol, onHandshake: healthcheck.ReasonTLS},
		"anything else":   {ctx: t.Context(), err: errors.New("odd"), want: "step: odd", reason: healthcheck.ReasonError, onHandshake: healthcheck.ReasonTLS},
		"given reason":    {ctx: t.Context(), err: healthcheck.Errorf(healthcheck.ReasonAuth, "no"), want: "step: no", reason: healthcheck.ReasonAuth, onHandshake: healthcheck.ReasonAuth},
	} {
		t.Run(name, func(t *testing.T) {
			err := peer.ExplainDial(tt.ctx, "resolve", "step", tt.err)
			require.EqualError(t, err, tt.want)
			assert.Equal(t, tt.reason, healthcheck.ReasonOf(err))
			assert.Equal(t, tt.onHandshake, healthcheck.ReasonOf(peer.ExplainHandshake(tt.ctx, "step", tt.err)))
		})
	}
}

func TestInterrupt(t *testing.T) {
	l := checktest.Listen(t, "127.0.0.1")
	checktest.Serve(t, l, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	dial := func() net.Conn {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", l.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	ctx, cancel := context.WithCancel(t.Context())
	guarded, free := dial(), dial()
	peer.Interrupt(ctx, guarded)
	assert.True(t, peer.Interrupt(ctx, free)())
	time.AfterFunc(10*time.Millisecond, cancel)

	_, err := guarded.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	_, err = free.Write([]byte("x"))
	assert.NoError(t, err, "nobody waits for the end of ctx any more")
}
