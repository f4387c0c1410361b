package dnscheck_test

import (
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/dnscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

// withoutEDNS are ways in which servers and middle boxes meet a question with an OPT record that they do not know. Nil
// is silence.
var withoutEDNS = map[string]func(query []byte) []byte{
	"FORMERR": func(q []byte) []byte { return refuse(q, dns.RcodeFormatError, len(q)-11) }, // without the OPT
	"NOTIMP":  func(q []byte) []byte { return refuse(q, dns.RcodeNotImplemented, len(q)-11) },
	"FORMERR and the header only": func(q []byte) []byte {
		b := refuse(q, dns.RcodeFormatError, 12)
		b[5] = 0 // questions
		return b
	},
	"FORMERR and a header that promises more": func(q []byte) []byte { return refuse(q, dns.RcodeFormatError, 12) },
	"FORMERR and half of the question":        func(q []byte) []byte { return refuse(q, dns.RcodeFormatError, 20) },
	"silence":                                 func([]byte) []byte { return nil },
}

// refuse returns the first n bytes of the query as a response with the code.
func refuse(query []byte, rcode byte, n int) []byte {
	b := append([]byte(nil), query[:n]...)
	b[2] |= 0x80
	b[3] = b[3]&0xf0 | rcode
	b[11] = 0 // additional records
	return b
}

func hasEDNS(t *testing.T, query []byte) bool {
	t.Helper()
	var m dns.Msg
	assert.NoError(t, m.Unpack(query))
	return m.IsEdns0() != nil
}

func TestServersWithoutEDNS(t *testing.T) {
	answer := zone(t, records...)
	c := dnscheck.Config{Name: "www.example.org", Expect: dnscheck.Expect{Answers: []string{"192.0.2.1", "192.0.2.2", "2001:db8::1"}}}
	for name, refusal := range withoutEDNS {
		t.Run(name, func(t *testing.T) {
			asked := 0
			c := c
			c.Server = serveDatagrams(t, func(query []byte) [][]byte {
				asked++
				if !hasEDNS(t, query) {
					return [][]byte{pack(t, answer, query)}
				}
				if b := refusal(query); b != nil {
					return [][]byte{b, b} // a second one means nothing more
				}
				return nil
			})
			checktest.RequireOK(t, run(t, c))
			assert.Equal(t, 3, asked, "what is known of the server is kept for the second question")
		})
		t.Run(name+" within a short timeout", func(t *testing.T) {
			c := www(serveDatagrams(t, func(query []byte) [][]byte {
				if hasEDNS(t, query) {
					return nil
				}
				return [][]byte{pack(t, answer, query)}
			}), "")
			checktest.RequireOK(t, runFor(t, c, 3*time.Second))
		})
	}
}

// TestServersWithoutEDNSOverTCP: such a server may go on with the connection or not.
func TestServersWithoutEDNSOverTCP(t *testing.T) {
	answer := zone(t, records...)
	for name, refusal := range withoutEDNS {
		for _, closes := range []bool{true, false} {
			if !closes && refusal(make([]byte, 40)) == nil {
				continue // it hangs: there is no telling from one that is slow
			}
			t.Run(name, func(t *testing.T) {
				l, _ := listen(t)
				checktest.Serve(t, l, func(conn net.Conn) {
					co := &dns.Conn{Conn: conn}
					for {
						query, err := co.ReadMsgHeader(nil)
						if err != nil {
							return
						}
						reply := refusal
						if !hasEDNS(t, query) {
							reply = func(q []byte) []byte { return pack(t, answer, q) }
						}
						if b := reply(query); b != nil {
							_, _ = conn.Write(framed(b))
						}
						if closes {
							return
						}
					}
				})
				c := www(l.Addr().String(), "tcp")
				r := run(t, c)
				if name == "FORMERR and half of the question" {
					assertFails(t, r, healthcheck.ReasonProtocol, "malformed answer")
					return
				}
				checktest.RequireOK(t, r)
			})
		}
	}
}

// TestRefusedWithAndWithoutEDNS: the second answer counts, and where there is none, the first.
func TestRefusedWithAndWithoutEDNS(t *testing.T) {
	server := serve(t, rcodeOnly(dns.RcodeNotImplemented))
	assertFails(t, run(t, www(server, "")), healthcheck.ReasonDNS, "rcode NOTIMP, want NOERROR")
	assertFails(t, run(t, www(server, "tcp")), healthcheck.ReasonDNS, "rcode NOTIMP, want NOERROR")

	silent := serveDatagrams(t, func(query []byte) [][]byte {
		if hasEDNS(t, query) {
			return [][]byte{refuse(query, dns.RcodeFormatError, len(query)-11)}
		}
		return nil
	})
	assertFails(t, runFor(t, www(silent, ""), 3*time.Second), healthcheck.ReasonDNS, "rcode FORMERR, want NOERROR")
}
