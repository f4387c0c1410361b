// Package httpclient is what the kinds of checks that speak HTTP share: one request a run, and all that may come of it.
//
// A kind makes a [Client] of its [Settings] and calls [Client.Do] in each run. The rules are here: redirects, cookies,
// credentials, content coding, phases, certificates, what a failure is called, and what must not be shown. Below them a
// wire carries one request to one server; there are two. Direct speaks HTTP/1.1 on the connection itself, in the
// goroutine of the run, and costs two thirds of the other. Pooled is net/http's Transport, for HTTP/2 and proxies. The
// same odd servers are held against both in the tests.
package httpclient

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// Client sends the requests of one check. It is safe for concurrent use; a kept connection serves one run at a time.
type Client struct {
	request     *http.Request // of all runs, as far as it does not change; its body aside, it is never written to
	body        string
	address     target.Address
	credentials credentials
	follow      func(status int) bool
	maxBody     int64
	whole       bool
	tlsOnly     bool
	secrets     *secret.Set // nil: there are none
	wire        wire

	form atomic.Pointer[[]byte] // of request, once it was sent
}

// wire carries requests to servers. It is safe for concurrent use.
type wire interface {
	// roundTrip sends the request of a hop and returns the answer with its header complete. All of it ends when ctx
	// does. The body must be closed before the next call for the same run.
	roundTrip(ctx context.Context, h *hop) (*http.Response, error)
	// Close drops kept connections and keeps no more of them. It may be called at any time.
	Close() error
}

// hop is one request of a run. There are several where redirects are followed.
type hop struct {
	request *http.Request
	form    []byte // of the request, as HTTP/1.1 writes it; nil where it was not made yet
	address target.Address
	own     bool // it goes to the host of the configuration: its server name and client certificate hold
	record  *record
}

// Close drops a kept connection. A run under way is not disturbed.
func (c *Client) Close() error { return c.wire.Close() }

// Secrets returns what must not be shown, nil if there is nothing.
func (c *Client) Secrets() *secret.Set { return c.secrets }

// Do sends the request and follows redirects. Its error has a reason and a text for people, without secrets; the answer
// is there in any case, with what was found until then, and its buffers are the caller's until he calls
// [Answer.Release].
func (c *Client) Do(ctx context.Context) (*Answer, error) {
	r := run{Client: c, home: c.address.Host}
	return r.do(ctx, c.secrets)
}

// do is Do for a run that has not begun.
func (r *run) do(ctx context.Context, secrets *secret.Set) (*Answer, error) {
	start := time.Now()
	s := scratches.Get().(*scratch)
	s.record = record{current: phaseNone, reached: phaseNone, certificates: s.record.certificates[:0], earlier: s.record.earlier[:0]}
	a := &Answer{Body: s.body[:0], scratch: s, secrets: secrets}
	r.answer, r.record, r.start = a, &s.record, start
	err := r.fetch(ctx)
	end := time.Now()
	a.Latency = end.Sub(start)
	s.record.finish(end)
	return a, err
}

// run is one run of a client and what it has come to.
type run struct {
	*Client
	answer *Answer
	record *record
	start  time.Time
	left   bool           // a redirect has left the origin of the configuration
	home   string         // the host of the configuration
	jar    http.CookieJar // nil until a redirect sets a cookie
	// cookies is how many more cookies are kept in a session; nil outside of one.
	cookies *int
}

func (r *run) fetch(ctx context.Context) error {
	req := r.first()
	for {
		resp, err := r.send(ctx, req)
		if err != nil {
			return err
		}
		r.answer.Response = resp
		if !r.redirected(resp) {
			return r.read(ctx, resp)
		}
		_ = resp.Body.Close()
		if r.answer.Redirects == maxRedirects {
			return healthcheck.Errorf(healthcheck.ReasonStatus, "status %d: redirected again after %d redirects", resp.StatusCode, maxRedirects)
		}
		r.answer.Redirects++
		r.keepCookies(req.URL, resp)
		if req, err = r.redirect(req, resp); err != nil {
			return err
		}
		// From here on the run is about another answer, which may not come.
		r.answer.Response = nil
		r.record.next()
	}
}

