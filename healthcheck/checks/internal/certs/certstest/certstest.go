// Package certstest makes certificates for the tests of the checks that speak TLS.
package certstest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"
)

// CA is a certificate authority that exists for one test.
type CA struct {
	// PEM is the certificate of the authority, for the setting ca or the content of a ca_file.
	PEM string

	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewCA returns an authority whose own certificate is valid for ten years.
func NewCA(t testing.TB) *CA {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "test authority"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(10, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &CA{PEM: encode("CERTIFICATE", der), cert: cert, key: key}
}

// DER returns the certificate of the authority.
func (ca *CA) DER() []byte { return ca.cert.Raw }

// Issue returns a certificate, good for servers and clients, that ends at notAfter and holds the names, which may be
// IP addresses.
func (ca *CA) Issue(t testing.TB, notAfter time.Time, names ...string) tls.Certificate {
	t.Helper()
	return ca.IssueWith(t, nil, notAfter, names...)
}

// IssueWith is Issue for a certificate that change, where it is not nil, makes another.
func (ca *CA) IssueWith(t testing.TB, change func(*x509.Certificate), notAfter time.Time, names ...string) tls.Certificate {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "test certificate"},
		NotBefore:    notAfter.AddDate(-1, 0, 0),
		NotAfter:     notAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), ca.key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Respond returns an OCSP response about a certificate that the authority has issued. Its signer is the responder, nil for
// the authority itself.
func (ca *CA) Respond(t testing.TB, cert *tls.Certificate, response ocsp.Response, responder *tls.Certificate) []byte {
	t.Helper()
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	require.NoError(t, err)
	response.SerialNumber = leaf.SerialNumber
	signer, key := ca.cert, crypto.Signer(ca.key)
	if responder != nil {
		signer, err = x509.ParseCertificate(responder.Certificate[0])
		require.NoError(t, err)
		response.Certificate, key = signer, responder.PrivateKey.(crypto.Signer)
	}
	der, err := ocsp.CreateResponse(ca.cert, signer, response, key)
	require.NoError(t, err)
	return der
}

// Pool returns a pool with the authority alone, for a server that wants client certificates.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

// EncodePEM returns certificate and key as the settings cert and key, or the files of that name, take them.
func EncodePEM(t testing.TB, c *tls.Certificate) (cert, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	require.NoError(t, err)
	return encode("CERTIFICATE", c.Certificate[0]), encode("PRIVATE KEY", der)
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
