package config_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
	promconfig "github.com/prometheus/common/config"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/dnscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/execcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/filesystemcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/httpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/memorycheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/statuscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tcpcheck"
)

var conformers = map[string]conformer{
	dnscheck.Kind: {
		echo: func(t *testing.T) []func() any {
			server := serveTXT(t)
			return []func() any{
				func() any {
					return &dnscheck.Config{Name: "example.org", Type: "TXT", Server: server, Expect: dnscheck.Expect{Matches: []string{"^never$"}}}
				},
				func() any { return &dnscheck.Config{Name: "example.org", Server: server, Protocol: "tls"} },
			}
		},
		open:   []string{"name", "type", "server", "protocol", "expect.rcode", "expect.answers", "expect.contains", "expect.matches", "expect.not_matches", "tls_config.server_name"},
		silent: func(t *testing.T) any { return &dnscheck.Config{Name: "example.org", Server: silentUDP(t)} },
		dials: func(address string) []any {
			return []any{
				&dnscheck.Config{Name: "example.org", Server: address, Protocol: "tcp"},
				&dnscheck.Config{Name: "example.org", Server: address, Protocol: "tls"},
			}
		},
		named: func(host string) any {
			name := "example.org"
			if strings.Contains(host, "ü") {
				name = host
			}
			return &dnscheck.Config{Name: name, Server: host + ":53"}
		},
		fine: func(t *testing.T) []any {
			return []any{&dnscheck.Config{Name: "example.org", Type: "TXT", Server: serveTXT(t)}}
		},
		runs: 10_000,
	},
	execcheck.Kind: {
		echo: func(*testing.T) []func() any {
			var bases []func() any
			for _, encode := range []string{"cat", "base64", "od -An -v -tx1", `sed 's/%/%25/g; s/&/%26/g; s/"/%22/g; s/</%3C/g; s/ /+/g'`} {
				bases = append(bases, func() any {
					return &execcheck.Config{
						Command: []string{"sh", "-c", `{ printf '%s ' "$@" "$X_PLANTED"; cat; } | ` + encode + ` | tr '\n' ' '; exit 1`, "sh"},
					}
				})
			}
			return append(bases, func() any {
				return &execcheck.Config{
					Command: []string{"sh", "-c", `printf "OK | '%s'=1 '%s'=2\n" "$2" "$X_PLANTED"`, "sh"},
					Format:  execcheck.FormatNagios,
				}
			})
		},
		open:   []string{"command[0]", "dir", "format", "inherit_env", "expect.output_matches", "expect.output_not_matches"},
		silent: func(*testing.T) any { return &execcheck.Config{Command: []string{"sleep", "600"}} },
		files:  []string{"command[0]", "dir"},
		fine:   func(*testing.T) []any { return []any{&execcheck.Config{Command: []string{"true"}}} },
		runs:   1000, // a run is a process
	},
	filesystemcheck.Kind: {
		echo: func(*testing.T) []func() any {
			return []func() any{func() any { return &filesystemcheck.Config{Path: "/nosuch"} }}
		},
		open: []string{"path", "min_free", "min_free_inodes"},
		fine: func(*testing.T) []any {
			return []any{&filesystemcheck.Config{Path: "/", MinFree: "0%", MinFreeInodes: "0%"}}
		},
		runs: 10_000,
	},
	httpcheck.Kind: {
		echo: func(t *testing.T) []func() any { return echoHTTP(t, "nothing") },
		fetching: func(t *testing.T) any {
			bases := echoHTTP(t, issued)
			return bases[len(bases)-1]()
		},
		open: []string{
			"method", "ip_protocol", "accept_encoding", "expect.status", "expect.body_matches", "expect.body_not_matches", "expect.headers", "tls_config.server_name",
			"no_proxy", "oauth2.grant_type", "oauth2.signature_algorithm", "oauth2.tls_config.server_name",
			// Who asks for a token, and what for. The file is read with another grant type only.
			"oauth2.client_id", "oauth2.client_certificate_key_id", "oauth2.iss", "oauth2.audience", "oauth2.scopes", "oauth2.client_certificate_key_file",
		},
		dials: func(address string) []any {
			return []any{
				&httpcheck.Config{URL: "http://" + address},
				&httpcheck.Config{URL: "https://" + address, KeepAlive: true},
				&httpcheck.Config{URL: "https://" + address, EnableHTTP2: true},
				&httpcheck.Config{URL: "http://192.0.2.1", ProxyURL: "http://" + address},
				&httpcheck.Config{URL: "https://192.0.2.1", ProxyURL: "socks5://" + address},
				&httpcheck.Config{URL: "http://192.0.2.1", OAuth2: &promconfig.OAuth2{ClientID: "x", ClientSecret: "y", TokenURL: "http://" + address}},
			}
		},
		named: func(host string) any {
			return &httpcheck.Config{URL: "https://" + strings.Replace(host, "%", "%25", 1) + ":8443/health"}
		},
		fine: func(t *testing.T) []any {
			base := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "UP") })
			return []any{&httpcheck.Config{URL: base}, &httpcheck.Config{URL: base, KeepAlive: true}, &httpcheck.Config{URL: base, ProxyURL: base}}
		},
		runs: 10_000,
	},
	memorycheck.Kind: {
		echo: func(*testing.T) []func() any {
			return []func() any{func() any { return &memorycheck.Config{MinAvailable: "100%"} }}
		},
		open: []string{"min_available", "source"},
		fine: func(*testing.T) []any { return []any{&memorycheck.Config{MinAvailable: "0%"}} },
		runs: 10_000,
	},
	statuscheck.Kind: {
		echo: func(t *testing.T) []func() any {
			base := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
				answer, _ := json.Marshal(echoes.answer(requestParts(r)))
				w.WriteHeader(http.StatusServiceUnavailable)
				_, _ = fmt.Fprintf(w, `{"status":"FAIL","statusChecks":{%s:{"status":{"result":"FAIL","details":%[1]s}}}}`, answer)
			})
			return []func() any{
				func() any { return &statuscheck.Config{URL: base} },
				func() any {
					return &statuscheck.Config{URL: base, BasicAuth: &promconfig.BasicAuth{Username: "ann", PasswordFile: "x"}}
				},
			}
		},
		open: []string{"accept_encoding", "components.include", "components.ignore", "tls_config.server_name"},
		dials: func(address string) []any {
			return []any{&statuscheck.Config{URL: "http://" + address}, &statuscheck.Config{URL: "https://" + address}}
		},
		named: func(host string) any {
			return &statuscheck.Config{URL: "http://" + strings.Replace(host, "%", "%25", 1) + ":8989/status"}
		},
		fine: func(t *testing.T) []any {
			return []any{&statuscheck.Config{URL: serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, `{"status":"OK","statusChecks":{}}`)
			})}}
		},
		runs: 10_000,
	},
	tcpcheck.Kind: {
		echo: func(t *testing.T) []func() any {
			address := serveTCP(t, func(conn net.Conn) {
				buf := make([]byte, 4096)
				n, _ := conn.Read(buf)
				_, _ = io.WriteString(conn, echoes.answer([]string{string(buf[:n])})+"\r\n")
			})
			return []func() any{
				func() any {
					return &tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Send: "AUTH " + plantHere + "\r\n", Expect: "^never$"}}}
				},
				func() any {
					return &tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Send: "x", ExpectBytes: "^never$"}}}
				},
				func() any { return &tcpcheck.Config{Address: address, TLSConfig: &promconfig.TLSConfig{}} },
			}
		},
		open: []string{"address", "dialog[0].expect", "dialog[0].expect_bytes", "dialog[+].expect", "dialog[+].expect_bytes", "tls_config.server_name"},
		dials: func(address string) []any {
			return []any{&tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Expect: "^220"}}}, &tcpcheck.Config{Address: address, TLS: true}}
		},
		named: func(host string) any { return &tcpcheck.Config{Address: host + ":25"} },
		fine: func(t *testing.T) []any {
			address := serveTCP(t, func(conn net.Conn) { _, _ = io.Copy(conn, conn) })
			return []any{&tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Send: "a\n", Expect: "^a$"}}}}
		},
		runs: 10_000,
	},
}

