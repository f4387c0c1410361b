package tlscheck_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tlscheck"
)

func drain(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// script says the first text, then, for each request that ends with one of the others' keys, its answer.
func script(first string, answers ...[2]string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, first)
		for _, a := range answers {
			var heard strings.Builder
			for b := make([]byte, 1); !strings.HasSuffix(heard.String(), a[0]); {
				if _, err := conn.Read(b); err != nil {
					return
				}
				heard.Write(b)
			}
			_, _ = io.WriteString(conn, a[1])
		}
	}
}

const (
	features  = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'><stream:features>"
	offerXMPP = features + "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
	ldapOK    = "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"
	ldapLong  = "\x30\x82\x00\x11\x02\x01\x01\x78\x81\x0b\x0a\x01\x00\x04\x00\x04\x04none"
	ldapNo    = "\x30\x0e\x02\x01\x01\x78\x09\x0a\x01\x02\x04\x00\x04\x02no"
	sslAsked  = "\x00\x00\x00\x08\x04\xd2\x16\x2f"
	ldapAsked = "1.3.6.1.4.1.1466.20037"
)

// greetMySQL returns the greeting of a server with the flags.
func greetMySQL(flags uint16) string {
	body := "\x0a10.11.4-MariaDB\x00" + "\x01\x00\x00\x00" + "12345678" + "\x00" + string(binary.LittleEndian.AppendUint16(nil, flags)) + "\x21\x02\x00\x00\x00\x15" + strings.Repeat("\x00", 23)
	return string([]byte{byte(len(body)), 0, 0, 0}) + body
}

