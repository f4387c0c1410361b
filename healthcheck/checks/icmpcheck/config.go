// Package icmpcheck checks that a host answers echo requests, how many of them, and how fast (RFC 792, RFC 4443).
//
// Sending them needs a right. On Linux that is the program's group in the sysctl net.ipv4.ping_group_range, for IPv6 too,
// or the capability CAP_NET_RAW; the first is tried first. On macOS everybody has it, on other systems administrators.
package icmpcheck

import (
	"cmp"
	"net/netip"
	"runtime"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/amount"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
)

// Kind is the key of this kind of check in a configuration.
const Kind = "icmp"

// Bounds and defaults.
const (
	defaultCount    = 3
	maxCount        = 100
	defaultInterval = 200 * time.Millisecond
	minInterval     = 10 * time.Millisecond
	defaultTimeout  = time.Second
	minTimeout      = 10 * time.Millisecond
	maxDuration     = time.Minute
	defaultSize     = 56
	minSize         = tokenSize
	maxSize         = 65535 - 20 - 8 // of a packet of IPv4, without its header and that of ICMP
)

// Config says which host to send echo requests to, and what to expect of the answers. Without more than the host, a run is
// OK if there is an answer to at least one of three.
type Config struct {
	// Host is a host name or an IP address, without brackets: "gateway.example.org", "2001:db8::1", "fe80::1%eth0". Of
	// several addresses of a name the first is asked. Internationalized names are taken as browsers do.
	Host string `yaml:"host" example:"gateway.example.org"`
	// IPProtocol is ip4 or ip6, where a name has addresses of both and one is wanted.
	IPProtocol string `yaml:"ip_protocol" example:"ip6"`
	// SourceAddress is the IP address of this machine to send from. Without, the system takes one.
	SourceAddress string `yaml:"source_address" example:"192.0.2.10"`
	// Count is how many echo requests a run sends, at most 100.
	Count int `yaml:"count" default:"3" example:"5"`
	// PacketInterval is the time from one to the next, from 10ms to 1m. Sending them takes no more than half of what the
	// run has left: it is shorter where they would not all be sent.
	PacketInterval time.Duration `yaml:"packet_interval" default:"200ms" example:"100ms"`
	// PacketTimeout is how long an answer may take, from 10ms to 1m; then it is lost. The end of the run is a limit too: a
	// short time before, what has no answer is lost.
	PacketTimeout time.Duration `yaml:"packet_timeout" default:"1s" example:"500ms"`
	// Size is how many bytes an echo request carries, from 16 to 65507, without the headers: with IPv4 these are 28 bytes,
	// with IPv6 48.
	Size int `yaml:"size" default:"56" example:"1472"`
	// DontFragment has what is too large for a network on the way fail, as a check of its MTU. It can be had on Linux only.
	DontFragment bool `yaml:"dont_fragment" default:"false"`
	// MaxLoss is how many echo requests may be left without an answer, as a share such as 20% or a number. A run with no
	// answer at all fails in any case, and without this field only such a one.
	MaxLoss amount.Count `yaml:"max_loss" example:"20%"`
	// MaxRTT is the longest that the mean of the round trips may take; zero means as long as it may.
	MaxRTT time.Duration `yaml:"max_rtt" default:"0s" example:"50ms"`
	// MaxWorstRTT is the longest that any of the round trips may take; zero means as long as it may.
	MaxWorstRTT time.Duration `yaml:"max_worst_rtt" default:"0s" example:"200ms"`
	// MaxJitter is the most that a round trip may differ from the one before, in the mean; zero means no limit.
	MaxJitter time.Duration `yaml:"max_jitter" default:"0s" example:"10ms"`
}

// Target returns the host.
func (c Config) Target() string { return target.HostLabel(c.Host) }

// New returns the check that c describes, or all mistakes in c as [healthcheck.FieldError]s. Whether the program has the
// right to send echo requests shows in the runs.
func New(c Config) (healthcheck.Checker, error) {
	var m field.Mistakes
	chk := &checker{
		open: open, count: cmp.Or(c.Count, defaultCount), size: cmp.Or(c.Size, defaultSize),
		interval: cmp.Or(c.PacketInterval, defaultInterval), timeout: cmp.Or(c.PacketTimeout, defaultTimeout),
		maxRTT: c.MaxRTT, maxWorst: c.MaxWorstRTT, maxJitter: c.MaxJitter,
	}
	chk.options.dontFragment = c.DontFragment
	c.addresses(&m, chk)
	field.Between(&m, "count", chk.count, 1, maxCount)
	field.Between(&m, "packet_interval", chk.interval, minInterval, maxDuration)
	field.Between(&m, "packet_timeout", chk.timeout, minTimeout, maxDuration)
	field.Between(&m, "size", chk.size, minSize, maxSize)
	if c.DontFragment && runtime.GOOS != "linux" {
		m.Add("dont_fragment", "can be had on Linux only")
	}
	if c.MaxLoss != "" {
		limit, err := c.MaxLoss.Limit()
		m.Check("max_loss", err)
		chk.maxLoss = &limit
	}
	m.NotNegative("max_rtt", c.MaxRTT)
	m.NotNegative("max_worst_rtt", c.MaxWorstRTT)
	m.NotNegative("max_jitter", c.MaxJitter)
	if c.MaxJitter > 0 && chk.count < 2 {
		m.Add("max_jitter", "needs a count of 2 at least")
	}
	if err := m.Err(); err != nil {
		return nil, err
	}
	return chk, nil
}

// addresses reads whom to ask, and from where.
func (c *Config) addresses(m *field.Mistakes, chk *checker) {
	var err error
	if m.Required("host", c.Host, `give a host name or an IP address, such as "gateway.example.org"`) {
		chk.host, chk.label, err = target.ParseHost(c.Host)
		m.Check("host", err)
	}
	chk.address, _ = netip.ParseAddr(chk.host)
	chk.address = chk.address.Unmap()
	chk.network = "ip"
	if c.IPProtocol != "" {
		chk.network = m.OneOf("ip_protocol", c.IPProtocol, "ip4", "ip6")
	}
	if c.SourceAddress != "" {
		source, err := netip.ParseAddr(c.SourceAddress)
		if err != nil {
			m.Add("source_address", "%.60q is not an IP address", c.SourceAddress)
			return
		}
		chk.options.source = source.Unmap()
		family := networkOf(chk.options.source)
		if chk.network != "ip" && chk.network != family {
			m.Add("source_address", "is an address of the other family than %s", chk.network)
		}
		chk.network = family
	}
	if chk.address.IsValid() && chk.network != "ip" && chk.network != networkOf(chk.address) {
		m.Add("host", "is an address of the other family than %s", chk.network)
	}
}

// networkOf returns the network of package net that an address is of.
func networkOf(a netip.Addr) string {
	if a.Is4() {
		return "ip4"
	}
	return "ip6"
}
