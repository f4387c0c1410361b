package tlscheck

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// bundle is what a file holds.
type bundle struct {
	chains  [][]*x509.Certificate // each begins with its leaf
	trusted []*x509.Certificate   // of a keystore: whom its owner trusts
}

// certificates returns all of them.
func (b *bundle) certificates() (list []*x509.Certificate) {
	for _, chain := range b.chains {
		list = append(list, chain...)
	}
	return append(list, b.trusted...)
}

var errPassword = healthcheck.Errorf(healthcheck.ReasonAuth, "the password is wrong, or missing")

// parse reads PEM, DER, PKCS#12 and JKS, whichever it is. Errors have the reason body, or auth where it is the password.
func parse(content []byte, password string) (b bundle, err error) {
	var inside cryptobyte.String
	der := cryptobyte.String(content)
	isDER := der.ReadASN1(&inside, asn1.SEQUENCE) && der.Empty()
	switch {
	case isJKS(content):
		b, err = parseJKS(content, password)
	case isDER && inside.PeekASN1Tag(asn1.INTEGER): // the version; certificates begin with a sequence
		b, err = parsePKCS12(content, password)
	case isDER:
		b, err = parseDER(content)
	default:
		b, err = parsePEM(content)
	}
	switch {
	case err == nil && len(b.chains)+len(b.trusted) == 0:
		err = errors.New("has no certificate in PEM, DER, PKCS#12 or JKS")
	case errors.Is(err, errPassword):
		return bundle{}, err
	case err == nil:
		return b, nil
	}
	return bundle{}, healthcheck.WithReason(healthcheck.ReasonBody, err)
}

func unreadable(err error) error { return fmt.Errorf("a certificate cannot be read: %w", err) }

func parsePEM(content []byte) (b bundle, err error) {
	var chain []*x509.Certificate
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return b, unreadable(err)
		}
		chain = append(chain, cert)
	}
	if len(chain) > 0 {
		b.chains = append(b.chains, chain)
	}
	return b, nil
}

func parseDER(content []byte) (b bundle, err error) {
	cert, err := x509.ParseCertificate(content)
	if err != nil {
		return b, unreadable(err)
	}
	b.chains = [][]*x509.Certificate{{cert}}
	return b, nil
}

// maxIterations bounds the work for a key that is made of a password: it cannot be interrupted. Programs take from 2,000
// to 600,000.
const maxIterations = 1_000_000

// parsePKCS12 reads a file of PKCS#12 (RFC 7292). Of several keys, each has a chain.
func parsePKCS12(content []byte, password string) (b bundle, err error) {
	if iterations(content, 0) > maxIterations {
		return b, fmt.Errorf("wants more than %d iterations for the key of its password", maxIterations)
	}
	_, leaf, others, err := pkcs12.DecodeChain(content, password)
	switch {
	case err == nil:
		b.chains = [][]*x509.Certificate{append([]*x509.Certificate{leaf}, others...)}
		return b, nil
	case errors.Is(err, pkcs12.ErrIncorrectPassword), errors.Is(err, pkcs12.ErrDecryption):
		return b, errPassword
	}
	// The library has one function for one key, one for none, and one for several.
	if trusted, trustErr := pkcs12.DecodeTrustStore(content, password); trustErr == nil {
		b.trusted = trusted
		return b, nil
	}
	blocks, severalErr := pkcs12.ToPEM(content, password) //nolint:staticcheck // as said
	if severalErr != nil {
		return b, fmt.Errorf("cannot be read as PKCS#12: %w", err)
	}
	return sortBlocks(blocks)
}

// sortBlocks makes a chain for each certificate that has a key: of the others, those are in it that are needed.
func sortBlocks(blocks []*pem.Block) (b bundle, err error) {
	var leaves, others []*x509.Certificate
	for _, block := range blocks {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return b, unreadable(err)
		}
		if block.Headers["localKeyId"] != "" {
			leaves = append(leaves, cert)
		} else {
			others = append(others, cert)
		}
	}
	for _, leaf := range leaves {
		b.chains = append(b.chains, chainOf(leaf, others))
	}
	if len(leaves) == 0 {
		b.trusted = others
		return b, nil
	}
	return b, nil
}

// chainOf follows the issuers of a leaf.
func chainOf(leaf *x509.Certificate, others []*x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{leaf}
	for last := leaf; len(chain) <= len(others) && !bytes.Equal(last.RawIssuer, last.RawSubject); last = chain[len(chain)-1] {
		next := last
		for _, cert := range others {
			if bytes.Equal(cert.RawSubject, last.RawIssuer) && last.CheckSignatureFrom(cert) == nil {
				next = cert
			}
		}
		if next == last {
			break
		}
		chain = append(chain, next)
	}
	return chain
}

// iterations returns the largest number that stands after a string of octets, as that of iterations does after the salt
// (RFC 7292, section 4 and appendix C; RFC 8018, appendix A.2), in what is not encrypted.
func iterations(der cryptobyte.String, depth int) (most int64) {
	const maxDepth = 20
	afterSalt := false
	for !der.Empty() && depth < maxDepth {
		var element cryptobyte.String
		var tag asn1.Tag
		whole := der
		if !der.ReadAnyASN1(&element, &tag) {
			return most
		}
		switch {
		case tag == asn1.INTEGER && afterSalt:
			var n int64
			if !whole.ReadASN1Integer(&n) {
				n = math.MaxInt64
			}
			most = max(most, n)
		case tag == asn1.OCTET_STRING, tag&0x20 != 0: // constructed
			most = max(most, iterations(element, depth+1))
		}
		afterSalt = tag == asn1.OCTET_STRING
	}
	return most
}
