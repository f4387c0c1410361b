package config_test

import (
	"io"
	"net"
	"testing"

	promconfig "github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tcpcheck"
)

var conformTCP = conformer{
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
	fine: func(t testing.TB) []any {
		address := serveTCP(t, func(conn net.Conn) { _, _ = io.Copy(conn, conn) })
		return []any{&tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Send: "a\n", Expect: "^a$"}}}}
	},
	runs: 10_000,
	servers: func(t *testing.T) []served {
		address := serveTCP(t, func(conn net.Conn) {
			_, _ = io.WriteString(conn, "220 mail.example.org ready\r\n")
			_, _ = io.Copy(conn, conn)
		})
		dialog := func(want string) []tcpcheck.Step {
			return []tcpcheck.Step{{Expect: want}, {Send: "QUIT\r\n", Expect: "^QUIT$"}}
		}
		return []served{{
			name: "tcp", address: address, reason: healthcheck.ReasonTimeout, // more may come
			config: func(address string) any { return &tcpcheck.Config{Address: address, Dialog: dialog("^220 .* ready$")} },
			wrong: func(address string) any {
				return &tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Expect: "^220"}, {Send: "a", ExpectBytes: "^b"}}}
			},
			secure: func(address, caFile string) any {
				return &tcpcheck.Config{Address: address, Dialog: dialog("^220"), TLSConfig: &promconfig.TLSConfig{CAFile: caFile}}
			},
		}}
	},
}
