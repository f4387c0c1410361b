package tcpcheck_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tcpcheck"
)

func TestConnects(t *testing.T) {
	for _, address := range []string{"127.0.0.1", "::1"} {
		t.Run(address, func(t *testing.T) {
			l := checktest.Listen(t, address)
			checktest.Serve(t, l, drain)
			r := run(t, tcpcheck.Config{Address: l.Addr().String()})
			checktest.RequireOK(t, r)
			v := values(r)
			assert.Positive(t, v["connect"])
			assert.Len(t, v, 1, "an address needs no lookup")
		})
	}
	t.Run("by name", func(t *testing.T) {
		_, port, err := net.SplitHostPort(serve(t, drain))
		require.NoError(t, err)
		r := run(t, tcpcheck.Config{Address: "localhost:" + port})
		checktest.RequireOK(t, r)
		v := values(r)
		assert.Positive(t, v["connect"])
		assert.Positive(t, v["resolve"])
		assert.Len(t, v, 2)
	})
}

// TestNames: an internationalized name is looked up in the form that the DNS has, and shown in the one that people read.
func TestNames(t *testing.T) {
	asked := make(chan string, 10)
	server := serveDNS(t, func(query []byte) []byte {
		select {
		case asked <- string(query):
		default:
		}
		query[2], query[3] = 0x80, 3 // NXDOMAIN
		return query
	})
	c := tcpcheck.Config{Address: "Bücher.example.:80"}
	r := runWith(t, c, server, 10*time.Second)
	assertFails(t, r, healthcheck.ReasonDNS, "resolve bücher.example.: lookup xn--bcher-kva.example.")
	assert.Contains(t, <-asked, "xn--bcher-kva")
	assert.Equal(t, "bücher.example.:80", c.Target())
}

func TestRefused(t *testing.T) {
	c := tcpcheck.Config{Address: checktest.Closed(t)}
	r := run(t, c)
	assertFails(t, r, healthcheck.ReasonConnect, "connect to "+c.Address+": connection refused")
	assert.Contains(t, values(r), "connect")
	assert.Equal(t, r.Details, run(t, c).Details, "the same in each run")

	_, port, err := net.SplitHostPort(c.Address)
	require.NoError(t, err)
	r = run(t, tcpcheck.Config{Address: "localhost:" + port})
	assertFails(t, r, healthcheck.ReasonConnect, "connect to localhost:"+port+" (")
}

func TestUnknownHost(t *testing.T) {
	server := serveDNS(t, func(query []byte) []byte {
		query[2], query[3] = 0x80, 3 // NXDOMAIN
		return query
	})
	r := runWith(t, tcpcheck.Config{Address: "nosuch.example.org.:80"}, server, 10*time.Second)
	assertFails(t, r, healthcheck.ReasonDNS, "resolve nosuch.example.org.: lookup nosuch.example.org.")
	assert.Contains(t, r.Details, "no such host")
	assert.Contains(t, values(r), "resolve")
	assert.NotContains(t, values(r), "connect")
}

func TestSilentResolver(t *testing.T) {
	server := serveDNS(t, func([]byte) []byte { return nil })
	start := time.Now()
	r := runWith(t, tcpcheck.Config{Address: "db.example.org.:80"}, server, checktest.Timeout)
	assertFails(t, r, healthcheck.ReasonDNS, "resolve db.example.org.: no answer in time")
	assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
}

// TestBlackHole: connections are taken and nothing is ever answered.
func TestBlackHole(t *testing.T) {
	address := serve(t, drain)
	for _, tc := range []struct {
		what    string
		config  tcpcheck.Config
		details string
	}{
		{"tls", tcpcheck.Config{Address: address, TLS: true}, "tls handshake with " + address + ": no answer in time"},
		{
			"line", tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Send: "PING\r\n", Expect: "PONG"}}},
			address + `: dialog[0]: no line matches "PONG" in time; it sent nothing`,
		},
		{
			"bytes", tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Send: "x"}, {ExpectBytes: "login: $"}}},
			address + `: dialog[1]: no answer matches "login: $" in time; it sent nothing`,
		},
	} {
		t.Run(tc.what, func(t *testing.T) {
			start := time.Now()
			r := runFor(t, tc.config, checktest.Timeout)
			assertFails(t, r, healthcheck.ReasonTimeout, tc.details)
			assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
			assert.Contains(t, values(r), "connect", "what it got as far as")
		})
	}
	t.Run("nobody reads", func(t *testing.T) {
		release := make(chan struct{})
		address := serve(t, func(net.Conn) { <-release })
		t.Cleanup(func() { close(release) })
		chk, err := tcpcheck.New(tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Send: strings.Repeat("x", 32<<20)}}})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), checktest.Timeout)
		defer cancel()
		start := time.Now()
		assertFails(t, chk.Check(ctx), healthcheck.ReasonTimeout, "dialog[0]: send: no answer in time")
		assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
	})
	t.Run("canceled", func(t *testing.T) {
		chk, err := tcpcheck.New(tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Expect: "x"}}})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		start := time.Now()
		assertFails(t, chk.Check(ctx), healthcheck.ReasonTimeout, "dialog[0]")
		assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
	})
}

