// Package checktest is what the tests of the kinds of checks share: running a check once, judging its result, and
// peers on loopback that do what they are told.
package checktest

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

const (
	// Timeout is that of a run that is to end with its timeout. It lets a busy machine get as far as the step that hangs.
	Timeout = time.Second
	// Promptly is how long after its timeout, or after it was canceled, a run may end on a busy machine.
	Promptly = 5 * time.Second
)

// Run makes a check of c and runs it once.
func Run[C any](t testing.TB, constructor func(C) (healthcheck.Checker, error), c C, timeout time.Duration) healthcheck.Result {
	t.Helper()
	checker, err := constructor(c)
	require.NoError(t, err)
	return RunChecker(t, checker, timeout)
}

// RunChecker runs the check once.
func RunChecker(t testing.TB, checker healthcheck.Checker, timeout time.Duration) healthcheck.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	return checker.Check(ctx)
}

// Values returns what was measured, by the name of the measure, or by the value of the given label where the
// measure has it.
func Values(r healthcheck.Result, label string) map[string]float64 {
	m := make(map[string]float64)
	for _, v := range r.Values {
		key := v.Measure.Name()
		for name, value := range v.Labels() {
			if name == label {
				key = value
			}
		}
		m[key] = v.Value
	}
	return m
}

// RequireOK wants a run that succeeded and has nothing to tell.
func RequireOK(t testing.TB, r healthcheck.Result) {
	t.Helper()
	require.False(t, r.Failed(), "%s: %s", r.Reason, r.Details)
	require.Empty(t, r.Details)
}

// AssertFails wants a run that failed for the reason, with these details among others, shorter than limit and the same
// in each run.
func AssertFails(t testing.TB, r healthcheck.Result, reason healthcheck.Reason, details string, limit int) {
	t.Helper()
	assert.True(t, r.Failed())
	assert.Equal(t, reason.String(), r.Reason.String(), r.Details)
	assert.Contains(t, r.Details, details)
	assert.NotContains(t, r.Details, "->", "no local port")
	assert.Less(t, len(r.Details), limit)
}

// Fields returns the fields that err, which joins [healthcheck.FieldError]s, names.
func Fields(t testing.TB, err error) (fields []string) {
	t.Helper()
	require.Error(t, err)
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok, "joined errors")
	for _, e := range joined.Unwrap() {
		var field *healthcheck.FieldError
		require.ErrorAs(t, e, &field)
		fields = append(fields, field.Field)
	}
	return fields
}

// Mistakes is Fields for an error none of whose texts may hold the secret.
func Mistakes(t testing.TB, err error, secret string) (fields []string) {
	t.Helper()
	fields = Fields(t, err)
	assert.NotContains(t, err.Error(), secret)
	return fields
}

// WriteFile returns the path of a new file with the content.
func WriteFile(t testing.TB, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

// Listen returns a listener on a free port of the host, an IP address. It is closed when the test ends.
func Listen(t testing.TB, host string) net.Listener {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", net.JoinHostPort(host, "0"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// Closed returns an address that refuses connections. It is that of a client, so that nobody else gets the port before
// the test ends.
func Closed(t testing.TB) string {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", Listen(t, "127.0.0.1").Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn.LocalAddr().String()
}

// Serve gives each connection to handle, which may do what no decent server does. A connection is closed when handle
// returns, and when the test ends, which waits for handle.
func Serve(t testing.TB, l net.Listener, handle func(net.Conn)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			done.Go(func() {
				defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
				handle(conn)
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		cancel()
		done.Wait()
	})
}

// Resolver returns a resolver whose only server is the given one.
func Resolver(t testing.TB, server string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, server)
		if err == nil {
			context.AfterFunc(t.Context(), func() { _ = conn.Close() }) // package net reads on for seconds otherwise
		}
		return conn, err
	}}
}

// ServeDatagrams answers each datagram with those that reply returns, and returns where it does so. P is closed when
// the test ends.
func ServeDatagrams(t testing.TB, p net.PacketConn, reply func(query []byte) [][]byte) string {
	t.Helper()
	var done sync.WaitGroup
	done.Go(func() {
		buf := make([]byte, 65536)
		for {
			n, from, err := p.ReadFrom(buf)
			if err != nil {
				return
			}
			for _, b := range reply(buf[:n]) {
				_, _ = p.WriteTo(b, from)
			}
		}
	})
	t.Cleanup(func() {
		_ = p.Close()
		done.Wait()
	})
	return p.LocalAddr().String()
}
