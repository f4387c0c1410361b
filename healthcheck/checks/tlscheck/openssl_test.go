package tlscheck_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tlscheck"
)

// startOpenSSL runs a server of OpenSSL with a certificate and a staple of its authority, whatever the system says of old
// versions, and returns a check of it.
func startOpenSSL(t *testing.T, status int, args ...string) tlscheck.Config {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is missing: install the Debian package openssl")
	}
	ca, dir := certstest.NewCA(t), t.TempDir()
	cert := ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")
	certPEM, key := certstest.EncodePEM(t, &cert)
	staple := ca.Respond(t, &cert, ocsp.Response{Status: status, RevokedAt: time.Now().Add(-time.Hour), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour)}, nil)
	path := func(name string, content []byte) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, content, 0o600))
		return file
	}
	port := checktest.Port(t)
	command := []string{
		"OPENSSL_CONF=/dev/null", "openssl", "s_server", "-accept", "127.0.0.1:" + port, "-quiet",
		"-cert", path("cert.pem", []byte(certPEM)), "-key", path("key.pem", []byte(key)), "-status_file", path("staple", staple),
	}
	checktest.Start(t, "coreutils", "env", append(command, args...)...)
	c := tlscheck.Config{Address: "127.0.0.1:" + port, TLSConfig: &config.TLSConfig{CA: ca.PEM}}
	require.Eventually(t, func() bool {
		r := run(t, c)
		return r.Reason != healthcheck.ReasonConnect
	}, 30*time.Second, 50*time.Millisecond)
	return c
}

func TestOpenSSL(t *testing.T) {
	c := startOpenSSL(t, ocsp.Good)
	c.OCSP = "required"
	c.Refuse = tlscheck.Refuse{Versions: []string{"SSL30", "TLS10", "TLS11"}, WeakCiphers: true}
	r := run(t, c)
	checktest.RequireOK(t, r)
	assert.InDelta(t, 1, measured(r)["tls_ocsp_info good"], 0)
	c.Refuse.Versions = []string{"TLS12", "TLS13"}
	assertFails(t, run(t, c), healthcheck.ReasonTLS, c.Address+" accepts TLS 1.2, TLS 1.3, which it must refuse")
}

func TestOpenSSLRevoked(t *testing.T) {
	assertFails(t, run(t, startOpenSSL(t, ocsp.Revoked)), healthcheck.ReasonTLS, "it was revoked at ")
}

// TestOldOpenSSL: old versions, and, with them, cipher suites of which some have no encryption, others no authentication.
func TestOldOpenSSL(t *testing.T) {
	for _, ciphers := range []string{"eNULL", "aNULL"} {
		t.Run(ciphers, func(t *testing.T) {
			c := startOpenSSL(t, ocsp.Good, "-cipher", "ECDHE-ECDSA-AES128-SHA:"+ciphers+":@SECLEVEL=0")
			c.Refuse = tlscheck.Refuse{Versions: []string{"SSL30", "TLS10", "TLS11"}, WeakCiphers: true}
			r := run(t, c)
			assertFails(t, r, healthcheck.ReasonTLS, " accepts TLS 1.0, TLS 1.1, TLS_")
			if ciphers == "eNULL" {
				assert.Contains(t, r.Details, "_WITH_NULL_SHA")
			} else {
				assert.Contains(t, r.Details, "_anon_WITH_")
			}
			assert.InDelta(t, 0, measured(r)["tls_version_offered SSL 3.0"], 0)
			assert.InDelta(t, 1, measured(r)["tls_weak_cipher_offered"], 0)
		})
	}
}
