package httpcheck_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/httpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

// serveAuthorized answers 401 unless the header Authorization is the wanted one.
func serveAuthorized(t *testing.T, want func() string) string {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Authorization") != want() {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}).URL
}

func basic(username, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))
}

func TestCredentials(t *testing.T) {
	tests := []struct {
		name   string
		want   string
		config httpcheck.Config
	}{
		{"basic", basic("ann", "pass"), httpcheck.Config{BasicAuth: &config.BasicAuth{Username: "ann", Password: "pass"}}},
		{"basic from files", basic("ann", "pass"), httpcheck.Config{BasicAuth: &config.BasicAuth{UsernameFile: checktest.WriteFile(t, "ann\n"), PasswordFile: checktest.WriteFile(t, "pass\n")}}},
		{"bearer", "Bearer token", httpcheck.Config{Authorization: &config.Authorization{Credentials: "token"}}},
		{"other type", "ApiKey token", httpcheck.Config{Authorization: &config.Authorization{Type: "ApiKey", Credentials: "token"}}},
		{"other type from file", "ApiKey token", httpcheck.Config{Authorization: &config.Authorization{Type: "ApiKey", CredentialsFile: checktest.WriteFile(t, "token\n")}}},
		{"header", "Bearer token", httpcheck.Config{Headers: map[string]string{"authorization": "Bearer token"}}},
	}
	for _, tt := range tests {
		for wire, http2 := range map[string]bool{"direct": false, "pooled": true} {
			t.Run(wire+" "+tt.name, func(t *testing.T) {
				tt.config.EnableHTTP2 = http2
				tt.config.URL = serveAuthorized(t, func() string { return tt.want })
				res := check(t, tt.config)
				assert.False(t, res.Failed(), res.Details)
				tt.config.URL = serveAuthorized(t, func() string { return "other" })
				res = check(t, tt.config)
				assert.Equal(t, healthcheck.ReasonAuth, res.Reason)
				assert.Equal(t, "status 401, want 2xx", res.Details)
			})
		}
	}
	t.Run("url", func(t *testing.T) {
		server := serveAuthorized(t, func() string { return basic("ann", "p@ss") })
		res := check(t, httpcheck.Config{URL: strings.Replace(server, "//", "//ann:p%40ss@", 1)})
		assert.False(t, res.Failed(), res.Details)
	})
}

// What checks share where nothing is configured holds nothing of a check where something is.
func TestCredentialsStayWithTheirCheck(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/open" {
			assert.Equal(t, http.Header{"User-Agent": {"healthcheck_exporter"}, "Connection": {"close"}}, req.Header)
			return
		}
		assert.NotEmpty(t, req.Header.Get("Authorization"))
	})
	open := newChecker(t, httpcheck.Config{URL: server.URL + "/open"})
	for _, config := range []httpcheck.Config{
		{URL: strings.Replace(server.URL, "//", "//ann:pass@", 1)},
		{URL: server.URL, BasicAuth: &config.BasicAuth{Username: "ann", Password: "pass"}},
		{URL: server.URL, Authorization: &config.Authorization{Credentials: "token"}},
		{URL: server.URL, Authorization: &config.Authorization{CredentialsFile: checktest.WriteFile(t, "token")}},
		{URL: server.URL, Headers: map[string]string{"Authorization": "token"}},
	} {
		for _, checker := range []healthcheck.Checker{newChecker(t, config), open} {
			checktest.RequireOK(t, checktest.RunChecker(t, checker, 5*time.Second))
		}
	}
}

func TestCredentialsFileIsFollowed(t *testing.T) {
	t.Chdir(t.TempDir()) // details name the file, and have no room for any length of path
	const file = "token"
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o600))
	checker := newChecker(t, httpcheck.Config{
		URL:           serveAuthorized(t, func() string { return "Bearer new" }),
		Authorization: &config.Authorization{CredentialsFile: file},
	})
	assert.Equal(t, healthcheck.ReasonAuth, checktest.RunChecker(t, checker, 5*time.Second).Reason)
	require.NoError(t, os.WriteFile(file, []byte("new"), 0o600))
	res := checktest.RunChecker(t, checker, 5*time.Second)
	assert.False(t, res.Failed(), res.Details)
	require.NoError(t, os.Remove(file))
	res = checktest.RunChecker(t, checker, 5*time.Second)
	assert.Equal(t, healthcheck.ReasonAuth, res.Reason)
	assert.Regexp(t, "no such file", res.Details)
}

