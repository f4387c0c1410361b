package tlscheck

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
)

var (
	ocspNextUpdate = healthcheck.NewMeasure("tls_ocsp_next_update_timestamp_seconds", "When the OCSP response that the server stapled in the last run is outdated.")

	ocspInfo = healthcheck.NewMeasure("tls_ocsp_info", "What the OCSP response says that the server stapled in the last run: good, revoked or unknown; or none, outdated or invalid; always 1.", "ocsp_status")
)

// What a staple can be, for the label.
const (
	stapleGood     = "good"
	stapleRevoked  = "revoked"
	stapleUnknown  = "unknown"
	stapleNone     = "none"
	stapleOutdated = "outdated"
	stapleInvalid  = "invalid"
)

// What is to be done about staples.
const (
	ocspOptional = "optional"
	ocspRequired = "required"
)

const maxSkew = 5 * time.Minute // between the clocks of a responder and ours

// judgeStaple measures the OCSP response that came with the handshake, and returns why the certificate is not to be used.
func (r *run) judgeStaple(state *tls.ConnectionState) error {
	s := readStaple(state, time.Now())
	r.values = append(r.values, ocspInfo.Value(1, s.status))
	if !s.next.IsZero() {
		r.values = append(r.values, ocspNextUpdate.Value(float64(s.next.Unix())))
	}
	required := r.ocsp == ocspRequired || !r.insecure && demandsStaple(state.PeerCertificates[0])
	if s.status == stapleGood || !required && (s.status != stapleRevoked || r.insecure) {
		return nil
	}
	return healthcheck.Errorf(healthcheck.ReasonTLS, "the certificate of %s: %s", r.address.Label(), s.text)
}

type staple struct {
	status string
	text   string // for people; empty where it is good
	next   time.Time
}

// readStaple judges a response (RFC 6960) about the leaf. That it was revoked stays true when the response is outdated.
func readStaple(state *tls.ConnectionState, now time.Time) staple {
	leaf := state.PeerCertificates[0]
	if len(state.OCSPResponse) == 0 {
		return staple{status: stapleNone, text: "the server staples no OCSP response"}
	}
	// The signature is checked below: of a response that holds the certificate of the issuer itself, the library
	// demands that this has issued itself.
	response, err := ocsp.ParseResponseForCert(state.OCSPResponse, leaf, nil)
	if err != nil {
		return staple{status: stapleInvalid, text: "the OCSP response is not valid: " + err.Error()}
	}
	if !slices.ContainsFunc(issuersOf(state), func(issuer *x509.Certificate) bool { return signedBy(response, issuer, now) }) {
		return staple{status: stapleInvalid, text: "the OCSP response is not signed by who issued the certificate"}
	}
	s := staple{next: response.NextUpdate}
	switch {
	case response.Status == ocsp.Revoked:
		s.status, s.text = stapleRevoked, "it was revoked at "+certs.Date(response.RevokedAt)
	case now.Add(maxSkew).Before(response.ThisUpdate):
		s.status, s.text = stapleInvalid, "the OCSP response is not valid before "+certs.Date(response.ThisUpdate)
	case !response.NextUpdate.IsZero() && now.After(response.NextUpdate):
		s.status, s.text = stapleOutdated, "the OCSP response is outdated since "+certs.Date(response.NextUpdate)
	case response.Status == ocsp.Good:
		s.status = stapleGood
	default:
		s.status, s.text = stapleUnknown, "who issued it does not know it any more, says the OCSP response"
	}
	return s
}

// issuersOf returns the certificates of whoever may have issued the leaf: those of verified chains, else those that were
// presented and did.
func issuersOf(state *tls.ConnectionState) (issuers []*x509.Certificate) {
	for _, chain := range state.VerifiedChains {
		issuers = append(issuers, chain[min(1, len(chain)-1)])
	}
	for _, cert := range state.PeerCertificates[1:min(len(state.PeerCertificates), maxChain)] {
		if state.PeerCertificates[0].CheckSignatureFrom(cert) == nil {
			issuers = append(issuers, cert)
		}
	}
	return issuers
}

// signedBy reports whether the issuer has signed the response, or somebody whom it has made its responder (RFC 6960,
// section 4.2.2.2). Without the extended key usage each certificate that it has issued could speak for all.
func signedBy(response *ocsp.Response, issuer *x509.Certificate, now time.Time) bool {
	if response.CheckSignatureFrom(issuer) == nil {
		return true
	}
	responder := response.Certificate // has signed the response, as the library has seen to
	return responder != nil && slices.Contains(responder.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) &&
		!now.Before(responder.NotBefore) && !now.After(responder.NotAfter) &&
		issuer.CheckSignature(responder.SignatureAlgorithm, responder.RawTBSCertificate, responder.Signature) == nil
}

// demandsStaple reports whether a certificate is only to be used with a staple (RFC 7633).
func demandsStaple(cert *x509.Certificate) bool {
	const statusRequest = 5
	for i := range cert.Extensions {
		if !cert.Extensions[i].Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}) {
			continue
		}
		var features []int
		rest, err := asn1.Unmarshal(cert.Extensions[i].Value, &features)
		return err == nil && len(rest) == 0 && slices.Contains(features, statusRequest)
	}
	return false
}
