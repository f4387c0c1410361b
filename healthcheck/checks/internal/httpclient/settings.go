package httpclient

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/prometheus/common/config"
	"golang.org/x/net/http/httpguts"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
)

// DefaultMaxBody is how many bytes of a body are read where the settings say nothing.
const DefaultMaxBody = 1 << 20

const (
	maxMaxBody = 64 << 20
	userAgent  = "healthcheck_exporter"
)

// Settings is what a kind has in its configuration, by the names of its fields there. Only URL is required.
type Settings struct {
	URL     string
	Public  []string // what is shown anyway beside the URL's label: what the kind expects
	Method  string   // GET if it is empty
	Headers map[string]string
	Accept  string // sent where Headers has none; may be empty
	Body    string
	// AcceptEncoding lists the codings to ask for; see [RFC 9110, section 12.5.3].
	//
	// [RFC 9110, section 12.5.3]: https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3
	AcceptEncoding []string
	// Follow tells whether a redirect with the status is to be followed. Nil follows none.
	Follow func(status int) bool
	// MaxBodyBytes is 1 MiB if it is zero, and at most 64 MiB.
	MaxBodyBytes int64
	// WholeBody asks for all of the body. Without, a coding that is not known is no failure.
	WholeBody bool
	// TLSOnly refuses redirects to plain http.
	TLSOnly bool
	// Sessions makes a client whose requests are those of sessions.
	Sessions    bool
	KeepAlive   bool
	EnableHTTP2 bool
	IPProtocol  string

	BasicAuth     *config.BasicAuth
	Authorization *config.Authorization
	OAuth2        *config.OAuth2
	TLSConfig     config.TLSConfig

	ProxyURL             string
	NoProxy              string
	ProxyFromEnvironment bool
	ProxyConnectHeader   config.ProxyHeader
}

// New returns the client, or nil and what is wrong in m.
func New(s Settings, m *field.Mistakes) *Client {
	b := builder{Settings: s, Mistakes: m}
	return b.build()
}

// builder collects what a client is made of. It is meant to live on the stack of [New], so the checks of a large
// configuration leave little behind.
type builder struct {
	Settings
	*field.Mistakes
	user *url.Userinfo // of the URL
}

// build returns nil after a mistake, whoever made it.
func (b *builder) build() *Client {
	c := &Client{
		request: b.newRequest(),
		body:    b.Body,
		follow:  b.Follow,
		maxBody: b.MaxBodyBytes,
		whole:   b.WholeBody,
		tlsOnly: b.TLSOnly,
	}
	if c.maxBody == 0 {
		c.maxBody = DefaultMaxBody
	}
	field.Between(b.Mistakes, "max_body_bytes", c.maxBody, 1, maxMaxBody)
	network := "tcp"
	if b.IPProtocol != "" {
		network += strings.TrimPrefix(b.OneOf("ip_protocol", b.IPProtocol, "ip4", "ip6"), "ip")
	}
	proxy := b.proxy()
	source, err := certs.NewSource(b.TLSConfig)
	b.Check("tls_config", err)
	b.checkCredentials()
	if b.Err() != nil {
		return nil
	}
	// Everything below relies on valid settings.

	c.address = target.AddressOf(c.request.URL)
	c.secrets = b.secrets(c.request.URL)
	if b.EnableHTTP2 || proxy != nil {
		c.wire = newPooled(network, source, proxy, b.KeepAlive, b.EnableHTTP2)
	} else {
		c.wire = &direct{network: network, source: source, keep: b.KeepAlive}
	}
	c.credentials = b.newCredentials(c.secrets, func(value string) {
		c.request = withHeader(c.request, "Authorization", value)
	})
	return c
}

// defaultHeader is that of all checks without headers of their own.
var defaultHeader = http.Header{"User-Agent": {userAgent}}

