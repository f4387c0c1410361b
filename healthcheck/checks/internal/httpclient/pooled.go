package httpclient

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
)

// pooled is the wire for HTTP/2 and proxies: an http.Transport, which connects in goroutines of its own.
type pooled struct {
	network string // tcp, tcp4 or tcp6
	source  *certs.Source
	proxy   func(*http.Request) (*url.URL, error) // nil for none
	header  http.Header                           // for CONNECT
	keep    bool
	http2   bool

	mu         sync.Mutex
	base       *tls.Config              // what the transports were made from
	transports map[bool]*http.Transport // by hop.own
	closed     bool
}

// newPooled takes a nil proxy for none.
func newPooled(network string, source *certs.Source, proxy *config.ProxyConfig, keep, http2 bool) *pooled {
	w := &pooled{network: network, source: source, keep: keep, http2: http2}
	if proxy != nil {
		w.proxy, w.header = proxy.Proxy(), proxy.GetProxyConnectHeader()
	}
	return w
}

// Close implements wire.
func (w *pooled) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.drop()
	return nil
}

// drop forgets the transports. Connections in use are not kept after this either.
func (w *pooled) drop() {
	for _, t := range w.transports {
		t.CloseIdleConnections()
	}
	w.transports = nil
}

func (w *pooled) roundTrip(ctx context.Context, h *hop) (*http.Response, error) {
	cfg, err := w.source.Config()
	if err != nil {
		return nil, err
	}
	proxy, err := w.proxyFor(h.request)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	t := &tracer{record: h.record, relayed: h.request.URL.Scheme == "https" || proxy != nil && proxy.Scheme != "http" && proxy.Scheme != "https"}
	if proxy != nil {
		t.reach(target.AddressOf(proxy).Label())
	}
	ctx = httptrace.WithClientTrace(ctx, t.hooks())
	ctx = context.WithValue(ctx, dialKey{}, &dialing{ctx: ctx, tracer: t, proxy: proxy, wire: w})

	transport := w.transport(cfg, h.own)
	resp, err := transport.RoundTrip(h.request.WithContext(ctx))
	t.detach() // before the record is read again
	if h.request.URL.Scheme == "https" && h.record.proxy != proxyReach && h.record.proxy != proxyRelay {
		var state *tls.ConnectionState
		if err == nil {
			state = resp.TLS
		}
		h.record.certify(certs.Values(nil, transport.TLSClientConfig, h.address.ServerName(), state, err))
	}
	if err != nil {
		cancel()
		if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "proxyconnect" { // says less than what is within
			err = e.Err
		}
		return nil, err
	}
	resp.Body = &pooledBody{ReadCloser: resp.Body, cancel: cancel}
	return resp, nil
}

// pooledBody ends what belongs to a hop when it is closed.
type pooledBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *pooledBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

func (w *pooled) proxyFor(req *http.Request) (*url.URL, error) {
	if w.proxy == nil {
		return nil, nil
	}
	return w.proxy(req)
}

