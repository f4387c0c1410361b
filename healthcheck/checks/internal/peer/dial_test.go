package peer_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
)

func address(t *testing.T, s string) target.Address {
	t.Helper()
	a, err := target.ParseAddress(s, "")
	require.NoError(t, err)
	return a
}

// traced returns a trace and the phases that it has seen.
func traced() (*peer.Trace, map[string]time.Duration) {
	phases := make(map[string]time.Duration)
	return &peer.Trace{Phase: func(name string, took time.Duration) { phases[name] = took }}, phases
}

func TestDial(t *testing.T) {
	l := checktest.Listen(t, "127.0.0.1")
	checktest.Serve(t, l, func(conn net.Conn) { _, _ = io.Copy(conn, conn) })
	ctx, cancel := context.WithCancel(t.Context())
	trace, phases := traced()
	conn, err := new(peer.Dialer).Dial(ctx, address(t, l.Addr().String()), trace)
	require.NoError(t, err)
	defer conn.Close()
	assert.Len(t, phases, 1)
	assert.Contains(t, phases, peer.PhaseConnect)
	assert.Nil(t, conn.TLS())
	_, err = conn.Write([]byte("x"))
	require.NoError(t, err)
	_, err = io.ReadFull(conn, make([]byte, 1))
	require.NoError(t, err)
	time.AfterFunc(10*time.Millisecond, cancel)
	_, err = conn.Read(make([]byte, 1))
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded, "the run has ended")
}

func TestDialFails(t *testing.T) {
	closed := checktest.Closed(t)
	_, port, err := net.SplitHostPort(closed)
	require.NoError(t, err)
	silent := checktest.Listen(t, "127.0.0.1")
	checktest.Serve(t, silent, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	none := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.ErrUnsupported }}
	source, err := certs.NewSource(config.TLSConfig{})
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		dialer  peer.Dialer
		address string
		reason  healthcheck.Reason
		text    string
		phases  []string
	}{
		"refused": {peer.Dialer{}, closed, healthcheck.ReasonConnect, "connect to " + closed + ": connection refused", []string{"connect"}},
		"by name": {peer.Dialer{}, "localhost:" + port, healthcheck.ReasonConnect, "connect to localhost:" + port + " (", []string{"connect", "resolve"}},
		"unknown": {peer.Dialer{Resolver: none}, "bücher.example:1", healthcheck.ReasonDNS, "resolve bücher.example: lookup xn--bcher-kva.example", []string{"resolve"}},
		"silent":  {peer.Dialer{TLS: source}, silent.Addr().String(), healthcheck.ReasonTimeout, "tls handshake with " + silent.Addr().String() + ": no answer in time", []string{"connect", "tls"}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), checktest.Timeout)
			defer cancel()
			trace, phases := traced()
			_, err := tc.dialer.Dial(ctx, address(t, tc.address), trace)
			require.ErrorContains(t, err, tc.text)
			assert.Equal(t, tc.reason, healthcheck.ReasonOf(err))
			assert.Len(t, phases, len(tc.phases))
			for _, p := range tc.phases {
				assert.Contains(t, phases, p)
			}
		})
	}
}

func TestDialTLS(t *testing.T) {
	for _, tc := range certstest.Cases(t) {
		t.Run(tc.Name, func(t *testing.T) {
			l := tls.NewListener(checktest.Listen(t, "127.0.0.1"), &tls.Config{Certificates: []tls.Certificate{tc.Cert}})
			checktest.Serve(t, l, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
			source, err := certs.NewSource(tc.Settings)
			require.NoError(t, err)
			dialer := peer.Dialer{TLS: source}
			trace, phases := traced()
			conn, err := dialer.Dial(t.Context(), address(t, l.Addr().String()), trace)
			assert.Contains(t, phases, peer.PhaseTLS)
			assert.NotEmpty(t, trace.Values)
			if tc.Details != "" {
				require.ErrorContains(t, err, tc.Details)
				assert.Equal(t, healthcheck.ReasonTLS, healthcheck.ReasonOf(err))
				return
			}
			require.NoError(t, err)
			assert.NotNil(t, conn.TLS())
			conn.Finish()
		})
	}
}
