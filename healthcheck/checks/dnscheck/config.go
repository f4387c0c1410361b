// Package dnscheck checks that a name resolves, at a given DNS server or through the resolver of the system.
package dnscheck

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
)

// Kind is the key of this kind of check in a configuration.
const Kind = "dns"

// Config says what to resolve, where, and what to expect.
type Config struct {
	// Name to resolve, complete: only the system's resolver has a search list. An internationalized name is converted as
	// browsers do it. For type PTR it may be an IP address.
	Name string `yaml:"name" example:"example.com"`
	// Type of the records: A, AAAA, CNAME, MX, TXT, NS, SOA, SRV, PTR or CAA. The default is any address: A and AAAA
	// are both looked up and count together. SOA and CAA need a server.
	Type string `yaml:"type" example:"MX"`
	// Server to ask: a host name or IP address with an optional port, by default 53, or 853 with protocol tls.
	// Without a server the system's resolver is used, with all it knows beside DNS, such as /etc/hosts.
	Server string `yaml:"server" example:"192.0.2.53"`
	// Protocol is how to ask: udp (the default, with a second try over TCP where the answer was truncated), tcp, or tls for DNS
	// over TLS (RFC 7858).
	Protocol string `yaml:"protocol" default:"udp" example:"tls"`
	// TLSConfig is for protocol tls.
	TLSConfig *config.TLSConfig `yaml:"tls_config"`
	// RecursionDesired asks the server to find the answer elsewhere where it does not know it itself. Nil means true.
	RecursionDesired *bool `yaml:"recursion_desired" default:"true"`
	// Expect is what makes the answer good.
	Expect Expect `yaml:"expect"`
}

// Expect says which answer is right. Record data has the presentation form of zone files (RFC 1035, section 5.1),
// with names in lower case and ending in a dot ("10 mail.example.org."), except for TXT: the text itself, its parts
// joined and not quoted. Only records of the asked type count, not the CNAMEs on the way to them.
type Expect struct {
	// Rcode is the response code, NOERROR by default. Without a server only NOERROR and NXDOMAIN are possible, and
	// NXDOMAIN includes names that have no record of the type.
	Rcode string `yaml:"rcode" default:"NOERROR" example:"NXDOMAIN"`
	// Answers lists all the record data that must be there, and nothing else may be; the order does not matter.
	Answers []string `yaml:"answers" example:"[192.0.2.1, 192.0.2.2]"`
	// Contains lists record data that must be there, whatever else is.
	Contains []string `yaml:"contains" example:"[192.0.2.1]"`
	// Matches lists regular expressions, each of which must match the data of at least one record.
	Matches []string `yaml:"matches" example:"['^192\\.0\\.2\\.']"`
	// NotMatches lists regular expressions, none of which may match the data of any record.
	NotMatches []string `yaml:"not_matches" example:"['^10\\.']"`
	// MinAnswers is the least number of records. Nil means 1 where NOERROR is expected, otherwise 0.
	MinAnswers *int `yaml:"min_answers" example:"2"`
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
	label := c.Name
	if c.Type != "" {
		label += " " + strings.ToUpper(c.Type)
	}
	if c.Server == "" {
		return label
	}
	return label + " at " + target.AddressLabel(c.Server, defaultPort(c.Protocol))
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
		dialer:   peer.Dialer{Resolver: net.DefaultResolver},
		expect:   v.expectation(),
	}
	chk.dialer.TLS = v.tlsSource(chk.protocol)
	chk.lookups = v.lookups()
	if err := v.Err(); err != nil {
		return nil, err
	}
	return chk, nil
}

// validator turns parts of a Config into what a run needs and collects the mistakes.
type validator struct {
	config Config
	field.Mistakes
}

func (v *validator) protocol() string {
	protocol := v.OneOf("protocol", v.config.Protocol, protocolUDP, protocolTCP, protocolTLS)
	if v.config.Protocol == protocol && v.config.Server == "" {
		v.Add("protocol", "needs a server: the system's resolver chooses for itself")
	}
	return protocol
}

func (v *validator) server() (address target.Address) {
	if v.config.Server == "" {
		if v.config.RecursionDesired != nil {
			v.Add("recursion_desired", "needs a server")
		}
		return target.Address{}
	}
	address, err := target.ParseAddress(v.config.Server, defaultPort(v.config.Protocol))
	v.Check("server", err)
	return address
}

func defaultPort(protocol string) string {
	if protocol == protocolTLS {
		return "853"
	}
	return "53"
}

func (v *validator) tlsSource(protocol string) *certs.Source {
	if protocol != protocolTLS {
		if v.config.TLSConfig != nil {
			v.Add("tls_config", "needs protocol tls")
		}
		return nil
	}
	source, err := certs.NewSourceOf(v.config.TLSConfig)
	v.Check("tls_config", err)
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
		v.Add("type", "%s needs a server: the system's resolver does not offer it", t)
		types = nil
	default:
		v.Add("type", "%q is not one of %s", v.config.Type, strings.Join(serverTypes, ", "))
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
			v.Add("name", "%w", err)
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
		v.Add("name", "is missing: which name should be resolved?")
	case v.config.Type == "PTR" && v.config.Server == "":
		if !isIP {
			v.Add("name", "%q is not an IP address, which type PTR needs where no server is given", name)
			return ""
		}
		return addr.Unmap().WithZone("").String()
	case v.config.Type == "PTR" && isIP:
		reverse, err := dns.ReverseAddr(addr.Unmap().WithZone("").String())
		if err != nil {
			v.Add("name", "%w", err)
		}
		return reverse
	case isIP:
		v.Add("name", "%q is an IP address, which only type PTR resolves", name)
	default:
		ascii, err := target.ASCII(name)
		if err != nil {
			v.Check("name", err)
			return ""
		}
		if _, ok := dns.IsDomainName(ascii); ok && !strings.ContainsFunc(ascii, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return ascii
		}
		v.Add("name", "is not a domain name")
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
			v.Add("expect.min_answers", "%d is negative", e.minAnswers)
		}
	}
	if len(want.Answers) > 0 && len(want.Contains) > 0 {
		v.Add("expect.contains", "means nothing beside answers, which lists all that may be there")
	}
	e.answers = v.records("expect.answers", want.Answers)
	e.contains = v.records("expect.contains", want.Contains)
	e.matches = v.Patterns("expect.matches", want.Matches)
	e.notMatches = v.Patterns("expect.not_matches", want.NotMatches)
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
		v.Add("expect.rcode", "%q is not a response code such as NOERROR, NXDOMAIN or REFUSED", v.config.Expect.Rcode)
	case v.config.Server == "" && code != dns.RcodeSuccess && code != dns.RcodeNameError:
		v.Add("expect.rcode", "%s needs a server: the system's resolver tells only NOERROR and NXDOMAIN apart", want)
	}
	return code
}

// records returns the record data in list in the form in which answers are compared.
func (v *validator) records(name string, list []string) []string {
	out := make([]string, 0, len(list))
	for i, s := range list {
		r, err := canonicalRecord(v.config.Type, s)
		if err != nil {
			v.Check(field.Item(name, i), err)
			continue
		}
		out = append(out, r)
	}
	return out
}