// Credentials that are read in each run do not follow a redirect to another host either.
func TestCredentialsFileIsNotSentElsewhere(t *testing.T) {
	other := serve(t, func(_ http.ResponseWriter, req *http.Request) {
		assert.Empty(t, req.Header.Get("Authorization"))
	})
	server := serve(t, func(w http.ResponseWriter, req *http.Request) {
		assert.Equal(t, "Bearer token", req.Header.Get("Authorization"))
		http.Redirect(w, req, other.URL, http.StatusFound)
	})
	res := check(t, httpcheck.Config{URL: server.URL, Authorization: &config.Authorization{CredentialsFile: checktest.WriteFile(t, "token")}})
	assert.False(t, res.Failed(), res.Details)
	assert.EqualValues(t, 1, value(t, res, "http_redirects", ""))
}

func TestOAuth2(t *testing.T) {
	var fetched atomic.Int32
	tokens := serve(t, func(w http.ResponseWriter, req *http.Request) {
		fetched.Add(1)
		if _, password, _ := req.BasicAuth(); password != "sesame" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"invalid_client","error_description":"sesam is wrong"}`)
			return
		}
		assert.Equal(t, "client_credentials", req.FormValue("grant_type"))
		assert.Equal(t, "health", req.FormValue("scope"))
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"token","token_type":"Bearer","expires_in":3600}`)
	})
	url := serveAuthorized(t, func() string { return "Bearer token" })
	file := checktest.WriteFile(t, "sesam")
	checker := newChecker(t, httpcheck.Config{URL: url, OAuth2: &config.OAuth2{
		ClientID: "me", ClientSecretFile: file, TokenURL: tokens.URL + "/?key=value", Scopes: []string{"health"},
	}})
	res := checktest.RunChecker(t, checker, 5*time.Second)
	assert.Equal(t, healthcheck.ReasonAuth, res.Reason)
	assert.Equal(t, "oauth2 token endpoint: error invalid_client", res.Details)

	require.NoError(t, os.WriteFile(file, []byte("sesame"), 0o600))
	fetched.Store(0)
	for range 3 {
		res = checktest.RunChecker(t, checker, 5*time.Second)
		require.False(t, res.Failed(), res.Details)
	}
	assert.EqualValues(t, 1, fetched.Load(), "a token is good for many runs")
}

func TestOAuth2TokenEndpointFails(t *testing.T) {
	tests := []struct {
		name    string
		address string
		reason  healthcheck.Reason
		details string
	}{
		{"refused", checktest.Closed(t), healthcheck.ReasonConnect, "^oauth2 token endpoint: connection refused$"},
		{"hangs", serveRaw(t, hold), healthcheck.ReasonTimeout, `^oauth2 token endpoint: timed out after \d[.\dms]+$`},
		{"drips", serveRaw(t, func(conn net.Conn) { drip(conn, "HTTP/1.1 103 Early Hints\r\n\r\n") }), healthcheck.ReasonTimeout, `^oauth2 token endpoint: timed out after`},
		{"cut", serveRaw(t, readRequest), healthcheck.ReasonProtocol, "^oauth2 token endpoint: the peer closed the connection$"},
		{"status", answerRaw(t, "HTTP/1.1 500 Oops\r\nContent-Length: 6\r\n\r\nsesame"), healthcheck.ReasonAuth, "^oauth2 token endpoint: status 500 Oops$"},
		{"no token", answerRaw(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), healthcheck.ReasonAuth, "^oauth2 token endpoint: .*missing access_token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checker := newChecker(t, httpcheck.Config{
				URL:    serveAuthorized(t, func() string { return "" }),
				OAuth2: &config.OAuth2{ClientID: "me", ClientSecret: "sesame", TokenURL: "http://" + tt.address + "/?key=sesame"},
			})
			res := runHostile(t, checker, tt.reason)
			assert.Regexp(t, tt.details, res.Details)
			assert.NotContains(t, res.Details, "sesame")
			assert.Empty(t, res.Values, "no request was sent")
		})
	}
}

