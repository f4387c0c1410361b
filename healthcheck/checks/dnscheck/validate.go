package dnscheck

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
)

// validator turns parts of a Config into what a run needs and collects the mistakes.
type validator struct {
	config Config
	field.Mistakes
}

func (v *validator) hasServer() bool { return v.config.Server != "" || len(v.config.Servers) > 0 }

// needServer notes a field that is set and means nothing to the system's resolver.
func (v *validator) needServer(name string, set bool) {
	if set && !v.hasServer() {
		v.Add(name, "needs a server")
	}
}

func (v *validator) protocol() string {
	protocol := v.OneOf("protocol", v.config.Protocol, protocolUDP, protocolTCP, protocolTLS, protocolHTTPS)
	if v.config.Protocol == protocol && !v.hasServer() {
		v.Add("protocol", "needs a server: the system's resolver chooses for itself")
	}
	return protocol
}

const maxServers = 16

func (v *validator) servers() (list []server) {
	v.needServer("recursion_desired", v.config.RecursionDesired != nil)
	field.Between(&v.Mistakes, "edns_buffer_size", v.bufferSize(), minBufferSize, maxBufferSize)
	v.needServer("edns_buffer_size", v.config.EDNSBufferSize != 0)
	v.needServer("nsid", v.config.NSID)
	v.NotNegative("max_latency", v.config.MaxLatency)
	v.needServer("max_latency", v.config.MaxLatency > 0)
	v.NotNegative("min_validity", v.config.MinValidity)
	if p := v.config.Protocol; v.config.MinValidity > 0 && p != protocolTLS && p != protocolHTTPS {
		v.Add("min_validity", "needs protocol tls or https")
	}
	add := func(name, text string) {
		s, err := parseServer(text, v.config.Protocol)
		if err != nil {
			v.Check(name, err)
			return
		}
		if slices.ContainsFunc(list, func(other server) bool { return other.text == s.text }) {
			v.Add(name, "is given twice")
		}
		list = append(list, s)
	}
	if v.config.Server != "" {
		add("server", v.config.Server)
		if len(v.config.Servers) > 0 {
			v.Add("servers", "stands beside server: leave only one of them")
			return list
		}
	}
	if len(v.config.Servers) > maxServers {
		v.Add("servers", "more than %d servers", maxServers)
		return list
	}
	for i, s := range v.config.Servers {
		add(field.Item("servers", i), s)
	}
	return list
}

func (v *validator) bufferSize() int {
	if v.config.EDNSBufferSize == 0 {
		return defaultBufferSize
	}
	return v.config.EDNSBufferSize
}

// network returns what is appended to the name of a network.
func (v *validator) network() string {
	if v.config.IPProtocol == "" {
		return ""
	}
	ip := v.OneOf("ip_protocol", v.config.IPProtocol, "ip4", "ip6")
	v.needServer("ip_protocol", true)
	return strings.TrimPrefix(ip, "ip")
}

func (v *validator) method() string {
	method := v.OneOf("method", strings.ToUpper(v.config.Method), "POST", "GET")
	if v.config.Method != "" && v.config.Protocol != protocolHTTPS {
		v.Add("method", "needs protocol https")
	}
	return method
}

// tlsSource is for protocol tls. For https it finds mistakes only: what speaks HTTP has a source of its own.
func (v *validator) tlsSource(protocol string) *certs.Source {
	if protocol != protocolTLS && protocol != protocolHTTPS {
		if v.config.TLSConfig != nil {
			v.Add("tls_config", "needs protocol tls or https")
		}
		return nil
	}
	source, err := certs.NewSourceOf(v.config.TLSConfig)
	v.Check("tls_config", err)
	if protocol != protocolTLS {
		return nil
	}
	return source
}

func (v *validator) dnssec() dnssec {
	c := v.config.DNSSEC
	v.NotNegative("dnssec.min_validity", c.MinValidity)
	v.needServer("dnssec", c != DNSSEC{})
	return dnssec{ad: c.AD, signatures: c.Signatures || c.Verify || c.MinValidity > 0, minValidity: c.MinValidity, verify: c.Verify}
}

func (v *validator) class() uint16 {
	class := v.OneOf("class", v.config.Class, "IN", "CH", "HS")
	v.needServer("class", class != "IN")
	return dns.StringToClass[class]
}

// lookups returns the questions to ask, one for each type.
func (v *validator) lookups() []lookup {
	class := v.class()
	types := v.types()
	name := v.name()
	if name == "" {
		return nil
	}
	d := v.config.DNSSEC
	options := options{
		class:            class,
		recursionDesired: v.config.RecursionDesired == nil || *v.config.RecursionDesired,
		bufferSize:       uint16(min(max(v.bufferSize(), minBufferSize), maxBufferSize)),
		authentic:        d.AD,
		signatures:       d.Signatures || d.Verify || d.MinValidity > 0,
		nsid:             v.config.NSID || v.config.Expect.NSID != "",
	}
	var lookups []lookup
	for _, t := range types {
		l, err := newLookup(name, t, options)
		if err != nil {
			v.Add("name", "%w", err)
			return nil
		}
		lookups = append(lookups, l)
	}
	return lookups
}

// types returns the types to look up, none where that is wrong.
func (v *validator) types() []uint16 {
	t := v.config.Type
	if t == "" {
		return []uint16{dns.TypeA, dns.TypeAAAA}
	}
	code, ok := typeCode(t)
	switch {
	case !ok:
		v.Add("type", "%.40q is not a type of records, such as A, MX or TYPE65280", v.config.Type)
		return nil
	case !v.hasServer() && !slices.Contains(systemTypes, t):
		v.Add("type", "%s needs a server: the system's resolver does not offer it", t)
		return nil
	}
	return []uint16{code}
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
	case v.config.Type == "PTR" && !v.hasServer():
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
