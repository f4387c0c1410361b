package httpcheck

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
)

// pooled is the wire for HTTP/2 and proxies: an http.Transport, which connects in goroutines of its own.
type pooled struct {
	network string // tcp, tcp4 or tcp6
	source  *certs.Source
	proxy   func(*http.Request) (*url.URL, error)
	header  http.Header // for CONNECT
	keep    bool
	http2   bool

	tracer *tracer // of the run under way
	base   *tls.Config

	mu        sync.Mutex
	transport *http.Transport
	closed    bool
}

// newPooled takes a nil proxy for none.
func newPooled(network string, source *certs.Source, proxy *config.ProxyConfig, keep, http2 bool) *pooled {
	w := &pooled{network: network, source: source, keep: keep, http2: http2}
	if proxy != nil {
		w.proxy, w.header = proxy.Proxy(), proxy.GetProxyConnectHeader()
	}
	return w
}

// runKey is the key of the context of a run in the contexts that the transport dials with, which it has cut off from
// the run's deadline.
type runKey struct{}

func (w *pooled) begin(ctx context.Context, r *record) context.Context {
	w.tracer = &tracer{record: r}
	ctx = httptrace.WithClientTrace(ctx, w.tracer.hooks())
	return context.WithValue(ctx, runKey{}, ctx)
}

func (w *pooled) end() { w.tracer.detach() }

// Close implements io.Closer.
func (w *pooled) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.transport != nil {
		w.transport.CloseIdleConnections() // one in use is not kept after this either
		w.transport = nil
	}
	return nil
}

// RoundTrip implements http.RoundTripper.
func (w *pooled) RoundTrip(req *http.Request) (*http.Response, error) {
	address, err := addressOf(req.URL)
	if err != nil {
		return nil, err
	}
	w.tracer.begin(address, req.URL.Scheme == "https")
	cfg, err := w.source.Config()
	if err != nil {
		return nil, err
	}
	resp, err := w.current(cfg).RoundTrip(req)
	var state *tls.ConnectionState
	if err == nil {
		state = resp.TLS
	}
	if req.URL.Scheme == "https" {
		w.tracer.certify(certs.Values(nil, cfg, req.URL.Hostname(), state, err))
	}
	return resp, err
}

// current returns the transport for cfg: a new one if cfg is new.
func (w *pooled) current(cfg *tls.Config) *http.Transport {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.transport != nil && w.base == cfg {
		return w.transport
	}
	if w.transport != nil {
		w.transport.CloseIdleConnections()
	}
	w.base = cfg
	w.transport = &http.Transport{
		Proxy:                  w.proxy,
		ProxyConnectHeader:     w.header,
		OnProxyConnectResponse: onProxyConnect,
		DialContext:            w.dial,
		TLSClientConfig:        cfg.Clone(),
		TLSHandshakeTimeout:    10 * time.Second, // for one that has outlived its run
		DisableKeepAlives:      !w.keep || w.closed,
		DisableCompression:     true,
		IdleConnTimeout:        maxAge,
		MaxIdleConnsPerHost:    1,
		MaxResponseHeaderBytes: maxHeaderBytes,
		Protocols:              new(http.Protocols),
	}
	w.transport.Protocols.SetHTTP1(true)
	w.transport.Protocols.SetHTTP2(w.http2)
	return w.transport
}

func (w *pooled) dial(ctx context.Context, network, address string) (net.Conn, error) {
	run, ok := ctx.Value(runKey{}).(context.Context)
	if !ok {
		return nil, context.Canceled
	}
	if w.network != "tcp" {
		network = w.network
	}
	conn, err := dialer.DialContext(run, network, address)
	if err != nil {
		return nil, err
	}
	if deadline, ok := run.Deadline(); ok && !w.keep {
		_ = conn.SetDeadline(deadline)
	}
	return conn, nil
}

func onProxyConnect(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusProxyAuthRequired:
		return healthcheck.Errorf(healthcheck.ReasonAuth, "the proxy answered CONNECT with status %d", resp.StatusCode)
	default:
		return healthcheck.Errorf(healthcheck.ReasonConnect, "the proxy answered CONNECT with status %d", resp.StatusCode)
	}
}

// tracer writes to the record of a run what a transport reports from its goroutines, until it is detached.
type tracer struct {
	mu     sync.Mutex
	record *record
}

func (t *tracer) with(f func(*record)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.record != nil {
		f(t.record)
	}
}

func (t *tracer) enter(p phase) { t.with(func(r *record) { r.enter(p) }) }
func (t *tracer) detach()       { t.with(func(*record) { t.record = nil }) }

func (t *tracer) begin(peer string, secure bool) {
	t.with(func(r *record) { r.begin(peer, secure) })
}

func (t *tracer) certify(values []healthcheck.Value) {
	t.with(func(r *record) { r.certify(values) })
}

func (t *tracer) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart:             func(httptrace.DNSStartInfo) { t.enter(phaseResolve) },
		ConnectStart:         func(string, string) { t.enter(phaseConnect) },
		TLSHandshakeStart:    func() { t.enter(phaseTLS) },
		GotConn:              func(httptrace.GotConnInfo) { t.enter(phaseProcessing) },
		GotFirstResponseByte: func() { t.enter(phaseTransfer) },
	}
}
