package dnscheck

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/miekg/dns"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
)

// canonicalRecord returns data, as people write it, in the form of [presentation].
func canonicalRecord(recordType, data string) (string, error) {
	switch recordType {
	case "TXT":
		return data, nil
	case "", "A", "AAAA":
		addr, err := netip.ParseAddr(data)
		switch {
		case err != nil || addr.Zone() != "":
			return "", fmt.Errorf("%q is not an IP address", data)
		case recordType == "A" && !addr.Is4(), recordType == "AAAA" && !addr.Is6():
			return "", fmt.Errorf("%s is not an address of type %s", addr, recordType)
		}
		return addr.String(), nil
	}
	if !slices.Contains(serverTypes, recordType) {
		return "", nil // the type has been reported
	}
	if strings.ContainsAny(data, "\r\n") {
		return "", fmt.Errorf("%q is more than one line", data)
	}
	data, err := asciiNames(data)
	if err != nil {
		return "", err
	}
	rr, err := dns.NewRR(fmt.Sprintf(". 0 IN %s %s", recordType, data))
	if err != nil || rr == nil {
		return "", fmt.Errorf("%q is not the data of a record of type %s", data, recordType)
	}
	return presentation(rr), nil
}

// asciiNames converts the internationalized names in record data.
func asciiNames(data string) (string, error) {
	if !strings.ContainsFunc(data, func(r rune) bool { return r > unicode.MaxASCII }) {
		return data, nil
	}
	words := strings.Fields(data)
	for i, word := range words {
		ascii, err := target.ASCII(word)
		if err != nil {
			return "", fmt.Errorf("%q %w", word, err)
		}
		words[i] = ascii
	}
	return strings.Join(words, " "), nil
}

// presentation returns the data of rr as documented at [Expect].
func presentation(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.A:
		return addressText(rr.A)
	case *dns.AAAA:
		return addressText(rr.AAAA)
	case *dns.TXT:
		return unescape(strings.Join(rr.Txt, ""))
	case *dns.CAA:
		return strings.TrimPrefix(rr.String(), rr.Hdr.String())
	default:
		return strings.ToLower(strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
}

func addressText(ip []byte) string {
	addr, _ := netip.AddrFromSlice(ip)
	return addr.String()
}

// unescape undoes the \DDD and \X of RFC 1035, section 5.1.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i+3 <= len(s) {
			if n, err := strconv.ParseUint(s[i:i+3], 10, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
