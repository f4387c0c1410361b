package dnscheck_test

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/dnscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

func www(server, protocol string) dnscheck.Config {
	return dnscheck.Config{Name: "www.example.org", Type: "A", Server: server, Protocol: protocol}
}

func TestRefused(t *testing.T) {
	l, p := listen(t)
	require.NoError(t, l.Close())
	require.NoError(t, p.Close())
	for protocol, phase := range map[string]string{"udp": "query over udp", "tcp": "connect to " + l.Addr().String(), "tls": "connect to " + l.Addr().String()} {
		t.Run(protocol, func(t *testing.T) {
			c := www(l.Addr().String(), protocol)
			r := run(t, c)
			assertFails(t, r, healthcheck.ReasonConnect, phase+": connection refused")
			assert.Equal(t, r.Details, run(t, c).Details, "the same in each run")
		})
	}
}

// TestBlackHole: the sockets take what comes and never answer; nobody accepts the connections.
func TestBlackHole(t *testing.T) {
	l, _ := listen(t)
	for protocol, phase := range map[string]string{"udp": "query over udp", "tcp": "query over tcp", "tls": "tls handshake with " + l.Addr().String()} {
		t.Run(protocol, func(t *testing.T) {
			start := time.Now()
			r := runFor(t, www(l.Addr().String(), protocol), checktest.Timeout)
			assertFails(t, r, healthcheck.ReasonTimeout, phase+": no answer in time")
			assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
			assert.Empty(t, values(r))
		})
	}
}

func TestServerByName(t *testing.T) {
	known := serve(t, zone(t, "ns.example.org. 60 IN A 127.0.0.1"))
	_, port, err := net.SplitHostPort(serve(t, zone(t, records...)))
	require.NoError(t, err)
	checktest.RequireOK(t, resolve(t, www("ns.example.org.:"+port, ""), known, 10*time.Second))

	r := resolve(t, www("nosuch.example.org.", ""), known, 10*time.Second)
	assertFails(t, r, healthcheck.ReasonDNS, ": resolve nosuch.example.org.: lookup nosuch.example.org.")
}

func TestSlowAnswerIsOK(t *testing.T) {
	answer := zone(t, records...)
	server := serve(t, func(w dns.ResponseWriter, req *dns.Msg) {
		<-time.After(100 * time.Millisecond)
		answer(w, req)
	})
	checktest.RequireOK(t, run(t, www(server, "")))
	r := runFor(t, www(server, ""), 20*time.Millisecond)
	assertFails(t, r, healthcheck.ReasonTimeout, "query over udp: no answer in time")
}

func TestLostDatagramIsSentAgain(t *testing.T) {
	answer := zone(t, records...)
	var queries atomic.Int32
	server := serveDatagrams(t, func(query []byte) [][]byte {
		if queries.Add(1) == 1 {
			return nil
		}
		return [][]byte{pack(t, answer, query)}
	})
	checktest.RequireOK(t, run(t, www(server, "")))
	assert.EqualValues(t, 2, queries.Load())
}

// corruptions turn a right answer into one that must not be believed.
var corruptions = map[string]func([]byte) []byte{
	"garbage":         func([]byte) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") },
	"nothing":         func([]byte) []byte { return nil },
	"less than an id": func([]byte) []byte { return []byte{1} },
	"wrong id": func(b []byte) []byte {
		binary.BigEndian.PutUint16(b, binary.BigEndian.Uint16(b)+1)
		return b
	},
	"query": func(b []byte) []byte {
		b[2] &^= 0x80
		return b
	},
	"wrong name": func(b []byte) []byte {
		b[13]++
		return b
	},
	"wrong type": func(b []byte) []byte {
		b[12+len("\x03www\x07example\x03org\x00")+1]++
		return b
	},
	"no question": func(b []byte) []byte {
		return append(append(b[:4:4], 0, 0, 0, 0, 0, 0, 0, 0), b[12:]...)
	},
}

func TestForgedDatagramsAreIgnored(t *testing.T) {
	answer := zone(t, records...)
	for name, corrupt := range corruptions {
		t.Run(name, func(t *testing.T) {
			forged := serveDatagrams(t, func(query []byte) [][]byte { return [][]byte{corrupt(pack(t, answer, query))} })
			r := runFor(t, www(forged, ""), checktest.Timeout)
			assertFails(t, r, healthcheck.ReasonTimeout, "what came was no answer to the question")

			both := serveDatagrams(t, func(query []byte) [][]byte {
				return [][]byte{corrupt(pack(t, answer, query)), pack(t, answer, query)}
			})
			checktest.RequireOK(t, run(t, www(both, "")))
		})
	}
}

func TestForgedStreamsFail(t *testing.T) {
	answer := zone(t, records...)
	for name, corrupt := range corruptions {
		t.Run(name, func(t *testing.T) {
			server := serveStream(t, func(query []byte) []byte { return framed(corrupt(pack(t, answer, query))) })
			assertFails(t, run(t, www(server, "tcp")), healthcheck.ReasonProtocol, "query over tcp: ")
		})
	}
	for name, reply := range map[string]func([]byte) []byte{
		"cut before the length": func([]byte) []byte { return nil },
		"cut in the length":     func(b []byte) []byte { return b[:1] },
		"cut in the message":    func(b []byte) []byte { return b[:30] },
		"unframed":              func([]byte) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			server := serveStream(t, func(query []byte) []byte { return reply(framed(pack(t, answer, query))) })
			assertFails(t, run(t, www(server, "tcp")), healthcheck.ReasonProtocol, "closed the connection before the end of its answer")
		})
	}
}

