package certs_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
)

// TestOldServers holds the README to what it says of servers that Go refuses by default.
func TestOldServers(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	for _, tc := range []struct {
		what, godebug, details string
		server                 *tls.Config
	}{
		{
			"RSA key exchange", "tlsrsakex=1", "handshake failure", &tls.Config{
				Certificates: []tls.Certificate{selfSigned(t, rsaKey, 1)},
				MaxVersion:   tls.VersionTLS12,
				CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256},
			},
		},
		{
			"negative serial number", "x509negativeserial=1", "negative serial number", &tls.Config{
				Certificates: []tls.Certificate{selfSigned(t, newECKey(t), -5)},
			},
		},
	} {
		t.Run(tc.what, func(t *testing.T) {
			settings := config.TLSConfig{InsecureSkipVerify: true}
			_, err := handshake(t, settings, "127.0.0.1", tc.server)
			require.ErrorContains(t, err, tc.details)
			t.Setenv("GODEBUG", tc.godebug)
			_, err = handshake(t, settings, "127.0.0.1", tc.server)
			require.NoError(t, err)
		})
	}
}

func newECKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// selfSigned returns a certificate with a serial number of one byte, also one that crypto/x509 would not write.
func selfSigned(t *testing.T, key crypto.Signer, serial int8) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(uint8(serial) & 0x7f)),
		Subject:      pkix.Name{CommonName: "old"},
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	if serial > 0 {
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	}
	var cert struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	_, err = asn1.Unmarshal(der, &cert)
	require.NoError(t, err)
	tbs := cert.TBS.FullBytes
	at := len(tbs) - len(cert.TBS.Bytes) + 5 // behind the version, which is five bytes
	require.Equal(t, []byte{asn1.TagInteger, 1, uint8(serial) & 0x7f}, tbs[at:at+3])
	tbs[at+2] = uint8(serial)
	digest := crypto.SHA256.New()
	digest.Write(tbs)
	cert.Signature.Bytes, err = key.Sign(rand.Reader, digest.Sum(nil), crypto.SHA256)
	require.NoError(t, err)
	cert.Signature.BitLength = 8 * len(cert.Signature.Bytes)
	der, err = asn1.Marshal(cert)
	require.NoError(t, err)
	// Unparsed, since crypto/tls would parse the leaf with the same rules when it is asked for the certificate.
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestAwaitRefusal: the wait is short, and half of what is left at most.
func TestAwaitRefusal(t *testing.T) {
	ca := certstest.NewCA(t)
	server := &tls.Config{
		Certificates: []tls.Certificate{ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")},
		ClientAuth:   tls.RequestClientCert,
	}
	for _, tc := range []struct {
		what             string
		version          uint16
		took, left, want time.Duration
	}{
		{"TLS 1.2 has told", tls.VersionTLS12, time.Second, time.Minute, 0},
		{"near", tls.VersionTLS13, time.Millisecond, time.Minute, 100 * time.Millisecond},
		{"far", tls.VersionTLS13, 200 * time.Millisecond, time.Minute, 600 * time.Millisecond},
		{"very far", tls.VersionTLS13, time.Second, time.Minute, time.Second},
		{"near the end", tls.VersionTLS13, time.Second, 50 * time.Millisecond, 25 * time.Millisecond},
	} {
		t.Run(tc.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				go func() {
					conn := tls.Server(far, server)
					buf := make([]byte, 1)
					_, _ = conn.Read(buf)
				}()
				cfg := &tls.Config{InsecureSkipVerify: true, MaxVersion: tc.version} // the clock of a bubble is before it
				asked := certs.NoteRequest(cfg)
				conn, _, err := certs.Handshake(t.Context(), near, cfg)
				require.NoError(t, err)
				assert.True(t, *asked)
				ctx, cancel := context.WithTimeout(t.Context(), tc.left)
				defer cancel()
				start := time.Now()
				require.NoError(t, certs.AwaitRefusal(ctx, conn, tc.took))
				assert.Equal(t, tc.want, time.Since(start))

				cancel()
				if tc.version == tls.VersionTLS13 {
					require.ErrorIs(t, certs.AwaitRefusal(ctx, conn, tc.took), context.Canceled)
				}
				_ = near.Close()
			})
		})
	}
}
