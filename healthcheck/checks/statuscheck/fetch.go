package statuscheck

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
)

const (
	maxHeaderBytes = 64 << 10
	maxBodyBytes   = 8 * MaxDocumentBytes // as transferred: chunks may be small
)

// fetch gets the document, with a connection of its own and one request over it, and returns the status code and the
// body up to a byte more than a document may have.
func (r *run) fetch(ctx context.Context) (code int, body []byte, err error) {
	req, err := r.authorized(ctx)
	if err != nil {
		return 0, nil, err
	}
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", address(req.URL))
	if err != nil {
		return 0, nil, peer.ExplainDial(ctx, "resolve the host", "connect", r.typed(err))
	}
	defer func() { _ = raw.Close() }()
	defer peer.Interrupt(ctx, raw)()
	conn := raw
	if r.tls != nil {
		if conn, err = r.handshake(ctx, raw); err != nil {
			return 0, nil, peer.ExplainHandshake(ctx, "tls handshake", r.typed(err))
		}
	}
	return r.exchange(ctx, conn, req)
}

// authorized returns the request with credentials, which later runs do not get to see.
func (r *run) authorized(ctx context.Context) (*http.Request, error) {
	if r.credentials == nil {
		return r.request, nil
	}
	value, secrets, err := r.credentials.header(ctx)
	if err != nil {
		return nil, healthcheck.WithReason(healthcheck.ReasonAuth, err)
	}
	r.secrets.add(secrets...)
	req := *r.request
	req.Header = req.Header.Clone()
	req.Header.Set("Authorization", value)
	return &req, nil
}

func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = u.Scheme // net knows both
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func (r *run) handshake(ctx context.Context, raw net.Conn) (net.Conn, error) {
	cfg, err := r.tls.ConfigFor(r.request.URL.Hostname())
	if err != nil {
		return nil, err
	}
	conn, values, err := certs.Handshake(ctx, raw, cfg)
	r.values = append(r.values, values...)
	return conn, err
}

// exchange sends the request and reads the answer, the last thing that conn is used for.
func (r *run) exchange(ctx context.Context, conn net.Conn, req *http.Request) (code int, body []byte, err error) {
	if err := req.Write(conn); err != nil {
		return 0, nil, peer.Explain(ctx, "send the request", r.typed(err))
	}
	limited := &io.LimitedReader{R: conn, N: maxHeaderBytes}
	resp, err := readResponse(bufio.NewReader(limited), req)
	if err != nil {
		if limited.N == 0 {
			err = healthcheck.Errorf(healthcheck.ReasonProtocol, "it begins with more than %d bytes of headers", maxHeaderBytes)
		}
		return 0, nil, peer.Explain(ctx, "wait for the answer", r.typed(err))
	}
	// Closing a body reads what is left of it: an endless one is cut off before.
	defer func() {
		limited.N = 0
		_ = resp.Body.Close()
	}()
	limited.N = maxBodyBytes
	body, err = io.ReadAll(io.LimitReader(resp.Body, MaxDocumentBytes+1))
	if err != nil && limited.N > 0 {
		return 0, nil, peer.Explain(ctx, "read the answer", r.typed(err))
	}
	return resp.StatusCode, body, nil
}

// readResponse returns the first response that is not just informational (RFC 9110, section 15.2).
func readResponse(r *bufio.Reader, req *http.Request) (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(r, req)
		if err != nil || resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, err
		}
		_ = resp.Body.Close() // has no body
	}
}

// typed gives err a reason, and a text without secrets, if it has none: net/http and its helpers have few types of
// errors, and quote what they could not read.
func (r *run) typed(err error) error {
	if healthcheck.ReasonOf(err) != healthcheck.ReasonError {
		return err
	}
	return healthcheck.Errorf(healthcheck.ReasonProtocol, "%s", r.secrets.excerpt(err.Error()))
}
