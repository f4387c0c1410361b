package healthcheck_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

func TestReasonString(t *testing.T) {
	names := []string{
		"", "timeout", "dns", "connect", "tls", "protocol", "status", "body", "latency", "threshold", "auth",
		"exit_code", "panic", "stuck", "error",
	}
	for i, name := range names {
		assert.Equal(t, name, healthcheck.Reason(i).String())
	}
	assert.Equal(t, healthcheck.ReasonError, healthcheck.Reason(len(names)-1))
	assert.Equal(t, "error", healthcheck.Reason(len(names)).String())
	assert.Equal(t, "error", healthcheck.Reason(255).String())
}

func TestReasonOf(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want healthcheck.Reason
	}{
		"nil":                  {nil, healthcheck.ReasonNone},
		"anything":             {errBroken, healthcheck.ReasonError},
		"given":                {healthcheck.WithReason(healthcheck.ReasonLatency, errBroken), healthcheck.ReasonLatency},
		"given, wrapped":       {fmt.Errorf("x: %w", healthcheck.Errorf(healthcheck.ReasonAuth, "y")), healthcheck.ReasonAuth},
		"given before others":  {healthcheck.WithReason(healthcheck.ReasonStatus, context.DeadlineExceeded), healthcheck.ReasonStatus},
		"the outermost given":  {healthcheck.WithReason(healthcheck.ReasonStatus, healthcheck.WithReason(healthcheck.ReasonBody, errBroken)), healthcheck.ReasonStatus},
		"given, joined":        {errors.Join(errBroken, healthcheck.Errorf(healthcheck.ReasonBody, "y")), healthcheck.ReasonBody},
		"deadline":             {fmt.Errorf("x: %w", context.DeadlineExceeded), healthcheck.ReasonTimeout},
		"deadline of a socket": {&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, healthcheck.ReasonTimeout},
		"deadline of a dial":   {&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, healthcheck.ReasonTimeout},
		"canceled":             {context.Canceled, healthcheck.ReasonError},
		"name":                 {&url.Error{Op: "Get", Err: &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}}, healthcheck.ReasonDNS},
		"name, in vain":        {&net.DNSError{Err: "i/o timeout", IsTimeout: true}, healthcheck.ReasonDNS},
		"end":                  {fmt.Errorf("read the banner: %w", io.EOF), healthcheck.ReasonProtocol},
		"cut":                  {io.ErrUnexpectedEOF, healthcheck.ReasonProtocol},
		"alert":                {&net.OpError{Op: "remote error", Err: tls.AlertError(40)}, healthcheck.ReasonTLS},
		"alert of our own":     {&net.OpError{Op: "local error", Err: errBroken}, healthcheck.ReasonTLS},
		"reset while reading":  {&net.OpError{Op: "read", Err: os.NewSyscallError("read", errBroken)}, healthcheck.ReasonProtocol},
		"proxy unreachable":    {&net.OpError{Op: "proxyconnect", Err: &net.OpError{Op: "dial", Err: errBroken}}, healthcheck.ReasonConnect},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.want, healthcheck.ReasonOf(tc.err), "%v", tc.err)
		})
	}
	require.NoError(t, healthcheck.WithReason(healthcheck.ReasonBody, nil))
	err := healthcheck.WithReason(healthcheck.ReasonBody, errBroken)
	require.ErrorIs(t, err, errBroken)
	assert.EqualError(t, err, "broken")
}

// TestReasonOfRealErrors asks real servers that fail.
func TestReasonOfRealErrors(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = nil
	secure.StartTLS()
	defer secure.Close()
	rude := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer rude.Close()
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer slow.Close()
	defer close(release)

	unused := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", unused)
	}}
	trusting := secure.Client().Transport.(*http.Transport).TLSClientConfig
	for name, tc := range map[string]struct {
		url     string
		config  *tls.Config
		timeout time.Duration
		want    healthcheck.Reason
	}{
		"refused":           {url: fmt.Sprintf("http://127.0.0.1:%d", freePort(t)), want: healthcheck.ReasonConnect},
		"unknown authority": {url: secure.URL, want: healthcheck.ReasonTLS},
		"wrong name":        {url: secure.URL, config: &tls.Config{RootCAs: trusting.RootCAs, ServerName: "example.org"}, want: healthcheck.ReasonTLS},
		"no common version": {url: secure.URL, config: &tls.Config{RootCAs: trusting.RootCAs, MaxVersion: tls.VersionTLS10, MinVersion: tls.VersionTLS10}, want: healthcheck.ReasonTLS},
		"cut":               {url: rude.URL, want: healthcheck.ReasonProtocol},
		"timeout":           {url: slow.URL, timeout: 20 * time.Millisecond, want: healthcheck.ReasonTimeout},
		"no resolver":       {url: "http://nobody.invalid/", want: healthcheck.ReasonDNS},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), max(tc.timeout, 0)+map[bool]time.Duration{true: time.Minute}[tc.timeout == 0])
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, tc.url, http.NoBody)
			require.NoError(t, err)
			client := &http.Client{Transport: &http.Transport{
				DisableKeepAlives: true, TLSClientConfig: tc.config, DialContext: (&net.Dialer{Resolver: resolver}).DialContext,
			}}
			resp, err := client.Do(req)
			if err == nil {
				resp.Body.Close()
			}
			require.Error(t, err)
			assert.Equal(t, tc.want, healthcheck.ReasonOf(err), "%v", err)
		})
	}
}

func TestReasonOfTLSToAPlainServer(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	conn, err := (&tls.Dialer{}).DialContext(t.Context(), "tcp", plain.Listener.Addr().String())
	if err == nil {
		conn.Close()
	}
	require.Error(t, err)
	assert.Equal(t, healthcheck.ReasonTLS, healthcheck.ReasonOf(err), "%v", err)
}
