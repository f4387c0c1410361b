package hello

import (
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/crypto/cryptobyte"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

const (
	recordAlert     = 21
	recordHandshake = 22

	alertWarning  = 1
	maxRecords    = 4
	maxRecord     = 1<<14 + 2048
	serverHello   = 2
	messageHeader = 4 // type and length
)

var errAnswer = healthcheck.Errorf(healthcheck.ReasonProtocol, "the answer is not one of TLS")

func broken(text string) error { return fmt.Errorf("%w: %s", errAnswer, text) }

// readServerHello returns what is in the ServerHello; nil where the server refuses, or with an error.
func readServerHello(r io.Reader) (body []byte, err error) {
	var message []byte
	for range maxRecords {
		var head [5]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return nil, err
		}
		size := int(binary.BigEndian.Uint16(head[3:]))
		if head[0] != recordAlert && head[0] != recordHandshake || head[1] != 3 || size == 0 || size > maxRecord {
			return nil, broken("it does not begin as one")
		}
		content := make([]byte, size)
		if _, err := io.ReadFull(r, content); err != nil {
			return nil, err
		}
		if head[0] == recordAlert {
			if len(content) == 2 && content[0] == alertWarning && content[1] != 0 { // such as unrecognized_name
				continue
			}
			return nil, nil
		}
		message = append(message, content...)
		if message[0] != serverHello {
			return nil, broken("it is no ServerHello")
		}
		if len(message) < messageHeader {
			continue
		}
		if end := messageHeader + int(message[1])<<16 + int(binary.BigEndian.Uint16(message[2:])); end <= len(message) {
			return message[messageHeader:end], nil
		}
	}
	return nil, broken("it has no end")
}

// parse reads a ServerHello (RFC 5246, section 7.4.1.3), or a HelloRetryRequest, which is one (RFC 8446, section 4.1.4).
func parse(body []byte) (c Choice, err error) {
	s := cryptobyte.String(body)
	var session cryptobyte.String
	if !s.ReadUint16(&c.Version) || !s.Skip(32) || !s.ReadUint8LengthPrefixed(&session) || !s.ReadUint16(&c.Suite) || !s.Skip(1) {
		return c, broken("the ServerHello is cut")
	}
	if s.Empty() {
		return c, nil
	}
	var extensions cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&extensions) {
		return c, broken("the ServerHello is cut")
	}
	for !extensions.Empty() {
		var number uint16
		var content cryptobyte.String
		if !extensions.ReadUint16(&number) || !extensions.ReadUint16LengthPrefixed(&content) {
			return c, broken("the ServerHello is cut")
		}
		if number == extSupportedVersions && !content.ReadUint16(&c.Version) {
			return c, broken("the ServerHello is cut")
		}
	}
	return c, nil
}
