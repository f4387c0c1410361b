package tlscheck

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"strconv"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// The measures of each certificate that a server presents. Their labels are called so that no check is likely to have
// one: certificate is one that users set, for alerts.
var (
	chainNotAfter = healthcheck.NewMeasure("tls_chain_not_after_timestamp_seconds", "When a certificate that was presented in the last run expires, by its position: leaf, intermediate-1 and so on.", "chain_position")

	chainNotBefore = healthcheck.NewMeasure("tls_chain_not_before_timestamp_seconds", "When a certificate that was presented in the last run became valid, by its position.", "chain_position")

	chainKeyBits = healthcheck.NewMeasure("tls_chain_key_bits", "Size of the key of a certificate that was presented in the last run, by its position.", "chain_position")

	chainInfo = healthcheck.NewMeasure("tls_chain_info", "Algorithms of the key and the signature of a certificate that was presented in the last run, by its position, always 1.", "chain_position", "key_algorithm", "signature_algorithm")
)

// maxChain is how many certificates of a chain are measured.
const maxChain = 8

func appendChain(dst []healthcheck.Value, presented []*x509.Certificate) []healthcheck.Value {
	for i, cert := range presented[:min(len(presented), maxChain)] {
		position := "leaf"
		if i > 0 {
			position = "intermediate-" + strconv.Itoa(i)
		}
		keyAlgorithm, bits := keyOf(cert)
		dst = append(dst,
			chainNotAfter.Value(float64(cert.NotAfter.Unix()), position),
			chainNotBefore.Value(float64(cert.NotBefore.Unix()), position),
			chainInfo.Value(1, position, keyAlgorithm, cert.SignatureAlgorithm.String()))
		if bits > 0 {
			dst = append(dst, chainKeyBits.Value(float64(bits), position))
		}
	}
	return dst
}

// keyOf returns the algorithm and the size of the key of a certificate; zero where the size is not known.
func keyOf(cert *x509.Certificate) (keyAlgorithm string, bits int) {
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		bits = key.N.BitLen()
	case *ecdsa.PublicKey:
		bits = key.Curve.Params().BitSize
	case ed25519.PublicKey:
		bits = 8 * len(key)
	}
	return cert.PublicKeyAlgorithm.String(), bits
}
