package config_test

import (
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

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
	fine: func(t *testing.T) []any {
		return []any{&dnscheck.Config{Name: "example.org", Type: "TXT", Server: serveTXT(t)}}
	},
	runs: 10_000,
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
