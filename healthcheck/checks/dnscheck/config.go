// Package dnscheck checks that a name resolves, at a given DNS server or through the resolver of the system.
package dnscheck

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
)

// Kind is the key of this kind of check in a configuration.
const Kind = "dns"

// Config says what to resolve, where, and what to expect.
type Config struct {
	// Name to resolve, complete: only the system's resolver has a search list. For type PTR it may be an IP address.
	Name string `yaml:"name"`
	// Type of the records: A, AAAA, CNAME, MX, TXT, NS, SOA, SRV, PTR or CAA. The default is any address: A and AAAA
	// are both looked up and count together. SOA and CAA need a server.
	Type string `yaml:"type"`
	// Server to ask: a host name or IP address with an optional port, by default 53, or 853 with protocol tls.
	// Without a server the system's resolver is used, with all it knows beside DNS, such as /etc/hosts.
	Server string `yaml:"server"`
	// Protocol is udp (the default, with a second try over TCP where the answer was truncated), tcp, or tls for DNS
	// over TLS (RFC 7858).
	Protocol string `yaml:"protocol"`
	// TLSConfig for protocol tls.
	TLSConfig *config.TLSConfig `yaml:"tls_config"`
	// RecursionDesired asks the server to find the answer elsewhere where it does not know it itself. Nil means true.
	RecursionDesired *bool  `yaml:"recursion_desired"`
	Expect           Expect `yaml:"expect"`
}

// Expect says which answer is right. Record data has the presentation form of zone files (RFC 1035, section 5.1),
// with names in lower case and ending in a dot ("10 mail.example.org."), except for TXT: the text itself, its parts
// joined and not quoted. Only records of the asked type count, not the CNAMEs on the way to them.
type Expect struct {
	// Rcode is the response code, NOERROR by default. Without a server only NOERROR and NXDOMAIN are possible, and
	// NXDOMAIN includes names that have no record of the type.
	Rcode string `yaml:"rcode"`
	// Answers lists all the record data that must be there, and nothing else may be; the order does not matter.
	Answers []string `yaml:"answers"`
	// Contains lists record data that must be there, whatever else is.
	Contains []string `yaml:"contains"`
	// Matches lists regular expressions, each of which must match the data of at least one record.
	Matches []string `yaml:"matches"`
	// MinAnswers is the least number of records. Nil means 1 where NOERROR is expected, otherwise 0.
	MinAnswers *int `yaml:"min_answers"`
}

const (
	protocolUDP = "udp"
	protocolTCP = "tcp"
	protocolTLS = "tls"
)

var (
	serverTypes = []string{"A", "AAAA", "CNAME", "MX", "TXT", "NS", "SOA", "SRV", "PTR", "CAA"}
	systemTypes = []string{"A", "AAAA", "CNAME", "MX", "TXT", "NS", "SRV", "PTR"}
)

// Target returns the name, the type and the server as in "example.org MX at 192.0.2.1:53".
func (c Config) Target() string {
	target := c.Name
	if c.Type != "" {
		target += " " + strings.ToUpper(c.Type)
	}
	if c.Server == "" {
		return target
	}
	server := c.Server[strings.LastIndexByte(c.Server, '@')+1:] // New refuses what would be before it
	if address, err := serverAddress(server, c.Protocol); err == nil {
		server = address
	}
	return target + " at " + server
}

// SetDirectory makes relative file names relative to dir, the directory of the configuration.
func (c *Config) SetDirectory(dir string) { c.TLSConfig.SetDirectory(dir) }

// New returns the check that c describes, or all mistakes in c as [healthcheck.FieldError]s. CA files are read here,
// and again when they change.
func New(c Config) (healthcheck.Checker, error) {
	v := validator{config: c}
	v.config.Type = strings.ToUpper(c.Type)
	chk := &checker{
		target:   c.Target(),
		protocol: v.protocol(),
		server:   v.server(),
		resolver: net.DefaultResolver,
		expect:   v.expectation(),
	}
	chk.tls = v.tlsSource(chk.protocol)
	chk.lookups = v.lookups()
	if err := errors.Join(v.errs...); err != nil {
		return nil, err
	}
	return chk, nil
}

// validator turns parts of a Config into what a run needs and collects the mistakes.
type validator struct {
	config Config
	errs   []error
}

func (v *validator) bad(field, format string, args ...any) {
	v.errs = append(v.errs, healthcheck.FieldErrorf(field, format, args...))
}

func (v *validator) protocol() string {
	switch p := v.config.Protocol; {
	case p == "":
		return protocolUDP
	case p != protocolUDP && p != protocolTCP && p != protocolTLS:
		v.bad("protocol", "%q is not one of udp, tcp, tls", p)
		return protocolUDP
	case v.config.Server == "":
		v.bad("protocol", "needs a server: the system's resolver chooses for itself")
		return p
	default:
		return p
	}
}

func (v *validator) server() string {
	if v.config.Server == "" {
		if v.config.RecursionDesired != nil {
			v.bad("recursion_desired", "needs a server")
		}
		return ""
	}
	address, err := serverAddress(v.config.Server, v.config.Protocol)
	if err != nil {
		v.bad("server", "%w", err)
	}
	return address
}

// serverAddress returns s as host:port. Its errors do not repeat s, which may be a URL with a password.
func serverAddress(s, protocol string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = s, "53"
		if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
			host = s[1 : len(s)-1]
		}
		if protocol == protocolTLS {
			port = "853"
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", errors.New("the port must be a number from 1 to 65535")
	}
	if _, err := netip.ParseAddr(host); err != nil && !isHostName(host) {
		return "", errors.New(`must be a host name or IP address with an optional port, such as "192.0.2.1:53" or "[::1]:53"`)
	}
	return net.JoinHostPort(host, port), nil
}

