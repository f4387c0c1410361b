package tcpcheck_test

import (
	"bufio"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tcpcheck"
)

// BenchmarkCheck runs checks of a server on loopback that sends back what it gets, and the same with bare connections.
func BenchmarkCheck(b *testing.B) {
	address := serve(b, func(conn net.Conn) { _, _ = io.Copy(conn, conn) })
	for name, dialog := range map[string][]tcpcheck.Step{
		"connect": nil,
		"line":    {{Send: "PING\n", Expect: "^PING$"}},
		"bytes":   {{Send: "PING", ExpectBytes: "^PING$"}},
		"mail":    {{Send: "220 ready\n", Expect: "^220 "}, {Send: "a\nb\n250 c\n", Expect: "^250 "}, {Send: "221 bye\n", Expect: "^221 "}},
	} {
		b.Run(name, func(b *testing.B) {
			chk, err := tcpcheck.New(tcpcheck.Config{Address: address, Dialog: dialog})
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if r := chk.Check(b.Context()); r.Failed() {
					b.Fatal(r.Details)
				}
			}
		})
	}
	b.Run("bare line", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			conn, err := new(net.Dialer).DialContext(b.Context(), "tcp", address)
			require.NoError(b, err)
			_, _ = io.WriteString(conn, "PING\n")
			_, err = bufio.NewReaderSize(conn, 512).ReadString('\n')
			require.NoError(b, err)
			_ = conn.Close()
		}
	})
}
