package config_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	promconfig "github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/httpcheck"
)

var conformHTTP = conformer{
	echo: func(t *testing.T) []func() any { return echoHTTP(t, "nothing") },
	fetching: func(t *testing.T) any {
		bases := echoHTTP(t, issued)
		return bases[len(bases)-1]()
	},
	open: append(openOfRequests("", "steps[0].", "steps[+]."),
		"ip_protocol", "accept_encoding", "tls_config.server_name",
		"no_proxy", "oauth2.grant_type", "oauth2.signature_algorithm", "oauth2.tls_config.server_name",
		// Who asks for a token, and what for. The file is read with another grant type only.
		"oauth2.client_id", "oauth2.client_certificate_key_id", "oauth2.iss", "oauth2.audience", "oauth2.scopes", "oauth2.client_certificate_key_file",
	),
	dials: func(address string) []any {
		return []any{
			&httpcheck.Config{URL: "http://" + address},
			&httpcheck.Config{URL: "https://" + address, KeepAlive: true},
			&httpcheck.Config{URL: "https://" + address, EnableHTTP2: true},
			&httpcheck.Config{URL: "http://192.0.2.1", ProxyURL: "http://" + address},
			&httpcheck.Config{URL: "https://192.0.2.1", ProxyURL: "socks5://" + address},
			&httpcheck.Config{URL: "http://" + address, Steps: []httpcheck.Step{{Name: "one"}, {Name: "two"}}},
			&httpcheck.Config{URL: "http://192.0.2.1", OAuth2: &promconfig.OAuth2{ClientID: "x", ClientSecret: "y", TokenURL: "http://" + address}},
		}
	},
	named: func(host string) any {
		return &httpcheck.Config{URL: "https://" + strings.Replace(host, "%", "%25", 1) + ":8443/health"}
	},
	fine: func(t testing.TB) []any {
		base := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "UP") })
		token := map[string]httpcheck.Extract{"token": {Regex: "(U)P", Secret: true}}
		return []any{
			&httpcheck.Config{URL: base}, &httpcheck.Config{URL: base, KeepAlive: true}, &httpcheck.Config{URL: base, ProxyURL: base},
			&httpcheck.Config{URL: base, KeepAlive: true, Steps: []httpcheck.Step{{Name: "one", Extract: token}, {Name: "two", URL: "/${step.token}"}}},
		}
	},
	runs: 10_000,
	servers: func(t *testing.T) []served {
		base := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "everything is up") })
		plain := served{
			name: "http", address: strings.TrimPrefix(base, "http://"), reason: healthcheck.ReasonBody,
			config: func(address string) any { return &httpcheck.Config{URL: "http://" + address} },
			wrong: func(address string) any {
				return &httpcheck.Config{URL: "http://" + address, Expect: httpcheck.Expect{BodyMatches: []string{"down"}}}
			},
			secure: func(address, caFile string) any {
				return &httpcheck.Config{URL: "https://" + address, TLSConfig: promconfig.TLSConfig{CAFile: caFile}}
			},
			denied: func(t *testing.T) any {
				return &httpcheck.Config{URL: serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })}
			},
		}
		kept := plain
		kept.name = "kept"
		kept.config = func(address string) any { return &httpcheck.Config{URL: "http://" + address, KeepAlive: true} }
		kept.secure = func(address, caFile string) any {
			return &httpcheck.Config{URL: "https://" + address, KeepAlive: true, TLSConfig: promconfig.TLSConfig{CAFile: caFile}}
		}
		pooled := plain
		pooled.name, pooled.address = "pooled", serveHTTP2(t)
		pooled.config = func(address string) any {
			return &httpcheck.Config{URL: "http://" + address, EnableHTTP2: true}
		}
		pooled.secure = func(address, caFile string) any {
			return &httpcheck.Config{URL: "https://" + address, EnableHTTP2: true, TLSConfig: promconfig.TLSConfig{CAFile: caFile}}
		}
		return []served{plain, kept, pooled}
	},
}

