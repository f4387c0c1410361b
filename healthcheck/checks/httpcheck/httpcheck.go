// Package httpcheck sends one HTTP request, and says what its answer must be.
//
// A run with defaults opens a connection, sends the request, reads the answer and closes the connection. It speaks
// HTTP/1.1 straight on the connection; [Config.EnableHTTP2] and the proxy settings go through net/http's Transport
// instead. The proxy variables of the environment are not looked at unless [Config.ProxyFromEnvironment] says so.
package httpcheck

import (
	"time"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/amount"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/httpclient"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
)

// Kind is the name of this kind of check.
const Kind = "http"

// Config is what to request and what to expect. Only URL is required.
//
// Credentials come from one place only: the user information of the URL, a header Authorization, BasicAuth,
// Authorization or OAuth2; naming two of them is an error. Files of secrets are read anew in each run.
type Config struct {
	// URL is what to request; its scheme is http or https.
	URL string `yaml:"url" example:"https://central.example.com/health"`
	// Method defaults to GET. Lower case is accepted.
	Method string `yaml:"method" default:"GET" example:"HEAD"`
	// Headers are sent with the request. Host replaces the host of the URL, but not in the TLS handshake, where
	// TLSConfig.ServerName does; User-Agent defaults to healthcheck_exporter.
	Headers map[string]string `yaml:"headers" example:"{Accept: application/json}"`
	// Body is sent with the request. It has no Content-Type unless Headers set one.
	Body string `yaml:"body" example:"ping"`

	// Expect is what makes the answer good.
	Expect Expect `yaml:"expect"`
	// Values are numbers in the body, JSON, by the names that they get: each is what a jq query picks out, and becomes
	// healthcheck_value{value="<name>"}. A text that is a number is one, true is 1 and false 0; where there is none, the
	// run fails. They are measured of answers that are not good, too.
	Values map[string]string `yaml:"values" example:"{depth: .queue.depth}"`
	// Steps are requests that follow each other, such as a login and what needs it. They are made instead of one of URL,
	// which is where they start from.
	Steps []Step `yaml:"steps"`

	// FollowRedirects defaults to true, with at most ten redirects. A status in Expect.Status is never followed. Cookies
	// that come with a redirect are sent back, until the end of the run. Once a redirect has left the scheme, host and
	// port of the URL (other than from http to https on one host), neither credentials nor configured headers nor the
	// body are sent any more; TLSConfig's server name and client certificate are for the host of the URL only.
	FollowRedirects *bool `yaml:"follow_redirects" default:"true"`
	// AcceptEncoding lists the content codings to ask for, of gzip, deflate, br and identity. Nothing is asked for by
	// default. The first three are decoded whether they were asked for or not; another coding fails where the body
	// matters.
	AcceptEncoding []string `yaml:"accept_encoding" example:"[gzip, br]"`
	// MaxBodyBytes is how much of the body, decoded, is read: 1 MiB by default, at most 64 MiB. The rest does not count.
	MaxBodyBytes int64 `yaml:"max_body_bytes" default:"1048576" example:"65536"`
	// KeepAlive keeps the connection for the next run, for five minutes at most so that changed addresses and
	// certificates are seen. It needs a method that can be repeated, since a kept connection may be lost.
	KeepAlive bool `yaml:"keep_alive" default:"false"`
	// EnableHTTP2 offers HTTP/2 to https servers.
	EnableHTTP2 bool `yaml:"enable_http2" default:"false"`
	// IPProtocol restricts connections to ip4 or ip6. The default is to try both, as the system prefers.
	IPProtocol string `yaml:"ip_protocol" example:"ip6"`

	// BasicAuth is a user and a password to send.
	BasicAuth *config.BasicAuth `yaml:"basic_auth"`
	// Authorization is a token to send, of type Bearer by default.
	Authorization *config.Authorization `yaml:"authorization"`
	// OAuth2 is where a token to send comes from.
	OAuth2 *config.OAuth2 `yaml:"oauth2"`
	// TLSConfig is for https.
	TLSConfig config.TLSConfig `yaml:"tls_config"`

	// ProxyURL is the proxy to go through: http, https, socks5 or socks5h.
	ProxyURL string `yaml:"proxy_url" example:"http://proxy.example.com:3128"`
	// NoProxy lists the hosts that are reached without the proxy, as the variable NO_PROXY does.
	NoProxy string `yaml:"no_proxy" example:"localhost,10.0.0.0/8"`
	// ProxyFromEnvironment takes the proxy from HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
	ProxyFromEnvironment bool `yaml:"proxy_from_environment" default:"false"`
	// ProxyConnectHeader is sent to the proxy in CONNECT requests.
	ProxyConnectHeader config.ProxyHeader `yaml:"proxy_connect_header" example:"{X-Team: [payments]}"`
}