func TestMalformedDatagram(t *testing.T) {
	answer := zone(t, records...)
	server := serveDatagrams(t, func(query []byte) [][]byte {
		b := pack(t, answer, query)
		return [][]byte{b[:len(b)-3]}
	})
	assertFails(t, run(t, www(server, "")), healthcheck.ReasonProtocol, "query over udp: malformed answer: ")
}

func TestDatagramBeyondTheBuffer(t *testing.T) {
	server := serveDatagrams(t, func(query []byte) [][]byte {
		b := pack(t, zone(t, records...), query)
		binary.BigEndian.PutUint16(b[6:], 1000) // answers
		return [][]byte{append(b, make([]byte, 60000)...)}
	})
	assertFails(t, run(t, www(server, "")), healthcheck.ReasonProtocol, "malformed answer")
}

func TestTruncated(t *testing.T) {
	truncate := func(w dns.ResponseWriter, req *dns.Msg) {
		m := new(dns.Msg).SetReply(req)
		m.Truncated = true
		_ = w.WriteMsg(m)
	}
	t.Run("the answer comes over tcp", func(t *testing.T) {
		l, p := listen(t)
		activate(t, &dns.Server{Listener: l, Handler: zone(t, records...)})
		activate(t, &dns.Server{PacketConn: p, Handler: dns.HandlerFunc(truncate)})
		c := www(l.Addr().String(), "udp")
		c.Expect.Answers = []string{"192.0.2.1", "192.0.2.2"}
		checktest.RequireOK(t, run(t, c))
	})
	t.Run("cut within a record", func(t *testing.T) {
		server := serveDatagrams(t, func(query []byte) [][]byte {
			b := pack(t, zone(t, records...), query)
			b[2] |= 0x02
			return [][]byte{b[:len(b)-3]}
		})
		r := runFor(t, www(server, ""), checktest.Timeout)
		assertFails(t, r, healthcheck.ReasonTimeout, "query over tcp: no answer in time")
	})
	t.Run("no tcp", func(t *testing.T) {
		r := run(t, www(serveUDP(t, truncate), ""))
		assertFails(t, r, healthcheck.ReasonConnect, "the answer over udp is truncated: connect to ")
	})
}

func TestOverTLS(t *testing.T) {
	for _, tc := range certstest.Cases(t) {
		t.Run(tc.Name, func(t *testing.T) {
			raw, _ := listen(t)
			l := tls.NewListener(raw, &tls.Config{Certificates: []tls.Certificate{tc.Cert}})
			activate(t, &dns.Server{Listener: l, Handler: zone(t, records...)})
			c := www(raw.Addr().String(), "tls")
			c.TLSConfig = &tc.Settings
			r := run(t, c)
			if tc.Details == "" {
				checktest.RequireOK(t, r)
			} else {
				assertFails(t, r, healthcheck.ReasonTLS, "tls handshake with "+raw.Addr().String()+": ")
				assert.Contains(t, r.Details, tc.Details)
			}
			assert.InDelta(t, tc.Verified, values(r)["tls_certificate_verified"], 0)
			if c.MinValidity = 20 * 365 * 24 * time.Hour; tc.Details == "" {
				assertFails(t, run(t, c), healthcheck.ReasonTLS, "the certificate chain expires at ")
			}
			assert.Positive(t, values(r)["tls_certificate_not_after_timestamp_seconds"])
		})
	}
	for _, tc := range []struct {
		what, greeting, details string
	}{
		{"not TLS", "220 mail.example.org ESMTP\r\n", ": tls: first record does not look like"},
		{"reset", "", ": connection reset by peer"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			l, _ := listen(t)
			done := make(chan struct{})
			go func() {
				defer close(done)
				conn, err := l.Accept()
				if !assert.NoError(t, err) {
					return
				}
				_, _ = conn.Write([]byte(tc.greeting))
				_, _ = conn.Read(make([]byte, 1))
				_ = conn.(*net.TCPConn).SetLinger(0)
				if tc.greeting != "" {
					_, _ = io.Copy(io.Discard, conn)
				}
				_ = conn.Close()
			}()
			assertFails(t, run(t, www(l.Addr().String(), "tls")), healthcheck.ReasonTLS, tc.details)
			<-done
		})
	}
}

// TestInternationalName: a name is asked for in ASCII, and shown as people write it.
func TestInternationalName(t *testing.T) {
	server := serve(t, zone(t, "xn--bcher-kva.example. 60 IN A 192.0.2.1"))
	for _, name := range []string{"bücher.example.", "BÜCHER.example.", "xn--bcher-kva.example."} {
		c := dnscheck.Config{Name: name, Type: "A", Expect: dnscheck.Expect{Answers: []string{"192.0.2.1"}}}
		checktest.RequireOK(t, resolve(t, c, server, 10*time.Second))
		c.Server = server
		checktest.RequireOK(t, run(t, c))
		c.Expect.Answers = []string{"192.0.2.2"}
		assertFails(t, run(t, c), healthcheck.ReasonBody, name+" A at "+server+": ")
	}
	alias := serve(t, zone(t, "example.org. 60 IN MX 10 mail.xn--bcher-kva.example."))
	checktest.RequireOK(t, run(t, dnscheck.Config{
		Name: "example.org", Type: "MX", Server: alias, Expect: dnscheck.Expect{Answers: []string{"10 mail.bücher.example"}},
	}))
	_, port, err := net.SplitHostPort(server)
	require.NoError(t, err)
	known := serve(t, zone(t, "xn--bcher-kva.example. 60 IN A 127.0.0.1"))
	c := dnscheck.Config{Name: "xn--bcher-kva.example.", Server: "bücher.example.:" + port}
	checktest.RequireOK(t, resolve(t, c, known, 10*time.Second))
}
