package config_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
	promconfig "github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/dnscheck"
)

var conformDNS = conformer{
	echo: func(t *testing.T) []func() any {
		server := serveTXT(t)
		web := echoHTTPS(t)
		insecure := &promconfig.TLSConfig{InsecureSkipVerify: true}
		return []func() any{
			func() any {
				return &dnscheck.Config{Name: "example.org", Type: "TXT", Server: server, Expect: dnscheck.Expect{Matches: []string{"^never$"}}}
			},
			func() any { return &dnscheck.Config{Name: "example.org", Server: server, Protocol: "tls"} },
			func() any {
				return &dnscheck.Config{Name: "example.org", Type: "TXT", Server: web, Protocol: "https", TLSConfig: insecure, Expect: dnscheck.Expect{Matches: []string{"^never$"}}}
			},
			func() any {
				return &dnscheck.Config{Name: "example.org", Type: "TXT", Server: web, Protocol: "https", Method: "GET", TLSConfig: insecure, Expect: dnscheck.Expect{Matches: []string{"^never$"}}}
			},
			func() any {
				return &dnscheck.Config{Name: "example.org", Type: "SOA", Servers: []string{server, "127.0.0.1:1"}, NSID: true}
			},
		}
	},
	open: []string{
		"name", "type", "class", "server", "servers", "protocol", "method", "ip_protocol", "tls_config.server_name",
		"expect.rcode", "expect.rcodes", "expect.answers", "expect.contains", "expect.not_contains", "expect.matches", "expect.not_matches",
		"expect.flags", "expect.no_flags", "expect.nsid",
		"expect.authority.records", "expect.authority.contains", "expect.authority.not_contains", "expect.authority.matches", "expect.authority.not_matches",
		"expect.additional.records", "expect.additional.contains", "expect.additional.not_contains", "expect.additional.matches", "expect.additional.not_matches",
	},
	silent: func(t *testing.T) any { return &dnscheck.Config{Name: "example.org", Server: silentUDP(t)} },
	dials: func(address string) []any {
		return []any{
			&dnscheck.Config{Name: "example.org", Server: address, Protocol: "tcp"},
			&dnscheck.Config{Name: "example.org", Server: address, Protocol: "tls"},
			&dnscheck.Config{Name: "example.org", Server: address, Protocol: "https"},
			&dnscheck.Config{Name: "example.org", Servers: []string{address, strings.Replace(address, "127.0.0.1", "localhost", 1)}, Protocol: "tcp"},
		}
	},
	named: func(host string) any {
		name := "example.org"
		if strings.Contains(host, "ü") {
			name = host
		}
		return &dnscheck.Config{Name: name, Server: host + ":53"}
	},
	fine: func(t testing.TB) []any {
		udp := serveTXT(t)
		tcp, config := serveDNS(t)
		return []any{
			&dnscheck.Config{Name: "example.org", Type: "TXT", Server: udp},
			config(tcp),
			&dnscheck.Config{Name: "example.org", Type: "TXT", Servers: []string{udp, strings.Replace(udp, "127.0.0.1", "localhost", 1)}},
			&dnscheck.Config{Name: "example.org", Type: "TXT", Server: echoHTTPS(t), Protocol: "https", TLSConfig: &promconfig.TLSConfig{InsecureSkipVerify: true}},
		}
	},
	runs: 10_000,
	servers: func(t *testing.T) []served {
		address, _ := serveDNS(t)
		config := func(address, want string) *dnscheck.Config {
			return &dnscheck.Config{Name: "example.org", Type: "TXT", Server: address, Protocol: "tcp", Expect: dnscheck.Expect{Contains: []string{want}}}
		}
		return []served{{
			name: "tcp", address: address, reason: healthcheck.ReasonBody,
			config: func(address string) any { return config(address, "some text") },
			wrong:  func(address string) any { return config(address, "another text") },
			secure: func(address, caFile string) any {
				c := config(address, "some text")
				c.Protocol, c.TLSConfig = "tls", &promconfig.TLSConfig{CAFile: caFile}
				return c
			},
		}}
	},
}

// textOf answers each question with one text.
func textOf(m *dns.Msg, text string) *dns.Msg {
	answer := new(dns.Msg).SetReply(m)
	answer.Answer = append(answer.Answer, &dns.TXT{
		Hdr: dns.RR_Header{Name: m.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{text},
	})
	return answer
}

// serveTXT answers over UDP.
func serveTXT(t testing.TB) string {
	t.Helper()
	p, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	startDNS(t, p, &dns.Server{PacketConn: p})
	return p.LocalAddr().String()
}

// serveDNS starts a server that speaks TCP, and returns its address, and what makes a configuration which is OK for it at any address.
func serveDNS(t testing.TB) (address string, config func(address string) any) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	startDNS(t, l, &dns.Server{Listener: l})
	return l.Addr().String(), func(address string) any {
		return &dnscheck.Config{Name: "example.org", Type: "TXT", Server: address, Protocol: "tcp", Expect: dnscheck.Expect{Answers: []string{"some text"}}}
	}
}

func startDNS(t testing.TB, socket io.Closer, server *dns.Server) {
	t.Helper()
	server.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) { _ = w.WriteMsg(textOf(m, "some text")) })
	started := make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	var done sync.WaitGroup
	done.Go(func() { _ = server.ActivateAndServe() })
	<-started
	t.Cleanup(func() {
		_ = server.Shutdown()
		_ = socket.Close()
		done.Wait()
	})
}

// echoHTTPS answers over HTTPS with a text in which all of the request is.
func echoHTTPS(t testing.TB) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		var m dns.Msg
		if r.Method == http.MethodPost {
			assert.NoError(t, m.Unpack(body))
		} else {
			m.SetQuestion("example.org.", dns.TypeTXT)
			m.Id = 0
		}
		b, err := textOf(&m, dns.Fqdn(r.URL.RawQuery[:min(len(r.URL.RawQuery), 200)])).Pack()
		assert.NoError(t, err)
		w.Header().Set("Content-Type", "application/dns-message")
		_, _ = w.Write(b)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL + "/dns-query"
}