// transport returns the one for cfg: a new one if cfg is new.
func (w *pooled) transport(cfg *tls.Config, own bool) *http.Transport {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.base != cfg {
		w.drop()
		w.base = cfg
	}
	t := w.transports[own]
	if t != nil {
		return t
	}
	t = &http.Transport{
		Proxy:                  w.plainProxyFor,
		ProxyConnectHeader:     w.header,
		OnProxyConnectResponse: onProxyConnect,
		DialContext:            dialFor,
		TLSClientConfig:        settingsFor(cfg, own),
		TLSHandshakeTimeout:    10 * time.Second, // for one that has outlived its run
		DisableKeepAlives:      !w.keep || w.closed,
		DisableCompression:     true,
		IdleConnTimeout:        maxAge,
		MaxIdleConnsPerHost:    1,
		MaxResponseHeaderBytes: maxHeaderBytes,
		Protocols:              new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	t.Protocols.SetHTTP2(w.http2)
	if w.transports == nil {
		w.transports = make(map[bool]*http.Transport, 1)
	}
	w.transports[own] = t
	return t
}

// plainProxyFor is the proxy as the transport sees it. TLS to the proxy is the business of [dialing.dial]: the transport
// would use the server name and the client certificate of the target for it.
func (w *pooled) plainProxyFor(req *http.Request) (*url.URL, error) {
	proxy, err := w.proxyFor(req)
	if err != nil || proxy == nil || proxy.Scheme != "https" {
		return proxy, err
	}
	plain := *proxy
	plain.Scheme, plain.Host = "http", target.AddressOf(proxy).String()
	return &plain, nil
}

// dialKey is the key of the *dialing of a hop in the contexts that the transport dials with, which it has cut off from
// the end of the run.
type dialKey struct{}

// dialing is how to connect for a hop.
type dialing struct {
	ctx    context.Context // of the hop
	tracer *tracer
	proxy  *url.URL // nil for none
	wire   *pooled
}

func dialFor(ctx context.Context, _, address string) (net.Conn, error) {
	d, ok := ctx.Value(dialKey{}).(*dialing)
	if !ok {
		return nil, context.Canceled
	}
	return d.dial(address)
}

func (d *dialing) dial(address string) (net.Conn, error) {
	conn, err := dial(d.ctx, d.wire.network, address, d.tracer.enter)
	if err != nil {
		return nil, err
	}
	// Until the transport has made a connection of it, this ends with the hop.
	d.tracer.guard(d.ctx, conn)
	if d.proxy == nil {
		return conn, nil
	}
	if d.proxy.Scheme == "https" {
		d.tracer.enter(phaseTLS)
		cfg, err := d.wire.source.Config()
		if err != nil {
			_ = conn.Close()
			return nil, err
		}
		cfg = settingsFor(cfg, false)
		cfg.ServerName, cfg.NextProtos = d.proxy.Hostname(), []string{"http/1.1"}
		secure := tls.Client(conn, cfg)
		if err := secure.HandshakeContext(d.ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		conn = secure
	}
	d.tracer.relay()
	return conn, nil
}

func onProxyConnect(ctx context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusOK:
		if d, ok := ctx.Value(dialKey{}).(*dialing); ok {
			d.tracer.between()
		}
		return nil
	case http.StatusProxyAuthRequired:
		return healthcheck.Errorf(healthcheck.ReasonAuth, "the proxy answered CONNECT with status %d", resp.StatusCode)
	default:
		return healthcheck.Errorf(healthcheck.ReasonConnect, "the proxy answered CONNECT with status %d", resp.StatusCode)
	}
}

// tracer writes to the record of a run what a transport reports from its goroutines, until it is detached.
type tracer struct {
	relayed bool // the proxy, if there is one, is asked for a connection rather than for the answer

	mu     sync.Mutex
	record *record
	stops  []func() bool // of connections that are no part of the transport yet
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

// guard closes conn at the end of ctx, until a connection is ready for use.
func (t *tracer) guard(ctx context.Context, conn net.Conn) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stops = append(t.stops, stop)
}

func (t *tracer) ready() {
	t.mu.Lock()
	for _, stop := range t.stops {
		stop()
	}
	t.stops = nil
	t.mu.Unlock()
	t.between()
	t.enter(phaseProcessing)
}

func (t *tracer) reach(proxy string) {
	t.with(func(r *record) { r.via, r.proxy = proxy, proxyReach })
}

func (t *tracer) relay() {
	t.with(func(r *record) {
		r.proxy = proxyBetween
		if t.relayed {
			r.proxy = proxyRelay
		}
		r.enter(phaseConnect)
	})
}

func (t *tracer) between() {
	t.with(func(r *record) {
		if r.via != "" {
			r.proxy = proxyBetween
		}
	})
}

func (t *tracer) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		TLSHandshakeStart:    func() { t.between(); t.enter(phaseTLS) },
		GotConn:              func(httptrace.GotConnInfo) { t.ready() },
		GotFirstResponseByte: func() { t.enter(phaseTransfer) },
	}
}
