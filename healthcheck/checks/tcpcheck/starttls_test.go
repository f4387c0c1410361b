package tcpcheck_test

import (
	"bufio"
	"crypto/tls"
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
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tcpcheck"
)

// startTLS is a mail server that wants TLS first.
func startTLS(cfg *tls.Config) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, "220 mail.example.org ESMTP\r\n")
		in := bufio.NewReader(conn)
		for {
			line, err := in.ReadString('\n')
			switch {
			case err != nil:
				return
			case strings.HasPrefix(line, "STARTTLS"):
				_, _ = io.WriteString(conn, "220 go\r\n")
				secure := tls.Server(conn, cfg)
				if secure.Handshake() == nil {
					smtp(secure)
				}
				return
			}
			_, _ = io.WriteString(conn, "250-mail.example.org\r\n250 STARTTLS\r\n")
		}
	}
}

// mailOverTLS is what to say to such a server.
var mailOverTLS = []tcpcheck.Step{
	{Expect: "^220 "},
	{Send: "EHLO probe\r\n", Expect: "^250 STARTTLS$"},
	{Send: "STARTTLS\r\n", Expect: "^220 ", StartTLS: true},
	{Expect: "^220 "},
	{Send: "QUIT\r\n", Expect: "^221 ", Reject: []string{"^[45]"}},
}

func TestStartTLS(t *testing.T) {
	for _, tc := range certstest.Cases(t) {
		t.Run(tc.Name, func(t *testing.T) {
			address := serve(t, startTLS(&tls.Config{Certificates: []tls.Certificate{tc.Cert}}))
			r := run(t, tcpcheck.Config{Address: address, TLSConfig: &tc.Settings, Dialog: mailOverTLS})
			v := values(r)
			if tc.Details == "" {
				checktest.RequireOK(t, r)
			} else {
				assertFails(t, r, healthcheck.ReasonTLS, "tls handshake with "+address+": ")
				assert.Contains(t, r.Details, tc.Details)
			}
			for _, phase := range []string{"connect", "tls", "dialog"} {
				assert.Positive(t, v[phase], phase)
			}
			assert.InDelta(t, tc.Verified, v["tls_certificate_verified"], 0)
			assert.InDelta(t, float64(time.Now().Unix()), v["tls_certificate_not_after_timestamp_seconds"], 4000)
		})
	}
	t.Run("IPv6", func(t *testing.T) {
		ca := certstest.NewCA(t)
		l := checktest.Listen(t, "::1")
		checktest.Serve(t, l, startTLS(&tls.Config{Certificates: []tls.Certificate{ca.Issue(t, time.Now().Add(time.Hour), "::1")}}))
		checktest.RequireOK(t, run(t, tcpcheck.Config{Address: l.Addr().String(), TLSConfig: &config.TLSConfig{CA: ca.PEM}, Dialog: mailOverTLS}))
	})
}

// TestStartTLSFailures: what comes in plain text behind the answer is not taken for what comes over TLS.
func TestStartTLSFailures(t *testing.T) {
	answer := func(text string, then func(net.Conn)) func(net.Conn) {
		return func(conn net.Conn) {
			_, _ = bufio.NewReader(conn).ReadString('\n')
			_, _ = io.WriteString(conn, text)
			then(conn)
		}
	}
	for _, tc := range []struct {
		what    string
		handle  func(net.Conn)
		reason  healthcheck.Reason
		details string
	}{
		{"a line before TLS", answer("220 go\r\n250 injected\r\n", drain), healthcheck.ReasonProtocol, `dialog[0]: the peer sent more than the answer before TLS: "250 injected"`},
		{"a byte before TLS", answer("220 go\r\n\x16", drain), healthcheck.ReasonProtocol, `dialog[0]: the peer sent more than the answer before TLS: "?"`},
		{"a line instead of TLS", answer("220 go\r\n", func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = io.WriteString(conn, "250 injected\r\n")
			drain(conn)
		}), healthcheck.ReasonTLS, ": tls: first record does not look like a TLS handshake"},
		{"an end instead of TLS", answer("220 go\r\n", func(conn net.Conn) { _, _ = conn.Read(make([]byte, 4096)) }), healthcheck.ReasonTLS, ": the peer closed the connection"},
		{"silence instead of TLS", answer("220 go\r\n", drain), healthcheck.ReasonTimeout, ": no answer in time"},
		{"refused", answer("454 not now\r\n", drain), healthcheck.ReasonBody, `dialog[0]: "454 not now" is rejected by "^4"`},
	} {
		t.Run(tc.what, func(t *testing.T) {
			timeout := time.Minute
			if tc.reason == healthcheck.ReasonTimeout {
				timeout = checktest.Timeout
			}
			r := runFor(t, tcpcheck.Config{Address: serve(t, tc.handle), Dialog: []tcpcheck.Step{
				{Send: "STARTTLS\r\n", Expect: "^220 ", Reject: []string{"^4"}, StartTLS: true}, {Expect: "^250 "},
			}}, timeout)
			assertFails(t, r, tc.reason, tc.details)
		})
	}
}

// TestStartTLSClientCertificate: a refusal that comes after the handshake is seen, whether the dialog goes on or not.
func TestStartTLSClientCertificate(t *testing.T) {
	ca := certstest.NewCA(t)
	address := serve(t, startTLS(&tls.Config{
		Certificates: []tls.Certificate{ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool(),
	}))
	for what, dialog := range map[string][]tcpcheck.Step{"goes on": mailOverTLS, "ends": mailOverTLS[:3]} {
		t.Run(what, func(t *testing.T) {
			r := run(t, tcpcheck.Config{Address: address, TLSConfig: &config.TLSConfig{CA: ca.PEM}, Dialog: dialog})
			assertFails(t, r, healthcheck.ReasonTLS, "certificate required")
		})
	}
}

// TestStartTLSLatency: the handshake amid the dialog counts.
func TestStartTLSLatency(t *testing.T) {
	ca := certstest.NewCA(t)
	cfg := &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")}}
	cfg.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		<-time.After(50 * time.Millisecond)
		return nil, nil //nolint:nilnil // the same configuration
	}
	c := tcpcheck.Config{Address: serve(t, startTLS(cfg)), TLSConfig: &config.TLSConfig{CA: ca.PEM}, Dialog: mailOverTLS, MaxLatency: 20 * time.Millisecond}
	r := run(t, c)
	assertFails(t, r, healthcheck.ReasonLatency, ", want at most 20ms")
	assert.Greater(t, values(r)["tls"], 0.05)
	c.MaxLatency = time.Minute
	checktest.RequireOK(t, run(t, c))
}

// TestMinValidity: of TLS from the start, and of TLS that a step begins.
func TestMinValidity(t *testing.T) {
	ca := certstest.NewCA(t)
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")}}
	l := tls.NewListener(checktest.Listen(t, "127.0.0.1"), cfg)
	checktest.Serve(t, l, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	for _, c := range []tcpcheck.Config{
		{Address: l.Addr().String()},
		{Address: serve(t, startTLS(cfg)), Dialog: mailOverTLS},
	} {
		c.TLSConfig = &config.TLSConfig{CA: ca.PEM}
		c.MinValidity = 30 * time.Minute
		checktest.RequireOK(t, run(t, c))
		c.MinValidity = 24 * time.Hour
		assertFails(t, run(t, c), healthcheck.ReasonTLS, "the certificate chain of "+c.Address+" expires at ")
	}
	_, err := tcpcheck.New(tcpcheck.Config{Address: "a:1", MinValidity: time.Hour})
	assert.Equal(t, []string{"min_validity"}, checktest.Fields(t, err))
}
