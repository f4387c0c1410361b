// Package udpcheck checks that who listens on a UDP port answers as it should.
package udpcheck

import (
	"slices"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/dialog"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
)

// Kind is the key of this kind of check in a configuration.
const Kind = "udp"

// The bounds and defaults of retries.
const (
	maxRetries      = 10
	defaultRetries  = 2 // a lost datagram is no outage
	minInterval     = 10 * time.Millisecond
	maxInterval     = time.Minute
	defaultInterval = time.Second
)

// Config says what to send, where, and what to expect as an answer.
type Config struct {
	// Address is a host name or IP address and a port: "ntp.example.org:123", "[2001:db8::1]:161". Of several addresses
	// of a name the first is asked. Internationalized names are taken as browsers do.
	Address string `yaml:"address" example:"ntp.example.org:123"`
	// Dialog is what to send and to expect, step by step. What a step sends is one datagram, of up to 65,507 bytes. Where
	// it expects an answer, it waits for one that matches, and passes over others, such as a late answer to an earlier
	// step. Only what comes from the address and port that was sent to counts.
	Dialog []Step `yaml:"dialog" example:"[{send_hex: 'ffffffff 54', expect_hex: 'ffffffff 49'}]"`
	// ExpectNothing is for peers that do not answer, such as collectors of logs and metrics. The run sends what is to be
	// sent, and then waits for RetryInterval, or half of the time that it has left, if that is shorter. It fails if the
	// peer's system, or one on the way, says that nobody is there (ICMP), or if an answer comes that a step rejects.
	//
	// OK means no more than that then: a firewall that drops everything, or a host that is down, looks the same.
	ExpectNothing bool `yaml:"expect_nothing" default:"false"`
	// Retries is how often the datagram of a step is sent again while no answer comes, at most 10. It is 0 by default
	// where nothing is expected.
	Retries *int `yaml:"retries" default:"2" example:"4"`
	// RetryInterval is how long to wait for an answer before the datagram is sent again, from 10ms to 1m. After the last
	// time the run waits for as long as it may.
	RetryInterval time.Duration `yaml:"retry_interval" default:"1s" example:"500ms"`
	// MaxLatency is the longest that everything together may take, but for the wait where nothing is expected; zero
	// means as long as the run may.
	MaxLatency time.Duration `yaml:"max_latency" default:"0s" example:"500ms"`
}

// Step is a part of a dialog: what to send, and what to expect of the answer.
type Step = dialog.Step

// Target returns the address.
func (c Config) Target() string { return target.AddressLabel(c.Address, "") }

// New returns the check that c describes, or all mistakes in c as [healthcheck.FieldError]s.
func New(c Config) (healthcheck.Checker, error) {
	var m field.Mistakes
	chk := &checker{maxLatency: c.MaxLatency}
	chk.dialer.Network = "udp"
	var err error
	if m.Required("address", c.Address, `give host and port, such as "ntp.example.org:123"`) {
		chk.address, err = target.ParseAddress(c.Address, "")
		m.Check("address", err)
	}
	chk.dialog = dialog.Compile(&m, "dialog", c.Dialog, dialog.Rules{Datagrams: true, Silent: c.ExpectNothing})
	switch {
	case len(c.Dialog) == 0:
		m.Add("dialog", "is missing: without a datagram nobody answers")
	case !chk.dialog.Sends():
		m.Add("dialog[0]", "sends nothing: without a datagram nobody answers")
	case !c.ExpectNothing && !slices.ContainsFunc(c.Dialog, expects):
		m.Add("dialog", "expects no answer: give expect, expect_bytes or expect_hex, or expect_nothing: true")
	}
	chk.rules = c.rules(&m)
	m.NotNegative("max_latency", c.MaxLatency)
	if err := m.Err(); err != nil {
		return nil, err
	}
	chk.secrets = chk.dialog.Secrets(c.Target())
	return chk, nil
}

func expects(s Step) bool { return s.Expect != "" || s.ExpectBytes != "" || s.ExpectHex != "" }

// rules returns how often and when datagrams are sent again.
func (c *Config) rules(m *field.Mistakes) dialog.Datagrams {
	rules := dialog.Datagrams{Retries: defaultRetries, Interval: defaultInterval}
	if c.ExpectNothing {
		rules.Retries = 0
	}
	if c.Retries != nil {
		rules.Retries = *c.Retries
		field.Between(m, "retries", rules.Retries, 0, maxRetries)
	}
	if c.RetryInterval != 0 {
		rules.Interval = c.RetryInterval
		field.Between(m, "retry_interval", rules.Interval, minInterval, maxInterval)
	}
	return rules
}
