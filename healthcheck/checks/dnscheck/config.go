// Package dnscheck checks that a name resolves, at a given DNS server or through the resolver of the system.
package dnscheck

import (
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Kind is the key of this kind of check in a configuration.
const Kind = "dns"

// Config says what to resolve, where, and what to expect.
type Config struct {
	// Name to resolve, complete: only the system's resolver has a search list. An internationalized name is converted as
	// browsers do it. For type PTR it may be an IP address.
	Name string `yaml:"name" example:"example.com"`
	// Type of the records: any, by its name or, as in RFC 3597, by its number (TYPE65). The default is any address: A and
	// AAAA are both looked up and count together. Without a server there are A, AAAA, CNAME, MX, TXT, NS, SRV and PTR.
	Type string `yaml:"type" example:"MX"`
	// Class of the records: IN, CH (which servers tell of themselves in, as in "id.server" of type TXT) or HS.
	Class string `yaml:"class" default:"IN" example:"CH"`
	// Server to ask: a host name or IP address with an optional port, by default 53, 853 with protocol tls, or 443 with
	// protocol https, where it may also be the URL; its path is /dns-query unless it has one. Without a server the
	// system's resolver is used, with all it knows beside DNS, such as /etc/hosts.
	Server string `yaml:"server" example:"192.0.2.53"`
	// Servers, instead of Server, is a list of them, 16 at most, which are all asked, at the same time. Each must give an answer as
	// expected.
	Servers []string `yaml:"servers" example:"[ns1.example.com, ns2.example.com]"`
	// Protocol is how to ask: udp (the default, with a second try over TCP where the answer was truncated), tcp, tls for DNS
	// over TLS (RFC 7858), or https for DNS over HTTPS (RFC 8484).
	Protocol string `yaml:"protocol" default:"udp" example:"tls"`
	// Method is that of protocol https: POST, the default, or GET, which caches on the way may answer, although they are
	// asked not to.
	Method string `yaml:"method" example:"GET"`
	// IPProtocol is ip4 or ip6 to reach servers over that only; by default it is what the system prefers.
	IPProtocol string `yaml:"ip_protocol" example:"ip6"`
	// TLSConfig is for the protocols tls and https.
	TLSConfig *config.TLSConfig `yaml:"tls_config"`
	// RecursionDesired asks the server to find the answer elsewhere where it does not know it itself. Nil means true.
	RecursionDesired *bool `yaml:"recursion_desired" default:"true"`
	// EDNSBufferSize is the longest answer over UDP that the server is told to send, in bytes, from 512 to 4096 (RFC 6891).
	EDNSBufferSize int `yaml:"edns_buffer_size" default:"1232" example:"4096"`
	// NSID asks the server for its name among those behind one address (RFC 5001). It is shown in the details.
	NSID bool `yaml:"nsid" default:"false" example:"true"`
	// DNSSEC is what the answer must have of DNSSEC.
	DNSSEC DNSSEC `yaml:"dnssec"`
	// MinValidity is how long the certificate chain of each server must be valid from now on. It needs protocol tls or https.
	MinValidity time.Duration `yaml:"min_validity" default:"0s" example:"14d"`
	// MaxLatency is the longest that the answers of a server may take, with the connection to it; zero means as long as the
	// run may. It needs a server.
	MaxLatency time.Duration `yaml:"max_latency" default:"0s" example:"500ms"`
	// Expect is what makes the answer good.
	Expect Expect `yaml:"expect"`
}

// DNSSEC says what of DNSSEC (RFC 4033 to 4035) must be there. All of it needs a server. With it a server that knows no
// EDNS, which signatures need, fails.
type DNSSEC struct {
	// AD wants the AD flag in the answer: a validating resolver says that it has verified it (RFC 6840, section 5.7). It
	// is worth as much as the way to that resolver is safe.
	AD bool `yaml:"ad" default:"false" example:"true"`
	// Signatures wants signatures (RRSIG) of all that the answer holds, each set of records with one within its time; of
	// an answer that there is nothing, or that was made from a wildcard, also a proof (NSEC or NSEC3), and its signatures.
	// It asks with the DO flag. The time when the first of all these signatures expires is measured.
	Signatures bool `yaml:"signatures" default:"false" example:"true"`
	// MinValidity is how long each of the signatures must still be valid. It implies Signatures.
	MinValidity time.Duration `yaml:"min_validity" default:"0s" example:"72h"`
	// Verify wants signatures that are right by the keys (DNSKEY) which the same server has for the zone, and keys signed
	// by one of themselves. It implies Signatures. That proves that server, keys and signatures go together, as they
	// do not after a change of keys that went wrong; it does not prove that the parent zone trusts the keys (no DS record
	// is looked at), nor that what denies a name denies the right one. Algorithms are those of RSA, ECDSA and Ed25519.
	Verify bool `yaml:"verify" default:"false" example:"true"`
}

const (
	protocolUDP   = "udp"
	protocolTCP   = "tcp"
	protocolTLS   = "tls"
	protocolHTTPS = "https"
)

// Target returns the name, the type and the server as in "example.org MX at 192.0.2.1:53".
func (c Config) Target() string {
	label := c.Name
	if class := strings.ToUpper(c.Class); class != "" && class != "IN" {
		label += " " + class
	}
	if c.Type != "" {
		label += " " + strings.ToUpper(c.Type)
	}
	const shown = 3
	servers := c.servers()
	for i, s := range servers {
		switch i {
		case shown:
			return label + fmt.Sprintf(" and %d more", len(servers)-shown)
		case 0:
			label += " at "
		default:
			label += ", "
		}
		label += serverLabel(s, c.Protocol)
	}
	return label
}

// servers returns those of either key.
func (c *Config) servers() []string {
	if c.Server != "" {
		return []string{c.Server}
	}
	return c.Servers
}

// SetDirectory makes relative file names relative to dir, the directory of the configuration.
func (c *Config) SetDirectory(dir string) { c.TLSConfig.SetDirectory(dir) }

// New returns the check that c describes, or all mistakes in c as [healthcheck.FieldError]s. CA files are read here,
// and again when they change.
func New(c Config) (healthcheck.Checker, error) {
	v := validator{config: c}
	v.config.Type, v.config.Class = canonicalType(c.Type), strings.ToUpper(c.Class)
	chk := &checker{
		target:     c.Target(),
		resolver:   net.DefaultResolver,
		protocol:   v.protocol(),
		servers:    v.servers(),
		expect:     v.expectation(),
		dnssec:     v.dnssec(),
		nsid:       c.NSID || c.Expect.NSID != "",
		maxLatency: c.MaxLatency, minValidity: c.MinValidity,
	}
	chk.network = v.network()
	chk.tls = v.tlsSource(chk.protocol)
	method := v.method()
	chk.lookups = v.lookups()
	if chk.protocol == protocolHTTPS && v.Err() == nil {
		v.connectHTTPS(chk, method)
	}
	if err := v.Err(); err != nil {
		return nil, err
	}
	chk.expect.hide(chk.secrets)
	chk.dnssec.secrets = chk.secrets
	return chk, nil
}
