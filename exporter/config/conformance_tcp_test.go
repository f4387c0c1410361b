package config_test

import (
	"io"
	"net"
	"slices"
	"testing"

	promconfig "github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tcpcheck"
)

var conformTCP = conformer{
	echo: func(t *testing.T) []func() any {
		address := serveTCP(t, echoOnce)
		return []func() any{
			func() any {
				return &tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Send: "AUTH " + plantHere + "\r\n", Expect: "^never$"}}}
			},
			func() any {
				return &tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Send: "x", ExpectBytes: "^never$"}}}
			},
			func() any {
				return &tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Send: "AUTH " + plantHere + "\r\n", Expect: "^never$", Reject: []string{"^got"}}}}
			},
			func() any {
				return &tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Send: "AUTH " + plantHere + "\r\n", ExpectHex: "00"}}}
			},
			func() any {
				return &tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Send: "AUTH " + plantHere + "\r\n", StartTLS: true, Expect: "^got "}}}
			},
			func() any { return &tcpcheck.Config{Address: address, TLSConfig: &promconfig.TLSConfig{}} },
		}
	},
	// What a dialog captures is secret too, where it is said to be.
	fetching: func(t *testing.T) any {
		address := serveTCP(t, func(conn net.Conn) {
			_, _ = io.WriteString(conn, "nonce "+issued+"\r\n")
			echoOnce(conn)
		})
		return &tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{
			{Expect: "^nonce (?P<nonce>.*)$", Secret: []string{"nonce"}},
			{Send: "AUTH ${step.nonce}\r\n", Expect: "^never$", Reject: []string{"^got"}},
		}}
	},
	open: slices.Concat([]string{"address", "tls_config.server_name"}, openInDialogs),
	dials: func(address string) []any {
		return []any{
			&tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Expect: "^220"}}},
			&tcpcheck.Config{Address: address, TLS: true},
			&tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Send: "x", StartTLS: true}}},
		}
	},
	named: func(host string) any { return &tcpcheck.Config{Address: host + ":25"} },
	fine: func(t testing.TB) []any {
		address, config := serveKindTCP(t)
		simple := &tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Send: "a\n", Expect: "^a$"}}}
		return []any{simple, config(address)}
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

// serveKindTCP starts a peer, and returns what makes a configuration that is OK for it, at whatever address.
func serveKindTCP(t testing.TB) (address string, config func(address string) any) {
	address = serveTCP(t, func(conn net.Conn) { _, _ = io.Copy(conn, conn) })
	return address, func(address string) any {
		return &tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{
			{Send: "nonce: b\n", Expect: "^nonce: (?P<nonce>.*)$"},
			{Send: "a${step.nonce}\n", Expect: "^ab$", Reject: []string{"^a$"}},
			{SendHex: "00ff", ExpectHex: "00 ??"},
		}}
	}
}

// openInDialogs are the fields of the steps of a dialog that say what to expect.
var openInDialogs = []string{
	"dialog[0].expect", "dialog[0].expect_bytes", "dialog[0].expect_hex", "dialog[0].reject",
	"dialog[+].expect", "dialog[+].expect_bytes", "dialog[+].expect_hex", "dialog[+].reject",
}

// echoOnce answers what comes first.
func echoOnce(conn net.Conn) {
	buf := make([]byte, 4096)
	n, _ := conn.Read(buf)
	_, _ = io.WriteString(conn, echoes.answer([]string{string(buf[:n])})+"\r\n")
}