// Expect is what makes an answer good. Everything that is set must hold. Regular expressions have Go's syntax and
// match anywhere unless anchored.
type Expect struct {
	// Status lists the good status codes as "200", "2xx" or "200-299"; the default is 2xx. Where they are not good,
	// 401, 403 and 407 have the reason auth.
	Status []string `yaml:"status" default:"[2xx]" example:"[2xx, 304]"`
	// BodyMatches are regular expressions that must all match the body.
	BodyMatches []string `yaml:"body_matches" example:"['\"status\":\\s*\"UP\"']"`
	// BodyNotMatches are regular expressions none of which may match it.
	BodyNotMatches []string `yaml:"body_not_matches" example:"[maintenance]"`
	// Headers are regular expressions by the name of the header; one of the header's values must match.
	Headers map[string]string `yaml:"headers" example:"{Content-Type: '^application/json'}"`
	// HeadersNotMatch are regular expressions by the name of the header; none of the header's values may match.
	HeadersNotMatch map[string]string `yaml:"headers_not_match" example:"{Server: '[0-9]'}"`
	// JSON are jq queries of the body, a JSON document of at most 4 MiB; each must be true. So that no document keeps a query
	// busy, its numbers have 1000 digits at most, and where a query may search (match, capture, scan, split, splits, sub, gsub,
	// tonumber) its texts have 16 KiB at most.
	JSON []string `yaml:"json" example:"['.status == \"UP\"', '.queue.depth < 100']"`
	// BodySize bounds the size of the body, without its content coding.
	BodySize BodySize `yaml:"body_size"`
	// BodySHA256 is the SHA-256 checksum of the body, without its content coding, in hexadecimal digits.
	BodySHA256 string `yaml:"body_sha256" example:"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`
	// FinalURL is a regular expression that must match the URL that the answer came from, after redirects.
	FinalURL string `yaml:"final_url" example:"^https://www\\.example\\.com/"`
	// ProtocolVersion is the version of HTTP that the answer must come by: 1.0, 1.1, 2 or 3.
	ProtocolVersion string `yaml:"protocol_version" example:"2"`
	// TLSRequired demands that the answer, and whatever is redirected to, comes over https. A redirect to plain http
	// fails before anything is sent there.
	TLSRequired bool `yaml:"tls_required" default:"false"`
	// MinValidity is how long the certificate chains must be valid from now on, that of the answer and those of whatever
	// redirected to it over https. An answer that came over plain http fails.
	MinValidity time.Duration `yaml:"min_validity" default:"0s" example:"14d"`
	// MaxLatency bounds the time from the start of the run to the end of the body, redirects included.
	MaxLatency time.Duration `yaml:"max_latency" default:"0s" example:"2s"`
}

// BodySize are bounds of the size of a body, no more than [Config.MaxBodyBytes].
type BodySize struct {
	// Min is the least size, in bytes or with a unit.
	Min amount.Bytes `yaml:"min" example:"1KiB"`
	// Max is the largest size, in bytes or with a unit.
	Max amount.Bytes `yaml:"max" example:"64KiB"`
}

// The measures of this kind.
var (
	statusCode = healthcheck.NewMeasure("http_status_code", "Status code of the answer of the last run, the last one where redirects were followed; absent if that one did not come.")

	phaseDuration = healthcheck.NewMeasure("http_phase_duration_seconds", "Time that the last run spent in each phase: resolve, connect, tls, processing (until the first byte of the answer), transfer; summed over redirects, but of the last request alone if it got no whole answer.", "phase")

	bodyBytes = healthcheck.NewMeasure("http_response_body_bytes", "Size of the body read by the last run, without its content coding, no more than max_body_bytes.")

	redirects = healthcheck.NewMeasure("http_redirects", "Number of redirects that the last run followed.")

	stepStatusCode = healthcheck.NewMeasure("http_step_status_code", "Status code of the answer to each step of the last run, the last one where redirects were followed; absent of steps that got none.", "step")

	stepPhaseDuration = healthcheck.NewMeasure("http_step_phase_duration_seconds", "Time that each step of the last run spent in each phase, as of http_phase_duration_seconds.", "phase", "step")
)

// Target returns the URL without user information, the values of its query, and its fragment. It is empty for a URL
// that [New] would refuse.
func (c Config) Target() string { return target.URLLabel(c.URL) }

// SetDirectory makes relative file names relative to dir, the directory of the configuration.
func (c *Config) SetDirectory(dir string) {
	c.BasicAuth.SetDirectory(dir)
	c.Authorization.SetDirectory(dir)
	if o := c.OAuth2; o != nil {
		keyFile := o.ClientCertificateKeyFile
		o.SetDirectory(dir)
		if o.ClientCertificateKeyFile == keyFile { // the library forgets it
			o.ClientCertificateKeyFile = config.JoinDir(dir, keyFile)
		}
	}
	c.TLSConfig.SetDirectory(dir)
}

// New returns the check. Its error joins a [healthcheck.FieldError] for each mistake in c. The check is an io.Closer:
// closing it drops a kept connection.
func New(c Config) (healthcheck.Checker, error) {
	if len(c.Steps) > 0 {
		return newFlow(c)
	}
	var m field.Mistakes
	b := builder{Config: c, Mistakes: &m}
	expect := b.newExpectation()
	s := c.settings()
	s.Public, s.Follow, s.WholeBody, s.TLSOnly = c.texts(), b.follow(&expect), expect.wantsBody(), c.Expect.TLSRequired
	client := httpclient.New(s, &m)
	if err := m.Err(); err != nil {
		return nil, err
	}
	return &checker{Client: client, expect: expect}, nil
}

// settings returns those of the client, but for what depends on what is expected.
func (c *Config) settings() httpclient.Settings {
	return httpclient.Settings{
		URL: c.URL, Method: c.Method, Headers: c.Headers, Body: c.Body, AcceptEncoding: c.AcceptEncoding, MaxBodyBytes: c.MaxBodyBytes,
		KeepAlive: c.KeepAlive, EnableHTTP2: c.EnableHTTP2, IPProtocol: c.IPProtocol,
		BasicAuth: c.BasicAuth, Authorization: c.Authorization, OAuth2: c.OAuth2, TLSConfig: c.TLSConfig,
		ProxyURL: c.ProxyURL, NoProxy: c.NoProxy, ProxyFromEnvironment: c.ProxyFromEnvironment, ProxyConnectHeader: c.ProxyConnectHeader,
	}
}

// texts returns what is wanted of the answer, which details show.
func (c *Config) texts() []string {
	list := c.Expect.texts()
	for name, query := range c.Values {
		list = append(list, name, query)
	}
	return list
}
