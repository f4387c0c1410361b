package target

import (
	"errors"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// The longest name and label in the DNS (RFC 1035, section 2.3.4), in bytes.
const (
	maxName  = 253
	maxLabel = 63
	maxInput = 1024 // before conversion
)

var (
	errHost = errors.New("must be a host name or an IP address")
	errIDN  = errors.New("is no host name that can be converted to ASCII")
)

// profile is how browsers convert names: UTS 46, non-transitional, without the rules that names in use break
// (url.spec.whatwg.org, section 3.3).
var profile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false), idna.CheckHyphens(false))

// Host returns the IP address in its canonical form, or the name in ASCII. Brackets are no part of a host.
func Host(s string) (string, error) {
	host, _, err := parseHost(s)
	return host, err
}

// ParseHost is Host, and returns beside it the host for people.
func ParseHost(s string) (host, label string, err error) { return parseHost(s) }

// HostLabel returns the host for people, or, for what is no host, what can be shown of it: nothing before the last "@",
// which may be a password.
func HostLabel(s string) string {
	if _, label, err := parseHost(s); err == nil {
		return label
	}
	return printable(s[strings.LastIndexByte(s, '@')+1:])
}

// parseHost returns the host for machines and for people.
func parseHost(s string) (host, label string, err error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		if !validZone(addr.Zone()) {
			return "", "", errHost
		}
		return addr.String(), addr.String(), nil
	}
	host, label, err = convert(s)
	switch {
	case err != nil:
		return "", "", err
	case !validName(host):
		return "", "", errHost
	case endsInNumber(host):
		addr, err := netip.ParseAddr(host) // full-width digits have become digits
		if err != nil {
			return "", "", errHost // "127.1", which some resolvers take for an address
		}
		return addr.String(), addr.String(), nil
	}
	return host, label, nil
}

// ASCII returns a domain name as it is asked for in the DNS. A name that is ASCII is returned as it is, whatever is in
// it: not only hosts have names.
func ASCII(name string) (string, error) {
	ascii, _, err := convert(name)
	return ascii, err
}

func convert(s string) (ascii, label string, err error) {
	if isASCII(s) {
		return s, s, nil
	}
	if len(s) > maxInput {
		return "", "", errIDN
	}
	ascii, err = profile.ToASCII(s)
	if err != nil || !isASCII(ascii) {
		return "", "", errIDN
	}
	if label, err = profile.ToUnicode(ascii); err != nil {
		return "", "", errIDN
	}
	return ascii, label, nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// validName reports whether s can be the name of a host, complete (ending in a dot) or not.
func validName(s string) bool {
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > maxName {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > maxLabel || strings.ContainsFunc(label, func(r rune) bool { return !nameRune(r) }) {
			return false
		}
	}
	return true
}

func nameRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}

// endsInNumber reports whether the name, if it is one, could be meant as an IPv4 address.
func endsInNumber(s string) bool {
	s = strings.TrimSuffix(s, ".")
	last := s[strings.LastIndexByte(s, '.')+1:]
	return !strings.ContainsFunc(last, func(r rune) bool { return r < '0' || r > '9' })
}

// validZone reports whether s is empty or the name or number of an interface.
func validZone(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !nameRune(r) && r != '.' && r != ':' && r != '@' })
}