func TestDialog(t *testing.T) {
	for _, tc := range []struct {
		what   string
		handle func(net.Conn)
		dialog []tcpcheck.Step
	}{
		{"mail", smtp, []tcpcheck.Step{
			{Expect: "^220 .* ESMTP"},
			{Send: "EHLO probe\r\n", Expect: "^250 "},
			{Send: "QUIT\r\n", Expect: "^221 bye$"},
		}},
		{"sent only", drain, []tcpcheck.Step{{Send: "x"}}},
		{"in pieces", say("+", "PO", "NG\r", "\n"), []tcpcheck.Step{{Expect: `^\+PONG$`}}},
		{"two answers at once", say("a\nb\nc\n"), []tcpcheck.Step{{Expect: "^a"}, {Expect: "^c$"}}},
		{"no line end before the end", sayAndClose("imok"), []tcpcheck.Step{{Send: "ruok", Expect: "^imok$"}}},
		{"prompts", say("login: "), []tcpcheck.Step{{ExpectBytes: "^login: $"}}},
		{"bytes, then the rest", say("\x00\x01hello\n"), []tcpcheck.Step{{ExpectBytes: `^\x00\x01`}, {Expect: "^hello$"}}},
		{"bytes that may be none", say("x"), []tcpcheck.Step{{ExpectBytes: ".*"}, {Send: "y"}}},
	} {
		t.Run(tc.what, func(t *testing.T) {
			r := run(t, tcpcheck.Config{Address: serve(t, tc.handle), Dialog: tc.dialog})
			checktest.RequireOK(t, r)
			assert.Positive(t, values(r)["dialog"])
		})
	}
}

func TestDialogFailures(t *testing.T) {
	endless := func(text string) func(net.Conn) {
		return func(conn net.Conn) {
			for {
				if _, err := conn.Write([]byte(text)); err != nil {
					return
				}
			}
		}
	}
	reset := func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1))
		_ = conn.(*net.TCPConn).SetLinger(0)
	}
	long := strings.Repeat("<\x1b[31m\xff>", 1000)
	for _, tc := range []struct {
		what    string
		handle  func(net.Conn)
		step    tcpcheck.Step
		reason  healthcheck.Reason
		details string
	}{
		{"closed", sayAndClose(""), tcpcheck.Step{Expect: "^220"}, healthcheck.ReasonProtocol, `: no line matches "^220": the peer closed the connection early; it sent nothing`},
		{"reset", reset, tcpcheck.Step{Send: "x", Expect: "^220"}, healthcheck.ReasonProtocol, `: no line matches "^220": connection reset by peer`},
		{"cut", sayAndClose("220 mail.exa"), tcpcheck.Step{Expect: "^220 .* ESMTP"}, healthcheck.ReasonProtocol, `the peer closed the connection early; it sent "220 mail.exa"`},
		{"cut bytes", sayAndClose("\x00\x01"), tcpcheck.Step{ExpectBytes: `^\x00\x01\x02`}, healthcheck.ReasonProtocol, `the peer closed the connection early; it sent "??"`},
		{"another answer", sayAndClose("hello\r\n554 no\r\n"), tcpcheck.Step{Expect: "^220"}, healthcheck.ReasonBody, `no line matches "^220" before the peer closed the connection; its last line is "554 no"`},
		{"another answer, and waiting", say("554 no\r\n"), tcpcheck.Step{Expect: "^220"}, healthcheck.ReasonTimeout, `no line matches "^220" in time; its last line is "554 no"`},
		{"endless lines", endless("x\r\n"), tcpcheck.Step{Expect: "^220"}, healthcheck.ReasonBody, `no line matches "^220" in the first 65536 bytes; `},
		{"endless line", endless("xxxxxxxx"), tcpcheck.Step{Expect: "^220"}, healthcheck.ReasonBody, `in the first 65536 bytes; it sent "xxxxxxxx`},
		{"endless bytes", endless("xxxxxxxx"), tcpcheck.Step{ExpectBytes: "y"}, healthcheck.ReasonBody, `bytes; it sent "xxxxxxxx`},
		{"garbage", sayAndClose(long + "\r\n"), tcpcheck.Step{Expect: "^220"}, healthcheck.ReasonBody, `its last line is "<?[31m?><?[31m?>`},
	} {
		t.Run(tc.what, func(t *testing.T) {
			timeout := 10 * time.Second
			if tc.reason == healthcheck.ReasonTimeout {
				timeout = checktest.Timeout
			}
			r := runFor(t, tcpcheck.Config{Address: serve(t, tc.handle), Dialog: []tcpcheck.Step{tc.step}}, timeout)
			assertFails(t, r, tc.reason, tc.details)
			assert.Positive(t, values(r)["dialog"])
		})
	}
}

