package tlscheck_test

import (
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tlscheck"
)

func TestRefuse(t *testing.T) {
	ca := certstest.NewCA(t)
	l := tls.NewListener(checktest.Listen(t, "127.0.0.1"), &tls.Config{
		Certificates: []tls.Certificate{ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")},
		MinVersion:   tls.VersionTLS11,
		MaxVersion:   tls.VersionTLS12,
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA},
	})
	checktest.Serve(t, l, drain)
	c := tlscheck.Config{Address: l.Addr().String(), TLSConfig: &config.TLSConfig{CA: ca.PEM}}
	c.Refuse = tlscheck.Refuse{Versions: []string{"TLS10", "SSL30", "TLS13", "TLS10"}}
	r := run(t, c)
	checktest.RequireOK(t, r)
	m := measured(r)
	assert.InDelta(t, 0, m["tls_version_offered SSL 3.0"], 0)
	assert.Contains(t, m, "tls_version_offered SSL 3.0")
	assert.Contains(t, m, "tls_version_offered TLS 1.0")
	assert.NotContains(t, m, "tls_version_offered TLS 1.2")
	assert.NotContains(t, m, "tls_weak_cipher_offered")

	c.Refuse = tlscheck.Refuse{Versions: []string{"TLS11", "TLS10", "TLS12"}, WeakCiphers: true}
	r = run(t, c)
	assertFails(t, r, healthcheck.ReasonTLS, c.Address+" accepts TLS 1.1, TLS 1.2, TLS_ECDHE_ECDSA_WITH_RC4_128_SHA, which it must refuse")
	m = measured(r)
	assert.InDelta(t, 1, m["tls_version_offered TLS 1.1"], 0)
	assert.InDelta(t, 1, m["tls_weak_cipher_offered"], 0)

	c.MinValidity = 240 * time.Hour
	r = run(t, c)
	assertFails(t, r, healthcheck.ReasonTLS, "sooner than in")
	assert.Contains(t, measured(r), "tls_weak_cipher_offered", "measured all the same")
}

// TestRefuseAfterStartTLS: each offer is made after what the protocol wants to hear.
func TestRefuseAfterStartTLS(t *testing.T) {
	ca := certstest.NewCA(t)
	var connections atomic.Int64
	talk := script("220 b\r\n", [2]string{"EHLO localhost\r\n", "250-a\r\n250 STARTTLS\r\n"}, [2]string{"STARTTLS\r\n", "220 go\r\n"})
	address := serve(t, ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1"), func(conn net.Conn) {
		connections.Add(1)
		talk(conn)
	})
	c := tlscheck.Config{Address: address, StartTLS: "smtp", TLSConfig: &config.TLSConfig{CA: ca.PEM}}
	c.Refuse = tlscheck.Refuse{Versions: []string{"TLS11"}, WeakCiphers: true}
	checktest.RequireOK(t, run(t, c))
	assert.EqualValues(t, 3, connections.Load())
	c.Refuse.Versions = []string{"TLS13"}
	assertFails(t, run(t, c), healthcheck.ReasonTLS, address+" accepts TLS 1.3, which it must refuse")
}

// TestRefuseUnknown: a server that does not answer an offer has not refused it.
func TestRefuseUnknown(t *testing.T) {
	ca := certstest.NewCA(t)
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")}}
	for what, tc := range map[string]struct {
		answer  func(net.Conn)
		reason  healthcheck.Reason
		details string
	}{
		"silence": {drain, healthcheck.ReasonTimeout, "TLS 1.0: no answer in time"},
		"garbage": {func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
		}, healthcheck.ReasonProtocol, "TLS 1.0: the answer is not one of TLS: it does not begin as one"},
	} {
		t.Run(what, func(t *testing.T) {
			var connections atomic.Int64
			l := checktest.Listen(t, "127.0.0.1")
			checktest.Serve(t, l, func(conn net.Conn) {
				if connections.Add(1) > 1 {
					tc.answer(conn)
					return
				}
				_, _ = io.Copy(io.Discard, tls.Server(conn, cfg))
			})
			c := tlscheck.Config{Address: l.Addr().String(), TLSConfig: &config.TLSConfig{CA: ca.PEM}, Refuse: tlscheck.Refuse{Versions: []string{"TLS10"}}}
			r := checktest.Run(t, tlscheck.New, c, 3*checktest.Timeout)
			assertFails(t, r, tc.reason, "offer "+c.Address+" "+tc.details)
			assert.NotContains(t, measured(r), "tls_version_offered TLS 1.0")
		})
	}
}

func TestMistakesOfRefuse(t *testing.T) {
	c := tlscheck.Config{Address: "a:1", OCSP: "always", Refuse: tlscheck.Refuse{Versions: []string{"TLS10", "TLS9", ""}}}
	_, err := tlscheck.New(c)
	assert.Equal(t, []string{"ocsp", "refuse.versions[1]", "refuse.versions[2]"}, checktest.Fields(t, err))
	_, err = tlscheck.New(tlscheck.Config{Files: []string{"a"}, OCSP: "required", Refuse: tlscheck.Refuse{WeakCiphers: true}})
	assert.ElementsMatch(t, []string{"ocsp", "refuse"}, checktest.Fields(t, err))
}
