// Package httpcheck is the check of the kind http: one request, and what its answer must be.
//
// A run with defaults opens a connection, sends the request, reads the answer and closes the connection. It speaks
// HTTP/1.1 straight on the connection; [Config.EnableHTTP2] and the proxy settings go through net/http's Transport
// instead. The proxy variables of the environment are not looked at unless [Config.ProxyFromEnvironment] says so.
package httpcheck

import (
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Kind is the name of this kind of check.
const Kind = "http"

// Config is what to request and what to expect. Only URL is required.
//
// Credentials come from one place only: the user information of the URL, a header Authorization, BasicAuth,
// Authorization or OAuth2; naming two of them is an error. Files of secrets are read anew in each run.
type Config struct {
	// URL is what to request; its scheme is http or https.
	URL string `yaml:"url"`
	// Method defaults to GET. Lower case is accepted.
	Method string `yaml:"method"`
	// Headers are sent with the request. Host replaces the host of the URL, but not in the TLS handshake, where
	// TLSConfig.ServerName does; User-Agent defaults to healthcheck_exporter.
	Headers map[string]string `yaml:"headers"`
	// Body is sent with the request. It has no Content-Type unless Headers set one.
	Body string `yaml:"body"`

	// Expect is what makes the answer good.
	Expect Expect `yaml:"expect"`

	// FollowRedirects defaults to true, with at most ten redirects. A status in Expect.Status is never followed. Once
	// a redirect has left the scheme, host and port of the URL (other than from http to https on one host), neither
	// credentials nor configured headers nor the body are sent any more.
	FollowRedirects *bool `yaml:"follow_redirects"`
	// MaxBodyBytes is how much of the body is read: 1 MiB by default, at most 64 MiB. The rest does not count.
	MaxBodyBytes int64 `yaml:"max_body_bytes"`
	// KeepAlive keeps the connection for the next run, for five minutes at most so that changed addresses and
	// certificates are seen. It needs a method that can be repeated, since a kept connection may be lost.
	KeepAlive bool `yaml:"keep_alive"`
	// EnableHTTP2 offers HTTP/2 to https servers.
	EnableHTTP2 bool `yaml:"enable_http2"`
	// IPProtocol restricts connections to ip4 or ip6. The default is to try both, as the system prefers.
	IPProtocol string `yaml:"ip_protocol"`

	BasicAuth     *config.BasicAuth     `yaml:"basic_auth"`
	Authorization *config.Authorization `yaml:"authorization"` // of type Bearer by default
	OAuth2        *config.OAuth2        `yaml:"oauth2"`
	TLSConfig     config.TLSConfig      `yaml:"tls_config"`

	// ProxyURL is the proxy to go through: http, https, socks5 or socks5h.
	ProxyURL string `yaml:"proxy_url"`
	// NoProxy lists the hosts that are reached without the proxy, as the variable NO_PROXY does.
	NoProxy string `yaml:"no_proxy"`
	// ProxyFromEnvironment takes the proxy from HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
	ProxyFromEnvironment bool `yaml:"proxy_from_environment"`
	// ProxyConnectHeader is sent to the proxy in CONNECT requests.
	ProxyConnectHeader config.ProxyHeader `yaml:"proxy_connect_header"`
}

// Expect is what makes an answer good. Everything that is set must hold. Regular expressions have Go's syntax and
// match anywhere unless anchored.
type Expect struct {
	// Status lists the good status codes as "200", "2xx" or "200-299"; the default is 2xx. Where they are not good,
	// 401, 403 and 407 have the reason auth.
	Status []string `yaml:"status"`
	// BodyMatches are regular expressions that must all match the body, BodyNotMatches those that must not.
	BodyMatches    []string `yaml:"body_matches"`
	BodyNotMatches []string `yaml:"body_not_matches"`
	// Headers are regular expressions by the name of the header; one of the header's values must match.
	Headers map[string]string `yaml:"headers"`
	// MaxLatency bounds the time from the start of the run to the end of the body, redirects included.
	MaxLatency time.Duration `yaml:"max_latency"`
}

// The measures of this kind.
var (
	statusCode = healthcheck.NewMeasure("http_status_code", "",
		"Status code of the answer of the last run, the last one where redirects were followed.")
	phaseDuration = healthcheck.NewMeasure("http_phase_duration_seconds", "phase",
		"Time that the last run spent in each phase: resolve, connect, tls, processing (until the first byte of the answer), transfer; summed over redirects.")
	bodyBytes = healthcheck.NewMeasure("http_response_body_bytes", "",
		"Size of the body read by the last run, no more than max_body_bytes.")
	redirects = healthcheck.NewMeasure("http_redirects", "",
		"Number of redirects that the last run followed.")
)

// Target returns the URL without user information, the values of its query, and its fragment. It is empty for a URL
// that [New] would refuse.
func (c Config) Target() string {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" {
		return ""
	}
	return redact(u)
}

func redact(u *url.URL) string {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	var b strings.Builder
	b.WriteString(shown.String())
	separator := byte('?')
	for pair := range strings.FieldsFuncSeq(u.RawQuery, func(r rune) bool { return r == '&' || r == ';' }) {
		b.WriteByte(separator)
		separator = '&'
		// A parameter without a value may be a bare token.
		if name, _, ok := strings.Cut(pair, "="); ok {
			b.WriteString(name)
			b.WriteByte('=')
		}
		b.WriteString("…")
	}
	return b.String()
}

// SetDirectory makes relative file names relative to dir, the directory of the configuration.
func (c *Config) SetDirectory(dir string) {
	c.BasicAuth.SetDirectory(dir)
	c.Authorization.SetDirectory(dir)
	c.OAuth2.SetDirectory(dir)
	c.TLSConfig.SetDirectory(dir)
}

// New returns the check. Its error joins a [healthcheck.FieldError] for each mistake in c. The check is an io.Closer:
// closing it drops a kept connection.
func New(c Config) (healthcheck.Checker, error) {
	b := builder{Config: c}
	return b.build()
}
