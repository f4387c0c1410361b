package httpcheck

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/config"
	"golang.org/x/net/http/httpguts"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
)

const (
	defaultMaxBody = 1 << 20
	maxMaxBody     = 64 << 20
	userAgent      = "healthcheck_exporter"
)

// builder collects what a check is made of, and the mistakes. It is meant to live on the stack of [New], so the
// checks of a large configuration leave little behind.
type builder struct {
	Config
	user *url.Userinfo // of the URL
	errs []error
}

func (b *builder) bad(field, format string, args ...any) {
	b.errs = append(b.errs, healthcheck.FieldErrorf(field, format, args...))
}

func (b *builder) build() (healthcheck.Checker, error) {
	c := &checker{
		template: b.newTemplate(),
		expect:   b.newExpectation(),
		follow:   b.FollowRedirects == nil || *b.FollowRedirects,
		maxBody:  b.MaxBodyBytes,
	}
	switch {
	case c.maxBody < 0 || c.maxBody > maxMaxBody:
		b.bad("max_body_bytes", "is %d, want 1 to %d", c.maxBody, maxMaxBody)
	case c.maxBody == 0:
		c.maxBody = defaultMaxBody
	}
	network := b.network()
	proxy := b.proxy()
	source, err := certs.NewSource(b.TLSConfig)
	if err != nil {
		b.bad("tls_config", "%w", err)
	}
	b.checkCredentials()
	if len(b.errs) > 0 {
		return nil, errors.Join(b.errs...)
	}
	// Everything below relies on a valid configuration.

	c.secrets = b.secrets(c.template.url)
	if b.EnableHTTP2 || proxy != nil {
		c.wire = newPooled(network, source, proxy, b.KeepAlive, b.EnableHTTP2)
	} else {
		c.wire = &direct{network: network, source: source, keep: b.KeepAlive}
	}
	c.authorized = b.authorize(c)
	return c, nil
}

// defaultHeader is that of all checks without headers of their own.
var defaultHeader = http.Header{"User-Agent": {userAgent}}

func (b *builder) newTemplate() template {
	t := template{method: b.method(), url: b.url(), header: defaultHeader, body: b.Body, keep: b.KeepAlive}
	if len(b.Headers) == 0 {
		return t
	}
	t.header = make(http.Header, len(b.Headers)+1)
	for _, name := range sortedKeys(b.Headers) {
		b.setHeader(&t, name, b.Headers[name])
	}
	if t.header["User-Agent"] == nil {
		t.header["User-Agent"] = defaultHeader["User-Agent"]
	}
	return t
}

func sortedKeys(m map[string]string) []string {
	if len(m) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(m))
}

// url returns the URL without user information, which goes to b.user, and fragment. Texts of url.Parse are not passed
// on: they quote what may be a password.
func (b *builder) url() *url.URL {
	if b.URL == "" {
		b.bad("url", "is missing: give the URL to request")
		return &url.URL{}
	}
	u, err := url.Parse(b.URL)
	switch {
	case err != nil:
		b.bad("url", "is not a valid URL, want one like https://host:port/path")
		return &url.URL{}
	case u.Scheme != "http" && u.Scheme != "https":
		b.bad("url", "has not the scheme http or https")
	case u.Hostname() == "":
		b.bad("url", "names no host")
	case !validPort(u.Port()):
		b.bad("url", "has a port that is not in 1 to 65535")
	}
	b.user = u.User
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	return u
}

func validPort(port string) bool {
	if port == "" {
		return true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

func (b *builder) method() string {
	method := strings.ToUpper(b.Method)
	switch {
	case method == "":
		method = http.MethodGet
	case !httpguts.ValidHeaderFieldName(method): // both are tokens, RFC 9110 sections 5.1 and 9.1
		b.bad("method", "%q is not a method", b.Method)
	case method == http.MethodConnect:
		b.bad("method", "CONNECT cannot be checked")
	}
	if b.KeepAlive && !repeatable(method) {
		b.bad("keep_alive", "needs a method that can be repeated when the kept connection is lost, %s cannot", method)
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

func (b *builder) setHeader(t *template, name, value string) {
	field := "headers." + name
	switch canonical := http.CanonicalHeaderKey(name); {
	case !httpguts.ValidHeaderFieldName(name):
		b.bad("headers", "%q is not the name of a header", name)
	case !httpguts.ValidHeaderFieldValue(value):
		b.bad(field, "has a value with characters that a header cannot hold")
	case canonical == "Host":
		if !httpguts.ValidHostHeader(value) {
			b.bad(field, "is not a host")
		}
		t.host = value
	case canonical == "Content-Length" || canonical == "Transfer-Encoding" || canonical == "Connection" || canonical == "Trailer":
		b.bad(field, "is set by the check itself")
	case t.header[canonical] != nil:
		b.bad(field, "is given twice")
	default:
		t.header[canonical] = []string{value}
	}
}

func (b *builder) network() string {
	switch b.IPProtocol {
	case "":
		return "tcp"
	case "ip4":
		return "tcp4"
	case "ip6":
		return "tcp6"
	}
	b.bad("ip_protocol", "is %q, want ip4 or ip6", b.IPProtocol)
	return ""
}

// proxy returns nil if there is none.
func (b *builder) proxy() *config.ProxyConfig {
	if b.ProxyURL == "" && b.NoProxy == "" && !b.ProxyFromEnvironment && len(b.ProxyConnectHeader) == 0 {
		return nil
	}
	p := &config.ProxyConfig{}
	if b.ProxyURL != "" {
		u, err := url.Parse(b.ProxyURL)
		switch {
		case err != nil || u.Hostname() == "":
			b.bad("proxy_url", "is not a valid URL, want one like http://host:port")
		case !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme):
			b.bad("proxy_url", "has not the scheme http, https, socks5 or socks5h")
		default:
			p.ProxyURL = config.URL{URL: u}
		}
	}
	p.NoProxy, p.ProxyFromEnvironment, p.ProxyConnectHeader = b.NoProxy, b.ProxyFromEnvironment, b.ProxyConnectHeader
	if b.ProxyURL == "" || p.ProxyURL.URL != nil {
		if err := p.Validate(); err != nil {
			b.bad("", "%w", err)
		}
	}
	return p
}

func (b *builder) regexp(field, expr string) *regexp.Regexp {
	re, err := regexp.Compile(expr)
	if err != nil {
		b.bad(field, "%w", err)
	}
	return re
}
