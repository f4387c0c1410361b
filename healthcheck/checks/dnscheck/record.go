package dnscheck

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"github.com/miekg/dns"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
)

// systemTypes are those that the system's resolver offers.
var systemTypes = []string{"A", "AAAA", "CNAME", "MX", "TXT", "NS", "SRV", "PTR"}

// canonicalType returns the name of a type: in capitals, and not as a number (RFC 3597, section 5) where there is a name.
func canonicalType(s string) string {
	s = strings.ToUpper(s)
	if code, ok := typeCode(s); ok {
		return typeText(code)
	}
	return s
}

// typeCode returns the code of a type that can be looked up, by its name in capitals.
func typeCode(s string) (uint16, bool) {
	code, ok := dns.StringToType[s]
	if number, isNumber := strings.CutPrefix(s, "TYPE"); !ok && isNumber {
		n, err := strconv.ParseUint(number, 10, 16)
		code, ok = uint16(n), err == nil
	}
	switch code {
	case dns.TypeNone, dns.TypeOPT, dns.TypeNXNAME, dns.TypeTKEY, dns.TypeTSIG, dns.TypeIXFR, dns.TypeAXFR, dns.TypeMAILB, dns.TypeMAILA, dns.TypeReserved:
		return 0, false // of a message, or a transfer
	}
	return code, ok
}

func typeText(code uint16) string {
	if s, ok := dns.TypeToString[code]; ok {
		return s
	}
	return "TYPE" + strconv.Itoa(int(code))
}

// canonicalRecord returns data, as people write it, in the form of [presentation].
func canonicalRecord(recordType, data string) (string, error) {
	switch recordType {
	case "ANY":
		return canonicalLine(data)
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
	if _, ok := typeCode(recordType); !ok {
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

// canonicalLine returns a record, as people write it, in the form of [lineOf].
func canonicalLine(s string) (string, error) {
	name, rest, _ := strings.Cut(strings.TrimSpace(s), " ")
	typeName, data, ok := strings.Cut(strings.TrimLeft(rest, " "), " ")
	typeName = canonicalType(typeName)
	code, known := typeCode(typeName)
	if !ok || !known || code == dns.TypeANY {
		return "", fmt.Errorf(`%.100q is not name, type and data of a record, as in "example.org. NS ns1.example.org."`, s)
	}
	name, err := target.ASCII(name)
	if err != nil {
		return "", fmt.Errorf("%.100q has a name that %w", s, err)
	}
	if typeName != "TXT" {
		data = strings.TrimLeft(data, " ")
	}
	data, err = canonicalRecord(typeName, data)
	if err != nil {
		return "", err
	}
	name, err = nameAsRead(name)
	if err != nil {
		return "", fmt.Errorf("%.100q has a name that %w", s, err)
	}
	return strings.ToLower(name) + " " + typeName + " " + data, nil
}

// nameAsRead returns a name, complete, in the one form that package dns gives it when it comes over the network.
func nameAsRead(name string) (string, error) {
	packed := make([]byte, 255) // RFC 1035, section 2.3.4
	n, err := dns.PackDomainName(dns.Fqdn(name), packed, 0, nil, false)
	if err != nil {
		return "", errors.New("is not a domain name")
	}
	name, _, err = dns.UnpackDomainName(packed[:n], 0)
	return name, err
}

// lineOf returns rr as documented at [Section].
func lineOf(rr dns.RR) string {
	h := rr.Header()
	return strings.ToLower(h.Name) + " " + typeText(h.Rrtype) + " " + presentation(rr)
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
	case *dns.RFC3597: // which writes its header in another way
		return `\# ` + strconv.Itoa(len(rr.Rdata)/2) + " " + strings.ToLower(rr.Rdata)
	default:
		rr = lowerNames(rr)
		return strings.TrimPrefix(rr.String(), rr.Header().String())
	}
}

// lowerNames returns a copy of rr with the domain names in its data in lower case. The tags of its
// fields, which the packing of package dns goes by too, tell names from texts, keys and the like, whose case counts.
func lowerNames(rr dns.RR) dns.RR {
	rr = dns.Copy(rr)
	lowerFields(reflect.ValueOf(rr).Elem())
	return rr
}

func lowerFields(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		f, field := v.Field(i), v.Type().Field(i)
		tag := field.Tag.Get("dns")
		switch isName := tag == "domain-name" || tag == "cdomain-name"; {
		case field.Anonymous: // HTTPS is an SVCB
			lowerFields(f)
		case isName && f.Kind() == reflect.String:
			f.SetString(strings.ToLower(f.String()))
		case isName && f.Kind() == reflect.Slice:
			for j := range f.Len() {
				f.Index(j).SetString(strings.ToLower(f.Index(j).String()))
			}
		}
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
