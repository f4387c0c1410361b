package config_test

import (
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/udpcheck"
)

var conformUDP = conformer{
	echo: func(t *testing.T) []func() any {
		address := serveUDP(t, func(got []byte) []byte { return []byte(echoes.answer([]string{string(got)})) })
		step := udpcheck.Step{Send: "AUTH " + plantHere, Expect: "^never$", Reject: []string{"^got", "^nothing$"}}
		return []func() any{
			func() any { return &udpcheck.Config{Address: address, Dialog: []udpcheck.Step{step}} },
			func() any {
				return &udpcheck.Config{Address: address, ExpectNothing: true, Dialog: []udpcheck.Step{{Send: "AUTH " + plantHere, Reject: []string{"^got"}}}}
			},
		}
	},
	open: slices.Concat([]string{"address"}, openInDialogs),
	silent: func(t *testing.T) any {
		return &udpcheck.Config{Address: silentUDP(t), Dialog: []udpcheck.Step{{Send: "x", Expect: "^x"}}}
	},
	named: func(host string) any {
		return &udpcheck.Config{Address: host + ":123", Dialog: []udpcheck.Step{{Send: "x", Expect: "^x"}}}
	},
	fine: func(t testing.TB) []any {
		return []any{&udpcheck.Config{
			Address: serveUDP(t, func(got []byte) []byte { return got }),
			Dialog:  []udpcheck.Step{{Send: "nonce: b", Expect: "^nonce: (?P<nonce>.*)$"}, {SendHex: "ff ${step.nonce}", ExpectHex: "ff 62"}},
		}}
	},
	runs: 10_000,
}

// serveUDP answers each datagram with one.
func serveUDP(t testing.TB, answer func(got []byte) []byte) string {
	t.Helper()
	p, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	var done sync.WaitGroup
	done.Go(func() {
		for buf := make([]byte, 4096); ; {
			n, from, err := p.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = p.WriteTo(answer(buf[:n]), from)
		}
	})
	t.Cleanup(func() {
		_ = p.Close()
		done.Wait()
	})
	return p.LocalAddr().String()
}
