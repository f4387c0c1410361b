package httpclient

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
)

const maxRedirects = 10

// redirected reports whether resp is a redirect to follow.
func (r *run) redirected(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return r.follow != nil && resp.Header.Get("Location") != "" && r.follow(resp.StatusCode)
	}
	return false
}

// redirect returns the request that resp, the answer to req, asks for. User information in the location is dropped: a
// server does not choose our credentials.
func (r *run) redirect(req *http.Request, resp *http.Response) (*http.Request, error) {
	relative, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		return nil, healthcheck.Errorf(healthcheck.ReasonProtocol, "status %d: the location is not a valid URL", resp.StatusCode)
	}
	location := req.URL.ResolveReference(relative)
	if err := target.CheckURL(location, "http", "https"); err != nil {
		return nil, healthcheck.Errorf(healthcheck.ReasonProtocol, "status %d: the location %w", resp.StatusCode, err)
	}
	if r.tlsOnly && location.Scheme != "https" {
		return nil, healthcheck.Errorf(healthcheck.ReasonTLS, "redirected to %s over plain http", target.AddressOf(location).Label())
	}
	location.User, location.Fragment, location.RawFragment = nil, "", ""

	next := req.WithContext(req.Context())
	next.URL = location
	if relative.Host != "" {
		next.Host = ""
	}
	if err := redirectBody(next, resp.StatusCode); err != nil {
		return nil, err
	}
	// Once a redirect has left, it does not matter where the next one goes.
	if r.left = r.left || !sameOrigin(r.request.URL, location); r.left {
		return next, r.strip(next)
	}
	return next, nil
}

// redirectBody repeats method and body for 307 and 308; other redirects of anything but HEAD become a GET, as browsers
// do (RFC 9110, section 15.4).
func redirectBody(next *http.Request, status int) (err error) {
	if status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect {
		if next.GetBody != nil {
			next.Body, err = next.GetBody()
		}
		return err
	}
	if next.Method != http.MethodHead {
		next.Method = http.MethodGet
	}
	if next.GetBody != nil {
		next.Body, next.GetBody, next.ContentLength = nil, nil, 0
		next.Header = next.Header.Clone()
		next.Header.Del("Content-Type")
	}
	return nil
}

// sameOrigin reports whether credentials for a may be sent to b: the same scheme, host and port, or https instead of
// http on the host's default ports.
func sameOrigin(a, b *url.URL) bool {
	from, to := target.AddressOf(a), target.AddressOf(b)
	if !strings.EqualFold(from.Host, to.Host) {
		return false
	}
	if a.Scheme == b.Scheme {
		return from.Port == to.Port
	}
	return b.Scheme == "https" && from.Port == "80" && to.Port == "443"
}

// strip takes from req what only the host of the configuration may see. Any header may be a key, so none but the
// harmless stays.
func (r *run) strip(req *http.Request) error {
	if req.Body != nil {
		return healthcheck.Errorf(healthcheck.ReasonProtocol, "redirected to %s: the body is not sent to another host", target.AddressOf(req.URL).Label())
	}
	req.Header, req.Host = harmless(req.Header), ""
	return nil
}