// first returns the first request of a run. It is shared unless it has a body, which can be read once.
func (c *Client) first() *http.Request {
	if c.body == "" {
		return c.request
	}
	req := c.request.WithContext(context.Background())
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(c.body)), nil }
	req.Body, _ = req.GetBody()
	return req
}

// send sends one request with what is added to it in this run only.
func (r *run) send(ctx context.Context, req *http.Request) (*http.Response, error) {
	h := hop{request: req, address: r.address, record: r.record}
	if req.URL != r.request.URL {
		h.address = target.AddressOf(req.URL)
	}
	h.own = strings.EqualFold(h.address.Host, r.home)
	if r.credentials != nil && !r.left {
		value, err := r.authorization(ctx)
		if err != nil {
			return nil, err
		}
		h.request = withHeader(h.request, "Authorization", value)
	}
	h.request = r.withCookies(h.request)
	if h.request == r.request {
		h.form = r.prepared()
	}
	r.record.begin(h.address.Label(), req.URL.Scheme == "https")
	resp, err := r.wire.roundTrip(ctx, &h)
	if err != nil {
		r.answer.failed = true
		return nil, r.explain(ctx, err)
	}
	return resp, nil
}

// prepared returns the form of the request that all runs begin with.
func (c *Client) prepared() []byte {
	if form := c.form.Load(); form != nil {
		return *form
	}
	var b strings.Builder
	if err := c.request.Write(&b); err != nil {
		return nil // the wire meets it again
	}
	form := []byte(b.String())
	c.form.Store(&form)
	return form
}

// authorization returns the value of the header of that name, for this run.
func (r *run) authorization(ctx context.Context) (string, error) {
	value, err := r.credentials.authorization(ctx)
	if err != nil {
		return "", r.explainCredentials(ctx, err)
	}
	return value, nil
}

// withHeader returns a copy of req, whose header others may share, with one more header.
func withHeader(req *http.Request, name, value string) *http.Request {
	req = req.WithContext(req.Context())
	req.Header = req.Header.Clone()
	req.Header[name] = []string{value}
	return req
}

// keepCookies keeps those that came with a redirect from u for the rest of the run.
func (r *run) keepCookies(u *url.URL, resp *http.Response) {
	cookies := resp.Cookies()
	if r.cookies != nil {
		cookies = cookies[:min(len(cookies), *r.cookies)]
		*r.cookies -= len(cookies)
	}
	if len(cookies) == 0 {
		return
	}
	if r.jar == nil {
		// Never fails: there is nothing in the options that could.
		r.jar, _ = cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
	}
	r.jar.SetCookies(u, cookies)
	if r.answer.secrets == nil {
		r.answer.secrets = secret.New(r.request.URL.String()) // which has no secret, or the set were there
	}
	for _, cookie := range cookies {
		r.answer.secrets.Learn(cookie.Value)
	}
}

// withCookies returns req with the cookies kept for it. Those of the configuration stay, but for the names that are
// kept: the server has set them anew.
func (r *run) withCookies(req *http.Request) *http.Request {
	if r.jar == nil {
		return req
	}
	kept := r.jar.Cookies(req.URL)
	if len(kept) == 0 {
		return req
	}
	var pairs []string
	for _, cookie := range req.Cookies() {
		if !hasCookie(kept, cookie.Name) {
			pairs = append(pairs, cookie.Name+"="+cookie.Value)
		}
	}
	for _, cookie := range kept {
		pairs = append(pairs, cookie.Name+"="+cookie.Value)
	}
	return withHeader(req, "Cookie", strings.Join(pairs, "; "))
}

func hasCookie(list []*http.Cookie, name string) bool {
	for _, cookie := range list {
		if cookie.Name == name {
			return true
		}
	}
	return false
}

// scratch is what a run needs and a check at rest does not.
type scratch struct {
	body   []byte
	record record
}

var scratches = sync.Pool{New: func() any { return &scratch{body: make([]byte, 0, bufferSize)} }}
