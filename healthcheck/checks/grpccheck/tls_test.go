package grpccheck_test

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/grpccheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

func TestTLS(t *testing.T) {
	ca := certstest.NewCA(t)
	soon := time.Now().Add(time.Hour)
	good := ca.Issue(t, soon, "127.0.0.1", "payments.example.org")
	address := startHealth(t, withTLS(good, nil))
	r := run(t, grpccheck.Config{Address: address, Service: "up", TLSConfig: &config.TLSConfig{CA: ca.PEM}})
	checktest.RequireOK(t, r)
	requireMeasured(t, r, "connect", "tls", "check", "tls_certificate_not_after_timestamp_seconds", "tls_certificate_verified", "tls_version_info")
	checktest.RequireOK(t, run(t, grpccheck.Config{Address: address, TLSConfig: &config.TLSConfig{CA: ca.PEM, ServerName: "payments.example.org"}}))

	checktest.RequireOK(t, run(t, grpccheck.Config{Address: address, TLSConfig: &config.TLSConfig{CA: ca.PEM}, MinValidity: 30 * time.Minute}))
	r = run(t, grpccheck.Config{Address: address, TLSConfig: &config.TLSConfig{CA: ca.PEM}, MinValidity: 24 * time.Hour})
	assertFails(t, r, healthcheck.ReasonTLS, "the certificate chain of "+address+" expires at ")

	r = run(t, grpccheck.Config{Address: address, TLS: true})
	assertFails(t, r, healthcheck.ReasonTLS, "tls handshake with "+address+": ")
	requireMeasured(t, r, "tls_certificate_not_after_timestamp_seconds")
	assertFails(t, run(t, grpccheck.Config{Address: address}), healthcheck.ReasonProtocol, "check: ") // it may have been reset
	assertFails(t, run(t, grpccheck.Config{Address: startHealth(t), TLS: true}), healthcheck.ReasonTLS, "tls handshake with ")

	t.Run("without HTTP/2", func(t *testing.T) {
		l := tls.NewListener(checktest.Listen(t, "127.0.0.1"), &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{good}})
		checktest.Serve(t, l, func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)) })
		r := run(t, grpccheck.Config{Address: l.Addr().String(), TLSConfig: &config.TLSConfig{CA: ca.PEM}})
		assertFails(t, r, healthcheck.ReasonTLS, "the server did not choose HTTP/2 (ALPN)")
		requireMeasured(t, r, "tls_certificate_verified")
	})
}

// TestClientCertificate: what a server says of it comes after the handshake.
func TestClientCertificate(t *testing.T) {
	ca, other := certstest.NewCA(t), certstest.NewCA(t)
	soon := time.Now().Add(time.Hour)
	address := startHealth(t, withTLS(ca.Issue(t, soon, "127.0.0.1"), func(c *tls.Config) {
		c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, ca.Pool()
	}))
	settings := func(from *certstest.CA) *config.TLSConfig {
		client := from.Issue(t, soon, "client.example.org")
		cert, key := certstest.EncodePEM(t, &client)
		return &config.TLSConfig{CA: ca.PEM, Cert: cert, Key: config.Secret(key)}
	}
	checktest.RequireOK(t, run(t, grpccheck.Config{Address: address, TLSConfig: settings(ca)}))
	assertFails(t, run(t, grpccheck.Config{Address: address, TLSConfig: settings(other)}), healthcheck.ReasonTLS, "unknown certificate authority")
	assertFails(t, run(t, grpccheck.Config{Address: address, TLSConfig: &config.TLSConfig{CA: ca.PEM}}), healthcheck.ReasonTLS, "certificate required")
}
