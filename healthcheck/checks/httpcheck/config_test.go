package httpcheck_test

import (
	"strings"
	"testing"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/httpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

func TestNewRefuses(t *testing.T) {
	const good = "http://example.test/"
	tests := []struct {
		name   string
		config httpcheck.Config
		want   []string
	}{
		{"nothing", httpcheck.Config{}, []string{"url: is missing: give the URL to request"}},
		{"no URL", httpcheck.Config{URL: "http://ann:sesame"}, []string{"url: is not a valid URL, want one like http://host:port/path"}},
		{"control character", httpcheck.Config{URL: "http://ann:sesame@host/\n"}, []string{"url: is not a valid URL, want one like http://host:port/path"}},
		{"no scheme", httpcheck.Config{URL: "example.test/"}, []string{"url: has not the scheme http or https"}},
		{"other scheme", httpcheck.Config{URL: "ftp://example.test/"}, []string{"url: has not the scheme http or https"}},
		{"no host", httpcheck.Config{URL: "http:///path"}, []string{"url: names no host"}},
		{"port", httpcheck.Config{URL: "http://example.test:70000/"}, []string{"url: has a port that is not in 1 to 65535"}},
		{"method", httpcheck.Config{URL: good, Method: "G T"}, []string{`method: "G T" is not a method`}},
		{"CONNECT", httpcheck.Config{URL: good, Method: "connect"}, []string{"method: CONNECT cannot be checked"}},
		{"keep_alive", httpcheck.Config{URL: good, Method: "POST", KeepAlive: true}, []string{"keep_alive: needs a method that can be repeated when the kept connection is lost, POST cannot"}},
		{"ip_protocol", httpcheck.Config{URL: good, IPProtocol: "ipv4"}, []string{`ip_protocol: "ipv4" is not one of ip4, ip6`}},
		{"max_body_bytes", httpcheck.Config{URL: good, MaxBodyBytes: -1}, []string{"max_body_bytes: -1 is not between 1 and 67108864"}},
		{
			"headers",
			httpcheck.Config{URL: good, Headers: map[string]string{"a b": "sesame", "X-A": "sesame\n", "x-b": "", "X-B": "", "Host": "a/b", "content-length": "1"}},
			[]string{
				`headers: "a b" is not the name of a header`, "headers.X-A: has a value with characters that a header cannot hold",
				"headers.x-b: is given twice", "headers.Host: is not a host", "headers.content-length: is set by the check itself",
			},
		},
		{
			"expect",
			httpcheck.Config{URL: good, Method: "HEAD", Expect: httpcheck.Expect{
				Status: []string{"200", "20", "0xx", "299-200", "abc"}, BodyMatches: []string{"a", "("}, BodyNotMatches: []string{"["},
				Headers: map[string]string{"X-A": "*"}, MaxLatency: -1,
			}},
			[]string{
				`expect.status[1]: "20" is not a status, want one like 200, 2xx or 200-299`,
				`expect.status[2]: "0xx" is not`, `expect.status[3]: "299-200" is not`, `expect.status[4]: "abc" is not`,
				"expect.body_matches[1]: error parsing regexp: missing closing )", "expect.body_not_matches[0]: error parsing regexp",
				"expect.headers.X-A: error parsing regexp", "expect.max_latency: -1ns is negative", "expect.body_matches: the answer to HEAD has no body",
				"expect.body_not_matches: the answer to HEAD has no body",
			},
		},
		{
			"name of a header", httpcheck.Config{URL: good, Expect: httpcheck.Expect{Headers: map[string]string{"Content-Type:": "x", "${X}": ""}}},
			[]string{`expect.headers: "Content-Type:" is not the name of a header`, `expect.headers: "${X}" is not the name of a header`},
		},
		{
			"accept_encoding", httpcheck.Config{URL: good, AcceptEncoding: []string{"gzip", "zstd"}, Headers: map[string]string{"accept-encoding": "br"}},
			[]string{`accept_encoding[1]: "zstd" is not one of gzip, deflate, br, identity`, "accept_encoding: is there beside the header of that name: give one of them"},
		},
		{
			"two credentials",
			httpcheck.Config{URL: "http://ann:sesame@example.test/", Headers: map[string]string{"authorization": "x"}, BasicAuth: &config.BasicAuth{Username: "ann"}},
			[]string{"has credentials in url and headers and basic_auth: leave only one of them"},
		},
		{"basic_auth", httpcheck.Config{URL: good, BasicAuth: &config.BasicAuth{Password: "sesame", PasswordFile: "x"}}, []string{"basic_auth: at most one of basic_auth password, password_file"}},
		{"secret manager", httpcheck.Config{URL: good, BasicAuth: &config.BasicAuth{PasswordRef: "x"}}, []string{"basic_auth.password_ref: there is no secret manager: give the value or a file"}},
		{"authorization", httpcheck.Config{URL: good, Authorization: &config.Authorization{Type: "Basic", Credentials: "sesame"}}, []string{`authorization: authorization type cannot be set to "basic"`}},
		{"no credentials", httpcheck.Config{URL: good, Authorization: &config.Authorization{}}, []string{"authorization: has no credentials"}},
		{"oauth2", httpcheck.Config{URL: good, OAuth2: &config.OAuth2{ClientID: "x"}}, []string{"oauth2: oauth2 token_url must be configured"}},
		{"oauth2 files", httpcheck.Config{URL: good, OAuth2: &config.OAuth2{ClientID: "x", TokenURL: "nowhere", TLSConfig: config.TLSConfig{CAFile: "/none"}}}, []string{"oauth2.token_url: has not the scheme http or https", "oauth2.tls_config: unable to read CA cert"}},
		{"tls_config", httpcheck.Config{URL: good, TLSConfig: config.TLSConfig{CAFile: "/none"}}, []string{"tls_config: ca_file: stat /none: no such file"}},
		{"proxy_url", httpcheck.Config{URL: good, ProxyURL: "http://ann:sesame"}, []string{"proxy_url: is not a valid URL, want one like http://host:port/path"}},
		{"proxy scheme", httpcheck.Config{URL: good, ProxyURL: "ftp://ann:sesame@example.test"}, []string{"proxy_url: has not the scheme http, https, socks5 or socks5h"}},
		{"no_proxy", httpcheck.Config{URL: good, NoProxy: "x"}, []string{"if no_proxy is configured, proxy_url must also be configured"}},
		{"many at once", httpcheck.Config{URL: "x", Method: " ", IPProtocol: "x"}, []string{"url: ", "method: ", "ip_protocol: "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := httpcheck.New(tt.config)
			assert.Len(t, checktest.Mistakes(t, err, "sesame"), len(tt.want), "%s", err)
			for _, want := range tt.want {
				assert.ErrorContains(t, err, want)
			}
		})
	}
}

func TestTarget(t *testing.T) {
	for url, want := range map[string]string{
		"https://example.test":                         "https://example.test",
		"https://ann:sesame@example.test:8443/a%2Fb/c": "https://example.test:8443/a%2Fb/c",
		"http://example.test/?key=sesame&a=1#sesame":   "http://example.test/?key=…&a=…",
		"http://example.test/?sesame":                  "http://example.test/?…",
		"http://[::1]:80/":                             "http://[::1]:80/",
		"http://ann:sesame":                            "",
		"":                                             "",
	} {
		assert.Equal(t, want, httpcheck.Config{URL: url}.Target(), url)
	}
	assert.Empty(t, httpcheck.Config{URL: "http://" + strings.Repeat("%", 3)}.Target())
}
