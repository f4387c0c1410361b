// Package tcpcheck checks that a TCP port takes connections, can be spoken to over TLS, and says what it should.
package tcpcheck

import (
	"slices"
	"time"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/dialog"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
)

// Kind is the key of this kind of check in a configuration.
const Kind = "tcp"

// Config says what to connect to and what to expect there. A check that only connects needs no more than the address.
type Config struct {
	// Address is a host name or IP address and a port: "db.example.org:5432", "[2001:db8::1]:22". Internationalized
	// names are taken as browsers do.
	Address string `yaml:"address" example:"db.example.org:5432"`
	// TLS puts TLS over the connection before anything is sent. A TLSConfig implies it, unless a step of the dialog
	// begins TLS later. Where the server asks for a client certificate and the dialog expects nothing, the run waits up
	// to a second, usually a tenth, for a refusal, which comes after the handshake since TLS 1.3; that is no part of the
	// latency.
	//
	// Servers that are too old for Go's defaults: GODEBUG=tlsrsakex=1 in the environment of the program allows RSA key
	// exchange, GODEBUG=x509negativeserial=1 negative serial numbers. Renegotiation is not supported.
	TLS bool `yaml:"tls" default:"false"`
	// TLSConfig is how to speak TLS.
	TLSConfig *config.TLSConfig `yaml:"tls_config"`
	// Dialog is what to say and hear, step by step.
	Dialog []Step `yaml:"dialog" example:"[{expect: '^220 ', reject: ['^[45]']}]"`
	// MinValidity is how long the certificate chain must be valid from now on, where TLS is spoken; it is known too of one
	// that is not verified.
	MinValidity time.Duration `yaml:"min_validity" default:"0s" example:"14d"`
	// MaxLatency is the longest that everything together may take; zero means as long as the run may.
	MaxLatency time.Duration `yaml:"max_latency" default:"0s" example:"500ms"`
}

// Step is a part of a dialog: what to send, what to expect of the answer, and whether TLS begins then.
type Step = dialog.Step

// Target returns the address.
func (c Config) Target() string { return target.AddressLabel(c.Address, "") }

// SetDirectory makes relative file names relative to dir, the directory of the configuration.
func (c *Config) SetDirectory(dir string) { c.TLSConfig.SetDirectory(dir) }

// New returns the check that c describes, or all mistakes in c as [healthcheck.FieldError]s. CA files are read here,
// and again when they change.
func New(c Config) (healthcheck.Checker, error) {
	var m field.Mistakes
	chk := &checker{maxLatency: c.MaxLatency, minValidity: c.MinValidity}
	var err error
	if m.Required("address", c.Address, `give host and port, such as "db.example.org:5432"`) {
		chk.address, err = target.ParseAddress(c.Address, "")
		m.Check("address", err)
	}
	later := slices.ContainsFunc(c.Dialog, func(s Step) bool { return s.StartTLS })
	if c.TLS || c.TLSConfig != nil || later {
		source, err := certs.NewSourceOf(c.TLSConfig)
		m.Check("tls_config", err)
		if later {
			chk.later = source
		} else {
			chk.dialer.TLS = source
		}
	}
	if c.TLS && later {
		m.Add("tls", "cannot be beside a step that begins TLS: leave only one of them")
	}
	m.NotNegative("max_latency", c.MaxLatency)
	m.NotNegative("min_validity", c.MinValidity)
	if c.MinValidity > 0 && chk.later == nil && chk.dialer.TLS == nil {
		m.Add("min_validity", "needs tls, tls_config or a step that begins TLS")
	}
	chk.dialog = dialog.Compile(&m, "dialog", c.Dialog, dialog.Rules{StartTLS: true})
	if err := m.Err(); err != nil {
		return nil, err
	}
	chk.secrets = chk.dialog.Secrets(c.Target())
	return chk, nil
}
