package config_test

import (
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
	promconfig "github.com/prometheus/common/config"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/dnscheck"
)

var conformDNS = conformer{
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
	fine: func(t testing.TB) []any {
		return []any{&dnscheck.Config{Name: "example.org", Type: "TXT", Server: serveTXT(t)}}
	},
	runs: 10_000,
	servers: func(t *testing.T) []served {
		address := serveTXTOver(t, "tcp")
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

// serveTXT answers each question with one text.
func serveTXT(t testing.TB) string { return serveTXTOver(t, "udp") }

func serveTXTOver(t testing.TB, network string) string {
	t.Helper()
	server := &dns.Server{Handler: dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		answer := new(dns.Msg).SetReply(m)
		answer.Answer = append(answer.Answer, &dns.TXT{
			Hdr: dns.RR_Header{Name: m.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{"some text"},
		})
		_ = w.WriteMsg(answer)
	})}
	var address net.Addr
	var err error
	if network == "udp" {
		server.PacketConn, err = new(net.ListenConfig).ListenPacket(t.Context(), network, "127.0.0.1:0")
		require.NoError(t, err)
		address = server.PacketConn.LocalAddr()
	} else {
		server.Listener, err = new(net.ListenConfig).Listen(t.Context(), network, "127.0.0.1:0")
		require.NoError(t, err)
		address = server.Listener.Addr()
	}
	started := make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	var done sync.WaitGroup
	done.Go(func() { _ = server.ActivateAndServe() })
	<-started
	t.Cleanup(func() {
		_ = server.Shutdown()
		done.Wait()
	})
	return address.String()
}