// serveHTTP2 returns the address of a server for HTTP/1.1 and 2 without TLS.
func serveHTTP2(t testing.TB) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "everything is up") }))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// openOfRequests returns what is open of a request and its answer.
func openOfRequests(prefixes ...string) (open []string) {
	for _, prefix := range prefixes {
		for _, path := range []string{
			"name", "method", "values", "extract", "expect.status", "expect.body_matches", "expect.body_not_matches", "expect.headers",
			"expect.headers_not_match", "expect.json", "expect.final_url", "expect.protocol_version", "expect.body_size.min", "expect.body_size.max",
		} {
			open = append(open, prefix+path)
		}
	}
	return open
}

// echoHTTP returns configurations of the kind http, the last of which fetches a token.
func echoHTTP(t testing.TB, token string) []func() any {
	base := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"access_token":"`+token+`","token_type":"bearer"}`)
			return
		}
		answer := echoes.answer(requestParts(r))
		if r.URL.Path == "/denied" {
			http.Error(w, answer, http.StatusBadRequest)
			return
		}
		w.Header().Set("X-Echo", strings.Map(func(c rune) rune {
			if c < ' ' {
				return ' '
			}
			return c
		}, answer))
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, answer)
	})
	teapot := httpcheck.Expect{Status: []string{"418"}, BodyMatches: []string{"^never$"}}
	flow := func(s httpcheck.Step) func() any {
		return func() any {
			s.Name = "one"
			return &httpcheck.Config{URL: base, Steps: []httpcheck.Step{s, {Name: "two"}}}
		}
	}
	return []func() any{
		flow(httpcheck.Step{URL: base + "/x", Method: "POST", Headers: map[string]string{"X-Key": "x"}, Body: "x", Expect: teapot}),
		flow(httpcheck.Step{URL: base, Expect: httpcheck.Expect{Status: []string{"418"}, JSON: []string{".a"}}}),
		flow(httpcheck.Step{URL: base, Expect: httpcheck.Expect{Status: []string{"418"}}, Extract: map[string]httpcheck.Extract{"a": {Regex: "(never)"}}}),
		func() any {
			return &httpcheck.Config{URL: base, Values: map[string]string{"a": ".b"}, Expect: httpcheck.Expect{Status: []string{"418"}}}
		},
		func() any {
			return &httpcheck.Config{URL: base, Expect: httpcheck.Expect{Status: []string{"418"}, HeadersNotMatch: map[string]string{"X-Echo": "."}}}
		},
		func() any {
			return &httpcheck.Config{URL: base, Expect: httpcheck.Expect{Status: []string{"418"}, FinalURL: "never"}}
		},
		func() any { return &httpcheck.Config{URL: base, Method: "POST", Body: "x", Expect: teapot} },
		func() any { return &httpcheck.Config{URL: base, EnableHTTP2: true, Expect: teapot} },
		func() any {
			return &httpcheck.Config{URL: base, Expect: httpcheck.Expect{Status: []string{"418"}, Headers: map[string]string{"X-Echo": "^never$"}}}
		},
		func() any { return &httpcheck.Config{URL: base, ProxyURL: base, Expect: teapot} },
		func() any {
			return &httpcheck.Config{URL: base, BasicAuth: &promconfig.BasicAuth{Username: "ann"}, Expect: teapot}
		},
		func() any {
			return &httpcheck.Config{URL: base, OAuth2: &promconfig.OAuth2{ClientID: "x", ClientSecret: "y", TokenURL: base + "/denied"}, Expect: teapot}
		},
		func() any {
			return &httpcheck.Config{URL: base, OAuth2: &promconfig.OAuth2{ClientID: "x", ClientSecret: "y", TokenURL: base + "/token"}, Expect: teapot}
		},
	}
}
