package starttls

import (
	"encoding/binary"
	"io"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

func (t *talk) read(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(t.in, b)
	return b, err
}

// postgres: the message SSLRequest (PostgreSQL, chapter 54.7, Message Formats).
func (t *talk) postgres() error {
	if err := t.say("\x00\x00\x00\x08\x04\xd2\x16\x2f"); err != nil {
		return err
	}
	answer, err := t.read(1)
	switch {
	case err != nil:
		return err
	case answer[0] == 'S':
		return nil
	case answer[0] == 'N':
		return healthcheck.Errorf(healthcheck.ReasonTLS, "the server does not offer TLS")
	}
	return broken("the answer is not one of PostgreSQL: %s", excerpt(answer))
}

// The flags of what server and client can (MySQL, Capabilities Flags).
const (
	clientProtocol41       = 1 << 9
	clientSSL              = 1 << 11
	clientSecureConnection = 1 << 15
)

// mysql: Protocol::HandshakeV10, then Protocol::SSLRequest (MySQL, Client/Server Protocol, Connection Phase).
func (t *talk) mysql() error {
	head, err := t.read(4)
	if err != nil {
		return err
	}
	size := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if size < 1 || size > maxHeard {
		return broken("the greeting is not one of MySQL: %s", excerpt(head))
	}
	body, err := t.read(size)
	if err != nil {
		return err
	}
	const afterVersion = 4 + 8 + 1 // thread, first part of the nonce, filler
	switch body[0] {
	case 0xff:
		return refused(body[min(3, len(body)):])
	case 10:
	default:
		return broken("the greeting is not one of MySQL: %s", excerpt(body))
	}
	version := 1
	for version < len(body) && body[version] != 0 {
		version++
	}
	flags := version + 1 + afterVersion
	if flags+2 > len(body) {
		return broken("the greeting is cut: %s", excerpt(body))
	}
	if binary.LittleEndian.Uint16(body[flags:])&clientSSL == 0 {
		return healthcheck.Errorf(healthcheck.ReasonTLS, "the server does not offer TLS")
	}
	request := make([]byte, 4+32)
	request[0], request[3] = 32, head[3]+1
	binary.LittleEndian.PutUint32(request[4:], clientProtocol41|clientSSL|clientSecureConnection)
	binary.LittleEndian.PutUint32(request[8:], 1<<24) // the largest packet
	request[12] = 45                                  // utf8mb4
	return t.say(string(request))
}

// ldapStartTLS is message 1, an ExtendedRequest with the object identifier 1.3.6.1.4.1.1466.20037 (RFC 4511, sections
// 4.12 and 4.14.1).
const ldapStartTLS = "\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"

// ldap reads an ExtendedResponse, of which the result code counts. Lengths may have up to two bytes (X.690, section 8.1.3).
func (t *talk) ldap() error {
	if err := t.say(ldapStartTLS); err != nil {
		return err
	}
	body, err := t.message()
	if err != nil {
		return err
	}
	id, rest, ok := cutElement(body)
	if !ok || id.tag != 0x02 {
		return broken("the answer is not one of LDAP: %s", excerpt(body))
	}
	response, _, ok := cutElement(rest)
	if !ok || response.tag != 0x78 {
		return broken("the answer is not one to the request: %s", excerpt(body))
	}
	code, rest, ok := cutElement(response.content)
	if !ok || code.tag != 0x0a || len(code.content) != 1 {
		return broken("the answer has no result code: %s", excerpt(body))
	}
	if code.content[0] == 0 {
		return nil
	}
	_, rest, _ = cutElement(rest) // a name
	message, _, _ := cutElement(rest)
	return healthcheck.Errorf(healthcheck.ReasonTLS, "the server does not begin TLS: result code %d: %s", code.content[0], excerpt(message.content))
}

const sequence = 0x30

// message reads a whole LDAPMessage (RFC 4511, section 4.1.1) and returns what is in it.
func (t *talk) message() (content []byte, err error) {
	head, err := t.read(2)
	if err != nil {
		return nil, err
	}
	if head[0] != sequence {
		return nil, broken("the answer is not one of LDAP: %s", excerpt(head))
	}
	size := int(head[1])
	if size >= 0x80 {
		more, err := t.read(min(size&0x7f, 2))
		if err != nil {
			return nil, err
		}
		if size = lengthOf(size, more); size < 0 {
			return nil, broken("the answer is not one of LDAP: %s", excerpt(head))
		}
	}
	if size > maxHeard {
		return nil, broken("the answer is not one of LDAP: %s", excerpt(head))
	}
	return t.read(size)
}

// lengthOf returns the length that the bytes after first tell, or -1 where it is none of those.
func lengthOf(first int, more []byte) int {
	switch first & 0x7f {
	case 1:
		return int(more[0])
	case 2:
		return int(binary.BigEndian.Uint16(more))
	}
	return -1
}

type element struct {
	tag     byte
	content []byte
}

// cutElement takes the first element off b.
func cutElement(b []byte) (e element, rest []byte, ok bool) {
	if len(b) < 2 {
		return e, nil, false
	}
	size, at := int(b[1]), 2
	if size >= 0x80 {
		n := size & 0x7f
		if n == 0 || n > 2 || len(b) < 2+n {
			return e, nil, false
		}
		size, at = lengthOf(size, b[2:2+n]), 2+n
	}
	if len(b)-at < size {
		return e, nil, false
	}
	return element{b[0], b[at : at+size]}, b[at+size:], true
}
