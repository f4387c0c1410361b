package target

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"unicode"
)

// Address is a host and a port. Addresses can be compared.
type Address struct {
	Host string // an IP address, with its zone, or a name in ASCII
	Port string // a number from 1 to 65535

	name string // the host for people
}

var (
	errAddress = errors.New(`must be host and port, such as "db.example.org:5432" or "[2001:db8::1]:22"`)
	errPort    = errors.New("the port must be a number from 1 to 65535")
)

// ParseAddress reads host:port, with an IPv6 address in brackets. Where there is a default port, the port may be left
// out, and then the brackets too.
func ParseAddress(s, defaultPort string) (Address, error) {
	host, port, err := net.SplitHostPort(s)
	switch {
	case err == nil:
	case defaultPort == "":
		return Address{}, errAddress
	default:
		host, port = unbracket(s), defaultPort
	}
	a := Address{}
	if a.Host, a.name, err = parseHost(host); err != nil {
		if defaultPort == "" {
			return Address{}, errAddress
		}
		return Address{}, errors.New(`must be a host name or IP address with an optional port, such as "192.0.2.1:` + defaultPort + `"`)
	}
	if a.Port, err = Port(port); err != nil {
		return Address{}, err
	}
	return a, nil
}

func unbracket(s string) string {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if inner, ok := strings.CutSuffix(inner, "]"); ok && strings.Contains(inner, ":") {
			return inner
		}
	}
	return s
}

// Port returns the number of a port without leading zeros.
func Port(s string) (string, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return "", errPort
	}
	return strconv.FormatUint(n, 10), nil
}

// String returns the address to dial.
func (a Address) String() string { return net.JoinHostPort(a.Host, a.Port) }

// Label returns the address for people.
func (a Address) Label() string { return net.JoinHostPort(a.name, a.Port) }

// Name returns the host for people.
func (a Address) Name() string { return a.name }

// ServerName returns the name that a certificate of the host has: no zone, which is known to this machine only, and no
// dot at the end (RFC 6066, section 3).
func (a Address) ServerName() string {
	host, _, _ := strings.Cut(a.Host, "%")
	return strings.TrimSuffix(host, ".")
}

// AddressLabel returns what [Address.Label] does, or, for what is no address, what can be shown of it: nothing before
// the last "@", which may be a password.
func AddressLabel(s, defaultPort string) string {
	if a, err := ParseAddress(s, defaultPort); err == nil {
		return a.Label()
	}
	return printable(s[strings.LastIndexByte(s, '@')+1:])
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