func TestProxy(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "direct") })
	proxy := serve(t, func(w http.ResponseWriter, req *http.Request) {
		switch {
		case req.Header.Get("Proxy-Authorization") != basic("ann", "pass"):
			w.WriteHeader(http.StatusProxyAuthRequired)
		case req.Method == http.MethodConnect:
			w.WriteHeader(http.StatusBadGateway)
		default:
			_, _ = fmt.Fprint(w, "proxied ", req.URL.Host)
		}
	})
	good := strings.Replace(proxy.URL, "//", "//ann:pass@", 1)
	host := strings.TrimPrefix(server.URL, "http://")
	tests := []struct {
		name    string
		config  httpcheck.Config
		reason  healthcheck.Reason
		details string
	}{
		{name: "proxied", config: httpcheck.Config{ProxyURL: good, Expect: httpcheck.Expect{BodyMatches: []string{"^proxied " + host}}}},
		{name: "not for this host", config: httpcheck.Config{ProxyURL: good, NoProxy: "127.0.0.1", Expect: httpcheck.Expect{BodyMatches: []string{"^direct$"}}}},
		{name: "refused", config: httpcheck.Config{ProxyURL: proxy.URL}, reason: healthcheck.ReasonAuth, details: "status 407, want 2xx"},
		{name: "CONNECT refused", config: httpcheck.Config{URL: "https://" + host, ProxyURL: proxy.URL}, reason: healthcheck.ReasonAuth, details: "the proxy answered CONNECT with status 407"},
		{name: "CONNECT fails", config: httpcheck.Config{URL: "https://" + host, ProxyURL: good}, reason: healthcheck.ReasonConnect, details: "the proxy answered CONNECT with status 502"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.config.URL == "" {
				tt.config.URL = server.URL
			}
			res := check(t, tt.config)
			assert.Equal(t, tt.reason, res.Reason, res.Details)
			assert.Contains(t, res.Details, tt.details)
		})
	}
}

// A server that sends back all it was sent must not make secrets public.
func TestSecretsAreNotShown(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		username, password, _ := req.BasicAuth()
		w.Header().Set("X-Echo", req.Header.Get("X-Api-Key"))
		w.WriteHeader(http.StatusTeapot)
		_, _ = fmt.Fprintln(w, "echo", username, password, req.Header, req.URL.Query().Get("key"), req.URL.RawQuery, string(body))
	})
	const secret = "open sesame & co"
	tokens := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"open-sesame-2","token_type":"Bearer"}`)
	})
	file := checktest.WriteFile(t, secret+"\n")
	encoded := base64.StdEncoding.EncodeToString([]byte("ann:" + secret))
	withQuery := func(base string) string { return base + "/?key=" + url.QueryEscape(secret) }
	withUser := func(base string) string {
		return strings.Replace(base, "//", "//"+url.UserPassword("ann", secret).String()+"@", 1)
	}
	for base, wants := range map[string]string{server.URL: "418", "http://" + checktest.Closed(t): "refused"} {
		for name, config := range map[string]httpcheck.Config{
			"url":         {URL: withUser(withQuery(base))},
			"header":      {URL: base, Headers: map[string]string{"X-Api-Key": secret, "Authorization": "Bearer " + secret}},
			"body":        {URL: base, Method: "POST", Body: secret},
			"basic_auth":  {URL: base, BasicAuth: &config.BasicAuth{Username: "ann", Password: secret}},
			"bearer":      {URL: base, Authorization: &config.Authorization{Credentials: secret}},
			"user name":   {URL: base, BasicAuth: &config.BasicAuth{Username: secret}},
			"files":       {URL: base, BasicAuth: &config.BasicAuth{UsernameFile: file, PasswordFile: file}},
			"bearer file": {URL: base, Authorization: &config.Authorization{CredentialsFile: file}},
			"oauth2":      {URL: base, OAuth2: &config.OAuth2{ClientID: "me", ClientSecretFile: file, TokenURL: tokens.URL}},
			"cookie":      {URL: base, Headers: map[string]string{"Cookie": "theme=dark; sid=open-sesame-3"}},
			"echo header": {URL: base, Headers: map[string]string{"X-Api-Key": secret}, Expect: httpcheck.Expect{Status: []string{"418"}, Headers: map[string]string{"X-Echo": "^$"}}},
		} {
			for wire, http2 := range map[string]bool{"direct": false, "pooled": true} {
				t.Run(strings.Join([]string{wire, wants, name}, " "), func(t *testing.T) {
					config.EnableHTTP2 = http2
					res := check(t, config)
					require.True(t, res.Failed())
					if name != "echo header" {
						assert.Contains(t, res.Details, wants)
					}
					for _, text := range []string{res.Details, config.Target()} {
						assert.NotContains(t, text, "sesame")
						assert.NotContains(t, text, encoded)
					}
				})
			}
		}
	}
}
