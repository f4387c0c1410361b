package config_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// security is TLS of a peer and what a run says of it.
type security struct {
	name    string
	config  *tls.Config
	caFile  string
	reason  healthcheck.Reason
	details string
}

// securities returns TLS for a peer at 127.0.0.1, right and wrong.
func securities(t *testing.T) []security {
	t.Helper()
	root, other := newAuthority(t, nil), newAuthority(t, nil)
	middle := newAuthority(t, root)
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.cert.Raw}), 0o600))
	here, soon, past := net.IPv4(127, 0, 0, 1), time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	whole := middle.issue(t, here, soon)
	whole.Certificate = append(whole.Certificate, middle.cert.Raw)
	return []security{
		{"right", offering(root.issue(t, here, soon)), caFile, healthcheck.ReasonNone, ""},
		{"with an intermediate", offering(whole), caFile, healthcheck.ReasonNone, ""},
		{"expired", offering(root.issue(t, here, past)), caFile, healthcheck.ReasonTLS, "expired"},
		{"untrusted", offering(other.issue(t, here, soon)), caFile, healthcheck.ReasonTLS, "unknown authority"},
		{"missing intermediate", offering(middle.issue(t, here, soon)), caFile, healthcheck.ReasonTLS, "unknown authority"},
		{"wrong name", offering(root.issue(t, net.IPv4(192, 0, 2, 1), soon)), caFile, healthcheck.ReasonTLS, "192.0.2.1"},
		{"no certificate", offering(), caFile, healthcheck.ReasonTLS, ""},
	}
}

// offering takes the first protocol that a client offers, whatever it is: the peer behind it has to speak it.
func offering(certs ...tls.Certificate) *tls.Config {
	base := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: certs}
	base.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		c := base.Clone()
		c.NextProtos = hello.SupportedProtos[:min(1, len(hello.SupportedProtos))]
		return c, nil
	}
	return base
}

// authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newAuthority returns one that parent has issued, or a root.
func newAuthority(t testing.TB, parent *authority) *authority {
	t.Helper()
	a := &authority{key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	signer := a
	if parent != nil {
		template.Subject.CommonName = "intermediate"
		signer = parent
	} else {
		a.cert = template
	}
	a.cert = signer.sign(t, template, &a.key.PublicKey)
	return a
}

func (a *authority) sign(t testing.TB, template *x509.Certificate, key any) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key, a.key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert
}

func (a *authority) issue(t testing.TB, ip net.IP, notAfter time.Time) tls.Certificate {
	t.Helper()
	return a.issueFor(t, notAfter, []net.IP{ip})
}

func (a *authority) issueFor(t testing.TB, notAfter time.Time, ips []net.IP, names ...string) tls.Certificate {
	t.Helper()
	// Signatures of this algorithm all have the same length, so that what a peer sends has, too.
	public, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	cert := a.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "peer"}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: notAfter,
		IPAddresses: ips, DNSNames: names, KeyUsage: x509.KeyUsageDigitalSignature,
	}, public)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}