// isHostName reports whether s could be the name of a host: letters, digits, hyphens, underscores and dots.
func isHostName(s string) bool {
	_, ok := dns.IsDomainName(s)
	return ok && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

func (v *validator) tlsSource(protocol string) *certs.Source {
	if protocol != protocolTLS {
		if v.config.TLSConfig != nil {
			v.bad("tls_config", "needs protocol tls")
		}
		return nil
	}
	var settings config.TLSConfig
	if v.config.TLSConfig != nil {
		settings = *v.config.TLSConfig
	}
	source, err := certs.NewSource(settings)
	if err != nil {
		v.bad("tls_config", "%w", err)
	}
	return source
}

// lookups returns the questions to ask, one for each type.
func (v *validator) lookups() []lookup {
	types := serverTypes
	if v.config.Server == "" {
		types = systemTypes
	}
	switch t := v.config.Type; {
	case t == "":
		types = []string{"A", "AAAA"}
	case slices.Contains(types, t):
		types = []string{t}
	case slices.Contains(serverTypes, t):
		v.bad("type", "%s needs a server: the system's resolver does not offer it", t)
		types = nil
	default:
		v.bad("type", "%q is not one of %s", v.config.Type, strings.Join(serverTypes, ", "))
		types = nil
	}
	name := v.name()
	if name == "" {
		return nil
	}
	var lookups []lookup
	for _, t := range types {
		l, err := newLookup(name, dns.StringToType[t], v.config.RecursionDesired == nil || *v.config.RecursionDesired)
		if err != nil {
			v.bad("name", "%w", err)
			return nil
		}
		lookups = append(lookups, l)
	}
	return lookups
}

// name returns the name to ask for, or "" where it is wrong. Asking for the PTR of an address means asking for its
// name below in-addr.arpa or ip6.arpa; the system's resolver wants the address itself.
func (v *validator) name() string {
	name := v.config.Name
	addr, err := netip.ParseAddr(name)
	isIP := err == nil
	switch {
	case name == "":
		v.bad("name", "is missing: which name should be resolved?")
	case v.config.Type == "PTR" && v.config.Server == "":
		if !isIP {
			v.bad("name", "%q is not an IP address, which type PTR needs where no server is given", name)
			return ""
		}
		return addr.Unmap().WithZone("").String()
	case v.config.Type == "PTR" && isIP:
		reverse, err := dns.ReverseAddr(addr.Unmap().WithZone("").String())
		if err != nil {
			v.bad("name", "%w", err)
		}
		return reverse
	case isIP:
		v.bad("name", "%q is an IP address, which only type PTR resolves", name)
	case strings.ContainsFunc(name, func(r rune) bool { return r > '~' }):
		v.bad("name", "%q is not ASCII: write an internationalized name in its xn-- form", name)
	default:
		if _, ok := dns.IsDomainName(name); ok && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' }) {
			return name
		}
		v.bad("name", "is not a domain name")
	}
	return ""
}

func (v *validator) expectation() expectation {
	want := v.config.Expect
	e := expectation{rcode: v.rcode()}
	if e.rcode == dns.RcodeSuccess {
		e.minAnswers = 1
	}
	if want.MinAnswers != nil {
		e.minAnswers = *want.MinAnswers
		if e.minAnswers < 0 {
			v.bad("expect.min_answers", "%d is negative", e.minAnswers)
		}
	}
	if len(want.Answers) > 0 && len(want.Contains) > 0 {
		v.bad("expect.contains", "means nothing beside answers, which lists all that may be there")
	}
	e.answers = v.records("expect.answers", want.Answers)
	e.contains = v.records("expect.contains", want.Contains)
	for i, s := range want.Matches {
		re, err := regexp.Compile(s)
		if err != nil {
			v.bad(fmt.Sprintf("expect.matches[%d]", i), "%w", err)
			continue
		}
		e.matches = append(e.matches, re)
	}
	return e
}

func (v *validator) rcode() int {
	want := strings.ToUpper(v.config.Expect.Rcode)
	if want == "" {
		return dns.RcodeSuccess
	}
	code, ok := dns.StringToRcode[want]
	switch {
	case !ok:
		v.bad("expect.rcode", "%q is not a response code such as NOERROR, NXDOMAIN or REFUSED", v.config.Expect.Rcode)
	case v.config.Server == "" && code != dns.RcodeSuccess && code != dns.RcodeNameError:
		v.bad("expect.rcode", "%s needs a server: the system's resolver tells only NOERROR and NXDOMAIN apart", want)
	}
	return code
}

// records returns the record data in list in the form in which answers are compared.
func (v *validator) records(field string, list []string) []string {
	out := make([]string, 0, len(list))
	for i, s := range list {
		r, err := canonicalRecord(v.config.Type, s)
		if err != nil {
			v.bad(fmt.Sprintf("%s[%d]", field, i), "%w", err)
			continue
		}
		out = append(out, r)
	}
	return out
}

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
	rr, err := dns.NewRR(fmt.Sprintf(". 0 IN %s %s", recordType, data))
	if err != nil || rr == nil {
		return "", fmt.Errorf("%q is not the data of a record of type %s", data, recordType)
	}
	return presentation(rr), nil
}