// echoHTTP returns configurations of the kind http, the last of which fetches a token.
func echoHTTP(t *testing.T, token string) []func() any {
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
	return []func() any{
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

// requestParts returns what a client has sent.
func requestParts(r *http.Request) []string {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	parts := []string{r.Method, r.Host, r.URL.Path, r.URL.RawQuery, string(body), r.RequestURI}
	for _, values := range r.URL.Query() {
		parts = append(parts, values...)
	}
	for _, values := range r.Header {
		parts = append(parts, values...)
	}
	return parts
}

// echoer answers with what a peer has got and must not be shown, in another spelling each time.
type echoer struct{ next, all atomic.Int64 }

// echoes is that of the peer in use.
var echoes echoer

func (e *echoer) answer(got []string) string {
	var list []string
	for _, part := range got {
		for _, spelling := range echoOf(part) {
			if leaks(spelling, issued) || slices.ContainsFunc(plants, func(p string) bool { return leaks(spelling, p) }) {
				list = append(list, strings.Join(strings.Fields(spelling), " "))
			}
		}
	}
	if len(list) == 0 {
		return "nothing"
	}
	slices.Sort(list)
	list = slices.Compact(list)
	e.all.Store(int64(len(list)))
	return "got " + list[int(e.next.Add(1))%len(list)] + " of you"
}

func serveHTTP(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	return u.String()
}

// serveTCP gives each connection to handle and closes it then.
func serveTCP(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var done sync.WaitGroup
	var mu sync.Mutex
	open := make(map[net.Conn]bool)
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[conn] = true
			mu.Unlock()
			done.Go(func() {
				handle(conn)
				_ = conn.Close()
				mu.Lock()
				defer mu.Unlock()
				delete(open, conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for conn := range open {
			_ = conn.Close()
		}
		mu.Unlock()
		done.Wait()
	})
	return l.Addr().String()
}

func silentTCP(t *testing.T) string {
	return serveTCP(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
}

func silentUDP(t *testing.T) string {
	t.Helper()
	p, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p.LocalAddr().String()
}

// serveTXT answers each question with one text.
func serveTXT(t *testing.T) string {
	t.Helper()
	p, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &dns.Server{PacketConn: p, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		answer := new(dns.Msg).SetReply(m)
		answer.Answer = append(answer.Answer, &dns.TXT{
			Hdr: dns.RR_Header{Name: m.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{"some text"},
		})
		_ = w.WriteMsg(answer)
	})}
	var done sync.WaitGroup
	done.Go(func() { _ = server.ActivateAndServe() })
	t.Cleanup(func() {
		_ = p.Close()
		done.Wait()
	})
	return p.LocalAddr().String()
}
