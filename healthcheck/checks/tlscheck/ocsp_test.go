package tlscheck_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"golang.org/x/crypto/ocsp"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tlscheck"
)

// demanding is for certificates that are only to be used with a staple (RFC 7633).
func demanding(c *x509.Certificate) {
	c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}, Value: []byte{0x30, 3, 2, 1, 5}}}
}

func responder(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning} }

// TestStaple: required is what a check with ocsp: required says, optional what the others say.
func TestStaple(t *testing.T) {
	ca, other := certstest.NewCA(t), certstest.NewCA(t)
	end, past, next := time.Now().Add(time.Hour), time.Now().Add(-time.Hour), time.Now().Add(30*time.Minute).Truncate(time.Second)
	good := ocsp.Response{Status: ocsp.Good, ThisUpdate: past, NextUpdate: next}
	plain := func() tls.Certificate { return ca.Issue(t, end, "127.0.0.1") }
	with := func(cert tls.Certificate, response ocsp.Response, signer *tls.Certificate) tls.Certificate {
		cert.OCSPStaple = ca.Respond(t, &cert, response, signer)
		return cert
	}
	strangers := plain()
	strangers.OCSPStaple = other.Respond(t, &strangers, good, nil)
	others, another := plain(), plain()
	others.OCSPStaple = ca.Respond(t, &another, good, nil)
	garbage, sorry := plain(), plain()
	garbage.OCSPStaple, sorry.OCSPStaple = []byte("garbage"), ocsp.UnauthorizedErrorResponse
	delegate, usurper, late := ca.IssueWith(t, responder, end), ca.Issue(t, end), ca.IssueWith(t, responder, past)
	for _, tc := range []struct {
		what               string
		cert               tls.Certificate
		status             string
		required, optional string
	}{
		{"good", with(plain(), good, nil), "good", "", ""},
		{"good, without an end", with(plain(), ocsp.Response{Status: ocsp.Good, ThisUpdate: past}, nil), "good", "", ""},
		{"good, of a responder", with(plain(), good, &delegate), "good", "", ""},
		{"good, of whoever has a certificate", with(plain(), good, &usurper), "invalid", "is not signed by who issued the certificate", ""},
		{"good, of an expired responder", with(plain(), good, &late), "invalid", "is not signed by who issued the certificate", ""},
		{"good, of another authority", strangers, "invalid", "is not signed by who issued the certificate", ""},
		{"good, of another certificate", others, "invalid", "no response matching", ""},
		{"garbage", garbage, "invalid", "the OCSP response is not valid: ", ""},
		{"not now", sorry, "invalid", "unauthorized", ""},
		{"none", plain(), "none", "the server staples no OCSP response", ""},
		{"outdated", with(plain(), ocsp.Response{Status: ocsp.Good, ThisUpdate: past.Add(-time.Hour), NextUpdate: past}, nil), "outdated", "is outdated since " + past.UTC().Format(time.DateTime), ""},
		{"of the future", with(plain(), ocsp.Response{Status: ocsp.Good, ThisUpdate: next, NextUpdate: end}, nil), "invalid", "is not valid before " + next.UTC().Format(time.DateTime), ""},
		{"unknown", with(plain(), ocsp.Response{Status: ocsp.Unknown, ThisUpdate: past, NextUpdate: next}, nil), "unknown", "does not know it any more", ""},
		{"revoked", with(plain(), ocsp.Response{Status: ocsp.Revoked, RevokedAt: past, ThisUpdate: past, NextUpdate: next}, nil), "revoked", "it was revoked at " + past.UTC().Format(time.DateTime), "it was revoked at "},
		{"demanded", ca.IssueWith(t, demanding, end, "127.0.0.1"), "none", "the server staples no OCSP response", "the server staples no OCSP response"},
		{"demanded and good", with(ca.IssueWith(t, demanding, end, "127.0.0.1"), good, nil), "good", "", ""},
	} {
		t.Run(tc.what, func(t *testing.T) {
			c := tlscheck.Config{Address: serve(t, tc.cert, nil)}
			judge := func(ocsp, details string, insecure bool) healthcheck.Result {
				c.OCSP, c.TLSConfig = ocsp, &config.TLSConfig{CA: ca.PEM, InsecureSkipVerify: insecure}
				r := run(t, c)
				if details == "" {
					checktest.RequireOK(t, r)
				} else {
					assertFails(t, r, healthcheck.ReasonTLS, details)
					assert.Contains(t, r.Details, "the certificate of "+c.Address+": ")
				}
				return r
			}
			m := measured(judge("required", tc.required, false))
			assert.InDelta(t, 1, m["tls_ocsp_info "+tc.status], 0, "%v", m)
			if tc.what == "good" {
				assert.InDelta(t, next.Unix(), m["tls_ocsp_next_update_timestamp_seconds"], 0)
			}
			assert.Equal(t, tc.status != "none" && tc.status != "invalid" && tc.what != "good, without an end" || tc.what == "of the future", m["tls_ocsp_next_update_timestamp_seconds"] != 0)
			judge("", tc.optional, false)
			judge("optional", "", true)
		})
	}
}

// TestStapleOfPresentedIssuer: where the chain is not verified, who has issued the certificate is among those that were
// presented, or not known.
func TestStapleOfPresentedIssuer(t *testing.T) {
	ca := certstest.NewCA(t)
	cert := ca.Issue(t, time.Now().Add(time.Hour), "elsewhere.example.org")
	cert.OCSPStaple = ca.Respond(t, &cert, ocsp.Response{Status: ocsp.Good, ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour)}, nil)
	c := tlscheck.Config{OCSP: "required", TLSConfig: &config.TLSConfig{InsecureSkipVerify: true}}
	c.Address = serve(t, cert, nil)
	assertFails(t, run(t, c), healthcheck.ReasonTLS, "is not signed by who issued the certificate")
	cert.Certificate = append(cert.Certificate, ca.DER())
	c.Address = serve(t, cert, nil)
	checktest.RequireOK(t, run(t, c))
}
