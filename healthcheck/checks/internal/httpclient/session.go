package httpclient

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// maxSessionCookies is how many cookies a session keeps; the rest is not sent back.
const maxSessionCookies = 500

// Request is one of several requests of a session.
type Request struct {
	Method string
	URL    *url.URL    // absolute, with neither user information nor fragment
	Header http.Header // what it has beside that of the client, or instead of it
	Host   string      // instead of that of the URL, if it is not empty
	Body   string

	Follow    func(status int) bool // as in Settings
	WholeBody bool
	TLSOnly   bool
}

// NewRequest returns the request that these fields of s describe: URL, Method, Headers, Body, Follow, WholeBody and
// TLSOnly. User information in the URL becomes a header. What is wrong is in m.
func NewRequest(s Settings, m *field.Mistakes) Request {
	b := builder{Settings: s, Mistakes: m}
	r := Request{Method: b.method(), URL: b.url(), Body: s.Body, Follow: s.Follow, WholeBody: s.WholeBody, TLSOnly: s.TLSOnly}
	made := &http.Request{Header: make(http.Header, len(s.Headers))}
	for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
		b.setHeader(made, name, s.Headers[name])
	}
	r.Header, r.Host = made.Header, made.Host
	if b.user != nil {
		if r.Header["Authorization"] != nil {
			b.Add("headers.Authorization", "is given beside the user information of the URL: leave only one of them")
		}
		password, _ := b.user.Password()
		r.Header["Authorization"] = []string{"Basic " + basic(b.user.Username(), password)}
	}
	return r
}

// Repeatable reports whether the request may be sent again after a connection was lost.
func (r *Request) Repeatable() bool { return repeatable(r.Method) }

// AddSecrets adds to the set what of the request nobody must see.
func (r *Request) AddSecrets(set *secret.Set) {
	addURL(set, nil, r.URL.RawQuery)
	for name, values := range r.Header {
		for _, value := range values {
			addHeader(set, name, value)
		}
	}
	set.AddText(r.Body)
}

// Session is several requests, one after the other, that share their cookies and what must not be shown. It is not safe
// for concurrent use, but several sessions of one client are.
//
// Each request follows the rules of a client's own. In addition, those to another origin than that of the client's URL
// have neither its credentials nor its headers, but for the harmless ones.
type Session struct {
	client  *Client
	secrets *secret.Set
	jar     http.CookieJar
	cookies int // how many more are kept
}

// Begin begins a session.
func (c *Client) Begin() *Session {
	return &Session{client: c, secrets: c.secrets.Within(), cookies: maxSessionCookies}
}

// Secrets returns what must not be shown in this session. The caller may add to it.
func (s *Session) Secrets() *secret.Set { return s.secrets }

// Do is [Client.Do] for a request of the session.
func (s *Session) Do(ctx context.Context, req *Request) (*Answer, error) {
	r := run{Client: s.clientFor(req), home: s.client.address.Host, jar: s.jar, cookies: &s.cookies}
	a, err := r.do(ctx, s.secrets)
	if a.Response != nil {
		r.keepCookies(a.Response.Request.URL, a.Response)
	}
	s.jar = r.jar
	return a, err
}

// clientFor returns a client that sends the request with what s.client would send to its URL.
func (s *Session) clientFor(req *Request) *Client {
	c := s.client
	to := &Client{
		body: req.Body, address: target.AddressOf(req.URL), follow: req.Follow, maxBody: c.maxBody, whole: req.WholeBody, tlsOnly: req.TLSOnly,
		secrets: s.secrets, wire: c.wire,
	}
	header, host := c.request.Header, c.request.Host
	if sameOrigin(c.request.URL, req.URL) {
		header = header.Clone()
		if req.Header["Authorization"] == nil {
			to.credentials = c.credentials
		}
	} else {
		header, host = harmless(header), ""
	}
	maps.Copy(header, req.Header)
	if req.Host != "" {
		host = req.Host
	}
	to.request = &http.Request{
		Method: req.Method, Proto: c.request.Proto, ProtoMajor: c.request.ProtoMajor, ProtoMinor: c.request.ProtoMinor,
		URL: req.URL, Header: header, Host: host, ContentLength: int64(len(req.Body)), Close: c.request.Close,
	}
	return to
}

// harmless returns the headers that any host may see.
func harmless(header http.Header) http.Header {
	kept := make(http.Header, 4)
	for _, name := range []string{"User-Agent", "Accept", "Accept-Encoding", "Accept-Language"} {
		if values, ok := header[name]; ok {
			kept[name] = values
		}
	}
	return kept
}

// MergeCertificates adds what the handshakes of another answer told to the values of those before, see
// [Answer.AppendCertificates].
func MergeCertificates(dst, values []healthcheck.Value) []healthcheck.Value {
	return merge(dst, values)
}

// Protocol returns the version of HTTP that the answer came by: 1.0, 1.1, 2 or 3.
func (a *Answer) Protocol() string {
	major, minor, _ := strings.Cut(strings.TrimPrefix(a.Response.Proto, "HTTP/"), ".")
	if a.Response.ProtoMajor >= 2 {
		return major
	}
	return major + "." + minor
}

// URL returns where the answer came from, after redirects.
func (a *Answer) URL() *url.URL { return a.Response.Request.URL }
