package tlscheck_test

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tlscheck"
)

// TestCertificates: whatever is wrong with a certificate, when it ends is known.
func TestCertificates(t *testing.T) {
	for _, tc := range certstest.Cases(t) {
		t.Run(tc.Name, func(t *testing.T) {
			r := run(t, tlscheck.Config{Address: serve(t, tc.Cert, nil), TLSConfig: &tc.Settings})
			if tc.Details == "" {
				checktest.RequireOK(t, r)
			} else {
				assertFails(t, r, healthcheck.ReasonTLS, tc.Details)
			}
			m := measured(r)
			assert.Positive(t, m["tls_chain_not_after_timestamp_seconds leaf"])
			assert.Positive(t, m["tls_chain_not_before_timestamp_seconds leaf"])
			assert.InDelta(t, 256, m["tls_chain_key_bits leaf"], 0)
			assert.InDelta(t, 1, m["tls_chain_info leaf ECDSA ECDSA-SHA256"], 0)
			assert.Positive(t, m["tls_certificate_not_after_timestamp_seconds"])
			assert.Contains(t, m, "tls_certificate_verified")
			assert.Positive(t, m["tls_phase_duration_seconds tls"])
		})
	}
}

func TestMinValidity(t *testing.T) {
	ca := certstest.NewCA(t)
	end := time.Now().Add(240 * time.Hour)
	address := serve(t, ca.Issue(t, end, "127.0.0.1"), nil)
	c := tlscheck.Config{Address: address, TLSConfig: &config.TLSConfig{CA: ca.PEM}, MinValidity: 239 * time.Hour}
	checktest.RequireOK(t, run(t, c))
	c.MinValidity = 336 * time.Hour
	assertFails(t, run(t, c), healthcheck.ReasonTLS, "the certificate chain of "+address+" expires at "+end.UTC().Format(time.DateTime+" UTC")+", sooner than in 2w")
	c.TLSConfig = &config.TLSConfig{InsecureSkipVerify: true}
	assertFails(t, run(t, c), healthcheck.ReasonTLS, "sooner than in 2w")
	c.MinValidity = 0
	checktest.RequireOK(t, run(t, c))
}

// TestLongChain: what is measured is bounded, and what is left out is told.
func TestLongChain(t *testing.T) {
	ca := certstest.NewCA(t)
	cert := ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")
	for range 10 {
		cert.Certificate = append(cert.Certificate, ca.Issue(t, time.Now().Add(time.Hour), "x").Certificate[0])
	}
	r := run(t, tlscheck.Config{Address: serve(t, cert, nil), TLSConfig: &config.TLSConfig{CA: ca.PEM}})
	assert.False(t, r.Failed(), r.Details)
	assert.Equal(t, "the server presents more certificates than the 8 that are measured", r.Details)
	assert.Contains(t, measured(r), "tls_chain_not_after_timestamp_seconds intermediate-7")
	assert.NotContains(t, measured(r), "tls_chain_not_after_timestamp_seconds intermediate-8")
}

func TestMaxLatency(t *testing.T) {
	ca := certstest.NewCA(t)
	c := tlscheck.Config{Address: serve(t, ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1"), nil), TLSConfig: &config.TLSConfig{CA: ca.PEM}, MaxLatency: time.Nanosecond}
	assertFails(t, run(t, c), healthcheck.ReasonLatency, c.Address)
}

// TestClientCertificate: a server that wants one says so after the handshake.
func TestClientCertificate(t *testing.T) {
	ca := certstest.NewCA(t)
	l := tls.NewListener(checktest.Listen(t, "127.0.0.1"), &tls.Config{
		MinVersion: tls.VersionTLS12, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool(),
		Certificates: []tls.Certificate{ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")},
	})
	checktest.Serve(t, l, drain)
	r := run(t, tlscheck.Config{Address: l.Addr().String(), TLSConfig: &config.TLSConfig{CA: ca.PEM}})
	assertFails(t, r, healthcheck.ReasonTLS, "certificate required")
	assert.Contains(t, measured(r), "tls_chain_not_after_timestamp_seconds leaf")
}

func TestMistakes(t *testing.T) {
	for _, tc := range []struct {
		config tlscheck.Config
		fields []string
	}{
		{tlscheck.Config{}, []string{""}},
		{tlscheck.Config{Address: "a:1", Files: []string{"b"}}, []string{""}},
		{tlscheck.Config{Address: "a"}, []string{"address"}},
		{tlscheck.Config{Address: "a:1", StartTLS: "http", MinValidity: -1, MaxLatency: -1}, []string{"min_validity", "max_latency", "starttls"}},
		{tlscheck.Config{Address: "a:1", TLSConfig: &config.TLSConfig{CAFile: "/nosuch"}}, []string{"tls_config"}},
		{tlscheck.Config{Files: []string{"", "[", "a"}, StartTLS: "smtp"}, []string{"starttls", "files[0]", "files[1]"}},
	} {
		_, err := tlscheck.New(tc.config)
		assert.Equal(t, tc.fields, checktest.Fields(t, err), "%v", err)
	}
}
