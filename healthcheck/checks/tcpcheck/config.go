// Package tcpcheck checks that a TCP port takes connections, can be spoken to over TLS, and says what it should.
package tcpcheck

import (
	"regexp"
	"time"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// Kind is the key of this kind of check in a configuration.
const Kind = "tcp"

// Config says what to connect to and what to expect there. A check that only connects needs no more than the address.
type Config struct {
	// Address is a host name or IP address and a port: "db.example.org:5432", "[2001:db8::1]:22". Internationalized
	// names are taken as browsers do.
	Address string `yaml:"address" example:"db.example.org:5432"`
	// TLS puts TLS over the connection before anything is sent. A TLSConfig implies it. Where the server asks for a
	// client certificate and the dialog expects nothing, the run waits up to a second, usually a tenth, for a refusal,
	// which comes after the handshake since TLS 1.3; that is no part of the latency.
	//
	// Servers that are too old for Go's defaults: GODEBUG=tlsrsakex=1 in the environment of the program allows RSA key
	// exchange, GODEBUG=x509negativeserial=1 negative serial numbers. Renegotiation is not supported.
	TLS bool `yaml:"tls" default:"false"`
	// TLSConfig is how to speak TLS.
	TLSConfig *config.TLSConfig `yaml:"tls_config"`
	// Dialog is what to say and hear, step by step.
	Dialog []Step `yaml:"dialog" example:"[{expect: '^220 '}]"`
	// MaxLatency is the longest that everything together may take; zero means as long as the run may.
	MaxLatency time.Duration `yaml:"max_latency" default:"0s" example:"500ms"`
}

// Step is a part of a dialog: first send, if there is something to send, then wait for the expected answer, if any.
// In a whole dialog at most 64 KiB are read.
type Step struct {
	// Send is sent as it is: line ends, where the protocol wants them, are part of it. It never shows in details, nor
	// do its words where a peer repeats them, other than those of the expectations.
	Send string `yaml:"send" example:"QUIT\\r\\n"`
	// Expect is a regular expression for one line of the answer, without its line end. Lines that do not match are
	// passed over. What comes before the peer closes the connection is a line too.
	Expect string `yaml:"expect" example:"^220 "`
	// ExpectBytes is a regular expression for all that has come since the last answer, tried whenever there is more:
	// for prompts and for protocols without lines. A byte that is not part of UTF-8 counts as the character U+FFFD.
	ExpectBytes string `yaml:"expect_bytes" example:"login: $"`
}

// Target returns the address.
func (c Config) Target() string { return target.AddressLabel(c.Address, "") }

// SetDirectory makes relative file names relative to dir, the directory of the configuration.
func (c *Config) SetDirectory(dir string) { c.TLSConfig.SetDirectory(dir) }

// New returns the check that c describes, or all mistakes in c as [healthcheck.FieldError]s. CA files are read here,
// and again when they change.
func New(c Config) (healthcheck.Checker, error) {
	var m field.Mistakes
	chk := &checker{maxLatency: c.MaxLatency}
	var err error
	if m.Required("address", c.Address, `give host and port, such as "db.example.org:5432"`) {
		chk.address, err = target.ParseAddress(c.Address, "")
		m.Check("address", err)
	}
	if c.TLS || c.TLSConfig != nil {
		chk.dialer.TLS, err = certs.NewSourceOf(c.TLSConfig)
		m.Check("tls_config", err)
	}
	m.NotNegative("max_latency", c.MaxLatency)
	for i, s := range c.Dialog {
		chk.dialog = append(chk.dialog, compile(&m, s, field.Item("dialog", i)))
		chk.hears = chk.hears || s.Expect != "" || s.ExpectBytes != ""
	}
	if err := m.Err(); err != nil {
		return nil, err
	}
	chk.secrets = secretsOf(c)
	return chk, nil
}

// secretsOf returns what a dialog sends: passwords may be among it, and peers repeat what they do not understand.
func secretsOf(c Config) *secret.Set {
	public, sent := []string{c.Target()}, []string(nil)
	for _, s := range c.Dialog {
		public = append(public, s.Expect, s.ExpectBytes)
		if s.Send != "" {
			sent = append(sent, s.Send)
		}
	}
	if len(sent) == 0 {
		return nil
	}
	set := secret.New(public...)
	set.AddText(sent...)
	return set
}

// step is a [Step] made ready.
type step struct {
	send   []byte
	expect *regexp.Regexp // nil: nothing is expected
	bytes  bool           // expect is for bytes, not for a line
}

func compile(m *field.Mistakes, s Step, name string) step {
	out := step{send: []byte(s.Send), bytes: s.ExpectBytes != ""}
	switch {
	case s == Step{}:
		m.Add(name, "is empty: give send, expect or expect_bytes")
	case s.Expect != "" && s.ExpectBytes != "":
		m.Add(name, "has both expect and expect_bytes: make two steps of them")
	case out.bytes:
		out.expect = m.Pattern(name+".expect_bytes", s.ExpectBytes)
	default:
		out.expect = m.Pattern(name+".expect", s.Expect)
	}
	return out
}
