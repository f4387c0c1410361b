package tlscheck

import (
	"crypto/sha1" //nolint:gosec // the format has it
	"crypto/subtle"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
)

// The formats of Java: its own (JKS), and that of its cryptography extension (JCEKS), which differs in what it does with
// keys. All numbers are big-endian: magic, version, number of entries, the entries, and a digest over all before it that
// begins with the password (the sources of OpenJDK, sun.security.provider.JavaKeyStore). Certificates are not encrypted.
//
// The readers that there are make room for as much as the file says that follows, up to 4 GiB.
const (
	magicJKS   = 0xfeedfeed
	magicJCEKS = 0xcececece

	entryKey     = 1
	entryTrusted = 2
)

func isJKS(content []byte) bool {
	if len(content) < 4 {
		return false
	}
	magic := binary.BigEndian.Uint32(content)
	return magic == magicJKS || magic == magicJCEKS
}

var errJKS = errors.New("is cut, or not one of Java's keystores")

// parseJKS reads a keystore. Without a password it is not looked at whether somebody has changed it.
func parseJKS(content []byte, password string) (b bundle, err error) {
	if len(content) < sha1.Size {
		return b, errJKS
	}
	end := len(content) - sha1.Size
	s := cryptobyte.String(content[:end])
	var magic, version, count uint32
	if !s.ReadUint32(&magic) || !s.ReadUint32(&version) || !s.ReadUint32(&count) || version != 1 && version != 2 {
		return b, errJKS
	}
	if password != "" && subtle.ConstantTimeCompare(digestJKS(content[:end], password), content[end:]) == 0 {
		return b, errPassword
	}
	for range count {
		if err := b.readEntry(&s, version); err != nil {
			return b, err
		}
	}
	if !s.Empty() {
		return b, errJKS
	}
	return b, nil
}

func digestJKS(content []byte, password string) []byte {
	h := sha1.New() //nolint:gosec // the format has it
	for _, unit := range utf16.Encode([]rune(password)) {
		_, _ = h.Write([]byte{byte(unit >> 8), byte(unit)})
	}
	_, _ = h.Write([]byte("Mighty Aphrodite"))
	_, _ = h.Write(content)
	return h.Sum(nil)
}

func (b *bundle) readEntry(s *cryptobyte.String, version uint32) error {
	var kind, count uint32
	var alias, key cryptobyte.String
	const created = 8 // bytes
	if !s.ReadUint32(&kind) || !s.ReadUint16LengthPrefixed(&alias) || !s.Skip(created) {
		return errJKS
	}
	switch kind {
	case entryTrusted:
		cert, err := readCertificate(s, version)
		if err != nil {
			return err
		}
		b.trusted = append(b.trusted, cert)
		return nil
	case entryKey:
		if !readLong(s, &key) || !s.ReadUint32(&count) {
			return errJKS
		}
		var chain []*x509.Certificate
		for range count {
			cert, err := readCertificate(s, version)
			if err != nil {
				return err
			}
			chain = append(chain, cert)
		}
		if len(chain) > 0 {
			b.chains = append(b.chains, chain)
		}
		return nil
	}
	return errors.New("has an entry that is neither a certificate nor the key of one")
}

func readCertificate(s *cryptobyte.String, version uint32) (*x509.Certificate, error) {
	var format, der cryptobyte.String
	if version > 1 && !s.ReadUint16LengthPrefixed(&format) || !readLong(s, &der) {
		return nil, errJKS
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, unreadable(err)
	}
	return cert, nil
}

// readLong reads what a length of four bytes precedes.
func readLong(s, out *cryptobyte.String) bool {
	var size uint32
	if !s.ReadUint32(&size) || uint64(size) > uint64(len(*s)) {
		return false
	}
	return s.ReadBytes((*[]byte)(out), int(size))
}