const sslRequest = "\x2d" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func TestStartTLS(t *testing.T) {
	ca := certstest.NewCA(t)
	cert := ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")
	for _, tc := range []struct {
		protocol, what string
		peer           func(net.Conn)
		reason         healthcheck.Reason
		details        string
	}{
		{"smtp", "good", script("220-a\r\n220 b\r\n", [2]string{"EHLO localhost\r\n", "250-a\r\n250-SIZE 1\r\n250 starttls\r\n"}, [2]string{"STARTTLS\r\n", "220 go\r\n"}), 0, ""},
		{"smtp", "not offered", script("220 b\r\n", [2]string{"EHLO localhost\r\n", "250-STARTTLS.example.org\r\n250 SIZE 1\r\n"}), healthcheck.ReasonTLS, "does not offer STARTTLS"},
		{"smtp", "closed to us", script("554 no\r\n"), healthcheck.ReasonTLS, `does not begin TLS: "554 no"`},
		{"smtp", "later", script("220 b\r\n", [2]string{"EHLO localhost\r\n", "250-a\r\n250 STARTTLS\r\n"}, [2]string{"STARTTLS\r\n", "454 not now\r\n"}), healthcheck.ReasonTLS, `"454 not now"`},
		{"smtp", "more than the answer", script("220 b\r\n", [2]string{"EHLO localhost\r\n", "250-a\r\n250 STARTTLS\r\n"}, [2]string{"STARTTLS\r\n", "220 go\r\n250 ok\r\n"}), healthcheck.ReasonProtocol, "more than its answer before TLS"},
		{"smtp", "no reply", script("SSH-2.0-OpenSSH\r\n"), healthcheck.ReasonProtocol, `no reply with a code: "SSH-2.0-OpenSSH"`},
		{"smtp", "endless", script(strings.Repeat("220-a\r\n", 5000)), healthcheck.ReasonProtocol, "more than 16384 bytes"},
		{"imap", "good", script("* OK [CAPABILITY STARTTLS] ready\r\n", [2]string{"a STARTTLS\r\n", "* x\r\na OK go\r\n"}), 0, ""},
		{"imap", "refused", script("* OK ready\r\n", [2]string{"a STARTTLS\r\n", "a BAD no\r\n"}), healthcheck.ReasonTLS, `"a BAD no"`},
		{"imap", "bye", script("* BYE full\r\n"), healthcheck.ReasonTLS, `"* BYE full"`},
		{"imap", "another", script("220 mail\r\n"), healthcheck.ReasonProtocol, "not one of IMAP"},
		{"pop3", "good", script("+OK ready\r\n", [2]string{"STLS\r\n", "+OK\r\n"}), 0, ""},
		{"pop3", "refused", script("+OK ready\r\n", [2]string{"STLS\r\n", "-ERR no\r\n"}), healthcheck.ReasonTLS, `"-ERR no"`},
		{"pop3", "another", script("220 mail\r\n"), healthcheck.ReasonProtocol, "not one of POP3"},
		{"ftp", "good", script("220 x\r\n", [2]string{"AUTH TLS\r\n", "234 go\r\n"}), 0, ""},
		{"ftp", "refused", script("220 x\r\n", [2]string{"AUTH TLS\r\n", "530 no\r\n"}), healthcheck.ReasonTLS, `"530 no"`},
		{"ldap", "good", script("", [2]string{ldapAsked, ldapOK}), 0, ""},
		{"ldap", "long lengths", script("", [2]string{ldapAsked, ldapLong}), 0, ""},
		{"ldap", "refused", script("", [2]string{ldapAsked, ldapNo}), healthcheck.ReasonTLS, `result code 2: "no"`},
		{"ldap", "another", script("", [2]string{ldapAsked, "220 hello\r\n"}), healthcheck.ReasonProtocol, "not one of LDAP"},
		{"ldap", "huge", script("", [2]string{ldapAsked, "\x30\x84\xff\xff\xff\xff"}), healthcheck.ReasonProtocol, "not one of LDAP"},
		{"postgres", "good", script("", [2]string{sslAsked, "S"}), 0, ""},
		{"postgres", "refused", script("", [2]string{sslAsked, "N"}), healthcheck.ReasonTLS, "does not offer TLS"},
		{"postgres", "another", script("", [2]string{sslAsked, "E"}), healthcheck.ReasonProtocol, "not one of PostgreSQL"},
		{"mysql", "good", script(greetMySQL(1<<11), [2]string{sslRequest, ""}), 0, ""},
		{"mysql", "not offered", script(greetMySQL(0)), healthcheck.ReasonTLS, "does not offer TLS"},
		{"mysql", "blocked", script("\x13\x00\x00\x00\xff\x69\x04Host is blocked!"), healthcheck.ReasonTLS, `"Host is blocked!"`},
		{"mysql", "cut", script("\x03\x00\x00\x00\x0a5\x00"), healthcheck.ReasonProtocol, "is cut"},
		{"mysql", "another", script("220 hello\r\n"), healthcheck.ReasonProtocol, "not one of MySQL"},
		{"xmpp", "good", script("", [2]string{"version='1.0'>", offerXMPP}, [2]string{"/>", "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"}), 0, ""},
		{"xmpp", "not offered", script("", [2]string{"version='1.0'>", features + "</stream:features>"}), healthcheck.ReasonTLS, "does not offer STARTTLS"},
		{"xmpp", "refused", script("", [2]string{"version='1.0'>", offerXMPP}, [2]string{"/>", "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"}), healthcheck.ReasonTLS, "<failure"},
		{"xmpp", "another host", script("", [2]string{"version='1.0'>", "<stream:stream><stream:error><host-unknown/></stream:error>"}), healthcheck.ReasonTLS, "host-unknown"},
		{"xmpp", "endless", script("", [2]string{"version='1.0'>", strings.Repeat("<a>", 20000)}), healthcheck.ReasonProtocol, "more than 16384 bytes"},
	} {
		t.Run(tc.protocol+" "+tc.what, func(t *testing.T) {
			address := serve(t, cert, tc.peer)
			r := run(t, tlscheck.Config{Address: address, StartTLS: tc.protocol, TLSConfig: &config.TLSConfig{CA: ca.PEM}})
			m := measured(r)
			assert.Positive(t, m["tls_phase_duration_seconds starttls"])
			if tc.reason == healthcheck.ReasonNone {
				checktest.RequireOK(t, r)
				assert.InDelta(t, 1, m["tls_certificate_verified"], 0)
				assert.Positive(t, m["tls_phase_duration_seconds tls"])
				return
			}
			assertFails(t, r, tc.reason, tc.details)
			assert.Contains(t, r.Details, tc.protocol+" with "+address+": ")
		})
	}
}

// TestStartTLSEnds: a server that is silent, or closes the connection, is told as such in each protocol.
func TestStartTLSEnds(t *testing.T) {
	closing, silent := checktest.Listen(t, "127.0.0.1"), checktest.Listen(t, "127.0.0.1")
	checktest.Serve(t, closing, func(conn net.Conn) { _, _ = bufio.NewReader(conn).ReadByte() })
	checktest.Serve(t, silent, drain)
	for _, protocol := range []string{"ftp", "imap", "ldap", "mysql", "pop3", "postgres", "smtp", "xmpp"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			c := tlscheck.Config{Address: silent.Addr().String(), StartTLS: protocol}
			assertFails(t, checktest.Run(t, tlscheck.New, c, checktest.Timeout), healthcheck.ReasonTimeout, protocol+" with "+c.Address+": no answer in time")
			if protocol == "ldap" || protocol == "postgres" || protocol == "xmpp" { // who speaks first
				c.Address = closing.Addr().String()
				assertFails(t, run(t, c), healthcheck.ReasonProtocol, protocol+" with "+c.Address+": ")
			}
		})
	}
}