func (b *builder) newRequest() *http.Request {
	req := &http.Request{
		Method: b.method(), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		URL: b.url(), Header: defaultHeader, ContentLength: int64(len(b.Body)), Close: !b.KeepAlive,
	}
	if len(b.Headers) == 0 && b.Accept == "" && len(b.AcceptEncoding) == 0 {
		return req
	}
	req.Header = make(http.Header, len(b.Headers)+3)
	for _, name := range slices.Sorted(maps.Keys(b.Headers)) {
		b.setHeader(req, name, b.Headers[name])
	}
	b.acceptEncoding(req)
	if b.Accept != "" && req.Header["Accept"] == nil {
		req.Header["Accept"] = []string{b.Accept}
	}
	if req.Header["User-Agent"] == nil {
		req.Header["User-Agent"] = defaultHeader["User-Agent"]
	}
	return req
}

// url returns the URL without user information, which goes to b.user, and fragment.
func (b *builder) url() *url.URL {
	if !b.Required("url", b.URL, "give the URL to request") {
		return &url.URL{}
	}
	u, err := target.ParseURL(b.URL, "http", "https")
	if err != nil {
		b.Check("url", err)
		return &url.URL{}
	}
	b.user = u.User
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	return u
}

func (b *builder) method() string {
	method := strings.ToUpper(b.Method)
	switch {
	case method == "":
		method = http.MethodGet
	case !httpguts.ValidHeaderFieldName(method): // both are tokens, RFC 9110 sections 5.1 and 9.1
		b.Add("method", "%q is not a method", b.Method)
	case method == http.MethodConnect:
		b.Add("method", "CONNECT cannot be checked")
	}
	if b.KeepAlive && !repeatable(method) {
		b.Add("keep_alive", "needs a method that can be repeated when the kept connection is lost, %s cannot", method)
	}
	return method
}

// repeatable reports whether a request may be sent again after a connection was lost (RFC 9110, section 9.2.2).
func repeatable(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

func (b *builder) setHeader(req *http.Request, name, value string) {
	path := "headers." + name
	switch canonical := http.CanonicalHeaderKey(name); {
	case !httpguts.ValidHeaderFieldName(name):
		b.Add("headers", "%q is not the name of a header", name)
	case !httpguts.ValidHeaderFieldValue(value):
		b.Add(path, "has a value with characters that a header cannot hold")
	case canonical == "Host":
		if !httpguts.ValidHostHeader(value) {
			b.Add(path, "is not a host")
		}
		req.Host = value
	case canonical == "Content-Length" || canonical == "Transfer-Encoding" || canonical == "Connection" || canonical == "Trailer":
		b.Add(path, "is set by the check itself")
	case req.Header[canonical] != nil:
		b.Add(path, "is given twice")
	default:
		req.Header[canonical] = []string{value}
	}
}

func (b *builder) acceptEncoding(req *http.Request) {
	for i, name := range b.AcceptEncoding {
		if !slices.Contains(codings, name) {
			b.Add(field.Item("accept_encoding", i), "%.40q is not one of %s", name, strings.Join(codings, ", "))
		}
	}
	switch {
	case len(b.AcceptEncoding) == 0:
	case req.Header["Accept-Encoding"] != nil:
		b.Add("accept_encoding", "is there beside the header of that name: give one of them")
	default:
		req.Header["Accept-Encoding"] = []string{strings.Join(b.AcceptEncoding, ", ")}
	}
}

// proxy returns nil if there is none.
func (b *builder) proxy() *config.ProxyConfig {
	if b.ProxyURL == "" && b.NoProxy == "" && !b.ProxyFromEnvironment && len(b.ProxyConnectHeader) == 0 {
		return nil
	}
	p := &config.ProxyConfig{}
	if b.ProxyURL != "" {
		u, err := target.ParseURL(b.ProxyURL, "http", "https", "socks5", "socks5h")
		if err != nil {
			b.Check("proxy_url", err)
			return nil
		}
		p.ProxyURL = config.URL{URL: u}
	}
	p.NoProxy, p.ProxyFromEnvironment, p.ProxyConnectHeader = b.NoProxy, b.ProxyFromEnvironment, b.ProxyConnectHeader
	b.Check("", p.Validate())
	return p
}