// TestManySmallPieces: a peer that sends byte by byte does not make the check try its expression on each prefix.
func TestManySmallPieces(t *testing.T) {
	address := serve(t, func(conn net.Conn) {
		_ = conn.(*net.TCPConn).SetNoDelay(true)
		for {
			if _, err := conn.Write([]byte("x")); err != nil {
				return
			}
		}
	})
	r := run(t, tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{ExpectBytes: "(x+x+)+y"}}})
	assertFails(t, r, healthcheck.ReasonBody, "no answer matches")
}

func TestMaxLatency(t *testing.T) {
	address := serve(t, func(conn net.Conn) {
		<-time.After(50 * time.Millisecond)
		_, _ = conn.Write([]byte("220\r\n"))
		drain(conn)
	})
	c := tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{Expect: "^220"}}, MaxLatency: 20 * time.Millisecond}
	r := run(t, c)
	assertFails(t, r, healthcheck.ReasonLatency, ", want at most 20ms")
	assert.Positive(t, values(r)["dialog"])
	c.MaxLatency = time.Minute
	checktest.RequireOK(t, run(t, c))
}

func TestTLS(t *testing.T) {
	for _, tc := range certstest.Cases(t) {
		t.Run(tc.Name, func(t *testing.T) {
			l := tls.NewListener(checktest.Listen(t, "127.0.0.1"), &tls.Config{Certificates: []tls.Certificate{tc.Cert}})
			checktest.Serve(t, l, smtp)
			r := run(t, tcpcheck.Config{
				Address: l.Addr().String(), TLSConfig: &tc.Settings,
				Dialog: []tcpcheck.Step{{Expect: "^220 "}, {Send: "QUIT\r\n", Expect: "^221 "}},
			})
			v := values(r)
			if tc.Details == "" {
				checktest.RequireOK(t, r)
				assert.Positive(t, v["dialog"])
			} else {
				assertFails(t, r, healthcheck.ReasonTLS, "tls handshake with "+l.Addr().String()+": ")
				assert.Contains(t, r.Details, tc.Details)
				assert.NotContains(t, v, "dialog")
			}
			assert.Positive(t, v["tls"])
			assert.InDelta(t, tc.Verified, v["tls_certificate_verified"], 0)
			assert.InDelta(t, float64(time.Now().Unix()), v["tls_certificate_not_after_timestamp_seconds"], 4000)
		})
	}
}

func TestTLSFailures(t *testing.T) {
	for _, tc := range []struct {
		what    string
		handle  func(net.Conn)
		details string
	}{
		{"not TLS", say("220 mail.example.org ESMTP\r\n"), ": tls: first record does not look like a TLS handshake"},
		{"closed", func(conn net.Conn) { _, _ = conn.Read(make([]byte, 4096)) }, ": the peer closed the connection"},
		{"cut", func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = conn.Write([]byte{22, 3, 3, 0, 80, 2, 0})
		}, ": "},
		{"garbage", func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = conn.Write(append([]byte{22, 3, 3, 0, 80}, bytes.Repeat([]byte{7}, 80)...))
			drain(conn)
		}, ": "},
	} {
		t.Run(tc.what, func(t *testing.T) {
			address := serve(t, tc.handle)
			r := run(t, tcpcheck.Config{Address: address, TLS: true})
			assertFails(t, r, healthcheck.ReasonTLS, "tls handshake with "+address+tc.details)
		})
	}
}

func TestSecretsStayOutOfDetails(t *testing.T) {
	t.Run("repeated by the peer", func(t *testing.T) {
		r := runFor(t, tcpcheck.Config{Address: serve(t, smtp), Dialog: []tcpcheck.Step{
			{Expect: "^220"},
			{Send: "AUTH PLAIN 'hunter2' AGpvZQBodW50ZXIy\r\n", Expect: "^235"},
		}}, checktest.Timeout)
		assertFails(t, r, healthcheck.ReasonTimeout, `its last line is "535 refused: …"`)
	})
	t.Run("repeated in part", func(t *testing.T) {
		r := run(t, tcpcheck.Config{Address: serve(t, sayAndClose("unknown password hunt")), Dialog: []tcpcheck.Step{
			{Send: "hunter2\n", Expect: "^OK"},
		}})
		assertFails(t, r, healthcheck.ReasonProtocol, `it sent "unknown password …"`)
	})
	for name, said := range map[string]string{
		"decoded":      "bad password: hunter2 of joe",
		"encoded":      "bad password: aHVudGVyMg== 68756e74657232",
		"escaped":      `{"got":"hunter\u0032"} %68unter2`,
		"short of end": strings.Repeat("x", 197) + "hunter2hunter2",
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, tcpcheck.Config{Address: serve(t, sayAndClose(said+"\n")), Dialog: []tcpcheck.Step{
				{Send: "AGpvZQBodW50ZXIy\n", Expect: "^OK"},
			}})
			assertFails(t, r, healthcheck.ReasonBody, "…")
			for _, part := range []string{"hunt", "aHVudG", "6875", "%68", "joe"} {
				assert.NotContains(t, strings.ReplaceAll(r.Details, "xhun", ""), part)
			}
		})
	}
}
