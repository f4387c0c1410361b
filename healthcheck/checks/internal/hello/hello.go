// Package hello asks a TLS server what it would agree to: it offers one version of the protocol and some cipher suites,
// also those that crypto/tls knows nothing of, and looks at what the server chooses. It goes no further, so that nothing
// needs to be known of what was offered but its number.
package hello

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"

	"golang.org/x/crypto/cryptobyte"
)

// VersionSSL30 is SSL 3.0 (RFC 6101), whose name in crypto/tls is deprecated as the protocol is (RFC 7568).
const VersionSSL30 = 0x0300

// Offer is what a client can.
type Offer struct {
	Version    uint16   // as in crypto/tls, or VersionSSL30
	Suites     []uint16 // by their numbers in IANA's registry
	ServerName string   // sent where it is not empty and no address
}

// Choice is what a server takes of an offer. Of an offer of TLS 1.2 it may be an older version, too.
type Choice struct{ Version, Suite uint16 }

// Ask sends the offer over conn and reads up to what the server chooses. Accepted is false where the server refuses: with
// an alert, or by closing the connection, as some do. Errors have the reason protocol, or are those of the deadline of
// conn. Ask reads at most four records, and leaves conn in a state that is of no further use.
func Ask(conn net.Conn, o Offer) (c Choice, accepted bool, err error) {
	message, err := o.marshal()
	if err != nil {
		return c, false, err
	}
	if _, err := conn.Write(message); err != nil {
		return c, false, ignoreClosed(err)
	}
	body, err := readServerHello(conn)
	if body == nil {
		return c, false, ignoreClosed(err)
	}
	if c, err = parse(body); err != nil {
		return c, false, err
	}
	return c, true, nil
}

// ignoreClosed returns nil for errors of the connection, but for its deadline.
func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, errAnswer) {
		return err
	}
	return nil
}

// The numbers of extensions (IANA, TLS ExtensionType Values).
const (
	extServerName          = 0
	extSupportedGroups     = 10
	extPointFormats        = 11
	extSignatureAlgorithms = 13
	extExtendedMaster      = 23
	extSupportedVersions   = 43
	extPSKModes            = 45
	extKeyShare            = 51
	extRenegotiationInfo   = 0xff01
)

var (
	groups     = []uint16{29, 23, 24, 25, 256, 257} // x25519, P-256, P-384, P-521, ffdhe2048, ffdhe3072
	signatures = []uint16{
		0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501, 0x0601,
		0x0203, 0x0201, 0x0402, 0x0202, // with SHA-1, and DSA
	}
)

// marshal returns a record with a ClientHello (RFC 5246, section 7.4.1.2; RFC 8446, section 4.1.2).
func (o *Offer) marshal() ([]byte, error) {
	random := make([]byte, 64)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	share, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddUint8(recordHandshake)
	b.AddUint16(min(o.Version, tls.VersionTLS10))
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint8(1) // client_hello
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddUint16(min(o.Version, tls.VersionTLS12))
			b.AddBytes(random[:32])
			b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) {
				if o.Version >= tls.VersionTLS13 {
					b.AddBytes(random[32:]) // for what is in between (RFC 8446, appendix D.4)
				}
			})
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { addAll(b, o.Suites) })
			b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint8(0) }) // no compression
			if o.Version > VersionSSL30 {
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { o.addExtensions(b, share.PublicKey().Bytes()) })
			}
		})
	})
	return b.Bytes()
}

func addAll(b *cryptobyte.Builder, list []uint16) {
	for _, n := range list {
		b.AddUint16(n)
	}
}

func addExtension(b *cryptobyte.Builder, number uint16, body func(b *cryptobyte.Builder)) {
	b.AddUint16(number)
	b.AddUint16LengthPrefixed(body)
}

func (o *Offer) addExtensions(b *cryptobyte.Builder, share []byte) {
	list := func(values []uint16) func(*cryptobyte.Builder) {
		return func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { addAll(b, values) })
		}
	}
	if _, err := netip.ParseAddr(o.ServerName); err != nil && o.ServerName != "" {
		addExtension(b, extServerName, func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				b.AddUint8(0) // host_name
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(o.ServerName)) })
			})
		})
	}
	addExtension(b, extSupportedGroups, list(groups))
	if o.Version >= tls.VersionTLS12 {
		addExtension(b, extSignatureAlgorithms, list(signatures))
	}
	if o.Version < tls.VersionTLS13 {
		addExtension(b, extPointFormats, func(b *cryptobyte.Builder) { b.AddBytes([]byte{1, 0}) }) // uncompressed
		addExtension(b, extExtendedMaster, func(*cryptobyte.Builder) {})
		addExtension(b, extRenegotiationInfo, func(b *cryptobyte.Builder) { b.AddUint8(0) })
		return
	}
	addExtension(b, extSupportedVersions, func(b *cryptobyte.Builder) {
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint16(o.Version) })
	})
	addExtension(b, extPSKModes, func(b *cryptobyte.Builder) { b.AddBytes([]byte{1, 1}) })
	addExtension(b, extKeyShare, func(b *cryptobyte.Builder) {
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddUint16(groups[0])
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(share) })
		})
	})
}
